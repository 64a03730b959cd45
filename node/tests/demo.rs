//! The demo as a newcomer runs it.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

fn demo(count: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilp-connector"));
    command
        .args(["demo", "--count", count, "--in-flight", "16"])
        .env_clear()
        .stdin(Stdio::null());
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(demo: Child) -> String {
    let output = demo.wait_with_output().unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(err, "", "no log lines, no progress bar without a terminal");
    out
}

#[test]
fn the_demo_shows_what_it_promises() {
    let out = end(demo("300"));
    for line in [
        "  fulfilled  300\n",
        "  receiver  c         100  ",
        "  rejected: F02 Unreachable by test.b: ",
        "  rejected: T01 Peer Unreachable by test.b: ",
        "All of it held",
        "What to try next:",
    ] {
        assert!(out.contains(line), "{line:?} is missing in\n{out}");
    }
    assert!(!out.contains('\u{1b}'), "plain without a terminal");
}

#[test]
fn two_demos_run_side_by_side() {
    let both = [demo("100"), demo("100")];
    for demo in both {
        assert!(end(demo).contains("  fulfilled  100\n"));
    }
}

#[test]
fn ctrl_c_ends_the_demo_with_a_word() {
    let mut demo = demo("1000000");
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("1. 1,000,000 packets") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended");
    }
    let kill = format!("kill -INT {}", demo.id());
    let killed = Command::new("sh").arg("-c").arg(kill).status().unwrap();
    assert!(killed.success());
    let ended = demo.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert_eq!(ended.stderr, b"demo: stopped by SIGINT\n");
}
