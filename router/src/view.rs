//! What a [`Connector`](crate::Connector) shows of itself, for `/peers`, `/routes` and `/health`.

use alloc::sync::Arc;

use ilp_proto::Instant;

use crate::accounts::Account;
use crate::config::{PeerConfig, PeerId};
use crate::event::Direction;
use crate::stats::PeerCounters;

/// Where a peer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerState {
    /// No link, and none being made: it waits for the peer to dial, or was disconnected for good.
    Disconnected,
    /// A link is being dialled or is authenticating.
    Connecting,
    /// It has a usable link.
    Connected,
    /// The last try failed; the next one is scheduled.
    Error,
}

impl PeerState {
    /// `disconnected`, `connecting`, `connected` or `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Error => "error",
        }
    }
}

/// One peer as it is now; borrowed from the connector.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeerView<'a> {
    /// What was configured (its `Debug` shows no secret).
    pub config: &'a PeerConfig,
    /// Where it stands.
    pub state: PeerState,
    /// Of the usable link: who opened it.
    pub direction: Option<Direction>,
    /// Of the usable link: its URL, or where it came from.
    pub remote: Option<Arc<str>>,
    /// Since when it is connected.
    pub since: Option<Instant>,
    /// When something last came from it.
    pub last_seen: Option<Instant>,
    /// Failed tries since it was last connected.
    pub attempts: u32,
    /// PREPAREs from it that have no answer yet.
    pub in_flight_in: usize,
    /// PREPAREs to it that have no answer yet.
    pub in_flight_out: usize,
    /// Bytes of answers that wait for it.
    pub answer_bytes: usize,
    /// What it owes and is owed.
    pub account: &'a Account,
    /// Its counts.
    pub counters: &'a PeerCounters,
}

/// One line of the routing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteView<'a> {
    /// Addresses it covers.
    pub prefix: &'a str,
    /// The neighbour they go to.
    pub next_hop: &'a PeerId,
    /// Lower is preferred.
    pub priority: u32,
    /// Whether the neighbour has a usable link.
    pub up: bool,
}

/// The way of packets to one address; from [`Connector::way`](crate::Connector::way).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way<'a> {
    /// It is the node's own address: echo requests are answered, all else is F02.
    Here,
    /// F02.
    Nowhere {
        /// The message of the reject.
        why: &'static str,
    },
    /// To a neighbour.
    Hop {
        /// The longest prefix that covers the address.
        prefix: &'a str,
        /// The first usable next hop in order of preference, or the most preferred if none is.
        next_hop: &'a PeerId,
        /// False: T01.
        up: bool,
    },
}
