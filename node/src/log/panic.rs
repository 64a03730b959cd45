//! A panic becomes one line of the log.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;
use std::thread;
use std::time::Duration;

use super::node::NodeEvent;
use super::{NodeLog, SINK, flush};

/// Messages with values in them that are lengths and positions, never data.
const HARMLESS: [&str; 4] = [
    "index out of bounds: ",
    "range start index ",
    "range end index ",
    "slice index starts at ",
];

/// Logs every panic of the process as ERROR, and waits for the line to be written: the process may be about to abort.
pub(crate) fn install() {
    panic::set_hook(Box::new(|info| {
        let Some(sink) = SINK.get() else { return };
        let thread = thread::current();
        // The writer cannot wait for itself.
        let patience = if thread.name() == Some("log") {
            Duration::ZERO
        } else {
            Duration::from_secs(1)
        };
        let trace = Backtrace::capture();
        let trace = match trace.status() {
            BacktraceStatus::Captured => trace.to_string(),
            _ => String::new(),
        };
        let place: &dyn std::fmt::Display = match info.location() {
            Some(location) => location,
            None => &"unknown",
        };
        let log = NodeLog::new(
            sink.node_id.as_deref().unwrap_or_default(),
            log::LevelFilter::Error,
            false,
        );
        let event = NodeEvent::Panic {
            thread: thread.name().unwrap_or("unnamed"),
            place,
            message: message(info.payload()),
            trace: &trace,
        };
        event.describe(&mut |line| log.write(&line));
        flush(patience);
    }));
}

/// What a panic says, if it cannot quote data: a constant, or one of the standard library's about lengths.
fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return text;
    }
    match payload.downcast_ref::<String>() {
        Some(text) if HARMLESS.iter().any(|start| text.starts_with(start)) => text,
        _ => "(its message may quote data and is not shown)",
    }
}
