//! A plain BTP client at the edge of a network: sends PREPAREs, and does with those it gets as it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    AnswerKind, Answers, Config, Connection, Credentials, Inbound, Requests, Secret, Transmit,
};
use bytes::BytesMut;
use ilp_proto::{Addr, ErrorCode, Fulfill, Fulfillment, Instant, Now, Packet, Prepare, Reject};

/// What an app does with a PREPARE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Fulfils it, the preimage being the first 32 bytes of the data.
    Fulfill,
    /// Fulfils it with a preimage that is none.
    Lie,
    /// Rejects it.
    Reject(ErrorCode),
    /// Answers with bytes that are no ILP packet.
    Garbage,
    /// Keeps it.
    Hold,
}

/// How a PREPARE of ours ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Fulfilled {
        fulfillment: Fulfillment,
        data: Vec<u8>,
    },
    Rejected {
        code: ErrorCode,
        by: Option<String>,
        message: String,
        data: Vec<u8>,
    },
    Failed(String),
}

impl Ending {
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Rejected { code, .. } => Some(code.as_str()),
            Self::Fulfilled { .. } | Self::Failed(_) => None,
        }
    }
}

pub struct App {
    credentials: Credentials,
    connection: Option<Connection>,
    requests: Requests<u64>,
    answers: Answers,
    pipe: Option<usize>,
    pub policy: Policy,
    /// PREPAREs that came: amount, destination, data, expiry in ms.
    pub got: Vec<(u64, String, Vec<u8>, i64)>,
    held: Vec<(u32, Vec<u8>)>,
    next: u64,
    /// By number of the PREPARE, in the order they were sent; more than one entry is a double answer.
    pub endings: BTreeMap<u64, Vec<Ending>>,
    pub is_closed: bool,
}

impl App {
    pub fn new(user: &str, token: &str) -> Self {
        Self {
            credentials: Credentials {
                username: Some(user.to_string()),
                token: Secret::new(token),
            },
            connection: None,
            requests: Requests::new(65_536, 3),
            answers: Answers::new(1 << 24),
            pipe: None,
            policy: Policy::Fulfill,
            got: Vec::new(),
            held: Vec::new(),
            next: 0,
            endings: BTreeMap::new(),
            is_closed: false,
        }
    }

    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    pub(super) fn starting(self, _now: Instant) -> Self {
        self
    }

    pub(super) fn attached(&mut self, now: Now, pipe: usize, ok: bool) {
        self.is_closed = !ok;
        if ok {
            self.pipe = Some(pipe);
            let config = Arc::new(Config {
                keepalive_interval: Duration::ZERO,
                ..Config::default()
            });
            self.connection = Some(Connection::client(config, &self.credentials, now.mono, 1));
        }
    }

    pub(super) fn pipe(&self) -> Option<usize> {
        self.pipe
    }

    pub(super) fn closed(&mut self) {
        self.is_closed = true;
        self.connection = None;
        self.pipe = None;
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.connection.as_ref().and_then(Connection::poll_timeout)
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        if let Some(connection) = &mut self.connection {
            connection.handle_timeout(now);
        }
    }

