//! How a sender and a receiver that share a key agree on every packet's lock without a word.
//!
//! The fulfillment is HMAC-SHA256 of the packet's data under the key; the condition is its SHA-256. The
//! sender makes the data of each packet unique, so that no fulfillment opens two packets.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use ilp_proto::{Condition, Fulfillment};
use sha2::Sha256;

/// What sender and receiver share. `Debug` shows nothing of it.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl Key {
    /// The key that `text` is, as UTF-8; of any length.
    pub(crate) fn new(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }

    /// A key of these bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        match Hmac::new_from_slice(bytes) {
            Ok(mac) => Self(mac),
            // RFC 2104 takes keys of any length
            Err(_) => unreachable!("HMAC refused a key for its length"),
        }
    }

    /// What opens a packet with this data.
    pub(crate) fn fulfillment(&self, data: &[u8]) -> Fulfillment {
        let mut mac = self.0.clone();
        mac.update(data);
        Fulfillment(mac.finalize().into_bytes().into())
    }

    /// What locks a packet with this data.
    pub(crate) fn condition(&self, data: &[u8]) -> Condition {
        self.fulfillment(data).condition()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

#[cfg(test)]
mod tests;
