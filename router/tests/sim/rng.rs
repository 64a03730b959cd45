//! Numbers that look random and are the same for the same seed, whatever the platform: SplitMix64.

/// A stream of numbers. Each concern has a stream of its own, so that a change in one leaves the others as they were.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for `concern`.
    pub fn fork(&self, concern: u64) -> Self {
        Self(mix(
            self.0 ^ mix(concern.wrapping_add(0x5851_f42d_4c95_7f2d))
        ))
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 to `n - 1`; 0 for `n` = 0.
    pub fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(n);
        (wide >> 64) as u64
    }

    /// From `low` to `high - 1`.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low))
    }

    /// True in so many of a thousand cases.
    pub fn permille(&mut self, share: u32) -> bool {
        share > 0 && self.below(1_000) < u64::from(share)
    }

    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }
}

/// The finaliser of SplitMix64.
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
