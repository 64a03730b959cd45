//! Messages as the referee reads them, and as wallets write them.

use btp_proto::{
    BtpCode, BtpError, Carrier, Frame, Protocol, Protocols, ilp_frame_len, put_ilp_frame,
};
use bytes::BytesMut;
use ilp_proto::ildcp::{self, IldcpResponse};
use ilp_proto::{
    Addr, ErrorCode, Fulfill, Fulfillment, Packet, PacketType, Prepare, Reject, Timestamp,
};

use super::rng::mix;

/// What a message is, by the same rules as a connector's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// A PREPARE of ours: `number` stands in its data.
    Prepare {
        id: u32,
        amount: u64,
        expires: i64,
        number: u64,
    },
    /// A request that can only be refused.
    Request {
        id: u32,
    },
    /// A child asks its parent for its address.
    Ask {
        id: u32,
        expires: i64,
    },
    Fulfill {
        id: u32,
        preimage: [u8; 32],
    },
    Reject {
        id: u32,
        code: ErrorCode,
    },
    /// An answer that is neither: a BTP ERROR, no packet, an unreadable one.
    Answer {
        id: u32,
    },
    /// Nothing that anybody answers.
    Other,
}

/// Reads a message.
pub fn read(message: &[u8]) -> Seen {
    let Ok(frame) = Frame::parse(message) else {
        return Seen::Other;
    };
    let protocols = frame.protocols();
    let ilp = protocols.get("ilp").map(|entry| entry.data);
    match (frame, ilp) {
        (Frame::Transfer { id, .. }, _) => Seen::Request { id },
        (Frame::Error { id, .. }, _) => Seen::Answer { id },
        (Frame::Message { id, protocols }, ilp) => {
            let auth = protocols.first().is_some_and(|entry| entry.name == "auth");
            match ilp {
                Some(ilp) if !auth && protocols.duplicate().is_none() => {
                    classify(Carrier::Message, id, ilp)
                }
                _ => Seen::Request { id },
            }
        }
        (Frame::Response { protocols, .. }, _) if protocols.duplicate().is_some() => Seen::Other,
        (Frame::Response { id, .. }, None) => Seen::Answer { id },
        (Frame::Response { id, .. }, Some(ilp)) => classify(Carrier::Response, id, ilp),
    }
}

fn classify(carrier: Carrier, id: u32, ilp: &[u8]) -> Seen {
    let is_answer = match (PacketType::peek(ilp), carrier) {
        (Some(PacketType::Fulfill | PacketType::Reject), _) => true,
        (Some(PacketType::Prepare), _) | (None, Carrier::Message) => false,
        (None, Carrier::Response) => true,
    };
    match Packet::parse(ilp) {
        Ok(Packet::Prepare(prepare)) if ildcp::is_request(&prepare) => Seen::Ask {
            id,
            expires: prepare.expires_at.as_millis(),
        },
        Ok(Packet::Prepare(prepare)) => Seen::Prepare {
            id,
            amount: prepare.amount,
            expires: prepare.expires_at.as_millis(),
            number: number(prepare.data),
        },
        Ok(Packet::Fulfill(fulfill)) => Seen::Fulfill {
            id,
            preimage: fulfill.fulfillment.0,
        },
        Ok(Packet::Reject(reject)) => Seen::Reject {
            id,
            code: reject.code,
        },
        _ if is_answer => Seen::Answer { id },
        _ => Seen::Request { id },
    }
}

fn number(data: &[u8]) -> u64 {
    data.first_chunk()
        .map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes))
}

/// The packet in a message.
fn packet(message: &[u8]) -> Option<Packet<'_>> {
    let protocols = Frame::parse(message).ok()?.protocols();
    Packet::parse(protocols.get("ilp")?.data).ok()
}

/// Where a PREPARE goes.
pub fn destination(message: &[u8]) -> Option<&str> {
    match packet(message)? {
        Packet::Prepare(prepare) => Some(prepare.destination.as_str()),
        _ => None,
    }
}

/// What a parent says to a child: the address, and the code and the scale of the asset.
pub fn told(message: &[u8]) -> Option<(&str, &str, u8)> {
    let Packet::Fulfill(fulfill) = packet(message)? else {
        return None;
    };
    let said = IldcpResponse::from_fulfill(&fulfill).ok()?;
    Some((
        said.client_address.as_str(),
        said.asset_code,
        said.asset_scale,
    ))
}

/// What fulfils packet `number` of the run with this key.
pub fn preimage(key: u64, number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (at, word) in bytes.chunks_exact_mut(8).enumerate() {
        let word_of = mix(key ^ mix(number.wrapping_mul(4).wrapping_add(at as u64)));
        word.copy_from_slice(&word_of.to_be_bytes());
    }
    bytes
}

