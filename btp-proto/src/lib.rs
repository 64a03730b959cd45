#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
//! BTP/2.0 (RFC-0023), without IO: its frames, and the conversation of one link.
//!
//! | module | holds |
//! |---|---|
//! | [`frame`] | [`Frame`], the codec: zero-copy in, canonical out |
//! | [`auth`] | [`Secret`] and [`Credentials`]: compared in constant time, zeroed, never shown |
//! | [`connection`] | [`Connection`], one WebSocket's conversation, for both roles |
//! | [`requests`] | [`Requests`], what we asked and wait for |
//! | [`answers`] | [`Answers`], what we were asked and have yet to say |
//!
//! # A machine and its driver
//!
//! A [`Connection`] neither reads nor writes nor looks at a clock. Whoever owns the socket feeds it
//! and does what it asks:
//!
//! 1. Hand every message that arrives to [`handle_message`](Connection::handle_message) and act on
//!    the [`Inbound`] that comes back. It borrows from the message, not from the connection, so it can
//!    be answered over the very same connection while it is still in hand.
//! 2. When the time of [`poll_timeout`](Connection::poll_timeout) has come, call
//!    [`handle_timeout`](Connection::handle_timeout). The deadline is a stored value. Traffic does not
//!    move it, so a driver that sleeps until then need not be woken by messages.
//! 3. Then empty [`poll_transmit`](Connection::poll_transmit), [`poll_event`](Connection::poll_event)
//!    and [`poll_pending`](Connection::poll_pending), in any order.
//!
//! Several inputs before one round of polls are welcome: that is how messages that were read together
//! are sent together. Polling too often costs next to nothing and changes nothing. Of a message that
//! `poll_transmit` handed out the connection keeps nothing; a driver that cannot write it loses it.
//!
//! The peer cannot make a connection panic, allocate without bound, or send without bound: messages,
//! early frames, errors, events, requests and answers each have a limit, named where they are.
//!
//! # What outlives a socket
//!
//! Peers answer on whatever socket is current, and an answer may be worth money. So neither the
//! questions nor the answers belong to a [`Connection`]: [`Requests`] and [`Answers`] belong to the
//! *peer*, live beside its connections, and are lent to the current one. When a link dies, what is in
//! flight stays in flight until it expires, and what is owed goes out on the next link.
//!
//! Correlation is [`Requests::take`] and nothing else. An [`Inbound::Answer`] carries an id off the
//! wire; `take` turns it into the cookie that was stored with the request, once, or into `None` when
//! nobody waits: too late, a repetition, an invention. Since each peer has its own table, no peer can
//! resolve the request of another. Deadlines are the owner's too: a request that is given up is taken
//! out, and its answer then finds nobody.
//!
//! # What is understood of ILP
//!
//! One byte: the first of the `ilp` entry. A PREPARE is a request and a FULFILL or REJECT an answer,
//! whichever frame they come in, because one implementation in the field has the two frames swapped.
//! We send requests in MESSAGEs and answers in RESPONSEs, as the RFC has it.
//!
//! # Example
//!
//! Both ends of a link in memory (`examples/link_pair.rs` is the same with a payment and more talk):
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use btp_proto::bytes::{BufMut, BytesMut};
//! use btp_proto::ilp_proto::Now;
//! use btp_proto::{
//!     AnswerKind, Answers, Config, Connection, Credentials, Inbound, Requests, Secret, Transmit,
//! };
//!
//! let now = Now::default();
//! let cfg = Arc::new(Config::default());
//! let credentials = Credentials { username: Some("alice".into()), token: Secret::new("s3cret") };
//! let mut alice = Connection::client(cfg.clone(), &credentials, now.mono, 1);
//! let mut bob = Connection::server(cfg, now.mono + Duration::from_secs(10), now.mono);
//!
//! // A wire that holds one message.
//! let mut wire = BytesMut::new();
//!
//! // Alice introduces herself, Bob lets her in.
//! assert!(alice.poll_transmit(now.mono, None, &mut wire).is_some());
//! let message = wire.split();
//! let Inbound::Auth { username, token, .. } = bob.handle_message(now, &message) else { panic!() };
//! assert_eq!(username, Some("alice"));
//! assert!(Secret::new("s3cret").ct_eq(token));
//! bob.accept_auth(now);
//! assert!(bob.poll_transmit(now.mono, None, &mut wire).is_some());
//! assert_eq!(alice.handle_message(now, &wire.split()), Inbound::Nothing);
//!
//! // Alice asks. Two bytes stand for a PREPARE: only the first is looked at here.
//! let mut waiting = Requests::new(4096, 0x5eed);
//! let id = waiting.insert("my payment")?;
//! let expires = now.mono + Duration::from_secs(30);
//! alice.request(now.mono, expires, id, 2, |out| out.put_slice(&[12, 0]))?;
//! let Some(Transmit::Binary { len }) = alice.poll_transmit(now.mono, None, &mut wire) else {
//!     panic!()
//! };
//! assert_eq!(len, wire.len());
//!
//! // Bob owes an answer, whether this link lives or not.
//! let message = wire.split();
//! let Inbound::Request { id, ilp: [12, 0] } = bob.handle_message(now, &message) else { panic!() };
//! let mut owed = Answers::new(4 << 20);
//! let deadline = now.mono + Duration::from_secs(30);
//! owed.respond(AnswerKind::Fulfill { amount: 1 }, deadline, id, 2, |out| out.put_slice(&[13, 0]));
//! assert!(bob.poll_transmit(now.mono, Some(&mut owed), &mut wire).is_some());
//!
//! // Alice finds out whose answer it is.
//! let message = wire.split();
//! let Inbound::Answer { id, ilp: [13, 0] } = alice.handle_message(now, &message) else { panic!() };
//! assert_eq!(waiting.take(id), Some("my payment"));
//! assert_eq!(waiting.take(id), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answers;
pub mod auth;
pub mod connection;
pub mod frame;
mod lane;
pub mod requests;
mod ring;

pub use answers::{AnswerKind, Answers, Dropped};
pub use auth::{Credentials, Secret};
pub use connection::{Config, Connection, ConnectionEvent, Inbound, SendError, State, Transmit};
pub use frame::{
    BtpCode, BtpError, Carrier, ContentType, Frame, Protocol, Protocols, ilp_frame_len,
    peek_response, put_ilp_frame,
};
pub use requests::{Full, RequestId, Requests};

// What is written is appended to a `BytesMut`, and times are `ilp_proto`'s: whoever calls needs these very versions.
pub use {bytes, ilp_proto};
