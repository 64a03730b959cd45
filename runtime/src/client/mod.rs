//! A plain BTP client: one link to one server, for programs that send and receive packets at its end.
//!
//! It does not route and does not reconnect; a connector that does is a [`Node`](crate::Node). What is in
//! flight when the link is lost fails with [`SendError::Closed`].
//!
//! ```no_run
//! use std::time::Duration;
//! use ilp_proto::{Addr, ErrorCode, Fulfillment, Prepare};
//! use ilp_runtime::client::{Answer, Client, ClientOptions, Reply};
//! use ilp_runtime::{Clock, Runtime, endpoint};
//!
//! async fn pay(runtime: &impl Runtime) -> Result<(), Box<dyn std::error::Error>> {
//!     let server = endpoint::parse_url("ws://alice:secret@localhost:3000")?;
//!     let options = ClientOptions::new(server.endpoint.clone(), server.credentials().ok_or("who am I?")?);
//!     let client = Client::connect(runtime, options, |_: &Prepare<'_>| {
//!         Reply::Reject { code: ErrorCode::F02_UNREACHABLE, message: "I only send".into() }
//!     })
//!     .await?;
//!     let fulfillment = Fulfillment([7; 32]);
//!     let packet = Prepare {
//!         amount: 100,
//!         expires_at: Clock::now().wall.saturating_add(Duration::from_secs(30)),
//!         condition: fulfillment.condition(),
//!         destination: Addr::new("test.bob")?,
//!         data: b"",
//!     };
//!     match client.send(packet).await? {
//!         Answer::Fulfill { .. } => println!("paid"),
//!         Answer::Reject { code, message, .. } => println!("{code}: {message}"),
//!     }
//!     client.close();
//!     Ok(())
//! }
//! ```

mod address;
mod core;
mod drive;
mod oneshot;
mod options;

use std::future::Future;
use std::sync::Arc;

use btp_proto::BtpCode;
use ilp_proto::{Address, DecodeError, ErrorCode, Fulfillment, MAX_DATA, Prepare};
use thiserror::Error;

use self::drive::Shared;
use crate::listener::unless;
#[cfg(doc)]
use crate::tls::TlsClientOptions;
use crate::tls::{TlsClient, TlsError};
use crate::upgrade::Unreached;
use crate::{Runtime, upgrade};

pub use self::address::{AddressError, LearnedAddress};
pub use self::options::ClientOptions;

/// What becomes of a PREPARE that comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Claims its money. The fulfillment must be that of its condition; data of more than
    /// [`MAX_DATA`] bytes is not sent but T00.
    Fulfill {
        /// The preimage of the condition.
        fulfillment: Fulfillment,
        /// For the sender.
        data: Vec<u8>,
    },
    /// Refuses it.
    Reject {
        /// Why.
        code: ErrorCode,
        /// For people; cut after [`MAX_MESSAGE`](ilp_proto::MAX_MESSAGE) bytes.
        message: String,
    },
}

/// What came back for a PREPARE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Paid. The fulfillment is that of the condition.
    Fulfill {
        /// The preimage of the condition.
        fulfillment: Fulfillment,
        /// From the receiver.
        data: Vec<u8>,
    },
    /// Not paid.
    Reject {
        /// Why.
        code: ErrorCode,
        /// The node that refused, if it says so.
        triggered_by: Option<Address>,
        /// For people, chosen by a stranger: escape it. What was not UTF-8 is replaced.
        message: String,
        /// From whoever refused.
        data: Vec<u8>,
    },
}

/// Why there is no answer to a PREPARE.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The link is gone. Whether the packet was paid nobody knows, if it had been sent.
    #[error("the link is closed: {0}")]
    Closed(Closed),
    /// [`ClientOptions::max_in_flight`] packets wait for their answers. This one was not sent.
    #[error("{0} packets are in flight already")]
    TooManyInFlight(usize),
    /// The server does not read what it is sent. This one was not sent.
    #[error("the server does not keep up; the send buffer is full")]
    BufferFull,
    /// The packet's expiry is not in the future. It was not sent.
    #[error("the packet has expired before it was sent")]
    Expired,
    /// The packet's data has more than [`MAX_DATA`] bytes. It was not sent.
    #[error("the packet has {0} bytes of data, at most {MAX_DATA} are possible")]
    DataTooLong(usize),
    /// No answer came before the packet expired.
    #[error("no answer before the packet expired")]
    Timeout,
    /// A FULFILL whose fulfillment is not that of the condition. The packet is not paid.
    #[error("the answer is a FULFILL with a wrong fulfillment")]
    WrongFulfillment,
    /// The answer is no FULFILL and no REJECT.
    #[error("the answer is no readable packet: {0}")]
    Unreadable(DecodeError),
    /// The server answers with a PREPARE.
    #[error("the answer is no answer but a PREPARE")]
    NotAnAnswer,
    /// The server answers with a BTP ERROR, or with a RESPONSE without a packet.
    #[error("the server answers with BTP error {code}: {text:?}")]
    Btp {
        /// The code.
        code: BtpCode,
        /// Its name and what it says, chosen by the server: escape it.
        text: String,
    },
}

