//! People at the ends of the chain: each packet has a number, and with it a fulfillment of its own.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use btp_proto::{Frame, Protocol, Protocols};
use ilp_proto::{
    Addr, ErrorCode, Fulfill, Fulfillment, Packet, PacketId, Prepare, Reject, Timestamp, packet_id,
};
use tungstenite::Message;

use crate::link::Link;

/// Far from any limit of a test.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A packet to send.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) number: u32,
    pub(crate) to: &'static str,
    pub(crate) amount: u64,
    pub(crate) expires_at: Timestamp,
    data: Vec<u8>,
}

impl Payment {
    pub(crate) fn new(number: u32, to: &'static str) -> Self {
        Self {
            number,
            to,
            amount: 1_000_000 + u64::from(number),
            expires_at: now().saturating_add(LONG),
            data: number.to_be_bytes().to_vec(),
        }
    }

    pub(crate) fn expires_in(mut self, left: Duration) -> Self {
        self.expires_at = now().saturating_add(left);
        self
    }

    pub(crate) fn expired_since(mut self, past: Duration) -> Self {
        self.expires_at = now().saturating_sub(past);
        self
    }

    /// Makes its data this long.
    pub(crate) fn padded(mut self, len: usize) -> Self {
        self.data.resize(len, 0xd7);
        self
    }

    pub(crate) fn packet_id(&self) -> PacketId {
        packet_id(&self.prepare())
    }

    fn prepare(&self) -> Prepare<'_> {
        Prepare {
            amount: self.amount,
            expires_at: self.expires_at,
            condition: fulfillment(self.number).condition(),
            destination: Addr::new(self.to).unwrap(),
            data: &self.data,
        }
    }
}

/// A packet that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) number: u32,
    pub(crate) amount: u64,
    id: u32,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With its own fulfillment.
    Fulfilled { data: Vec<u8> },
    Rejected {
        code: String,
        by: String,
        message: String,
    },
}

impl Outcome {
    /// `fulfilled`, or `T01 by test.a`.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Fulfilled { .. } => "fulfilled".into(),
            Self::Rejected { code, by, .. } => format!("{code} by {by}"),
        }
    }

    /// `fulfilled`, or the code alone.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Fulfilled { .. } => "fulfilled",
            Self::Rejected { code, .. } => code,
        }
    }
}

/// A peer that is under the control of the test.
pub(crate) struct Wallet {
    link: Link,
}

impl Wallet {
    pub(crate) fn attach(node: SocketAddr, user: &str) -> Self {
        Self {
            link: Link::dial(node, user),
        }
    }

    /// Sends a packet; its number is the id of the frame.
    pub(crate) fn send(&mut self, payment: &Payment) {
        assert!(self.try_send(payment), "the connection was closed");
    }

    /// Sends a packet, unless the connection is closed.
    pub(crate) fn try_send(&mut self, payment: &Payment) -> bool {
        let ilp = bytes(&payment.prepare().into());
        let frame = message(payment.number, &ilp);
        self.link.socket.send(Message::Binary(frame.into())).is_ok()
    }

    /// Sends bytes that need not mean anything; false when the connection is closed.
    pub(crate) fn try_send_bytes(&mut self, bytes: Vec<u8>) -> bool {
        self.link.socket.send(Message::Binary(bytes.into())).is_ok()
    }

    /// The next answer, with the number of its packet; `None` when the connection is closed.
    pub(crate) fn try_answer(&mut self) -> Option<(u32, Outcome)> {
        let frame = self.link.receive()?;
        Some(read_answer(&frame))
    }

    pub(crate) fn answer(&mut self) -> (u32, Outcome) {
        self.try_answer().expect("the connection was closed")
    }

    /// The answer to `number`, which must be the next.
    pub(crate) fn answer_to(&mut self, number: u32) -> Outcome {
        let (answered, outcome) = self.answer();
        assert_eq!(answered, number, "{outcome:?} is for another packet");
        outcome
    }

    /// Shows that everything the node had to say was read: what it is asked now is what it answers next.
    pub(crate) fn nothing_else_came(&mut self) {
        let marker = Payment::new(0xffff_fff0, "test.nowhere");
        self.send(&marker);
        assert_eq!(self.answer_to(marker.number).code(), "F02");
    }

    /// The next packet for us; `None` when the connection is closed.
    pub(crate) fn try_take(&mut self) -> Option<Taken> {
        let frame = self.link.receive()?;
        Some(read_request(&frame))
    }

