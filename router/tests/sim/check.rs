//! The referee: it sees what each node is told and what it says, and nothing of what is inside.
//!
//! It keeps books of its own, one record for each PREPARE that a node owes an answer and one for each that it waits
//! for, and checks the first four invariants at each message:
//!
//! 1. Each PREPARE that a node takes in is answered exactly once, by its deadline and one tick of the wheel. The
//!    deadline is that of the outgoing packet by the node's own clock: when the answer is due at once (a refusal), it is
//!    the moment of arrival. *By then* holds unless the link was disturbed in between: it ended or was replaced, it took
//!    no more bytes, or the whole process stood still. *At most once* holds always.
//! 2. A FULFILL goes upstream only with the preimage of its packet's condition, before the incoming packet expires, and
//!    only after it came from downstream in time.
//! 3. An outgoing packet has an incoming one, of at least its amount and of a later expiry. What was fulfilled in time
//!    downstream is not rejected upstream.
//! 4. The id of a request is in flight only once.
//!
//! The others need to look at the connectors: see `world.rs` and `run.rs`.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use ilp_router::Wheel;
use ilp_router::config::Timeouts;

use super::clock::MS;
use super::rng::mix;
use super::wire::{Seen, preimage};

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// 1 to 7.
    pub invariant: u8,
    pub node: u32,
    /// What was expected, and what was seen.
    pub what: String,
}

/// Where and when something was seen.
#[derive(Clone, Copy, Debug)]
pub struct At {
    pub node: u32,
    /// One end of a pair of neighbours.
    pub seat: u32,
    /// By the node's clocks.
    pub mono: u64,
    pub wall: i64,
}

/// A request: its seat and its id.
type Key = u64;

const fn key(seat: u32, id: u32) -> Key {
    (seat as u64) << 32 | id as u64
}

/// A PREPARE that a node owes an answer.
struct Incoming {
    node: u32,
    number: u64,
    amount: u64,
    expires: i64,
    /// Its answer is due then, give or take a tick.
    due: u64,
    /// A FULFILL is of no use from then on.
    answer_by: u64,
    /// The node may still hold an answer until then.
    until: u64,
    disturbed: u32,
    paid: bool,
}

/// A PREPARE that a node waits for the answer of.
struct Outgoing {
    node: u32,
    number: u64,
    origin: Key,
    amount: u64,
    expires: u64,
    disturbed: u32,
}

struct Ignored {
    at: At,
    disturbed: u32,
    id: u32,
    number: u64,
}

/// What the referee knows of one side of a pair of neighbours.
#[derive(Clone, Copy, Default)]
pub struct Books {
    /// Counts what happened to its links.
    disturbed: u32,
    /// Links of it that take no more bytes.
    hindered: u32,
    /// Links of it that are authenticated and not being closed.
    usable: u32,
    pub receivable: u128,
    pub payable: u128,
}

/// Calls of `handle_timeout` in a row that may leave work: each does up to 1,024 things of a kind.
const TURNS: usize = 128;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

pub struct Checker {
    /// With it the preimage of each packet is known.
    secret: u64,
    margin: u64,
    max_hold: u64,
    owed: Map<Key, Incoming>,
    awaited: Map<Key, Outgoing>,
    /// Taken in by a node and not sent on yet, by number.
    waiting: Map<(u32, u64), Key>,
    books: Vec<Books>,
    /// Answers that ended no flight although they came in time: only a link that is being closed may do that.
    ignored: Vec<Ignored>,
    /// The first thing that did not hold.
    violation: Option<Violation>,
    pub stats: Checked,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub taken: u64,
    pub forwarded: u64,
    pub answered: u64,
    pub fulfilled: u64,
    /// Records that ended without an answer, because the link had been disturbed.
    pub excused: u64,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// By how much the wheel may be late.
pub fn tick() -> u64 {
    nanos(Wheel::TICK)
}

impl Checker {
    pub fn new(secret: u64, seats: usize, timeouts: &Timeouts) -> Self {
        Self {
            secret,
            margin: nanos(timeouts.expiry_margin),
            max_hold: nanos(timeouts.max_hold),
            owed: Map::default(),
            awaited: Map::default(),
            waiting: Map::default(),
            books: vec![Books::default(); seats],
            ignored: Vec::new(),
            violation: None,
            stats: Checked::default(),
        }
    }

    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    pub fn fail(&mut self, invariant: u8, node: u32, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let what = what();
            self.violation = Some(Violation {
                invariant,
                node,
                what,
            });
        }
    }

