//! What every async adapter of the connector shares: all that touches sockets but not a particular executor.
//!
//! The protocol crates decide and do no IO; an adapter offers sockets, sleep and tasks by implementing
//! [`Runtime`], which is about a page. Everything between the two is written once, here:
//!
//! ```text
//!   Node ──────────┐        ┌────────── Client
//!   drives a       │        │           one link to a BTP server,
//!   Connector      ▼        ▼           for tools
//!                 pump: one WebSocket, read and written side by side
//!                 upgrade: from a TCP stream to that WebSocket
//!                 tls: what may lie between the two
//!   ────────────────────────────────────────────────────────────────
//!                 Runtime: tokio, smol, …
//! ```
//!
//! - [`Node::start`] listens, dials, reads, writes and sleeps for one
//!   [`Connector`](ilp_router::Connector) until it is shut down.
//! - [`Client::connect`](client::Client::connect) attaches to any BTP server: send packets, answer packets.
//! - [`tls`] is for `wss://`, in both directions.
//! - [`endpoint::parse_url`] reads the URLs that people write.
//! - [`executor`] is for adapters: tasks that stay with what they have in a core's cache.
//! - [`Clock`] is where both take their time from.
//!
//! # Rules this crate keeps
//!
//! No lock is held across an await. A lock is taken once for all that one read of a socket brought. What a
//! peer does not read never keeps another peer waiting, nor the reading of its own socket. The number of
//! bytes that wait between the connector and a socket is bounded by one batch (64 KiB and a message). A panic
//! in a link's task ends that link; a panic inside the connector ends the process, because what it believes
//! about money in flight cannot be trusted any more.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

// what the suite makes certificates with is used by unit tests too
#[cfg(test)]
extern crate self as ilp_runtime;

mod alarm;
pub mod client;
mod clock;
pub mod endpoint;
pub mod executor;
#[cfg(feature = "test-util")]
pub mod faulty;
mod head;
mod hub;
mod latch;
mod link;
mod listener;
mod lock;
mod node;
mod observer;
mod pump;
mod reach;
mod reception;
mod rounds;
mod scratch;
mod signal;
pub mod tls;
mod transport;
pub mod turns;
mod upgrade;
mod ws;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use clock::Clock;
pub use node::{Node, NodeHandle, NodeOptions, StartError};
pub use observer::Observer;

/// What an executor and its sockets must offer.
///
/// Futures that a runtime returns may need its context: await them in tasks that the same runtime runs.
///
/// Streams are those of [`futures_io`]; dropping one closes the socket.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// A connected TCP stream.
    type Stream: futures_io::AsyncRead + futures_io::AsyncWrite + Unpin + Send + 'static;
    /// A listening TCP socket; dropping it releases the port.
    type Listener: Send + Sync + 'static;
    /// A connection that has come, before it is decided whether it is wanted; dropping it closes the socket. The less it has
    /// cost by then, the less a flood of them does: nothing need be set or registered before [`admit`](Self::admit).
    type Arrival: Send + 'static;

    /// Runs `task` beside all others until it ends by itself.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Ends after `duration`, or some time later.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Listens on `address`; port 0 takes any free one. The address can be bound again at once after the
    /// listener is gone (`SO_REUSEADDR`); at least 1,024 connections may wait to be accepted.
    fn bind(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// The address that `listener` is bound to.
    fn local_addr(&self, listener: &Self::Listener) -> io::Result<SocketAddr>;

    /// The next connection and where it came from. Dropping the future loses no connection.
    fn arrival(
        &self,
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Arrival, SocketAddr)>> + Send;

    /// Makes a stream of a connection that is wanted, with `TCP_NODELAY`.
    ///
    /// # Errors
    /// What the system says if it cannot watch one more socket. The connection is closed then.
    fn admit(&self, arrival: Self::Arrival) -> io::Result<Self::Stream>;

    /// Ends a connection that is not wanted without a goodbye (TCP reset) if it can, so that the system keeps nothing of it;
    /// otherwise drops it.
    fn reset(&self, arrival: Self::Arrival) {
        drop(arrival);
    }

    /// The next connection, whoever it is, as a stream, and where it came from. Dropping the future loses no connection.
    fn accept(
        &self,
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send {
        async {
            let (arrival, from) = self.arrival(listener).await?;
            Ok((self.admit(arrival)?, from))
        }
    }

    /// The addresses of `host` (a name, or an IP address without brackets), the best first. Dropping the future gives
    /// up.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// A connection to `address`, with `TCP_NODELAY`. Dropping the future gives up.
    fn connect(&self, address: SocketAddr)
    -> impl Future<Output = io::Result<Self::Stream>> + Send;
}
