//! The packets of one pair: what the sender sends, what the receiver must find, and what must come back.

use std::collections::BTreeMap;
use std::time::Duration;

use btp_proto::{BtpCode, BtpError, Carrier, Frame, Protocols, put_ilp_frame};
use bytes::BytesMut;
use ilp_proto::{
    Address, Condition, ErrorCode, Fulfill, Fulfillment, MAX_DATA, Packet, Prepare, Reject,
    Timestamp,
};
use ilp_runtime::Clock;

use super::histogram::Histogram;
use super::socket::Socket;
use crate::tools::text::printable;

/// Bytes of data that make a packet what it is: a number that no other packet has, and which of the preimages it
/// asks for.
pub(super) const MIN_DATA: usize = UNIQUE + 4;
const UNIQUE: usize = 8;
/// The BTP frame of a PREPARE, where nobody asks for another size.
pub(super) const USUAL_FRAME: usize = 364;
const AMOUNT: u64 = 1_000;
/// From sending a packet to its expiry; every connector on the way keeps some of it.
const LIFETIME: Duration = Duration::from_secs(30);
/// At least so many requests have different preimages; more than are in flight, by far.
const FEWEST_SLOTS: usize = 4_096;

/// The length of data that makes the frame `USUAL_FRAME` long, if any does.
pub(super) fn usual_data(to: &Address) -> usize {
    let of = |len: usize| prepare_frame(to, &Condition([0; 32]), &vec![0; len]).len();
    (MIN_DATA..USUAL_FRAME)
        .find(|len| of(*len) >= USUAL_FRAME)
        .unwrap_or(MIN_DATA)
}

fn prepare_frame(to: &Address, condition: &Condition, data: &[u8]) -> BytesMut {
    debug_assert!(data.len() <= MAX_DATA);
    let prepare = Prepare {
        amount: AMOUNT,
        expires_at: Timestamp::from_millis(0),
        condition: *condition,
        destination: to.as_addr(),
        data,
    };
    let mut frame = BytesMut::new();
    put_ilp_frame(&mut frame, Carrier::Message, 0, prepare.encoded_len());
    prepare.encode(&mut frame);
    frame
}

/// What sender and receiver agree on: the form of a packet, and the preimages.
pub(super) struct Deck {
    /// The first bytes of every preimage; its number are the last.
    key: [u8; 28],
    conditions: Vec<Condition>,
    /// A PREPARE in its frame.
    prepare: Vec<u8>,
    expiry_at: usize,
    condition_at: usize,
    data_at: usize,
    /// A FULFILL in its frame; the fulfillment is before the last byte.
    fulfill: Vec<u8>,
    fulfillment_at: usize,
}

impl Deck {
    /// For so many packets in flight, `data` bytes in each.
    pub(super) fn new(key: [u8; 28], to: &Address, data: usize, in_flight: usize) -> Self {
        // a slot is free when another is needed, without a long search
        let slots = (4 * in_flight).next_power_of_two().max(FEWEST_SLOTS);
        let data_bytes = vec![0xa5; data.max(MIN_DATA)];
        let prepare = prepare_frame(to, &Condition([0; 32]), &data_bytes).to_vec();
        // from the end: data, its length, the address and its length, the condition, the time
        let data_at = prepare.len() - data_bytes.len();
        let text = to.as_addr().as_bytes();
        let var = ilp_proto::oer::length_len;
        let condition_at =
            data_at - var(data_bytes.len()) - text.len() - var(text.len()) - size_of::<Condition>();
        let answer = Fulfill {
            fulfillment: Fulfillment::ZERO,
            data: &[],
        };
        let mut fulfill = BytesMut::new();
        put_ilp_frame(&mut fulfill, Carrier::Response, 0, answer.encoded_len());
        answer.encode(&mut fulfill);
        let mut deck = Self {
            key,
            conditions: Vec::new(),
            expiry_at: condition_at - 17,
            condition_at,
            data_at,
            prepare,
            fulfillment_at: fulfill.len() - 33,
            fulfill: fulfill.to_vec(),
        };
        deck.conditions = (0..slots as u32)
            .map(|index| Fulfillment(deck.preimage(index)).condition())
            .collect();
        deck
    }

    /// Bytes of the BTP frame of a PREPARE.
    pub(super) const fn frame_len(&self) -> usize {
        self.prepare.len()
    }

    fn preimage(&self, index: u32) -> [u8; 32] {
        let mut preimage = [0; 32];
        let (front, back) = preimage.split_at_mut(self.key.len());
        front.copy_from_slice(&self.key);
        back.copy_from_slice(&index.to_be_bytes());
        preimage
    }

    /// Which preimage a PREPARE asks for, if it is one of ours and all of it is as it was sent.
    fn index(&self, condition: &[u8], data: &[u8]) -> Option<u32> {
        let (front, filler) = data.split_at_checked(MIN_DATA)?;
        let index = u32::from_be_bytes(*front.last_chunk()?);
        let intact = self.conditions.get(index as usize)?.0 == *condition
            && *filler == self.prepare[self.data_at + MIN_DATA..];
        intact.then_some(index)
    }
}

