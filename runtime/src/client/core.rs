//! What a client knows: a state machine beside the [`Connection`], without a socket.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use btp_proto::{
    AnswerKind, Answers, BtpCode, Connection, ConnectionEvent, Inbound, Requests, Transmit,
};
use bytes::BytesMut;
use ilp_proto::{
    Address, Condition, ErrorCode, Fulfill, Instant, MAX_DATA, MAX_MESSAGE, Now, Packet, Prepare,
    Reject,
};
use ilp_router::Received;

use super::oneshot::{self, Receiver, Sender};
use super::{Answer, Closed, Reply, SendError};
use crate::client::ClientOptions;
use crate::link::LINGER;

/// Bytes of unsent answers past which the server is not read.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// BTP errors are cut after this many bytes.
const MAX_TEXT: usize = 256;

/// Where an answer goes.
pub(super) type Waiter = Sender<Result<Answer, SendError>>;
/// Answers that are known and not yet delivered.
pub(super) type Resolved = Vec<(Waiter, Result<Answer, SendError>)>;

pub(super) struct Core {
    connection: Connection,
    requests: Requests<Flight>,
    /// When what is in flight expires, by time.
    expiries: BTreeSet<(Instant, u32)>,
    answers: Answers,
    address: Option<Address>,
    /// Why we close, once we do.
    closing: Option<Closed>,
    close_deadline: Option<Instant>,
    ended: Option<Closed>,
}

struct Flight {
    waiter: Waiter,
    condition: Condition,
    deadline: Instant,
}

/// A PREPARE that wants an answer.
pub(super) struct Incoming<'m> {
    pub(super) id: u32,
    pub(super) ilp: Cow<'m, [u8]>,
}

impl Core {
    pub(super) fn new(options: &ClientOptions, now: Instant, seed: u64) -> Self {
        let config = btp_proto::Config {
            auth_timeout: options.auth_timeout,
            keepalive_interval: options.keepalive_interval,
            keepalive_timeout: options.keepalive_timeout,
            max_message: options.max_message,
            ..btp_proto::Config::default()
        };
        // nothing is in flight before the auth is over, so any id is free
        let auth_id = 1;
        Self {
            connection: Connection::client(Arc::new(config), &options.credentials, now, auth_id),
            requests: Requests::new(options.max_in_flight, seed),
            expiries: BTreeSet::new(),
            // reading stops first, and what one turn adds is little against the difference
            answers: Answers::new(2 * MAX_ANSWER_BYTES),
            address: None,
            closing: None,
            close_deadline: None,
            ended: None,
        }
    }

    pub(super) fn set_address(&mut self, address: Address) {
        self.address = Some(address);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.requests.len()
    }

    /// Queues a PREPARE.
    pub(super) fn send(
        &mut self,
        now: Now,
        prepare: &Prepare<'_>,
    ) -> Result<Receiver<Result<Answer, SendError>>, SendError> {
        if let Some(why) = self.ended.as_ref().or(self.closing.as_ref()) {
            return Err(SendError::Closed(why.clone()));
        }
        if prepare.data.len() > MAX_DATA {
            return Err(SendError::DataTooLong(prepare.data.len()));
        }
        if prepare.expires_at <= now.wall {
            return Err(SendError::Expired);
        }
        let deadline = now.mono + prepare.expires_at.saturating_duration_since(now.wall);
        let (waiter, receiver) = oneshot::channel();
        let flight = Flight {
            waiter,
            condition: prepare.condition,
            deadline,
        };
        let limit = self.requests.limit();
        let id = self
            .requests
            .insert(flight)
            .map_err(|_| SendError::TooManyInFlight(limit))?;
        let queued =
            self.connection
                .request(now.mono, deadline, id, prepare.encoded_len(), |out| {
                    prepare.encode(out)
                });
        if let Err(error) = queued {
            let _ = self.requests.take(id.0);
            return Err(match error {
                btp_proto::SendError::BufferFull => SendError::BufferFull,
                btp_proto::SendError::NotOpen => SendError::Closed(Closed::Local),
            });
        }
        self.expiries.insert((deadline, id.0));
        Ok(receiver)
    }

