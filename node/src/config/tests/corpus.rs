//! What the fuzzer came upon, once more (see fuzz/README.md).

#[path = "../../../../fuzz/bodies/corpus.rs"]
mod replay;

use super::*;

#[test]
fn any_file_and_environment_give_a_node_or_problems_and_no_secret() {
    replay::replay("config", fuzz::run);
}
