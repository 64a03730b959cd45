//! A bar on the screen while packets fly; nothing where nobody looks.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::terminal::complain;

const TEMPLATE: &str = "  [{bar:40}] {human_pos}/{human_len}  {rate}  {eta} left";

/// The progress of so many packets. Gone from the screen when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    pace: Duration,
}

impl Progress {
    /// A bar of `count` packets on stderr, if that is a terminal.
    pub(crate) fn new(count: u64) -> Self {
        let (bar, pace) = if io::stderr().is_terminal() {
            (ProgressBar::new(count), Duration::from_millis(50))
        } else {
            (ProgressBar::hidden(), Duration::from_secs(1))
        };
        let style = ProgressStyle::with_template(TEMPLATE);
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // a bar that cannot be drawn is nobody's loss
            let _ = write!(out, "{:.0}/s", state.per_sec());
        };
        // the template is tested, and the default would do as well
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ")
                .with_key("rate", rate),
        );
        Self { bar, pace }
    }

    /// So many are done.
    pub(crate) fn set(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// A line on stderr, above the bar.
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| complain(line));
    }

    /// How often it is worth to [`set`](Self::set) it.
    pub(crate) const fn pace(&self) -> Duration {
        self.pace
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_good() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
