//! What is in the bytes, as the JSON objects that `decode` prints.

use btp_proto::{ContentType, Frame, Protocols};
use ilp_proto::oer::{self, Reader};
use ilp_proto::{
    Addr, AmountTooLarge, DecodeError, DecodeErrorKind, EchoPacket, ErrorCode, Packet, packet_id,
};
use serde::Serialize;

use super::Failure;
use crate::cli::Kind;

/// One decoded thing.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Decoded {
    Btp(Btp),
    Ilp(Ilp),
    Oer {
        what: &'static str,
        value: String,
        rest: usize,
    },
    Address {
        address: String,
        scheme: String,
    },
}

/// A BTP frame.
#[derive(Serialize)]
pub(super) struct Btp {
    kind: &'static str,
    r#type: &'static str,
    request_id: u32,
    /// Of a TRANSFER.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(flatten)]
    error: Option<ErrorFields>,
    protocol_data: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<Ignored>,
}

#[derive(Serialize)]
struct ErrorFields {
    code: String,
    name: String,
    triggered_at: String,
    /// As it stands on the wire.
    triggered_at_raw: String,
    data_hex: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_text: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    content_type: u8,
    data_hex: String,
    /// Of content types that are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Of the entry called `ilp`; offsets count from its own first byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    ilp: Option<Nested>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Nested {
    Packet(Box<Ilp>),
    Failure(Failure),
}

/// An ILP packet.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Ilp {
    Prepare {
        kind: &'static str,
        amount: String,
        expires_at: String,
        execution_condition_hex: String,
        destination: String,
        data_hex: String,
        /// As in the logs of every connector on its way.
        packet_id: String,
        #[serde(flatten)]
        echo: Option<Echo>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ignored: Option<Ignored>,
    },
    Fulfill {
        kind: &'static str,
        fulfillment_hex: String,
        sha256_of_fulfillment_hex: String,
        data_hex: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        ignored: Option<Ignored>,
    },
    Reject {
        kind: &'static str,
        code: String,
        /// The name that RFC-0027 gives the code.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'static str>,
        triggered_by: String,
        message: String,
        /// Where the message is not UTF-8.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_hex: Option<String>,
        data_hex: String,
        /// The data of an F08.
        #[serde(skip_serializing_if = "Option::is_none")]
        amount_too_large: Option<TooLarge>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ignored: Option<Ignored>,
    },
}

/// What data that begins as an echo packet says.
#[derive(Serialize)]
pub(super) struct Echo {
    /// `request`, `response` or `malformed`.
    echo: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Offsets count from the first byte of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    echo_error: Option<Failure>,
}

#[derive(Serialize)]
pub(super) struct TooLarge {
    received: String,
    maximum: String,
}

/// Bytes that nobody reads (RFC-0030 tells to).
#[derive(Serialize)]
pub(super) struct Ignored {
    /// Behind the last field, inside.
    #[serde(skip_serializing_if = "String::is_empty")]
    inner_trailing_hex: String,
    /// Behind everything.
    #[serde(skip_serializing_if = "String::is_empty")]
    outer_trailing_hex: String,
}

impl Ignored {
    /// What follows `content` bytes, inside of the length that stands `header` bytes from the start.
    fn find(bytes: &[u8], header: usize, content: usize) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        reader.take(header, "header").ok()?;
        let inner = reader.var_octets("content").ok()?.get(content..)?;
        let outer = reader.rest();
        (!inner.is_empty() || !outer.is_empty()).then(|| Self {
            inner_trailing_hex: hex::encode(inner),
            outer_trailing_hex: hex::encode(outer),
        })
    }
}

/// Type and request id of a frame, and the type of a packet, stand before the length.
const BTP_HEADER: usize = 5;
const ILP_HEADER: usize = 1;

pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let kind = match kind {
        Kind::Auto => detect(bytes)?,
        kind => kind,
    };
    match kind {
        Kind::Ilp | Kind::Auto => Ok(Decoded::Ilp(ilp(bytes)?)),
        Kind::Btp => Ok(Decoded::Btp(btp(bytes)?)),
        Kind::OerLength => number("length", bytes, |reader| reader.length("length")),
        Kind::OerVaruint => number("varuint", bytes, |reader| reader.var_uint("varuint")),
        Kind::Address => {
            let address = Addr::parse(bytes).map_err(|error| {
                DecodeError::new(
                    "address",
                    DecodeErrorKind::BadAddress(error),
                    error.offset(),
                )
            })?;
            let (address, scheme) = (address.to_string(), address.scheme().to_owned());
            Ok(Decoded::Address { address, scheme })
        }
    }
}

/// BTP frames and ILP packets begin with different bytes.
fn detect(bytes: &[u8]) -> Result<Kind, DecodeError> {
    match Reader::new(bytes).u8("type")? {
        1 | 2 | 6 | 7 => Ok(Kind::Btp),
        12..=14 => Ok(Kind::Ilp),
        other => Err(DecodeError::new(
            "type",
            DecodeErrorKind::UnknownType(other),
            0,
        )),
    }
}

fn number(
    what: &'static str,
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<u64, DecodeError>,
) -> Result<Decoded, DecodeError> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader)?.to_string();
    Ok(Decoded::Oer {
        what,
        value,
        rest: reader.remaining(),
    })
}

