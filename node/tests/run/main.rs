//! The binary as an operator runs it: real processes, real sockets, real signals.
#![allow(clippy::unwrap_used)]

mod client;
mod http;
mod link;
mod logs;
mod process;
mod signals;
mod start;
