//! What peers say, and what a frame of theirs is to a node.

use bytes::{BufMut, BytesMut};

use btp_proto::{BtpCode, BtpError, Carrier, Frame, Protocol, Protocols, put_ilp_frame};
use ilp_proto::{Addr, ErrorCode, Fulfill, Fulfillment, PacketType, Prepare, Reject, Timestamp};

/// A PREPARE to be sent.
pub(super) struct Asking<'a> {
    pub(super) id: u32,
    pub(super) amount: u64,
    pub(super) expires_at: Timestamp,
    pub(super) to: &'a str,
    pub(super) data: &'a [u8],
    pub(super) fulfillment: Fulfillment,
    /// In a RESPONSE, as one implementation does it.
    pub(super) swapped: bool,
}

impl Asking<'_> {
    pub(super) fn message(&self) -> Vec<u8> {
        let prepare = Prepare {
            amount: self.amount,
            expires_at: self.expires_at,
            condition: self.fulfillment.condition(),
            destination: Addr::new(self.to).unwrap(),
            data: self.data,
        };
        let mut ilp = Vec::new();
        prepare.encode(&mut ilp);
        frame(self.swapped, self.id, &ilp)
    }
}

/// An answer to be sent.
pub(super) enum Answer<'a> {
    Fulfill(Fulfillment, &'a [u8]),
    Reject(ErrorCode, &'a [u8]),
    /// In an `ilp` entry.
    Raw(&'a [u8]),
    /// A RESPONSE without entries.
    Nothing,
    Error,
}

impl Answer<'_> {
    pub(super) fn message(&self, id: u32, swapped: bool) -> Vec<u8> {
        let mut ilp = Vec::new();
        match *self {
            Self::Fulfill(fulfillment, data) => Fulfill { fulfillment, data }.encode(&mut ilp),
            Self::Reject(code, data) => Reject {
                code,
                triggered_by: None,
                message: b"no",
                data,
            }
            .encode(&mut ilp),
            Self::Raw(data) => ilp.extend_from_slice(data),
            Self::Nothing => return response(id),
            Self::Error => return error(id),
        }
        frame(!swapped, id, &ilp)
    }
}

fn frame(response: bool, id: u32, ilp: &[u8]) -> Vec<u8> {
    let carrier = if response {
        Carrier::Response
    } else {
        Carrier::Message
    };
    let mut out = BytesMut::new();
    put_ilp_frame(&mut out, carrier, id, ilp.len());
    out.put_slice(ilp);
    out.to_vec()
}

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out
}

/// A RESPONSE without entries.
pub(super) fn response(id: u32) -> Vec<u8> {
    encoded(&Frame::Response {
        id,
        protocols: Protocols::EMPTY,
    })
}

pub(super) fn error(id: u32) -> Vec<u8> {
    let error = BtpError {
        code: BtpCode::F00_NOT_ACCEPTED,
        name: "NotAcceptedError",
        triggered_at: Timestamp::default(),
        data: b"no",
    };
    encoded(&Frame::Error {
        id,
        error,
        protocols: Protocols::EMPTY,
    })
}

pub(super) fn auth(id: u32, username: Option<&str>, token: &str) -> Vec<u8> {
    let mut entries = vec![Protocol::octets("auth", b"")];
    entries.extend(username.map(|name| Protocol::text("auth_username", name)));
    entries.push(Protocol::text("auth_token", token));
    encoded(&Frame::Message {
        id,
        protocols: Protocols::new(&entries),
    })
}

/// What a frame is to a node that has let its sender in.
#[derive(Debug)]
pub(super) enum Meaning<'a> {
    Request { id: u32, ilp: &'a [u8] },
    Answer { id: u32, ilp: Option<&'a [u8]> },
    Neither,
}

pub(super) fn meaning<'a>(message: &'a [u8]) -> Meaning<'a> {
    let Ok(frame) = Frame::parse(message) else {
        return Meaning::Neither;
    };
    let (id, protocols) = (frame.id(), frame.protocols());
    let is_auth = protocols.first().is_some_and(|entry| entry.name == "auth");
    let ilp = protocols.get("ilp").map(|entry| entry.data);
    let answers = |ilp: &[u8]| {
        let kind = PacketType::peek(ilp);
        matches!(kind, Some(PacketType::Fulfill | PacketType::Reject))
    };
    let prepares = |ilp: &[u8]| PacketType::peek(ilp) == Some(PacketType::Prepare);
    match (frame, ilp) {
        (Frame::Error { .. }, _) => Meaning::Answer { id, ilp: None },
        (Frame::Transfer { .. }, _) => Meaning::Neither,
        (Frame::Message { .. }, _) if is_auth => Meaning::Neither,
        _ if protocols.duplicate().is_some() => Meaning::Neither,
        (Frame::Message { .. }, Some(ilp)) if !answers(ilp) => Meaning::Request { id, ilp },
        (Frame::Message { .. }, None) => Meaning::Neither,
        (Frame::Response { .. }, Some(ilp)) if prepares(ilp) => Meaning::Request { id, ilp },
        (_, ilp) => Meaning::Answer { id, ilp },
    }
}
