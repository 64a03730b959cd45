//! Packets in flight: where each came from, where it went, until when.
//!
//! A record is 128 bytes and holds no packet data. It is made when a PREPARE has been
//! handed to the next hop's link and ends with its one answer or its expiry. Each outgoing request
//! has exactly one flight, so the peer's [`Requests`](btp_proto::Requests) hold the key and no
//! generation is needed here.
//!
//! Timers are lazy. One belongs to the place of a flight in the slab, and stays where it is when the flight ends: the next
//! flight in that place leaves it alone too, unless it would be too late. Only a timer that goes off looks whether there
//! is a flight that is due, and is set again if that is so later. So nearly all flights come and go without the wheel, and
//! each place is in it at most once and goes off about once in the time that flights are held.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::hint::black_box;
use core::num::NonZeroU32;

use ilp_proto::{Condition, Instant, Now, PacketId, Timestamp};

use crate::config::Timeouts;
use crate::peer::PeerIndex;
use crate::wheel::Wheel;

/// Who is waiting for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A neighbour, under this request id.
    Peer { peer: PeerIndex, request: u32 },
    /// This node: it asked its parent for an address.
    Ildcp,
}

/// The place of a flight in the slab. Never `u32::MAX`, so that an optional one is as small as it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlightKey(NonZeroU32);

impl FlightKey {
    /// `None` for an index that cannot be numbered: no memory holds as many flights.
    fn new(index: usize) -> Option<Self> {
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        NonZeroU32::new(number).map(Self)
    }

    #[inline]
    const fn index(self) -> u32 {
        self.0.get() - 1
    }
}

/// One packet in flight. In the order written here: it begins a cache line, and fills it but for the last two fields.
#[repr(C)]
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) origin: Origin,
    pub(crate) to: PeerIndex,
    /// The id of our request.
    pub(crate) request: u32,
    /// The value of [`Peer::epoch`](crate::peer::Peer::epoch) when it left.
    pub(crate) epoch: u32,
    /// In the asset of the origin's account.
    pub(crate) amount_in: u64,
    /// In the asset of the next hop's account.
    pub(crate) amount_out: u64,
    pub(crate) times: Times,
    pub(crate) sent: Instant,
    // the second cache line begins here
    pub(crate) condition: Condition,
    /// For logs; `None` while nobody wants to know.
    pub(crate) packet: Option<PacketId>,
}

/// The deadlines of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// When the outgoing PREPARE expires: an answer at or after it is late.
    pub(crate) expires: Instant,
    /// When the incoming PREPARE expires: our answer is of no use after it.
    pub(crate) answer_by: Instant,
}

/// Why a packet has too little time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// It has expired: R00.
    Expired,
    /// Nothing would be left of it at the next hop: R02.
    Margin,
}

/// When the answer to a packet of this expiry is of no use any more. This is where a wall-clock time
/// becomes a monotonic one, once and for all: a step of the wall clock cannot expire what is in flight.
pub(crate) fn deadline(now: Now, expires_at: Timestamp) -> Instant {
    let left = expires_at.as_millis().saturating_sub(now.wall.as_millis());
    // the same as adding a `Duration`, without its seconds; negative is none
    let nanos = u64::try_from(left).map_or(0, |left| left.saturating_mul(1_000_000));
    Instant::from_nanos(now.mono.as_nanos().saturating_add(nanos))
}

/// The deadlines of a PREPARE that came in (design: RFC-0027 section "Expiry"), and what the outgoing one says.
pub(crate) fn times(
    now: Now,
    expires_at: Timestamp,
    timeouts: &Timeouts,
) -> Result<(Times, Timestamp), Late> {
    if now.wall >= expires_at {
        return Err(Late::Expired);
    }
    let longest = now.wall.saturating_add(timeouts.max_hold);
    let outgoing = expires_at
        .saturating_sub(timeouts.expiry_margin)
        .min(longest);
    if outgoing <= now.wall {
        return Err(Late::Margin);
    }
    let times = Times {
        expires: deadline(now, outgoing),
        answer_by: deadline(now, expires_at),
    };
    Ok((times, outgoing))
}

/// A place for a flight. Aligned to cache lines: it is two of them, where one of a few bytes less mostly lies in three, and
/// with many in flight each is a miss when the answer comes.
#[repr(C, align(64))]
struct Slot {
    flight: Option<Flight>,
    /// What the timer of this place was last set for, whatever flight it was for. It has not gone off yet if that is later
    /// than what [`Forwarder::seen`] says.
    timer: Instant,
}

/// A timer that went off.
pub(crate) enum Alarm {
    /// The time of this flight is over. It has been taken out.
    Over(Flight),
    /// The flight that it was set for has ended before. What is in its place by now, if anything, has it set again.
    Stale,
}

/// How many lists of free places there are.
const LANES: usize = 16;

/// The free places that flights of the same origins have left. Aligned so that two lists share no cache line.
#[derive(Default)]
#[repr(align(64))]
struct Lane(Vec<FlightKey>);

/// The slab of flights and the one timer that each place in it has.
///
/// A place goes back to the peers whose packet was in it (by their number, modulo [`LANES`]): where the links of two pairs
/// of peers are polled by different cores, each finds its next flights in the cache that its last ones have left, and need not
/// fetch two lines for each packet from the other core. Those of others are taken when there are no more places to be had.
pub(crate) struct Forwarder {
    slots: Vec<Slot>,
    free: [Lane; LANES],
    /// Flights in the slots.
    taken: usize,
    wheel: Wheel,
    /// The latest time that timers were asked for: each up to here may have gone off.
    seen: Instant,
    /// No timer is later.
    last: Instant,
    limit: usize,
}

