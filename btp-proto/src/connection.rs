//! One WebSocket's conversation, for both roles.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use ilp_proto::{DecodeError, Instant, Now};
use zeroize::Zeroizing;

use crate::answers::Answers;
use crate::auth::{Credentials, Secret};
use crate::frame::{
    BtpCode, BtpError, Carrier, Frame, Protocols, ilp_frame_len, peek_id, put_ilp_frame,
};
use crate::lane::Lane;
use crate::requests::RequestId;

mod handshake;
mod inbound;
mod keepalive;
mod pending;
mod types;

use keepalive::Timer;
use pending::Pending;
pub use types::{Config, ConnectionEvent, Inbound, SendError, State, Transmit};

/// ERRORs and empty RESPONSEs that may wait to be sent. A peer that earns more without reading any
/// is shown the door.
const MAX_CONTROL: usize = 256 * 1024;

/// Text for people in an ERROR frame, cut to this many bytes.
const MAX_TEXT: usize = 1024;

/// WebSocket close codes (RFC 6455, section 7.4.1).
mod close {
    pub(super) const NORMAL: u16 = 1000;
    pub(super) const PROTOCOL_ERROR: u16 = 1002;
    pub(super) const NOT_BINARY: u16 = 1003;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const KEEPALIVE: u16 = 1011;
}

/// One WebSocket's conversation: auth, requests and answers, keepalive, close.
///
/// The machine does no IO and owns no clock. Its driver tells it what happened and asks what to do:
///
/// - **In**: [`handle_message`](Self::handle_message) for a binary message,
///   [`handle_text`](Self::handle_text), [`handle_control`](Self::handle_control) for pings and pongs,
///   [`handle_timeout`](Self::handle_timeout) at or after [`poll_timeout`](Self::poll_timeout).
///   Each acts at once; what a message was is returned, borrowed from the message.
/// - **Out**: [`poll_transmit`](Self::poll_transmit) until `None`,
///   [`poll_event`](Self::poll_event) until `None`, and once the connection is open
///   [`poll_pending`](Self::poll_pending) until `None`, each fed back to `handle_message`.
///
/// Any number of inputs may come before the outputs are polled. Polls that come too early or too
/// often return `None`. Every poll is O(1). Time that goes backwards is taken as standing still.
///
/// After [`handle_timeout`](Self::handle_timeout) the deadline lies past the time given to it, or
/// there is output or an event. The socket's end needs no call: drop the connection, after
/// [`unsent_requests`](Self::unsent_requests) if that matters.
// in the order written here: what messages touch comes first
#[repr(C)]
pub struct Connection {
    state: State,
    /// Messages are ignored: the peer broke the protocol or never got in.
    deaf: bool,
    /// Something was received after the timer was set.
    heard: bool,
    ping_due: bool,
    /// The id of the auth frame, theirs or ours.
    auth_id: u32,
    /// The latest time seen.
    now: Instant,
    last_heard: Instant,
    cfg: Arc<Config>,
    requests: Lane,
    control: Lane,
    close: Option<(u16, &'static str)>,
    /// The client's auth frame until it is sent. Not in a lane, so that it can be zeroed.
    auth_frame: Option<Zeroizing<Vec<u8>>>,
    // from here on: what only the handshake, timers and faults need
    timer: Timer,
    deadline: Option<Instant>,
    /// The client's secret until the server has replied, so that a reply that repeats it is noticed.
    token: Option<Secret>,
    /// Frames that came too early.
    pending: Pending,
    events: VecDeque<ConnectionEvent>,
    /// When the last unreadable messages came, at most `max_unreadable`.
    unreadable: VecDeque<Instant>,
}

impl Connection {
    /// The end that dialled. Its auth frame, with id `auth_id`, is due at once, and
    /// [`Config::auth_timeout`] runs from `now`.
    #[must_use]
    pub fn client(cfg: Arc<Config>, credentials: &Credentials, now: Instant, auth_id: u32) -> Self {
        let deadline = now + cfg.auth_timeout;
        let mut connection = Self::new(cfg, State::AwaitReply, deadline, now);
        connection.auth_id = auth_id;
        connection.auth_frame = Some(handshake::auth_frame(credentials, auth_id));
        connection.token = Some(credentials.token.clone());
        connection
    }

    /// The end that was dialled. Unless the peer is let in by `deadline` the connection closes.
    #[must_use]
    pub fn server(cfg: Arc<Config>, deadline: Instant, now: Instant) -> Self {
        Self::new(cfg, State::AwaitAuth, deadline, now)
    }

