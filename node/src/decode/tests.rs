use serde_json::{Value, json};

use super::*;

fn ok(kind: Kind, text: &str) -> Value {
    match decode(kind, text) {
        Ok(decoded) => serde_json::to_value(&decoded).unwrap(),
        Err(failure) => panic!("{}", failure.message),
    }
}

/// `error`, `field` and `offset`.
fn bad(kind: Kind, text: &str) -> (&'static str, &'static str, usize) {
    match decode(kind, text) {
        Ok(decoded) => panic!("{}", serde_json::to_value(&decoded).unwrap()),
        Err(Failure {
            error,
            field,
            offset,
            ..
        }) => (error, field, offset),
    }
}

const PREPARE: &str = "0c4200000000000000643230333030313032303330343035363738\
                       630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd05672e626f62026869";

#[test]
fn a_prepare_shows_every_field() {
    assert_eq!(
        ok(Kind::Ilp, PREPARE),
        json!({
            "kind": "ilp",
            "type": "prepare",
            "amount": "100",
            "expires_at": "2030-01-02T03:04:05.678Z",
            "execution_condition_hex": "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd",
            "destination": "g.bob",
            "data_hex": "6869",
            "packet_id": "dca62de5a1f17e59",
        })
    );
}

#[test]
fn a_fulfill_shows_the_condition_that_it_meets() {
    let fulfill = format!("0d21{}00", "00".repeat(32));
    assert_eq!(
        ok(Kind::Auto, &fulfill),
        json!({
            "kind": "ilp",
            "type": "fulfill",
            "fulfillment_hex": "00".repeat(32),
            "sha256_of_fulfillment_hex": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
            "data_hex": "",
        })
    );
}

#[test]
fn a_reject_shows_the_name_of_its_code_and_the_amounts_of_an_f08() {
    let reject = "0e2e 463038 0b672e636f6e6e6563746f72 0e6d6f7265207468616e20f09f9880 10 00000000000003e800000000000001f4";
    let shown = ok(Kind::Auto, &reject.replace("0e2e", "0e2f"));
    assert_eq!(shown["code"], "F08");
    assert_eq!(shown["name"], "Amount Too Large");
    assert_eq!(shown["triggered_by"], "g.connector");
    assert_eq!(shown["message"], "more than 😀");
    assert_eq!(
        shown["amount_too_large"],
        json!({"received": "1000", "maximum": "500"})
    );
}

#[test]
fn a_message_that_is_not_utf8_is_shown_as_bytes_too() {
    let shown = ok(Kind::Ilp, "0e 08 463030 00 02 fffe 00");
    assert_eq!(
        (&shown["message_hex"], &shown["triggered_by"]),
        (&json!("fffe"), &json!(""))
    );
}

#[test]
fn a_frame_shows_its_entries_and_decodes_the_packet_inside() {
    let frame = format!("06000000024c010103696c700044{PREPARE}");
    let shown = ok(Kind::Auto, &frame);
    assert_eq!(
        (&shown["kind"], &shown["type"], &shown["request_id"]),
        (&json!("btp"), &json!("message"), &json!(2))
    );
    let entry = &shown["protocol_data"][0];
    assert_eq!(
        (&entry["name"], &entry["content_type"]),
        (&json!("ilp"), &json!(0))
    );
    assert_eq!(entry["ilp"], ok(Kind::Ilp, PREPARE));
}

#[test]
fn a_broken_packet_inside_a_good_frame_is_an_error_of_its_entry() {
    let shown = ok(Kind::Btp, "060000000109 0101 03696c70 00 01 0c");
    let inner = &shown["protocol_data"][0]["ilp"];
    assert_eq!(
        (&inner["error"], &inner["offset"]),
        (&json!("eof"), &json!(1))
    );
}

#[test]
fn text_entries_show_their_text() {
    let auth = "0600000001310103046175746800000d617574685f757365726e616d650105616c6963650a617574685f746f6b656e0106736563726574";
    let shown = ok(Kind::Auto, auth);
    assert_eq!(shown["protocol_data"][0].get("text"), None);
    assert_eq!(shown["protocol_data"][1]["text"], "alice");
}

#[test]
fn an_error_frame_shows_its_time_as_written_and_as_meant() {
    let error = "02000000013d463030104e6f7441636365707465644572726f721332303137313232343136313433322e3237395a\
                 12696e76616c696420617574685f746f6b656e0100";
    let shown = ok(Kind::Auto, error);
    assert_eq!(
        (&shown["code"], &shown["name"]),
        (&json!("F00"), &json!("NotAcceptedError"))
    );
    assert_eq!(shown["triggered_at"], "2017-12-24T16:14:32.279Z");
    assert_eq!(shown["triggered_at_raw"], "20171224161432.279Z");
    assert_eq!(shown["data_text"], "invalid auth_token");
    assert_eq!(shown["protocol_data"], json!([]));
}

#[test]
fn a_transfer_shows_its_amount() {
    let shown = ok(Kind::Auto, "07000000030a00000000000003e80100");
    assert_eq!(
        (&shown["type"], &shown["amount"]),
        (&json!("transfer"), &json!("1000"))
    );
}