    pub(crate) fn take(&mut self) -> Taken {
        self.try_take().expect("the connection was closed")
    }

    pub(crate) fn fulfill(&mut self, taken: Taken, data: &[u8]) {
        let fulfillment = fulfillment(taken.number);
        self.respond(taken, &Fulfill { fulfillment, data }.into());
    }

    pub(crate) fn reject(&mut self, taken: Taken, by: &str, message: &str) {
        let reject = Reject {
            code: ErrorCode::F99_APPLICATION_ERROR,
            triggered_by: Some(Addr::new(by).unwrap()),
            message: message.as_bytes(),
            data: b"",
        };
        self.respond(taken, &reject.into());
    }

    fn respond(&mut self, taken: Taken, packet: &Packet<'_>) {
        let ilp = bytes(packet);
        let protocols = [Protocol::octets("ilp", &ilp)];
        let mut out = Vec::new();
        Frame::Response {
            id: taken.id,
            protocols: Protocols::new(&protocols),
        }
        .encode(&mut out);
        // Whoever asked may be gone.
        let _ = self.try_send_bytes(out);
    }

    /// Fulfils whatever comes, until the connection is closed; how many that was.
    pub(crate) fn fulfill_all(mut self, data: &[u8]) -> usize {
        let mut count = 0;
        while let Some(taken) = self.try_take() {
            self.fulfill(taken, data);
            count += 1;
        }
        count
    }

    /// Reads until the node closes; its code and reason.
    pub(crate) fn closed(&mut self) -> Option<(u16, String)> {
        let mut closed = None;
        while let Ok(message) = self.link.socket.read() {
            if let Message::Close(Some(close)) = message {
                closed = Some((close.code.into(), close.reason.to_string()));
            }
        }
        closed
    }
}

/// Pays once and expects it to arrive.
pub(crate) fn pay(from: &mut Wallet, to: &mut Wallet, payment: &Payment) {
    from.send(payment);
    let taken = to.take();
    assert_eq!(
        (taken.number, taken.amount),
        (payment.number, payment.amount)
    );
    to.fulfill(taken, b"thanks");
    let paid = Outcome::Fulfilled {
        data: b"thanks".to_vec(),
    };
    assert_eq!(from.answer_to(payment.number), paid);
}

fn read_answer(frame: &[u8]) -> (u32, Outcome) {
    let (number, ilp) = read_frame(frame);
    let outcome = match Packet::parse(ilp).unwrap() {
        Packet::Fulfill(fulfill) => {
            let right = fulfill.fulfillment == fulfillment(number);
            assert!(right, "{number} is answered with another's fulfillment");
            Outcome::Fulfilled {
                data: fulfill.data.to_vec(),
            }
        }
        Packet::Reject(reject) => Outcome::Rejected {
            code: reject.code.to_string(),
            by: reject.triggered_by.unwrap().as_str().to_owned(),
            message: String::from_utf8_lossy(reject.message).into_owned(),
        },
        Packet::Prepare(_) => panic!("a PREPARE instead of an answer"),
    };
    (number, outcome)
}

fn read_request(frame: &[u8]) -> Taken {
    let (id, ilp) = read_frame(frame);
    let Packet::Prepare(prepare) = Packet::parse(ilp).unwrap() else {
        panic!("an answer instead of a PREPARE: {ilp:?}");
    };
    let number = u32::from_be_bytes(*prepare.data.first_chunk().unwrap());
    let own = prepare.condition == fulfillment(number).condition();
    assert!(own, "{number} came with another's condition");
    Taken {
        number,
        amount: prepare.amount,
        id,
    }
}

/// The id of a frame and its packet.
fn read_frame(frame: &[u8]) -> (u32, &[u8]) {
    let frame = Frame::parse(frame).unwrap();
    let ilp = frame.protocols().get("ilp");
    let ilp = ilp.unwrap_or_else(|| panic!("no packet in {frame:?}"));
    (frame.id(), ilp.data)
}

fn fulfillment(number: u32) -> Fulfillment {
    let mut preimage = [0x5a; 32];
    preimage[..4].copy_from_slice(&number.to_be_bytes());
    Fulfillment(preimage)
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(&mut out);
    out
}

fn message(id: u32, ilp: &[u8]) -> Vec<u8> {
    let protocols = [Protocol::octets("ilp", ilp)];
    let mut out = Vec::new();
    Frame::Message {
        id,
        protocols: Protocols::new(&protocols),
    }
    .encode(&mut out);
    out
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap())
}
