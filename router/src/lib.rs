#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
//! An Interledger connector as one state machine: who, where, when, how much.
//!
//! [`Connector`] takes what arrives (bytes of WebSocket messages, the beginnings and ends of links, the passing
//! of time) and says what to do (dial, send, drop, wake me then). It has no socket, clock, thread, randomness or log
//! of its own, so the same code runs on any runtime, in a fuzzer, and by the thousand in a simulation.
//!
//! # The map
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | what a connector is told at its birth |
//! | [`Connector`] | the composition: links, peers, packets, time |
//! | [`RoutingTable`] | longest prefix on segment boundaries, several next hops in priority order |
//! | [`Wheel`] | when packets in flight expire |
//! | [`accounts`] | what a peer owes and is owed; amounts between assets |
//! | [`Guard`] | slows down whoever guesses secrets |
//! | [`stats`] | counts and times |
//!
//! [`ilp_proto`] reads and writes packets, [`btp_proto`] holds one link's conversation. What is in flight to a
//! peer ([`btp_proto::Requests`]) and what is owed to it ([`btp_proto::Answers`]) belongs to the peer, not to a
//! link: both outlive a socket, and an answer may come over the next one. Both crates, and [`bytes`], are
//! re-exported: a driver needs no dependency but this one.
//!
//! # The way of a packet
//!
//! A PREPARE comes in by [`handle_received`](Connector::handle_received). It is read in place, checked (expiry,
//! amount, caps), routed, reserved in the books of both peers, and encoded once, with its new amount and expiry, into
//! the buffer of the next hop's link. That link is then named by [`poll_writable`](Connector::poll_writable), and
//! [`poll_transmit`](Connector::poll_transmit) hands out the message. The answer comes back the same way: its id
//! finds the flight, the preimage is hashed, the books are settled, and the answer is queued for whoever asked. Each
//! PREPARE that is taken in gets exactly one answer. None of this allocates in steady state.
//!
//! # Example
//!
//! Two nodes in one process; what a driver does, without the sockets:
//!
//! ```
//! use ilp_router::btp_proto::{Secret, Transmit};
//! use ilp_router::bytes::BytesMut;
//! use ilp_router::config::{Config, Endpoint, PeerConfig};
//! use ilp_router::ilp_proto::{Instant, Now, Timestamp};
//! use ilp_router::{Action, Connector, LinkId, PeerState, Received};
//!
//! // a node with one peer; `dial` says where, or that it waits
//! let node = |name: &str, other: &str, dial: Option<Endpoint>| {
//!     let mut config = Config::new(name, format!("test.{name}").parse().unwrap());
//!     config.peers.push(PeerConfig {
//!         endpoint: dial,
//!         username: Some(name.into()),
//!         ..PeerConfig::new(other.parse().unwrap(), Secret::new("a shared secret"))
//!     });
//!     config
//! };
//! let now = Now { mono: Instant::ZERO, wall: Timestamp::from_millis(1_795_219_200_000) };
//! let bob = Endpoint { tls: false, host: "bob".into(), port: 3000, path: "/".into() };
//! let mut alice = Connector::new(node("alice", "bob", Some(bob)), 1, now)?;
//! let mut bob = Connector::new(node("bob", "alice", None), 2, now)?;
//!
//! // Alice wants to dial; the driver connects and upgrades, and tells both sides
//! let Some(Action::Dial { link: to_bob, .. }) = alice.poll_action() else { panic!("no dial") };
//! let to_alice = bob.handle_incoming(now, [192, 0, 2, 1].into())?;
//! bob.handle_upgraded(now, to_alice, "/", None);
//! alice.handle_dialed(now, to_bob);
//!
//! // then it carries messages to and fro while there are any
//! let mut buffer = BytesMut::new();
//! let mut carry = |from: &mut Connector, out: LinkId, to: &mut Connector, into: LinkId| {
//!     while let Some(transmit) = from.poll_transmit(now, out, &mut buffer) {
//!         if let Transmit::Binary { .. } = transmit {
//!             to.handle_received(now, into, Received::Binary(&buffer));
//!             buffer.clear();
//!         }
//!     }
//! };
//! carry(&mut alice, to_bob, &mut bob, to_alice); // auth
//! carry(&mut bob, to_alice, &mut alice, to_bob); // its answer
//! assert!(alice.peers().all(|peer| peer.state == PeerState::Connected));
//! assert!(bob.peers().all(|peer| peer.state == PeerState::Connected));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

extern crate alloc;

pub mod accounts;
mod action;
mod backoff;
mod complaints;
pub mod config;
mod connector;
mod event;
mod forwarder;
mod guard;
mod identity;
mod link;
mod peer;
mod random;
mod refusal;
mod scope;
pub mod stats;
mod table;
mod timers;
mod view;
mod wheel;

pub use action::{Action, CloseReason, DialError, LinkId, Received, Refused};
pub use config::{Config, ConfigError, PeerId};
pub use connector::{Connector, Outgoing};
pub use event::{Direction, Event, Source};
pub use guard::Guard;
pub use table::{Match, Route, RoutingTable};
pub use view::{PeerState, PeerView, RouteView, Way};
pub use wheel::Wheel;

// They are part of what is said here: whoever drives a connector needs these very versions.
pub use {btp_proto, bytes, ilp_proto};
