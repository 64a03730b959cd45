//! A wall clock that is stepped by an hour while packets flow.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::link::Link;
use crate::node::{Honest, settings};
use crate::process::{Process, run_command};
use crate::skip;

const LONG: Duration = Duration::from_secs(60);

/// The library that shows a process another time.
fn library() -> Option<PathBuf> {
    let dirs = fs::read_dir("/usr/lib").ok()?.flatten();
    let dirs = dirs.map(|dir| dir.path()).chain(["/usr/lib".into()]);
    dirs.map(|dir| dir.join("faketime/libfaketimeMT.so.1"))
        .find(|file| file.exists())
}

/// A node whose clock is off by what a file says.
struct Stepped {
    node: Process,
    offset: PathBuf,
    honest: Honest,
}

impl Stepped {
    fn start(library: &Path, name: &str) -> Self {
        let offset = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("clock-{}-{name}", std::process::id()));
        fs::write(&offset, "+0s\n").unwrap();
        let mut command: Command = run_command(&[settings()]);
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
        let mut node = Process::spawn(command);
        node.wait_for("connector_listening");
        let (btp, _) = node.listens("a");
        let honest = Honest {
            alice: Link::dial(btp, "alice"),
            bob: Link::dial(btp, "bob"),
        };
        Self {
            node,
            offset,
            honest,
        }
    }

    /// Sets the clock off by this; the node sees it when it next looks.
    fn step(&self, offset: &str) {
        fs::write(&self.offset, format!("{offset}\n")).unwrap();
    }

    fn links_have_held(&self) {
        assert!(self.node.all("btp_disconnect").is_empty());
    }
}

/// A step of an hour there and back, with packets in flight.
fn step(offset: &str, meanwhile: &str) {
    let Some(library) = library() else {
        return skip("libfaketime is not installed (Debian: faketime)");
    };
    let mut it = Stepped::start(&library, meanwhile);
    it.honest.pay();
    // One that is answered after the step, one that is not.
    it.honest.alice.prepare("test.bob", 7, LONG);
    let (first, _) = it.honest.bob.packet();
    let began = Instant::now();
    it.honest
        .alice
        .prepare("test.bob", 7, Duration::from_secs(3));
    it.honest.bob.packet();

    it.step(offset);
    it.honest.bob.fulfill_as(first);
    assert_eq!(it.honest.alice.outcome(), "fulfilled", "it had a minute");
    // its hop was given the margin of a second less
    assert_eq!(it.honest.alice.outcome(), "R00", "it had three seconds");
    let took = began.elapsed();
    let limits = Duration::from_millis(1_500)..Duration::from_secs(10);
    assert!(limits.contains(&took), "{took:?}");

    // What comes now is judged by the clock that is wrong.
    it.honest.alice.prepare("test.bob", 7, LONG);
    if meanwhile == "fulfilled" {
        it.honest.bob.fulfill();
    }
    assert_eq!(it.honest.alice.outcome(), meanwhile);

    it.step("+0s");
    it.honest.pay();
    it.links_have_held();
    assert!(it.node.stop().success());
    it.links_have_held_until_the_end();
}

impl Stepped {
    /// The log is read by now: links ended with the node, not before.
    fn links_have_held_until_the_end(&self) {
        let at = |event: &str| self.node.log.iter().position(|line| line["event"] == event);
        let stopping = at("connector_draining").unwrap();
        assert!(at("btp_disconnect").is_none_or(|lost| lost > stopping));
    }
}

#[test]
fn a_clock_that_jumps_ahead_expires_new_packets_but_none_in_flight() {
    step("+3600s", "R00");
}

#[test]
fn a_clock_that_jumps_back_changes_nothing_for_packets_in_flight_and_lets_others_pass() {
    step("-3600s", "fulfilled");
}
