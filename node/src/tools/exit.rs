//! How tools end.

use super::args::Usage;
use crate::terminal::complain;

/// Why a tool ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ToolError {
    /// Exit code 2.
    Usage(Usage),
    /// Exit code 1. Fit for a terminal.
    Failed(String),
}

impl From<Usage> for ToolError {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

impl ToolError {
    /// Tells people about it on stderr; returns the exit code.
    pub(crate) fn report(&self, command: &str) -> u8 {
        match self {
            Self::Usage(Usage(text)) => {
                complain(&format!(
                    "error: {text}\n\nFor more information, try 'ilp-connector {command} --help'."
                ));
                USAGE
            }
            Self::Failed(text) => {
                complain(&format!("{command}: {text}"));
                FAILED
            }
        }
    }
}

/// All went well.
pub(crate) const OK: u8 = 0;
/// It did not.
pub(crate) const FAILED: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// Ctrl-C, as a shell would report it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Bytes that nobody can guess.
///
/// # Errors
/// When the operating system has none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], ToolError> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(ToolError::Failed(format!("no random numbers: {error}"))),
    }
}

/// A variable of the environment, if it is text.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