    pub fn books(&self, seat: u32) -> Books {
        self.books[seat as usize]
    }

    /// Records that wait: answers that are owed on links that were not disturbed, and answers that are waited for.
    pub fn open(&mut self) -> (usize, usize) {
        let (books, mut owed) = (&self.books, 0);
        self.owed.retain(|&key, record| {
            owed += usize::from(record.disturbed == books[(key >> 32) as usize].disturbed);
            true
        });
        (owed, self.awaited.len())
    }

    /// The packet that a request of this node is about, while it waits for its answer.
    pub fn packet(&self, seat: u32, id: u32) -> Option<u64> {
        let owed = self.owed.get(&key(seat, id)).map(|owed| owed.number);
        owed.or_else(|| self.awaited.get(&key(seat, id)).map(|sent| sent.number))
    }

    /// A node's link to this neighbour began, ended, took no more bytes, or the node stood still.
    pub fn disturb(&mut self, seat: u32) {
        self.books[seat as usize].disturbed += 1;
    }

    /// A link of this seat takes no more bytes, or does again, or is gone.
    pub fn hinder(&mut self, seat: u32, hindered: bool) {
        let books = &mut self.books[seat as usize];
        books.disturbed += 1;
        books.hindered = if hindered {
            books.hindered + 1
        } else {
            books.hindered.saturating_sub(1)
        };
    }

    /// A link of this seat is good for requests, or not any more.
    pub fn usable(&mut self, seat: u32, usable: bool) {
        let books = &mut self.books[seat as usize];
        books.disturbed += 1;
        books.usable = if usable {
            books.usable + 1
        } else {
            books.usable.saturating_sub(1)
        };
    }

    /// A node that stood still goes on: what it missed happens now.
    pub fn thaw(&mut self, node: u32, mono: u64) {
        let until = mono + self.margin + 2 * tick();
        self.owed.retain(|_, owed| {
            if owed.node == node {
                owed.until = owed.until.max(until);
            }
            true
        });
    }

    /// To be called when all that a node had to say was taken from it: whether what it ignored was its to ignore.
    pub fn settle(&mut self) {
        for Ignored {
            at,
            disturbed,
            id,
            number,
        } in std::mem::take(&mut self.ignored)
        {
            if self.books[at.seat as usize].disturbed == disturbed {
                self.fail(1, at.node, || format!("the answer to request {id:08x} (packet {number}) came in time and ended its flight; it was ignored"));
            }
        }
    }

    /// Invariant 6, its first half: what is due is done in so many turns. `turn` calls `handle_timeout` if that is due, and
    /// says whether it was.
    pub fn moves_on(&mut self, node: u32, mut turn: impl FnMut() -> bool) {
        if (0..=TURNS).all(|_| turn()) {
            self.fail(6, node, || format!("after handle_timeout(t) the deadline is later than t; after {TURNS} calls it is not"));
        }
    }

    /// A node lost its memory.
    pub fn forget(&mut self, node: u32, seats: &[u32]) {
        self.owed.retain(|_, owed| owed.node != node);
        self.awaited.retain(|_, awaited| awaited.node != node);
        self.waiting.retain(|&(at, _), _| at != node);
        for &seat in seats {
            let books = &mut self.books[seat as usize];
            (books.receivable, books.payable) = (0, 0);
            books.disturbed += 1;
        }
    }