impl Forwarder {
    pub(crate) fn new(limit: usize, now: Instant) -> Self {
        Self {
            slots: Vec::new(),
            free: Default::default(),
            taken: 0,
            wheel: Wheel::new(now),
            seen: now,
            last: now,
            limit,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.taken
    }

    /// The key that the next [`insert`](Self::insert) of a flight of this origin will use; `None` when the node is full.
    #[inline]
    pub(crate) fn vacant(&self, origin: Origin) -> Option<FlightKey> {
        if self.len() >= self.limit {
            return None;
        }
        match self.free[lane(origin)].0.last() {
            Some(&key) => Some(key),
            None if self.slots.len() < self.limit => FlightKey::new(self.slots.len()),
            None => self.free.iter().find_map(|lane| lane.0.last().copied()),
        }
    }

    /// Takes a flight in under the key that [`vacant`](Self::vacant) gave.
    // so that the flight is made where it stays
    #[inline(always)]
    pub(crate) fn insert(&mut self, key: FlightKey, flight: Flight) {
        if self.len() == 0 && self.last <= flight.sent {
            // no timer is of a flight, and none is ahead: the wheel need not go through them to get to the present
            self.wheel.reset(flight.sent);
            self.seen = self.seen.max(flight.sent);
        }
        let index = key.index();
        let own = &mut self.free[lane(flight.origin)].0;
        if own.last() == Some(&key) {
            own.pop();
        } else if self.slots.len() == index as usize {
            self.slots.push(Slot::FREE);
        } else {
            self.take_from_others(key);
        }
        self.taken += 1;
        let slot = &mut self.slots[index as usize];
        let expires = flight.times.expires;
        slot.flight = Some(flight);
        if slot.timer <= self.seen || expires < slot.timer {
            self.set(index, expires);
        }
    }

    /// Takes a place that others have left.
    #[cold]
    fn take_from_others(&mut self, key: FlightKey) {
        let theirs = self.free.iter_mut();
        let of_key = theirs
            .map(|lane| &mut lane.0)
            .find(|lane| lane.last() == Some(&key));
        let taken = of_key.and_then(Vec::pop);
        debug_assert_eq!(taken, Some(key), "a key that vacant() did not give");
    }

    /// A flight has left its place.
    #[inline]
    fn leave(&mut self, key: FlightKey, origin: Origin) {
        self.free[lane(origin)].0.push(key);
        self.taken -= 1;
    }

    /// Sets the timer of a place, or moves it.
    fn set(&mut self, index: u32, at: Instant) {
        self.slots[index as usize].timer = at;
        self.last = self.last.max(at);
        self.wheel.insert(index, at);
    }

    /// Reads what [`remove`](Self::remove) will for each of these keys, a word of each cache line, so that it is in the cache
    /// by then. The reads overlap: nothing waits for what they bring.
    #[inline]
    pub(crate) fn touch(&self, keys: &[Option<FlightKey>]) {
        let mut seen = 0;
        for key in keys.iter().flatten() {
            if let Some(slot) = self.slots.get(key.index() as usize)
                && let Some(flight) = &slot.flight
            {
                let [second, ..] = flight.condition.0;
                seen ^= flight.request ^ u32::from(second);
            }
        }
        black_box(seen);
    }

    /// Ends a flight.
    #[inline]
    pub(crate) fn remove(&mut self, key: FlightKey) -> Option<Flight> {
        let flight = self.slots.get_mut(key.index() as usize)?.flight.take();
        if let Some(flight) = &flight {
            self.leave(key, flight.origin);
        }
        flight
    }

    /// Looks at one timer whose time has come, in O(1). To be called until it returns `None`, or as often as the turn allows;
    /// after `None` the next deadline is past `now`.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Alarm> {
        self.seen = self.seen.max(now);
        let index = self.wheel.expire(now)?;
        let slot = self.slots.get_mut(index as usize)?;
        if let Some(later) = slot.flight.as_ref().map(|flight| flight.times.expires)
            && later > self.seen
        {
            self.set(index, later);
            return Some(Alarm::Stale);
        }
        let Some(flight) = slot.flight.take() else {
            return Some(Alarm::Stale);
        };
        if let Some(key) = FlightKey::new(index as usize) {
            self.leave(key, flight.origin);
        }
        Some(Alarm::Over(flight))
    }

    /// When to call [`expire`](Self::expire): at or, by less than one tick of the wheel, after the earliest deadline of a
    /// flight, or before it on account of stale timers. `None` when nothing is in flight.
    ///
    /// Stale timers cause at most one such early time in each tick, whatever their number, and none once the last flight has
    /// ended. Those that came up while nothing was in flight are due at the next flight, all at once, unless none is left
    /// ahead of it: then they are forgotten.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.len() == 0 {
            return None;
        }
        self.wheel.next_deadline()
    }
}

/// The list that the place of a flight comes from and goes back to.
#[inline]
const fn lane(origin: Origin) -> usize {
    match origin {
        Origin::Peer { peer, .. } => peer.0 as usize % LANES,
        Origin::Ildcp => 0,
    }
}

impl Slot {
    const FREE: Self = Self {
        flight: None,
        timer: Instant::ZERO,
    };
}
