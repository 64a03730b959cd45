//! Nowhere to write the log.

use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::client::{get, get_until};
use crate::link::Link;
use crate::node::{Honest, settings};
use crate::process::{Process, own_address};

/// Starts the node with `stderr` as the shell writes it; says nothing, so its ports are chosen here.
fn without_a_log(stderr: &str, check: impl FnOnce(std::net::SocketAddr, &mut Honest)) {
    let (btp, http) = (own_address(), own_address());
    let settings = settings()
        .set("logLevel", "debug")
        .set("btpServerHost", &btp.ip().to_string())
        .set("healthCheckHost", &http.ip().to_string())
        .set("btpServerPort", &btp.port().to_string())
        .set("healthCheckPort", &http.port().to_string());
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec \"$0\" run --config \"$1\" {stderr}")])
        .arg(env!("CARGO_BIN_EXE_ilp-connector"))
        .arg(settings.file())
        .env_clear()
        .stdin(Stdio::null());
    if let Some(runtime) = std::env::var_os("ILP_RUNTIME") {
        command.env("ILP_RUNTIME", runtime);
    }
    let mut node = Process::spawn(command);
    for address in [http, btp] {
        while TcpStream::connect(address).is_err() {
            std::thread::yield_now();
        }
    }
    let mut honest = Honest {
        alice: Link::dial(btp, "alice"),
        bob: Link::dial(btp, "bob"),
    };
    // What was meant for the log is in no socket, or these would not be understood.
    for _ in 0..20 {
        honest.pay();
        assert_eq!(get(http, "/health").status, 200);
    }
    check(http, &mut honest);
    drop(honest);
    node.signal("TERM");
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn a_node_that_is_started_without_a_stderr_works_and_writes_its_log_into_no_socket() {
    without_a_log("2>&-", |_, _| {});
}

#[test]
fn a_log_on_a_full_disk_stops_nothing_and_is_counted() {
    without_a_log("2>/dev/full", |http, honest| {
        get_until(http, "/metrics", |answer| {
            !answer.body.contains("{why=\"unwritable\"} 0")
        });
        honest.pay();
    });
}