    /// A node was handed a request.
    pub fn took(&mut self, at: At, seen: Seen) {
        let (id, number, amount, expires, valid) = match seen {
            Seen::Prepare {
                id,
                amount,
                expires,
                number,
            } => (id, number, amount, expires, true),
            Seen::Request { id } => (id, u64::MAX, 0, at.wall, false),
            _ => return,
        };
        let left = u64::try_from(expires.saturating_sub(at.wall))
            .unwrap_or(0)
            .saturating_mul(MS);
        let hold = left.saturating_sub(self.margin).min(self.max_hold);
        let answer_by = at.mono + left;
        let due = at.mono + hold;
        let later = [answer_by, at.mono + self.max_hold, due + self.margin];
        let until = later.into_iter().max().unwrap_or(due) + 2 * tick();
        let key = key(at.seat, id);
        if valid {
            self.waiting.insert((at.node, number), key);
        }
        // one that arrives while nothing can be sent was disturbed from the start
        let books = &self.books[at.seat as usize];
        let clear = books.hindered == 0 && books.usable > 0;
        let disturbed = books.disturbed.wrapping_sub(u32::from(!clear));
        let incoming = Incoming {
            node: at.node,
            number,
            amount,
            expires,
            due,
            answer_by,
            until,
            disturbed,
            paid: false,
        };
        self.stats.taken += 1;
        self.owed.insert(key, incoming);
    }

    /// A node was handed an answer; `landed`: something that was in flight there ended.
    pub fn heard(&mut self, at: At, seen: Seen, landed: bool) {
        let (id, said) = match seen {
            Seen::Fulfill { id, preimage } => (id, Some(preimage)),
            Seen::Reject { id, .. } | Seen::Answer { id } => (id, None),
            _ => return,
        };
        let key = key(at.seat, id);
        let Some(awaited) = self.awaited.get(&key) else {
            if landed {
                self.fail(2, at.node, || format!("an answer to request {id:08x}, which is not in flight, was ignored; it ended a flight"));
            }
            return;
        };
        let (number, amount) = (awaited.number, awaited.amount);
        let valid = said == Some(preimage(self.secret, number)) && at.mono < awaited.expires;
        let undisturbed = awaited.disturbed == self.books[at.seat as usize].disturbed;
        if !landed {
            if undisturbed && at.mono < awaited.expires {
                let disturbed = awaited.disturbed;
                self.ignored.push(Ignored {
                    at,
                    disturbed,
                    id,
                    number,
                });
            }
            return;
        }
        let origin = awaited.origin;
        self.awaited.remove(&key);
        if !valid {
            return;
        }
        self.books[at.seat as usize].payable += u128::from(amount);
        if let Some(owed) = self.owed.get_mut(&origin) {
            owed.paid = true;
            self.books[(origin >> 32) as usize].receivable += u128::from(owed.amount);
        } else {
            self.fail(3, at.node, || format!("packet {number} is paid downstream only while somebody waits for it upstream; its request was answered before"));
        }
    }

    /// A node said something.
    pub fn said(&mut self, at: At, seen: Seen) {
        match seen {
            Seen::Prepare {
                id,
                amount,
                expires,
                number,
            } => self.asked(at, id, amount, expires, number),
            Seen::Fulfill { id, preimage } => self.answered(at, id, Some(preimage)),
            Seen::Reject { id, .. } | Seen::Answer { id } => self.answered(at, id, None),
            Seen::Request { id } => self.fail(3, at.node, || {
                format!("a node sends PREPAREs and answers; request {id:08x} is neither")
            }),
            Seen::Other => self.fail(2, at.node, || {
                "a node sends BTP; this cannot be read".to_string()
            }),
        }
    }

