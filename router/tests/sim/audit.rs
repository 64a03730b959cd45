//! The invariants that look into a connector: its bounds, its books, and that it is idle when it should be.

use std::collections::BTreeMap;

use ilp_router::{Connector, PeerState};

use super::world::World;

/// What a connector shows of one neighbour, and what the referee has in its books about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub receivable: u128,
    pub payable: u128,
}

/// What a node is owed and owes in one currency, in units of the finest scale.
#[derive(Default)]
struct Total {
    receivable: u128,
    payable: u128,
}

/// Bytes on the heap that one neighbour may cost when nothing is under way, its share of its node and of the simulation
/// included: most of it is the table of requests to it, which keeps the size that it once had.
pub const IDLE_PEER: usize = 64 << 10;

/// What a node may hold at most, and does.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub what: &'static str,
    pub is: usize,
    pub most: usize,
}

impl World {
    /// Invariant 5 as far as it can be seen at a glance: after everything that a node was told.
    pub(super) fn check_bounds(&mut self, node: u32) {
        let Some(connector) = &self.nodes[node as usize].connector else {
            return;
        };
        let limits = connector.limits();
        let peers = self.nodes[node as usize].seats.len();
        let held = [
            Held {
                what: "packets in flight",
                is: connector.in_flight(),
                most: limits.max_in_flight,
            },
            // beside the ring one for each peer, of lost FULFILLs
            Held {
                what: "events",
                is: connector.pending_events(),
                most: limits.event_ring + peers,
            },
            // of each peer one in use, one that is spare, one that closes, one that is dialled
            Held {
                what: "links",
                is: connector.open_links(),
                most: 4 * peers + limits.max_unauthenticated,
            },
        ];
        self.within(node, &held);
    }

    /// Invariant 5: nothing is more than its bound.
    pub fn within(&mut self, node: u32, held: &[Held]) {
        for Held { what, is, most } in held.iter().copied().filter(|held| held.is > held.most) {
            self.checker
                .fail(5, node, || format!("at most {most} {what}; there are {is}"));
        }
    }

    /// Invariants 3 and 5, of each peer of a node.
    pub fn audit(&mut self, node: u32) {
        let entry = &self.nodes[node as usize];
        let Some(connector) = &entry.connector else {
            return;
        };
        let limits = connector.limits();
        let mut totals = BTreeMap::<&str, Total>::new();
        for (view, &seat) in connector.peers().zip(&entry.seats) {
            let most = view.config.max_in_flight;
            let held = [
                Held {
                    what: "packets in flight from a peer",
                    is: view.in_flight_in,
                    most,
                },
                Held {
                    what: "packets in flight to a peer",
                    is: view.in_flight_out,
                    most,
                },
                Held {
                    what: "bytes of answers",
                    is: view.answer_bytes,
                    most: 2 * limits.max_answer_buffer,
                },
            ];
            if let Some(Held { what, is, most }) = held.into_iter().find(|held| held.is > held.most)
            {
                return self.checker.fail(5, node, || {
                    format!("at most {most} {what} (seat {seat}); there are {is}")
                });
            }
            let books = self.checker.books(seat);
            let expected = Account {
                receivable: books.receivable,
                payable: books.payable,
            };
            let shown = Account {
                receivable: view.account.receivable(),
                payable: view.account.payable(),
            };
            if let Some(what) = compare(expected, shown) {
                return self
                    .checker
                    .fail(3, node, || format!("{what} (seat {seat})"));
            }
            let asset = self.plan.terms[seat as usize].asset;
            let total = totals.entry(asset.code).or_default();
            total.receivable += asset.value(shown.receivable);
            total.payable += asset.value(shown.payable);
            let owes = view.account.balance() + view.account.held_incoming() as i128;
            if let Some(limit) = over(view.config.max_balance, owes) {
                return self.checker.fail(3, node, || {
                    format!("with what is in flight a neighbour owes at most {limit}; it is {owes} (seat {seat})")
                });
            }
            // at the end of a drain it is left to expire
            let down = view.state != PeerState::Connected && entry.drain.is_none();
            if down && view.in_flight_out > 0 && self.plan.rejects_on_loss(node) {
                return self.checker.fail(1, node, || {
                    format!("what is in flight on a link that is lost is rejected at once; it is not (seat {seat})")
                });
            }
        }
        for (
            code,
            Total {
                receivable,
                payable,
            },
        ) in totals
        {
            if payable > receivable {
                self.checker.fail(3, node, || {
                    format!("a node owes at most what it is owed in {code}, {receivable}; it owes {payable}")
                });
            }
        }
        let right = &*self.plan.graph.address[node as usize];
        if connector.knows_its_address() && connector.address().as_str() != right {
            let said = connector.address().clone();
            self.checker.fail(3, node, || {
                format!("an address that a parent gives is {right}; it is {said}")
            });
        }
    }

    /// Invariant 4, when all is over: nothing is in flight, nothing is held, nothing waits.
    pub fn audit_idle(&mut self) {
        for node in 0..self.nodes.len() as u32 {
            self.audit(node);
            let entry = &self.nodes[node as usize];
            let Some(connector) = &entry.connector else {
                continue;
            };
            let flights = connector.in_flight();
            let mut left = (flights > 0).then(|| format!("{flights} packets in flight"));
            for (view, seat) in connector.peers().zip(&entry.seats) {
                let now = (
                    view.in_flight_in,
                    view.in_flight_out,
                    view.account.held_incoming(),
                    view.account.held_outgoing(),
                    view.answer_bytes,
                );
                if now != (0, 0, 0, 0, 0) {
                    left = Some(format!(
                        "(in flight from, to; held from, to; bytes of answers) = {now:?} of seat {seat}"
                    ));
                }
            }
            if let Some(left) = left {
                return self.checker.fail(4, node, || {
                    format!("an idle node holds nothing; it has {left}")
                });
            }
        }
        let (owed, awaited) = self.checker.open();
        if (owed, awaited) != (0, 0) {
            self.checker.fail(4, 0, || {
                format!(
                    "all requests have ended; {owed} are owed an answer and {awaited} wait for one"
                )
            });
        }
    }

    /// The first node that waits for its address.
    pub fn nameless(&self) -> Option<u32> {
        let nameless = self.nodes.iter().zip(0..).find(|(entry, _)| {
            let connector = entry.connector.as_ref();
            connector.is_some_and(|connector| !connector.knows_its_address())
        });
        nameless.map(|(_, node)| node)
    }

    /// The first node with a peer that is not connected, and the seat.
    pub fn disconnected(&self) -> Option<(u32, u32)> {
        self.nodes.iter().zip(0..).find_map(|(entry, node)| {
            let connector = entry.connector.as_ref()?;
            let mut peers = connector.peers().zip(&entry.seats);
            peers
                .find(|(view, _)| view.state != PeerState::Connected)
                .map(|(_, &seat)| (node, seat))
        })
    }
}

/// What is wrong with the books of a connector.
pub fn compare(expected: Account, shown: Account) -> Option<String> {
    (expected != shown).then(|| format!("by the fulfilments in time that it was sent its books with a peer are {expected:?}; they are {shown:?}"))
}

/// The limit that a balance is above.
pub fn over(limit: Option<u64>, owes: i128) -> Option<u64> {
    limit.filter(|&limit| owes > i128::from(limit))
}
