//! The suite of all runtimes, on smol.
#![allow(clippy::unwrap_used)]

use std::future::Future;

use ilp_runtime_smol::SmolRuntime;

#[path = "../../runtime/tests/suite/mod.rs"]
mod suite;

fn on_smol<F: Future<Output = ()>>(test: impl FnOnce(SmolRuntime) -> F) {
    ilp_runtime_smol::run(2, test).unwrap();
}

suite::tests!(on_smol);
