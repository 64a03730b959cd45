//! A runtime whose sockets fail on demand, around any other.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::AsyncWriteExt;
use ilp_router::{Connector, Event};
use ilp_runtime::client::Answer;
use ilp_runtime::{Clock, Node, NodeHandle, NodeOptions, Observer, Runtime};

use super::events::Events;
use super::raw::Raw;
use super::setup::{LOCALHOST, client, config, fulfill, peer, prepare};

/// A stream that reads this makes its task panic.
const BOMB: &[u8] = b"a bug in the socket layer, on purpose";

/// `R`, but for some failures.
#[derive(Clone)]
struct Faulty<R> {
    inner: R,
    /// How many more accepts fail.
    accept_failures: Arc<AtomicUsize>,
}

impl<R> Faulty<R> {
    fn new(inner: R, accept_failures: usize) -> Self {
        Self {
            inner,
            accept_failures: Arc::new(AtomicUsize::new(accept_failures)),
        }
    }
}

impl<R: Runtime> Runtime for Faulty<R> {
    type Stream = FaultyStream<R::Stream>;
    type Listener = R::Listener;
    type Arrival = R::Arrival;

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.spawn(task);
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<R::Listener> {
        self.inner.bind(address).await
    }

    fn local_addr(&self, listener: &R::Listener) -> io::Result<SocketAddr> {
        self.inner.local_addr(listener)
    }

    async fn arrival(&self, listener: &R::Listener) -> io::Result<(R::Arrival, SocketAddr)> {
        let left = |left: usize| left.checked_sub(1);
        if self
            .accept_failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
            .is_ok()
        {
            return Err(io::Error::other("too many open files"));
        }
        self.inner.arrival(listener).await
    }

    fn admit(&self, arrival: R::Arrival) -> io::Result<Self::Stream> {
        Ok(FaultyStream(self.inner.admit(arrival)?))
    }

    fn reset(&self, arrival: R::Arrival) {
        self.inner.reset(arrival);
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.inner.resolve(host, port).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        Ok(FaultyStream(self.inner.connect(address).await?))
    }
}

struct FaultyStream<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for FaultyStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        if let Poll::Ready(Ok(len)) = read {
            assert!(
                !buf[..len].starts_with(BOMB),
                "a bug in the socket layer, on purpose"
            );
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FaultyStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

/// Keeps what is no event.
#[derive(Clone, Default)]
struct Troubles {
    events: Events,
    panics: Arc<Mutex<Vec<String>>>,
    accepts: Arc<Mutex<Vec<Duration>>>,
}

impl Observer for Troubles {
    fn event(&self, event: &Event) {
        self.events.event(event);
    }

    fn accept_failed(&self, _: &io::Error, retry_in: Duration) {
        self.accepts.lock().unwrap().push(retry_in);
    }

    fn link_panicked(&self, message: &str) {
        self.panics.lock().unwrap().push(message.into());
    }
}

async fn hub<R: Runtime>(runtime: &R, observer: impl Observer) -> NodeHandle {
    use ilp_router::config::Relation;
    let mut config = config("hub");
    config.peers = vec![peer("alice", Relation::Child), peer("bob", Relation::Child)];
    let connector = Connector::new(config, 1, Clock::now()).unwrap();
    Node::start(
        runtime.clone(),
        connector,
        NodeOptions::new(LOCALHOST),
        observer,
    )
    .await
    .unwrap()
}

async fn pays_itself<R: Runtime>(runtime: &R, node: &NodeHandle) {
    let alice = client(runtime, node.local_addr(), "alice", fulfill).await;
    let answer = alice.send(prepare("test.hub.alice", b"x")).await;
    assert!(matches!(answer, Ok(Answer::Fulfill { .. })), "{answer:?}");
}

pub async fn a_panic_in_a_links_task_ends_that_link_only<R: Runtime>(runtime: R) {
    let troubles = Troubles::default();
    let node = hub(&Faulty::new(runtime.clone(), 0), troubles.clone()).await;
    let mut bob = Raw::authenticated(&runtime, node.local_addr(), "bob").await;
    bob.socket.get_mut().write_all(BOMB).await.unwrap();
    let reason = troubles.events.disconnected("bob").await;
    assert_eq!(reason, "internal error");
    assert_eq!(bob.next().await, None, "the socket is gone");
    pays_itself(&runtime, &node).await;
    let panics = troubles.panics.lock().unwrap().clone();
    assert_eq!(panics, ["a bug in the socket layer, on purpose"]);
    node.shutdown();
    node.wait().await;
}

pub async fn failing_accepts_are_waited_out<R: Runtime>(runtime: R) {
    let troubles = Troubles::default();
    let node = hub(&Faulty::new(runtime.clone(), 2), troubles.clone()).await;
    pays_itself(&runtime, &node).await;
    let waits = troubles.accepts.lock().unwrap().clone();
    assert_eq!(
        waits,
        [Duration::from_millis(100), Duration::from_millis(200)]
    );
}

pub async fn shutdown_does_not_wait_for_a_failing_accept<R: Runtime>(runtime: R) {
    let node = hub(
        &Faulty::new(runtime.clone(), usize::MAX),
        Troubles::default(),
    )
    .await;
    node.shutdown();
    node.wait().await;
    runtime.bind(node.local_addr()).await.unwrap();
}

pub async fn a_panicking_observer_harms_nobody<R: Runtime>(runtime: R) {
    let node = hub(&runtime, |_: &Event| {
        panic!("a bug in an observer, on purpose")
    })
    .await;
    pays_itself(&runtime, &node).await;
    node.shutdown();
    node.wait().await;
}
