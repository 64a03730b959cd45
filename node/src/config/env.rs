//! The environment of the process, as a value that tests can write.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Environment variables and the host name.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    vars: BTreeMap<String, OsString>,
    host_name: String,
}

/// A variable that holds something other than text.
pub(crate) struct NotText;

impl Environment {
    /// That of this process.
    pub(crate) fn of_process() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self {
            vars: std::env::vars_os().filter_map(named).collect(),
            host_name: gethostname::gethostname().to_string_lossy().into_owned(),
        }
    }

    /// One for a test.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn with(host_name: &str, vars: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.into());
        Self {
            vars: vars.iter().map(owned).collect(),
            host_name: host_name.to_owned(),
        }
    }

    /// Sets a variable to any bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn set_for_test(&mut self, name: &str, value: OsString) {
        self.vars.insert(name.to_owned(), value);
    }

    /// The value of a variable. An empty one counts as unset: that is what compose files make of a
    /// variable that nobody set.
    pub(crate) fn get(&self, name: &str) -> Option<Result<&str, NotText>> {
        let value = self.vars.get(name).filter(|value| !value.is_empty())?;
        Some(value.to_str().ok_or(NotText))
    }

    /// The names of the variables that begin with `prefix` and are set.
    pub(crate) fn names<'e>(&'e self, prefix: &'e str) -> impl Iterator<Item = &'e str> {
        let set = self.vars.iter().filter(|(_, value)| !value.is_empty());
        set.map(|(name, _)| name.as_str())
            .filter(move |name| name.starts_with(prefix))
    }

    /// The name of this machine.
    pub(crate) fn host_name(&self) -> &str {
        &self.host_name
    }
}
