#![no_main]
// The binary has no library, so its configuration is compiled once more, as a part of this target.
#[allow(
    dead_code,
    unused_imports,
    reason = "the target takes less of it than the binary"
)]
#[path = "../../node/src/config/mod.rs"]
mod config;

libfuzzer_sys::fuzz_target!(|input: &[u8]| config::fuzz::run(input));
