//! A client and a server connection, a wire between them, and a clock that jumps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    AnswerKind, Answers, Config, Connection, ConnectionEvent, Credentials, Frame, Inbound,
    Protocol, Protocols, RequestId, Requests, Secret, SendError, State, Transmit,
};
use bytes::{BufMut, BytesMut};
use ilp_proto::{DecodeError, Instant, Now, Timestamp};

pub(crate) const SECRET: &str = "correct horse";
pub(crate) const AUTH_ID: u32 = 77;
/// Enough to be told from anything else by its first byte.
pub(crate) const PREPARE: &[u8] = &[12, 1];
pub(crate) const FULFILL: &[u8] = &[13, 2];
pub(crate) const REJECT: &[u8] = &[14, 3];

/// What travels between the two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wire {
    Binary(Vec<u8>),
    Ping,
    Pong,
    Close(u16, &'static str),
}

/// [`Inbound`] without its lifetime, and with the cookie of the request it resolves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Got {
    Auth {
        username: Option<String>,
        token: String,
    },
    Request {
        id: u32,
        ilp: Vec<u8>,
    },
    Answer {
        cookie: Option<u32>,
        ilp: Vec<u8>,
    },
    Failed {
        cookie: Option<u32>,
        code: [u8; 3],
        name: String,
        data: String,
    },
    Unreadable(DecodeError),
    Refused {
        id: u32,
        why: &'static str,
    },
}

/// One side: the connection and what belongs to the peer at its other end.
pub(crate) struct End {
    pub(crate) link: Connection,
    pub(crate) answers: Answers,
    pub(crate) requests: Requests<u32>,
    pub(crate) got: Vec<Got>,
    pub(crate) events: Vec<ConnectionEvent>,
    /// What this side has sent, with the time.
    pub(crate) sent: Vec<(Instant, Wire)>,
    /// What is on its way to this side.
    inbox: VecDeque<(Instant, Wire)>,
    /// The other side has gone away without a word: nothing gets out of here, not even pongs.
    pub(crate) mute: bool,
    /// Answers every request like this.
    pub(crate) reply: Option<&'static [u8]>,
}

impl End {
    fn new(link: Connection, seed: u64) -> Self {
        Self {
            link,
            answers: Answers::new(1 << 20),
            requests: Requests::new(100, seed),
            got: Vec::new(),
            events: Vec::new(),
            sent: Vec::new(),
            inbox: VecDeque::new(),
            mute: false,
            reply: None,
        }
    }

    /// Sends a request with `cookie` to wait for the answer.
    pub(crate) fn ask(&mut self, cookie: u32, ilp: &[u8]) -> Result<RequestId, SendError> {
        let id = self.requests.insert(cookie).unwrap();
        self.link
            .request(Instant::ZERO, Instant::MAX, id, ilp.len(), |out| {
                out.put_slice(ilp)
            })?;
        Ok(id)
    }

    pub(crate) fn answer(&mut self, id: u32, ilp: &[u8]) {
        let never = Instant::from_nanos(u64::MAX);
        self.answers.respond(
            AnswerKind::Fulfill { amount: 1 },
            never,
            id,
            ilp.len(),
            |out| out.put_slice(ilp),
        );
    }

    pub(crate) fn take_got(&mut self) -> Vec<Got> {
        std::mem::take(&mut self.got)
    }

    /// Lets a message arrive that the other side never sent.
    pub(crate) fn receive(&mut self, now: Now, message: &[u8]) {
        let inbound = self.link.handle_message(now, message);
        self.note(inbound);
        while let Some(message) = self.link.poll_pending() {
            let inbound = self.link.handle_message(now, &message);
            self.note(inbound);
        }
    }

