//! Words for the person in front of a terminal, or the script behind a pipe.

use std::io::{self, Write};

/// A line, or several, to standard output. That nobody reads them (any more) is no reason to stop.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// The same to standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
