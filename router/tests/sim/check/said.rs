//! What a node says, and whether it may.

use ilp_proto::ErrorCode;
use ilp_router::config::Relation;

use super::super::clock::MS;
use super::super::money::carried;
use super::super::wire::preimage;
use super::{At, Checker, Incoming, Outgoing, Way, What, key, tick};

impl Checker {
    pub(super) fn asked(&mut self, at: At, id: u32, amount: u64, expires: i64, number: u64) {
        let At { node, seat, .. } = at;
        let visit = self
            .visits
            .get_mut(&(node, number))
            .filter(|visit| !visit.sent);
        let Some(visit) = visit else {
            return self.fail(3, node, || {
                format!(
                    "each outgoing PREPARE has an incoming one; packet {number} has none (any more)"
                )
            });
        };
        visit.sent = true;
        let origin = visit.key;
        let Some(owed) = self.owed.get(&origin) else {
            return self.fail(3, node, || {
                format!("packet {number} goes out before its answer; it was answered already")
            });
        };
        if owed.refuse {
            return self.fail(1, node, || {
                format!("packet {number} came during a drain and is refused; it went on")
            });
        }
        let (from, to) = (
            self.terms[(origin >> 32) as usize],
            self.terms[seat as usize],
        );
        let had = owed.amount;
        let most = carried(had, from.asset, to.asset);
        if most != Some(amount) {
            let most = most.unwrap_or(0);
            return self.fail(3, node, || {
                format!("of the {had} units of packet {number} at most {most} go on, and no fewer; {amount} did")
            });
        }
        let books = &self.books[(origin >> 32) as usize];
        let owes = (books.receivable + u128::from(had)).saturating_sub(books.payable);
        if let Some(limit) = from
            .max_balance
            .filter(|&limit| had > 0 && owes > limit.into())
        {
            return self.fail(3, node, || {
                format!("a neighbour owes at most {limit}; with packet {number}, which went on, it owes {owes}")
            });
        }
        match owed.way {
            Way::Unknown => {}
            Way::To {
                seat: right,
                detour,
            } if right == seat => self.stats.detours += u64::from(detour),
            way => {
                return self.fail(8, node, || {
                    format!("packet {number} goes {way:?}; it went to seat {seat}")
                });
            }
        }
        self.stats.converted += u64::from(from.asset.scale != to.asset.scale);
        let margin = i64::try_from(self.margin / MS).unwrap_or(i64::MAX);
        if expires > owed.expires - margin {
            let had = owed.expires;
            return self.fail(3, node, || format!("packet {number}, which expires at {had}, goes on with {margin} ms less; it says {expires}"));
        }
        // what the wall clock said when the packet came in decides, whatever it says since
        let expires = owed.due;
        if !self.is_free(at, id) {
            return;
        }
        let disturbed = self.books[seat as usize].disturbed;
        let outgoing = Outgoing {
            node,
            number,
            origin: Some(origin),
            amount,
            expires,
            disturbed,
        };
        self.stats.forwarded += 1;
        self.awaited.insert(key(seat, id), outgoing);
    }

    /// Invariant 4, for a request that goes out.
    fn is_free(&mut self, at: At, id: u32) -> bool {
        let At {
            node, seat, mono, ..
        } = at;
        let old = self.awaited.get(&key(seat, id));
        let free = old.is_none_or(|old| mono >= old.expires);
        if !free {
            self.fail(4, node, || {
                format!("request id {id:08x} is not in use; it is in flight to seat {seat} already")
            });
        }
        free
    }

    pub(super) fn asked_for_address(&mut self, at: At, id: u32, expires: i64) {
        let At { node, seat, .. } = at;
        if self.terms[seat as usize].relation != Relation::Parent {
            return self.fail(3, node, || {
                format!("only a parent is asked for an address; seat {seat} was")
            });
        }
        if !self.is_free(at, id) {
            return;
        }
        let left = u64::try_from(expires.saturating_sub(at.wall)).unwrap_or(0);
        let outgoing = Outgoing {
            node,
            number: u64::MAX,
            origin: None,
            amount: 0,
            expires: at.mono + left.saturating_mul(MS),
            disturbed: self.books[seat as usize].disturbed,
        };
        self.awaited.insert(key(seat, id), outgoing);
    }