#[test]
fn echo_packets_are_recognised() {
    let echo = |data: &str| {
        let len = 57 + 13 + 1 + data.len() / 2;
        let head = &PREPARE[4..4 + 2 * 57];
        ok(
            Kind::Ilp,
            &format!(
                "0c{len:02x}{head}0c6578616d706c652e6e6f6465{:02x}{data}",
                data.len() / 2
            ),
        )
    };
    let prefix = "4543484f".repeat(4);
    let shown = echo(&format!("{prefix}00116578616d706c652e696e69746961746f72"));
    assert_eq!(
        (&shown["echo"], &shown["source"]),
        (&json!("request"), &json!("example.initiator"))
    );
    assert_eq!(echo(&format!("{prefix}01"))["echo"], "response");
    let malformed = echo(&format!("{prefix}0300"));
    assert_eq!(
        (&malformed["echo"], &malformed["echo_error"]["offset"]),
        (&json!("malformed"), &json!(16))
    );
}

#[test]
fn bytes_that_nobody_reads_are_shown() {
    let shown = ok(Kind::Btp, "06000000070401 00 ffff 0102");
    assert_eq!(
        shown["ignored"],
        json!({"inner_trailing_hex": "ffff", "outer_trailing_hex": "0102"})
    );
    let shown = ok(Kind::Ilp, &format!("{PREPARE}11"));
    assert_eq!(shown["ignored"], json!({"outer_trailing_hex": "11"}));
}

#[test]
fn numbers_and_addresses_can_be_decoded_alone() {
    assert_eq!(
        ok(Kind::OerLength, "8182ff"),
        json!({"what": "length", "value": "130", "rest": 1})
    );
    assert_eq!(
        ok(Kind::OerVaruint, "020102"),
        json!({"what": "varuint", "value": "258", "rest": 0})
    );
    assert_eq!(
        ok(Kind::Address, "746573742e61"),
        json!({"address": "test.a", "scheme": "test"})
    );
}

#[test]
fn what_cannot_be_read_is_told_by_word_field_and_offset() {
    for (kind, text, expected) in [
        (Kind::Auto, "", ("eof", "type", 0)),
        (Kind::Auto, "03", ("unknown_type", "type", 0)),
        (Kind::Ilp, "99", ("unknown_type", "type", 0)),
        (Kind::OerLength, "8201", ("eof", "length", 1)),
        (Kind::OerLength, "80", ("indefinite_length", "length", 0)),
        (
            Kind::OerLength,
            "817f",
            ("noncanonical_length", "length", 0),
        ),
        (
            Kind::OerLength,
            "89010000000000000000",
            ("length_too_large", "length", 0),
        ),
        (
            Kind::OerVaruint,
            "020001",
            ("noncanonical_varuint", "varuint", 0),
        ),
        (
            Kind::OerVaruint,
            "09010000000000000000",
            ("varuint_too_large", "varuint", 0),
        ),
        (
            Kind::Address,
            "746573742e6120",
            ("bad_address", "address", 6),
        ),
        (
            Kind::Btp,
            "060000000108010102c3a9000100",
            ("not_ia5", "protocolName", 9),
        ),
    ] {
        assert_eq!(bad(kind, text), expected, "{text}");
    }
}

#[test]
fn blanks_and_prefixes_in_the_digits_are_read_past() {
    let plain = ok(Kind::Auto, "0100000001020100");
    for text in [
        "0x0100000001020100",
        " 01 00 00 00 01\n02 01 00 ",
        "0x01 0X00000001 0x02 01 00",
        "0 1 0 0 0 0 0 0 0 1 0 2 0 1 0 0",
    ] {
        assert_eq!(ok(Kind::Auto, text), plain, "{text}");
    }
}

#[test]
fn digits_that_are_none_are_told_with_their_place() {
    assert_eq!(bad(Kind::Auto, "01 0g"), ("bad_hex", "hex", 4));
    assert_eq!(bad(Kind::Auto, "01 0"), ("bad_hex", "hex", 4));
    assert_eq!(bad(Kind::Auto, "010x00"), ("bad_hex", "hex", 3));
    assert_eq!(bad(Kind::Auto, "é"), ("bad_hex", "hex", 0));
}

#[test]
fn failures_are_told_in_sentences() {
    let said = |text: &[u8]| match decode(Kind::Auto, text) {
        Ok(_) => panic!("it was decoded"),
        Err(failure) => failure.message,
    };
    for (text, message) in [
        (
            &b"01z"[..],
            "at offset 2 there is 'z', which is no hexadecimal digit",
        ),
        (
            b"0x012",
            "at offset 5 a digit is missing, each byte has two",
        ),
        (b"", "type at byte 0: 1 byte needed, 0 left"),
        (
            b"0z\xff",
            "at offset 1 there is 'z', which is no hexadecimal digit",
        ),
    ] {
        assert_eq!(said(text), message);
    }
    assert!(said(b"010\xff").starts_with("at offset 3 there is no text"));
}
