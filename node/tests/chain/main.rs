//! Three connectors in a row, A → B → C: real processes with configuration files, real sockets, real signals.
//!
//! Alice pays at A, bob is paid at C. A test that fails prints the end of the log of every node it had.
#![allow(clippy::unwrap_used)]

mod chain;
#[path = "../run/client.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod client;
mod drain;
mod failures;
mod flood;
mod hostile;
#[path = "../run/link.rs"]
#[allow(dead_code)]
mod link;
mod packets;
mod path;
#[path = "../run/process.rs"]
#[allow(dead_code)]
mod process;
mod settings;
#[path = "../tools/tool.rs"]
mod tool;
mod tools;
mod wallet;
