//! What the fixtures in `tests/vectors` say about bytes holds for this crate.
//!
//! One object per vector: `about` says what it shows, `bytes` (hex) or `text` is what is read, and
//! the rest is what must come of it, or `refused` and why.
#![allow(clippy::unwrap_used)]

use ilp_proto::{
    Addr, AddressError, AmountTooLarge, Condition, DecodeErrorKind, EchoPacket, IldcpError,
    IldcpResponse, Packet, TimeError, Timestamp, ildcp,
    oer::{self, Reader},
};
use serde::{Deserialize, de::DeserializeOwned};

fn load<T: DeserializeOwned>(json: &str) -> Vec<T> {
    let vectors: Vec<T> = serde_json::from_str(json).unwrap();
    assert!(!vectors.is_empty());
    vectors
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn why(kind: DecodeErrorKind) -> &'static str {
    match kind {
        DecodeErrorKind::Truncated { .. } => "truncated",
        DecodeErrorKind::LengthNotCanonical => "length not canonical",
        DecodeErrorKind::LengthIndefinite => "length indefinite",
        DecodeErrorKind::LengthTooLong => "length too long",
        DecodeErrorKind::NumberNotCanonical => "number not canonical",
        DecodeErrorKind::NumberTooLong { .. } => "number too long",
        DecodeErrorKind::UnknownType(_) => "unknown type",
        DecodeErrorKind::BadTime(_) => "bad time",
        DecodeErrorKind::BadAddress(_) => "bad address",
        DecodeErrorKind::NotAscii => "not ASCII",
        other => panic!("no vector expects {other:?}"),
    }
}

