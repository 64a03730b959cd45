//! Numbers: plain integers, counted where things happen, read by whoever asks.

use alloc::collections::BTreeMap;
use core::time::Duration;

use ilp_proto::ErrorCode;

/// Counts of one peer. All only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCounters {
    /// PREPAREs taken in from it.
    pub prepares_in: u64,
    /// PREPAREs handed to it.
    pub prepares_out: u64,
    /// Valid FULFILLs from it.
    pub fulfills_in: u64,
    /// FULFILLs for it.
    pub fulfills_out: u64,
    /// REJECTs from it.
    pub rejects_in: u64,
    /// REJECTs for it.
    pub rejects_out: u64,
    /// Messages from it since its authentication; pings and pongs are none.
    pub messages_in: u64,
    /// Messages to it, our part of the handshake among them.
    pub messages_out: u64,
    /// Bytes of its binary messages.
    pub bytes_in: u64,
    /// Bytes of messages to it.
    pub bytes_out: u64,
    /// Our requests to it that nobody answered in time.
    pub expired: u64,
    /// FULFILLs from it with a wrong preimage.
    pub bad_fulfillments: u64,
    /// Answers from it that came too late or for nothing in flight.
    pub late_answers: u64,
    /// Answers to it that were dropped.
    pub dropped_answers: u64,
    /// FULFILLs among them: money that we may have paid and not been paid. Those of amount 0 are none of these.
    pub dropped_fulfills: u64,
    /// The sum of their amounts, in the asset of its account: by how much its books may differ from ours.
    pub dropped_amount: u128,
    /// Frames from it that are no BTP.
    pub unreadable: u64,
    /// BTP ERRORs and answers without a packet from it.
    pub btp_errors: u64,
    /// Times it became connected.
    pub connects: u64,
    /// Times it stopped being connected.
    pub disconnects: u64,
    /// Dials that came to nothing.
    pub dial_failures: u64,
    /// Failed authentications, in either direction.
    pub auth_failures: u64,
}

/// How long packets took, in buckets that double from 8 µs to 33 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; Self::BUCKETS],
    count: u64,
    sum_nanos: u64,
}

impl Histogram {
    /// Bucket `i` holds what took at most 8 µs × 2^i; the last one holds all the rest.
    pub const BUCKETS: usize = 24;

    /// The upper bound of bucket `index`; `None` for the last, which has none.
    #[must_use]
    pub const fn bound(index: usize) -> Option<Duration> {
        if index + 1 < Self::BUCKETS {
            Some(Duration::from_micros(8 << index))
        } else {
            None
        }
    }

    /// Counts one.
    #[inline]
    pub fn record(&mut self, took: Duration) {
        let whole = took.as_secs().saturating_mul(1_000_000_000);
        let nanos = whole.saturating_add(u64::from(took.subsec_nanos()));
        // smallest i with nanos <= 8000 << i
        let scaled = nanos.saturating_sub(1) / 8_000;
        let index = (u64::BITS - scaled.leading_zeros()) as usize;
        self.buckets[index.min(Self::BUCKETS - 1)] += 1;
        self.count += 1;
        self.sum_nanos = self.sum_nanos.saturating_add(nanos);
    }

    /// Counts by bucket, not cumulative.
    #[must_use]
    pub const fn buckets(&self) -> &[u64; Self::BUCKETS] {
        &self.buckets
    }

    /// All that was counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all durations.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: [0; Self::BUCKETS],
            count: 0,
            sum_nanos: 0,
        }
    }
}

/// Counts of the whole node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Packets in flight now.
    pub in_flight: u64,
    /// Rejects that this node made itself, by code.
    pub own_rejects: BTreeMap<ErrorCode, u64>,
    /// From handing a PREPARE to the next hop to its answer.
    pub hop_time: Histogram,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections refused at once.
    pub refused: u64,
    /// Accepted links that have not authenticated yet, now; those that guessed wrong and hung up count until their
    /// refusal would have gone out.
    pub unauthenticated: u64,
    /// Accepted links that failed to authenticate.
    pub auth_denied: u64,
    /// Frames that are no BTP, from accepted links that had not authenticated: those of peers are in
    /// [`PeerCounters::unreadable`].
    pub unreadable: u64,
    /// Events that did not fit the ring, and complaints about one peer (64 at once, then four a second) or about strangers
    /// (256, then 16; those who failed to authenticate by themselves) that were too many.
    pub events_dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        for nanos in [
            0,
            1,
            7_999,
            8_000,
            8_001,
            16_000,
            16_001,
            1_000_000,
            60_000_000_000,
            u64::MAX,
        ] {
            let took = Duration::from_nanos(nanos);
            let mut histogram = Histogram::default();
            histogram.record(took);
            let index = histogram
                .buckets()
                .iter()
                .position(|&count| count == 1)
                .unwrap();
            assert!(
                Histogram::bound(index).is_none_or(|bound| took <= bound),
                "{took:?} in {index}"
            );
            let below = index.checked_sub(1).and_then(Histogram::bound);
            assert!(
                below.is_none_or(|bound| took > bound),
                "{took:?} in {index}"
            );
            assert_eq!((histogram.count(), histogram.sum()), (1, took));
        }
    }
}
