//! `send`, `receive` and `ping` as people use them: real processes, real nodes.
#![allow(clippy::unwrap_used)]

mod examples;
#[path = "../run/process.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod process;
mod tool;

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;

use async_tungstenite::tungstenite::{self, Message};
use process::{PATIENCE, Process, Settings, command, free_address, secret_of};
use serde_json::Value as Json;
use tool::{Done, Tool, run};

/// A node with the children alice and bob, and the peer carol.
fn settings() -> Settings {
    let peer = |id: &str, relation: &str| {
        format!(
            "{{id: {id}, authToken: {}, relation: {relation}}}",
            secret_of(id)
        )
    };
    let peers = [
        peer("alice", "child"),
        peer("bob", "child"),
        peer("carol", "peer"),
    ];
    Settings::new("hub")
        .peers(&peers)
        .set("assetCode", "EUR")
        .set("assetScale", "6")
}

fn hub() -> (Process, SocketAddr) {
    let node = Process::run(&[settings()]);
    let address = node.listens("hub").0;
    (node, address)
}

/// The URL of an account, with its secret.
fn account(node: SocketAddr, user: &str) -> String {
    format!("ws://{user}:{}@{node}", secret_of(user))
}

/// Bob, ready to receive.
fn receiver(node: SocketAddr) -> Tool {
    let mut bob = Tool::spawn(&["receive", "--via", &account(node, "bob"), "--key", "k"]);
    bob.wait_for("receiving at test.hub.bob");
    bob
}

fn send(node: SocketAddr, more: &[&str]) -> Done {
    let via = account(node, "alice");
    let arguments = ["send", "--via", &via, "--to", "test.hub.bob"];
    run(&[&arguments, more].concat())
}

/// Alice, who sends four packets at a time.
fn sender(node: SocketAddr, count: &str) -> Tool {
    let via = account(node, "alice");
    let to = ["send", "--via", &via, "--to", "test.hub.bob", "--key", "k"];
    let many = ["--count", count, "--in-flight", "4"];
    Tool::spawn(&[&to[..], &many].concat())
}

fn ping(node: SocketAddr, more: &[&str]) -> Done {
    run(&[&["ping", "--via", &account(node, "alice")], more].concat())
}

/// The JSON objects of stdout, one per line.
fn json_lines(out: &str) -> Vec<Json> {
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_a_sender_sends_a_receiver_with_its_key_fulfils() {
    let (_node, address) = hub();
    let mut bob = receiver(address);
    let done = send(
        address,
        &[
            "--key",
            "k",
            "--count",
            "200",
            "--in-flight",
            "20",
            "--amount",
            "5",
        ],
    );
    assert_eq!(
        (done.code, done.err.as_str()),
        (Some(0), ""),
        "{}",
        done.out
    );
    assert!(
        done.out.contains("fulfilled  200\n") && done.out.contains("p99"),
        "{}",
        done.out
    );

    bob.signal("INT");
    assert_eq!(bob.end(), Some(0));
    assert!(
        bob.seen
            .contains(&"in all: 200 packets fulfilled, amount 1,000".to_owned()),
        "{:?}",
        bob.seen
    );
    assert!(
        bob.seen[1].ends_with("test.hub.bob, in EUR with 6 decimals"),
        "{:?}",
        bob.seen
    );
}

#[test]
fn another_key_is_rejected_and_the_first_words_are_shown() {
    let (_node, address) = hub();
    let _bob = receiver(address);
    let done = send(address, &["--key", "other", "--count", "3"]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.out
            .contains("rejected F05  3  Wrong Condition by test.hub.bob: the condition"),
        "{}",
        done.out
    );
}

#[test]
fn json_is_for_programs() {
    let (_node, address) = hub();
    let mut bob = Tool::spawn(&[
        "receive",
        "--via",
        &account(address, "bob"),
        "--key",
        "k",
        "--json",
    ]);
    bob.wait_for("test.hub.bob");
    let sent = json_lines(&send(address, &["--key", "k", "--count", "3", "--json"]).out);
    assert_eq!((sent.len(), &sent[0]["fulfilled"]), (1, &3.into()));
    let sent = json_lines(&send(address, &["--key", "x", "--json"]).out);
    assert_eq!(sent[0]["rejected"][0]["triggeredBy"], "test.hub.bob");

    bob.signal("TERM");
    assert_eq!(bob.end(), Some(0));
    let lines = json_lines(&bob.seen.join("\n"));
    let events: Vec<_> = lines
        .iter()
        .filter_map(|line| line["event"].as_str())
        .collect();
    assert_eq!(
        (events[0], events[1], events.last()),
        ("attached", "address", Some(&"summary"))
    );
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["fulfilled"], &summary["amount"]),
        (&3.into(), &"3".into())
    );
    assert_eq!(summary["rejected"][0]["code"], "F05");
}

#[test]
fn a_receiver_survives_its_node() {
    let address = free_address();
    let settings = settings().set("btpServerPort", &address.port().to_string());
    let mut node = Process::run(std::slice::from_ref(&settings));
    let mut bob = receiver(address);
    assert!(node.stop().success());
    bob.wait_for("lost ws://");
    let _node = Process::run(&[settings]);
    bob.wait_for("receiving at test.hub.bob");
    assert_eq!(send(address, &["--key", "k"]).code, Some(0));
}

