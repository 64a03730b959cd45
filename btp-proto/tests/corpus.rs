//! What the fuzzer came upon, once more: every input of the corpora of `btp_frame` and `btp_connection` (see
//! fuzz/README.md).
#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/bodies/btp_connection/mod.rs"]
mod btp_connection;
#[path = "../../fuzz/bodies/btp_frame.rs"]
mod btp_frame;
#[path = "../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../fuzz/bodies/gauge.rs"]
mod gauge;
#[path = "../../fuzz/bodies/script.rs"]
mod script;

#[test]
fn what_is_read_as_a_frame_is_written_in_its_canonical_form() {
    corpus::replay("btp_frame", btp_frame::run);
}

#[test]
fn a_connection_does_what_its_model_does() {
    corpus::replay("btp_connection", btp_connection::run);
}
