//! The suite of all runtimes, on tokio.
#![allow(clippy::unwrap_used)]

use std::future::Future;

use ilp_runtime_tokio::TokioRuntime;

#[path = "../../runtime/tests/suite/mod.rs"]
mod suite;
#[path = "../../runtime/tests/suite/tls/mod.rs"]
mod tls;

fn on_tokio<F: Future<Output = ()>>(test: impl FnOnce(TokioRuntime) -> F) {
    ilp_runtime_tokio::run(2, test).unwrap();
}

suite::tests!(on_tokio);
tls::tls_tests!(on_tokio);
