//! The node that is attacked, with two honest peers.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value as Json;

use crate::client::{get, get_until};
use crate::link::Link;
use crate::process::{Process, Settings, waits_for};

/// Packets from anybody to bob, or to mallory.
const ROUTES: &str = "[{prefix: test.bob, nextHop: bob}, {prefix: test.mallory, nextHop: mallory}]";

pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) btp: SocketAddr,
    pub(crate) http: SocketAddr,
}

/// Settings of a node that waits for alice, bob and mallory.
pub(crate) fn settings() -> Settings {
    Settings::new("a")
        .peers(&["alice", "bob", "mallory"].map(waits_for))
        .set("routes", ROUTES)
}

impl Node {
    pub(crate) fn start(settings: Settings) -> Self {
        let process = Process::run(&[settings]);
        let (btp, http) = process.listens("a");
        Self { process, btp, http }
    }

    pub(crate) fn link(&self, user: &str) -> Link {
        Link::dial(self.btp, user)
    }

    pub(crate) fn honest(&self) -> Honest {
        Honest {
            alice: self.link("alice"),
            bob: self.link("bob"),
        }
    }

    /// A sample of `/metrics`.
    pub(crate) fn metric(&self, series: &str) -> i64 {
        read(&get(self.http, "/metrics").body, series)
    }

    /// Waits until a sample is as wanted.
    pub(crate) fn wait_metric(&self, series: &str, wanted: impl Fn(i64) -> bool) {
        get_until(self.http, "/metrics", |answer| {
            wanted(read(&answer.body, series))
        });
    }

    /// Waits for a line about mallory.
    pub(crate) fn wait_about_mallory(&mut self, event: &str) -> Json {
        self.process.wait_until(
            |line| line["event"] == event && line["peerId"] == "mallory",
            event,
        )
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<u64>().unwrap() << 10
    }
}

/// Gauges are written like `7.0`; all that are asked for here are whole.
fn read(metrics: &str, series: &str) -> i64 {
    let sample = metrics
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let sample = sample.unwrap_or_else(|| panic!("no {series} in {metrics}"));
    sample.parse::<f64>().unwrap() as i64
}

/// Alice, who pays bob.
pub(crate) struct Honest {
    pub(crate) alice: Link,
    pub(crate) bob: Link,
}

impl Honest {
    /// One packet there, and its fulfilment back.
    pub(crate) fn pay(&mut self) {
        self.alice.prepare("test.bob", 7, Duration::from_secs(30));
        self.bob.fulfill();
        assert_eq!(self.alice.outcome(), "fulfilled");
    }
}