#[test]
fn a_receiver_told_once_ends_with_its_node() {
    let (mut node, address) = hub();
    let mut bob = Tool::spawn(&[
        "receive",
        "--via",
        &account(address, "bob"),
        "--key",
        "k",
        "--once",
    ]);
    bob.wait_for("receiving at");
    assert!(node.stop().success());
    bob.wait_for("receive: lost ws://");
    assert_eq!(bob.end(), Some(1));
}

#[test]
fn a_receiver_does_not_wait_for_a_certificate_file_that_is_not_there() {
    // nobody needs to be there either: the file is looked at first
    let via = "wss://bob:hunter2@127.0.0.1:1";
    let done = run(&[
        "receive",
        "--via",
        via,
        "--key",
        "k",
        "--ca-file",
        "nowhere.pem",
    ]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.err.contains("nowhere.pem: cannot be read"),
        "{}",
        done.err
    );
    assert!(!done.err.contains("trying again"), "{}", done.err);
}

#[test]
fn of_two_receivers_of_one_account_the_older_one_gives_up() {
    let (_node, address) = hub();
    let mut older = receiver(address);
    let mut newer = receiver(address);
    older.wait_for("receive: another client is attached as bob to ws://");
    assert_eq!(older.end(), Some(1));
    assert_eq!(send(address, &["--key", "k"]).code, Some(0));
    newer.signal("INT");
    assert_eq!(newer.end(), Some(0));
}

#[test]
fn a_receiver_that_never_was_attached_ends_with_1_at_ctrl_c() {
    let via = format!("ws://bob:t@{}", free_address());
    let mut bob = Tool::spawn(&["receive", "--via", &via, "--key", "k"]);
    bob.wait_for("trying again");
    bob.signal("INT");
    bob.wait_for("receive: stopped before it was attached to ws://");
    assert_eq!(bob.end(), Some(1));
}

#[test]
fn ctrl_c_stops_sending_and_waits_for_what_is_in_flight() {
    let (_node, address) = hub();
    let bob = receiver(address);
    bob.signal("STOP");
    let mut alice = sender(address, "100");
    alice.wait_for("sending 100 packets");
    alice.signal("INT");
    alice.wait_for("waiting for packets in flight");
    bob.signal("CONT");
    assert_eq!(alice.end(), Some(130));
    let shown = alice.seen.join("\n");
    assert!(shown.contains("not sent"), "{shown}");
    assert!(!shown.contains("unanswered"), "{shown}");
}

#[test]
fn a_node_that_goes_away_ends_the_sending() {
    let (mut node, address) = hub();
    let bob = receiver(address);
    bob.signal("STOP");
    let mut alice = sender(address, "1000");
    alice.wait_for("sending 1,000 packets");
    node.signal("KILL");
    let _ = node.wait();
    assert_eq!(alice.end(), Some(1));
    let shown = alice.seen.join("\n");
    assert!(
        shown.contains("the link is closed") && shown.contains("not sent"),
        "{shown}"
    );
}

#[test]
fn a_ping_comes_back() {
    let (_node, address) = hub();
    let done = ping(address, &["test.hub", "--count", "3", "--interval", "10ms"]);
    assert_eq!(
        (done.code, done.err.as_str()),
        (Some(0), ""),
        "{}",
        done.out
    );
    let lines: Vec<_> = done.out.lines().collect();
    assert!(
        lines[0].starts_with("PING test.hub from test.hub.alice via ws://"),
        "{}",
        done.out
    );
    assert!(
        lines[1].starts_with("answer from test.hub: seq=1 time="),
        "{}",
        done.out
    );
    assert!(
        done.out.contains("3 packets sent, 3 answered, 0% loss"),
        "{}",
        done.out
    );
    assert!(
        lines.last().unwrap().starts_with("rtt min/avg/max/mdev = "),
        "{}",
        done.out
    );
    assert!(!done.out.contains(&secret_of("alice")));
}

#[test]
fn ctrl_c_ends_pinging_with_a_summary() {
    let (_node, address) = hub();
    let via = account(address, "alice");
    let mut alice = Tool::spawn(&["ping", "test.hub", "--via", &via, "--interval", "10ms"]);
    alice.wait_for("seq=2");
    alice.signal("INT");
    assert_eq!(alice.end(), Some(0));
    assert!(
        alice.seen.join("\n").contains("rtt min/avg/max/mdev = "),
        "{:?}",
        alice.seen
    );
}

#[test]
fn pinging_ends_when_nobody_reads_the_answers_any_more() {
    let (_node, address) = hub();
    let via = account(address, "alice");
    let mut ping = command(&["ping", "test.hub", "--interval", "10ms", "--via", &via])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(ping.stdout.take().unwrap()).lines();
    assert!(lines.nth(1).unwrap().unwrap().starts_with("answer from"));
    drop(lines);
    let (tell, told) = channel();
    // without its node it ends in any case
    thread::spawn(move || tell.send(ping.wait().unwrap().code()));
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Some(0)));
}