fn btp(bytes: &[u8]) -> Result<Btp, DecodeError> {
    let frame = Frame::parse(bytes)?;
    let mut content = protocols_len(&frame.protocols());
    let (name, amount, error) = match frame {
        Frame::Response { .. } => ("response", None, None),
        Frame::Message { .. } => ("message", None, None),
        Frame::Transfer { amount, .. } => {
            content += 8;
            ("transfer", Some(amount.to_string()), None)
        }
        Frame::Error { error, .. } => {
            let (raw_time, len) = error_fields(bytes)?;
            content += len;
            let fields = ErrorFields {
                code: error.code.as_str().to_owned(),
                name: error.name.to_owned(),
                triggered_at: error.triggered_at.to_string(),
                triggered_at_raw: raw_time,
                data_hex: hex::encode(error.data),
                data_text: text(error.data),
            };
            ("error", None, Some(fields))
        }
    };
    Ok(Btp {
        kind: "btp",
        r#type: name,
        request_id: frame.id(),
        amount,
        error,
        protocol_data: entries(&frame.protocols()),
        ignored: Ignored::find(bytes, BTP_HEADER, content),
    })
}

/// The time of an ERROR frame as it was written, and how long its fields before the entries are.
fn error_fields(frame: &[u8]) -> Result<(String, usize), DecodeError> {
    let mut reader = Reader::new(frame);
    reader.take(BTP_HEADER, "header")?;
    let mut data = reader.nested("data")?;
    let start = data.offset();
    data.take(3, "code")?;
    data.var_octets("name")?;
    let time = data.var_octets("triggeredAt")?;
    data.var_octets("errorData")?;
    Ok((
        String::from_utf8_lossy(time).into_owned(),
        data.offset() - start,
    ))
}

fn protocols_len(protocols: &Protocols<'_>) -> usize {
    let entry = |entry: btp_proto::Protocol<'_>| {
        oer::var_octets_len(entry.name.len()) + 1 + oer::var_octets_len(entry.data.len())
    };
    oer::var_uint_len(protocols.len() as u64) + protocols.iter().map(entry).sum::<usize>()
}

fn entries(protocols: &Protocols<'_>) -> Vec<Entry> {
    let entry = |entry: btp_proto::Protocol<'_>| Entry {
        name: entry.name.to_owned(),
        content_type: entry.content_type.into(),
        data_hex: hex::encode(entry.data),
        text: match entry.content_type {
            ContentType::Text | ContentType::Json => text(entry.data),
            _ => None,
        },
        ilp: (entry.name == "ilp" && !entry.data.is_empty()).then(|| match ilp(entry.data) {
            Ok(packet) => Nested::Packet(Box::new(packet)),
            Err(error) => Nested::Failure(error.into()),
        }),
    };
    protocols.iter().map(entry).collect()
}

fn text(data: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn ilp(bytes: &[u8]) -> Result<Ilp, DecodeError> {
    let kind = "ilp";
    let packet = Packet::parse(bytes)?;
    let ignored = Ignored::find(bytes, ILP_HEADER, content_len(&packet));
    Ok(match packet {
        Packet::Prepare(prepare) => Ilp::Prepare {
            kind,
            amount: prepare.amount.to_string(),
            expires_at: prepare.expires_at.to_string(),
            execution_condition_hex: hex::encode(prepare.condition.0),
            destination: prepare.destination.to_string(),
            data_hex: hex::encode(prepare.data),
            packet_id: packet_id(&prepare).to_string(),
            echo: EchoPacket::parse(prepare.data).map(echo),
            ignored,
        },
        Packet::Fulfill(fulfill) => Ilp::Fulfill {
            kind,
            fulfillment_hex: hex::encode(fulfill.fulfillment.0),
            sha256_of_fulfillment_hex: hex::encode(fulfill.fulfillment.condition().0),
            data_hex: hex::encode(fulfill.data),
            ignored,
        },
        Packet::Reject(reject) => Ilp::Reject {
            kind,
            code: reject.code.as_str().to_owned(),
            name: reject.code.name(),
            triggered_by: reject
                .triggered_by
                .map_or_else(String::new, |by| by.to_string()),
            message: String::from_utf8_lossy(reject.message).into_owned(),
            message_hex: std::str::from_utf8(reject.message)
                .is_err()
                .then(|| hex::encode(reject.message)),
            data_hex: hex::encode(reject.data),
            amount_too_large: too_large(reject.code, reject.data),
            ignored,
        },
    })
}

/// How long the fields of a packet are, without type and length.
fn content_len(packet: &Packet<'_>) -> usize {
    let behind_type = packet.encoded_len() - ILP_HEADER;
    // the length is as long as it needs to be for what follows it
    let content = |length: &usize| behind_type.checked_sub(*length);
    let fits =
        |length: &usize| content(length).is_some_and(|content| oer::length_len(content) == *length);
    (1..=9)
        .find(fits)
        .and_then(|length| content(&length))
        .unwrap_or(behind_type)
}

fn too_large(code: ErrorCode, data: &[u8]) -> Option<TooLarge> {
    if code != ErrorCode::F08_AMOUNT_TOO_LARGE {
        return None;
    }
    let amounts = AmountTooLarge::parse(data).ok()?;
    Some(TooLarge {
        received: amounts.received.to_string(),
        maximum: amounts.maximum.to_string(),
    })
}

fn echo(echo: Result<EchoPacket<'_>, DecodeError>) -> Echo {
    match echo {
        Ok(EchoPacket::Request { source }) => Echo {
            echo: "request",
            source: Some(source.to_string()),
            echo_error: None,
        },
        Ok(EchoPacket::Response) => Echo {
            echo: "response",
            source: None,
            echo_error: None,
        },
        Err(error) => Echo {
            echo: "malformed",
            source: None,
            echo_error: Some(error.into()),
        },
    }
}
