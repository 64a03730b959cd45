//! One connection by script, beside a model of it that is written for reading ([`model`]), and the two tables that
//! outlive it beside a map and a list ([`tables`]).

mod model;
mod tables;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    BtpCode, Config, Connection, Credentials, Frame, Inbound, Protocol, Protocols, RequestId,
    Secret, Transmit,
};
use bytes::{BufMut, Bytes, BytesMut};
use ilp_proto::{Instant, Now, Timestamp};

use super::script::Script;
use model::{Model, Said, Sends};
use tables::{AnswersToo, RequestsToo};

const MAX_STEPS: usize = 400;
const TOKEN: &str = "the token itself";

fn config() -> Config {
    Config {
        max_message: 200,
        max_send_buffer: 300,
        ..Config::default()
    }
}

struct World {
    connection: Connection,
    model: Model,
    requests: RequestsToo,
    answers: AnswersToo,
    now: Now,
    out: BytesMut,
}

pub(crate) fn run(input: &[u8]) {
    let mut script = Script::new(input);
    let start = Now {
        mono: Instant::from_nanos(1_000_000_000),
        wall: Timestamp::from_millis(0),
    };
    let how = script.byte();
    let mut config = config();
    if how & 2 != 0 {
        config.keepalive_interval = Duration::ZERO;
    }
    let deadline = start.mono + Duration::from_secs(10);
    let config = Arc::new(config);
    let connection = if how & 1 == 0 {
        Connection::server(config.clone(), deadline, start.mono)
    } else {
        let credentials = Credentials {
            username: (how & 4 != 0).then(|| "me".into()),
            token: Secret::new(TOKEN),
        };
        Connection::client(config.clone(), &credentials, start.mono, 7)
    };
    let mut world = World {
        connection,
        model: Model::new((*config).clone(), how & 1 == 1, deadline, start.mono, 7),
        requests: RequestsToo::new(usize::from(how >> 4), u64::from(how)),
        answers: AnswersToo::new(120),
        now: start,
        out: BytesMut::new(),
    };
    for _ in 0..MAX_STEPS {
        if script.is_over() {
            break;
        }
        step(&mut world, &mut script);
        world.check();
    }
    world.drain();
}

fn step(world: &mut World, script: &mut Script<'_>) {
    match script.byte() % 20 {
        0 => world.now.mono += Duration::from_millis(script.millis()),
        1 | 2 => {
            world.now.mono += Duration::from_millis(script.millis());
            world.timeout();
        }
        3 => {
            // clocks that go back are taken as standing still
            let back = script.millis() * 1_000_000;
            let mono = Instant::from_nanos(world.now.mono.as_nanos().saturating_sub(back));
            let before = core::mem::replace(&mut world.now.mono, mono);
            world.timeout();
            world.now.mono = before;
        }
        4..=7 => {
            let message = message(world, script);
            world.message(&message);
        }
        8 => world.message(script.bytes()),
        9 => world.text(),
        10 => {
            world.connection.handle_control(world.now);
            world.model.hear(world.now.mono);
        }
        11 => {
            world.connection.accept_auth(world.now);
            world.model.accept(world.now.mono);
        }
        12 => {
            world.connection.refuse_auth(world.now, "no");
            world.model.refuse(world.now.mono);
        }
        13 => world.request(script.below(256), script.millis()),
        14 => {
            let (kind, len) = (script.byte(), script.byte());
            let deadline = world.now.mono + Duration::from_millis(script.millis());
            world.answers.respond(kind, deadline, script.u32(), len);
        }
        15 => {
            let id = script.u32();
            if id & 1 == 0 {
                world.connection.respond_empty(id);
                world.model.respond(id, None);
            } else {
                let code = BtpCode::T00_UNREACHABLE;
                world
                    .connection
                    .respond_error(id, world.now, code, "Name", "text");
                world.model.advance(world.now.mono);
                world.model.respond(id, Some(*b"T00"));
            }
        }
        16 => {
            world.connection.close(1000, "enough");
            world.model.close(1000);
        }
        17 => {
            let _ = world.transmit();
        }
        18 => world.drain(),
        _ => world.expire_or_give_up(script.byte()),
    }
}

/// A frame that is nearly always one, from few names and ids.
fn message(world: &World, script: &mut Script<'_>) -> Vec<u8> {
    const NAMES: [&str; 6] = ["ilp", "auth", "auth_token", "auth_username", "x", ""];
    let how = script.byte();
    let id = match how >> 4 & 3 {
        0 => 7,
        1 => world.requests.one(script.byte()),
        _ => u32::from(script.byte()),
    };
    let mut entries = Vec::new();
    for _ in 0..how >> 6 {
        let which = script.byte();
        let data: &[u8] = match which >> 4 & 3 {
            0 => script.bytes(),
            1 => &[12, 0],
            2 => &[13, 0],
            _ => TOKEN.as_bytes(),
        };
        entries.push(Protocol::octets(
            NAMES[usize::from(which & 15) % NAMES.len()],
            data,
        ));
    }
    let protocols = Protocols::new(&entries);
    let error = btp_proto::BtpError {
        code: BtpCode::F00_NOT_ACCEPTED,
        name: "NotAcceptedError",
        triggered_at: Timestamp::default(),
        data: if how & 8 != 0 {
            b"the token itself!"
        } else {
            b"no"
        },
    };
    let frame = match how & 7 {
        0..=2 => Frame::Message { id, protocols },
        3 | 4 => Frame::Response { id, protocols },
        5 | 6 => Frame::Error {
            id,
            error,
            protocols,
        },
        _ => Frame::Transfer {
            id,
            amount: 1,
            protocols,
        },
    };
    let mut out = Vec::new();
    frame.encode(&mut out);
    if how == 0xff {
        out.push(0); // a byte that does not belong to it
    }
    out
}