    fn note(&mut self, inbound: Inbound<'_>) {
        let got = match inbound {
            Inbound::Nothing => return,
            Inbound::Auth {
                id: _,
                username,
                token,
            } => Got::Auth {
                username: username.map(String::from),
                token: token.into(),
            },
            Inbound::Request { id, ilp } => {
                if let Some(reply) = self.reply {
                    self.answer(id, reply);
                }
                Got::Request {
                    id,
                    ilp: ilp.to_vec(),
                }
            }
            Inbound::Answer { id, ilp } => Got::Answer {
                cookie: self.requests.take(id),
                ilp: ilp.to_vec(),
            },
            Inbound::Failed {
                id,
                code,
                name,
                data,
            } => Got::Failed {
                cookie: self.requests.take(id),
                code,
                name: name.into(),
                data: String::from_utf8_lossy(data).into_owned(),
            },
            Inbound::Unreadable { error } => Got::Unreadable(error),
            Inbound::Refused { id, why } => Got::Refused { id, why },
        };
        self.got.push(got);
    }

    /// The binary messages that this side has sent, as frames.
    pub(crate) fn frames(&self) -> Vec<Frame<'_>> {
        self.sent
            .iter()
            .filter_map(|(_, wire)| match wire {
                Wire::Binary(bytes) => Some(Frame::parse(bytes).unwrap()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn count(&self, what: &Wire) -> usize {
        self.sent.iter().filter(|(_, wire)| wire == what).count()
    }

    /// The close that this side has sent.
    pub(crate) fn closed(&self) -> Option<(u16, &'static str)> {
        self.sent.iter().find_map(|(_, wire)| match wire {
            Wire::Close(code, reason) => Some((*code, *reason)),
            _ => None,
        })
    }
}

pub(crate) struct Pair {
    pub(crate) now: Now,
    pub(crate) client: End,
    pub(crate) server: End,
    /// One way.
    pub(crate) latency: Duration,
    /// The server decides at once, by the secret; otherwise the test does.
    pub(crate) decide: bool,
}

pub(crate) fn credentials(username: Option<&str>, token: &str) -> Credentials {
    Credentials {
        username: username.map(String::from),
        token: Secret::new(token),
    }
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), &credentials(Some("alice"), SECRET))
    }

    pub(crate) fn with(cfg: Config, credentials: &Credentials) -> Self {
        let cfg = Arc::new(cfg);
        let now = Now {
            mono: Instant::from_nanos(1_000_000_000),
            wall: Timestamp::from_millis(1_800_000_000_000),
        };
        let deadline = now.mono + Duration::from_secs(10);
        Self {
            now,
            client: End::new(
                Connection::client(cfg.clone(), credentials, now.mono, AUTH_ID),
                1,
            ),
            server: End::new(Connection::server(cfg, deadline, now.mono), 2),
            latency: Duration::from_millis(10),
            decide: true,
        }
    }

    /// A pair that has talked itself into the open state.
    pub(crate) fn open() -> Self {
        Self::open_with(Config::default())
    }

    pub(crate) fn open_with(cfg: Config) -> Self {
        let mut pair = Self::with(cfg, &credentials(Some("alice"), SECRET));
        pair.settle();
        assert_eq!(pair.client.link.state(), State::Open);
        assert_eq!(pair.server.link.state(), State::Open);
        pair.client.sent.clear();
        pair.server.sent.clear();
        pair.server.got.clear();
        pair.client.events.clear();
        pair
    }

    /// Lets everything arrive that is on its way. Timers fire only if they are due until then.
    pub(crate) fn settle(&mut self) {
        self.turn();
        while let Some(at) = self.next_arrival() {
            self.advance(at);
        }
    }

    /// Jumps from deadline to deadline until `wait` has passed.
    pub(crate) fn run(&mut self, wait: Duration) {
        let end = self.now.mono + wait;
        self.turn();
        loop {
            let timers = [
                self.client.link.poll_timeout(),
                self.server.link.poll_timeout(),
            ];
            let next = timers
                .into_iter()
                .flatten()
                .chain(self.next_arrival())
                .min();
            match next {
                Some(at) if at <= end => self.advance(at),
                _ => break,
            }
        }
        self.advance(end);
    }

    fn next_arrival(&self) -> Option<Instant> {
        let inboxes = [&self.client.inbox, &self.server.inbox];
        inboxes
            .into_iter()
            .filter_map(|inbox| Some(inbox.front()?.0))
            .min()
    }

