//! What the fuzzer came upon, once more: every input of the corpora of `routing_table` and `connector` (see
//! fuzz/README.md).
#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/bodies/connector/mod.rs"]
mod connector;
#[path = "../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../fuzz/bodies/routing_table.rs"]
mod routing_table;
#[path = "../../fuzz/bodies/script.rs"]
mod script;

#[test]
fn a_table_finds_what_a_list_finds() {
    corpus::replay("routing_table", routing_table::run);
}

#[test]
fn a_node_keeps_to_its_books_whatever_its_peers_do() {
    corpus::replay("connector", connector::run);
}