/// Why the link ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Closed {
    /// By [`Client::close`], or because the client was dropped.
    #[error("closed by this side")]
    Local,
    /// We closed it because the server does not keep to the protocol.
    #[error("closed by this side: {why}")]
    Violation {
        /// The WebSocket close code that the server was sent.
        code: u16,
        /// What it did, or failed to do.
        why: &'static str,
    },
    /// By the server.
    #[error("closed by the server: {code} {reason:?}")]
    Remote {
        /// The WebSocket close code; 1005 when it gave none.
        code: u16,
        /// Its words, chosen by the server: escape them.
        reason: String,
    },
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
}

/// Why there is no link.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection, or no WebSocket behind it.
    #[error("{0}")]
    Connect(String),
    /// Nobody whom we trust has signed the server's certificate: [`TlsClientOptions::ca_file`] says who may.
    #[error("{0}")]
    Untrusted(String),
    /// A file of [`ClientOptions::tls`] is of no use.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// Neither within [`ClientOptions::connect_timeout`].
    #[error("no WebSocket connection within {} ms", .0.as_millis())]
    ConnectTimeout(std::time::Duration),
    /// The server refused our credentials.
    #[error("the server refuses the credentials: {code} {reason:?}")]
    Refused {
        /// The code of its ERROR.
        code: BtpCode,
        /// Its words, chosen by the server: escape them.
        reason: String,
    },
    /// The server did not answer our auth frame, in time or at all.
    #[error("no answer to the credentials: {0}")]
    NoAuthAnswer(String),
    /// The server closed the link instead of answering our auth frame.
    #[error("the link ended before the server let us in: {0}")]
    Closed(Closed),
}

/// An authenticated link to a BTP server.
///
/// Clones use the same link. When the last one is dropped the link is closed.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    _owner: Arc<Owner>,
}

/// Closes the link with the last client; the task that drives it holds no owner.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Client {
    /// Connects and authenticates.
    ///
    /// From then on `handler` is called with every PREPARE that comes in, one after the other, in the link's own
    /// task: it must be quick and must not block. A panic in it rejects that packet with T00. Packets that
    /// have expired or cannot be read are rejected without it (R00, F01). It may use a clone of the client; that
    /// clone then keeps the link open until [`close`](Self::close).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn connect<R: Runtime>(
        runtime: &R,
        options: ClientOptions,
        handler: impl Fn(&Prepare<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<Self, ClientError> {
        let timeout = options.connect_timeout;
        let mut warnings = Vec::new();
        let tls = TlsClient::load(&options.tls, &mut warnings)?;
        let dialing = upgrade::dial(runtime, &options.endpoint, &tls, options.max_message);
        let socket = unless(runtime.sleep(timeout), dialing)
            .await
            .ok_or(ClientError::ConnectTimeout(timeout))?
            .map_err(|error| match error {
                Unreached::Untrusted(why) => ClientError::Untrusted(why),
                Unreached::Other(why) => ClientError::Connect(why),
            })?;
        let shared = Arc::new(Shared::new(&options, Box::new(handler)));
        let client = Self {
            _owner: Arc::new(Owner(Arc::clone(&shared))),
            shared: Arc::clone(&shared),
        };
        runtime.spawn(drive::drive(runtime.clone(), shared, socket));
        client.shared.opened.wait().await?;
        Ok(client)
    }

    /// Sends a PREPARE, now; the future is its answer.
    ///
    /// Any number may be in flight, up to [`ClientOptions::max_in_flight`]. The wait ends when the packet expires. Dropping
    /// the future takes nothing back: the packet may still be paid.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn send(
        &self,
        prepare: Prepare<'_>,
    ) -> impl Future<Output = Result<Answer, SendError>> + Send + use<> {
        let sent = self.shared.send(&prepare);
        async move { sent?.await }
    }

    /// Packets of ours that wait for an answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight()
    }

    /// The address that our own REJECTs name as `triggeredBy`. Until it is set, by this or by
    /// [`learn_address`](Self::learn_address), they name none, which not every peer can read.
    pub fn set_address(&self, address: Address) {
        self.shared.set_address(address);
    }

    /// Asks the server for our address (ILDCP, RFC-0031), which a connector answers to its children. The address
    /// is also [set](Self::set_address).
    ///
    /// # Errors
    /// [`AddressError`].
    pub async fn learn_address(&self) -> Result<LearnedAddress, AddressError> {
        address::learn(self).await
    }

    /// Closes the link: answers that we owe go out, then a Close frame. What is in flight gets
    /// [`SendError::Closed`] once the server has closed too, or after a second.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Ends when the link has, with the reason.
    pub async fn closed(&self) -> Closed {
        self.shared.closed.wait().await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("closed", &self.shared.closed.get())
            .finish_non_exhaustive()
    }
}
