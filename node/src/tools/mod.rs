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
//! no more of a runtime than [`Runtime`] has.

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

use ilp_runtime::Runtime;

use args::{PingArgs, ReceiveArgs, SendArgs};
use exit::FAILED;

use crate::runtime::{Choice, Job};
use crate::terminal;

impl Job for SendArgs {
    type Outcome = u8;

    fn run(self, runtime: &impl Runtime) -> u8 {
        send::send(runtime, self)
    }
}

impl Job for ReceiveArgs {
    type Outcome = u8;

    fn run(self, runtime: &impl Runtime) -> u8 {
        receive::receive(runtime, self)
    }
}

impl Job for PingArgs {
    type Outcome = u8;

    fn run(self, runtime: &impl Runtime) -> u8 {
        ping::ping(runtime, self)
    }
}

/// Runs a tool on this thread, beside an executor; it returns what to exit with.
pub(crate) fn main(tool: impl Job<Outcome = u8>, on: Choice) -> ExitCode {
    let code = on.run(0, tool);
    code.unwrap_or_else(|error| {
        terminal::complain(&format!("cannot start the runtime: {error}"));
        FAILED
    })
    .into()
}
