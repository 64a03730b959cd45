//! What the answers are made of: a copy of the connector's numbers, taken in one go.
//!
//! The connector is locked for the copy alone, so that printing never holds up a packet.

use std::sync::Arc;

use ilp_proto::Now;
use ilp_router::accounts::{Account, PeerAsset};
use ilp_router::config::{Endpoint, PeerId, Relation};
use ilp_router::stats::{PeerCounters, Stats};
use ilp_router::{Connector, Direction, PeerState, PeerView};
use ilp_runtime::tls::TlsCertificate;

/// Lends the connector for a look at it.
pub(crate) trait Inspect: Send + Sync + 'static {
    /// Calls `look` once, with the connector locked; so be quick.
    fn inspect(&self, look: &mut dyn FnMut(&Connector));

    /// The certificates that the node shows now.
    fn certificates(&self) -> Vec<TlsCertificate> {
        Vec::new()
    }
}

/// The connector's numbers at one moment.
pub(crate) struct Snapshot {
    pub(crate) now: Now,
    pub(crate) address: String,
    pub(crate) draining: bool,
    /// Packets in flight that the node takes.
    pub(crate) max_in_flight: usize,
    pub(crate) stats: Stats,
    /// By id.
    pub(crate) peers: Vec<Peer>,
    pub(crate) certificates: Vec<TlsCertificate>,
}

/// One peer of a [`Snapshot`]; see [`PeerView`].
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) critical: bool,
    pub(crate) relation: Relation,
    pub(crate) asset: PeerAsset,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) state: PeerState,
    pub(crate) direction: Option<Direction>,
    pub(crate) remote: Option<Arc<str>>,
    /// For how long it has been connected, in milliseconds.
    pub(crate) connected_ms: Option<u64>,
    /// How long ago something came from it, in milliseconds.
    pub(crate) last_seen_ms: Option<u64>,
    pub(crate) attempts: u32,
    pub(crate) in_flight_in: usize,
    pub(crate) in_flight_out: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) answer_bytes: usize,
    pub(crate) account: Account,
    pub(crate) counters: PeerCounters,
}

impl Snapshot {
    /// Copies what there is.
    pub(crate) fn take(connector: &Connector, now: Now) -> Self {
        Self {
            now,
            address: connector.address().to_string(),
            draining: connector.is_draining(),
            max_in_flight: connector.limits().max_in_flight,
            stats: connector.stats().clone(),
            peers: connector
                .peers()
                .map(|view| Peer::copy(&view, now))
                .collect(),
            certificates: Vec::new(),
        }
    }

    /// How many peers have a usable link.
    pub(crate) fn connected(&self) -> usize {
        self.peers.iter().filter(|peer| peer.is_connected()).count()
    }
}

impl Peer {
    fn copy(view: &PeerView<'_>, now: Now) -> Self {
        let ago = |then| {
            let ago = now.mono.saturating_duration_since(then);
            u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)
        };
        Self {
            id: view.config.id.clone(),
            critical: view.config.critical,
            relation: view.config.relation,
            asset: view.config.asset.clone(),
            endpoint: view.config.endpoint.clone(),
            state: view.state,
            direction: view.direction,
            remote: view.remote.clone(),
            connected_ms: view.since.map(ago),
            last_seen_ms: view.last_seen.map(ago),
            attempts: view.attempts,
            in_flight_in: view.in_flight_in,
            in_flight_out: view.in_flight_out,
            max_in_flight: view.config.max_in_flight,
            answer_bytes: view.answer_bytes,
            account: view.account.clone(),
            counters: view.counters.clone(),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state == PeerState::Connected
    }

    /// Whether `/health` has to complain about it.
    pub(crate) fn is_critical_and_down(&self) -> bool {
        self.critical && !self.is_connected()
    }
}
