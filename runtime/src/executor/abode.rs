//! Where a task lives, and with whom.
//!
//! Only whoever has a task's `Runnable`, of which there is one at most, changes what is in here, so that no order of memory is
//! asked for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// By how many more of its wakes than of others' a task is known as a partner, at most; and how many make it a faithful one.
pub(super) const FAITHFUL: (u64, u64) = (8, 4);
/// Bits for the lesser part of a word.
const LOW: u32 = 16;
const LOW_BITS: u64 = (1 << LOW) - 1;

pub(super) struct Abode {
    /// Never 0, and no other task's.
    pub(super) id: u64,
    /// When it came there, in milliseconds, and the worker in the low bits: of two places the newer one is the greater.
    place: AtomicU64,
    /// Who wakes it, and by how many wakes more than others in the low bits.
    partner: AtomicU64,
    /// They are each other's, faithfully.
    paired: AtomicBool,
}

/// What those that a task wakes see of it.
#[derive(Clone, Copy)]
pub(super) struct Polled {
    pub(super) id: u64,
    place: u64,
    partner: u64,
}

impl Abode {
    pub(super) fn new(id: u64, worker: usize, now: u64) -> Self {
        Self {
            id,
            place: AtomicU64::new(place(worker, now)),
            partner: AtomicU64::new(0),
            paired: AtomicBool::new(false),
        }
    }

    /// The worker that polls it.
    pub(super) fn home(&self) -> usize {
        (self.place.load(Relaxed) & LOW_BITS) as usize
    }

    /// The task by which it was woken most of late; 0 if by none yet.
    pub(super) fn partner(&self) -> u64 {
        self.partner.load(Relaxed) >> LOW
    }

    /// Whether it and its partner wake hardly anybody but each other.
    pub(super) fn is_paired(&self) -> bool {
        self.paired.load(Relaxed)
    }

    pub(super) fn polled(&self) -> Polled {
        Polled {
            id: self.id,
            place: self.place.load(Relaxed),
            partner: self.partner.load(Relaxed),
        }
    }

    /// Notes that `other` has woken it. Of two that are paired, one follows the other to the place that is newer.
    pub(super) fn woken_by(&self, other: Polled) {
        let (most, enough) = FAITHFUL;
        let partner = self.partner.load(Relaxed);
        let wakes = partner & LOW_BITS;
        let partner = if partner >> LOW == other.id {
            other.id << LOW | (wakes + 1).min(most)
        } else if wakes > 1 {
            partner - 1
        } else {
            other.id << LOW | 1
        };
        self.partner.store(partner, Relaxed);
        let faithful = |partner: u64, to| partner >> LOW == to && partner & LOW_BITS >= enough;
        let paired = faithful(partner, other.id) && faithful(other.partner, self.id);
        self.paired.store(paired, Relaxed);
        if paired {
            self.place.fetch_max(other.place, Relaxed);
        }
    }

    /// It lives with `worker` from `now` on, unless it has moved less than `settled` milliseconds ago.
    pub(super) fn settle(&self, worker: usize, now: u64, settled: u64) {
        let since = self.place.load(Relaxed) >> LOW;
        if now.saturating_sub(since) >= settled {
            self.place.store(place(worker, now), Relaxed);
        }
    }
}

fn place(worker: usize, now: u64) -> u64 {
    now << LOW | worker as u64
}
