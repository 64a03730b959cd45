//! The lock of a payment and its key (RFC-0027, "Hashed timelock agreement").

use core::fmt;

use sha2::block_api::compress256;

/// The hash that a fulfillment must have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition(pub [u8; 32]);

impl Condition {
    /// The condition that [`Fulfillment::ZERO`] fulfils. Packets between neighbours (`peer.*`) have
    /// it, as no money rests on it.
    pub const OF_ZERO: Self = Self([
        0x66, 0x68, 0x7a, 0xad, 0xf8, 0x62, 0xbd, 0x77, 0x6c, 0x8f, 0xc1, 0x8b, 0x8e, 0x9f, 0x8e,
        0x20, 0x08, 0x97, 0x14, 0x85, 0x6e, 0xe2, 0x33, 0xb3, 0x90, 0x2a, 0x59, 0x1d, 0x0d, 0x5f,
        0x29, 0x25,
    ]);
}

impl fmt::Debug for Condition {
    /// Its first four bytes, enough to tell two apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Condition({:08x}..)", u32::from_be_bytes([a, b, c, d]))
    }
}

/// The state that SHA-256 begins with (FIPS 180-4 section 5.3.3).
const SHA256_START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A message of 32 bytes, all zero, as SHA-256 pads it: a one bit behind it, and its length in bits at the end. Not
/// put together for each packet, because the block is read in wider pieces than it would be written.
const ONE_BLOCK: [u8; 64] = {
    let mut block = [0; 64];
    block[32] = 0x80;
    [block[62], block[63]] = 256_u16.to_be_bytes();
    block
};

/// The preimage of a condition: who shows it has earned the money.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fulfillment(pub [u8; 32]);

impl Fulfillment {
    /// 32 zero bytes, the fulfillment of every packet between neighbours (`peer.*`).
    pub const ZERO: Self = Self([0; 32]);

    /// The condition that it fulfils: its SHA-256.
    #[must_use]
    pub fn condition(&self) -> Condition {
        // 32 bytes and their padding are exactly one block, so the buffering of a general hash is not needed
        let mut block = ONE_BLOCK;
        block[..32].copy_from_slice(&self.0);
        let mut state = SHA256_START;
        compress256(&mut state, &[block]);
        let mut hash = [0; 32];
        for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        Condition(hash)
    }

    /// Whether it fulfils `condition`.
    #[must_use]
    pub fn fulfills(&self, condition: &Condition) -> bool {
        self.condition() == *condition
    }
}

impl fmt::Debug for Fulfillment {
    /// Nothing of its bytes: until it is paid for, it is worth money.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fulfillment(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_zero_condition_is_the_hash_of_the_zero_fulfillment() {
        assert_eq!(Fulfillment::ZERO.condition(), Condition::OF_ZERO);
    }

    proptest! {
        #[test]
        fn a_condition_is_the_sha256_of_its_fulfillment(bytes: [u8; 32]) {
            let condition = Condition(Sha256::digest(bytes).into());
            prop_assert_eq!(Fulfillment(bytes).condition(), condition);
            prop_assert!(Fulfillment(bytes).fulfills(&condition));
        }
    }
}
