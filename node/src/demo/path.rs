//! The way of one packet, as the nodes on it tell it.

use std::time::Duration;

use ilp_proto::{ErrorCode, PacketId, Timestamp};
use ilp_router::{Event, Source};

use crate::tools::text::{Align, grouped, ms, table};

/// The nodes that it should pass, in order.
const WAY: [&str; 3] = ["a", "b", "c"];

/// What is known of the way.
#[derive(Debug)]
pub(super) struct Path {
    packet: PacketId,
    /// What the sender sent.
    sent: Arrival,
    hops: [Hop; WAY.len()],
    arrived: Option<Arrival>,
}

/// A packet where it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) amount: u64,
    pub(super) expires_at: Timestamp,
}

/// What one node said.
#[derive(Clone, Debug, Default)]
struct Hop {
    received: Option<(String, Arrival)>,
    route: Option<String>,
    forwarded: Option<(String, u64)>,
    answered: Option<(Option<ErrorCode>, Duration)>,
}

impl Path {
    /// Nothing is known yet but what the sender sends.
    pub(super) fn new(packet: PacketId, amount: u64, expires_at: Timestamp) -> Self {
        let sent = Arrival { amount, expires_at };
        Self {
            packet,
            sent,
            hops: Default::default(),
            arrived: None,
        }
    }

    /// Takes note of what `node` says, if it is about this packet.
    pub(super) fn add(&mut self, node: &str, event: &Event) {
        let Some(at) = WAY.iter().position(|&name| name == node) else {
            return;
        };
        let hop = &mut self.hops[at];
        match event {
            Event::PacketReceived {
                source,
                packet,
                amount,
                expires_at,
                ..
            } if *packet == self.packet => {
                let from = match source {
                    Source::Peer(peer) => peer.to_string(),
                    Source::Local => "itself".to_owned(),
                };
                hop.received = Some((
                    from,
                    Arrival {
                        amount: *amount,
                        expires_at: *expires_at,
                    },
                ));
            }
            Event::RouteLookup {
                packet,
                matched: Some(prefix),
                ..
            } if *packet == self.packet => {
                let prefix = if prefix.is_empty() {
                    "(default)"
                } else {
                    prefix
                };
                hop.route = Some(prefix.to_owned());
            }
            Event::PacketForwarded {
                packet,
                next_hop,
                amount,
                ..
            } if *packet == self.packet => {
                hop.forwarded = Some((next_hop.to_string(), *amount));
            }
            Event::PacketAnswered {
                packet, code, took, ..
            } if *packet == self.packet => {
                hop.answered = Some((*code, *took));
            }
            _ => {}
        }
    }

    /// What the receiver got.
    pub(super) const fn arrived(&mut self, arrival: Option<Arrival>) {
        self.arrived = arrival;
    }

    /// Whether every node has told its whole part.
    pub(super) fn is_complete(&self) -> bool {
        self.hops
            .iter()
            .all(|hop| hop.received.is_some() && hop.forwarded.is_some() && hop.answered.is_some())
    }

    /// A line per node.
    pub(super) fn table(&self) -> String {
        let head = [
            "at",
            "from",
            "amount",
            "expires (UTC)",
            "by route",
            "to",
            "answer after",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        for (node, hop) in WAY.iter().zip(&self.hops) {
            let from = hop.received.as_ref().map(|(from, _)| from.clone());
            let arrival = hop.received.as_ref().map(|(_, arrival)| *arrival);
            let to = hop.forwarded.as_ref().map(|(to, _)| to.clone());
            let answered = hop.answered.map(|(_, took)| ms(took));
            let [amount, expires] = shown(arrival);
            let unknown = Option::unwrap_or_default;
            rows.push([
                (*node).to_owned(),
                unknown(from),
                amount,
                expires,
                unknown(hop.route.clone()),
                unknown(to),
                unknown(answered),
            ]);
        }
        let [amount, expires] = shown(self.arrived);
        let none = String::new;
        rows.push([
            "receiver".into(),
            "c".into(),
            amount,
            expires,
            none(),
            none(),
            none(),
        ]);
        let (left, right) = (Align::Left, Align::Right);
        table(2, [left, left, right, right, left, left, right], &rows)
    }

    /// What is not as it should be.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut before = self.sent;
        let mut check = |what: &str, at: &str, arrival: Option<Arrival>, first: bool| {
            let Some(arrival) = arrival else {
                failures.push(format!("{at} did not tell that the packet {what}"));
                return;
            };
            if arrival.amount != before.amount {
                failures.push(format!(
                    "the amount is {} at {at}, {} before it",
                    arrival.amount, before.amount
                ));
            }
            let good = if first {
                arrival.expires_at == before.expires_at
            } else {
                arrival.expires_at < before.expires_at
            };
            if !good {
                failures.push(format!(
                    "the packet expires at {} at {at}, {} before it",
                    arrival.expires_at, before.expires_at
                ));
            }
            before = arrival;
        };
        for (at, (node, hop)) in WAY.iter().zip(&self.hops).enumerate() {
            let arrival = hop.received.as_ref().map(|(_, arrival)| *arrival);
            check("came in", node, arrival, at == 0);
        }
        check("came in", "the receiver", self.arrived, false);
        for (node, hop) in WAY.iter().zip(&self.hops) {
            if hop.forwarded.is_none() {
                failures.push(format!("{node} did not tell that the packet went on"));
            }
            match hop.answered {
                Some((None, _)) => {}
                Some((Some(code), _)) => failures.push(format!("{node} answered with {code}")),
                None => failures.push(format!("{node} did not tell of an answer")),
            }
        }
        failures
    }
}

/// Amount and time of day.
fn shown(arrival: Option<Arrival>) -> [String; 2] {
    let Some(Arrival { amount, expires_at }) = arrival else {
        return Default::default();
    };
    let time = expires_at.to_string();
    let time_of_day = time.get(11..23).unwrap_or(&time).to_owned();
    [grouped(amount), time_of_day]
}

#[cfg(test)]
mod tests;
