use std::collections::BTreeSet;
use std::time::Duration;

use ilp_proto::{DecodeError, DecodeErrorKind, ErrorCode, PacketId, Timestamp};
use log::LevelFilter;
use serde_json::{Value as Json, json};

use super::*;
use crate::log::format::{self, Defaults, Format};
use crate::log::line::NodeLog;

const PACKET: PacketId = PacketId([0, 1, 2, 3, 4, 5, 6, 0xff]);

fn bob() -> PeerId {
    "bob".parse().unwrap()
}

/// The lines of an event, without what is the same in all.
fn lines(event: &Event, per_packet: Level) -> Vec<Json> {
    let log = NodeLog::new("a", LevelFilter::Trace, true);
    let mut lines = Vec::new();
    describe(event, per_packet, &mut |line| {
        log.record(&line, |record| {
            let mut text = Vec::new();
            format::write(
                &mut text,
                Format::Json,
                record,
                Defaults {
                    node_id: None,
                    now: Timestamp::default(),
                },
            );
            let mut line: Json = serde_json::from_slice(&text).unwrap();
            let object = line.as_object_mut().unwrap();
            assert_eq!(object.remove("nodeId"), Some(json!("a")));
            assert_eq!(object.remove("time"), Some(json!(0)));
            assert!(
                object
                    .remove("msg")
                    .is_some_and(|msg| !msg.as_str().unwrap().is_empty())
            );
            if let Some(packet) = object.get("packetId").cloned() {
                assert_eq!(
                    object.remove("correlationId"),
                    Some(packet),
                    "two names for one thing"
                );
            }
            lines.push(line);
        });
    });
    lines
}

