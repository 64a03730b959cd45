#![no_main]
#[path = "../bodies/connector/mod.rs"]
mod body;
#[path = "../bodies/script.rs"]
mod script;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