    /// Takes a message in; PREPAREs are left to the caller, in order.
    pub(super) fn receive<'m>(
        &mut self,
        now: Now,
        message: Received<'m>,
        incoming: &mut Vec<Incoming<'m>>,
        resolved: &mut Resolved,
    ) {
        let inbound = match message {
            Received::Binary(bytes) => self.connection.handle_message(now, bytes),
            Received::Text => self.connection.handle_text(now),
            Received::Ping | Received::Pong => {
                self.connection.handle_control(now);
                return;
            }
        };
        // what came before the server let us in comes before what comes after
        while let Some(early) = self.connection.poll_pending() {
            let inbound = self.connection.handle_message(now, &early);
            if let Some((id, ilp)) = self.resolve(inbound, resolved) {
                incoming.push(Incoming {
                    id,
                    ilp: Cow::Owned(ilp.to_vec()),
                });
            }
        }
        if let Some((id, ilp)) = self.resolve(inbound, resolved) {
            incoming.push(Incoming {
                id,
                ilp: Cow::Borrowed(ilp),
            });
        }
    }

    /// Settles an answer; hands back a request.
    fn resolve<'m>(
        &mut self,
        inbound: Inbound<'m>,
        resolved: &mut Resolved,
    ) -> Option<(u32, &'m [u8])> {
        match inbound {
            Inbound::Request { id, ilp } => return Some((id, ilp)),
            Inbound::Answer { id, ilp } => {
                if let Some(Flight {
                    waiter, condition, ..
                }) = self.take(id)
                {
                    resolved.push((waiter, read_answer(ilp, &condition)));
                }
            }
            Inbound::Failed {
                id,
                code,
                name,
                data,
            } => {
                if let Some(Flight { waiter, .. }) = self.take(id) {
                    let data = data.get(..MAX_TEXT).unwrap_or(data);
                    let text = format!("{name} {}", String::from_utf8_lossy(data));
                    let code = BtpCode::new(code).unwrap_or(BtpCode::F00_NOT_ACCEPTED);
                    let text = text.trim_end().to_owned();
                    resolved.push((waiter, Err(SendError::Btp { code, text })));
                }
            }
            // frames of no use are counted, and answered, by the connection
            _ => {}
        }
        None
    }

    fn take(&mut self, id: u32) -> Option<Flight> {
        let flight = self.requests.take(id)?;
        self.expiries.remove(&(flight.deadline, id));
        Some(flight)
    }

    /// Answers a PREPARE.
    pub(super) fn respond(&mut self, id: u32, deadline: Instant, reply: &Reply) {
        match reply {
            Reply::Fulfill { fulfillment, data } if data.len() <= MAX_DATA => {
                let fulfill = Fulfill {
                    fulfillment: *fulfillment,
                    data,
                };
                // what of it is dropped is not asked for here
                let (kind, len) = (AnswerKind::Fulfill { amount: 0 }, fulfill.encoded_len());
                self.answers
                    .respond(kind, deadline, id, len, |out| fulfill.encode(out));
            }
            Reply::Fulfill { .. } => self.reject(
                id,
                deadline,
                ErrorCode::T00_INTERNAL_ERROR,
                "internal error",
            ),
            Reply::Reject { code, message } => self.reject(id, deadline, *code, message),
        }
    }

    fn reject(&mut self, id: u32, deadline: Instant, code: ErrorCode, message: &str) {
        let message = &message.as_bytes()[..message.floor_char_boundary(MAX_MESSAGE)];
        let triggered_by = self.address.as_ref().map(Address::as_addr);
        let reject = Reject {
            code,
            triggered_by,
            message,
            data: &[],
        };
        let (kind, len) = (AnswerKind::Reject, reject.encoded_len());
        self.answers
            .respond(kind, deadline, id, len, |out| reject.encode(out));
    }

    /// What the connection has to say; only that of the auth is passed on.
    pub(super) fn poll_event(&mut self, now: Now) -> Option<ConnectionEvent> {
        let event = self.connection.poll_event()?;
        if let ConnectionEvent::Closing { code, why } = &event {
            self.closing
                .get_or_insert(Closed::Violation { code: *code, why });
            self.close_deadline.get_or_insert(now.mono + LINGER);
        }
        Some(event)
    }

    pub(super) fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> Option<Transmit> {
        self.connection
            .poll_transmit(now, Some(&mut self.answers), out)
    }

    /// Whether the server may be read: it takes the answers it asked for.
    pub(super) fn wants_read(&self) -> bool {
        self.answers.bytes() < MAX_ANSWER_BYTES
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        [self.connection.poll_timeout(), expiry, self.close_deadline]
            .into_iter()
            .flatten()
            .min()
    }

    /// Time has passed; true if the socket has had its time to close.
    pub(super) fn handle_timeout(&mut self, now: Now, resolved: &mut Resolved) -> bool {
        while let Some(&(at, id)) = self.expiries.first()
            && at <= now.mono
        {
            self.expiries.pop_first();
            if let Some(flight) = self.requests.take(id) {
                resolved.push((flight.waiter, Err(SendError::Timeout)));
            }
        }
        if self
            .connection
            .poll_timeout()
            .is_some_and(|at| at <= now.mono)
        {
            self.connection.handle_timeout(now);
        }
        self.close_deadline.is_some_and(|at| at <= now.mono)
    }

    /// Begins to close.
    pub(super) fn close(&mut self, now: Now) {
        if self.closing.is_none() {
            self.closing = Some(Closed::Local);
            self.close_deadline = Some(now.mono + LINGER);
            self.connection.close(1000, "");
        }
    }

    /// The link is gone. `why` is the reason unless we have a better one; the reason is returned.
    pub(super) fn end(&mut self, why: Closed, resolved: &mut Resolved) -> Closed {
        let why = self.closing.clone().unwrap_or(why);
        let why = self.ended.get_or_insert(why).clone();
        self.expiries.clear();
        self.close_deadline = None;
        for (_, flight) in self.requests.drain() {
            resolved.push((flight.waiter, Err(SendError::Closed(why.clone()))));
        }
        why
    }
}

fn read_answer(ilp: &[u8], condition: &Condition) -> Result<Answer, SendError> {
    match Packet::parse(ilp).map_err(SendError::Unreadable)? {
        Packet::Fulfill(Fulfill { fulfillment, data }) => {
            if !fulfillment.fulfills(condition) {
                return Err(SendError::WrongFulfillment);
            }
            Ok(Answer::Fulfill {
                fulfillment,
                data: data.to_vec(),
            })
        }
        Packet::Reject(Reject {
            code,
            triggered_by,
            message,
            data,
        }) => Ok(Answer::Reject {
            code,
            triggered_by: triggered_by.map(|address| address.to_owned()),
            message: String::from_utf8_lossy(message).into_owned(),
            data: data.to_vec(),
        }),
        Packet::Prepare(_) => Err(SendError::NotAnAnswer),
    }
}
