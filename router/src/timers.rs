//! The rare deadlines of a node: one a link, a few a peer. Packets have the [wheel](crate::wheel).

use alloc::collections::{BTreeMap, BTreeSet};

use ilp_proto::Instant;

use crate::action::LinkId;
use crate::peer::PeerIndex;

/// What a deadline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A link's handshake, keepalive, refusal or close.
    Link(LinkId),
    /// Dial this peer.
    Dial(PeerIndex),
    /// Close the link of this peer that lost the tie-break.
    Spare(PeerIndex),
    /// See whether this peer has read anything.
    Stall(PeerIndex),
    /// Give up answers that this peer did not take in time.
    Answers(PeerIndex),
    /// Tell of lost FULFILLs that could not be told of when they were lost.
    Losses(PeerIndex),
    /// Ask this parent for our address.
    Ildcp(PeerIndex),
    /// Give back the places of guessers who did not wait for their refusal.
    Places,
    /// The drain has taken long enough.
    Drain,
}

/// A set of deadlines, at most one for each [`Timer`]. O(log n) to change, O(1) to ask for the first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Instant, Timer)>,
    by_key: BTreeMap<Timer, Instant>,
    first: Option<Instant>,
}

impl Timers {
    /// Sets, moves or (with `None`) clears a deadline.
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        let old = match at {
            Some(at) => self.by_key.insert(timer, at),
            None => self.by_key.remove(&timer),
        };
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.by_time.remove(&(old, timer));
        }
        if let Some(at) = at {
            self.by_time.insert((at, timer));
        }
        self.first = self.by_time.first().map(|&(at, _)| at);
    }

    /// The earliest deadline.
    pub(crate) const fn first(&self) -> Option<Instant> {
        self.first
    }

    /// Takes one deadline that has passed.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Timer> {
        let &(at, timer) = self.by_time.first()?;
        if at > now {
            return None;
        }
        self.set(timer, None);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Option<Instant> {
        Some(Instant::from_nanos(nanos))
    }

    #[test]
    fn the_first_deadline_follows_every_change() {
        let mut timers = Timers::default();
        timers.set(Timer::Drain, at(30));
        timers.set(Timer::Dial(PeerIndex(0)), at(10));
        assert_eq!(timers.first(), at(10));
        timers.set(Timer::Dial(PeerIndex(0)), at(50));
        assert_eq!(timers.first(), at(30));
        timers.set(Timer::Drain, None);
        assert_eq!(timers.first(), at(50));
    }

    #[test]
    fn deadlines_expire_in_order_and_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Dial(PeerIndex(1)), at(20));
        timers.set(Timer::Dial(PeerIndex(2)), at(10));
        let now = Instant::from_nanos(20);
        assert_eq!(timers.expire(now), Some(Timer::Dial(PeerIndex(2))));
        assert_eq!(timers.expire(now), Some(Timer::Dial(PeerIndex(1))));
        assert_eq!(timers.expire(now), None);
        assert_eq!(timers.first(), None);
    }
}
