//! A chain of a node on tokio, one on smol and one on threads, in each order.

use std::future::Future;

use ilp_runtime_smol::SmolRuntime;
use ilp_runtime_tokio::TokioRuntime;

use crate::suite::bounded;
use crate::suite::chain::{Chain, carry_traffic};
use crate::threads::Threads;

/// Runs a test beside both executors; its peers are on smol.
fn run<F: Future<Output = ()>>(test: impl FnOnce(TokioRuntime, SmolRuntime) -> F) {
    // this thread belongs to both, and the workers of tokio go on while smol has it
    ilp_runtime_tokio::run(1, |tokio| async move {
        ilp_runtime_smol::run(1, |smol| bounded(smol, |smol| test(tokio, smol))).unwrap();
    })
    .unwrap();
}

/// A test for each order of the drivers of nodes a, b and c.
macro_rules! orders {
    ($tokio:ident, $smol:ident, $threads:ident: $($name:ident: $a:ident, $b:ident, $c:ident;)*) => {
        $(
            #[test]
            fn $name() {
                run(|$tokio, $smol| async move {
                    let $threads = Threads($smol.clone());
                    let chain = Chain { a: &$a, b: &$b, c: &$c };
                    carry_traffic(chain, &$smol).await;
                });
            }
        )*
    };
}

orders! { tokio, smol, threads:
    from_tokio_through_smol_to_threads: tokio, smol, threads;
    from_tokio_through_threads_to_smol: tokio, threads, smol;
    from_smol_through_tokio_to_threads: smol, tokio, threads;
    from_smol_through_threads_to_tokio: smol, threads, tokio;
    from_threads_through_tokio_to_smol: threads, tokio, smol;
    from_threads_through_smol_to_tokio: threads, smol, tokio;
}
