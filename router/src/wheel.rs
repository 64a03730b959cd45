//! A timer wheel for the node's flights.
//!
//! To set a timer and to drop it again takes a few linked-list writes each, whatever the number of timers. The price is
//! precision. A timer fires up to one [tick](Wheel::TICK) late, and never early; whether an answer
//! came in time is decided by comparing clocks, not by the wheel, which only cleans up.
//!
//! Nearly every flight ends long before it would expire, so the forwarder does not even drop timers: they belong to the
//! places of its slab, and whatever is in a place when its timer fires is looked at.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::{fmt, time::Duration};

use ilp_proto::Instant;

const TICK_BITS: u32 = 24;
const SLOTS: usize = 4096;
/// The list behind those of the slots: timers that came round before their time, while `expire`
/// is still working its way to the present.
const AGAIN: u16 = SLOTS as u16;
/// In no list.
const IDLE: u16 = u16::MAX;
/// No key.
const NONE: u32 = u32::MAX;

/// Timers by key: one deadline for each.
///
/// A key is the index of the caller's record in its slab: small and dense. Memory is taken as keys
/// get larger, 16 bytes for each up to the largest one used, and kept.
///
/// The wheel has 4,096 slots of one tick, a horizon of 68 s. A timer beyond the horizon is parked in
/// the last slot and moved on when that comes round, so any deadline is fine, but it costs a little
/// every 68 s and one wake-up that has nothing to do.
pub struct Wheel {
    timers: Vec<Timer>,
    /// The first timer of each slot, and of `AGAIN`; empty until the first insert.
    heads: Vec<u32>,
    occupied: Bitmap,
    /// The tick the wheel stands at. No slot before it holds anything, so that the slots stand for
    /// the ticks `cursor..cursor + SLOTS`.
    cursor: u64,
    /// The latest tick that `expire` was called in; the cursor gets there when all is drained.
    present: u64,
    len: usize,
}

/// Never in two cache lines, since it takes a quarter of one.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Timer {
    when: When,
    next: u32,
    prev: u32,
}

/// When a timer is due, in ticks from the origin, rounded up, and below that which list it is in. An instant has 2^40 ticks,
/// so there is room for both in a word.
#[derive(Clone, Copy)]
struct When(u64);

impl When {
    const IDLE: Self = Self(IDLE as u64);

    const fn new(tick: u64, slot: u16) -> Self {
        Self(tick << u16::BITS | slot as u64)
    }

    const fn tick(self) -> u64 {
        self.0 >> u16::BITS
    }

    const fn slot(self) -> u16 {
        // what the tick was put above
        self.0 as u16
    }
}

impl Wheel {
    /// The granularity: 2^24 ns, 16.8 ms.
    pub const TICK: Duration = Duration::from_nanos(1 << TICK_BITS);