    fn asked(&mut self, at: At, id: u32, amount: u64, expires: i64, number: u64) {
        let At {
            node, seat, mono, ..
        } = at;
        let Some(origin) = self.waiting.remove(&(node, number)) else {
            return self.fail(3, node, || {
                format!(
                    "each outgoing PREPARE has an incoming one; packet {number} has none (any more)"
                )
            });
        };
        let Some(owed) = self.owed.get(&origin) else {
            return self.fail(3, node, || {
                format!("packet {number} goes out before its answer; it was answered already")
            });
        };
        if amount > owed.amount {
            let had = owed.amount;
            return self.fail(3, node, || {
                format!("of the {had} units of packet {number} at most {had} go on; {amount} did")
            });
        }
        let margin = i64::try_from(self.margin / MS).unwrap_or(i64::MAX);
        if expires > owed.expires - margin {
            let had = owed.expires;
            return self.fail(3, node, || format!("packet {number}, which expires at {had}, goes on with {margin} ms less; it says {expires}"));
        }
        let key = key(seat, id);
        if self.awaited.get(&key).is_some_and(|old| mono < old.expires) {
            return self.fail(4, node, || {
                format!("request id {id:08x} is not in use; it is in flight to seat {seat} already")
            });
        }
        // what the wall clock said when the packet came in decides, whatever it says since
        let expires = owed.due;
        let disturbed = self.books[seat as usize].disturbed;
        let outgoing = Outgoing {
            node,
            number,
            origin,
            amount,
            expires,
            disturbed,
        };
        self.stats.forwarded += 1;
        self.awaited.insert(key, outgoing);
    }

    fn answered(&mut self, at: At, id: u32, said: Option<[u8; 32]>) {
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
        if self.waiting.get(&(node, number)) == Some(&key(seat, id)) {
            self.waiting.remove(&(node, number));
        }
        let undisturbed = owed.disturbed == self.books[seat as usize].disturbed;
        if undisturbed && mono > owed.due + tick() {
            let late = mono - owed.due;
            return self.fail(1, node, || format!("an answer to packet {number} (request {id:08x}) within a tick of its deadline; it came {late} ns after it"));
        }
        self.stats.answered += 1;
        match said {
            None if owed.paid => self.fail(3, node, || format!("packet {number} was fulfilled in time downstream and is fulfilled upstream; it was rejected")),
            None => {}
            Some(said) if said != preimage(self.secret, number) => {
                self.fail(2, node, || format!("a FULFILL of packet {number} with its preimage; it has another"));
            }
            Some(_) if mono >= owed.answer_by => self.fail(2, node, || {
                format!("a FULFILL of packet {number} before it expires; it went out {} ns after", mono - owed.answer_by)
            }),
            Some(_) if !owed.paid => self.fail(2, node, || format!("a FULFILL of packet {number} only after one came from downstream; none had")),
            Some(_) => self.stats.fulfilled += 1,
        }
    }

    /// Looks through all records: what is overdue, and what is settled. `mono` tells what a node's clock shows, `None`
    /// for one that stands still.
    pub fn sweep(&mut self, mono: impl Fn(u32) -> Option<u64>) {
        let (books, stats, waiting) = (&self.books, &mut self.stats, &mut self.waiting);
        let mut overdue: Option<(Key, u32, u64, u64)> = None;
        self.owed.retain(|&key, owed| {
            let Some(now) = mono(owed.node) else {
                return true;
            };
            let undisturbed = owed.disturbed == books[(key >> 32) as usize].disturbed;
            if undisturbed
                && now > owed.due + tick()
                && overdue.is_none_or(|(first, ..)| key < first)
            {
                overdue = Some((key, owed.node, owed.number, now - owed.due));
            }
            let keep = undisturbed || now <= owed.until;
            if !keep {
                stats.excused += 1;
                if waiting.get(&(owed.node, owed.number)) == Some(&key) {
                    waiting.remove(&(owed.node, owed.number));
                }
            }
            keep
        });
        self.awaited.retain(|_, awaited| {
            mono(awaited.node).is_none_or(|now| now <= awaited.expires + 2 * tick())
        });
        if let Some((key, node, number, late)) = overdue {
            let (seat, id) = (key >> 32, key as u32);
            self.fail(1, node, || format!("an answer to packet {number} (seat {seat}, request {id:08x}) within a tick of its deadline; {late} ns after it there is none"));
        }
    }
}

/// Hashes keys that are numbers.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0 ^ number);
    }
}
