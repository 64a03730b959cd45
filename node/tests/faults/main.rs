//! What goes wrong around a node: no file descriptors, no log, no names, a clock that jumps, a process that freezes.
//!
//! Panics are in `../panics` and, for each driver, in `conformance`; logs that are closed or blocked later on in
//! `../run/logs.rs`, frozen neighbours in `../chain/links.rs`.
//!
//! Some of it needs what a machine may not have (`libfaketime`, mount namespaces, port 53). Such a test says that it is
//! skipped, and fails instead with `ILP_TEST_NO_SKIP=1`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "../run/client.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod client;
mod clock;
mod descriptors;
mod dns;
mod freeze;
#[path = "../run/link.rs"]
#[allow(dead_code)]
mod link;
mod log;
mod names;
#[path = "../hostile/node.rs"]
#[allow(dead_code)]
mod node;
#[path = "../run/process.rs"]
#[allow(dead_code)]
mod process;

/// Says why a test cannot be run here.
fn skip(why: &str) {
    let strict = std::env::var_os("ILP_TEST_NO_SKIP").is_some();
    assert!(!strict, "skipped, which ILP_TEST_NO_SKIP forbids: {why}");
    eprintln!("SKIPPED: {why}");
}
