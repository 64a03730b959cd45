use std::future::{Future, pending, ready};
use std::io;

use futures_lite::future::{block_on, poll_once};
use futures_lite::io::Cursor;
use ilp_router::Connector;
use log::LevelFilter;

use super::snapshot::Inspect;
use super::*;
use crate::log::NodeLog;

/// A runtime with a connection for everybody who asks, until too many were asked for.
#[derive(Clone, Default)]
struct Flood {
    accepted: Arc<AtomicUsize>,
}

/// More than anybody may take at once.
const TOO_MANY: usize = 1_000;

impl Runtime for Flood {
    type Stream = Cursor<Vec<u8>>;
    type Listener = ();
    type Arrival = Self::Stream;

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}

    async fn sleep(&self, _: Duration) {
        pending().await
    }

    fn bind(&self, _: SocketAddr) -> impl Future<Output = io::Result<()>> + Send {
        ready(Ok(()))
    }

    fn local_addr(&self, (): &()) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn arrival(&self, (): &()) -> io::Result<(Self::Stream, SocketAddr)> {
        if self.accepted.fetch_add(1, Ordering::Relaxed) >= TOO_MANY {
            pending::<()>().await;
        }
        Ok((Cursor::default(), SocketAddr::from(([127, 0, 0, 1], 1))))
    }

    fn admit(&self, arrival: Self::Stream) -> io::Result<Self::Stream> {
        Ok(arrival)
    }

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        pending().await
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<Self::Stream> {
        pending().await
    }
}

/// Nobody asks.
struct NoConnector;

impl Inspect for NoConnector {
    fn inspect(&self, _: &mut dyn FnMut(&Connector)) {
        panic!("nobody asks for it");
    }
}

#[test]
fn a_flood_of_connections_is_accepted_one_a_turn() {
    let log = NodeLog::new("a", LevelFilter::Off, false);
    let patience = health::Patience {
        tries: 1,
        time: Duration::MAX,
    };
    let app = Arc::new(App::new("a", Box::new(NoConnector), patience, log));
    let runtime = Flood::default();
    let mut serving = std::pin::pin!(serve(runtime.clone(), (), app));
    for turn in 1..=3 {
        block_on(poll_once(&mut serving));
        assert_eq!(runtime.accepted.load(Ordering::Relaxed), turn);
    }
}
