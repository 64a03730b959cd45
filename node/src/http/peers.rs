//! `/peers`: who they are, where they stand, what they owe and are owed, what was counted.

use std::fmt::Display;

use ilp_router::Direction;
use ilp_router::config::Endpoint;
use ilp_router::stats::PeerCounters;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::snapshot::{Peer, Snapshot};

/// The body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Peers<'a> {
    node_id: &'a str,
    address: &'a str,
    peers: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    id: &'a str,
    state: &'static str,
    relation: &'static str,
    critical: bool,
    /// Where we dial it.
    #[serde(serialize_with = "shown_or_null")]
    url: Option<&'a Endpoint>,
    /// Who opened the link.
    direction: Option<&'static str>,
    /// The other end of the link.
    remote: Option<&'a str>,
    connected_for_ms: Option<u64>,
    last_seen_ms_ago: Option<u64>,
    /// Failed tries since it was last connected.
    attempts: u32,
    in_flight: InFlight,
    answer_bytes: usize,
    account: Books<'a>,
    counters: Counters<'a>,
}

#[derive(Serialize)]
struct InFlight {
    from: usize,
    to: usize,
}

/// Amounts are strings: readers of JSON round numbers above 2^53.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Books<'a> {
    asset_code: &'a str,
    asset_scale: u8,
    /// What it owes us less what we owe it.
    #[serde(serialize_with = "shown")]
    balance: i128,
    #[serde(serialize_with = "shown_or_null")]
    max_balance: Option<u64>,
    #[serde(serialize_with = "shown")]
    receivable: u128,
    #[serde(serialize_with = "shown")]
    payable: u128,
    #[serde(serialize_with = "shown")]
    held_incoming: u128,
    #[serde(serialize_with = "shown")]
    held_outgoing: u128,
}

impl<'a> Peers<'a> {
    pub(crate) fn new(now: &'a Snapshot, node_id: &'a str) -> Self {
        Self {
            node_id,
            address: &now.address,
            peers: now.peers.iter().map(Entry::new).collect(),
        }
    }
}

impl<'a> Entry<'a> {
    fn new(peer: &'a Peer) -> Self {
        Self {
            id: peer.id.as_str(),
            state: peer.state.as_str(),
            relation: peer.relation.as_str(),
            critical: peer.critical,
            url: peer.endpoint.as_ref(),
            direction: peer.direction.map(|direction| match direction {
                Direction::Dialed => "dialed",
                Direction::Accepted => "accepted",
            }),
            remote: peer.remote.as_deref(),
            connected_for_ms: peer.connected_ms,
            last_seen_ms_ago: peer.last_seen_ms,
            attempts: peer.attempts,
            in_flight: InFlight {
                from: peer.in_flight_in,
                to: peer.in_flight_out,
            },
            answer_bytes: peer.answer_bytes,
            account: Books {
                asset_code: &peer.asset.code,
                asset_scale: peer.asset.scale,
                balance: peer.account.balance(),
                max_balance: peer.account.max_balance(),
                receivable: peer.account.receivable(),
                payable: peer.account.payable(),
                held_incoming: peer.account.held_incoming(),
                held_outgoing: peer.account.held_outgoing(),
            },
            counters: Counters(&peer.counters),
        }
    }
}

struct Counters<'a>(&'a PeerCounters);

impl Serialize for Counters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let c = self.0;
        let all = [
            ("preparesIn", c.prepares_in),
            ("preparesOut", c.prepares_out),
            ("fulfillsIn", c.fulfills_in),
            ("fulfillsOut", c.fulfills_out),
            ("rejectsIn", c.rejects_in),
            ("rejectsOut", c.rejects_out),
            ("expired", c.expired),
            ("badFulfillments", c.bad_fulfillments),
            ("lateAnswers", c.late_answers),
            ("droppedAnswers", c.dropped_answers),
            ("droppedFulfills", c.dropped_fulfills),
            ("messagesIn", c.messages_in),
            ("messagesOut", c.messages_out),
            ("bytesIn", c.bytes_in),
            ("bytesOut", c.bytes_out),
            ("unreadable", c.unreadable),
            ("btpErrors", c.btp_errors),
            ("connects", c.connects),
            ("disconnects", c.disconnects),
            ("dialFailures", c.dial_failures),
            ("authFailures", c.auth_failures),
        ];
        let mut map = serializer.serialize_map(Some(all.len() + 1))?;
        for (name, count) in all {
            map.serialize_entry(name, &count)?;
        }
        // an amount, so a string
        map.serialize_entry("droppedAmount", &c.dropped_amount.to_string())?;
        map.end()
    }
}

fn shown<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn shown_or_null<S: Serializer>(
    value: &Option<impl Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
