//! What must hold on every runtime, over real sockets: written once in `suite/`, run here on each.
//!
//! - [`tokio`] and [`smol`] run all of it;
//! - [`threads`], the blocking driver of the router's example, runs what is about a node rather than about
//!   [`ilp_runtime`]: it has neither TLS nor a client;
//! - [`mixed`] chains the three.
//!
//! Another [`Runtime`](ilp_runtime::Runtime) joins with a module like [`tokio`]; a node that is driven in some other way
//! implements [`Driver`](suite::driver::Driver), as [`threads`] does.
//!
//! Tests bind port 0 and wait for events, never for time to pass; [`bounded`](suite::bounded) fails what waits for ever.
#![allow(clippy::unwrap_used)]

mod mixed;
mod suite;
mod threads;

mod tokio {
    use std::future::Future;

    use ilp_runtime_tokio::TokioRuntime;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(TokioRuntime) -> F) {
        ilp_runtime_tokio::run(2, test).unwrap();
    }

    crate::suite::node_tests!(run);
    crate::suite::runtime_tests!(run);
    crate::suite::tls_tests!(run);
}

mod smol {
    use std::future::Future;

    use ilp_runtime_smol::SmolRuntime;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(SmolRuntime) -> F) {
        ilp_runtime_smol::run(2, test).unwrap();
    }

    crate::suite::node_tests!(run);
    crate::suite::runtime_tests!(run);
    crate::suite::tls_tests!(run);
}
