use std::vec::Vec;

use super::*;

fn request() -> (EchoPacket<'static>, Vec<u8>) {
    let request = EchoPacket::Request {
        source: Addr::new("example.initiator").unwrap(),
    };
    let mut data = Vec::new();
    request.encode(&mut data);
    (request, data)
}

#[test]
fn data_without_the_prefix_is_no_echo_packet() {
    assert_eq!(EchoPacket::parse(b""), None);
    assert_eq!(EchoPacket::parse(b"ECHOECHOECHOECH"), None);
    assert_eq!(EchoPacket::parse(b"echoechoechoecho\x01"), None);
}

#[test]
fn packets_come_back_as_they_were_written() {
    let (request, data) = request();
    assert_eq!(data.len(), request.encoded_len());
    assert_eq!(EchoPacket::parse(&data), Some(Ok(request)));
    let mut data = Vec::new();
    EchoPacket::Response.encode(&mut data);
    assert_eq!(data, b"ECHOECHOECHOECHO\x01");
    assert_eq!(data.len(), EchoPacket::Response.encoded_len());
    data.push(7);
    assert_eq!(EchoPacket::parse(&data), Some(Ok(EchoPacket::Response)));
}

#[test]
fn a_request_cut_off_anywhere_is_an_error() {
    let (_, data) = request();
    for end in PREFIX.len()..data.len() {
        let error = EchoPacket::parse(&data[..end]).unwrap().unwrap_err();
        assert!(
            matches!(error.kind, DecodeErrorKind::Truncated { .. }),
            "{end}"
        );
    }
}

#[test]
fn another_type_is_refused_by_its_number() {
    let error = EchoPacket::parse(b"ECHOECHOECHOECHO\x03")
        .unwrap()
        .unwrap_err();
    let kind = DecodeErrorKind::UnknownType(3);
    assert_eq!(
        error,
        DecodeError {
            field: "echo type",
            kind,
            offset: 16
        }
    );
}

#[test]
fn a_source_must_be_an_address() {
    let error = EchoPacket::parse(b"ECHOECHOECHOECHO\x00\x03abc")
        .unwrap()
        .unwrap_err();
    assert!(matches!(error.kind, DecodeErrorKind::BadAddress(_)));
    assert_eq!((error.field, error.offset), ("echo source", 18));
}
