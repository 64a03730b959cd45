//! Words for the person in front of a terminal, or the script behind a pipe.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why standard output could not be written, the first time.
static UNSAID: OnceLock<io::Error> = OnceLock::new();
/// Whoever read standard output has gone.
static UNHEARD: AtomicBool = AtomicBool::new(false);

/// A line, or several, to standard output. That nobody reads them (any more) is no reason to stop.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let said = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = said {
        unsaid(error);
    }
}

/// Notes that something did not get to standard output, and why.
pub(crate) fn unsaid(error: io::Error) {
    match error.kind() {
        ErrorKind::BrokenPipe => UNHEARD.store(true, Ordering::Relaxed),
        // only the first one counts
        _ => _ = UNSAID.set(error),
    }
}

/// Whether nobody reads standard output any more, as behind `| head`: a reason to stop for what has no other use.
pub(crate) fn unheard() -> bool {
    UNHEARD.load(Ordering::Relaxed)
}

/// The exit code of a command: `code`, but never success if its words were lost, as on a disk that is full.
pub(crate) fn said_it_all(code: ExitCode) -> ExitCode {
    match UNSAID.get() {
        Some(error) if code == ExitCode::SUCCESS => {
            complain(&format!("cannot write to standard output: {error}"));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// The same to standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
