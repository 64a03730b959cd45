//! One WebSocket, read and written side by side.
//!
//! Both users of sockets, the links of a node and the client, are a [`Session`]: they are shown what was read,
//! all of it at once, and asked what to write. Everything about the socket is in here.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_tungstenite::WebSocketStream;
use btp_proto::Transmit;
use bytes::{Bytes, BytesMut};
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::{Stream, future};
use futures_sink::Sink;
use ilp_router::{CloseReason, Received};
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message};

use crate::signal::Signal;

/// Messages read in one turn, so that other tasks get theirs.
const TURN_MESSAGES: usize = 64;
/// Messages written in one turn: bounds what WebSocket headers add to the bytes.
const BATCH_MESSAGES: usize = 1_024;
/// Bytes of one turn in each direction; the last message may exceed it.
pub(crate) const TURN_BYTES: usize = 64 << 10;

/// The RFC 6455 code of a Close frame without one.
const NO_STATUS: u16 = 1005;

/// What owns the messages of one WebSocket.
pub(crate) trait Session {
    /// What wakes this session's pump.
    fn signal(&self) -> &Signal;

    /// One turn: takes what was `read`, maybe nothing; learns of the `end`, after which there is no other turn; and
    /// fills `outbox` if there is one, which there is when the socket has taken all that was in the last.
    fn turn(
        &mut self,
        read: &Inbox,
        end: Option<CloseReason>,
        outbox: Option<&mut Outbox>,
    ) -> Turned;
}

/// What a session says at the end of a turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    /// Whether the socket shall be read on; if not, until [`Signal::READABLE`].
    pub(crate) read_on: bool,
}

/// How a pump ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// [`Signal::STOP`]: drop the socket. The session was not told.
    Stopped,
    /// The conversation is over; the socket may still owe the other side a Close frame.
    Closed,
    /// The socket is of no use any more.
    Broken,
}

/// What was read in a turn.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    messages: Vec<Message>,
    bytes: usize,
}

impl Inbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// In the order of their arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Received<'_>> {
        self.messages.iter().filter_map(|message| match message {
            Message::Binary(bytes) => Some(Received::Binary(bytes)),
            Message::Text(_) => Some(Received::Text),
            Message::Ping(_) => Some(Received::Ping),
            Message::Pong(_) => Some(Received::Pong),
            // the first ends the turn instead of being put in, the second is never read
            Message::Close(_) | Message::Frame(_) => None,
        })
    }

    fn push(&mut self, message: Message) {
        self.bytes += message.len();
        self.messages.push(message);
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= TURN_MESSAGES || self.bytes >= TURN_BYTES
    }

    fn clear(&mut self) {
        self.messages.clear();
        self.bytes = 0;
    }
}

/// What is to be written: one batch.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    buffer: BytesMut,
    queue: Vec<Transmit>,
    /// The session had no more to say when it was last asked.
    drained: bool,
}

impl Outbox {
    /// Takes messages from `next`, which appends one to the buffer, until it has none or the batch is full.
    pub(crate) fn fill(&mut self, mut next: impl FnMut(&mut BytesMut) -> Option<Transmit>) {
        self.drained = false;
        while self.buffer.len() < TURN_BYTES && self.queue.len() < BATCH_MESSAGES {
            let Some(transmit) = next(&mut self.buffer) else {
                self.drained = true;
                break;
            };
            self.queue.push(transmit);
            if let Transmit::Close { .. } = transmit {
                self.drained = true;
                break;
            }
        }
    }
}

