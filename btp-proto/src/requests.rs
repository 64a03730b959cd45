//! The requests we wait for an answer to.

use alloc::vec::Vec;
use core::fmt;

/// Free slots kept in reserve before one is used again. Together with 65,536 generations per slot
/// it puts 67 million requests between two uses of one wire id, unless the limit is lower.
const RESERVE: usize = 1024;

/// Marks the end of the free list.
const NONE: u32 = u32::MAX;

/// The id of a request of ours as the peer sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u32);

/// The limit is reached. Hands the cookie back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<C>(pub C);

impl<C> fmt::Debug for Full<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}

impl<C> fmt::Display for Full<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many requests in flight")
    }
}

impl<C> core::error::Error for Full<C> {}

/// Requests in flight to one peer, with the caller's cookie `C` for each.
///
/// It belongs to the *peer*, not to a socket: an answer may arrive on a newer connection than the
/// one that carried the question. [`Requests::take`] is the whole correlation. An id that was
/// answered, given up, or never ours yields `None`, and so does one from an earlier life of this
/// process, since every life masks its ids differently.
///
/// The wire id is (generation, slot) XOR a mask drawn from the seed: unique while in flight, and
/// found without hashing. Freed slots are used again in the order they were freed, and only once
/// 1,024 of them wait or the limit leaves no other, so that a late answer misses. Every operation
/// is O(1); memory grows with use and never past `limit` slots.
pub struct Requests<C> {
    slots: Vec<Slot<C>>,
    limit: usize,
    len: usize,
    free: usize,
    oldest_free: u32,
    newest_free: u32,
    mask: u32,
}

struct Slot<C> {
    cookie: Option<C>,
    generation: u16,
    next_free: u32,
}

impl<C> Requests<C> {
    /// The most a table can hold: slots are numbered by 16 bits.
    pub const MAX_LIMIT: usize = 1 << 16;

    /// An empty table for at most `limit` requests (clamped to [`Self::MAX_LIMIT`]). The seed only
    /// has to differ between lives of the process and between peers.
    #[must_use]
    pub fn new(limit: usize, seed: u64) -> Self {
        Self {
            slots: Vec::new(),
            limit: limit.min(Self::MAX_LIMIT),
            len: 0,
            free: 0,
            oldest_free: NONE,
            newest_free: NONE,
            mask: mix(seed),
        }
    }

    /// Takes a request in and gives it an id.
    ///
    /// # Errors
    /// [`Full`] when `limit` requests are in flight.
    pub fn insert(&mut self, cookie: C) -> Result<RequestId, Full<C>> {
        if self.len >= self.limit {
            return Err(Full(cookie));
        }
        let fresh = self.slots.len() < self.limit && self.free < RESERVE;
        let index = if fresh {
            self.slots.push(Slot {
                cookie: Some(cookie),
                generation: 0,
                next_free: NONE,
            });
            self.slots.len() - 1
        } else {
            // Not fresh and below the limit: a slot is free.
            let index = self.oldest_free as usize;
            let Some(slot) = self.slots.get_mut(index) else {
                return Err(Full(cookie));
            };
            self.oldest_free = slot.next_free;
            self.free -= 1;
            slot.cookie = Some(cookie);
            index
        };
        self.len += 1;
        Ok(self.id(index))
    }

    /// Resolves a request: the cookie, exactly once. `None` for an id that is not in flight.
    #[must_use = "the cookie is what waits for the answer"]
    pub fn take(&mut self, id: u32) -> Option<C> {
        let index = self.index(id)?;
        self.free_slot(index)
    }

    /// The cookie of a request in flight.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&C> {
        let index = self.index(id)?;
        self.slots.get(index)?.cookie.as_ref()
    }

    /// Requests in flight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The most requests that may be in flight.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// What is in flight, in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (RequestId, &C)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((self.id(index), slot.cookie.as_ref()?)))
    }

    /// Takes everything in flight, in slot order. What the iterator did not reach stays.
    pub fn drain(&mut self) -> impl Iterator<Item = (RequestId, C)> {
        let mut index = 0;
        core::iter::from_fn(move || {
            while index < self.slots.len() {
                let (at, id) = (index, self.id(index));
                index += 1;
                if let Some(cookie) = self.free_slot(at) {
                    return Some((id, cookie));
                }
            }
            None
        })
    }

    fn id(&self, index: usize) -> RequestId {
        let generation = self.slots.get(index).map_or(0, |slot| slot.generation);
        // `index` is below 2^16, so the halves do not overlap.
        RequestId(((u32::from(generation) << 16) | index as u32) ^ self.mask)
    }

    fn index(&self, id: u32) -> Option<usize> {
        let id = id ^ self.mask;
        let index = (id & 0xffff) as usize;
        (u32::from(self.slots.get(index)?.generation) == id >> 16).then_some(index)
    }

    fn free_slot(&mut self, index: usize) -> Option<C> {
        let slot = self.slots.get_mut(index)?;
        let cookie = slot.cookie.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.next_free = NONE;
        let newest = self.newest_free as usize;
        if self.free == 0 {
            self.oldest_free = index as u32;
        } else if let Some(previous) = self.slots.get_mut(newest) {
            previous.next_free = index as u32;
        }
        self.newest_free = index as u32;
        self.free += 1;
        self.len -= 1;
        Some(cookie)
    }
}

impl<C> fmt::Debug for Requests<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests")
            .field("len", &self.len)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Spreads a seed over 32 bits (the finaliser of splitmix64).
fn mix(seed: u64) -> u32 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 32) as u32
}

#[cfg(test)]
mod tests;
