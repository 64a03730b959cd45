//! The fingerprint of a run, and the part of it that somebody wants to read.

use super::clock::{SECOND, Time};

/// FNV-1a of 128 bits over 64-bit words: two runs with the same hash did the same things at the same times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hash(u128);

impl Hash {
    pub const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    pub const fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word as u128).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words
            .iter()
            .for_each(|word| self.word(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Which events to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    pub node: Option<u32>,
    pub packet: Option<u64>,
    /// Everything from this moment on.
    pub from: Option<Time>,
}

impl Watch {
    pub fn wants(&self, now: Time, node: u32, packet: Option<u64>) -> bool {
        self.node == Some(node)
            || (self.packet.is_some() && self.packet == packet)
            || self.from.is_some_and(|from| now >= from)
    }

    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }
}

/// One line of a printed trace.
pub fn print(now: Time, node: u32, what: std::fmt::Arguments<'_>) {
    let (seconds, nanos) = (now / SECOND, now % SECOND);
    println!("{seconds:>6}.{nanos:09} n{node}: {what}");
}

#[test]
fn the_hash_tells_order_and_length_apart() {
    let hash = |parts: &[&[u8]]| {
        let mut hash = Hash::new();
        parts.iter().for_each(|part| hash.bytes(part));
        hash
    };
    assert_eq!(hash(&[b"ab", b"c"]), hash(&[b"ab", b"c"]));
    assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"c", b"ab"]));
    assert_ne!(hash(&[b"a\0"]), hash(&[b"a"]));
}