/// The auth frame of a wallet; its id is 0.
pub fn put_auth(out: &mut BytesMut, user: &str, token: &str) {
    let entries = [
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", user),
        Protocol::text("auth_token", token),
    ];
    let protocols = Protocols::new(&entries);
    Frame::Message { id: 0, protocols }.encode(out);
}

/// What a wallet asks for.
pub struct Payment<'a> {
    pub id: u32,
    pub number: u64,
    pub amount: u64,
    pub expires: i64,
    pub to: &'a str,
    /// Bytes of data, at least 8.
    pub data: usize,
}

pub fn put_prepare(out: &mut BytesMut, key: u64, payment: &Payment<'_>) {
    let mut data = [0; 16_384];
    data[..8].copy_from_slice(&payment.number.to_be_bytes());
    let prepare = Prepare {
        amount: payment.amount,
        expires_at: Timestamp::from_millis(payment.expires),
        condition: Fulfillment(preimage(key, payment.number)).condition(),
        destination: Addr::new(payment.to).expect("addresses are built valid"),
        data: &data[..payment.data.clamp(8, data.len())],
    };
    put_ilp_frame(out, Carrier::Message, payment.id, prepare.encoded_len());
    prepare.encode(out);
}

/// A child's question.
pub fn put_ask(out: &mut BytesMut, id: u32, now: i64) {
    let request = ildcp::request(Timestamp::from_millis(now));
    put_ilp_frame(out, Carrier::Message, id, request.encoded_len());
    request.encode(out);
}

pub fn put_fulfill(out: &mut BytesMut, id: u32, preimage: [u8; 32]) {
    let fulfill = Fulfill {
        fulfillment: Fulfillment(preimage),
        data: b"",
    };
    put_ilp_frame(out, Carrier::Response, id, fulfill.encoded_len());
    fulfill.encode(out);
}

pub fn put_reject(out: &mut BytesMut, id: u32) {
    let reject = Reject {
        code: ErrorCode::F99_APPLICATION_ERROR,
        triggered_by: None,
        message: b"no, thanks",
        data: b"",
    };
    put_ilp_frame(out, Carrier::Response, id, reject.encoded_len());
    reject.encode(out);
}

/// An ILP entry of any bytes.
pub fn put_raw(out: &mut BytesMut, carrier: Carrier, id: u32, ilp: &[u8]) {
    debug_assert!(ilp_frame_len(ilp.len()) > ilp.len());
    put_ilp_frame(out, carrier, id, ilp.len());
    out.extend_from_slice(ilp);
}

pub fn put_error(out: &mut BytesMut, id: u32, now: i64) {
    let error = BtpError {
        code: BtpCode::F00_NOT_ACCEPTED,
        name: "NotAcceptedError",
        triggered_at: Timestamp::from_millis(now),
        data: b"",
    };
    let protocols = Protocols::EMPTY;
    Frame::Error {
        id,
        error,
        protocols,
    }
    .encode(out);
}

#[test]
fn what_a_wallet_writes_the_referee_reads() {
    let key = 7;
    let mut out = BytesMut::new();
    let payment = Payment {
        id: 3,
        number: 99,
        amount: 12,
        expires: 1_795_219_200_000,
        to: "test.n0.w",
        data: 40,
    };
    put_prepare(&mut out, key, &payment);
    let prepare = Seen::Prepare {
        id: 3,
        amount: 12,
        expires: 1_795_219_200_000,
        number: 99,
    };
    assert_eq!(read(&out.split()), prepare);
    put_fulfill(&mut out, 4, preimage(key, 99));
    let preimage = preimage(key, 99);
    assert_eq!(read(&out.split()), Seen::Fulfill { id: 4, preimage });
    put_reject(&mut out, 5);
    let code = ErrorCode::F99_APPLICATION_ERROR;
    assert_eq!(read(&out.split()), Seen::Reject { id: 5, code });
    put_error(&mut out, 6, 0);
    assert_eq!(read(&out.split()), Seen::Answer { id: 6 });
    put_raw(&mut out, Carrier::Message, 7, b"\x0c\x01x");
    assert_eq!(read(&out.split()), Seen::Request { id: 7 });
    put_raw(&mut out, Carrier::Response, 8, b"zzz");
    assert_eq!(read(&out.split()), Seen::Answer { id: 8 });
    put_ask(&mut out, 9, 5);
    let expires = 60_005;
    assert_eq!(read(&out.split()), Seen::Ask { id: 9, expires });
    put_auth(&mut out, "w", "secret");
    assert_eq!(read(&out.split()), Seen::Request { id: 0 });
    assert_eq!(read(b"garbage"), Seen::Other);
}