    fn advance(&mut self, to: Instant) {
        let passed = to.saturating_duration_since(self.now.mono);
        self.now.mono = self.now.mono.max(to);
        self.now.wall = self.now.wall.saturating_add(passed);
        for end in [&mut self.client, &mut self.server] {
            if end
                .link
                .poll_timeout()
                .is_some_and(|deadline| deadline <= self.now.mono)
            {
                end.link.handle_timeout(self.now);
                let later = end.link.poll_timeout().is_none_or(|at| at > self.now.mono);
                assert!(later || end.link.has_output(Some(&end.answers)));
            }
        }
        self.turn();
    }

    /// Delivers what is due and sends what there is, until both sides are idle.
    fn turn(&mut self) {
        loop {
            let delivered =
                deliver(&mut self.client, self.now) | deliver(&mut self.server, self.now);
            if self.decide {
                self.decide();
            }
            let sent = send(&mut self.client, &mut self.server, self.now, self.latency)
                | send(&mut self.server, &mut self.client, self.now, self.latency);
            if !delivered && !sent {
                break;
            }
        }
    }

    fn decide(&mut self) {
        if self.server.link.state() != State::AuthPending {
            return;
        }
        let Some(Got::Auth { token, .. }) = self.server.got.last() else {
            return;
        };
        if Secret::new(SECRET).ct_eq(token) {
            self.server.link.accept_auth(self.now);
        } else {
            self.server.link.refuse_auth(self.now, "wrong secret");
        }
        self.server.receive_pending(self.now);
    }

    pub(crate) fn accept(&mut self) {
        self.server.link.accept_auth(self.now);
        self.server.receive_pending(self.now);
    }
}

impl End {
    fn receive_pending(&mut self, now: Now) {
        while let Some(message) = self.link.poll_pending() {
            let inbound = self.link.handle_message(now, &message);
            self.note(inbound);
        }
    }
}

fn deliver(end: &mut End, now: Now) -> bool {
    let mut any = false;
    while end.inbox.front().is_some_and(|(at, _)| *at <= now.mono) {
        let (_, wire) = end.inbox.pop_front().unwrap();
        any = true;
        match wire {
            Wire::Binary(bytes) => end.receive(now, &bytes),
            Wire::Ping | Wire::Pong => end.link.handle_control(now),
            // What follows a close is the driver's business.
            Wire::Close(..) => {}
        }
    }
    any
}

fn send(from: &mut End, to: &mut End, now: Now, latency: Duration) -> bool {
    let mut any = false;
    let mut out = BytesMut::new();
    loop {
        let promised = from.link.has_output(Some(&from.answers));
        let Some(transmit) = from
            .link
            .poll_transmit(now.mono, Some(&mut from.answers), &mut out)
        else {
            assert!(!from.link.has_output(Some(&from.answers)));
            break;
        };
        assert!(promised);
        any = true;
        let wire = match transmit {
            Transmit::Binary { len } => {
                assert_eq!(len, out.len());
                Wire::Binary(out.split().to_vec())
            }
            Transmit::Ping => Wire::Ping,
            Transmit::Close { code, reason } => Wire::Close(code, reason),
        };
        from.sent.push((now.mono, wire.clone()));
        if from.mute {
            continue;
        }
        // The WebSocket layer of the other side answers pings by itself.
        if wire == Wire::Ping && !to.mute {
            from.inbox
                .push_back((now.mono + latency + latency, Wire::Pong));
        }
        to.inbox.push_back((now.mono + latency, wire));
    }
    while let Some(event) = from.link.poll_event() {
        from.events.push(event);
    }
    any
}

/// A frame with an `ilp` entry, of a type of the test's choosing.
pub(crate) fn ilp_frame(make: fn(u32, Protocols<'_>) -> Frame<'_>, id: u32, ilp: &[u8]) -> Vec<u8> {
    let entries = [Protocol::octets("ilp", ilp)];
    encode(&make(id, Protocols::new(&entries)))
}

pub(crate) fn message(id: u32, protocols: Protocols<'_>) -> Frame<'_> {
    Frame::Message { id, protocols }
}

pub(crate) fn response(id: u32, protocols: Protocols<'_>) -> Frame<'_> {
    Frame::Response { id, protocols }
}

pub(crate) fn encode(frame: &Frame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out
}