    pub(super) fn poll_transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        let answers = &mut self.answers;
        self.connection
            .as_mut()?
            .poll_transmit(now.mono, Some(answers), out)
    }

    /// Sends a PREPARE whose preimage is made of `number`; its number.
    pub fn send(&mut self, now: Now, to: &str, amount: u64, expiry: Duration) -> u64 {
        let mut data = [0; 32];
        data[..8].copy_from_slice(&self.next.to_be_bytes());
        self.send_data(now, to, amount, expiry, &data, Fulfillment(data))
    }

    pub fn send_data(
        &mut self,
        now: Now,
        to: &str,
        amount: u64,
        expiry: Duration,
        data: &[u8],
        preimage: Fulfillment,
    ) -> u64 {
        let prepare = Prepare {
            amount,
            expires_at: now.wall.saturating_add(expiry),
            condition: preimage.condition(),
            destination: Addr::new(to).unwrap(),
            data,
        };
        let mut ilp = Vec::new();
        prepare.encode(&mut ilp);
        self.send_raw(&ilp)
    }

    /// Sends any bytes as the ILP packet of a MESSAGE.
    pub fn send_raw(&mut self, ilp: &[u8]) -> u64 {
        let number = self.next;
        self.next += 1;
        let id = self.requests.insert(number).unwrap();
        let connection = self.connection.as_mut().expect("the app is attached");
        connection
            .request(Instant::ZERO, Instant::MAX, id, ilp.len(), |out| {
                out.extend_from_slice(ilp)
            })
            .unwrap();
        number
    }

    /// The one ending of a PREPARE; `None` while it has none.
    pub fn ending(&self, number: u64) -> Option<&Ending> {
        let endings = self.endings.get(&number)?;
        assert_eq!(
            endings.len(),
            1,
            "PREPARE {number} was answered {endings:?}"
        );
        endings.first()
    }

    /// Answers what was kept, as the policy is now.
    pub fn release(&mut self, now: Now) {
        for (id, ilp) in std::mem::take(&mut self.held) {
            self.decide(now, id, &ilp);
        }
    }

    /// Answers the oldest that was kept, as the policy is now.
    pub fn release_one(&mut self, now: Now) {
        if !self.held.is_empty() {
            let (id, ilp) = self.held.remove(0);
            self.decide(now, id, &ilp);
        }
    }

    /// The request ids of what is kept.
    pub fn held_ids(&self) -> Vec<u32> {
        self.held.iter().map(|(id, _)| *id).collect()
    }

    pub fn held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn received(&mut self, now: Now, bytes: &[u8]) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        match connection.handle_message(now, bytes) {
            Inbound::Request { id, ilp } => {
                if let Ok(Packet::Prepare(prepare)) = Packet::parse(ilp) {
                    self.got.push((
                        prepare.amount,
                        prepare.destination.as_str().to_string(),
                        prepare.data.to_vec(),
                        prepare.expires_at.as_millis(),
                    ));
                }
                self.decide(now, id, ilp);
            }
            Inbound::Answer { id, ilp } => {
                let ending = match Packet::parse(ilp).unwrap() {
                    Packet::Fulfill(fulfill) => Ending::Fulfilled {
                        fulfillment: fulfill.fulfillment,
                        data: fulfill.data.to_vec(),
                    },
                    Packet::Reject(reject) => Ending::Rejected {
                        code: reject.code,
                        by: reject.triggered_by.map(|by| by.as_str().to_string()),
                        message: String::from_utf8_lossy(reject.message).into_owned(),
                        data: reject.data.to_vec(),
                    },
                    other => panic!("a PREPARE was answered with {other:?}"),
                };
                self.end(id, ending);
            }
            Inbound::Failed { id, name, .. } => {
                let name = name.to_string();
                self.end(id, Ending::Failed(name));
            }
            _ => {}
        }
    }

    fn end(&mut self, id: u32, ending: Ending) {
        let number = self
            .requests
            .take(id)
            .expect("an answer to something that was asked, once");
        self.endings.entry(number).or_default().push(ending);
    }

    fn decide(&mut self, now: Now, id: u32, ilp: &[u8]) {
        let Ok(Packet::Prepare(prepare)) = Packet::parse(ilp) else {
            return;
        };
        let until = now.mono + Duration::from_secs(60);
        match self.policy {
            Policy::Hold => self.held.push((id, ilp.to_vec())),
            Policy::Fulfill | Policy::Lie => {
                let mut preimage = [0; 32];
                preimage.copy_from_slice(&prepare.data[..32]);
                if self.policy == Policy::Lie {
                    preimage[31] ^= 1;
                }
                let fulfill = Fulfill {
                    fulfillment: Fulfillment(preimage),
                    data: b"thanks",
                };
                let len = fulfill.encoded_len();
                self.answers
                    .respond(AnswerKind::Fulfill { amount: 1 }, until, id, len, |out| {
                        fulfill.encode(out)
                    });
            }
            Policy::Reject(code) => {
                let reject = Reject {
                    code,
                    triggered_by: Some(Addr::new("test.c.receiver").unwrap()),
                    message: b"no, thanks",
                    data: b"because",
                };
                let len = reject.encoded_len();
                self.answers
                    .respond(AnswerKind::Reject, until, id, len, |out| reject.encode(out));
            }
            Policy::Garbage => {
                self.answers
                    .respond(AnswerKind::Other, until, id, 3, |out| {
                        out.extend_from_slice(b"\x0d\x7fx")
                    });
            }
        }
    }
}
