#![forbid(unsafe_code)]
//! runtime-tokio
