#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
//! BTP/2.0 (RFC-0023) as a pure state machine: frames, and one link's conversation.

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answers;
pub mod auth;
pub mod connection;
pub mod frame;
mod lane;
pub mod requests;

pub use answers::{AnswerKind, Answers, Dropped};
pub use auth::{Credentials, Secret};
pub use connection::{Config, Connection, ConnectionEvent, Inbound, SendError, State, Transmit};
pub use frame::{
    BtpCode, BtpError, Carrier, ContentType, Frame, Protocol, Protocols, ilp_frame_len,
    put_ilp_frame,
};
pub use requests::{Full, RequestId, Requests};
