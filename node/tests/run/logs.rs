//! The log of a running node.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use btp_proto::{Frame, Protocol, Protocols};
use serde_json::Value as Json;

use crate::client::{get, get_until};
use crate::link::Link;
use crate::process::{Process, Settings, dials, own_address, run_command, secret_of, waits_for};

const PER_PACKET: [&str; 7] = [
    "btp_message_received",
    "btp_message_sent",
    "btp_response_sent",
    "packet_received",
    "route_lookup",
    "packet_forwarded",
    "packet_response",
];

/// Sends one packet from alice through a and b to bob, and ends the nodes.
fn pay(settings: impl Fn(Settings) -> Settings) -> Process {
    let free = own_address();
    let a = settings(Settings::new("a"))
        .peers(&[waits_for("alice"), dials("b", free)])
        .route("test.bob", "b");
    let b = settings(Settings::new("b"))
        .set("btpServerHost", &free.ip().to_string())
        .set("btpServerPort", &free.port().to_string())
        .peers(&[waits_for("a").replace("of-a", "of-b"), waits_for("bob")])
        .route("test.bob", "bob");
    let mut nodes = Process::run(&[b, a]);
    nodes.wait_until(
        |line| line["event"] == "connector_ready" && line["nodeId"] == "a",
        "a is ready",
    );
    let (mut alice, mut bob) = (
        Link::dial(nodes.listens("a").0, "alice"),
        Link::dial(free, "bob"),
    );
    alice.prepare("test.bob", 7, Duration::from_secs(30));
    bob.fulfill();
    assert_eq!(alice.outcome(), "fulfilled");
    // They would not answer a Close, which the nodes would wait for.
    drop((alice, bob));
    assert_eq!(nodes.stop().code(), Some(0));
    nodes
}

fn per_packet(nodes: &Process) -> Vec<&Json> {
    nodes
        .log
        .iter()
        .filter(|line| PER_PACKET.contains(&line["event"].as_str().unwrap()))
        .collect()
}

#[test]
fn every_line_has_what_all_lines_have() {
    let nodes = pay(|settings| settings.set("logLevel", "trace"));
    for line in &nodes.log {
        assert!(
            ["error", "warn", "info", "debug", "trace"].contains(&line["level"].as_str().unwrap()),
            "{line}"
        );
        assert!(line["time"].as_u64().unwrap() > 1_700_000_000_000, "{line}");
        assert!(
            ["a", "b"].contains(&line["nodeId"].as_str().unwrap_or("a")),
            "{line}"
        );
        for name in ["component", "event", "msg"] {
            assert!(
                line[name].as_str().is_some_and(|text| !text.is_empty()),
                "{name} in {line}"
            );
        }
    }
}

#[test]
fn the_path_of_a_packet_can_be_read_off_the_logs_of_all_hops() {
    let nodes = pay(|settings| settings.set("logPackets", "true"));
    let id = nodes.all("packet_received")[0]["packetId"].clone();
    assert_eq!(id.as_str().unwrap().len(), 16);
    for node in ["a", "b"] {
        let path: Vec<_> = nodes
            .log
            .iter()
            .filter(|line| line["nodeId"] == node && line["packetId"] == id)
            .map(|line| line["event"].as_str().unwrap())
            .collect();
        assert_eq!(
            path,
            [
                "packet_received",
                "route_lookup",
                "btp_forward",
                "packet_forwarded",
                "packet_response"
            ],
            "{}",
            nodes.show()
        );
    }
    let mut received: Vec<_> = nodes
        .all("packet_received")
        .iter()
        .map(|line| line["peerId"].as_str().unwrap())
        .collect();
    // the lines of one node are in order, those of different ones in any
    received.sort_unstable();
    assert_eq!(received, ["a", "alice"]);
    for line in nodes.all("packet_response") {
        assert_eq!(
            (&line["responseType"], &line["correlationId"]),
            (&"FULFILL".into(), &id)
        );
    }
}

#[test]
fn messages_are_logged_with_the_names_of_their_side() {
    let nodes = pay(|settings| settings.set("logPackets", "true"));
    let of = |node: &str, event: &str, peer: &str| {
        let all = nodes.all(event);
        all.into_iter()
            .find(|line| line["nodeId"] == node && line["peerId"] == peer)
            .cloned()
    };
    let taken = of("a", "btp_message_received", "alice").unwrap();
    assert_eq!(
        (&taken["component"], &taken["packetType"]),
        (&"btp-server".into(), &"PREPARE".into())
    );
    let sent = of("a", "btp_message_sent", "b").unwrap();
    assert_eq!(
        (&sent["component"], &sent["packetType"]),
        (&"btp-client".into(), &"PREPARE".into())
    );
    let answered = of("b", "btp_response_sent", "a").unwrap();
    assert_eq!(
        (&answered["responseType"], &answered["requestId"]),
        (&"FULFILL".into(), &sent["requestId"])
    );
    assert!(of("a", "btp_response_sent", "alice").is_some());
}

