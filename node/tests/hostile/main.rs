//! Peers and strangers that mean harm, against a real process: what they get, where it ends, and that nobody else
//! notices.
//!
//! What one machine of the conformance suite shows for every driver (garbage, oversized messages, silent sockets, links
//! that take over) is not repeated here. How long an honest peer waits beside each attack is measured in a release build
//! by `.ci/hostile`, which runs the ignored tests in `beside`.
#![cfg(target_os = "linux")] // many loopback addresses, and /proc
#![allow(clippy::unwrap_used)]

mod attacks;
mod auth;
mod beside;
#[path = "../run/client.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod client;
mod cores;
mod floods;
mod frames;
mod http;
#[path = "../run/link.rs"]
#[allow(dead_code)]
mod link;
mod node;
mod outcome;
mod packets;
#[path = "../run/process.rs"]
#[allow(dead_code)]
mod process;
mod raw;
mod sink;
mod slow;
mod witness;