    fn new(cfg: Arc<Config>, state: State, deadline: Instant, now: Instant) -> Self {
        Self {
            cfg,
            state,
            deaf: false,
            now,
            auth_id: 0,
            auth_frame: None,
            token: None,
            pending: Pending::default(),
            control: Lane::default(),
            requests: Lane::default(),
            ping_due: false,
            close: None,
            events: VecDeque::new(),
            unreadable: VecDeque::new(),
            timer: Timer::Auth,
            deadline: Some(deadline),
            heard: false,
            last_heard: now,
        }
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Queues a MESSAGE with an ILP packet of `ilp_len` bytes, which `write` appends. `id` comes from
    /// [`Requests::insert`](crate::Requests::insert). What the socket has not taken at `expires` is not sent any
    /// more: nobody waits for its answer, and its place is needed.
    ///
    /// # Errors
    /// [`SendError`]; `write` was not called then.
    #[inline]
    pub fn request(
        &mut self,
        now: Instant,
        expires: Instant,
        id: RequestId,
        ilp_len: usize,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<(), SendError> {
        if self.state != State::Open {
            return Err(SendError::NotOpen);
        }
        self.advance(now);
        let len = ilp_frame_len(ilp_len);
        if len > self.room() {
            self.requests.expire(self.now);
            if len > self.room() {
                return Err(SendError::BufferFull);
            }
        }
        self.requests.push(expires, len, |out| {
            put_ilp_frame(out, Carrier::Message, id.0, ilp_len);
            let before = out.len();
            write(out);
            debug_assert_eq!(
                out.len() - before,
                ilp_len,
                "the packet is not as long as announced"
            );
        });
        Ok(())
    }

    /// Answers the peer's request `id` with a BTP ERROR. `name` must be ASCII, usually
    /// [`BtpCode::name`]; `text` is for people and cut after 1,024 bytes. Nothing happens once the
    /// close was handed out.
    pub fn respond_error(&mut self, id: u32, now: Now, code: BtpCode, name: &str, text: &str) {
        self.advance(now.mono);
        let error = BtpError {
            code,
            name,
            triggered_at: now.wall,
            data: prefix(text, MAX_TEXT).as_bytes(),
        };
        self.push_control(&Frame::Error {
            id,
            error,
            protocols: Protocols::EMPTY,
        });
    }

    /// Answers the peer's request `id` with an empty RESPONSE. Nothing happens once the close was
    /// handed out.
    pub fn respond_empty(&mut self, id: u32) {
        self.push_control(&Frame::Response {
            id,
            protocols: Protocols::EMPTY,
        });
    }

    /// Closes once control frames and, after a successful auth, the answers we owe are sent. Requests
    /// are not sent any more ([`unsent_requests`](Self::unsent_requests) has them), but what the peer
    /// still sends is handed up: an answer may be worth money, and a request may be answered on
    /// another link. `reason` must not exceed 123 bytes. Closing twice changes nothing.
    pub fn close(&mut self, code: u16, reason: &'static str) {
        if matches!(self.state, State::Closing | State::Closed) {
            return;
        }
        debug_assert!(
            reason.len() <= 123,
            "a close reason holds at most 123 bytes"
        );
        self.deaf = self.state != State::Open;
        self.state = State::Closing;
        self.close = Some((code, reason));
        self.deadline = None;
        self.auth_frame = None;
        self.token = None;
        self.ping_due = false;
        if self.deaf {
            self.pending.clear();
        }
    }

    /// Bytes that the queue of requests may still take.
    fn room(&self) -> usize {
        self.cfg
            .max_send_buffer
            .saturating_sub(self.requests.bytes())
    }

    /// The ids of requests that were queued and never handed to the driver, oldest first. Once the
    /// connection is closing or its socket died these are certain not to have reached the peer.
    /// Removes them as it goes.
    pub fn unsent_requests(&mut self) -> impl Iterator<Item = u32> {
        core::iter::from_fn(|| self.requests.pop_with(peek_id).flatten())
    }

    /// True when [`poll_transmit`](Self::poll_transmit) has something to send, unless all requests and all of
    /// `answers` turn out to be past their deadlines.
    #[must_use]
    pub fn has_output(&self, answers: Option<&Answers>) -> bool {
        self.auth_frame.is_some()
            || self.ping_due
            || self.close.is_some()
            || !self.control.is_empty()
            || (self.state == State::Open && !self.requests.is_empty())
            || (self.may_answer() && answers.is_some_and(|answers| !answers.is_empty()))
    }

    /// Appends the next message to `out`. Control frames come first, then answers, then requests,
    /// and a close last.
    ///
    /// `answers` are those of the peer; none are sent before it is authenticated, so there is no harm
    /// in lending them early. `out` may still hold earlier messages. A client's first message contains
    /// its secret; this machine zeroes its copy, the caller minds the buffer.
    #[must_use = "what is not sent is lost"]
    #[inline]
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        answers: Option<&mut Answers>,
        out: &mut BytesMut,
    ) -> Option<Transmit> {
        self.advance(now);
        if self.auth_frame.is_some() || self.ping_due || !self.control.is_empty() {
            let urgent = self.transmit_urgent(out);
            if urgent.is_some() {
                return urgent;
            }
        }
        if self.may_answer()
            && let Some(answers) = answers
            && let Some(len) = answers.pop(self.now, out)
        {
            return Some(Transmit::Binary { len });
        }
        if self.state == State::Open
            && let Some(len) = self.requests.pop(self.now, out)
        {
            return Some(Transmit::Binary { len });
        }
        let (code, reason) = self.close.take()?;
        self.state = State::Closed;
        Some(Transmit::Close { code, reason })
    }

    /// What comes before all packets.
    #[cold]
    fn transmit_urgent(&mut self, out: &mut BytesMut) -> Option<Transmit> {
        if let Some(frame) = self.auth_frame.take() {
            out.put_slice(&frame);
            return Some(Transmit::Binary { len: frame.len() });
        }
        if core::mem::take(&mut self.ping_due) {
            return Some(Transmit::Ping);
        }
        let len = self.control.pop(self.now, out)?;
        Some(Transmit::Binary { len })
    }

    /// What there is to report.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }

    /// A frame that came before the connection was open. Give each to
    /// [`handle_message`](Self::handle_message), before newer messages so that their order is kept.
    #[must_use = "the frame is handed out once"]
    pub fn poll_pending(&mut self) -> Option<Bytes> {
        match self.state {
            State::AwaitAuth | State::AuthPending | State::AwaitReply => None,
            State::Open | State::Closing | State::Closed => self.pending.pop(),
        }
    }

    /// True when answers may go out: the peer is authenticated, and the close is not handed out.
    #[inline]
    fn may_answer(&self) -> bool {
        match self.state {
            State::Open => true,
            State::Closing => !self.deaf,
            State::AwaitAuth | State::AuthPending | State::AwaitReply | State::Closed => false,
        }
    }

    /// Closes because of what the peer did or failed to do. It is not listened to any more.
    fn fail(&mut self, code: u16, why: &'static str) {
        if matches!(self.state, State::Closing | State::Closed) {
            self.deaf = true;
            return;
        }
        if self.state == State::AwaitReply {
            self.events.push_back(ConnectionEvent::AuthFailed {
                reason: String::from(why),
                code: None,
            });
        }
        self.close(code, why);
        // whoever was silent for too long may still have answers on the way; all else is a breach
        self.deaf |= code != close::KEEPALIVE;
        self.pending.clear();
        self.events
            .push_back(ConnectionEvent::Closing { code, why });
    }

    /// Queues ERROR F00.
    fn refuse<'m>(&mut self, now: Now, id: u32, why: &'static str) -> Inbound<'m> {
        let code = BtpCode::F00_NOT_ACCEPTED;
        self.respond_error(id, now, code, code.name().unwrap_or_default(), why);
        Inbound::Refused { id, why }
    }

