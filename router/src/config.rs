//! What a [`Connector`](crate::Connector) is told at its birth: who it is, whom it knows, what it may use.
//!
//! Everything here is plain data. The node reads it from YAML and the environment; a simulator writes
//! it by hand. [`Connector::new`](crate::Connector::new) refuses what contradicts itself.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use btp_proto::Secret;
use ilp_proto::{Address, Prefix};
use thiserror::Error;

use crate::accounts::PeerAsset;

/// The name of a neighbour: one address segment, `[A-Za-z0-9_~-]{1,64}`.
///
/// It is what the neighbour authenticates as and its label in logs. Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(Arc<str>);

impl PeerId {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 64;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PeerId {
    type Err = PeerIdError;

    fn from_str(text: &str) -> Result<Self, PeerIdError> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(PeerIdError::Length(text.len()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '~' | '-');
        match text.chars().find(|&c| !allowed(c)) {
            Some(c) => Err(PeerIdError::Character(c)),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no [`PeerId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PeerIdError {
    /// Empty or longer than [`PeerId::MAX_LEN`].
    #[error("a peer id has 1 to 64 characters, this one has {0}")]
    Length(usize),
    /// A character that an address segment may not hold.
    #[error("a peer id is made of letters, digits, '_', '~' and '-'; {0:?} is none of them")]
    Character(char),
}

/// No peer has this id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Peer not found: {0}")]
pub struct UnknownPeer(pub PeerId);

/// Where a peer listens. Printing it leaves the query out, where some put a token: it may be printed anywhere.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `wss` instead of `ws`.
    pub tls: bool,
    /// Host name or IP address; an IPv6 address without its brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query of the upgrade request; starts with `/`.
    pub path: String,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        // some put a token into the query
        let path = match self.path.split_once('?') {
            Some((path, _)) => (path, "?***"),
            None => (self.path.as_str(), ""),
        };
        let path = match path {
            ("/", "") => ("", ""),
            other => other,
        };
        if self.host.contains(':') {
            write!(
                f,
                "{scheme}://[{}]:{}{}{}",
                self.host, self.port, path.0, path.1
            )
        } else {
            write!(
                f,
                "{scheme}://{}:{}{}{}",
                self.host, self.port, path.0, path.1
            )
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// What a neighbour is to us. It decides who asks whom for an address (RFC-0031).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Relation {
    /// An equal.
    #[default]
    Peer,
    /// Gets its address from us: `<our address>.<peer id>`, and the route to it.
    Child,
    /// We get our address from it.
    Parent,
}

impl Relation {
    /// `peer`, `child` or `parent`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Child => "child",
            Self::Parent => "parent",
        }
    }
}

/// One configured neighbour.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its name; unique in a node.
    pub id: PeerId,
    /// Where we dial it; `None` waits for it to dial us.
    pub endpoint: Option<Endpoint>,
    /// The secret both directions use, not empty; `None` lets it in without one (`noAuth: true`).
    pub secret: Option<Secret>,
    /// What we send as `auth_username` when we dial, usually our [node id](Config::node_id); `None` leaves the entry out,
    /// and the peer has to know us by our secret alone or by the path that we dial.
    pub username: Option<String>,
    /// What it is to us.
    pub relation: Relation,
    /// The asset of the account we hold with it.
    pub asset: PeerAsset,
    /// Largest amount of one PREPARE from it, in its asset; beyond: F08.
    pub max_packet_amount: Option<u64>,
    /// What it may owe us, packets in flight included, in its asset; beyond: T04. It counts from zero in every life of the
    /// connector.
    pub max_balance: Option<u64>,
    /// Packets in flight from it, and as many to it; beyond: T03. More than 65,536 count as 65,536.
    pub max_in_flight: usize,
    /// Whether `/health` is bad while it is down. A [`Connector`](crate::Connector) only shows it to those who ask for its
    /// [peers](crate::Connector::peers).
    pub critical: bool,
}

impl PeerConfig {
    /// An equal that we wait for and that needs this secret: in USD with nine digits, without limits to amounts, with 4,096
    /// packets in flight each way, and critical. Without a [`username`](Self::username): set one if you have us dial it.
    #[must_use]
    pub fn new(id: PeerId, secret: Secret) -> Self {
        Self {
            id,
            endpoint: None,
            secret: Some(secret),
            username: None,
            relation: Relation::Peer,
            asset: PeerAsset {
                code: "USD".into(),
                scale: 9,
            },
            max_packet_amount: None,
            max_balance: None,
            max_in_flight: 4_096,
            critical: true,
        }
    }
}

/// A line of the routing table as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    /// Addresses it covers: an address, a bare scheme, or empty for all.
    pub prefix: Prefix,
    /// The neighbour that such packets go to.
    pub next_hop: PeerId,
    /// Lower is preferred.
    pub priority: u32,
}

/// What becomes of our requests when the link that carried them goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDisconnect {
    /// Wait until they expire: the peer may fulfil them on its next link and be owed for it.
    #[default]
    Hold,
    /// Answer T01 at once. A fulfilment that comes later is lost money.
    Reject,
}

/// Bounds on what a node holds. Each is reached with an answer (T03) or a refusal, never with a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Packets in flight in the whole node. Default 65,536.
    pub max_in_flight: usize,
    /// Bytes of unsent requests per link; beyond: T03. Default 1 MiB.
    pub max_send_buffer: usize,
    /// Bytes of unsent answers per peer; beyond, its socket is not read. Default 4 MiB.
    pub max_answer_buffer: usize,
    /// Bytes of one WebSocket message, default 64 KiB. The driver holds its sockets to it and reports
    /// [`CloseReason::TooLarge`](crate::CloseReason::TooLarge); what comes here all the same counts as unreadable.
    pub max_message: usize,
    /// Accepted links that have not authenticated yet. Default 256.
    pub max_unauthenticated: usize,
    /// The same from one remote address (IPv6: one /64). Default 16.
    pub max_unauthenticated_per_address: usize,
    /// Events kept for [`poll_event`](crate::Connector::poll_event); what does not fit is counted, but what tells of lost FULFILLs
    /// waits, once for each peer. Default 4,096.
    pub event_ring: usize,
    /// Unreadable frames within [`Limits::unreadable_window`] that close a link with 1002; 0 counts as 1. Default 3.
    pub max_unreadable: u32,
    /// The window of [`Limits::max_unreadable`]. Default 60 s.
    pub unreadable_window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_in_flight: 65_536,
            max_send_buffer: 1 << 20,
            max_answer_buffer: 4 << 20,
            max_message: 64 << 10,
            max_unauthenticated: 256,
            max_unauthenticated_per_address: 16,
            event_ring: 4_096,
            max_unreadable: 3,
            unreadable_window: Duration::from_secs(60),
        }
    }
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Dialling: DNS, TCP, TLS and the WebSocket upgrade together. Default 5 s.
    pub connect: Duration,
    /// Dialling: from the upgrade to the answer to our auth frame. Default 5 s.
    pub auth: Duration,
    /// Accepting: from the TCP accept to a good auth frame. Default 10 s.
    pub handshake: Duration,
    /// Silence after which a ping is sent; zero turns keepalive off. Default 30 s.
    pub keepalive_interval: Duration,
    /// Further silence after which a link is dead. Default 10 s.
    pub keepalive: Duration,
    /// How long a peer may leave more than [`Limits::max_answer_buffer`] unread without any progress. Default 30 s.
    pub stall: Duration,
    /// From our Close frame to dropping the socket. Default 1 s.
    pub close: Duration,
    /// How long a drain waits for packets in flight. Default 8 s.
    pub shutdown: Duration,
    /// By how much an outgoing PREPARE expires before the incoming one; what has no more than this left gets R02.
    /// Default 1 s.
    pub expiry_margin: Duration,
    /// The longest we hold a packet: an outgoing PREPARE expires no later than this from now. Default 30 s.
    pub max_hold: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            auth: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            close: Duration::from_secs(1),
            shutdown: Duration::from_secs(8),
            expiry_margin: Duration::from_secs(1),
            max_hold: Duration::from_secs(30),
        }
    }
}

/// When a lost or refused peer is dialled again: `initial`, doubled up to `max`, `tries` times, then
/// a pause, then from the start, for ever. Each delay is shortened by up to `jitter` percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first delay. Default 1 s; zero dials again as fast as dials fail.
    pub initial: Duration,
    /// The longest delay. Default 16 s.
    pub max: Duration,
    /// Tries before the pause. Default 5.
    pub tries: u32,
    /// The pause. Default 60 s.
    pub pause: Duration,
    /// Percent, 0 to 100, by which a delay may be shortened; more counts as 100. Default 20.
    pub jitter: u8,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(16),
            tries: 5,
            pause: Duration::from_secs(60),
            jitter: 20,
        }
    }
}

/// All that a [`Connector`](crate::Connector) is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Label of the node in logs, and the tie-breaker when two nodes dial each other: for that it must be what the peers
    /// call us.
    pub node_id: String,
    /// Our ILP address; a placeholder while [`Config::address_from_parent`] is unanswered.
    pub address: Address,
    /// Take the address that the one parent gives (RFC-0031) in place of [`Config::address`].
    pub address_from_parent: bool,
    /// The neighbours.
    pub peers: Vec<PeerConfig>,
    /// The static routes. A child's own route is added by itself.
    pub routes: Vec<RouteConfig>,
    /// What becomes of requests on a link that is lost.
    pub on_disconnect: OnDisconnect,
    /// Bounds.
    pub limits: Limits,
    /// Durations.
    pub timeouts: Timeouts,
    /// The retry schedule.
    pub retry: Retry,
}

impl Config {
    /// A node that knows nobody, with the default bounds and times.
    #[must_use]
    pub fn new(node_id: &str, address: Address) -> Self {
        Self {
            node_id: node_id.into(),
            address,
            address_from_parent: false,
            peers: Vec::new(),
            routes: Vec::new(),
            on_disconnect: OnDisconnect::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
        }
    }
}

/// What contradicts itself in a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Two peers of one id.
    #[error("two peers are called {0}")]
    DuplicatePeer(PeerId),
    /// A route to nobody.
    #[error("the route to {prefix:?} names {next_hop} as next hop, which is no peer")]
    UnknownNextHop {
        /// The route.
        prefix: Prefix,
        /// Its next hop.
        next_hop: PeerId,
    },
    /// More than one parent, or an address to be taken from a parent that is not there.
    #[error("an address can be taken from exactly one parent, there are {0}")]
    Parents(usize),
    /// A peer with a secret that anybody knows: the empty one.
    #[error("the secret of peer {0} is empty")]
    EmptySecret(PeerId),
    /// A child whose address would be longer than 1,023 bytes.
    #[error("the address of child {0} would be longer than 1,023 bytes")]
    ChildAddress(PeerId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn shown(path: &str) -> String {
        let endpoint = Endpoint {
            tls: true,
            host: "h".into(),
            port: 1,
            path: path.into(),
        };
        assert_eq!(format!("{endpoint:?}"), format!("Endpoint({endpoint})"));
        format!("{endpoint}")
    }

    #[test]
    fn an_endpoint_is_shown_without_its_query() {
        assert_eq!(shown("/"), "wss://h:1");
        assert_eq!(shown("/a"), "wss://h:1/a");
        assert_eq!(shown("/?token=s3cret"), "wss://h:1/?***");
        assert_eq!(shown("/a?token=s3cret"), "wss://h:1/a?***");
    }

    #[test]
    fn a_peer_id_is_one_segment_of_an_address() {
        assert_eq!("a~B_9-".parse::<PeerId>().unwrap().as_str(), "a~B_9-");
        assert_eq!("".parse::<PeerId>(), Err(PeerIdError::Length(0)));
        assert_eq!("a.b".parse::<PeerId>(), Err(PeerIdError::Character('.')));
        let long = "x".repeat(65);
        assert_eq!(long.parse::<PeerId>(), Err(PeerIdError::Length(65)));
    }
}
