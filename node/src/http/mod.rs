//! The health port: what an operator and their tools ask a node.
//!
//! | path | answers |
//! |---|---|
//! | `/health` | 200 when all that is critical works, else 503; see [`health`] |
//! | `/ready` | 200 when the node takes packets, whatever its peers do; else 503 |
//! | `/live` | 200 |
//! | `/metrics` | numbers for Prometheus, see [`metrics`](crate::metrics) |
//! | `/peers` | the peers as JSON: states, books, counts; see [`peers`] |
//! | `/routes` | the routing table as JSON; `?for=ADDRESS` says which way a packet would take; see [`routes`] |
//!
//! It reads and changes nothing, needs no login and shows no secret. What a client can use up is bounded:
//! connections, headers, and the time for both directions.

pub(crate) mod health;
pub(crate) mod io;
pub(crate) mod peers;
pub(crate) mod routes;
pub(crate) mod service;
pub(crate) mod snapshot;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use ilp_runtime::{Runtime, turns};

use crate::log::node::NodeEvent;
use io::{Io, RuntimeTimer};
pub(crate) use service::App;

/// Connections at a time; more are closed without a word.
const MAX_CONNECTIONS: usize = 64;
/// For all headers of a request, and at the same time for the pause between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a request line and all headers.
const MAX_HEADER: usize = 8 << 10;
/// Pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Answers requests on `listener` for ever.
pub(crate) async fn serve<R: Runtime>(runtime: R, listener: R::Listener, app: Arc<App>) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        match runtime.arrival(&listener).await {
            Ok((arrival, remote)) => {
                // an error is of no more use to the client than the end
                if let Some(place) = Place::take(&open)
                    && let Ok(stream) = runtime.admit(arrival)
                {
                    let connection = converse(runtime.clone(), stream, remote, Arc::clone(&app));
                    runtime.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                // as at the other port: whoever connects without end must not keep the links waiting
                turns::pass().await;
            }
            Err(error) => {
                app.log(&NodeEvent::HttpAcceptFailed { error: &error });
                runtime.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One of the [`MAX_CONNECTIONS`]; free again on drop.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Self(Arc::clone(open));
        (open.fetch_add(1, Ordering::Relaxed) < MAX_CONNECTIONS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn converse<R: Runtime>(runtime: R, stream: R::Stream, remote: SocketAddr, app: Arc<App>) {
    let service = service_fn(|request| {
        let response = app.respond(&request, remote);
        async move {
            // one request a turn: whoever sends a thousand at once must not keep the links waiting
            turns::pass().await;
            Ok::<_, Infallible>(response)
        }
    });
    let timer = RuntimeTimer(runtime.clone());
    // An error is a client that went away or talks no HTTP, which hyper has answered as far as it can be.
    let _ = http1::Builder::new()
        .timer(timer)
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MAX_HEADER)
        .max_buf_size(MAX_HEADER * 2)
        .serve_connection(Io::new(runtime, stream), service)
        .await;
}
