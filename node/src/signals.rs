//! SIGTERM and SIGINT, on a thread of their own, whatever the runtime.

use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopSignal(i32);

impl StopSignal {
    /// As if SIGTERM had come.
    pub(crate) const TERM: Self = Self(SIGTERM);

    /// `SIGTERM` or `SIGINT`.
    pub(crate) const fn name(self) -> &'static str {
        if self.0 == SIGINT {
            "SIGINT"
        } else {
            "SIGTERM"
        }
    }

    /// What a process that ends by it exits with: 143 or 130.
    pub(crate) const fn exit_code(self) -> i32 {
        128 + self.0
    }
}

/// Calls `first` at the first signal, then `second` at each further one, from another thread.
///
/// From here on the signals do not end the process by themselves.
///
/// # Errors
/// When the signals cannot be taken over or no thread be started.
pub(crate) fn watch(
    first: impl FnOnce(StopSignal) + Send + 'static,
    second: impl Fn(StopSignal) + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut arriving = signals.forever().map(StopSignal);
            if let Some(signal) = arriving.next() {
                first(signal);
            }
            arriving.for_each(second);
        })?;
    Ok(())
}
