//! A connection as RFC-0023 and the documentation of [`btp_proto`] have it, without regard to cost: every message is read in
//! full, every queue is a list.

use std::collections::VecDeque;

use btp_proto::{Carrier, ilp_frame_len};
use btp_proto::{Config, ConnectionEvent, Frame, Protocols, SendError, State};
use ilp_proto::{Instant, PacketType};

use super::tables::AnswersToo;

const MAX_CONTROL: usize = 256 * 1024;
const MAX_PENDING: usize = 64;

/// What a message was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Said {
    Nothing,
    Auth(u32, Option<String>, String),
    Request(u32, Vec<u8>),
    Answer(u32, Vec<u8>),
    Failed(u32, [u8; 3]),
    Unreadable,
    Refused(u32),
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sends {
    Auth,
    Ping,
    Error(u32, [u8; 3]),
    Empty(u32),
    Answer(u32, usize),
    Request(u32, usize),
    Close(u16),
}

/// What is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tells {
    Accepted,
    Failed,
    Closing(u16),
}

impl Tells {
    pub(super) fn of(event: &ConnectionEvent) -> Self {
        match event {
            ConnectionEvent::AuthAccepted => Self::Accepted,
            ConnectionEvent::AuthFailed { .. } => Self::Failed,
            ConnectionEvent::Closing { code, .. } => Self::Closing(*code),
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Timer {
    Auth,
    Idle,
    Pong,
}

pub(super) struct Model {
    config: Config,
    state: State,
    deaf: bool,
    now: Instant,
    auth_id: u32,
    auth_due: bool,
    pending: VecDeque<Vec<u8>>,
    /// ERRORs and empty RESPONSEs with their lengths.
    control: VecDeque<(Sends, usize)>,
    /// Id, length of the frame, and until when it is worth sending.
    requests: VecDeque<(u32, usize, Instant)>,
    ping: bool,
    close: Option<u16>,
    events: VecDeque<Tells>,
    unreadable: Vec<Instant>,
    timer: Timer,
    deadline: Option<Instant>,
    heard: bool,
    last_heard: Instant,
}

impl Model {
    pub(super) fn new(
        config: Config,
        client: bool,
        deadline: Instant,
        now: Instant,
        auth_id: u32,
    ) -> Self {
        Self {
            state: if client {
                State::AwaitReply
            } else {
                State::AwaitAuth
            },
            deadline: Some(if client {
                now + config.auth_timeout
            } else {
                deadline
            }),
            config,
            deaf: false,
            now,
            auth_id,
            auth_due: client,
            pending: VecDeque::new(),
            control: VecDeque::new(),
            requests: VecDeque::new(),
            ping: false,
            close: None,
            events: VecDeque::new(),
            unreadable: Vec::new(),
            timer: Timer::Auth,
            heard: false,
            last_heard: now,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) fn hear(&mut self, now: Instant) {
        self.advance(now);
        self.last_heard = self.now;
        self.heard = true;
    }

    fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing | State::Closed)
    }

    // What arrives

    pub(super) fn message(&mut self, now: Instant, message: &[u8]) -> Said {
        self.hear(now);
        if self.deaf {
            return Said::Nothing;
        }
        if self.state == State::AuthPending {
            self.keep(message);
            return Said::Nothing;
        }
        let readable = message.len() <= self.config.max_message;
        let Some(frame) = Frame::parse(message).ok().filter(|_| readable) else {
            return self.unreadable(1002);
        };
        match self.state {
            State::AwaitAuth => self.first(&frame),
            State::AwaitReply => {
                self.reply(&frame, message);
                Said::Nothing
            }
            _ => self.meaning(&frame),
        }
    }

    pub(super) fn text(&mut self, now: Instant) -> Said {
        self.hear(now);
        if self.deaf {
            return Said::Nothing;
        }
        if self.state == State::AuthPending {
            self.fail(1003);
            return Said::Unreadable;
        }
        self.unreadable(1003)
    }

    fn unreadable(&mut self, code_if_first: u16) -> Said {
        if self.state == State::AwaitAuth {
            self.fail(code_if_first);
            return Said::Unreadable;
        }
        let (now, window) = (self.now, self.config.unreadable_window);
        self.unreadable
            .retain(|at| now.saturating_duration_since(*at) <= window);
        self.unreadable.push(now);
        if self.unreadable.len() >= self.config.max_unreadable as usize {
            self.fail(1002);
        }
        Said::Unreadable
    }

    fn first(&mut self, frame: &Frame<'_>) -> Said {
        let id = frame.id();
        let Some((username, token)) = credentials(frame) else {
            let said = self.refuse_request(id);
            self.fail(1008);
            return said;
        };
        self.auth_id = id;
        self.state = State::AuthPending;
        Said::Auth(id, username, token)
    }

    fn reply(&mut self, frame: &Frame<'_>, message: &[u8]) {
        match frame {
            Frame::Response { id, .. } if *id == self.auth_id => {
                self.events.push_back(Tells::Accepted);
                self.open();
            }
            Frame::Error { id, .. } if *id == self.auth_id => {
                self.events.push_back(Tells::Failed);
                self.close(1000);
                self.events.push_back(Tells::Closing(1000));
            }
            _ => self.keep(message),
        }
    }

    fn keep(&mut self, message: &[u8]) {
        let bytes: usize = self.pending.iter().map(Vec::len).sum();
        let room = bytes + message.len() <= self.config.max_message;
        if room && self.pending.len() < MAX_PENDING {
            self.pending.push_back(message.to_vec());
            return;
        }
        if self.state == State::AuthPending {
            self.respond(self.auth_id, Some(*b"F00"));
        }
        self.fail(1008);
    }

    fn meaning(&mut self, frame: &Frame<'_>) -> Said {
        let (id, protocols) = (frame.id(), frame.protocols());
        let twice = has_twice(&protocols);
        let ilp = protocols.get("ilp").map(|entry| entry.data);
        match *frame {
            Frame::Transfer { .. } => self.refuse_request(id),
            Frame::Error { error, .. } => Said::Failed(id, *error.code.as_bytes()),
            Frame::Message { .. } => {
                let auth = protocols.first().is_some_and(|entry| entry.name == "auth");
                match ilp {
                    Some(ilp) if !auth && !twice => of_ilp(Carrier::Message, id, ilp),
                    _ => self.refuse_request(id),
                }
            }
            Frame::Response { .. } if twice => Said::Nothing,
            Frame::Response { .. } => match ilp {
                Some(ilp) => of_ilp(Carrier::Response, id, ilp),
                None => Said::Failed(id, *b"F00"),
            },
        }
    }

    fn refuse_request(&mut self, id: u32) -> Said {
        self.respond_long(id);
        Said::Refused(id)
    }

    // What the owner decides

    pub(super) fn accept(&mut self, now: Instant) {
        self.advance(now);
        if self.state == State::AuthPending {
            self.respond(self.auth_id, None);
            self.open();
        }
    }

    pub(super) fn refuse(&mut self, now: Instant) {
        self.advance(now);
        if self.state == State::AuthPending {
            self.respond(self.auth_id, Some(*b"F00"));
            self.fail(1008);
        }
    }

    pub(super) fn request(
        &mut self,
        now: Instant,
        expires: Instant,
        id: u32,
        len: usize,
    ) -> Result<(), SendError> {
        if self.state != State::Open {
            return Err(SendError::NotOpen);
        }
        self.advance(now);
        let len = ilp_frame_len(len);
        if self.request_bytes() + len > self.config.max_send_buffer {
            self.expire_requests();
        }
        if self.request_bytes() + len > self.config.max_send_buffer {
            return Err(SendError::BufferFull);
        }
        self.requests.push_back((id, len, expires));
        Ok(())
    }

    fn request_bytes(&self) -> usize {
        self.requests.iter().map(|(_, len, _)| len).sum()
    }

    /// From the front only: the rest is looked at when its turn comes.
    fn expire_requests(&mut self) {
        while self.requests.front().is_some_and(|r| r.2 <= self.now) {
            self.requests.pop_front();
        }
    }

    pub(super) fn unsent(&mut self) -> VecDeque<u32> {
        self.requests.drain(..).map(|(id, ..)| id).collect()
    }

    /// An empty RESPONSE, or an ERROR.
    pub(super) fn respond(&mut self, id: u32, code: Option<[u8; 3]>) {
        // the bound is far away for scripts of this length, so that lengths need not be exact
        if self.state == State::Closed {
            return;
        }
        let bytes: usize = self.control.iter().map(|(_, len)| len).sum();
        assert!(bytes < MAX_CONTROL - 2_000);
        let sends = match code {
            Some(code) => Sends::Error(id, code),
            None => Sends::Empty(id),
        };
        self.control.push_back((sends, 200));
    }

    fn respond_long(&mut self, id: u32) {
        self.respond(id, Some(*b"F00"));
    }

    pub(super) fn close(&mut self, code: u16) {
        if self.is_closing() {
            return;
        }
        self.deaf = self.state != State::Open;
        self.state = State::Closing;
        self.close = Some(code);
        self.deadline = None;
        self.auth_due = false;
        self.ping = false;
        if self.deaf {
            self.pending.clear();
        }
    }

    fn fail(&mut self, code: u16) {
        if self.is_closing() {
            self.deaf = true;
            return;
        }
        if self.state == State::AwaitReply {
            self.events.push_back(Tells::Failed);
        }
        self.close(code);
        self.deaf |= code != 1011;
        self.pending.clear();
        self.events.push_back(Tells::Closing(code));
    }

    // Time

    fn open(&mut self) {
        self.state = State::Open;
        self.last_heard = self.now;
        self.watch();
    }

    fn watch(&mut self) {
        let interval = self.config.keepalive_interval;
        if interval.is_zero() {
            self.deadline = None;
        } else if self.last_heard + interval > self.now {
            self.timer = Timer::Idle;
            self.deadline = Some(self.last_heard + interval);
        } else {
            self.timer = Timer::Pong;
            self.ping = true;
            self.heard = false;
            self.deadline = Some(self.now + self.config.keepalive_timeout);
        }
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        self.advance(now);
        if self.deadline.is_none_or(|deadline| self.now < deadline) {
            return;
        }
        match (self.timer, self.state) {
            (Timer::Auth, State::AuthPending) => {
                self.respond(self.auth_id, Some(*b"F00"));
                self.fail(1008);
            }
            (Timer::Auth, _) => self.fail(1008),
            (Timer::Pong, _) if !self.heard => self.fail(1011),
            _ => self.watch(),
        }
    }

    // What comes out

    pub(super) fn event(&mut self) -> Option<Tells> {
        self.events.pop_front()
    }

    pub(super) fn pending(&mut self) -> Option<Vec<u8>> {
        match self.state {
            State::Open | State::Closing | State::Closed => self.pending.pop_front(),
            _ => None,
        }
    }

    pub(super) fn transmit(&mut self, answers: &mut AnswersToo) -> Option<Sends> {
        if core::mem::take(&mut self.auth_due) {
            return Some(Sends::Auth);
        }
        if core::mem::take(&mut self.ping) {
            return Some(Sends::Ping);
        }
        if let Some((sends, _)) = self.control.pop_front() {
            return Some(sends);
        }
        let may_answer = self.state == State::Open || (self.state == State::Closing && !self.deaf);
        if may_answer && let Some((id, len)) = answers.pop_model(self.now) {
            return Some(Sends::Answer(id, len));
        }
        if self.state == State::Open {
            self.expire_requests();
            if let Some((id, len, _)) = self.requests.pop_front() {
                return Some(Sends::Request(id, len));
            }
        }
        let code = self.close.take()?;
        self.state = State::Closed;
        Some(Sends::Close(code))
    }
}

fn of_ilp(carrier: Carrier, id: u32, ilp: &[u8]) -> Said {
    let request = match PacketType::peek(ilp) {
        Some(PacketType::Prepare) => true,
        Some(PacketType::Fulfill | PacketType::Reject) => false,
        None => carrier == Carrier::Message,
    };
    if request {
        Said::Request(id, ilp.to_vec())
    } else {
        Said::Answer(id, ilp.to_vec())
    }
}

fn has_twice(protocols: &Protocols<'_>) -> bool {
    let names: Vec<&str> = protocols.iter().map(|entry| entry.name).collect();
    names
        .iter()
        .enumerate()
        .any(|(at, name)| names[..at].contains(name))
}

fn credentials(frame: &Frame<'_>) -> Option<(Option<String>, String)> {
    let Frame::Message { protocols, .. } = frame else {
        return None;
    };
    let text = |name| {
        let entry = protocols.get(name)?;
        Some(core::str::from_utf8(entry.data).ok().map(str::to_owned))
    };
    if protocols.first()?.name != "auth" || has_twice(protocols) {
        return None;
    }
    let token = text("auth_token")??;
    let username = match text("auth_username") {
        Some(username) => Some(username?).filter(|name| !name.is_empty()),
        None => None,
    };
    Some((username, token))
}