#[test]
fn packets_are_logged_at_info_only_if_it_is_asked_for() {
    assert!(per_packet(&pay(|settings| settings)).is_empty());
    let asked = pay(|settings| settings.set("logPackets", "true"));
    assert!(!per_packet(&asked).is_empty());
    assert!(
        per_packet(&asked)
            .iter()
            .all(|line| line["level"] == "info")
    );
    let detailed = pay(|settings| settings.set("logLevel", "debug"));
    assert!(!per_packet(&detailed).is_empty());
    assert!(
        per_packet(&detailed)
            .iter()
            .all(|line| line["level"] == "debug")
    );
}

#[test]
fn the_level_of_the_environment_beats_that_of_the_file() {
    let http = own_address();
    let settings = Settings::new("a")
        .set("logLevel", "debug")
        .set("healthCheckHost", &http.ip().to_string())
        .set("healthCheckPort", &http.port().to_string());
    let mut command = run_command(&[settings]);
    command.env("LOG_LEVEL", "warn");
    let mut node = Process::spawn(command);
    // Nothing is said at WARN, so its health tells when it is there.
    while TcpStream::connect(http).is_err() {
        std::thread::yield_now();
    }
    assert_eq!(get(http, "/health").status, 200);
    node.signal("TERM");
    assert_eq!(node.end().code(), Some(0));
    assert!(node.log.is_empty(), "{}", node.show());
}

#[test]
fn plain_text_is_for_people() {
    let mut command = run_command(&[Settings::new("a")]);
    command.env("LOG_FORMAT", "text").stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("connector_ready") {
        assert!(
            std::io::BufRead::read_line(&mut stderr, &mut text).unwrap() > 0,
            "{text}"
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        text.contains(" INFO  a node connector_listening: listening btpAddress=127.0.0.1:"),
        "{text}"
    );
}

#[test]
fn no_secret_is_ever_printed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peers = [
        dials("b", listener.local_addr().unwrap()),
        waits_for("alice"),
        "{id: carol}".to_owned(),
    ];
    let mut command = run_command(&[Settings::new("a").set("logLevel", "trace").peers(&peers)]);
    command.env("BTP_PEER_CAROL_SECRET", secret_of("carol"));
    let mut node = Process::spawn(command);
    node.wait_for("connector_listening");
    let (btp, http) = node.listens("a");

    // A server that sends our own secret back as its reason to refuse it.
    let stream = listener.accept().unwrap().0;
    let mut socket = tungstenite::accept(stream).unwrap();
    let auth = socket.read().unwrap().into_data();
    let id = Frame::parse(&auth).unwrap().id();
    let secret = secret_of("b");
    let error = btp_proto::BtpError {
        code: btp_proto::BtpCode::F00_NOT_ACCEPTED,
        name: "NotAcceptedError",
        triggered_at: ilp_proto::Timestamp::default(),
        data: secret.as_bytes(),
    };
    let mut refusal = Vec::new();
    Frame::Error {
        id,
        error,
        protocols: Protocols::EMPTY,
    }
    .encode(&mut refusal);
    socket
        .send(tungstenite::Message::Binary(refusal.into()))
        .unwrap();
    node.wait_for("btp_auth_failed");

    // Guesses, one of them by the right secret at the wrong place.
    let guess = "a-guess-77aa01";
    for (user, secret) in [
        ("alice", guess),
        ("nobody", guess),
        ("nobody", &secret_of("alice")),
    ] {
        let mut link = Link::dial_with(btp, user, secret);
        while link.receive().is_some() {}
    }
    drop(Link::dial(btp, "carol"));
    node.wait_until(
        |line| line["event"] == "btp_disconnect" && line["peerId"] == "carol",
        "carol left",
    );

    let mut shown = String::new();
    for path in [
        "/health", "/live", "/ready", "/metrics", "/peers", "/routes", "/nothing",
    ] {
        shown += &get(http, path).body;
    }
    assert_eq!(node.stop().code(), Some(0));
    write!(shown, "{}", node.show()).unwrap();
    assert!(
        node.all("btp_auth")
            .iter()
            .filter(|line| line["success"] == false)
            .count()
            >= 3,
        "{shown}"
    );
    for secret in [
        secret_of("alice"),
        secret_of("b"),
        secret_of("carol"),
        guess.to_owned(),
    ] {
        assert!(!shown.contains(&secret), "{secret} in {shown}");
    }
}

#[test]
fn a_connection_that_speaks_no_websocket_is_told_of_at_debug() {
    let mut node = Process::run(&[Settings::new("a").set("logLevel", "debug")]);
    let mut stranger = TcpStream::connect(node.listens("a").0).unwrap();
    stranger.write_all(b"hello?\r\n\r\n").unwrap();
    let line = node.wait_for("btp_handshake_failed");
    assert_eq!(
        (&line["level"], &line["remoteAddress"]),
        (&"debug".into(), &"127.0.0.1".into())
    );
    assert!(line["reason"].as_str().is_some_and(|why| !why.is_empty()));
}

