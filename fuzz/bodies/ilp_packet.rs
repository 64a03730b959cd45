//! ILP packets: what can be read is read without allocating, and is written in its one canonical form.

use std::time::Duration;

use bytes::BytesMut;
use ilp_proto::{EchoPacket, Packet, PacketType, Prepare, ildcp, packet_id};

use super::gauge::without_allocating;

pub(crate) fn run(input: &[u8]) {
    match without_allocating(|| Packet::parse(input)) {
        Ok(packet) => {
            assert_eq!(PacketType::peek(input), Some(packet.packet_type()));
            canonical(input, &packet);
            match packet {
                Packet::Prepare(prepare) => {
                    of_prepare(&prepare);
                    passed_on(input, &prepare);
                }
                Packet::Fulfill(fulfill) => {
                    let condition = without_allocating(|| fulfill.fulfillment.condition());
                    assert!(fulfill.fulfillment.fulfills(&condition));
                    let _ = ildcp::IldcpResponse::from_fulfill(&fulfill);
                }
                Packet::Reject(reject) => {
                    let _ = (reject.code.class(), reject.code.name());
                    let shown = reject.code.to_string();
                    assert!(!shown.contains(char::is_control));
                }
            }
            let shown = format!("{packet:?}");
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
        Err(error) => {
            assert!(error.offset <= input.len(), "{error}");
            let _ = error.to_string();
        }
    }
}

/// Asserts that a packet is written with the bytes it was read from, but for those that a reader ignores: behind the
/// packet, and inside of it behind its last field.
fn canonical(input: &[u8], packet: &Packet<'_>) {
    let mut out = vec![0; packet.encoded_len()];
    let mut room = &mut out[..];
    without_allocating(|| packet.encode(&mut room));
    assert!(room.is_empty(), "not as long as announced");
    assert_eq!(Packet::parse(&out), Ok(*packet));
    assert!(out.len() <= input.len());
    let (written, read) = (contents(&out), contents(input));
    assert!(read.starts_with(written), "it is written otherwise");
    if written.len() == read.len() {
        assert!(input.starts_with(&out));
    }
    for short in 0..out.len().min(64) {
        assert!(Packet::parse(&out[..short]).is_err(), "cut at {short}");
    }
    assert!(Packet::parse(&out[..out.len() - 1]).is_err());
}

fn contents(packet: &[u8]) -> &[u8] {
    let mut reader = ilp_proto::oer::Reader::new(&packet[1..]);
    reader.var_octets("contents").unwrap()
}

/// Asserts that exactly a canonical PREPARE with nothing else inside or behind it is whole, and that its own bytes are passed on
/// as if each field were put down again.
fn passed_on(input: &[u8], prepare: &Prepare<'_>) {
    let (packet, whole) = without_allocating(|| Packet::parse_whole(input)).unwrap();
    assert_eq!(packet, Packet::Prepare(*prepare));
    let mut as_read = Vec::new();
    prepare.encode(&mut as_read);
    assert_eq!(whole.is_some(), as_read == input);
    let Some(whole) = whole else { return };
    let other = Prepare {
        amount: prepare.amount.rotate_left(9) ^ 1,
        expires_at: prepare
            .expires_at
            .saturating_sub(Duration::from_millis(12_345_678)),
        ..*prepare
    };
    let (mut written, mut copied) = (Vec::new(), BytesMut::new());
    other.encode(&mut written);
    whole.encode_with(other.amount, other.expires_at, &mut copied);
    assert_eq!(copied, written);
    assert_eq!(copied.len(), whole.encoded_len());
}

fn of_prepare(prepare: &Prepare<'_>) {
    let id = packet_id(prepare);
    let other = Prepare {
        amount: !prepare.amount,
        ..*prepare
    };
    assert_eq!(packet_id(&other), id);
    assert_eq!(id.to_string().len(), 16);
    let now = prepare.expires_at;
    assert!(ildcp::check_request(prepare, now).is_err());
    match without_allocating(|| EchoPacket::parse(prepare.data)) {
        None => {}
        Some(Err(error)) => assert!(error.offset <= prepare.data.len()),
        Some(Ok(echo)) => {
            let mut out = Vec::new();
            echo.encode(&mut out);
            assert_eq!(out.len(), echo.encoded_len());
            assert!(prepare.data.starts_with(&out), "it is written otherwise");
        }
    }
}
