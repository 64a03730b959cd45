#![no_main]
#[path = "../bodies/btp_frame.rs"]
mod body;
#[path = "../bodies/gauge.rs"]
mod gauge;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