/// What became of the packets.
#[derive(Clone)]
pub(super) struct Tally {
    pub(super) sent: u64,
    /// With the right fulfillment.
    pub(super) fulfilled: u64,
    pub(super) rejected: u64,
    /// Answers with a wrong fulfillment, that nobody can read, or to no request.
    pub(super) wrong: u64,
    /// Requests that the receiver knows nothing of, or that were changed on the way.
    pub(super) strange: u64,
    /// Due by the fixed rate, and never sent.
    pub(super) unsent: u64,
    /// What was wrong, and how often.
    pub(super) reasons: BTreeMap<String, u64>,
    /// Answers within the time that is measured.
    pub(super) in_time: u64,
    pub(super) latency: Histogram,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            sent: 0,
            fulfilled: 0,
            rejected: 0,
            wrong: 0,
            strange: 0,
            unsent: 0,
            reasons: BTreeMap::new(),
            in_time: 0,
            latency: Histogram::new(),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.fulfilled += other.fulfilled;
        self.rejected += other.rejected;
        self.wrong += other.wrong;
        self.strange += other.strange;
        self.unsent += other.unsent;
        for (reason, count) in &other.reasons {
            *self.reasons.entry(reason.clone()).or_default() += count;
        }
        self.in_time += other.in_time;
        self.latency.merge(&other.latency);
    }

    /// Whether every packet came back with what was asked for.
    pub(super) fn is_good(&self) -> bool {
        self.sent > 0 && self.fulfilled == self.sent && self.wrong + self.strange == 0
    }

    fn note(&mut self, reason: String) {
        // other people's words: only so many kinds of them
        if self.reasons.len() < 16 || self.reasons.contains_key(&reason) {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }
}

/// A place for a request in flight.
#[derive(Clone, Copy, Default)]
struct Slot {
    id: u32,
    taken: bool,
    /// When it was sent, or should have been.
    at: u64,
}

/// The sending half.
pub(super) struct Sender {
    slots: Vec<Slot>,
    next_id: u32,
    in_flight: usize,
    expiry: [u8; 17],
    unique: u64,
}

