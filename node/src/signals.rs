//! SIGTERM, SIGINT and SIGHUP, on a thread of their own, whatever the runtime.

use std::fs;
use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopSignal(i32);

impl StopSignal {
    /// As if SIGTERM had come.
    pub(crate) const TERM: Self = Self(SIGTERM);

    /// `SIGTERM`, `SIGINT` or `SIGHUP`.
    pub(crate) const fn name(self) -> &'static str {
        match self.0 {
            SIGINT => "SIGINT",
            SIGHUP => "SIGHUP",
            _ => "SIGTERM",
        }
    }

    /// What a process that ends by it exits with: 143, 130 or 129.
    pub(crate) const fn exit_code(self) -> i32 {
        128 + self.0
    }
}

/// Calls `first` at the first signal, then `second` at each further one, from another thread.
///
/// From here on the signals do not end the process by themselves. A terminal that closes sends SIGHUP, often twice, so that
/// one is never a further one; if whoever started the process wants it ignored (`nohup`), it stays so.
///
/// # Errors
/// When the signals cannot be taken over or no thread be started.
pub(crate) fn watch(
    first: impl FnOnce(StopSignal) + Send + 'static,
    second: impl Fn(StopSignal) + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    if !hangup_is_ignored() {
        signals.add_signal(SIGHUP)?;
    }
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut arriving = signals.forever().map(StopSignal);
            if let Some(signal) = arriving.next() {
                first(signal);
            }
            arriving
                .filter(|signal| signal.0 != SIGHUP)
                .for_each(second);
        })?;
    Ok(())
}

/// Whether the process was started with SIGHUP ignored, or nobody can tell, which is for Linux to say.
fn hangup_is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut ignored = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.find_map(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}
