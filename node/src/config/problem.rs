//! What is wrong with a configuration, and where it says so.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Where a setting was written.
///
/// Printed, it is what an editor or a shell can jump to: `b.yaml:3:7`, `PEERS` or `--log-level`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    /// A place in a file. Line and column count from 1; line 0 is the file as a whole.
    File {
        /// The name it was given by.
        name: Arc<str>,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// An environment variable, or one entry of its list (counted from 1).
    Env {
        /// Its name.
        name: Arc<str>,
        /// The entry of `PEERS` and `ROUTES`.
        entry: Option<usize>,
    },
    /// A command line flag, with its dashes.
    Flag(Arc<str>),
    /// Nowhere: the built-in default.
    Default,
}

impl Origin {
    /// The file `name` as a whole.
    pub(crate) fn file(name: &Arc<str>) -> Self {
        Self::File {
            name: Arc::clone(name),
            line: 0,
            column: 0,
        }
    }

    /// The environment variable `name`.
    pub(crate) fn env(name: &str) -> Self {
        Self::Env {
            name: name.into(),
            entry: None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line: 0, .. } => f.write_str(&visible(name)),
            Self::File { name, line, column } => write!(f, "{}:{line}:{column}", visible(name)),
            Self::Env { name, entry: None } => write!(f, "environment variable {}", visible(name)),
            Self::Env {
                name,
                entry: Some(entry),
            } => write!(f, "environment variable {}, entry {entry}", visible(name)),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Default => f.write_str("configuration"),
        }
    }
}

/// A text without what a terminal would obey: names of files and variables may hold anything.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// One thing that is wrong, or that an operator should know of.
///
/// Never holds a secret: what is quoted are keys and the values of settings that may be printed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) origin: Origin,
    /// What is wrong.
    pub(crate) what: String,
    /// What was expected and how to fix it.
    pub(crate) fix: String,
}

impl Problem {
    pub(crate) fn new(origin: &Origin, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            origin: origin.clone(),
            what: visible(&what.into()),
            fix: visible(&fix.into()),
        }
    }

    /// As something that may be meant.
    pub(crate) fn as_warning(&self) -> String {
        format!("{}: warning: {}: {}", self.origin, self.what, self.fix)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.origin, self.what, self.fix)
    }
}

/// Everything that is wrong with a configuration, in the order of the files, then what may be meant. Printed, a
/// line each.
#[derive(Clone, Debug, Error)]
pub(crate) struct Problems {
    /// At least one.
    pub(crate) list: Vec<Problem>,
    /// What may be meant, and may explain the rest.
    pub(crate) warnings: Vec<Problem>,
    /// The settings may be good each, but not together on one command line.
    pub(crate) usage: bool,
}

impl Problems {
    /// What was found, sorted by place; each once.
    pub(crate) fn new(mut list: Vec<Problem>, mut warnings: Vec<Problem>) -> Self {
        for found in [&mut list, &mut warnings] {
            found.sort();
            found.dedup();
        }
        Self {
            list,
            warnings,
            usage: false,
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = self.list.iter().map(ToString::to_string);
        let warnings = self.warnings.iter().map(Problem::as_warning);
        for (n, line) in problems.chain(warnings).enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&line)?;
        }
        Ok(())
    }
}

/// A value as it may be quoted in an error: short, on one line, without control characters.
pub(crate) fn quoted(value: &str) -> String {
    const MAX: usize = 60;
    let mut shown: String = value.chars().take(MAX).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// The name among `known` that `given` was probably meant to be.
///
/// Spelling that differs in case or in `_` and `-` alone (`node_id`, `NodeId`) always counts.
pub(crate) fn near_miss<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let fold = |name: &str| -> String {
        let plain = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
        plain.flat_map(char::to_lowercase).collect()
    };
    let wanted = fold(given);
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&wanted, &fold(name)), name))
        .filter(|&(distance, name)| distance <= 1.max(name.len() / 3) && distance < wanted.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// ` (did you mean X?)`, or nothing.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    near_miss(given, known).map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}
