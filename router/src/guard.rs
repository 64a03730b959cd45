//! Slows those who guess secrets.

#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use core::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use ilp_proto::Instant;

/// Remembers failed authentications by where they came from and who they claimed to be, and says
/// how long to hold back the refusal of the next.
///
/// The first failure is refused at once, for anybody may mistype; the second after 100 ms, and each
/// further one after twice the time of the one before, up to [`MAX_DELAY`](Self::MAX_DELAY).
/// Failures are forgotten [`FORGET_AFTER`](Self::FORGET_AFTER) the last of them, or on success. A
/// right secret is never delayed: the caller asks here only once it knows that the secret is wrong.
/// Whoever hangs up instead of waiting is still held to it, if the caller lets the connection count
/// among the unauthenticated until the delay is over.
///
/// An IPv6 address counts as its /64, the least that one customer is given; an IPv4 address written
/// as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address. Claimed ids are kept as a 64-bit hash: they are
/// input from strangers, of any length. Two that collide are slowed together, which harms nobody
/// whose secret is right.
///
/// The table is bounded. When it is full, whoever failed longest ago is forgotten.
#[derive(Debug)]
pub struct Guard {
    entries: BTreeMap<Key, Entry>,
    /// Keys by the turn of their last failure: the first is the oldest.
    oldest: BTreeMap<u64, Key>,
    capacity: usize,
    turn: u64,
    now: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    addr: IpAddr,
    claimed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    failures: u32,
    last: Instant,
    turn: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self::new(Self::CAPACITY)
    }
}

impl Guard {
    /// The delay of the second failure. 100 ms.
    pub const FIRST_DELAY: Duration = Duration::from_millis(100);
    /// The longest delay. 5 s.
    pub const MAX_DELAY: Duration = Duration::from_secs(5);
    /// How long after the last failure everything is forgotten. 60 s.
    pub const FORGET_AFTER: Duration = Duration::from_secs(60);
    /// The number of pairs of address and claimed id remembered by default, some 0.5 MB.
    pub const CAPACITY: usize = 4096;

    /// A guard that remembers at most `capacity` pairs of address and claimed id (at least one).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            oldest: BTreeMap::new(),
            capacity: capacity.max(1),
            turn: 0,
            now: Instant::ZERO,
        }
    }

    /// Notes a wrong secret, and returns how long its refusal must be held back.
    ///
    /// `claimed` should be an id that the configuration knows, or `None`: whoever may invent ids
    /// starts afresh with each. O(log n), plus what it forgets.
    ///
    /// A `now` before one that was seen earlier counts as that one.
    #[must_use = "the refusal must wait for this long"]
    pub fn failed(&mut self, now: Instant, addr: IpAddr, claimed: Option<&str>) -> Duration {
        self.now = self.now.max(now);
        self.forget_stale();
        let key = Key::new(addr, claimed);
        let before = self.forget(&key).map_or(0, |entry| entry.failures);
        if self.entries.len() >= self.capacity
            && let Some((_, oldest)) = self.oldest.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.turn += 1;
        let entry = Entry {
            failures: before.saturating_add(1),
            last: self.now,
            turn: self.turn,
        };
        self.entries.insert(key, entry);
        self.oldest.insert(self.turn, key);
        delay(before)
    }

    /// Forgets the failures of this address under this id, after a right secret. O(log n).
    pub fn succeeded(&mut self, addr: IpAddr, claimed: Option<&str>) {
        self.forget(&Key::new(addr, claimed));
    }

    /// How many pairs of address and claimed id are remembered. Stale ones count until the next
    /// failure.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nobody's failure is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn forget_stale(&mut self) {
        while let Some(first) = self.oldest.first_entry()
            && self.entries.get(first.get()).is_none_or(|entry| {
                self.now.saturating_duration_since(entry.last) >= Self::FORGET_AFTER
            })
        {
            self.entries.remove(&first.remove());
        }
    }

    fn forget(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.oldest.remove(&entry.turn);
        Some(entry)
    }
}

/// The delay of a failure with `before` others before it.
fn delay(before: u32) -> Duration {
    match before.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => 2u32
            .checked_pow(doublings)
            .and_then(|factor| Guard::FIRST_DELAY.checked_mul(factor))
            .map_or(Guard::MAX_DELAY, |delay| delay.min(Guard::MAX_DELAY)),
    }
}

impl Key {
    fn new(addr: IpAddr, claimed: Option<&str>) -> Self {
        Self {
            addr: group(addr),
            claimed: claimed.map_or(0, hash),
        }
    }
}

/// What stands for all addresses that one stranger can easily have.
pub(crate) fn group(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(addr) => {
            let network = addr.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 => v4,
    }
}

/// FNV-1a.
fn hash(claimed: &str) -> u64 {
    claimed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