/// A WebSocket and the state of its two directions.
pub(crate) struct Pump<S> {
    socket: WebSocketStream<S>,
    inbox: Inbox,
    outbox: Outbox,
    /// The session wants the socket to be read.
    read_on: bool,
    /// The session may have something to say.
    pending: bool,
    /// There is something in the socket's own buffer.
    unflushed: bool,
    /// Our Close frame is written: nothing may follow it.
    closing: bool,
    /// Why nothing can be written any more. What the other side sent before is still worth reading.
    write_error: Option<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pump<S> {
    pub(crate) fn new(socket: WebSocketStream<S>) -> Self {
        Self {
            socket,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            read_on: true,
            pending: true,
            unflushed: false,
            closing: false,
            write_error: None,
        }
    }

    /// Reads and writes until the conversation ends.
    pub(crate) async fn run(&mut self, session: &mut impl Session) -> Ended {
        poll_fn(|cx| self.poll(cx, session)).await
    }

    /// The same for a caller with something else to poll.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, session: &mut impl Session) -> Poll<Ended> {
        session.signal().register(cx);
        // what was pending once in a poll has our waker and need not be tried again
        let (mut read_blocked, mut write_blocked) = (false, false);
        loop {
            let raised = session.signal().take();
            if raised & Signal::STOP != 0 {
                return Poll::Ready(Ended::Stopped);
            }
            self.pending |= raised & Signal::WRITABLE != 0;
            self.read_on |= raised & Signal::READABLE != 0;

            let mut end = None;
            if self.read_on && !read_blocked {
                (read_blocked, end) = self.read(cx);
            }
            if self.unflushed && !write_blocked {
                write_blocked = self.flush(cx);
            }
            if (read_blocked || !self.read_on)
                && end.is_none()
                && let Some(why) = self.write_error.take()
            {
                end = Some((CloseReason::Broken(why), Ended::Broken));
            }

            let idle = !self.unflushed && !self.closing && self.write_error.is_none();
            let (outbox, read) = (idle && self.pending, !self.inbox.is_empty());
            if !outbox && !read && end.is_none() {
                return Poll::Pending;
            }
            let full = self.inbox.is_full();
            let ended = end.as_ref().map(|&(_, ended)| ended);
            let why = end.map(|(why, _)| why);
            // whoever reads gets a chance to answer in the same turn
            let outbox = if idle && why.is_none() {
                Some(&mut self.outbox)
            } else {
                None
            };
            let asked = outbox.is_some();
            let turned = session.turn(&self.inbox, why, outbox);
            self.inbox.clear();
            if let Some(ended) = ended {
                return Poll::Ready(ended);
            }
            self.read_on = turned.read_on;
            if asked {
                self.pending = !self.outbox.drained;
                self.write();
            }
            if full {
                // others want to run, and an executor may not see to that by itself
                if self.unflushed && !write_blocked {
                    self.flush(cx);
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Fills the inbox; true if the socket has no more for now, and how the conversation ended if it did.
    fn read(&mut self, cx: &mut Context<'_>) -> (bool, Option<(CloseReason, Ended)>) {
        while !self.inbox.is_full() {
            let end = match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Pending => return (true, None),
                Poll::Ready(Some(Ok(Message::Close(frame)))) => (remote(frame), Ended::Closed),
                Poll::Ready(Some(Ok(message))) => {
                    // a pong waits in the socket for the next read or flush
                    self.unflushed |= message.is_ping();
                    self.inbox.push(message);
                    continue;
                }
                Poll::Ready(Some(Err(error))) => self.fail(error),
                Poll::Ready(None) => (hung_up(), Ended::Broken),
            };
            return (true, Some(end));
        }
        (false, None)
    }

    /// The reason for an error of the read side, which has no more to give.
    fn fail(&mut self, error: Error) -> (CloseReason, Ended) {
        let (reason, code, text) = match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                (CloseReason::TooLarge, CloseCode::Size, "message too big")
            }
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                return (hung_up(), Ended::Broken);
            }
            // TLS that ends without its own goodbye
            Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return (hung_up(), Ended::Broken);
            }
            Error::Io(error) => return (CloseReason::Broken(error.to_string()), Ended::Broken),
            Error::Utf8(_) => {
                let why = CloseReason::Broken("a text message that is not UTF-8".into());
                (why, CloseCode::Invalid, "text is not UTF-8")
            }
            other => (
                CloseReason::Broken(other.to_string()),
                CloseCode::Protocol,
                "protocol error",
            ),
        };
        if self.closing || self.write_error.is_some() {
            return (reason, Ended::Broken);
        }
        let close = Message::Close(Some(CloseFrame {
            code,
            reason: text.into(),
        }));
        self.closing = true;
        let sent = Pin::new(&mut self.socket).start_send(close).is_ok();
        (reason, if sent { Ended::Closed } else { Ended::Broken })
    }

    /// Moves the outbox into the socket's buffer, which has room for it: it is empty.
    fn write(&mut self) {
        let Outbox { buffer, queue, .. } = &mut self.outbox;
        for transmit in queue.drain(..) {
            let message = match transmit {
                Transmit::Binary { len } => Message::Binary(buffer.split_to(len).freeze()),
                Transmit::Ping => Message::Ping(Bytes::new()),
                Transmit::Close { code, reason } => {
                    self.closing = true;
                    Message::Close(Some(CloseFrame {
                        code: code.into(),
                        reason: reason.into(),
                    }))
                }
            };
            self.unflushed = true;
            if let Err(error) = Pin::new(&mut self.socket).start_send(message) {
                self.write_error.get_or_insert_with(|| error.to_string());
            }
        }
        buffer.clear();
    }

    /// True if the socket takes no more for now.
    fn flush(&mut self, cx: &mut Context<'_>) -> bool {
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Pending => return true,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                self.write_error.get_or_insert_with(|| error.to_string());
            }
        }
        self.unflushed = false;
        false
    }

    /// Gets the Close frame out and waits until the other side has hung up, so that what it still sends does
    /// not make its TCP throw away what we sent. The caller bounds the time; it may simply drop the future.
    pub(crate) async fn linger(mut self) {
        /// More than this is not listened to.
        const ENOUGH: usize = 4 << 20;
        if poll_fn(|cx| Pin::new(&mut self.socket).poll_flush(cx))
            .await
            .is_err()
        {
            return;
        }
        let stream = self.socket.get_mut();
        if poll_fn(|cx| Pin::new(&mut *stream).poll_close(cx))
            .await
            .is_err()
        {
            return;
        }
        let (mut scratch, mut seen) = (vec![0; 4 << 10], 0);
        while seen < ENOUGH {
            match poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut scratch)).await {
                Ok(0) | Err(_) => return,
                Ok(len) => seen += len,
            }
            future::yield_now().await;
        }
    }
}

fn remote(frame: Option<CloseFrame>) -> CloseReason {
    match frame {
        Some(CloseFrame { code, reason }) => CloseReason::Remote {
            code: code.into(),
            reason: reason.as_str().to_owned(),
        },
        None => CloseReason::Remote {
            code: NO_STATUS,
            reason: String::new(),
        },
    }
}

fn hung_up() -> CloseReason {
    CloseReason::Broken("the connection ended without a Close frame".into())
}
