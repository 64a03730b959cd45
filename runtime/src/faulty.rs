//! A runtime around another one whose sockets fail as a test wants it. With the feature `test-util` only.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};

use crate::Runtime;

/// What goes wrong. Clones share whatever they count.
pub trait Faults: Clone + Send + Sync + Unpin + 'static {
    /// Asked before each connection that is accepted.
    ///
    /// # Errors
    /// What the listener fails with, instead of accepting.
    fn accept(&self) -> io::Result<()> {
        Ok(())
    }

    /// Told what a stream has read, in the task that reads it. May panic, as a bug there would.
    fn read(&self, bytes: &[u8]);
}

/// `R`, but for the faults `F`.
#[derive(Clone, Debug)]
pub struct Faulty<R, F> {
    inner: R,
    faults: F,
}

impl<R, F: Faults> Faulty<R, F> {
    /// Puts `faults` between `inner` and who uses it.
    pub const fn new(inner: R, faults: F) -> Self {
        Self { inner, faults }
    }

    fn wrap<S>(&self, inner: S) -> FaultyStream<S, F> {
        FaultyStream {
            inner,
            faults: self.faults.clone(),
        }
    }
}

impl<R: Runtime, F: Faults> Runtime for Faulty<R, F> {
    type Stream = FaultyStream<R::Stream, F>;
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
        self.faults.accept()?;
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

/// A stream of such a runtime.
#[derive(Debug)]
pub struct FaultyStream<S, F> {
    inner: S,
    faults: F,
}

impl<S: AsyncRead + Unpin, F: Faults> AsyncRead for FaultyStream<S, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(Ok(len)) = read {
            self.faults.read(&buf[..len]);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin, F: Faults> AsyncWrite for FaultyStream<S, F> {
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
