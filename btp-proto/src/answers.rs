//! The answers we owe.

use alloc::collections::VecDeque;
use core::fmt;

use bytes::BytesMut;
use ilp_proto::Instant;

use crate::frame::{Carrier, ilp_frame_len, put_ilp_frame};
use crate::ring::Ring;

/// What an answer is worth: decides which goes first when the budget is exceeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum AnswerKind {
    /// A FULFILL: money. Dropped last.
    Fulfill {
        /// How much: the amount of the PREPARE that it answers.
        amount: u64,
    },
    /// A REJECT. Dropped first: the peer can find out by itself, from the expiry.
    Reject,
    /// Anything else, such as a RESPONSE without ILP or a FULFILL that no money rests on. Dropped like a FULFILL.
    Other,
}

/// How many answers were given up, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Dropped {
    /// FULFILLs that the peer never got: each may have cost us its amount.
    pub fulfills: u64,
    /// The sum of the amounts of these.
    pub amount: u128,
    /// REJECTs.
    pub rejects: u64,
    /// Neither.
    pub others: u64,
}

impl Dropped {
    /// True when nothing was given up.
    #[must_use]
    #[inline]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    fn count(&mut self, kind: AnswerKind) {
        let count = match kind {
            AnswerKind::Fulfill { amount } => {
                self.amount = self.amount.saturating_add(amount.into());
                &mut self.fulfills
            }
            AnswerKind::Reject => &mut self.rejects,
            AnswerKind::Other => &mut self.others,
        };
        *count = count.saturating_add(1);
    }
}

/// Answers owed to one peer: whole frames, oldest first, each with the time it stops being of use.
///
/// It belongs to the *peer*, not to a socket. It is lent to whichever connection is current
/// ([`Connection::poll_transmit`](crate::Connection::poll_transmit)), so an answer that was due
/// when a link died goes out on the next one. What is past its deadline is dropped when its turn
/// comes. Past the budget REJECTs are dropped, oldest first, then whatever is oldest; an answer
/// larger than the whole budget is dropped at once. [`Answers::take_dropped`] has the counts.
///
/// What waits, with the gaps in it and before it, stays within 1.6 times the budget and 4 KiB plus one answer; a
/// buffer that doubles when it grows may hold twice that. There is a record per answer besides. Every
/// operation is O(1) amortised.
pub struct Answers {
    ring: Ring,
    entries: VecDeque<Entry>,
    max_bytes: usize,
    /// Bytes and number of answers that are not dropped.
    live_bytes: usize,
    live: usize,
    live_rejects: usize,
    /// Entries that ever left the front: entry `i` has the sequence number `popped + i`.
    popped: u64,
    /// No REJECT before this sequence number is alive.
    first_reject: u64,
    dropped: Dropped,
}

/// As small as it can be: there may be one for every 60 bytes of answers.
struct Entry {
    deadline: Instant,
    /// Of a FULFILL.
    amount: u64,
    len: u32,
    kind: Kind,
    alive: bool,
}

/// [`AnswerKind`] without the amount.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fulfill,
    Reject,
    Other,
}

impl Entry {
    const fn len(&self) -> usize {
        self.len as usize
    }

    fn is_reject(&self) -> bool {
        self.kind == Kind::Reject
    }

    const fn kind(&self) -> AnswerKind {
        match self.kind {
            Kind::Fulfill => AnswerKind::Fulfill {
                amount: self.amount,
            },
            Kind::Reject => AnswerKind::Reject,
            Kind::Other => AnswerKind::Other,
        }
    }
}

impl AnswerKind {
    const fn split(self) -> (Kind, u64) {
        match self {
            Self::Fulfill { amount } => (Kind::Fulfill, amount),
            Self::Reject => (Kind::Reject, 0),
            Self::Other => (Kind::Other, 0),
        }
    }
}

