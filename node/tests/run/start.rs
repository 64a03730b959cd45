//! How nodes start, and how they fail to.

use std::net::TcpListener;

use crate::client::{get, get_until};
use crate::process::{Process, Settings, command, dials, free_address, run_command, waits_for};

#[test]
fn a_node_says_that_it_starts_listens_and_is_ready_in_this_order() {
    let mut node = Process::run(&[Settings::new("a")
        .peers(&[waits_for("b")])
        .route("test.b", "b")]);
    node.wait_for("connector_ready");
    let names: Vec<_> = node
        .log
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "connector_starting",
            "connector_listening",
            "connector_ready"
        ]
    );
    let starting = &node.log[0];
    assert_eq!(
        (&starting["peersCount"], &starting["routesCount"]),
        (&1.into(), &1.into())
    );
    assert_eq!(node.log[2]["connectedPeers"], 0);
}

#[test]
fn a_node_is_ready_once_its_peers_are_connected() {
    let b = Process::run(&[Settings::new("b").peers(&[waits_for("a").replace("of-a", "of-b")])]);
    let mut a = Process::run(&[Settings::new("a").peers(&[dials("b", b.listens("b").0)])]);
    let ready = a.wait_for("connector_ready");
    assert_eq!(ready["connectedPeers"], 1);
    assert_eq!(a.all("btp_connected").len(), 1, "{}", a.show());
}

#[test]
fn a_btp_port_in_use_ends_the_start_and_names_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut node = Process::spawn(run_command(&[
        Settings::new("a").set("btpServerPort", &port.to_string())
    ]));
    let line = node.wait_for("listen_failed");
    assert_eq!(node.end().code(), Some(1));
    assert_eq!(line["level"], "error");
    let said = line["msg"].as_str().unwrap();
    for part in [
        &format!("127.0.0.1:{port}"),
        "btpServerPort, ",
        ".yaml:",
        "another program has it: stop that one or set btpServerPort or BTP_SERVER_PORT",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn an_address_that_the_machine_does_not_have_ends_the_start_and_names_the_host() {
    // kept for documentation (RFC 5737): nobody has it
    let settings = Settings::new("a").set("healthCheckHost", "192.0.2.1");
    let mut node = Process::spawn(run_command(&[settings]));
    let line = node.wait_for("listen_failed");
    assert_eq!(node.end().code(), Some(1));
    assert_eq!(line["setting"], "healthCheckHost");
    let fix = line["fix"].as_str().unwrap();
    assert!(fix.contains("HEALTH_CHECK_HOST"), "{fix}");
}

#[test]
fn a_health_port_in_use_ends_the_start_before_the_btp_port_opens() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut node = Process::spawn(run_command(&[
        Settings::new("a").set("healthCheckPort", &port.to_string())
    ]));
    let said = node.wait_for("listen_failed")["msg"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(said.contains("healthCheckPort"), "{said}");
    assert_eq!(node.end().code(), Some(1));
    assert!(node.all("connector_listening").is_empty());
}

#[test]
fn several_nodes_run_in_one_process_and_one_that_cannot_start_ends_all() {
    let mut both = Process::run(&[Settings::new("a"), Settings::new("b")]);
    for id in ["a", "b"] {
        let health = get(both.listens(id).1, "/health").json();
        assert_eq!(health["nodeId"], id);
    }
    assert_eq!(both.stop().code(), Some(0));
    assert_eq!(both.all("connector_stopped").len(), 2);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = Settings::new("b").set(
        "btpServerPort",
        &taken.local_addr().unwrap().port().to_string(),
    );
    let mut both = Process::spawn(run_command(&[Settings::new("a"), bad]));
    assert_eq!(both.wait_for("listen_failed")["nodeId"], "b");
    assert_eq!(both.end().code(), Some(1));
}

#[test]
fn a_dead_peer_stops_neither_the_node_nor_the_other_peers() {
    let dead = free_address();
    let c = Process::run(&[Settings::new("c").peers(&[waits_for("a").replace("of-a", "of-c")])]);
    let peers = [dials("b", dead), dials("c", c.listens("c").0)];
    let mut a = Process::run(&[Settings::new("a").peers(&peers)]);
    a.wait_until(
        |line| line["event"] == "btp_connected" && line["peerId"] == "c",
        "c connected",
    );
    let health = get_until(a.listens("a").1, "/health", |answer| {
        answer.json()["peersConnected"] == 1
    });
    assert_eq!(health.json()["criticalPeersDown"], serde_json::json!(["b"]));
}

#[test]
fn a_node_whose_critical_peer_is_dead_is_ready_but_unhealthy_after_its_first_tries() {
    let peer = dials("b", free_address());
    let settings = Settings::new("a").set("retryAttempts", "1").peers(&[peer]);
    let mut node = Process::spawn(run_command(&[settings]));
    let ready = node.wait_for("connector_ready");
    assert_eq!(ready["connectedPeers"], 0);
    let changed = node.wait_for("health_changed");
    assert_eq!(
        (&changed["from"], &changed["status"]),
        (&"starting".into(), &"unhealthy".into())
    );
}

#[test]
fn a_node_whose_critical_peer_never_dials_it_is_unhealthy_after_its_start_timeout() {
    let peer = waits_for("b").replace('}', ", critical: true}");
    let settings = Settings::new("a").set("startTimeout", "1ms").peers(&[peer]);
    let mut node = Process::spawn(run_command(&[settings]));
    // nobody asks /health
    assert_eq!(node.wait_for("connector_ready")["connectedPeers"], 0);
    let changed = node.wait_for("health_changed");
    let reason = "b is to dial us (it has no url) and has not";
    assert_eq!(
        (&changed["from"], &changed["status"], &changed["reason"]),
        (&"starting".into(), &"unhealthy".into(), &reason.into())
    );
    let health = get(node.listens("a").1, "/health");
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["reason"], reason);
}

#[test]
fn healthcheck_asks_the_node_of_its_settings() {
    let mut node = Process::run(&[Settings::new("a").set("healthCheckHost", "0.0.0.0")]);
    node.wait_for("connector_ready");
    let port = node.listens("a").1.port().to_string();
    let check = || {
        command(&["healthcheck"])
            .env("HEALTH_CHECK_PORT", &port)
            .output()
            .unwrap()
    };
    let well = check();
    assert_eq!(String::from_utf8_lossy(&well.stdout), "healthy\n");
    assert_eq!(well.status.code(), Some(0));
    node.stop();
    let gone = check();
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&gone.stdout).contains(&port));
}

#[test]
fn a_node_without_any_settings_listens_and_says_what_it_lacks() {
    let mut node = Process::spawn({
        let mut command = command(&["run"]);
        command
            .env("BTP_SERVER_PORT", "0")
            .env("HEALTH_CHECK_PORT", "0");
        command
    });
    node.wait_for("connector_ready");
    let warnings = node.all("config_warning");
    for variable in ["NODE_ID", "ILP_ADDRESS", "PEERS"] {
        let names = |line: &&&serde_json::Value| line["msg"].as_str().unwrap().contains(variable);
        assert_eq!(warnings.iter().filter(names).count(), 1, "{}", node.show());
    }
    assert!(warnings.iter().all(|line| line["level"] == "warn"));
}