/// Every event, with the lines it becomes.
#[rustfmt::skip] // a table
fn table() -> Vec<(Event, Vec<Json>)> {
    let remote = std::net::IpAddr::from([127, 0, 0, 1]);
    let url = "ws://bob:3000".into();
    let destination: ilp_proto::Address = "test.c.alice".parse().unwrap();
    vec![
        (
            Event::Dialing { peer: bob(), url },
            vec![json!({"level": "info", "component": "btp-client", "event": "btp_connection_attempt", "peerId": "bob", "url": "ws://bob:3000"})],
        ),
        (
            Event::DialFailed { peer: bob(), error: "refused".into() },
            vec![json!({"level": "warn", "component": "btp-client", "event": "btp_connection_error", "peerId": "bob", "errorType": "connection", "error": "refused"})],
        ),
        (
            Event::AuthSent { peer: bob() },
            vec![json!({"level": "info", "component": "btp-client", "event": "btp_auth_attempt", "peerId": "bob"})],
        ),
        (
            Event::AuthAccepted { peer: bob() },
            vec![json!({"level": "info", "component": "btp-client", "event": "btp_auth_success", "peerId": "bob"})],
        ),
        (
            Event::AuthFailed { peer: bob(), reason: "no".into() },
            vec![json!({"level": "error", "component": "btp-client", "event": "btp_auth_failed", "peerId": "bob", "errorType": "authentication", "reason": "no"})],
        ),
        (
            Event::Accepted { remote },
            vec![json!({"level": "debug", "component": "btp-server", "event": "btp_accepted", "remoteAddress": "127.0.0.1"})],
        ),
        (
            Event::Refused { remote, reason: "too many" },
            vec![json!({"level": "warn", "component": "btp-server", "event": "btp_connection_refused", "remoteAddress": "127.0.0.1", "reason": "too many"})],
        ),
        (
            Event::HandshakeFailed { remote, reason: "no upgrade".into() },
            vec![json!({"level": "debug", "component": "btp-server", "event": "btp_handshake_failed", "remoteAddress": "127.0.0.1", "reason": "no upgrade"})],
        ),
        (
            Event::AuthGranted { peer: bob(), remote },
            vec![
                json!({"level": "info", "component": "btp-server", "event": "btp_connection", "peerId": "bob", "remoteAddress": "127.0.0.1"}),
                json!({"level": "info", "component": "btp-server", "event": "btp_auth", "peerId": "bob", "success": true}),
            ],
        ),
        (
            Event::AuthDenied { claimed: Some("mallory".into()), remote, reason: "wrong secret" },
            vec![json!({"level": "warn", "component": "btp-server", "event": "btp_auth", "peerId": "mallory", "success": false, "errorType": "authentication", "reason": "wrong secret", "remoteAddress": "127.0.0.1"})],
        ),
        (
            Event::Connected { peer: bob(), direction: Direction::Dialed, remote: "ws://bob:3000".into() },
            vec![
                json!({"level": "info", "component": "btp-client", "event": "btp_connected", "peerId": "bob", "url": "ws://bob:3000"}),
                json!({"level": "info", "component": "btp-client", "event": "btp_client_connected", "peerId": "bob"}),
            ],
        ),
        (
            Event::Connected { peer: bob(), direction: Direction::Accepted, remote: "127.0.0.1".into() },
            vec![json!({"level": "info", "component": "btp-server", "event": "btp_server_peer_connected", "peerId": "bob", "remoteAddress": "127.0.0.1"})],
        ),
        (
            Event::Disconnected { peer: bob(), direction: Direction::Dialed, reason: "gone".into() },
            vec![
                json!({"level": "info", "component": "btp-client", "event": "btp_disconnected", "peerId": "bob", "reason": "gone"}),
                json!({"level": "info", "component": "btp-client", "event": "btp_client_disconnected", "peerId": "bob", "reason": "gone"}),
            ],
        ),
        (
            Event::Disconnected { peer: bob(), direction: Direction::Accepted, reason: "gone".into() },
            vec![
                json!({"level": "info", "component": "btp-server", "event": "btp_disconnect", "peerId": "bob", "reason": "gone"}),
                json!({"level": "info", "component": "btp-server", "event": "btp_server_peer_disconnected", "peerId": "bob"}),
            ],
        ),
        (
            Event::Replaced { peer: bob(), direction: Direction::Dialed, remote: "ws://bob:3000".into(), reason: "newer" },
            vec![
                json!({"level": "info", "component": "node", "event": "btp_link_replaced", "peerId": "bob", "remote": "ws://bob:3000", "reason": "newer"}),
                json!({"level": "info", "component": "btp-client", "event": "btp_disconnected", "peerId": "bob", "reason": "replaced: newer"}),
            ],
        ),
        (
            Event::Replaced { peer: bob(), direction: Direction::Accepted, remote: "127.0.0.1".into(), reason: "newer" },
            vec![
                json!({"level": "info", "component": "node", "event": "btp_link_replaced", "peerId": "bob", "remote": "127.0.0.1", "reason": "newer"}),
                json!({"level": "info", "component": "btp-server", "event": "btp_disconnect", "peerId": "bob", "reason": "replaced: newer"}),
            ],
        ),
        (
            Event::RetryScheduled { peer: bob(), attempt: 3, delay: Duration::from_millis(3_900) },
            vec![json!({"level": "warn", "component": "btp-client", "event": "btp_retry", "peerId": "bob", "retryCount": 3, "backoffMs": 3900})],
        ),
        (
            Event::RetriesExhausted { peer: bob(), attempts: 5, pause: Duration::from_secs(60) },
            vec![json!({"level": "error", "component": "btp-client", "event": "btp_max_retries", "peerId": "bob", "retryCount": 5, "pauseMs": 60_000})],
        ),
        (
            Event::PingSent { peer: bob() },
            vec![json!({"level": "debug", "component": "node", "event": "btp_ping_sent", "peerId": "bob"})],
        ),
        (
            Event::PongTimeout { peer: bob() },
            vec![json!({"level": "warn", "component": "node", "event": "btp_pong_timeout", "peerId": "bob"})],
        ),
        (
            Event::Unreadable { peer: None, error: DecodeError::new("type", DecodeErrorKind::UnknownType(9), 0), len: 12 },
            vec![json!({"level": "error", "component": "node", "event": "btp_error", "peerId": null, "errorType": "message", "message": "type at byte 0: type 9 is unknown", "field": "type", "offset": 0, "bytes": 12})],
        ),
        (
            Event::TextMessage { peer: Some(bob()) },
            vec![json!({"level": "error", "component": "node", "event": "btp_error", "peerId": "bob", "errorType": "message", "message": "a text message"})],
        ),
        (
            Event::Unacceptable { peer: bob(), request_id: 7, why: "no ilp" },
            vec![json!({"level": "error", "component": "node", "event": "btp_error", "peerId": "bob", "errorType": "message", "message": "no ilp", "requestId": 7})],
        ),
        (
            Event::Malformed { peer: bob(), request_id: 7, error: DecodeError::new("type", DecodeErrorKind::UnknownType(9), 0) },
            vec![json!({"level": "error", "component": "node", "event": "btp_error", "peerId": "bob", "errorType": "message", "message": "type at byte 0: type 9 is unknown", "field": "type", "offset": 0, "requestId": 7})],
        ),
        (
            Event::BtpError { peer: bob(), error_type: "connection", message: "F00".into() },
            vec![json!({"level": "error", "component": "node", "event": "btp_error", "peerId": "bob", "errorType": "connection", "message": "F00"})],
        ),
        (
            Event::BadFulfillment { peer: bob(), request_id: 7, packet: Some(PACKET) },
            vec![json!({"level": "error", "component": "forwarder", "event": "bad_fulfillment", "packetId": "00010203040506ff", "peerId": "bob", "requestId": 7})],
        ),
        (
            Event::LateAnswer { peer: bob(), request_id: 7, packet_type: PacketType::Fulfill },
            vec![json!({"level": "warn", "component": "forwarder", "event": "late_answer", "peerId": "bob", "requestId": 7, "packetType": "FULFILL"})],
        ),
        (
            Event::LateAnswer { peer: bob(), request_id: 7, packet_type: PacketType::Reject },
            vec![json!({"level": "debug", "component": "forwarder", "event": "late_answer", "peerId": "bob", "requestId": 7, "packetType": "REJECT"})],
        ),
        (
            Event::AnswersDropped { peer: bob(), fulfills: 1, amount: 7, rejects: 2 },
            vec![json!({"level": "error", "component": "forwarder", "event": "answers_dropped", "peerId": "bob", "fulfills": 1, "amount": "7", "rejects": 2})],
        ),
        (
            Event::AnswersDropped { peer: bob(), fulfills: 0, amount: 0, rejects: 2 },
            vec![json!({"level": "warn", "component": "forwarder", "event": "answers_dropped", "peerId": "bob", "fulfills": 0, "amount": "0", "rejects": 2})],
        ),
        (
            Event::Stalled { peer: bob(), bytes: 5_000_000 },
            vec![json!({"level": "warn", "component": "node", "event": "btp_stalled", "peerId": "bob", "bytes": 5_000_000})],
        ),
        (
            Event::MessageReceived { peer: bob(), direction: Direction::Accepted, request_id: u32::MAX, packet_type: PacketType::Prepare },
            vec![json!({"level": "info", "component": "btp-server", "event": "btp_message_received", "peerId": "bob", "requestId": u32::MAX, "messageType": "MESSAGE", "packetType": "PREPARE"})],
        ),
        (
            Event::MessageReceived { peer: bob(), direction: Direction::Dialed, request_id: 1, packet_type: PacketType::Reject },
            vec![json!({"level": "info", "component": "btp-client", "event": "btp_message_received", "peerId": "bob", "requestId": 1, "messageType": "RESPONSE", "packetType": "REJECT"})],
        ),
        (
            Event::MessageSent { peer: bob(), direction: Direction::Accepted, request_id: 1, packet_type: PacketType::Fulfill },
            vec![json!({"level": "info", "component": "btp-server", "event": "btp_response_sent", "peerId": "bob", "requestId": 1, "messageType": "RESPONSE", "responseType": "FULFILL"})],
        ),
        (
            Event::MessageSent { peer: bob(), direction: Direction::Accepted, request_id: 1, packet_type: PacketType::Prepare },
            vec![json!({"level": "info", "component": "btp-server", "event": "btp_message_sent", "peerId": "bob", "requestId": 1, "messageType": "MESSAGE", "packetType": "PREPARE"})],
        ),
        (
            Event::MessageSent { peer: bob(), direction: Direction::Dialed, request_id: 1, packet_type: PacketType::Fulfill },
            vec![json!({"level": "info", "component": "btp-client", "event": "btp_message_sent", "peerId": "bob", "requestId": 1, "messageType": "RESPONSE", "packetType": "FULFILL"})],
        ),
        (
            Event::PacketReceived { source: Source::Peer(bob()), packet: PACKET, destination: destination.clone(), amount: u64::MAX, expires_at: Timestamp::from_millis(1) },
            vec![json!({"level": "info", "component": "forwarder", "event": "packet_received", "packetId": "00010203040506ff", "source": "btp", "peerId": "bob", "destination": "test.c.alice", "amount": "18446744073709551615", "expiresAt": "1970-01-01T00:00:00.001Z"})],
        ),
        (
            Event::RouteLookup { packet: PACKET, destination: destination.clone(), matched: Some("test.c".into()), next_hop: Some(bob()) },
            vec![json!({"level": "info", "component": "forwarder", "event": "route_lookup", "packetId": "00010203040506ff", "destination": "test.c.alice", "matched": "test.c", "nextHop": "bob"})],
        ),
        (
            Event::RouteLookup { packet: PACKET, destination: destination.clone(), matched: None, next_hop: None },
            vec![json!({"level": "info", "component": "forwarder", "event": "route_lookup", "packetId": "00010203040506ff", "destination": "test.c.alice", "matched": null, "nextHop": null})],
        ),
        (
            Event::PacketForwarded { packet: PACKET, destination, next_hop: bob(), amount: 10 },
            vec![
                json!({"level": "info", "component": "btp-client", "event": "btp_forward", "packetId": "00010203040506ff", "peerId": "bob", "destination": "test.c.alice"}),
                json!({"level": "info", "component": "forwarder", "event": "packet_forwarded", "packetId": "00010203040506ff", "destination": "test.c.alice", "nextHop": "bob", "amount": "10"}),
            ],
        ),
        (
            Event::PacketAnswered { packet: PACKET, to: Source::Local, from: Source::Peer(bob()), code: None, message: String::new(), took: Duration::from_micros(1_500) },
            vec![json!({"level": "info", "component": "forwarder", "event": "packet_response", "packetId": "00010203040506ff", "responseType": "FULFILL", "peerId": null, "answeredBy": "bob", "durationUs": 1500})],
        ),
        (
            Event::PacketAnswered { packet: PACKET, to: Source::Peer(bob()), from: Source::Local, code: Some(ErrorCode::F02_UNREACHABLE), message: "No route".into(), took: Duration::ZERO },
            vec![json!({"level": "info", "component": "forwarder", "event": "packet_response", "packetId": "00010203040506ff", "responseType": "REJECT", "code": "F02", "message": "No route", "peerId": "bob", "answeredBy": null, "durationUs": 0})],
        ),
        (
            Event::AddressLearned { parent: bob(), address: "test.b.a".parse().unwrap() },
            vec![json!({"level": "info", "component": "node", "event": "ildcp_address", "peerId": "bob", "address": "test.b.a"})],
        ),
        (
            Event::AddressRefused { parent: bob(), reason: "F00".into() },
            vec![json!({"level": "warn", "component": "node", "event": "ildcp_failed", "peerId": "bob", "reason": "F00"})],
        ),
        (
            Event::Draining { in_flight: 3, connected: 2, accepted: 1 },
            vec![
                json!({"level": "info", "component": "node", "event": "connector_draining", "inFlight": 3, "connectedPeers": 2}),
                json!({"level": "info", "component": "btp-server", "event": "btp_server_shutdown", "activeConnections": 1}),
            ],
        ),
        (
            Event::Drained { unanswered: 0 },
            vec![json!({"level": "info", "component": "node", "event": "connector_drained", "unanswered": 0})],
        ),
        (
            Event::Drained { unanswered: 1 },
            vec![json!({"level": "warn", "component": "node", "event": "connector_drained", "unanswered": 1})],
        ),
    ]
}

