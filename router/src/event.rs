//! What a [`Connector`](crate::Connector) has to tell, for logs. Rates and totals are in [`stats`](crate::stats).

use alloc::string::String;
use alloc::sync::Arc;
use core::net::IpAddr;
use core::time::Duration;

use ilp_proto::{Address, DecodeError, ErrorCode, PacketId, PacketType, Timestamp};

use crate::config::PeerId;

/// Who opened a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// We dialled.
    Dialed,
    /// We accepted.
    Accepted,
}

/// Where a PREPARE came from or its answer came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A neighbour.
    Peer(PeerId),
    /// This node itself (ILDCP, echo, its own rejects).
    Local,
}

/// Something worth a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// We begin to dial.
    Dialing {
        /// Whom.
        peer: PeerId,
        /// Where; holds no credentials.
        url: Arc<str>,
    },
    /// A dial, or an established link before its auth, came to nothing.
    DialFailed {
        /// Whom.
        peer: PeerId,
        /// Why.
        error: String,
    },
    /// We sent our auth frame.
    AuthSent {
        /// To whom.
        peer: PeerId,
    },
    /// The other side took our auth frame.
    AuthAccepted {
        /// Who.
        peer: PeerId,
    },
    /// The other side refused our auth frame, or let it time out.
    AuthFailed {
        /// Who.
        peer: PeerId,
        /// In its words, cut to 256 characters, or ours.
        reason: String,
    },
    /// A connection was accepted; nobody knows yet whose it is.
    Accepted {
        /// Where from.
        remote: IpAddr,
    },
    /// A connection was refused at once.
    Refused {
        /// Where from.
        remote: IpAddr,
        /// Why.
        reason: &'static str,
    },
    /// An accepted connection ended before it said who it is: no WebSocket upgrade, or no auth frame.
    HandshakeFailed {
        /// Where from.
        remote: IpAddr,
        /// Why.
        reason: String,
    },
    /// Somebody authenticated with us.
    AuthGranted {
        /// Who.
        peer: PeerId,
        /// Where from.
        remote: IpAddr,
    },
    /// Somebody failed to authenticate with us.
    AuthDenied {
        /// Who it claims to be: cut to 64 printable characters; `None` if it did not say.
        claimed: Option<String>,
        /// Where from.
        remote: IpAddr,
        /// Why; never holds a secret.
        reason: &'static str,
    },
    /// A peer has a usable link now.
    Connected {
        /// Who.
        peer: PeerId,
        /// Who opened the link.
        direction: Direction,
        /// Its URL, or where it came from.
        remote: Arc<str>,
    },
    /// A peer's usable link is gone and no other took its place.
    Disconnected {
        /// Who.
        peer: PeerId,
        /// Who had opened the link.
        direction: Direction,
        /// Why.
        reason: String,
    },
    /// Of two links to one peer this one is given up: it is closed now, in a moment, or already. The peer stays connected.
    Replaced {
        /// Who.
        peer: PeerId,
        /// Who had opened the link that is given up.
        direction: Direction,
        /// Its URL, or where it came from.
        remote: Arc<str>,
        /// Why the other link was kept.
        reason: &'static str,
    },
    /// The next dial is scheduled.
    RetryScheduled {
        /// Whom.
        peer: PeerId,
        /// Which try this will be, from 1.
        attempt: u32,
        /// In how long.
        delay: Duration,
    },
    /// All tries of a round failed: a pause, then from the start.
    RetriesExhausted {
        /// Whom.
        peer: PeerId,
        /// How many tries there were.
        attempts: u32,
        /// The pause.
        pause: Duration,
    },
    /// A keepalive ping went out.
    PingSent {
        /// To whom.
        peer: PeerId,
    },
    /// A keepalive ping was not answered in time.
    PongTimeout {
        /// By whom.
        peer: PeerId,
    },
    /// A frame that is no BTP.
    Unreadable {
        /// From whom, once that is known.
        peer: Option<PeerId>,
        /// What is wrong, and where.
        error: DecodeError,
        /// Bytes of the message.
        len: usize,
    },
    /// A text message, which BTP does not have.
    TextMessage {
        /// From whom, once that is known.
        peer: Option<PeerId>,
    },
    /// A readable request that is not acceptable; it got BTP ERROR F00.
    Unacceptable {
        /// From whom.
        peer: PeerId,
        /// Its request id.
        request_id: u32,
        /// Why.
        why: &'static str,
    },
    /// A request that is good BTP and carries no ILP packet that can be read; it was rejected with F01.
    Malformed {
        /// From whom.
        peer: PeerId,
        /// Its request id.
        request_id: u32,
        /// What is wrong, and where in the ILP packet.
        error: DecodeError,
    },
    /// A BTP ERROR, or an answer without a readable packet, came for a request of ours.
    BtpError {
        /// From whom.
        peer: PeerId,
        /// The kind: `connection`, `authentication` or `message`.
        error_type: &'static str,
        /// What it says, cut to 256 characters.
        message: String,
    },
    /// A FULFILL that does not fulfil; it was not relayed and not credited.
    BadFulfillment {
        /// From whom.
        peer: PeerId,
        /// Our request's id.
        request_id: u32,
        /// The packet; known while per-packet events are on.
        packet: Option<PacketId>,
    },
    /// An answer that came after its expiry, or for a request that is not in flight; discarded.
    LateAnswer {
        /// From whom.
        peer: PeerId,
        /// Its request id.
        request_id: u32,
        /// What it was.
        packet_type: PacketType,
    },
    /// Answers that could not be delivered before they expired or that did not fit: all since the last such event.
    AnswersDropped {
        /// To whom.
        peer: PeerId,
        /// FULFILLs among them: money that will not be paid. Those of amount 0 are not counted.
        fulfills: u64,
        /// The sum of their amounts, in the asset of the peer's account.
        amount: u128,
        /// REJECTs among them.
        rejects: u64,
    },
    /// A peer does not read what it asked for; its link is closed.
    Stalled {
        /// Who.
        peer: PeerId,
        /// Bytes of answers that wait for it.
        bytes: usize,
    },
    /// A BTP message came (per-packet).
    MessageReceived {
        /// From whom.
        peer: PeerId,
        /// Who opened the link.
        direction: Direction,
        /// Its request id.
        request_id: u32,
        /// What it carries.
        packet_type: PacketType,
    },
    /// A BTP message was queued (per-packet).
    MessageSent {
        /// To whom.
        peer: PeerId,
        /// Who opened the link.
        direction: Direction,
        /// Its request id.
        request_id: u32,
        /// What it carries.
        packet_type: PacketType,
    },
    /// A PREPARE was taken in (per-packet).
    PacketReceived {
        /// From where.
        source: Source,
        /// The packet.
        packet: PacketId,
        /// Where it goes.
        destination: Address,
        /// Units of the source's asset.
        amount: u64,
        /// When it expires.
        expires_at: Timestamp,
    },
    /// The table was asked (per-packet).
    RouteLookup {
        /// The packet.
        packet: PacketId,
        /// Where it goes.
        destination: Address,
        /// The prefix that matched; `None`: no route.
        matched: Option<Arc<str>>,
        /// The neighbour it leads to.
        next_hop: Option<PeerId>,
    },
    /// A PREPARE was handed to the next hop's link (per-packet).
    PacketForwarded {
        /// The packet.
        packet: PacketId,
        /// Where it goes.
        destination: Address,
        /// By which neighbour.
        next_hop: PeerId,
        /// Units of the next hop's asset.
        amount: u64,
    },
    /// A PREPARE got its one answer (per-packet).
    PacketAnswered {
        /// The packet.
        packet: PacketId,
        /// Who gets the answer.
        to: Source,
        /// Who gave it: a neighbour, or this node.
        from: Source,
        /// `None`: fulfilled.
        code: Option<ErrorCode>,
        /// Of a reject: what it says, cut to 256 characters.
        message: String,
        /// From taking the PREPARE in to queueing the answer.
        took: Duration,
    },
    /// The parent gave us an address.
    AddressLearned {
        /// The parent.
        parent: PeerId,
        /// Our address from now on.
        address: Address,
    },
    /// The parent's answer to our ILDCP request was of no use; it is asked again.
    AddressRefused {
        /// The parent.
        parent: PeerId,
        /// Why.
        reason: String,
    },
    /// The drain begins.
    Draining {
        /// Packets in flight.
        in_flight: usize,
        /// Peers with a usable link.
        connected: usize,
        /// How many of these links we accepted.
        accepted: usize,
    },
    /// The drain is over.
    Drained {
        /// Packets that get no answer from us; their holders expire them.
        unanswered: usize,
    },
}

impl Event {
    /// Whether it is made only while [per-packet events](crate::Connector::set_packet_events) are on.
    #[must_use]
    pub const fn is_per_packet(&self) -> bool {
        matches!(
            self,
            Self::MessageReceived { .. }
                | Self::MessageSent { .. }
                | Self::PacketReceived { .. }
                | Self::RouteLookup { .. }
                | Self::PacketForwarded { .. }
                | Self::PacketAnswered { .. }
        )
    }
}
