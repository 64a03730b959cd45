use std::future::{pending, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::future::{block_on, poll_once};
use futures_lite::io::Cursor;
use ilp_router::config::Config;
use ilp_router::{Connector, Event};

use super::*;
use crate::Clock;
use crate::hub::Hub;
use crate::reception;
use crate::tls::{Tls, TlsOptions};

/// A runtime to which so many connect, and which counts what becomes of them.
#[derive(Clone, Default)]
struct Crowd(Arc<Counts>);

#[derive(Default)]
struct Counts {
    still_to_come: AtomicUsize,
    admitted: AtomicUsize,
    reset: AtomicUsize,
    /// No socket can be watched.
    is_blind: bool,
}

impl Runtime for Crowd {
    type Stream = Cursor<Vec<u8>>;
    type Listener = ();
    type Arrival = ();

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {
        panic!("nobody gets as far as that");
    }

    async fn sleep(&self, _: Duration) {
        pending().await
    }

    fn bind(&self, _: SocketAddr) -> impl Future<Output = io::Result<()>> + Send {
        ready(Ok(()))
    }

    fn local_addr(&self, (): &()) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn arrival(&self, (): &()) -> io::Result<((), SocketAddr)> {
        let left = |count: usize| count.checked_sub(1);
        let order = Ordering::Relaxed;
        if self
            .0
            .still_to_come
            .fetch_update(order, order, left)
            .is_err()
        {
            pending::<()>().await;
        }
        Ok(((), SocketAddr::from(([127, 0, 0, 1], 1))))
    }

    fn admit(&self, (): ()) -> io::Result<Self::Stream> {
        self.0.admitted.fetch_add(1, Ordering::Relaxed);
        if self.0.is_blind {
            return Err(io::Error::other("too many sockets"));
        }
        Ok(Cursor::default())
    }

    fn reset(&self, (): ()) {
        self.0.reset.fetch_add(1, Ordering::Relaxed);
    }

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        pending().await
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<Self::Stream> {
        pending().await
    }
}

/// Lets `many` connect to a node with two places for strangers, and gives what became of them and the unauthenticated
/// connections that the node has left.
fn welcome(many: usize, is_blind: bool) -> (Arc<Counts>, u64) {
    let crowd = Crowd(Arc::new(Counts {
        still_to_come: AtomicUsize::new(many),
        is_blind,
        ..Counts::default()
    }));
    let mut config = Config::new("x", "test.x".parse().unwrap());
    config.limits.max_unauthenticated = 2;
    let connector = Connector::new(config, 1, Clock::now()).unwrap();
    let hub = Arc::new(Hub::new(connector, Box::new(|_: &Event| {})));
    let (tls, _) = Tls::load(&TlsOptions::new()).unwrap();
    let links = Links::new(crowd.clone(), Arc::clone(&hub), Arc::new(tls), 65_536);
    let (door, reception) = reception::open();
    let mut listening = std::pin::pin!(listen(links, (), door));
    let mut reception = std::pin::pin!(reception);
    // one connection a turn
    for _ in 0..=many {
        assert!(block_on(poll_once(&mut listening)).is_none());
    }
    assert_eq!(crowd.0.admitted.load(Ordering::Relaxed), 0);
    for _ in 0..=many {
        assert!(block_on(poll_once(&mut reception)).is_none());
    }
    let left = hub.turn(&mut Aftermath::default(), None, |turn| {
        turn.connector().stats().unauthenticated
    });
    (crowd.0, left)
}

#[test]
fn whoever_is_not_let_in_is_reset_before_the_runtime_makes_a_stream_of_it() {
    let (counts, _) = welcome(7, false);
    assert_eq!(counts.admitted.load(Ordering::Relaxed), 2);
    assert_eq!(counts.reset.load(Ordering::Relaxed), 5);
}

#[test]
fn a_connection_that_the_system_cannot_watch_gives_its_place_back() {
    let (counts, left) = welcome(2, true);
    assert_eq!(counts.admitted.load(Ordering::Relaxed), 2);
    assert_eq!(counts.reset.load(Ordering::Relaxed), 0);
    assert_eq!(left, 0);
}