    fn push_control(&mut self, frame: &Frame<'_>) {
        if self.state == State::Closed {
            return;
        }
        if self.control.bytes() + frame.encoded_len() > MAX_CONTROL {
            self.fail(
                close::POLICY,
                "too many refused requests, and no answer is read",
            );
            return;
        }
        self.control
            .push(Instant::MAX, frame.encoded_len(), |out| frame.encode(out));
    }

    /// Counts an unreadable message; closes at one too many.
    fn count_unreadable(&mut self, error: DecodeError) -> Inbound<'static> {
        let window = self.cfg.unreadable_window;
        let max = self.cfg.max_unreadable.max(1) as usize;
        while let Some(first) = self.unreadable.front()
            && self.now.saturating_duration_since(*first) > window
        {
            self.unreadable.pop_front();
        }
        self.unreadable.push_back(self.now);
        if self.unreadable.len() >= max {
            self.fail(close::PROTOCOL_ERROR, "too many unreadable frames");
        }
        Inbound::Unreadable { error }
    }

    /// Time never goes backwards in here.
    #[inline]
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("state", &self.state)
            .field("control_bytes", &self.control.bytes())
            .field("request_bytes", &self.requests.bytes())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// The longest start of `text` that has at most `max` bytes.
fn prefix(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max))
        .unwrap_or_default()
}
