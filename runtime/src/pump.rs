//! One WebSocket, read and written side by side.
//!
//! Both users of sockets, the links of a node and the client, are a [`Session`]: they are shown what was read,
//! all of it at once, and asked what to write. Everything about the socket is in here.

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use btp_proto::Transmit;
use bytes::BytesMut;
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::future;
use ilp_router::{CloseReason, Received};

use crate::scratch::Scratch;
use crate::signal::Signal;
use crate::turns;
use crate::ws::{Found, Item, Reader, Role, Writer, WsError};

/// Bytes of one turn in each direction; the last message that is written may exceed it.
pub(crate) const TURN_BYTES: usize = 64 << 10;
/// Frames of one turn, about: the smaller they are on a link, the less of it is read at a time. A turn of as many bytes
/// as above may be thousands of messages, and everybody else waits for it. (64 would be fairer, but then system calls take
/// half of a busy node's throughput.)
const TURN_FRAMES: usize = 512;
/// A turn on a thread where others have brief ones is this much smaller, in bytes and in frames. It takes a fifth to two
/// fifths of what somebody who sends without end can send, and from those who wait for one answer at a time half their wait.
const SHORTER: usize = 4;
/// Frames of a brief turn, at most; and how many turns in a row make a link one of those that send little. A link that sends
/// much has a brief turn now and then: four pairs with 512 packets in flight lost a quarter to being taken for such links.
const BRIEF_FRAMES: usize = 4;
const BRIEF_TURNS: u8 = 16;
/// What is read at a time at first, and at least.
const FIRST_READ: usize = 8 << 10;
const LEAST_READ: usize = 2 << 10;
/// Turns of one poll, so that other tasks get theirs; fewer once they have read as much as one turn may.
const TURNS: usize = 16;

/// What owns the messages of one WebSocket.
pub(crate) trait Session {
    /// What wakes this session's pump.
    fn signal(&self) -> &Signal;

    /// One turn: takes what was `read`, maybe nothing; learns of the `end`, after which there is no other turn; and
    /// fills `outbox` if there is one, which there is when the socket has taken all that was in the last.
    fn turn(
        &mut self,
        read: &Inbox<'_>,
        end: Option<CloseReason>,
        outbox: Option<&mut Outbox>,
    ) -> Turned;

    /// Whether it goes on elsewhere: another task runs the pump from here on.
    fn moves(&self) -> bool {
        false
    }
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
    /// It has not: the session moves.
    Moved,
    /// The conversation is over; the socket may still owe the other side a Close frame.
    Closed,
    /// The socket is of no use any more.
    Broken,
}

/// What was read in a turn, where it was read.
#[derive(Debug)]
pub(crate) struct Inbox<'a> {
    buffer: &'a [u8],
    found: &'a [Found],
}

impl<'a> Inbox<'a> {
    /// In the order of their arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Received<'a>> + Clone + use<'a> {
        let buffer = self.buffer;
        self.found
            .iter()
            .filter_map(move |found| match found.item(buffer) {
                Item::Binary(bytes) => Some(Received::Binary(bytes)),
                Item::Text => Some(Received::Text),
                Item::Ping(_) => Some(Received::Ping),
                Item::Pong => Some(Received::Pong),
                // it is the end of the turn instead
                Item::Close(_) => None,
            })
    }
}

/// What is to be written: one batch, encoded where it is sent from.
#[derive(Debug)]
pub(crate) struct Outbox {
    bytes: BytesMut,
    /// How many of them the socket has taken.
    sent: usize,
    writer: Writer,
    /// The session had no more to say when it was last asked.
    drained: bool,
    /// Our Close frame is among them, or was: nothing may follow it.
    closing: bool,
}

impl Outbox {
    /// Takes messages from `next`, which appends one to the buffer, until it has none or the batch is full.
    pub(crate) fn fill(&mut self, mut next: impl FnMut(&mut BytesMut) -> Option<Transmit>) {
        self.drained = false;
        while self.bytes.len() < TURN_BYTES && !self.drained {
            match self.writer.binary(&mut self.bytes, &mut next) {
                Some(Transmit::Binary { .. }) => {}
                Some(Transmit::Ping) => self.writer.ping(&mut self.bytes),
                Some(Transmit::Close { code, reason }) => self.close(code, reason),
                None => self.drained = true,
            }
        }
    }

