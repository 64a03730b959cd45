//! What goes into a connection and what comes out of it.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use ilp_proto::DecodeError;

use crate::frame::BtpCode;

/// Limits and times of a connection. Shared by all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// A client waits this long for the answer to its auth frame, from
    /// [`Connection::client`](super::Connection::client) on. A server is given a deadline instead,
    /// since its handshake began before the connection did. Default 5 s.
    pub auth_timeout: Duration,
    /// A ping is due when nothing was received for this long. Zero turns keepalive off. Default 30 s.
    pub keepalive_interval: Duration,
    /// The peer is dead when it stays silent for this long after a ping. Default 10 s.
    pub keepalive_timeout: Duration,
    /// Messages longer than this are unreadable, and frames that arrive behind the auth frame may
    /// take this much together. In bytes, default 65,536.
    pub max_message: usize,
    /// Requests that wait to be sent, in bytes with their frames; past it
    /// [`SendError::BufferFull`]. Default 1 MiB.
    pub max_send_buffer: usize,
    /// That many unreadable messages within [`unreadable_window`](Self::unreadable_window) close the
    /// connection with 1002. At least 1; default 3.
    pub max_unreadable: u32,
    /// See [`max_unreadable`](Self::max_unreadable). Default 60 s.
    pub unreadable_window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            auth_timeout: Duration::from_secs(5),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            max_message: 64 * 1024,
            max_send_buffer: 1024 * 1024,
            max_unreadable: 3,
            unreadable_window: Duration::from_secs(60),
        }
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum State {
    /// Server: no frame has come yet.
    AwaitAuth,
    /// Server: credentials were handed up, the caller has not decided.
    AuthPending,
    /// Client: the auth frame is sent or about to be.
    AwaitReply,
    /// Both ends may ask.
    Open,
    /// A close is due once what goes before it is sent.
    Closing,
    /// The close was handed out.
    Closed,
}

/// What one received message turned out to be. Borrows from the message.
///
/// `Debug` shows neither tokens nor data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Inbound<'m> {
    /// Consumed: an answer to auth, a frame kept for later, something to ignore.
    Nothing,
    /// Server: someone wants in. Exactly one of
    /// [`accept_auth`](super::Connection::accept_auth) and
    /// [`refuse_auth`](super::Connection::refuse_auth) must follow, now or later.
    Auth {
        /// The id of the auth frame.
        id: u32,
        /// The `auth_username` entry, unless missing or empty.
        username: Option<&'m str>,
        /// The `auth_token` entry, possibly empty. Compare it with
        /// [`Secret::ct_eq`](crate::Secret::ct_eq) and keep it out of logs.
        token: &'m str,
    },
    /// The peer asks. Exactly one answer is due: [`Answers::respond`](crate::Answers::respond), or
    /// [`respond_error`](super::Connection::respond_error) or
    /// [`respond_empty`](super::Connection::respond_empty) on this connection.
    Request {
        /// The peer's id, to be echoed.
        id: u32,
        /// What was in the `ilp` entry: a PREPARE by its first byte, or nothing that is an answer.
        /// Nothing else is checked, it may be empty.
        ilp: &'m [u8],
    },
    /// The peer answers. Whose answer it is, and whether anyone still waits for it, says
    /// [`Requests::take`](crate::Requests::take).
    Answer {
        /// The id of our request.
        id: u32,
        /// What was in the `ilp` entry, unchecked.
        ilp: &'m [u8],
    },
    /// The peer could not or would not answer: a BTP ERROR, or a RESPONSE without ILP (code `F00`,
    /// name `no ilp`). Again [`Requests::take`](crate::Requests::take) says whose request failed.
    Failed {
        /// The id of our request.
        id: u32,
        /// The code of the ERROR frame.
        code: [u8; 3],
        /// Its name, as the peer chose it.
        name: &'m str,
        /// Its data, usually text for people.
        data: &'m [u8],
    },
    /// No frame. It gets no answer (RFC-0023) but counts: too many of them close the connection.
    Unreadable {
        /// What is wrong and where.
        error: DecodeError,
    },
    /// A frame that cannot be accepted. A BTP ERROR `F00` with its id is already queued.
    Refused {
        /// The peer's id.
        id: u32,
        /// What the peer is told.
        why: &'static str,
    },
}

impl fmt::Debug for Inbound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Auth {
                id,
                username,
                token: _,
            } => f
                .debug_struct("Auth")
                .field("id", id)
                .field("username", username)
                .finish_non_exhaustive(),
            Self::Request { id, ilp } => f
                .debug_struct("Request")
                .field("id", id)
                .field("ilp_len", &ilp.len())
                .finish(),
            Self::Answer { id, ilp } => f
                .debug_struct("Answer")
                .field("id", id)
                .field("ilp_len", &ilp.len())
                .finish(),
            Self::Failed {
                id,
                code,
                name,
                data,
            } => f
                .debug_struct("Failed")
                .field("id", id)
                .field("code", &BtpCode::new(*code))
                .field("name", name)
                .field("data_len", &data.len())
                .finish(),
            Self::Unreadable { error } => {
                f.debug_struct("Unreadable").field("error", error).finish()
            }
            Self::Refused { id, why } => f
                .debug_struct("Refused")
                .field("id", id)
                .field("why", why)
                .finish(),
        }
    }
}

/// What [`poll_transmit`](super::Connection::poll_transmit) wants sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transmit {
    /// A binary message: the last `len` bytes of the buffer.
    Binary {
        /// In bytes.
        len: usize,
    },
    /// A WebSocket ping with an empty payload. Pongs are the business of the WebSocket layer.
    Ping,
    /// A WebSocket close. Nothing follows.
    Close {
        /// The WebSocket close code.
        code: u16,
        /// For people; at most 123 bytes.
        reason: &'static str,
    },
}

/// What a connection has to say about itself. There are never more than four in a life.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConnectionEvent {
    /// Client: the server let us in. The connection is open.
    AuthAccepted,
    /// Client: it did not. [`Closing`](Self::Closing) follows.
    AuthFailed {
        /// What the server said, at most 256 bytes, or what went wrong instead. Chosen by the peer:
        /// escape it.
        reason: String,
        /// The code of the server's ERROR, if it sent one.
        code: Option<BtpCode>,
    },
    /// The connection is about to close. Not reported when the caller closes it.
    Closing {
        /// The WebSocket close code.
        code: u16,
        /// Why.
        why: &'static str,
    },
}

/// Why a request was not queued. The caller still owns its [`RequestId`](crate::RequestId).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Not authenticated yet, or closing.
    #[error("the connection is not open")]
    NotOpen,
    /// Too many bytes wait to be sent already ([`Config::max_send_buffer`]).
    #[error("the send buffer is full")]
    BufferFull,
}