    /// An empty wheel that stands at `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        let present = now.as_nanos() >> TICK_BITS;
        Self {
            timers: Vec::new(),
            heads: Vec::new(),
            occupied: Bitmap::new(),
            cursor: present,
            present,
            len: 0,
        }
    }

    /// Sets the timer of `key`, or moves it if it is set. O(1).
    ///
    /// A deadline that has passed fires at the next [`expire`](Self::expire).
    pub fn insert(&mut self, key: u32, deadline: Instant) {
        self.remove(key);
        let index = key as usize;
        if self.timers.len() <= index {
            self.timers.resize(index + 1, Timer::IDLE);
        }
        if self.heads.is_empty() {
            self.heads.resize(SLOTS + 1, NONE);
        }
        self.len += 1;
        self.link(key, deadline.as_nanos().div_ceil(1 << TICK_BITS));
    }

    /// Drops the timer of `key`. False if none was set. O(1).
    pub fn remove(&mut self, key: u32) -> bool {
        let set = self
            .timers
            .get(key as usize)
            .is_some_and(|t| t.when.slot() != IDLE);
        if set {
            self.unlink(key);
            self.len -= 1;
        }
        set
    }

    /// Drops all timers and brings the wheel to `now`, or leaves it at the latest time it has seen. Writes 16 KiB if any was
    /// set, whatever their number.
    pub fn reset(&mut self, now: Instant) {
        if self.len > 0 {
            self.timers.clear();
            self.heads.fill(NONE);
            self.occupied = Bitmap::new();
            self.len = 0;
        }
        self.present = self.present.max(now.as_nanos() >> TICK_BITS);
        self.cursor = self.present;
    }

    /// When to call [`expire`](Self::expire): at or, by less than one tick, after the earliest
    /// deadline; earlier only on account of timers beyond the horizon. `None` when no timer is set.
    /// A few instructions, without a walk.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.len == 0 {
            return None;
        }
        // Nothing but `AGAIN` in use: `expire` was left in the middle and has work now.
        let tick = self.first_tick().unwrap_or(self.cursor);
        Some(Instant::from_nanos(
            tick.saturating_mul(1 << TICK_BITS), // only what is never due saturates
        ))
    }

    /// Takes one timer that is due, and returns its key. Call it until it returns `None`, or as
    /// often as the turn allows; after `None` the next deadline is past `now`.
    ///
    /// O(1) for a key, and for `None` when nothing is set for the time that has passed, so it may be
    /// called before every piece of work. That also keeps the wheel at the present: its horizon
    /// begins where `expire` was last called. A timer that is beyond it is moved on at most once in
    /// the calls up to a `None`.
    ///
    /// Timers of one tick come in an order that is fixed but has no meaning. A `now` before one that
    /// was seen earlier counts as that one.
    pub fn expire(&mut self, now: Instant) -> Option<u32> {
        self.present = self.present.max(now.as_nanos() >> TICK_BITS);
        let present = self.present;
        loop {
            while let Some(tick) = self.first_tick().filter(|tick| *tick <= present) {
                self.cursor = tick;
                let key = self.heads[slot_of(tick) as usize];
                let due = self.unlink(key);
                if due <= present {
                    self.len -= 1;
                    return Some(key);
                }
                // Not put back at once: the slots cover what is left of the past, not yet the
                // present.
                self.push(key, due, AGAIN);
            }
            self.cursor = present;
            let mut again = false;
            while let Some(&key) = self.heads.get(AGAIN as usize).filter(|key| **key != NONE) {
                let due = self.unlink(key);
                self.link(key, due);
                again = true;
            }
            if !again {
                return None;
            }
            // Time may have passed since some were set aside: they can be due by now.
        }
    }

    /// How many timers are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when no timer is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The tick of the first slot that is in use. O(1).
    fn first_tick(&self) -> Option<u64> {
        let from = slot_of(self.cursor);
        let slot = self.occupied.first_from(from)?;
        let ahead = (slot + SLOTS as u16 - from) % SLOTS as u16;
        Some(self.cursor + u64::from(ahead))
    }

    /// Puts a timer into the slot of its tick, or of the nearest one that the wheel covers.
    fn link(&mut self, key: u32, tick: u64) {
        let horizon = self.cursor + (SLOTS as u64 - 1);
        self.push(key, tick, slot_of(tick.clamp(self.cursor, horizon)));
    }

    fn push(&mut self, key: u32, tick: u64, slot: u16) {
        let next = self.heads[slot as usize];
        self.timers[key as usize] = Timer {
            when: When::new(tick, slot),
            next,
            prev: NONE,
        };
        self.heads[slot as usize] = key;
        if next != NONE {
            self.timers[next as usize].prev = key;
        } else if slot != AGAIN {
            self.occupied.set(slot);
        }
    }

    /// Takes a timer out of its list; the tick it is due in.
    fn unlink(&mut self, key: u32) -> u64 {
        let timer = &mut self.timers[key as usize];
        let Timer { when, next, prev } = *timer;
        let slot = when.slot();
        timer.when = When::IDLE;
        if next != NONE {
            self.timers[next as usize].prev = prev;
        }
        if prev != NONE {
            self.timers[prev as usize].next = next;
        } else {
            self.heads[slot as usize] = next;
            if next == NONE && slot != AGAIN {
                self.occupied.clear(slot);
            }
        }
        when.tick()
    }
}

impl fmt::Debug for Wheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("len", &self.len)
            .field("next_deadline", &self.next_deadline())
            .finish_non_exhaustive()
    }
}

impl Timer {
    const IDLE: Self = Self {
        when: When::IDLE,
        next: NONE,
        prev: NONE,
    };
}

fn slot_of(tick: u64) -> u16 {
    (tick % SLOTS as u64) as u16
}

/// Which slots hold a timer: 64 words of 64 bits, and one word that says which of them are not zero.
struct Bitmap {
    summary: u64,
    words: [u64; 64],
}

impl Bitmap {
    const fn new() -> Self {
        Self {
            summary: 0,
            words: [0; 64],
        }
    }

    fn set(&mut self, slot: u16) {
        let (word, bit) = (slot / 64, slot % 64);
        self.words[word as usize] |= 1 << bit;
        self.summary |= 1 << word;
    }

    fn clear(&mut self, slot: u16) {
        let (word, bit) = (slot / 64, slot % 64);
        self.words[word as usize] &= !(1 << bit);
        if self.words[word as usize] == 0 {
            self.summary &= !(1 << word);
        }
    }

    /// The first slot in use at or behind `from`, going round.
    fn first_from(&self, from: u16) -> Option<u16> {
        let (word, bit) = (from / 64, from % 64);
        let here = self.words[word as usize] & (u64::MAX << bit);
        if here != 0 {
            return Some(word * 64 + here.trailing_zeros() as u16);
        }
        // Words behind this one; if none, the first of all, which may be the front of this one.
        let behind = self.summary & (u64::MAX << word << 1);
        let candidates = if behind != 0 { behind } else { self.summary };
        if candidates == 0 {
            return None;
        }
        let word = candidates.trailing_zeros() as u16;
        Some(word * 64 + self.words[word as usize].trailing_zeros() as u16)
    }
}
