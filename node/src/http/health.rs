//! `/health`: does the node do its job?

use std::time::Duration;

use serde::Serialize;

use super::snapshot::{Peer, Snapshot};

/// The one word of `/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Critical peers are down that were never up, and may still come; see [`Patience`].
    Starting,
    /// Every critical peer is up; so it is without any.
    Healthy,
    /// A critical peer is down.
    Unhealthy,
    /// The node is shutting down.
    Draining,
}

/// How long a node may be starting. A critical peer that was never up counts as down when one of both is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Failed tries to dial it.
    pub(crate) tries: u32,
    /// Time since the start of the node, for peers that are to dial us.
    pub(crate) time: Duration,
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

    /// Judges a node that was started so long ago.
    pub(crate) fn of(now: &Snapshot, up: Duration, patience: Patience) -> Self {
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
        } else if up < patience.time
            && down.all(|peer| peer.counters.connects == 0 && peer.attempts < patience.tries)
        {
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
    /// Why it is not healthy, for people.
    reason: Option<String>,
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
            reason: reason(status, now),
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

/// Peers that a reason tells of; of more it has the number.
const TOLD: usize = 5;

/// Why a node is not healthy, in a sentence without an end.
pub(crate) fn reason(status: Status, now: &Snapshot) -> Option<String> {
    match status {
        Status::Healthy => None,
        Status::Draining => Some("the node is shutting down".to_owned()),
        Status::Starting | Status::Unhealthy => {
            let mut down = now.peers.iter().filter(|peer| peer.is_critical_and_down());
            let mut told: Vec<String> = down.by_ref().take(TOLD).map(absence).collect();
            let more = down.count();
            if more > 0 {
                told.push(format!("and {more} more"));
            }
            Some(told.join("; "))
        }
    }
}

/// What is known of a peer that is not there.
fn absence(peer: &Peer) -> String {
    let (id, counters) = (peer.id.as_str(), &peer.counters);
    let tries = match peer.attempts {
        0 => String::new(),
        1 => " (1 try failed)".to_owned(),
        n => format!(" ({n} tries failed)"),
    };
    match (&peer.endpoint, counters.connects) {
        (Some(endpoint), 0) => format!("{id} has not been reached at {endpoint}{tries}"),
        (Some(endpoint), _) => format!("{id} is not reached any more at {endpoint}{tries}"),
        (None, 0) if counters.auth_failures > 0 => {
            format!("{id} is to dial us, and whoever did in its name failed to authenticate")
        }
        (None, 0) => format!("{id} is to dial us (it has no url) and has not"),
        (None, _) => format!("{id} is gone; it is to dial us (it has no url)"),
    }
}

/// The ids of critical peers that are down.
pub(crate) fn critical_down(now: &Snapshot) -> impl Iterator<Item = &str> {
    now.peers
        .iter()
        .filter(|peer| peer.is_critical_and_down())
        .map(|peer| peer.id.as_str())
}