#[test]
fn a_ping_that_is_rejected_says_by_whom() {
    let (_node, address) = hub();
    let done = ping(address, &["test.nowhere", "--count", "1"]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.out.contains("seq=1") && done.out.contains("F02 Unreachable by test.hub"),
        "{}",
        done.out
    );
    assert!(done.out.contains("1 rejected, 100% loss"), "{}", done.out);
    let lines = json_lines(&ping(address, &["test.nowhere", "--count", "1", "--json"]).out);
    assert_eq!(
        (&lines[0]["event"], &lines[0]["code"]),
        (&"reject".into(), &"F02".into())
    );
    assert_eq!(
        (&lines[1]["answered"], &lines[1]["rttMs"]),
        (&0.into(), &Json::Null)
    );
}

#[test]
fn a_ping_without_an_answer_is_lost() {
    let (_node, address) = hub();
    let bob = receiver(address);
    bob.signal("STOP");
    let done = ping(
        address,
        &[
            "test.hub.bob",
            "--count",
            "2",
            "--interval",
            "10ms",
            "--timeout",
            "50ms",
        ],
    );
    assert_eq!(done.code, Some(1));
    assert!(
        done.out.contains("no answer: seq=2") && done.out.contains("100% loss"),
        "{}",
        done.out
    );
    bob.signal("CONT");
}

#[test]
fn a_ping_needs_an_address_of_its_own() {
    let (_node, address) = hub();
    let via = account(address, "carol");
    let done = run(&["ping", "test.hub", "--via", &via, "--count", "1"]);
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""));
    assert!(done.err.contains("--address"), "{}", done.err);
}

#[test]
fn a_ping_does_not_wait_longer_for_an_address_than_for_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("ws://u:t@{}", listener.local_addr().unwrap());
    let silent = thread::spawn(move || {
        let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
        let auth = socket.read().unwrap().into_data();
        let accepted = [&[1], &auth[1..5], &[2, 1, 0]].concat();
        socket.send(Message::binary(accepted)).unwrap();
        while socket.read().is_ok() {}
    });
    let done = run(&["ping", "test.hub", "--via", &server, "--timeout", "50ms"]);
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""));
    assert!(
        done.err
            .contains("does not say within 50.0 ms which address"),
        "{}",
        done.err
    );
    silent.join().unwrap();
}

#[test]
fn a_wrong_token_is_refused_in_words_and_not_repeated() {
    let (_node, address) = hub();
    let server = format!("ws://{address}");
    let attach = ["--via", &server, "--user", "alice", "--token", "wr0ng"];
    for tool in [
        &["send", "--to", "test.hub.bob", "--key", "k"][..],
        &["receive", "--key", "k"],
        &["ping", "test.hub"],
    ] {
        let done = run(&[tool, &attach].concat());
        assert_eq!(
            (done.code, done.out.as_str()),
            (Some(1), ""),
            "{}",
            done.err
        );
        assert!(
            done.err.contains("refuses the credentials") && done.err.contains("as alice"),
            "{}",
            done.err
        );
        assert!(!done.err.contains("wr0ng"), "{}", done.err);
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let server = format!("ws://u:wr0ng@{}", free_address());
    let shown = server.replace("u:wr0ng@", "");
    for tool in [
        &[
            "send",
            "--to",
            "test.hub.bob",
            "--key",
            "k",
            "--via",
            &server,
        ][..],
        &["receive", "--once", "--key", "k", "--via", &server],
        &["ping", "test.hub", "--via", &server],
    ] {
        let done = run(tool);
        assert_eq!(
            (done.code, done.out.as_str()),
            (Some(1), ""),
            "{}",
            done.err
        );
        assert!(
            done.err
                .contains(&format!("cannot attach to {shown} as u: ")),
            "{}",
            done.err
        );
        assert!(!done.err.contains("wr0ng"), "{}", done.err);
    }
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2_and_a_hint() {
    for (arguments, hint) in [
        (
            &["send", "--via", "ws://h", "--to", "test.b"][..],
            "ILP_KEY",
        ),
        (
            &["send", "--via", "h:1", "--to", "test.b", "--key", "k"],
            "ws://",
        ),
        (
            &["send", "--via", "ws://h", "--to", "test..b", "--key", "k"],
            "--to",
        ),
        (&["receive", "--key", "k"], "--via"),
        (
            &[
                "receive",
                "--via",
                "ws://u:t@h",
                "--token",
                "t",
                "--key",
                "k",
            ],
            "--token",
        ),
        (&["ping", "--via", "ws://h"], "ADDRESS"),
        (
            &["ping", "test.b", "--via", "ws://h", "--timeout", "5"],
            "5s",
        ),
    ] {
        let done = run(arguments);
        assert_eq!(
            (done.code, done.out.as_str()),
            (Some(2), ""),
            "{arguments:?}: {}",
            done.err
        );
        assert!(
            done.err.contains(hint) && done.err.contains("--help"),
            "{arguments:?}: {}",
            done.err
        );
    }
}