impl Answers {
    /// An empty queue with a budget of `max_bytes`.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            ring: Ring::default(),
            entries: VecDeque::new(),
            max_bytes,
            live_bytes: 0,
            live: 0,
            live_rejects: 0,
            popped: 0,
            first_reject: 0,
            dropped: Dropped::default(),
        }
    }

    /// Queues one whole frame of `len` bytes, which `write` appends. At `deadline` and after it the
    /// answer is not sent any more.
    pub fn push(
        &mut self,
        kind: AnswerKind,
        deadline: Instant,
        len: usize,
        write: impl FnOnce(&mut BytesMut),
    ) {
        let (Ok(short), true) = (u32::try_from(len), len <= self.max_bytes) else {
            self.dropped.count(kind);
            return;
        };
        let announced = len;
        let len = self.ring.append(|out| {
            out.reserve(announced);
            write(out);
        });
        debug_assert_eq!(len, announced, "the answer is not as long as announced");
        let (kind, amount) = kind.split();
        self.entries.push_back(Entry {
            deadline,
            amount,
            len: short,
            kind,
            alive: true,
        });
        self.live += 1;
        self.live_bytes += len;
        if kind == Kind::Reject {
            self.live_rejects += 1;
        }
        while self.live_bytes > self.max_bytes && self.live > 0 {
            self.drop_one();
        }
        if self.ring.len() - self.live_bytes > self.max_bytes / 4 {
            self.compact();
        }
    }

    /// Queues a RESPONSE to request `id` that carries an ILP packet of `ilp_len` bytes, which
    /// `write` appends. The usual way to answer an [`Inbound::Request`](crate::Inbound::Request).
    #[inline]
    pub fn respond(
        &mut self,
        kind: AnswerKind,
        deadline: Instant,
        id: u32,
        ilp_len: usize,
        write: impl FnOnce(&mut BytesMut),
    ) {
        self.push(kind, deadline, ilp_frame_len(ilp_len), |out| {
            put_ilp_frame(out, Carrier::Response, id, ilp_len);
            write(out);
        });
    }

    /// Moves the oldest answer that is still of use to the end of `out`; its length.
    #[must_use = "the answer is in `out` now"]
    #[inline]
    pub fn pop(&mut self, now: Instant, out: &mut BytesMut) -> Option<usize> {
        while let Some(entry) = self.entries.pop_front() {
            self.popped += 1;
            let send = entry.alive && now < entry.deadline;
            if entry.alive {
                self.forget(&entry);
                if !send {
                    self.dropped.count(entry.kind());
                }
            }
            if send {
                out.extend_from_slice(self.ring.waiting().get(..entry.len()).unwrap_or_default());
            }
            self.ring.consume(entry.len());
            if send {
                return Some(entry.len());
            }
        }
        None
    }

    /// Drops every answer that is past its deadline; when to look again, if any is left. For a peer without a link,
    /// where nothing is [popped](Answers::pop). Linear in the number of answers.
    pub fn expire(&mut self, now: Instant) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for entry in &mut self.entries {
            if !entry.alive {
                continue;
            }
            if now < entry.deadline {
                next = Some(next.map_or(entry.deadline, |next| next.min(entry.deadline)));
                continue;
            }
            entry.alive = false;
            self.dropped.count(entry.kind());
            self.live -= 1;
            self.live_bytes -= entry.len();
            if entry.is_reject() {
                self.live_rejects -= 1;
            }
        }
        while self.entries.front().is_some_and(|entry| !entry.alive) {
            self.discard_front();
        }
        next
    }

    /// Gives the memory of an empty queue back, for a peer that has been idle for long.
    pub fn release(&mut self) {
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
            self.ring.release();
        }
    }

    /// Bytes that wait to be sent. Includes answers that outlived their deadline unnoticed.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> usize {
        self.live_bytes
    }

    /// Answers that wait to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// True when no answer waits.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// True when nothing but REJECTs waits, or nothing at all: no money rests on it.
    #[must_use]
    pub fn only_rejects(&self) -> bool {
        self.live == self.live_rejects
    }

    /// Whether [`take_dropped`](Self::take_dropped) has anything to say.
    #[must_use]
    #[inline]
    pub fn has_dropped(&self) -> bool {
        !self.dropped.is_zero()
    }

    /// What was dropped since the last call.
    #[must_use = "reading the counts resets them"]
    pub fn take_dropped(&mut self) -> Dropped {
        core::mem::take(&mut self.dropped)
    }

    /// Over budget: the oldest REJECT goes, or else the oldest answer.
    fn drop_one(&mut self) {
        let rejects_only = self.live_rejects > 0;
        // Searches resume where the last one for a REJECT ended, so that a push is O(1) amortised.
        // Without REJECTs the dead entries are at the front, each passed over once and then popped.
        if !rejects_only {
            while self.entries.front().is_some_and(|entry| !entry.alive) {
                self.discard_front();
            }
            if let Some(entry) = self.entries.front() {
                let kind = entry.kind();
                self.dropped.count(kind);
                self.live -= 1;
                self.live_bytes -= entry.len();
                self.discard_front();
            }
            return;
        }
        let start = self.first_reject.saturating_sub(self.popped) as usize;
        for (at, entry) in self.entries.iter_mut().enumerate().skip(start) {
            if entry.alive && entry.is_reject() {
                entry.alive = false;
                self.live -= 1;
                self.live_rejects -= 1;
                self.live_bytes -= entry.len();
                self.dropped.rejects = self.dropped.rejects.saturating_add(1);
                self.first_reject = self.popped + at as u64 + 1;
                return;
            }
        }
    }

    fn discard_front(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.popped += 1;
            self.ring.consume(entry.len());
        }
    }

    fn forget(&mut self, entry: &Entry) {
        self.live -= 1;
        self.live_bytes -= entry.len();
        if entry.is_reject() {
            self.live_rejects -= 1;
        }
    }

    /// Closes the gaps that dropped answers left, once they take a quarter of the budget: a peer
    /// that reads nothing must not make the ring grow.
    fn compact(&mut self) {
        let (mut from, mut to) = (0, 0);
        for entry in &self.entries {
            if entry.alive {
                self.ring
                    .waiting_mut()
                    .copy_within(from..from + entry.len(), to);
                to += entry.len();
            }
            from += entry.len();
        }
        self.ring.truncate(to);
        self.entries.retain(|entry| entry.alive);
        // Sequence numbers start again: everything before was dead or is renumbered.
        self.popped = 0;
        self.first_reject = 0;
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("len", &self.live)
            .field("bytes", &self.live_bytes)
            .field("max_bytes", &self.max_bytes)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
