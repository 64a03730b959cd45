//! The requests we wait for an answer to.

mod vacant;

use alloc::vec::Vec;
use core::fmt;

use vacant::Vacant;

/// An empty table of more slots than this gives its memory back.
const KEEP: usize = 1024;

/// The slots that a table begins with.
const FIRST: usize = 8;

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
/// process, since every life counts from another number.
///
/// The wire id is a running number that begins where the seed says, and its last bits are its slot:
/// unique while in flight, and found without hashing. A number whose slot is still taken is left out;
/// at most seven of eight slots are, so 536 million requests at the least lie between two uses of one
/// id, and a late answer misses.
///
/// Every operation is O(1), amortised for [`insert`](Self::insert): one of them may pass over all that is in flight, 64 requests at a
/// time, if that is the oldest there is and has consecutive ids, or
/// double the table (with cookies of four bytes 13 µs at 4,096, 0.4 ms at the most that there may be). A table has eight slots, or
/// at most 16 for every 7 requests that were in flight at once; an empty one of more than 1,024 slots gives them
/// all back. A slot takes an id, an `Option<C>` and a bit.
pub struct Requests<C> {
    /// A power of two of them, or none.
    slots: Vec<Slot<C>>,
    /// Which of them hold nothing.
    vacant: Vacant,
    len: u32,
    /// What the next request is called, if its slot is free.
    next: u32,
    limit: u32,
}

struct Slot<C> {
    /// The last id that was here.
    id: u32,
    cookie: Option<C>,
}

impl<C> Slot<C> {
    const FREE: Self = Self {
        id: 0,
        cookie: None,
    };
}

impl<C> Requests<C> {
    /// The most that a table takes.
    pub const MAX_LIMIT: usize = 1 << 16;

    /// An empty table for at most `limit` requests (clamped to [`Self::MAX_LIMIT`]). The seed only
    /// has to differ between lives of the process and between peers.
    #[must_use]
    pub fn new(limit: usize, seed: u64) -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vacant::default(),
            len: 0,
            next: mix(seed),
            // At most 2^16.
            limit: limit.min(Self::MAX_LIMIT) as u32,
        }
    }

    /// Takes a request in and gives it an id.
    ///
    /// # Errors
    /// [`Full`] when `limit` requests are in flight.
    #[inline]
    pub fn insert(&mut self, cookie: C) -> Result<RequestId, Full<C>> {
        if self.len >= self.limit {
            return Err(Full(cookie));
        }
        if self.len as usize >= self.slots.len() / 8 * 7 {
            self.grow();
        }
        let (start, mask) = (self.index(self.next), self.mask());
        let found = self.vacant.first_from(start);
        // A table that has grown has a vacant slot, so there is always one.
        let Some((index, slot)) = found.and_then(|at| Some((at, self.slots.get_mut(at)?))) else {
            return Err(Full(cookie));
        };
        // The numbers of the slots in between are left out: fewer than there are slots, which is 2^17 at most.
        let ahead = index.wrapping_sub(start) & mask;
        let id = self.next.wrapping_add(ahead as u32);
        *slot = Slot {
            id,
            cookie: Some(cookie),
        };
        self.vacant.fill(index);
        self.next = id.wrapping_add(1);
        self.len += 1;
        Ok(RequestId(id))
    }

    /// Resolves a request: the cookie, exactly once. `None` for an id that is not in flight.
    #[inline]
    #[must_use = "the cookie is what waits for the answer"]
    pub fn take(&mut self, id: u32) -> Option<C> {
        let index = self.index(id);
        let slot = self.slots.get_mut(index).filter(|slot| slot.id == id)?;
        let cookie = slot.cookie.take()?;
        self.vacant.empty(index);
        self.len -= 1;
        if self.len == 0 && self.slots.len() > KEEP {
            self.release();
        }
        Some(cookie)
    }

    /// The cookie of a request in flight.
    #[must_use]
    #[inline]
    pub fn get(&self, id: u32) -> Option<&C> {
        let slot = self.slots.get(self.index(id))?;
        slot.cookie.as_ref().filter(|_| slot.id == id)
    }

    /// Requests in flight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// True when nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The most requests that may be in flight.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// What is in flight, in slot order: oldest first while nothing is much older than the rest.
    pub fn iter(&self) -> impl Iterator<Item = (RequestId, &C)> {
        let (newer, older) = self.slots.split_at(self.index(self.next));
        older
            .iter()
            .chain(newer)
            .filter_map(|slot| Some((RequestId(slot.id), slot.cookie.as_ref()?)))
    }

    /// Takes everything in flight, in the order of [`iter`](Self::iter). What the iterator did not reach
    /// stays.
    pub fn drain(&mut self) -> impl Iterator<Item = (RequestId, C)> {
        let mut id = self.next;
        let mut left = self.slots.len();
        core::iter::from_fn(move || {
            while left > 0 {
                let index = self.index(id);
                left -= 1;
                id = id.wrapping_add(1);
                // The last one may give all slots back; then there is nothing left to find.
                let found = self.slots.get(index).map(|slot| slot.id)?;
                if let Some(cookie) = self.take(found) {
                    return Some((RequestId(found), cookie));
                }
            }
            None
        })
    }

    /// Gives the memory of an empty table back, for a peer that has been idle for long.
    pub fn release(&mut self) {
        if self.len == 0 {
            self.slots = Vec::new();
            self.vacant = Vacant::default();
        }
    }

    /// The slot of an id. Out of range only while there are none at all.
    #[inline]
    fn index(&self, id: u32) -> usize {
        id as usize & self.mask()
    }

    #[inline]
    fn mask(&self) -> usize {
        self.slots.len().saturating_sub(1)
    }

    /// Doubles the table. What shared its place with its like a lap away has one of its own then.
    #[cold]
    fn grow(&mut self) {
        let old = self.slots.len();
        self.slots.resize_with((2 * old).max(FIRST), || Slot::FREE);
        for index in 0..old {
            let taken = self.slots.get(index).filter(|slot| slot.cookie.is_some());
            // Here or in the new half, where nothing is yet.
            if let Some(place) = taken.map(|slot| self.index(slot.id)) {
                self.slots.swap(index, place);
            }
        }
        self.vacant = self
            .slots
            .iter()
            .map(|slot| slot.cookie.is_none())
            .collect();
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