    fn close(&mut self, code: u16, reason: &str) {
        self.writer.close(&mut self.bytes, code, reason);
        self.closing = true;
        self.drained = true;
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// A WebSocket after its upgrade.
pub(crate) struct Socket<S> {
    pub(crate) stream: S,
    pub(crate) role: Role,
    /// Bytes of the largest message that is taken.
    pub(crate) max_message: usize,
    /// What came behind the upgrade and was read with it.
    pub(crate) early: Vec<u8>,
}

/// A WebSocket and the state of its two directions.
pub(crate) struct Pump<S> {
    stream: S,
    reader: Reader,
    early: Vec<u8>,
    /// Bytes of the next read, at most.
    room: usize,
    outbox: Outbox,
    /// What the other side wants to hear back: the last ping that is not answered.
    pong: Option<Vec<u8>>,
    /// The session wants the socket to be read.
    read_on: bool,
    /// The session may have something to say.
    pending: bool,
    /// How many turns in a row were brief, up to [`BRIEF_TURNS`].
    brief_turns: u8,
    /// The stream has taken bytes that it may still hold back.
    unflushed: bool,
    /// Why nothing can be written any more. What the other side sent before is still worth reading.
    write_error: Option<String>,
}

/// What came of a read.
struct Read {
    /// The socket has no more for now.
    blocked: bool,
    /// There is probably more at once.
    full: bool,
    /// How much of the scratch is in use.
    len: usize,
    /// How many frames were complete.
    frames: usize,
    end: Option<(CloseReason, Ended)>,
}

impl Read {
    const NOTHING: Self = Self {
        blocked: false,
        full: false,
        len: 0,
        frames: 0,
        end: None,
    };

    const fn end(reason: CloseReason, ended: Ended) -> Self {
        Self {
            blocked: true,
            end: Some((reason, ended)),
            ..Self::NOTHING
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pump<S> {
    pub(crate) fn new(socket: Socket<S>) -> Self {
        Self {
            stream: socket.stream,
            reader: Reader::new(socket.role, socket.max_message),
            early: socket.early,
            room: FIRST_READ,
            outbox: Outbox {
                bytes: BytesMut::new(),
                sent: 0,
                writer: Writer::new(socket.role),
                drained: false,
                closing: false,
            },
            pong: None,
            read_on: true,
            pending: true,
            brief_turns: 0,
            unflushed: false,
            write_error: None,
        }
    }

    /// Reads and writes until the conversation ends, or moves.
    pub(crate) async fn run(&mut self, session: &mut impl Session) -> Ended {
        poll_fn(|cx| self.poll(cx, session)).await
    }

    /// The same for a caller with something else to poll.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, session: &mut impl Session) -> Poll<Ended> {
        let mut scratch = Scratch::take();
        if self.outbox.is_empty() {
            std::mem::swap(&mut self.outbox.bytes, &mut scratch.out);
        }
        let polled = self.work(cx, session, &mut scratch);
        if self.outbox.is_empty() {
            std::mem::swap(&mut self.outbox.bytes, &mut scratch.out);
        }
        scratch.give();
        polled
    }

    fn work(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut impl Session,
        scratch: &mut Scratch,
    ) -> Poll<Ended> {
        session.signal().register(cx);
        // what was pending once in a poll has our waker and need not be tried again
        let (mut read_blocked, mut write_blocked) = (false, false);
        let (mut bytes, mut frames, mut written) = (0, 0, 0);
        let part = if turns::are_short() { SHORTER } else { 1 };
        for _ in 0..TURNS {
            let raised = session.signal().take();
            if raised & Signal::STOP != 0 {
                return Poll::Ready(Ended::Stopped);
            }
            self.pending |= raised & Signal::WRITABLE != 0;
            self.read_on |= raised & Signal::READABLE != 0;

            scratch.found.clear();
            let mut read = Read::NOTHING;
            if self.read_on && !read_blocked {
                read = self.read(cx, scratch, part);
                read_blocked = read.blocked;
            }
            bytes += read.len;
            frames += read.frames;
            // that is work enough for now
            let mut enough =
                read.full || bytes >= TURN_BYTES / part || frames >= TURN_FRAMES / part;
            write_blocked = write_blocked || self.write(cx, &mut written);
            if (read_blocked || !self.read_on)
                && read.end.is_none()
                && let Some(why) = self.write_error.take()
            {
                read.end = Some((CloseReason::Broken(why), Ended::Broken));
            }

            let idle = self.outbox.is_empty() && !self.outbox.closing && self.write_error.is_none();
            let nothing_read = scratch.found.is_empty() && read.end.is_none();
            if nothing_read && !(idle && self.pending) {
                if read_blocked || !self.read_on {
                    self.count_brief(frames);
                    return Poll::Pending;
                }
                if enough {
                    // fragments without end
                    break;
                }
                // a part of a frame
                continue;
            }
            let (why, ended) = read
                .end
                .map_or((None, None), |(why, ended)| (Some(why), Some(ended)));
            let inbox = Inbox {
                buffer: scratch.bytes.get(..read.len).unwrap_or_default(),
                found: &scratch.found,
            };
            // whoever reads gets a chance to answer in the same turn
            let outbox = (idle && why.is_none()).then_some(&mut self.outbox);
            let asked = outbox.is_some();
            let turned = session.turn(&inbox, why, outbox);
            if let Some(ended) = ended {
                return Poll::Ready(ended);
            }
            self.read_on = turned.read_on;
            if asked {
                self.pending = !self.outbox.drained;
            }
            if session.moves() {
                return Poll::Ready(Ended::Moved);
            }
            write_blocked = write_blocked || self.write(cx, &mut written);
            enough |= written >= TURN_BYTES / part;
            if enough {
                break;
            }
        }
        self.brief_turns = 0;
        turns::was_long();
        // others want to run, and an executor may not see to that by itself
        turns::another(cx.waker());
        Poll::Pending
    }

    /// A turn ends because there is nothing more to do, after this many frames.
    fn count_brief(&mut self, frames: usize) {
        if frames > BRIEF_FRAMES {
            self.brief_turns = 0;
        } else if frames > 0 {
            self.brief_turns = (self.brief_turns + 1).min(BRIEF_TURNS);
            if self.brief_turns == BRIEF_TURNS {
                turns::was_brief();
            }
        }
    }

    /// Reads once, and finds what is in it.
    fn read(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, part: usize) -> Read {
        if self.reader.rest().len() > TURN_BYTES
            && let Some(read) = self.read_on(cx)
        {
            return read;
        }
        let kept = self.reader.rest().len();
        let room = (self.room / part).max(LEAST_READ);
        let most = kept + TURN_BYTES.max(self.early.len());
        if scratch.bytes.len() < most {
            scratch.bytes.resize(most, 0);
        }
        let early = std::mem::take(&mut self.early);
        let len = if early.is_empty() {
            let into = &mut scratch.bytes[kept..kept + room];
            match read_some(&mut self.stream, cx, into) {
                Ok(len) => len,
                Err(read) => return read,
            }
        } else {
            scratch.bytes[kept..kept + early.len()].copy_from_slice(&early);
            early.len()
        };
        scratch.bytes[..kept].copy_from_slice(self.reader.rest());
        let buffer = &mut scratch.bytes[..kept + len];
        let result = self.reader.read(buffer, &mut scratch.found);
        let frames = *result.as_ref().unwrap_or(&0);
        let end = match result {
            Err(error) => Some(self.breach(error)),
            Ok(_) => self.look_at(buffer, &scratch.found),
        };
        let full = len == room;
        if frames > TURN_FRAMES / part {
            self.room = (len * TURN_FRAMES / frames).max(LEAST_READ);
        } else if full && frames < TURN_FRAMES / part / 2 {
            self.room = (2 * self.room).min(TURN_BYTES);
        }
        Read {
            blocked: end.is_some(),
            full,
            len: kept + len,
            frames,
            end,
        }
    }

    /// Reads once for a frame that is larger than one read: to copy its beginning for each would take time that grows
    /// with the square of its size. `None` if it lacks one byte only, with which it is read like any other.
    fn read_on(&mut self, cx: &mut Context<'_>) -> Option<Read> {
        let room = self.reader.lacks().saturating_sub(1).min(TURN_BYTES);
        if room == 0 {
            return None;
        }
        let Self { reader, stream, .. } = self;
        Some(
            match reader.read_on(room, |into| read_some(stream, cx, into)) {
                Ok(len) => Read {
                    full: len == TURN_BYTES,
                    ..Read::NOTHING
                },
                Err(read) => read,
            },
        )
    }

    /// Sees to what the WebSocket layer answers itself.
    fn look_at(&mut self, buffer: &[u8], found: &[Found]) -> Option<(CloseReason, Ended)> {
        /// The RFC 6455 code of a Close frame without one, which itself may not be sent.
        const NO_STATUS: u16 = 1005;
        for found in found {
            match found.item(buffer) {
                Item::Ping(payload) => self.pong = Some(payload.to_vec()),
                Item::Close(frame) => {
                    if !self.outbox.closing {
                        let code = if frame.code == NO_STATUS {
                            1000
                        } else {
                            frame.code
                        };
                        self.outbox.close(code, "");
                    }
                    let (code, reason) = (frame.code, frame.reason);
                    return Some((CloseReason::Remote { code, reason }, Ended::Closed));
                }
                Item::Binary(_) | Item::Text | Item::Pong => {}
            }
        }
        None
    }

    /// The other side broke the rules of WebSocket: it is told, and nothing more is read.
    fn breach(&mut self, error: WsError) -> (CloseReason, Ended) {
        let reason = match error {
            WsError::TooLarge => CloseReason::TooLarge,
            other => CloseReason::Broken(other.to_string()),
        };
        if self.outbox.closing || self.write_error.is_some() {
            return (reason, Ended::Broken);
        }
        let text = match error {
            WsError::TooLarge => "message too big",
            WsError::Utf8 => "text is not UTF-8",
            _ => "protocol error",
        };
        self.outbox.close(error.code(), text);
        (reason, Ended::Closed)
    }

    /// Writes what there is; true if the socket takes no more for now.
    fn write(&mut self, cx: &mut Context<'_>, written: &mut usize) -> bool {
        if self.outbox.is_empty()
            && !self.outbox.closing
            && let Some(payload) = self.pong.take()
        {
            self.outbox.writer.pong(&mut self.outbox.bytes, &payload);
        }
        if self.outbox.is_empty() && !self.unflushed {
            return false;
        }
        let sent = self.outbox.sent;
        let polled = self.poll_write_all(cx);
        *written += self.outbox.sent - sent;
        match polled {
            Poll::Pending => return true,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                self.write_error.get_or_insert_with(|| error.to_string());
                self.unflushed = false;
            }
        }
        self.outbox.bytes.clear();
        self.outbox.sent = 0;
        false
    }

    fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream,
            outbox: Outbox { bytes, sent, .. },
            unflushed,
            ..
        } = self;
        while *sent < bytes.len() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, &bytes[*sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                len => *sent += len,
            }
            *unflushed = true;
        }
        ready!(Pin::new(stream).poll_flush(cx))?;
        *unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Gets the Close frame out and waits until the other side has hung up, so that what it still sends does
    /// not make its TCP throw away what we sent. The caller bounds the time; it may simply drop the future.
    pub(crate) async fn linger(mut self) {
        /// More than this is not listened to.
        const ENOUGH: usize = 4 << 20;
        if poll_fn(|cx| self.poll_write_all(cx)).await.is_err() {
            return;
        }
        let stream = &mut self.stream;
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

/// How many bytes came, or how a turn ends in which none did.
fn read_some<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    into: &mut [u8],
) -> Result<usize, Read> {
    match Pin::new(stream).poll_read(cx, into) {
        Poll::Pending => Err(Read {
            blocked: true,
            ..Read::NOTHING
        }),
        Poll::Ready(Ok(0)) => Err(Read::end(hung_up(), Ended::Broken)),
        Poll::Ready(Ok(len)) => Ok(len),
        // TLS that ends without its own goodbye
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Read::end(hung_up(), Ended::Broken))
        }
        Poll::Ready(Err(error)) => Err(Read::end(
            CloseReason::Broken(error.to_string()),
            Ended::Broken,
        )),
    }
}

fn hung_up() -> CloseReason {
    CloseReason::Broken("the connection ended without a Close frame".into())
}
