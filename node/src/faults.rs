//! Bugs on purpose, for the tests that show what becomes of this very binary (`tests/panics`). Only the feature
//! `fault-injection` compiles it.
//!
//! [`VARIABLE`] holds a word. Whoever sends bytes that begin with the word, a space and `link` makes the task of its own
//! link panic; with `connector` it panics while it has the connector, which is what a bug inside that comes to. Both
//! messages quote what was read, as those of a careless bug would. Without the variable nothing happens.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use ilp_runtime::{NodeHandle, Runtime};

/// The variable with the word.
const VARIABLE: &str = "ILP_FAULT_INJECTION";

/// What the streams of a node know.
struct Trap {
    word: Option<String>,
    node: OnceLock<NodeHandle>,
}

impl Trap {
    /// Panics if these bytes ask for it.
    fn spring(&self, read: &[u8]) {
        let Some(word) = &self.word else { return };
        let Some(rest) = read.strip_prefix(word.as_bytes()) else {
            return;
        };
        let quoted = String::from_utf8_lossy(read);
        if rest.starts_with(b" link") {
            panic!("a bug in the task of a link, on purpose: {quoted}");
        }
        if let (true, Some(node)) = (rest.starts_with(b" connector"), self.node.get()) {
            node.with(|_| -> () { panic!("a bug in the connector, on purpose: {quoted}") });
        }
    }
}

/// `R`, with such streams.
#[derive(Clone)]
pub(crate) struct Faulty<R> {
    inner: R,
    trap: Arc<Trap>,
}

impl<R> Faulty<R> {
    pub(crate) fn new(inner: R) -> Self {
        let trap = Trap {
            word: std::env::var(VARIABLE).ok(),
            node: OnceLock::new(),
        };
        Self {
            inner,
            trap: Arc::new(trap),
        }
    }

    /// Whose connector it is that panics.
    pub(crate) fn belongs_to(&self, node: &NodeHandle) {
        self.trap.node.get_or_init(|| node.clone());
    }

    fn wrap<S>(&self, stream: S) -> FaultyStream<S> {
        FaultyStream {
            inner: stream,
            trap: Arc::clone(&self.trap),
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
        self.inner.arrival(listener).await
    }

    fn admit(&self, arrival: R::Arrival) -> io::Result<Self::Stream> {
        Ok(self.wrap(self.inner.admit(arrival)?))
    }

    fn reset(&self, arrival: R::Arrival) {
        self.inner.reset(arrival);
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.inner.resolve(host, port).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        Ok(self.wrap(self.inner.connect(address).await?))
    }
}

pub(crate) struct FaultyStream<S> {
    inner: S,
    trap: Arc<Trap>,
}

impl<S: AsyncRead + Unpin> AsyncRead for FaultyStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(Ok(len)) = read {
            self.trap.spring(&buf[..len]);
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
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}
