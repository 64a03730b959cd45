//! Packets in flight: where each came from, where it went, until when.
//!
//! A record is 128 bytes and holds no packet data. It is made when a PREPARE has been
//! handed to the next hop's link and ends with its one answer or its expiry. Each outgoing request
//! has exactly one flight, so the peer's [`Requests`](btp_proto::Requests) hold the key and no
//! generation is needed here.

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

/// One packet in flight. Aligned to cache lines: it is two of them, where one of a few bytes less mostly lies in three, and
/// with many in flight each is a miss when the answer comes.
#[repr(C, align(64))]
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

/// The slab of flights and the one timer each of them has.
pub(crate) struct Forwarder {
    flights: Vec<Option<Flight>>,
    free: Vec<FlightKey>,
    wheel: Wheel,
    limit: usize,
}

impl Forwarder {
    pub(crate) fn new(limit: usize, now: Instant) -> Self {
        Self {
            flights: Vec::new(),
            free: Vec::new(),
            wheel: Wheel::new(now),
            limit,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.flights.len() - self.free.len()
    }

    /// The key that the next [`insert`](Self::insert) will use; `None` when the node is full.
    #[inline]
    pub(crate) fn vacant(&self) -> Option<FlightKey> {
        if self.len() >= self.limit {
            return None;
        }
        match self.free.last() {
            Some(&key) => Some(key),
            None => FlightKey::new(self.flights.len()),
        }
    }

    /// Takes a flight in under the key that [`vacant`](Self::vacant) gave.
    // so that the flight is made where it stays
    #[inline(always)]
    pub(crate) fn insert(&mut self, key: FlightKey, flight: Flight) {
        if self.wheel.is_empty() {
            // an idle wheel stands where it was left: bring it to the present, nothing can expire
            let _ = self.wheel.expire(flight.sent);
        }
        let index = key.index();
        self.wheel.insert(index, flight.times.expires);
        if self.free.last() == Some(&key) {
            self.free.pop();
            self.flights[index as usize] = Some(flight);
        } else {
            debug_assert_eq!(
                self.flights.len(),
                index as usize,
                "a key that vacant() did not give"
            );
            self.flights.push(Some(flight));
        }
    }

    /// Reads what [`remove`](Self::remove) will for each of these keys, a word of each cache line, so that it is in the cache
    /// by then. The reads overlap: nothing waits for what they bring.
    #[inline]
    pub(crate) fn touch(&self, keys: &[Option<FlightKey>]) {
        let mut seen = 0;
        for key in keys.iter().flatten() {
            let index = key.index();
            if let Some(Some(flight)) = self.flights.get(index as usize) {
                let [second, ..] = flight.condition.0;
                seen ^= flight.request ^ u32::from(second) ^ self.wheel.touch(index);
            }
        }
        black_box(seen);
    }

    /// Ends a flight.
    #[inline]
    pub(crate) fn remove(&mut self, key: FlightKey) -> Option<Flight> {
        let flight = self.flights.get_mut(key.index() as usize)?.take();
        if flight.is_some() {
            self.wheel.remove(key.index());
            self.free.push(key);
        }
        flight
    }

    /// Ends one flight whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Flight> {
        let index = self.wheel.expire(now)? as usize;
        let flight = self.flights.get_mut(index)?.take();
        if flight.is_some() {
            self.free.extend(FlightKey::new(index));
        }
        flight
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn now() -> Now {
        Now {
            mono: Instant::from_nanos(5_000_000_000),
            wall: Timestamp::from_millis(1_000_000),
        }
    }

    fn after(millis: u64) -> Timestamp {
        now().wall.saturating_add(Duration::from_millis(millis))
    }

    #[test]
    fn the_outgoing_packet_expires_a_margin_before_the_incoming_one() {
        let (times, outgoing) = times(now(), after(10_000), &Timeouts::default()).unwrap();
        assert_eq!(outgoing, after(9_000));
        assert_eq!(times.expires, now().mono + Duration::from_secs(9));
        assert_eq!(times.answer_by, now().mono + Duration::from_secs(10));
    }

    #[test]
    fn no_packet_is_held_longer_than_the_longest_hold() {
        let (_, outgoing) = times(now(), after(86_400_000), &Timeouts::default()).unwrap();
        assert_eq!(outgoing, after(30_000));
    }

    #[test]
    fn a_packet_without_time_is_late_and_one_without_margin_too() {
        let timeouts = Timeouts::default();
        assert_eq!(times(now(), now().wall, &timeouts), Err(Late::Expired));
        assert_eq!(times(now(), after(1), &timeouts), Err(Late::Margin));
        assert_eq!(times(now(), after(1_000), &timeouts), Err(Late::Margin));
        assert!(times(now(), after(1_001), &timeouts).is_ok());
    }

    #[test]
    fn a_packet_in_flight_is_small() {
        // with 16 bytes in the wheel and about 16 among the peer's requests: the 160 bytes of the README
        assert_eq!(size_of::<Option<Flight>>(), 128);
    }
}
