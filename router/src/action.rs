//! What a [`Connector`](crate::Connector) wants its driver to do, and what it is told in return.

use crate::config::Endpoint;

/// One link: one TCP connection, from the decision to dial or the accept to its end.
///
/// Generational: an id is not used again for another link within 2³² links in the same slot, and every call with the id
/// of a link that is gone does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LinkId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl LinkId {
    /// The id as one number, for drivers that keep links in maps of their own.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }
}

/// What the driver shall do; from [`Connector::poll_action`](crate::Connector::poll_action).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Resolve, connect, TLS, upgrade; then call `handle_dialed` or `handle_dial_failed`.
    Dial {
        /// The link that this will be.
        link: LinkId,
        /// Where to.
        endpoint: Endpoint,
    },
    /// Drop the socket (or give up dialling) now. The link is gone already; nothing need be reported.
    Drop {
        /// Which.
        link: LinkId,
    },
    /// Read this socket again: [`wants_read`](crate::Connector::wants_read) has become true.
    ResumeRead {
        /// Which.
        link: LinkId,
    },
    /// All links are closed after [`shutdown`](crate::Connector::shutdown): the driver may end.
    Stop,
}

/// A message that was read from a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A binary message: a BTP frame.
    Binary(&'a [u8]),
    /// A text message; BTP has none.
    Text,
    /// A ping; the WebSocket layer has answered it.
    Ping,
    /// A pong.
    Pong,
}

/// Why a dial came to nothing. Short, fit for a log line, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError(pub alloc::string::String);

/// Why a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The other side sent a Close frame.
    Remote {
        /// Its code; 1005 when it gave none.
        code: u16,
        /// Its words, as they came.
        reason: alloc::string::String,
    },
    /// The stream ended or failed: what the operating system or the WebSocket layer said.
    Broken(alloc::string::String),
    /// A message longer than [`Limits::max_message`](crate::config::Limits::max_message).
    TooLarge,
}

/// Why a new connection is not taken: close it without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Too many connections of the node wait for their auth.
    #[error("too many unauthenticated connections")]
    TooMany,
    /// Too many of them from this address.
    #[error("too many unauthenticated connections from one address")]
    TooManyFromAddress,
    /// The node is shutting down.
    #[error("shutting down")]
    ShuttingDown,
}
