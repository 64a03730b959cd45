//! WebSocket frames (RFC 6455 section 5), read and written in place.
//!
//! The handshake is a library's; the frames are ours, because they are what most of a busy connector's time goes
//! to: here a message is unmasked where the socket put it and read from there, and one that is sent gets its header
//! where it was encoded. Nothing is allocated per message, nor kept per link while it is idle. There is no IO in here.

mod frame;
mod mask;
mod read;
mod write;

pub(crate) use frame::{Role, WsError};
pub(crate) use read::{Found, Item, Reader};
pub(crate) use write::Writer;

#[cfg(test)]
mod tests;
