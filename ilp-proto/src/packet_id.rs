//! A name for a packet that is the same at every hop, so that the logs of several nodes can be read
//! together.

#[cfg(test)]
mod tests;

use core::fmt;

use sha2::{Digest, Sha256};

use crate::packet::Prepare;

/// The first eight bytes of a hash of what no hop changes. Printed, it is 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(pub [u8; 8]);

/// The name of a packet: SHA-256 over condition, destination and data, one behind the other.
///
/// Amount and expiry change on the way and are left out. Two packets that agree in the rest have
/// the same name; senders who care put something unique into the data or the condition.
#[must_use]
pub fn packet_id(prepare: &Prepare<'_>) -> PacketId {
    let mut hash = Sha256::new();
    hash.update(prepare.condition.0);
    hash.update(prepare.destination.as_bytes());
    hash.update(prepare.data);
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
    PacketId([a, b, c, d, e, f, g, h])
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PacketId({self})")
    }
}
