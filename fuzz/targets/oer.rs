#![no_main]
#[path = "../bodies/oer.rs"]
mod body;
#[path = "../bodies/gauge.rs"]
mod gauge;
#[path = "../bodies/script.rs"]
mod script;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
