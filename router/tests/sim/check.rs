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
//! And one of its own:
//!
//! 8. A packet takes the most preferred way that is up, does not come back to a node that holds it, and is not refused for a
//!    reason that is none: no T01 while a way is up, no T04 without a limit, no R01 or F08 for what can be converted.
//!
//! The others need to look at the connectors: see `world.rs` and `run.rs`.

mod said;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use ilp_router::Wheel;
use ilp_router::config::Timeouts;

use super::clock::MS;
use super::money::Terms;
use super::rng::mix;
use super::wire::{Seen, preimage};

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// 1 to 8.
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
    /// The node has been told to shut down.
    pub draining: bool,
}

/// Which way a packet should take, by the table of the node that takes it in and the links that it has then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Nobody has looked.
    #[default]
    Unknown,
    Nowhere,
    To {
        seat: u32,
        /// A more preferred one is down.
        detour: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Packet,
    /// A child asks for its address.
    Ask,
    /// It can only be refused.
    Bad,
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
    what: What,
    /// It came during a drain.
    refuse: bool,
    way: Way,
    /// Of the way.
    way_disturbed: u32,
}

/// A PREPARE that a node waits for the answer of.
struct Outgoing {
    node: u32,
    number: u64,
    /// `None`: the node asks for its own address.
    origin: Option<Key>,
    amount: u64,
    expires: u64,
    disturbed: u32,
}

