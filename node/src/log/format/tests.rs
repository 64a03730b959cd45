use log::Level;
use serde_json::Value as Json;

use super::*;

const NOW: Defaults<'_> = Defaults {
    node_id: Some("a"),
    now: Timestamp::from_millis(1_700_000_000_123),
};

fn line(format: Format, message: &str, pairs: &[(&str, Value<'_>)]) -> String {
    let mut out = Vec::new();
    let record = |args: fmt::Arguments<'_>, out: &mut Vec<u8>| {
        let record = Record::builder()
            .level(Level::Warn)
            .target("lib::inner")
            .args(args)
            .key_values(&pairs)
            .build();
        write(out, format, &record, NOW);
    };
    record(format_args!("{message}"), &mut out);
    String::from_utf8(out).unwrap()
}

fn ours() -> Vec<(&'static str, Value<'static>)> {
    vec![
        ("nodeId", Value::from("b")),
        ("component", Value::from("forwarder")),
        ("correlationId", Value::from("00ff")),
        ("packetId", Value::from("00ff")),
        ("event", Value::from("packet_forwarded")),
        ("amount", Value::from(7u64)),
        ("nothing", Value::null()),
    ]
}

#[test]
fn a_line_is_one_json_object_in_a_fixed_order() {
    assert_eq!(
        line(Format::Json, "forwarded", &ours()),
        concat!(
            r#"{"level":"warn","time":1700000000123,"nodeId":"b","component":"forwarder","correlationId":"00ff","#,
            r#""packetId":"00ff","event":"packet_forwarded","msg":"forwarded","amount":7,"nothing":null}"#,
            "\n"
        )
    );
}

#[test]
fn a_line_of_a_library_gets_what_it_lacks() {
    let line = line(Format::Json, "hm", &[("detail", Value::from(true))]);
    assert_eq!(
        line,
        concat!(
            r#"{"level":"warn","time":1700000000123,"nodeId":"a","component":"lib::inner","event":"log","#,
            r#""msg":"hm","detail":true}"#,
            "\n"
        )
    );
}

#[test]
fn a_library_cannot_write_our_names_twice() {
    let line = line(
        Format::Json,
        "hm",
        &[
            ("level", Value::from("info")),
            ("time", Value::from(1)),
            ("msg", Value::from("x")),
        ],
    );
    assert_eq!(line.matches("\"level\"").count(), 1, "{line}");
    assert_eq!(line.matches("\"time\"").count(), 1, "{line}");
    assert_eq!(line.matches("\"msg\"").count(), 1, "{line}");
}

#[test]
fn text_of_strangers_stays_inside_its_string() {
    let evil = "\u{1b}[2J\"}\n{\"level\":\"error\u{9b}31m\u{202e}\u{2028}ü\\";
    let line = line(Format::Json, evil, &[("reason", Value::from(evil))]);
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    assert!(
        !line
            .trim_end()
            .contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{2028}'),
        "{line:?}"
    );
    let parsed: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(parsed["msg"], evil);
    assert_eq!(parsed["reason"], evil);
    assert_eq!(parsed["level"], "warn");
}

#[test]
fn numbers_keep_their_type() {
    let line = line(
        Format::Json,
        "",
        &[
            ("i", Value::from(-3i64)),
            ("f", Value::from(1.5f64)),
            ("big", Value::from(u64::MAX)),
            ("c", Value::from('c')),
        ],
    );
    assert!(
        line.ends_with("\"i\":-3,\"f\":1.5,\"big\":18446744073709551615,\"c\":\"c\"}\n"),
        "{line}"
    );
}

#[test]
fn plain_text_is_one_line_too() {
    let mut pairs = ours();
    pairs.push(("reason", Value::from("bye \"you\"\nINFO fake")));
    assert_eq!(
        line(Format::Text, "forwarded\u{1b}[2J", &pairs),
        "2023-11-14T22:13:20.123Z WARN  b forwarder packet_forwarded: forwarded\\u{1b}[2J packetId=00ff amount=7 \
         nothing=None reason=\"bye \\\"you\\\"\\nINFO fake\"\n"
    );
}