impl World {
    fn message(&mut self, message: &[u8]) {
        let expected = self.model.message(self.now.mono, message);
        let inbound = self.connection.handle_message(self.now, message);
        let shown = format!("{inbound:?}");
        let named =
            matches!(inbound, Inbound::Auth { username: Some(name), .. } if name.contains(TOKEN));
        assert!(named || !shown.contains(TOKEN), "{shown}");
        let said = match inbound {
            Inbound::Nothing => Said::Nothing,
            Inbound::Auth {
                id,
                username,
                token,
            } => Said::Auth(id, username.map(Into::into), token.into()),
            Inbound::Request { id, ilp } => Said::Request(id, ilp.to_vec()),
            Inbound::Answer { id, ilp } => {
                let _ = self.requests.take(id);
                Said::Answer(id, ilp.to_vec())
            }
            Inbound::Failed { id, code, .. } => {
                let _ = self.requests.take(id);
                Said::Failed(id, code)
            }
            Inbound::Unreadable { .. } => Said::Unreadable,
            Inbound::Refused { id, .. } => Said::Refused(id),
        };
        assert_eq!(said, expected);
    }

    fn text(&mut self) {
        let expected = self.model.text(self.now.mono);
        let said = match self.connection.handle_text(self.now) {
            Inbound::Nothing => Said::Nothing,
            Inbound::Unreadable { .. } => Said::Unreadable,
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected);
    }

    fn timeout(&mut self) {
        self.connection.handle_timeout(self.now);
        self.model.timeout(self.now.mono);
        let next = self.connection.poll_timeout();
        let later = next.is_none_or(|next| next > self.now.mono);
        assert!(later, "the deadline stands still");
    }

    fn request(&mut self, len: usize, lives: u64) {
        let expires = self.now.mono + Duration::from_millis(lives);
        let Some(id) = self.requests.insert() else {
            return;
        };
        let expected = self.model.request(self.now.mono, expires, id, len);
        let result = self
            .connection
            .request(self.now.mono, expires, RequestId(id), len, |out| {
                out.put_bytes(12, len);
            });
        assert_eq!(result, expected);
        if result.is_err() {
            assert!(self.requests.take(id), "it was never sent");
        }
    }

    /// One message, as the model has it; false if there is none.
    fn transmit(&mut self) -> bool {
        let output = self.connection.has_output(Some(self.answers.answers()));
        self.model.advance(self.now.mono);
        let expected = self.model.transmit(&mut self.answers);
        self.out.clear();
        let sent = self.connection.poll_transmit(
            self.now.mono,
            Some(self.answers.answers()),
            &mut self.out,
        );
        let sends = match sent {
            None => None,
            Some(Transmit::Ping) => Some(Sends::Ping),
            Some(Transmit::Close { code, reason }) => {
                assert!(reason.len() <= 123);
                Some(Sends::Close(code))
            }
            Some(Transmit::Binary { len }) => {
                assert_eq!(len, self.out.len());
                let frame = Frame::parse(&self.out).expect("what is sent can be read");
                let auth = frame.protocols().first().is_some_and(|e| e.name == "auth");
                Some(match frame {
                    _ if auth => Sends::Auth,
                    Frame::Error { id, error, .. } => Sends::Error(id, *error.code.as_bytes()),
                    Frame::Response { id, protocols } if protocols.is_empty() => Sends::Empty(id),
                    Frame::Response { id, .. } => Sends::Answer(id, len),
                    Frame::Message { id, .. } => Sends::Request(id, len),
                    Frame::Transfer { .. } => panic!("a TRANSFER"),
                })
            }
        };
        assert_eq!(sends, expected);
        assert!(output || sends.is_none(), "output that was not announced");
        self.answers.check();
        sends.is_some()
    }

    fn drain(&mut self) {
        for _ in 0..10_000 {
            let event = self.connection.poll_event();
            if let Some(event) = &event {
                let shown = format!("{event:?}");
                assert!(!shown.contains(TOKEN), "{shown}");
            }
            assert_eq!(event.as_ref().map(model::Tells::of), self.model.event());
            let pending: Option<Bytes> = self.connection.poll_pending();
            assert_eq!(pending.as_deref(), self.model.pending().as_deref());
            if let Some(frame) = &pending {
                self.message(frame);
            }
            if !self.transmit() && event.is_none() && pending.is_none() {
                return;
            }
        }
        panic!("there is no end to it");
    }

    /// What else an owner does: looks at what waits, gives up a request, takes back what was not sent.
    fn expire_or_give_up(&mut self, how: u8) {
        match how & 3 {
            0 => self.answers.expire(self.now.mono),
            1 => {
                let id = self.requests.one(how >> 2);
                let _ = self.requests.take(id);
            }
            2 => {
                let unsent: VecDeque<u32> = self.connection.unsent_requests().collect();
                assert_eq!(unsent, self.model.unsent());
                for id in unsent {
                    let _ = self.requests.take(id);
                }
            }
            _ => self.requests.drain(usize::from(how >> 2)),
        }
    }

    fn check(&mut self) {
        assert_eq!(self.connection.state(), self.model.state());
        assert_eq!(self.connection.poll_timeout(), self.model.deadline());
        self.requests.check();
        self.answers.check();
    }
}