    pub(super) fn answered(&mut self, at: At, id: u32, said: Result<[u8; 32], Option<ErrorCode>>) {
        let At {
            node, seat, mono, ..
        } = at;
        let Some(owed) = self.owed.remove(&key(seat, id)) else {
            return self.fail(1, node, || {
                format!(
                    "exactly one answer to request {id:08x} of seat {seat}; this is one too many"
                )
            });
        };
        let number = owed.number;
        // it was not sent on, so what is said is the node's own
        let visit = self
            .visits
            .get(&(node, number))
            .filter(|visit| visit.key == key(seat, id));
        let own = visit.is_some_and(|visit| !visit.sent);
        if visit.is_some() {
            self.visits.remove(&(node, number));
        }
        let undisturbed = owed.disturbed == self.books[seat as usize].disturbed;
        if undisturbed && mono > owed.due + tick() {
            let late = mono - owed.due;
            return self.fail(1, node, || format!("an answer to packet {number} (request {id:08x}) within a tick of its deadline; it came {late} ns after it"));
        }
        self.stats.answered += 1;
        match said {
            Err(_) if owed.paid => self.fail(3, node, || format!("packet {number} was fulfilled in time downstream and is fulfilled upstream; it was rejected")),
            Err(Some(code)) if own => self.refused(at, &owed, code),
            Err(_) => {}
            Ok(said) if owed.what == What::Ask => {
                let is_child = self.terms[seat as usize].relation == Relation::Child;
                if !is_child || owed.refuse || said != [0; 32] {
                    self.fail(2, node, || format!("only a child is given an address, not in a drain, and for 32 zero bytes; seat {seat} was"));
                }
            }
            Ok(said) if said != preimage(self.secret, number) => {
                self.fail(2, node, || format!("a FULFILL of packet {number} with its preimage; it has another"));
            }
            Ok(_) if mono >= owed.answer_by => self.fail(2, node, || {
                format!("a FULFILL of packet {number} before it expires; it went out {} ns after", mono - owed.answer_by)
            }),
            Ok(_) if !owed.paid => self.fail(2, node, || format!("a FULFILL of packet {number} only after one came from downstream; none had")),
            Ok(_) => self.stats.fulfilled += 1,
        }
    }

    /// Invariant 8: a node refuses a packet that it has not sent on.
    fn refused(&mut self, at: At, owed: &Incoming, code: ErrorCode) {
        let At { node, seat, .. } = at;
        let terms = self.terms[seat as usize];
        let way = match owed.way {
            Way::To { seat, .. } => Some(seat),
            Way::Unknown | Way::Nowhere => None,
        };
        let other = way.map_or(terms, |way| self.terms[way as usize]);
        let fits = way.is_some() && carried(owed.amount, terms.asset, other.asset).is_some();
        let count = |what: &mut u64| *what += 1;
        let good = match code {
            _ if owed.refuse => {
                count(&mut self.stats.drained);
                code == ErrorCode::T03_CONNECTOR_BUSY
            }
            ErrorCode::T01_PEER_UNREACHABLE => way.is_none_or(|way| {
                let books = &self.books[way as usize];
                books.disturbed != owed.way_disturbed || books.hindered > 0
            }),
            ErrorCode::T00_INTERNAL_ERROR if terms.asset.code != other.asset.code => {
                count(&mut self.stats.no_rate);
                true
            }
            ErrorCode::T04_INSUFFICIENT_LIQUIDITY => {
                count(&mut self.stats.over_balance);
                terms.max_balance.is_some() && owed.amount > 0
            }
            ErrorCode::R01_INSUFFICIENT_SOURCE_AMOUNT => {
                count(&mut self.stats.too_small);
                !fits
            }
            ErrorCode::F08_AMOUNT_TOO_LARGE => {
                count(&mut self.stats.too_large);
                !fits
            }
            _ => true,
        };
        if !good {
            let number = owed.number;
            self.fail(8, node, || {
                format!("packet {number} is refused for what is the case; it was with {code:?} ({way:?}, {terms:?})")
            });
        }
    }

    /// Answers that a node owes a neighbour whose link was not disturbed since they were asked for.
    pub fn owes(&mut self, seat: u32) -> usize {
        let disturbed = self.books[seat as usize].disturbed;
        let mut count = 0;
        self.owed.retain(|key, owed| {
            count += usize::from((key >> 32) as u32 == seat && owed.disturbed == disturbed);
            true
        });
        count
    }

    /// Packets that a node waits for the answers of, from a neighbour.
    pub fn awaits(&mut self, seat: u32, mono: u64) -> usize {
        let mut count = 0;
        self.awaited.retain(|key, sent| {
            count += usize::from((key >> 32) as u32 == seat && mono < sent.expires);
            true
        });
        count
    }
}
