//! Three connectors in a row, A → B → C: real processes with configuration files, real sockets, real signals.
//!
//! Alice pays at A, bob is paid at C. A test that fails prints the end of the log of every node it had.
#![allow(clippy::unwrap_used)]

mod chain;
#[path = "../run/client.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod client;

mod failures;
mod flood;
mod hostile;
#[path = "../run/link.rs"]
#[allow(dead_code)]
mod link;
mod links;
mod load;
mod packets;
mod path;
#[path = "../run/process.rs"]
#[allow(dead_code)]
mod process;
mod proxy;
mod settings;
#[path = "../tools/tool.rs"]
mod tool;
mod tools;
mod wallet;