#[test]
fn every_event_becomes_the_lines_that_the_table_says() {
    for (event, expected) in table() {
        assert_eq!(lines(&event, Info), expected, "{event:?}");
    }
}

#[test]
fn no_event_of_the_router_is_forgotten_here() {
    let source = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../router/src/event.rs"
    ));
    let body = source
        .split_once("pub enum Event {")
        .unwrap()
        .1
        .split_once("\n}")
        .unwrap()
        .0;
    let declared: BTreeSet<String> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| {
            line.chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        })
        .collect();
    let tested: BTreeSet<String> = table()
        .iter()
        .map(|(event, _)| {
            format!("{event:?}")
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        })
        .collect();
    assert_eq!(tested, declared);
}

#[test]
fn lines_per_packet_have_the_level_they_are_given() {
    let per_packet = [
        "btp_message_received",
        "btp_message_sent",
        "btp_response_sent",
        "packet_received",
        "route_lookup",
        "packet_forwarded",
        "btp_forward",
        "packet_response",
    ];
    for (event, _) in table() {
        for line in lines(&event, Debug) {
            let name = line["event"].as_str().unwrap();
            if per_packet.contains(&name) {
                assert_eq!(line["level"], "debug", "{name}");
            }
        }
    }
}

#[test]
fn packet_events_are_wanted_only_when_they_would_be_printed() {
    assert!(NodeLog::new("a", LevelFilter::Info, true).wants_packets());
    assert!(!NodeLog::new("a", LevelFilter::Info, false).wants_packets());
    assert!(NodeLog::new("a", LevelFilter::Debug, false).wants_packets());
    assert!(!NodeLog::new("a", LevelFilter::Warn, true).wants_packets());
}
