//! One neighbour: what it is owed, what is in flight to it, which link it uses, when it is dialled.
//!
//! All of it outlives links. This peers are configured ones that are either dialled or waited
//! for; the states of a discovered peer will live here too.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use btp_proto::{Answers, Dropped, Requests};
use ilp_proto::Instant;

use crate::accounts::Account;
use crate::action::LinkId;
use crate::backoff::Backoff;
use crate::complaints::Complaints;
use crate::config::{Limits, PeerConfig, Retry};
use crate::event::Direction;
use crate::forwarder::FlightKey;
use crate::stats::PeerCounters;
use crate::view::PeerState;

/// A peer by its place in the list of peers, which is sorted by id and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PeerIndex(pub(crate) u32);

/// The link that carries a peer's traffic.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) link: LinkId,
    pub(crate) direction: Direction,
    pub(crate) remote: Arc<str>,
    pub(crate) since: Instant,
}

/// The asset of an account, as packets need it: two that are equal are of one code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asset {
    /// The place of its code among all codes of the node.
    pub(crate) code: u32,
    pub(crate) scale: u8,
}

/// All that there is about a peer. In the order written here: what packets touch comes first and together, because with
/// thousands of peers each cache line of it is a miss.
#[repr(C, align(64))]
pub(crate) struct Peer {
    /// Its usable link.
    pub(crate) current: Option<Current>,
    /// PREPAREs from it that wait for their answer, and how many there may be.
    pub(crate) in_flight_in: u32,
    pub(crate) max_in_flight: u32,
    pub(crate) asset: Asset,
    /// Counts the links that carried its traffic. A flight remembers the value it left with.
    pub(crate) epoch: u32,
    /// The current link is being closed: answers still go out on it, requests do not.
    pub(crate) closing: bool,
    /// Its socket is not read because its answers back up.
    pub(crate) paused: bool,
    /// False after an explicit disconnect: it is not dialled, and refused when it dials.
    pub(crate) wanted: bool,
    /// The peer closed the link that we had chosen of two: until both are down the newer one wins.
    pub(crate) no_tie_break: bool,
    pub(crate) max_packet_amount: u64,
    pub(crate) last_seen: Option<Instant>,
    pub(crate) requests: Requests<FlightKey>,
    pub(crate) account: Account,
    pub(crate) answers: Answers,
    /// When they are looked through for those that have expired; never while there are none.
    pub(crate) watch: Instant,
    pub(crate) counters: PeerCounters,
    // from here on: what links and people need
    /// When it last took an answer.
    pub(crate) progress: Instant,
    /// Answers given up that no event has told of.
    pub(crate) untold: Dropped,
    /// How often its lost FULFILLs are told of: apart from all that it can give cause for at will.
    pub(crate) losses: Complaints,
    /// An authenticated link that lost the tie-break and is closed soon, unless the current one goes first.
    pub(crate) spare: Option<LinkId>,
    /// The last link that was replaced or broke the protocol; it may still be closing, or gone.
    pub(crate) retired: Option<LinkId>,
    /// The current link ends because the peer has given it to somebody else with our id.
    pub(crate) displaced: bool,
    /// A link that we dial or that waits for the answer to our auth.
    pub(crate) dialing: Option<LinkId>,
    pub(crate) backoff: Backoff,
    pub(crate) complaints: Complaints,
    pub(crate) config: PeerConfig,
}

impl Peer {
    pub(crate) fn new(
        config: PeerConfig,
        limits: &Limits,
        retry: &Retry,
        seed: u64,
        now: Instant,
    ) -> Self {
        Self {
            requests: Requests::new(config.max_in_flight, seed),
            answers: Answers::new(limits.max_answer_buffer.saturating_mul(2)),
            account: Account::new(config.max_balance),
            counters: PeerCounters::default(),
            complaints: Complaints::of_peer(now),
            losses: Complaints::of_peer(now),
            watch: Instant::MAX,
            current: None,
            spare: None,
            retired: None,
            displaced: false,
            closing: false,
            dialing: None,
            no_tie_break: false,
            epoch: 0,
            in_flight_in: 0,
            last_seen: None,
            backoff: Backoff::new(retry.clone()),
            wanted: true,
            paused: false,
            progress: now,
            untold: Dropped::default(),
            // as many as `Requests` takes the other way: 2^16
            max_in_flight: config.max_in_flight.min(Requests::<()>::MAX_LIMIT) as u32,
            max_packet_amount: config.max_packet_amount.unwrap_or(u64::MAX),
            asset: Asset::default(),
            config,
        }
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.current.is_some()
    }

    /// Whether a PREPARE can be sent to it.
    #[inline]
    pub(crate) const fn is_usable(&self) -> bool {
        self.current.is_some() && !self.closing
    }

    #[inline]
    pub(crate) fn link(&self) -> Option<LinkId> {
        self.current.as_ref().map(|current| current.link)
    }

    /// True when nothing connects us and nothing is being done about it.
    pub(crate) const fn is_idle(&self) -> bool {
        self.current.is_none() && self.dialing.is_none()
    }

    pub(crate) const fn state(&self) -> PeerState {
        if self.current.is_some() {
            PeerState::Connected
        } else if self.dialing.is_some() {
            PeerState::Connecting
        } else if self.wanted && self.config.endpoint.is_some() && self.backoff.failures() > 0 {
            PeerState::Error
        } else {
            PeerState::Disconnected
        }
    }
}

/// All peers of a node, by index.
pub(crate) struct Peers(Vec<Peer>);

impl Peers {
    /// The peers must be sorted by id.
    pub(crate) fn new(mut sorted: Vec<Peer>) -> Self {
        debug_assert!(sorted.is_sorted_by(|a, b| a.config.id < b.config.id));
        let mut codes = BTreeMap::new();
        for peer in &mut sorted {
            let asset = &peer.config.asset;
            // no more codes than peers
            let next = u32::try_from(codes.len()).unwrap_or(u32::MAX);
            peer.asset = Asset {
                code: *codes.entry(asset.code.clone()).or_insert(next),
                scale: asset.scale,
            };
        }
        Self(sorted)
    }

    pub(crate) fn find(&self, id: &str) -> Option<PeerIndex> {
        let found = self
            .0
            .binary_search_by(|peer| peer.config.id.as_str().cmp(id))
            .ok()?;
        Some(index(found))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PeerIndex, &Peer)> + Clone {
        self.0
            .iter()
            .enumerate()
            .map(|(at, peer)| (index(at), peer))
    }

    pub(crate) fn indices(&self) -> impl Iterator<Item = PeerIndex> + use<> {
        (0..self.0.len()).map(index)
    }
}

fn index(at: usize) -> PeerIndex {
    // a node has far fewer than 2^32 peers: each takes more than a byte of configuration
    PeerIndex(u32::try_from(at).unwrap_or(u32::MAX))
}

impl Index<PeerIndex> for Peers {
    type Output = Peer;

    #[inline]
    fn index(&self, peer: PeerIndex) -> &Peer {
        &self.0[peer.0 as usize]
    }
}

impl IndexMut<PeerIndex> for Peers {
    #[inline]
    fn index_mut(&mut self, peer: PeerIndex) -> &mut Peer {
        &mut self.0[peer.0 as usize]
    }
}