impl Sender {
    pub(super) fn new(deck: &Deck) -> Self {
        Self {
            slots: vec![Slot::default(); deck.conditions.len()],
            next_id: fastrand::u32(..),
            in_flight: 0,
            expiry: [0; 17],
            unique: fastrand::u64(..),
        }
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// To be called before packets are sent: what they are is up to date from here on.
    pub(super) fn refresh(&mut self) {
        let expires = Clock::now().wall.saturating_add(LIFETIME);
        self.expiry = expires.write_interledger();
    }

    /// Sends one packet, whose time counts from `at`.
    pub(super) fn send(&mut self, deck: &Deck, socket: &mut Socket, at: u64, tally: &mut Tally) {
        let mask = self.slots.len() - 1;
        let (id, index) = loop {
            let id = self.next_id;
            self.next_id = id.wrapping_add(1);
            let index = id as usize & mask;
            // as long as a packet is in flight, no other has its preimage
            if !self.slots[index].taken {
                break (id, index);
            }
        };
        self.slots[index] = Slot {
            id,
            taken: true,
            at,
        };
        self.in_flight += 1;
        self.unique = self.unique.wrapping_add(1);
        tally.sent += 1;
        socket.send(&deck.prepare, |frame| {
            put(frame, 1, &id.to_be_bytes());
            put(frame, deck.expiry_at, &self.expiry);
            put(frame, deck.condition_at, &deck.conditions[index].0);
            put(frame, deck.data_at, &self.unique.to_be_bytes());
            put(frame, deck.data_at + UNIQUE, &(index as u32).to_be_bytes());
        });
    }

    /// Judges an answer; returns when its request was sent.
    pub(super) fn answer(&mut self, deck: &Deck, frame: &[u8], tally: &mut Tally) -> Option<u64> {
        let usual = frame.len() == deck.fulfill.len()
            && frame[0] == deck.fulfill[0]
            && frame[5..deck.fulfillment_at] == deck.fulfill[5..deck.fulfillment_at]
            && frame.last() == Some(&0);
        if usual {
            let id = frame[1..].first_chunk().map(|id| u32::from_be_bytes(*id));
            let (index, at) = self.take(id?, tally)?;
            let found = &frame[deck.fulfillment_at..deck.fulfillment_at + 32];
            self.judge(deck, index, found, tally);
            return Some(at);
        }
        let frame = match Frame::parse(frame) {
            Ok(frame) => frame,
            Err(error) => {
                tally.wrong += 1;
                tally.note(format!("an answer cannot be read: {error}"));
                return None;
            }
        };
        match frame {
            Frame::Response { id, protocols } => {
                let (index, at) = self.take(id, tally)?;
                let ilp = protocols.get("ilp").map(|ilp| Packet::parse(ilp.data));
                match ilp {
                    Some(Ok(Packet::Fulfill(fulfill))) => {
                        self.judge(deck, index, &fulfill.fulfillment.0, tally);
                    }
                    Some(Ok(Packet::Reject(reject))) => {
                        tally.rejected += 1;
                        let by = reject.triggered_by.map(|by| by.to_string());
                        let by = by.unwrap_or_else(|| "nobody".into());
                        let words = printable(reject.message);
                        tally.note(format!("rejected: {} by {by}: {words}", reject.code));
                    }
                    _ => {
                        tally.wrong += 1;
                        tally.note("an answer without a FULFILL or REJECT".into());
                    }
                }
                Some(at)
            }
            Frame::Error { id, error, .. } => {
                let (_, at) = self.take(id, tally)?;
                tally.rejected += 1;
                tally.note(format!("BTP error: {}", error_words(&error)));
                Some(at)
            }
            // what peers tell each other is not for us
            _ => None,
        }
    }

    fn take(&mut self, id: u32, tally: &mut Tally) -> Option<(u32, u64)> {
        let index = id as usize & (self.slots.len() - 1);
        let slot = &mut self.slots[index];
        if slot.taken && slot.id == id {
            slot.taken = false;
            self.in_flight -= 1;
            return Some((index as u32, slot.at));
        }
        tally.wrong += 1;
        tally.note("an answer to no request".into());
        None
    }

    fn judge(&self, deck: &Deck, index: u32, fulfillment: &[u8], tally: &mut Tally) {
        if *fulfillment == deck.preimage(index) {
            tally.fulfilled += 1;
        } else {
            tally.wrong += 1;
            tally.note("a wrong fulfillment".into());
        }
    }
}

/// What a BTP error says.
pub(super) fn error_words(error: &BtpError<'_>) -> String {
    let (name, words) = (printable(error.name.as_bytes()), printable(error.data));
    format!("{} {name}: {words}", error.code)
}

/// The receiving half: answers a request that came as `frame`, which is a message of `socket`.
pub(super) fn receive(deck: &Deck, frame: &[u8], tally: &mut Tally) -> Reply {
    let usual = frame.len() == deck.prepare.len()
        && frame[0] == deck.prepare[0]
        && frame[5..deck.expiry_at] == deck.prepare[5..deck.expiry_at]
        && frame[deck.condition_at + 32..deck.data_at]
            == deck.prepare[deck.condition_at + 32..deck.data_at];
    if usual {
        let condition = &frame[deck.condition_at..deck.condition_at + 32];
        let id = frame[1..].first_chunk().map(|id| u32::from_be_bytes(*id));
        if let (Some(id), Some(index)) = (id, deck.index(condition, &frame[deck.data_at..])) {
            return Reply::Fulfill { id, index };
        }
    }
    // another connector's way to write the same, another amount, or none of ours
    let (id, protocols) = match Frame::parse(frame) {
        Ok(Frame::Message { id, protocols }) => (id, protocols),
        Ok(Frame::Transfer { id, .. }) => return Reply::refuse(id),
        Ok(_) => return Reply::None,
        Err(error) => {
            tally.strange += 1;
            tally.note(format!("the receiver cannot read a request: {error}"));
            return Reply::None;
        }
    };
    match protocols.get("ilp").map(|ilp| Packet::parse(ilp.data)) {
        Some(Ok(Packet::Prepare(prepare))) => {
            if let Some(index) = deck.index(&prepare.condition.0, prepare.data) {
                return Reply::Fulfill { id, index };
            }
            // connectors tell each other about routes, for instance
            if !prepare.destination.is_within("peer") {
                tally.strange += 1;
                tally.note("the receiver got a packet that nobody sent like that".into());
            }
            Reply::reject(id)
        }
        _ => Reply::refuse(id),
    }
}

/// What the receiver says.
pub(super) enum Reply {
    Fulfill { id: u32, index: u32 },
    Other(Vec<u8>),
    None,
}

impl Reply {
    fn reject(id: u32) -> Self {
        let reject = Reject {
            code: ErrorCode::F02_UNREACHABLE,
            triggered_by: None,
            message: b"ilp-connector bench knows no such packet",
            data: &[],
        };
        let mut frame = BytesMut::new();
        put_ilp_frame(&mut frame, Carrier::Response, id, reject.encoded_len());
        reject.encode(&mut frame);
        Self::Other(frame.to_vec())
    }

    fn refuse(id: u32) -> Self {
        let error = BtpError {
            code: BtpCode::F00_NOT_ACCEPTED,
            name: "NotAcceptedError",
            triggered_at: Clock::now().wall,
            data: b"ilp-connector bench only takes packets",
        };
        let mut frame = BytesMut::new();
        let protocols = Protocols::EMPTY;
        Frame::Error {
            id,
            error,
            protocols,
        }
        .encode(&mut frame);
        Self::Other(frame.to_vec())
    }

    pub(super) fn send(&self, deck: &Deck, socket: &mut Socket) {
        match self {
            Self::Fulfill { id, index } => socket.send(&deck.fulfill, |frame| {
                put(frame, 1, &id.to_be_bytes());
                put(frame, deck.fulfillment_at, &deck.preimage(*index));
            }),
            Self::Other(frame) => socket.send(frame, |_| {}),
            Self::None => {}
        }
    }
}

fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests;