fn time_fault(error: TimeError) -> &'static str {
    match error {
        TimeError::Shape => "shape",
        TimeError::Month(_) => "month",
        TimeError::Hour(_) => "hour",
        other => panic!("no vector expects {other:?}"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OerVector {
    #[serde(default)]
    about: String,
    read: String,
    #[serde(default)]
    bytes: String,
    #[serde(default)]
    text: String,
    value: Option<String>,
    refused: Option<String>,
}

#[test]
fn oer_reads_and_writes_as_the_vectors_say() {
    for vector in load::<OerVector>(include_str!("vectors/oer.json")) {
        let about = format!("{}: {}{}", vector.about, vector.bytes, vector.text);
        let input = bytes(&vector.bytes);
        let mut reader = Reader::new(&input);
        let mut written = Vec::new();
        let read = match vector.read.as_str() {
            "length" => reader.length("x").map_err(|e| why(e.kind)).map(|value| {
                oer::put_length(&mut written, value.try_into().unwrap());
                assert_eq!(written, input, "{about}");
                assert_eq!(
                    oer::length_len(value.try_into().unwrap()),
                    input.len(),
                    "{about}"
                );
                value.to_string()
            }),
            "number" => reader.var_uint("x").map_err(|e| why(e.kind)).map(|value| {
                oer::put_var_uint(&mut written, value);
                assert_eq!(written, input, "{about}");
                assert_eq!(oer::var_uint_len(value), input.len(), "{about}");
                value.to_string()
            }),
            "expiry" => <&[u8; 17]>::try_from(vector.text.as_bytes())
                .map_err(|_| "shape")
                .and_then(|text| Timestamp::parse_interledger(text).map_err(time_fault))
                .map(|time| {
                    assert_eq!(time.write_interledger(), vector.text.as_bytes(), "{about}");
                    time.to_string()
                }),
            "generalized time" => Timestamp::parse_generalized(vector.text.as_bytes())
                .map_err(time_fault)
                .map(|time| time.to_string()),
            other => panic!("{about}: cannot read {other}"),
        };
        assert_eq!(read.clone().ok(), vector.value, "{about}");
        assert_eq!(read.err(), vector.refused.as_deref(), "{about}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressVector {
    text: String,
    scheme: Option<String>,
    fault: Option<String>,
    at: Option<usize>,
}

#[test]
fn addresses_are_checked_as_the_vectors_say() {
    for AddressVector {
        text,
        scheme,
        fault,
        at,
    } in load(include_str!("vectors/address.json"))
    {
        let parsed = Addr::parse(text.as_bytes());
        assert_eq!(parsed, Addr::new(&text));
        assert_eq!(parsed.ok().map(Addr::scheme), scheme.as_deref(), "{text}");
        assert_eq!(parsed.err().map(AddressError::offset), at, "{text}");
        let found = parsed.err().map(|error| match error {
            AddressError::Empty => "empty",
            AddressError::UnknownScheme => "unknown scheme",
            AddressError::NoSegment => "no segment",
            AddressError::EmptySegment { .. } => "empty segment",
            AddressError::BadByte { .. } => "bad byte",
            other => panic!("no vector expects {other:?}"),
        });
        assert_eq!(found, fault.as_deref(), "{text}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacketVector {
    about: String,
    bytes: String,
    prepare: Option<PrepareFields>,
    fulfill: Option<FulfillFields>,
    reject: Option<RejectFields>,
    /// The canonical form, where it is not `bytes`.
    canonical: Option<String>,
    refused: Option<Refusal>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PrepareFields {
    amount: String,
    expires_at: String,
    condition: String,
    destination: String,
    data: String,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct FulfillFields {
    fulfillment: String,
    data: String,
    /// A condition that it fulfils.
    fulfills: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RejectFields {
    code: String,
    triggered_by: String,
    message: String,
    data: String,
    /// What arrived and what is allowed, by the data of an F08.
    too_large: Option<[String; 2]>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Refusal {
    why: String,
    field: String,
    offset: usize,
}

#[test]
fn packets_read_and_write_as_the_vectors_say() {
    for vector in load::<PacketVector>(include_str!("vectors/ilp.json")) {
        let about = &vector.about;
        let input = bytes(&vector.bytes);
        let (mut prepare, mut fulfill, mut reject, mut refused) = (None, None, None, None);
        match Packet::parse(&input) {
            Ok(packet) => {
                let mut written = Vec::new();
                packet.encode(&mut written);
                let canonical = vector.canonical.as_ref().unwrap_or(&vector.bytes);
                assert_eq!(&hex::encode(&written), canonical, "{about}");
                assert_eq!(written.len(), packet.encoded_len(), "{about}");
                match packet {
                    Packet::Prepare(packet) => {
                        prepare = Some(PrepareFields {
                            amount: packet.amount.to_string(),
                            expires_at: packet.expires_at.to_string(),
                            condition: hex::encode(packet.condition.0),
                            destination: packet.destination.to_string(),
                            data: hex::encode(packet.data),
                        });
                    }
                    Packet::Fulfill(packet) => {
                        let fulfills = vector.fulfill.as_ref().and_then(|f| f.fulfills.clone());
                        if let Some(condition) = &fulfills {
                            let condition = Condition(bytes(condition).try_into().unwrap());
                            assert!(packet.fulfillment.fulfills(&condition), "{about}");
                        }
                        fulfill = Some(FulfillFields {
                            fulfillment: hex::encode(packet.fulfillment.0),
                            data: hex::encode(packet.data),
                            fulfills,
                        });
                    }
                    Packet::Reject(packet) => {
                        let asked = vector
                            .reject
                            .as_ref()
                            .is_some_and(|r| r.too_large.is_some());
                        let too_large = asked.then(|| {
                            let amounts = AmountTooLarge::parse(packet.data).unwrap();
                            assert_eq!(amounts.to_bytes(), packet.data, "{about}");
                            [amounts.received.to_string(), amounts.maximum.to_string()]
                        });
                        reject = Some(RejectFields {
                            code: packet.code.as_str().to_owned(),
                            triggered_by: packet
                                .triggered_by
                                .map_or_else(String::new, |addr| addr.to_string()),
                            message: String::from_utf8(packet.message.to_vec()).unwrap(),
                            data: hex::encode(packet.data),
                            too_large,
                        });
                    }
                }
            }
            Err(error) => {
                refused = Some(Refusal {
                    why: why(error.kind).to_owned(),
                    field: error.field.to_owned(),
                    offset: error.offset,
                });
            }
        }
        assert_eq!(prepare, vector.prepare, "{about}");
        assert_eq!(fulfill, vector.fulfill, "{about}");
        assert_eq!(reject, vector.reject, "{about}");
        assert_eq!(refused, vector.refused, "{about}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EchoVector {
    about: String,
    bytes: String,
    destination: String,
    echo: Echo,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Echo {
    Request(String),
    Response,
    Refused,
}

#[test]
fn echo_packets_read_and_write_as_the_vectors_say() {
    for vector in load::<EchoVector>(include_str!("vectors/echo.json")) {
        let about = &vector.about;
        let input = bytes(&vector.bytes);
        let Packet::Prepare(prepare) = Packet::parse(&input).unwrap() else {
            panic!("{about}")
        };
        assert_eq!(prepare.destination.as_str(), vector.destination, "{about}");
        let echo = EchoPacket::parse(prepare.data).unwrap();
        let found = match echo {
            Ok(EchoPacket::Request { source }) => Echo::Request(source.to_string()),
            Ok(EchoPacket::Response) => Echo::Response,
            Err(_) => Echo::Refused,
        };
        assert_eq!(found, vector.echo, "{about}");
        if let Ok(echo) = echo {
            let mut written = Vec::new();
            echo.encode(&mut written);
            assert_eq!(written, prepare.data, "{about}");
            assert_eq!(written.len(), echo.encoded_len(), "{about}");
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IldcpVector {
    about: String,
    bytes: String,
    /// For a request: `good`, or why not, at the time `now`.
    request: Option<String>,
    now: Option<String>,
    response: Option<Response>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Response {
    Good(ResponseFields),
    Bad(String),
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResponseFields {
    client_address: String,
    asset_scale: u8,
    asset_code: String,
}

fn ildcp_fault(error: IldcpError) -> &'static str {
    match error {
        IldcpError::WrongDestination => "wrong destination",
        IldcpError::WrongCondition => "wrong condition",
        IldcpError::Expired => "expired",
        IldcpError::WrongFulfillment => "wrong fulfillment",
        other => panic!("no vector expects {other:?}"),
    }
}

#[test]
fn ildcp_reads_and_writes_as_the_vectors_say() {
    for vector in load::<IldcpVector>(include_str!("vectors/ildcp.json")) {
        let about = &vector.about;
        let input = bytes(&vector.bytes);
        match (
            Packet::parse(&input).unwrap(),
            vector.request,
            vector.response,
        ) {
            (Packet::Prepare(prepare), Some(verdict), None) => {
                let digits: String = vector
                    .now
                    .unwrap()
                    .chars()
                    .filter(char::is_ascii_digit)
                    .collect();
                let now =
                    Timestamp::parse_interledger(digits.as_bytes().try_into().unwrap()).unwrap();
                let found =
                    ildcp::check_request(&prepare, now).map_or_else(ildcp_fault, |()| "good");
                assert_eq!(found, verdict, "{about}");
                if found == "good" {
                    assert_eq!(ildcp::request(now), prepare, "{about}");
                }
            }
            (Packet::Fulfill(fulfill), None, Some(Response::Good(fields))) => {
                let response = IldcpResponse::from_fulfill(&fulfill).unwrap();
                let found = ResponseFields {
                    client_address: response.client_address.to_string(),
                    asset_scale: response.asset_scale,
                    asset_code: response.asset_code.to_owned(),
                };
                assert_eq!(found, fields, "{about}");
                let mut written = Vec::new();
                response.encode(&mut written);
                assert_eq!(written, fulfill.data, "{about}");
                assert_eq!(written.len(), response.encoded_len(), "{about}");
            }
            (Packet::Fulfill(fulfill), None, Some(Response::Bad(fault))) => {
                let error = IldcpResponse::from_fulfill(&fulfill).unwrap_err();
                assert_eq!(ildcp_fault(error), fault, "{about}");
            }
            _ => panic!("{about}: the vector says neither request nor response"),
        }
    }
}