/// A packet that a node holds.
struct Visit {
    key: Key,
    sent: bool,
    /// It was looked at where it should go.
    known: bool,
    count: u8,
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

impl Books {
    /// One link is good for requests, and nothing hinders it.
    pub const fn is_last(&self) -> bool {
        self.usable == 1 && self.hindered == 0
    }
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
    /// Packets that nodes hold, by number.
    visits: Map<(u32, u64), Visit>,
    /// By seat.
    terms: Vec<Terms>,
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
    /// Packets that went on by another way than the most preferred one.
    pub detours: u64,
    /// Packets whose amount went on in another scale.
    pub converted: u64,
    /// Refusals of a node: during a drain; for want of a rate, since nothing would be left, since it would not fit; for a balance.
    pub drained: u64,
    pub no_rate: u64,
    pub too_small: u64,
    pub too_large: u64,
    pub over_balance: u64,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// By how much the wheel may be late.
pub fn tick() -> u64 {
    nanos(Wheel::TICK)
}

impl Checker {
    pub fn new(secret: u64, terms: Vec<Terms>, timeouts: &Timeouts) -> Self {
        Self {
            secret,
            margin: nanos(timeouts.expiry_margin),
            max_hold: nanos(timeouts.max_hold),
            owed: Map::default(),
            awaited: Map::default(),
            visits: Map::default(),
            books: vec![Books::default(); terms.len()],
            terms,
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
        self.visits.retain(|&(at, _), _| at != node);
        for &seat in seats {
            let books = &mut self.books[seat as usize];
            (books.receivable, books.payable) = (0, 0);
            books.disturbed += 1;
        }
    }

    /// A node was handed a request; `way` is where it should go on, if that was looked at before.
    pub fn took(&mut self, at: At, seen: Seen, way: Way) {
        let (id, number, amount, expires, what) = match seen {
            Seen::Prepare {
                id,
                amount,
                expires,
                number,
            } => (id, number, amount, expires, What::Packet),
            Seen::Ask { id, expires } => (id, u64::MAX, 0, expires, What::Ask),
            Seen::Request { id } => (id, u64::MAX, 0, at.wall, What::Bad),
            _ => return,
        };
        let left = u64::try_from(expires.saturating_sub(at.wall))
            .unwrap_or(0)
            .saturating_mul(MS);
        // the node answers at once what it does not send on, and keeps that answer as long as any other
        let hold = match what {
            What::Packet => left.saturating_sub(self.margin).min(self.max_hold),
            What::Ask | What::Bad => 0,
        };
        let answer_by = at.mono + left;
        let due = at.mono + hold;
        let later = [answer_by, at.mono + self.max_hold, due + self.margin];
        let until = later.into_iter().max().unwrap_or(due) + 2 * tick();
        let key = key(at.seat, id);
        if what == What::Packet && !self.visits(at.node, number, key, way) {
            return self.fail(8, at.node, || {
                format!("packet {number} comes to this node once; it comes again while it waits for its answer")
            });
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
            what,
            refuse: at.draining && what != What::Bad,
            way,
            way_disturbed: match way {
                Way::To { seat, .. } => self.books[seat as usize].disturbed,
                _ => 0,
            },
        };
        self.stats.taken += 1;
        self.owed.insert(key, incoming);
    }

    /// Whether a packet may come here: once, or again if the node did not know its own address before.
    fn visits(&mut self, node: u32, number: u64, key: Key, way: Way) -> bool {
        let before = self.visits.get(&(node, number));
        let count = before.map_or(0, |visit| visit.count) + 1;
        let good = before.is_none_or(|visit| !visit.known && visit.count < 3);
        let known = way != Way::Unknown;
        let visit = Visit {
            key,
            sent: false,
            known,
            count,
        };
        self.visits.insert((node, number), visit);
        good
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
        let (true, Some(origin)) = (valid, origin) else {
            return;
        };
        self.books[at.seat as usize].payable += u128::from(amount);
        if let Some(owed) = self.owed.get_mut(&origin) {
            owed.paid = true;
            self.books[(origin >> 32) as usize].receivable += u128::from(owed.amount);
        } else {
            self.fail(3, at.node, || format!("packet {number} is paid downstream only while somebody waits for it upstream; its request was answered before"));
        }
    }

    /// A node was handed several messages at once; the answers among them `ended` so many flights, or some of these were given
    /// up because the link was `lost` by the last of them.
    ///
    /// Which answer ended which flight cannot be seen from outside. Those that come in time for something in flight must do
    /// so, in their order; those that come late may.
    pub fn heard_at_once(
        &mut self,
        at: At,
        seen: impl Iterator<Item = Seen>,
        mut ended: usize,
        lost: bool,
    ) {
        let mut late = 0;
        for seen in seen {
            let landed = match self.awaits_answer(at, seen) {
                Some(true) => ended > 0,
                Some(false) => {
                    late += 1;
                    false
                }
                None => false,
            };
            ended -= usize::from(landed);
            self.heard(at, seen, landed);
        }
        if ended > late && !lost {
            self.fail(2, at.node, || {
                format!("answers end what they are for; {ended} flights ended by answers to nothing in flight")
            });
        }
    }

    /// Whether a node waits for this answer, and it comes in time.
    fn awaits_answer(&self, at: At, seen: Seen) -> Option<bool> {
        let (Seen::Fulfill { id, .. } | Seen::Reject { id, .. } | Seen::Answer { id }) = seen
        else {
            return None;
        };
        let awaited = self.awaited.get(&key(at.seat, id))?;
        Some(at.mono < awaited.expires)
    }

    /// Whether a node may have given up a request, because its link was disturbed since it was made.
    pub fn may_be_given_up(&self, seat: u32, id: u32) -> bool {
        let awaited = self.awaited.get(&key(seat, id));
        awaited.is_some_and(|awaited| awaited.disturbed != self.books[seat as usize].disturbed)
    }

    /// Whether a request of a node asks its parent for its address.
    pub fn is_about_address(&self, seat: u32, id: u32) -> bool {
        let awaited = self.awaited.get(&key(seat, id));
        awaited.is_some_and(|awaited| awaited.origin.is_none())
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
            Seen::Ask { id, expires } => self.asked_for_address(at, id, expires),
            Seen::Fulfill { id, preimage } => self.answered(at, id, Ok(preimage)),
            Seen::Reject { id, code } => self.answered(at, id, Err(Some(code))),
            Seen::Answer { id } => self.answered(at, id, Err(None)),
            Seen::Request { id } => self.fail(3, at.node, || {
                format!("a node sends PREPAREs and answers; request {id:08x} is neither")
            }),
            Seen::Other => self.fail(2, at.node, || {
                "a node sends BTP; this cannot be read".to_string()
            }),
        }
    }

    /// Looks through all records: what is overdue, and what is settled. `mono` tells what a node's clock shows, `None`
    /// for one that stands still.
    pub fn sweep(&mut self, mono: impl Fn(u32) -> Option<u64>) {
        let (books, stats, visits) = (&self.books, &mut self.stats, &mut self.visits);
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
                let visit = (owed.node, owed.number);
                if visits.get(&visit).is_some_and(|visit| visit.key == key) {
                    visits.remove(&visit);
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
