//! How long answers took: counts in buckets that are at most 1/64 of their value wide.

/// Buckets for each power of two.
const STEPS: u64 = 64;
const BUCKETS: usize = 64 * STEPS as usize;

/// Times in nanoseconds. Below 128 ns they are exact; above, a quantile may be too low by 1.6 %, the maximum
/// never is.
#[derive(Clone)]
pub(super) struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            total: 0,
            max: 0,
        }
    }

    pub(super) fn add(&mut self, nanos: u64) {
        // every u64 has a bucket: see `bucket`
        if let Some(count) = self.counts.get_mut(bucket(nanos)) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    pub(super) const fn max(&self) -> u64 {
        self.max
    }

    /// What so many of 1,000 are not above; 0 if there are none.
    pub(super) fn per_mille(&self, rank: u64) -> u64 {
        let wanted = (u128::from(self.total) * u128::from(rank)).div_ceil(1_000);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if *count > 0 && seen >= wanted {
                return lowest(at as u64).min(self.max);
            }
        }
        self.max
    }
}

/// The leading bit says which group of 64 buckets, the six bits behind it which of them.
const fn bucket(nanos: u64) -> usize {
    let at = if nanos < STEPS {
        nanos
    } else {
        let shift = (63 - nanos.leading_zeros() - STEPS.trailing_zeros()) as u64;
        shift * STEPS + (nanos >> shift)
    };
    at as usize
}

/// The least that is in a bucket.
const fn lowest(bucket: u64) -> u64 {
    if bucket < 2 * STEPS {
        bucket
    } else {
        let shift = bucket / STEPS - 1;
        (bucket % STEPS + STEPS) << shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_bucket_that_begins_just_below_it() {
        let mut nanos = 0_u64;
        while nanos < u64::MAX / 3 {
            let low = lowest(bucket(nanos) as u64);
            assert!(low <= nanos && nanos - low <= nanos / 64, "{nanos}: {low}");
            nanos += nanos / 100 + 1;
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn quantiles_are_those_of_what_was_added() {
        let (mut odd, mut even) = (Histogram::new(), Histogram::new());
        for n in 1..=100 {
            if n % 2 == 0 { &mut even } else { &mut odd }.add(n);
        }
        odd.merge(&even);
        let found = [500, 900, 990, 999].map(|rank| odd.per_mille(rank));
        assert_eq!((found, odd.max()), ([50, 90, 99, 100], 100));
        assert_eq!(Histogram::new().per_mille(990), 0);
    }
}
