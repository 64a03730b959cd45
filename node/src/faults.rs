//! Bugs on purpose, for the tests that show what becomes of this very binary (`tests/panics`). Only the feature
//! `fault-injection` compiles it.
//!
//! [`VARIABLE`] holds a word. Whoever sends bytes that begin with the word, a space and `link` makes the task of its own
//! link panic; with `connector` it panics while it has the connector, which is what a bug inside that comes to. Both
//! messages quote what was read, as those of a careless bug would. Without the variable nothing happens.

use std::sync::{Arc, OnceLock};

use ilp_runtime::NodeHandle;
use ilp_runtime::faulty::Faults;

/// The variable with the word.
const VARIABLE: &str = "ILP_FAULT_INJECTION";

/// What the streams of a node know.
#[derive(Clone)]
pub(crate) struct Trap {
    word: Option<Arc<str>>,
    node: Arc<OnceLock<NodeHandle>>,
}

impl Trap {
    pub(crate) fn new() -> Self {
        Self {
            word: std::env::var(VARIABLE).ok().map(Into::into),
            node: Arc::default(),
        }
    }

    /// Whose connector it is that panics.
    pub(crate) fn belongs_to(&self, node: &NodeHandle) {
        self.node.get_or_init(|| node.clone());
    }
}

impl Faults for Trap {
    /// Panics if these bytes ask for it.
    fn read(&self, read: &[u8]) {
        let Some(word) = &self.word else { return };
        let Some(rest) = read.strip_prefix(word.as_bytes()) else {
            return;
        };
        let quoted = String::from_utf8_lossy(read);
        if rest.starts_with(b" link") {
            panic!("a bug in the task of a link, on purpose: {quoted}");
        }
        if let (true, Some(node)) = (rest.starts_with(b" connector"), self.node.get()) {
            node.with(|_| -> () { panic!("a bug in the connector, on purpose: {quoted}") });
        }
    }
}
