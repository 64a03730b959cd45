//! What is measured of the router. A body is made once and called often. Criterion times it (the files beside this
//! directory), `.ci/instructions` counts its instructions, and `tests/allocations.rs` its allocations.

pub(crate) mod connector;
pub(crate) mod table;
pub(crate) mod wheel;

/// Numbers without a pattern, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z % n as u64) as usize
    }
}