#[test]
fn a_packet_that_is_none_is_told_of_with_its_field_and_place() {
    let mut node = Process::run(&[Settings::new("a").peers(&[waits_for("alice")])]);
    let mut alice = Link::dial(node.listens("a").0, "alice");
    let protocols = [Protocol::octets("ilp", &[12, 1])];
    alice.send(&Frame::Message {
        id: 77,
        protocols: Protocols::new(&protocols),
    });
    let line = node.wait_for("btp_error");
    assert_eq!(
        (&line["level"], &line["peerId"]),
        (&"error".into(), &"alice".into())
    );
    assert_eq!(
        (&line["errorType"], &line["requestId"]),
        (&"message".into(), &77.into())
    );
    assert!(
        line["field"].is_string() && line["offset"].is_u64(),
        "{line}"
    );
    assert_eq!(alice.outcome(), "F01");
}

#[test]
fn a_link_that_is_replaced_is_told_of_like_one_that_ends() {
    let mut node = Process::run(&[Settings::new("a").peers(&[waits_for("alice")])]);
    let btp = node.listens("a").0;
    let mut older = Link::dial(btp, "alice");
    let _newer = Link::dial(btp, "alice");
    node.wait_for("btp_link_replaced");
    let line = node.wait_for("btp_disconnect");
    assert_eq!(line["peerId"], "alice");
    assert!(
        line["reason"].as_str().unwrap().starts_with("replaced: "),
        "{line}"
    );
    assert_eq!(older.close_frame().0, 1000);
    assert_eq!(
        get(node.listens("a").1, "/health").json()["peersConnected"],
        1
    );
}

#[test]
fn connections_beyond_what_the_system_allows_are_told_of_and_wait() {
    let file = Settings::new("a").file();
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "ulimit -n 48; exec \"$0\" run --config \"$1\""])
        .arg(env!("CARGO_BIN_EXE_ilp-connector"))
        .arg(file)
        .env_clear();
    let mut node = Process::spawn(limited);
    node.wait_for("connector_listening");
    let (btp, http) = node.listens("a");
    let held: Vec<TcpStream> = (0..48).map(|_| TcpStream::connect(http).unwrap()).collect();
    let line = node.wait_for("http_accept_failed");
    assert_eq!(
        (&line["level"], &line["component"]),
        (&"warn".into(), &"http".into())
    );
    let stranger = TcpStream::connect(btp).unwrap();
    let line = node.wait_for("btp_accept_failed");
    assert_eq!(
        (&line["level"], &line["component"]),
        (&"error".into(), &"btp-server".into())
    );
    assert!(line["retryMs"].is_u64(), "{line}");
    drop((held, stranger));
    assert_eq!(get(http, "/health").status, 200);
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_node() {
    let settings = Settings::new("a")
        .set("logLevel", "debug")
        .set("logPackets", "true")
        .peers(&[waits_for("alice"), waits_for("bob")])
        .route("test.bob", "bob");
    let mut child = run_command(&[settings])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut head = String::new();
    while !head.contains("connector_ready") {
        let mut chunk = [0; 1024];
        let read = stderr.read(&mut chunk).unwrap();
        head.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
    let line = head
        .lines()
        .find(|line| line.contains("connector_listening"))
        .unwrap();
    let line: Json = serde_json::from_str(line).unwrap();
    let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
    let (btp, http) = (address("btpAddress"), address("healthAddress"));

    // From here on nobody reads, until far more was said than any buffer holds.
    let (mut alice, mut bob) = (Link::dial(btp, "alice"), Link::dial(btp, "bob"));
    let dropped = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with("ilp_log_lines_dropped_total{why=\"full\"}"))
            .unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    loop {
        for _ in 0..100 {
            alice.prepare("test.bob", 7, Duration::from_secs(30));
            bob.fulfill();
            assert_eq!(alice.outcome(), "fulfilled");
        }
        if dropped(&get(http, "/metrics").body) > 0 {
            break;
        }
    }
    assert_eq!(get(http, "/health").status, 200);

    // Somebody reads again: what is missing is said.
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        rest
    });
    let before = dropped(&get(http, "/metrics").body);
    get_until(http, "/metrics", |answer| dropped(&answer.body) >= before);
    assert!(
        std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("kill -TERM {}", child.id()))
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let rest = reader.join().unwrap();
    assert!(rest.contains("\"event\":\"log_dropped\""), "{}", rest.len());
}

#[test]
fn a_closed_log_does_not_stop_the_node() {
    let settings = Settings::new("a").set("logLevel", "debug");
    let mut node = Process::run(&[settings]);
    let http = node.listens("a").1;
    node.stop_reading();
    for _ in 0..10 {
        assert_eq!(get(http, "/health").status, 200);
    }
    get_until(http, "/metrics", |answer| {
        !answer.body.contains("{why=\"unwritable\"} 0")
    });
    node.signal("TERM");
    assert_eq!(node.wait().code(), Some(0));
}
