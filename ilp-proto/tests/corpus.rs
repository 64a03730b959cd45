//! What the fuzzer came upon, once more: every input of the corpora of `oer`, `address` and `ilp_packet` (see
//! fuzz/README.md).
#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/bodies/address.rs"]
mod address;
#[path = "../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../fuzz/bodies/gauge.rs"]
mod gauge;
#[path = "../../fuzz/bodies/ilp_packet.rs"]
mod ilp_packet;
#[path = "../../fuzz/bodies/oer.rs"]
mod oer;
#[path = "../../fuzz/bodies/script.rs"]
mod script;

#[test]
fn what_is_read_as_oer_is_written_the_same() {
    corpus::replay("oer", oer::run);
}

#[test]
fn addresses_are_what_the_rfc_says() {
    corpus::replay("address", address::run);
}

#[test]
fn what_is_read_as_a_packet_is_written_in_its_canonical_form() {
    corpus::replay("ilp_packet", ilp_packet::run);
}
