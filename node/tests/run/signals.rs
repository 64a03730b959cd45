//! How nodes stop.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crate::client::get;
use crate::link::Link;
use crate::process::{Process, Settings, dials, run_command, waits_for};

/// A node with a packet on its way from alice to bob.
fn with_a_packet_in_flight(settings: Settings) -> (Process, Link, Link, u32) {
    let node = Process::run(&[settings
        .peers(&[waits_for("alice"), waits_for("bob")])
        .route("test.bob", "bob")]);
    let btp = node.listens("a").0;
    let (mut alice, mut bob) = (Link::dial(btp, "alice"), Link::dial(btp, "bob"));
    alice.prepare("test.bob", 7, Duration::from_secs(30));
    let (id, _) = bob.packet();
    (node, alice, bob, id)
}

#[test]
fn a_node_without_work_ends_at_once_with_0() {
    for signal in ["TERM", "INT"] {
        let mut node = Process::run(&[Settings::new("a")]);
        node.signal(signal);
        assert_eq!(node.end().code(), Some(0));
        let last = node.log.last().unwrap();
        assert_eq!(
            (&last["event"], &last["msg"]),
            (&"connector_stopped".into(), &"drained 0, left 0".into())
        );
    }
}

/// The node of `settings` in an environment where SIGHUP is treated like this by default.
#[cfg(target_os = "linux")]
fn run_where_hangup_is(treatment: &str, settings: &Settings) -> Process {
    let node = run_command(std::slice::from_ref(settings));
    let mut command = Command::new("env");
    command.env_clear();
    command.envs(
        node.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.arg(format!("--{treatment}-signal=HUP"));
    command.arg(node.get_program()).args(node.get_args());
    let mut process = Process::spawn(command);
    process.wait_for("connector_listening");
    process
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_closes_stops_a_node_in_order_and_hurries_it_never() {
    let settings = Settings::new("a")
        .peers(&[waits_for("alice"), waits_for("bob")])
        .route("test.bob", "bob");
    let mut node = run_where_hangup_is("default", &settings);
    let btp = node.listens("a").0;
    let (mut alice, mut bob) = (Link::dial(btp, "alice"), Link::dial(btp, "bob"));
    alice.prepare("test.bob", 7, Duration::from_secs(30));
    let (id, _) = bob.packet();
    node.signal("HUP");
    assert_eq!(node.wait_for("shutdown_requested")["signal"], "SIGHUP");
    node.signal("HUP");
    node.wait_for("connector_draining");
    bob.fulfill_as(id);
    assert_eq!(alice.outcome(), "fulfilled");
    assert_eq!(node.end().code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn a_node_that_was_started_to_survive_its_terminal_does() {
    let mut node = run_where_hangup_is("ignore", &Settings::new("a"));
    node.signal("HUP");
    assert_eq!(get(node.listens("a").1, "/ready").status, 200);
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(node.all("shutdown_requested")[0]["signal"], "SIGTERM");
}

#[test]
fn a_packet_in_flight_is_seen_through() {
    let (mut node, mut alice, mut bob, id) = with_a_packet_in_flight(Settings::new("a"));
    let http = node.listens("a").1;
    node.signal("TERM");
    node.wait_for("connector_draining");
    assert_eq!(get(http, "/ready").status, 503);
    let health = get(http, "/health");
    assert_eq!(
        (health.status, &health.json()["status"]),
        (503, &"draining".into())
    );
    assert_eq!(get(http, "/live").status, 200);

    alice.prepare("test.bob", 8, Duration::from_secs(30));
    assert_eq!(alice.outcome(), "T03", "new packets are turned away");
    bob.fulfill_as(id);
    assert_eq!(alice.outcome(), "fulfilled", "old ones are not");
    assert!(alice.receive().is_none(), "then the connection is closed");
    assert_eq!(node.end().code(), Some(0));
    let last = node.log.last().unwrap();
    assert_eq!(
        (&last["drained"], &last["unanswered"]),
        (&1.into(), &0.into())
    );
    let balances: Vec<_> = node
        .all("account_balance")
        .into_iter()
        .map(|line| (line["peerId"].as_str(), line["balance"].as_str()))
        .collect();
    assert_eq!(
        balances,
        [(Some("alice"), Some("7")), (Some("bob"), Some("-7"))],
        "what is owed is told before it is forgotten"
    );
    assert_eq!(node.all("btp_server_shutdown")[0]["activeConnections"], 2);
}

#[test]
fn a_packet_that_nobody_answers_is_counted_in_the_last_line() {
    let settings = Settings::new("a").set("shutdownTimeout", "50ms");
    let (mut node, mut alice, _bob, _) = with_a_packet_in_flight(settings);
    assert_eq!(node.stop().code(), Some(0));
    assert!(
        alice.receive().is_none(),
        "it gets no answer, for it may still be fulfilled"
    );
    let last = node.log.last().unwrap();
    assert_eq!(
        (&last["event"], &last["msg"]),
        (&"connector_stopped".into(), &"drained 0, left 1".into())
    );
    assert_eq!(last["level"], "warn");
}

#[test]
fn a_second_signal_does_not_wait() {
    for (second, code) in [("TERM", 143), ("INT", 130)] {
        let (mut node, _alice, _bob, _) = with_a_packet_in_flight(Settings::new("a"));
        node.signal("TERM");
        node.wait_for("connector_draining");
        node.signal(second);
        assert_eq!(node.end().code(), Some(code));
        let forced = node.all("shutdown_forced");
        assert_eq!((forced.len(), &forced[0]["inFlight"]), (1, &1.into()));
        let last = node.log.last().unwrap();
        assert_eq!(
            (&last["event"], &last["unanswered"]),
            (&"connector_stopped".into(), &1.into())
        );
    }
}

#[test]
fn a_stop_tells_every_peer_why_its_connection_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peers = [
        waits_for("alice"),
        dials("b", listener.local_addr().unwrap()),
    ];
    let mut node = Process::run(&[Settings::new("a").peers(&peers)]);
    let mut links = [
        Link::accept(&listener),
        Link::dial(node.listens("a").0, "alice"),
    ];
    node.wait_until(
        |line| line["event"] == "btp_connected" || line["event"] == "btp_server_peer_connected",
        "one is connected",
    );
    node.wait_until(
        |line| line["event"] == "btp_connected" || line["event"] == "btp_server_peer_connected",
        "both are connected",
    );
    node.signal("TERM");
    for link in &mut links {
        let frame = link.close_frame();
        assert_eq!((frame.0, frame.1.as_str()), (1000, "Server shutting down"));
    }
    assert_eq!(node.end().code(), Some(0));
    assert_eq!(
        node.all("btp_server_shutdown")[0]["activeConnections"],
        1,
        "links that were opened to us"
    );
}

#[test]
fn a_stop_releases_the_ports() {
    let mut node = Process::run(&[Settings::new("a")]);
    let (btp, http) = node.listens("a");
    node.stop();
    let again = Settings::new("a")
        .set("btpServerPort", &btp.port().to_string())
        .set("healthCheckPort", &http.port().to_string());
    let again = Process::run(&[again]);
    assert_eq!(again.listens("a"), (btp, http));
}
