//! Which build of the program this is.

use std::sync::LazyLock;

/// The commit that whoever builds the program says it is built from; the container image does.
const REVISION: Option<&str> = option_env!("ILP_CONNECTOR_REVISION");

/// What `--version` prints behind the name: `0.1.0`, or `0.1.0 (1a2b3c…)` if the commit is known.
pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| of(env!("CARGO_PKG_VERSION"), REVISION.unwrap_or_default()));
    &TEXT
}

fn of(version: &str, revision: &str) -> String {
    if revision.is_empty() {
        version.to_owned()
    } else {
        format!("{version} ({revision})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_commit_is_named() {
        assert_eq!(of("0.1.0", "1a2b3c"), "0.1.0 (1a2b3c)");
    }

    #[test]
    fn a_build_from_no_known_commit_has_the_version_alone() {
        assert_eq!(of("0.1.0", ""), "0.1.0");
    }
}
