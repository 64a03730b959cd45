#![forbid(unsafe_code)]
//! The binary.
fn main() {}
