//! `/health`: does the node do its job?

use serde::Serialize;

use super::snapshot::{Peer, Snapshot};

/// The one word of `/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Critical peers are down that were never up, and the first round of tries is not over.
    Starting,
    /// Every critical peer is up; so it is without any.
    Healthy,
    /// A critical peer is down.
    Unhealthy,
    /// The node is shutting down.
    Draining,
}

impl Status {
    /// As it is written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Draining => "draining",
        }
    }

    /// Judges a node. `first_tries` is how many failed tries a peer has at the start before it counts as down.
    pub(crate) fn of(now: &Snapshot, first_tries: u32) -> Self {
        if now.draining {
            return Self::Draining;
        }
        let mut down = now
            .peers
            .iter()
            .filter(|peer| peer.is_critical_and_down())
            .peekable();
        if down.peek().is_none() {
            Self::Healthy
        } else if down.all(|peer| peer.counters.connects == 0 && peer.attempts < first_tries) {
            Self::Starting
        } else {
            Self::Unhealthy
        }
    }

    /// The status code of `/health`.
    pub(crate) const fn http(self) -> u16 {
        match self {
            Self::Healthy => 200,
            Self::Starting | Self::Unhealthy | Self::Draining => 503,
        }
    }
}

/// The body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health<'a> {
    status: Status,
    /// Seconds since the start.
    uptime: u64,
    peers_connected: usize,
    /// The same, under the name that other tools know.
    connected_peers: usize,
    total_peers: usize,
    critical_peers_down: Vec<&'a str>,
    timestamp: String,
    node_id: &'a str,
    version: &'static str,
    peers: Vec<PeerHealth<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PeerHealth<'a> {
    id: &'a str,
    state: &'static str,
    critical: bool,
    /// Milliseconds since something came from it.
    last_seen_ms_ago: Option<u64>,
}

impl<'a> Health<'a> {
    pub(crate) fn new(status: Status, now: &'a Snapshot, node_id: &'a str, uptime: u64) -> Self {
        let connected = now.connected();
        Self {
            status,
            uptime,
            peers_connected: connected,
            connected_peers: connected,
            total_peers: now.peers.len(),
            critical_peers_down: critical_down(now).collect(),
            timestamp: now.now.wall.to_string(),
            node_id,
            version: env!("CARGO_PKG_VERSION"),
            peers: now.peers.iter().map(PeerHealth::new).collect(),
        }
    }
}

impl<'a> PeerHealth<'a> {
    fn new(peer: &'a Peer) -> Self {
        Self {
            id: peer.id.as_str(),
            state: peer.state.as_str(),
            critical: peer.critical,
            last_seen_ms_ago: peer.last_seen_ms,
        }
    }
}

/// The ids of critical peers that are down.
pub(crate) fn critical_down(now: &Snapshot) -> impl Iterator<Item = &str> {
    now.peers
        .iter()
        .filter(|peer| peer.is_critical_and_down())
        .map(|peer| peer.id.as_str())
}
