#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
//! Interledger bytes and meaning, without IO: what is in a packet, and nothing about who sends it.
//!
//! Parsing borrows from the buffer that was received and never allocates; encoding appends to a
//! buffer that the caller owns. Only the canonical form is ever written. No byte from the network
//! makes any function here panic: what cannot be read is a [`DecodeError`], which says which field,
//! at which byte, and why. There is no clock in this crate either; times are arguments.
//!
//! | module | holds | specified by |
//! |---|---|---|
//! | [`time`] | [`Instant`], [`Timestamp`], [`Now`], and the two wire forms of a time | RFC-0030 |
//! | [`oer`] | length determinants, octet strings, integers | RFC-0030 |
//! | [`address`] | [`Addr`] (a checked view), [`Address`] (owned), [`Prefix`] (of a route) | RFC-0015 |
//! | [`code`] | [`ErrorCode`], its name and class, the data of an F08 | RFC-0027 |
//! | [`packet`] | [`Prepare`], [`Fulfill`], [`Reject`], [`Packet`] | RFC-0027 |
//! | [`ildcp`] | a child asks its parent for an address | RFC-0031 |
//! | [`echo`] | the packets behind `ping` | by convention |
//! | [`packet_id`](mod@packet_id) | a name for a packet that is the same at every hop | ours |
//! | [`error`] | [`DecodeError`] | ours |
//!
//! A connector takes a PREPARE apart, shortens it and sends it on:
//!
//! ```
//! use core::time::Duration;
//! use ilp_proto::{Addr, Condition, Packet, Prepare, Timestamp};
//!
//! let incoming = Prepare {
//!     amount: 1000,
//!     expires_at: Timestamp::from_millis(1_893_553_445_678),
//!     condition: Condition::OF_ZERO,
//!     destination: Addr::new("example.bob.shop")?,
//!     data: b"order 7",
//! };
//! let mut wire = Vec::new();
//! incoming.encode(&mut wire);
//!
//! let Packet::Prepare(prepare) = Packet::parse(&wire)? else { panic!("not a PREPARE") };
//! assert!(prepare.destination.is_within("example.bob"));
//!
//! let outgoing = Prepare {
//!     expires_at: prepare.expires_at.saturating_sub(Duration::from_secs(1)),
//!     ..prepare
//! };
//! let mut onward = Vec::new();
//! outgoing.encode(&mut onward);
//! assert_eq!(onward.len(), outgoing.encoded_len());
//! assert_eq!(outgoing.expires_at.to_string(), "2030-01-02T03:04:04.678Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod address;
pub mod code;
pub mod echo;
pub mod error;
pub mod ildcp;
pub mod oer;
pub mod packet;
pub mod packet_id;
pub mod time;

pub use address::{Addr, Address, AddressError, Prefix};
pub use code::{AmountTooLarge, ErrorClass, ErrorCode};
pub use echo::EchoPacket;
pub use error::{DecodeError, DecodeErrorKind};
pub use ildcp::{IldcpError, IldcpResponse};
pub use packet::{
    Condition, Fulfill, Fulfillment, MAX_DATA, MAX_MESSAGE, Packet, PacketType, Prepare, Reject,
    WholePrepare,
};
pub use packet_id::{PacketId, packet_id};
pub use time::{Instant, Now, TimeError, Timestamp};

// Packets are written into any `BufMut`: whoever implements it needs this very version.
pub use bytes;
