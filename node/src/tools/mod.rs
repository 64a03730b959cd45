//! `send`, `receive` and `ping`: clients of any BTP server, ours or not.
//!
//! | file | holds |
//! |---|---|
//! | [`args`] | what the command line says |
//! | [`attach`] | a link to the server, and our address there |
//! | [`fulfilment`] | how sender and receiver agree on locks and keys |
//! | [`judge`] | what a receiver fulfils |
//! | [`load`] | many packets, so many at a time |
//! | [`send`](mod@send), [`receive`](mod@receive), [`ping`](mod@ping) | the tools |
//! | [`stats`], [`text`], [`progress`], [`exit`] | what people see |
//!
//! A tool is a thread that decides and prints, and tasks that tell it over a channel what happened; so it needs
//! no more of a runtime than [`Runtime`](ilp_runtime::Runtime) has.

pub(crate) mod args;
pub(crate) mod attach;
pub(crate) mod exit;
pub(crate) mod fulfilment;
pub(crate) mod judge;
pub(crate) mod load;
mod ping;
pub(crate) mod progress;
mod receive;
mod send;
pub(crate) mod stats;
pub(crate) mod text;

use std::process::ExitCode;

use ilp_runtime_tokio::TokioRuntime;

use args::{PingArgs, ReceiveArgs, SendArgs};
use exit::FAILED;

use crate::terminal;

/// Runs `send`.
pub(crate) fn send(args: SendArgs) -> ExitCode {
    on_runtime(|runtime| send::send(runtime, args))
}

/// Runs `receive`.
pub(crate) fn receive(args: ReceiveArgs) -> ExitCode {
    on_runtime(|runtime| receive::receive(runtime, args))
}

/// Runs `ping`.
pub(crate) fn ping(args: PingArgs) -> ExitCode {
    on_runtime(|runtime| ping::ping(runtime, args))
}

/// Runs `tool` on this thread, beside an executor; it returns what to exit with.
pub(crate) fn on_runtime(tool: impl FnOnce(&TokioRuntime) -> u8) -> ExitCode {
    // tasks run on worker threads, so that the tool may block this one
    let code = ilp_runtime_tokio::run(0, |runtime| async move { tool(&runtime) });
    code.unwrap_or_else(|error| {
        terminal::complain(&format!("cannot start the runtime: {error}"));
        FAILED
    })
    .into()
}
