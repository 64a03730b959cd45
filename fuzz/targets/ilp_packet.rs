#![no_main]
#[path = "../bodies/ilp_packet.rs"]
mod body;
#[path = "../bodies/gauge.rs"]
mod gauge;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
