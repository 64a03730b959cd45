//! What hyper needs of a runtime: a stream, and a timer.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{ReadBufCursor, Sleep, Timer};
use ilp_runtime::Runtime;

/// A stream of a runtime as hyper's. A reader that takes nothing for [`Io::STALL`] is cut off.
pub(crate) struct Io<R: Runtime> {
    stream: R::Stream,
    timer: RuntimeTimer<R>,
    stalled: Option<Pin<Box<dyn Sleep>>>,
    /// Where bytes stop over on the way into hyper's buffer, which may hold none yet.
    stopover: Box<[u8; 4096]>,
}

impl<R: Runtime> Io<R> {
    /// How long a client may leave an answer unread without any progress.
    pub(crate) const STALL: Duration = Duration::from_secs(10);

    pub(crate) fn new(runtime: R, stream: R::Stream) -> Self {
        Self {
            stream,
            timer: RuntimeTimer(runtime),
            stalled: None,
            stopover: Box::new([0; 4096]),
        }
    }
}

/// Nothing in here is pinned in place.
impl<R: Runtime> Unpin for Io<R> {}

impl<R: Runtime> hyper::rt::Read for Io<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = buf.remaining().min(this.stopover.len());
        let stopover = &mut this.stopover[..room];
        let read = ready!(Pin::new(&mut this.stream).poll_read(cx, stopover))?;
        buf.put_slice(&stopover[..read]);
        Poll::Ready(Ok(()))
    }
}

impl<R: Runtime> hyper::rt::Write for Io<R> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Poll::Ready(written) = Pin::new(&mut this.stream).poll_write(cx, bytes) {
            this.stalled = None;
            return Poll::Ready(written);
        }
        let stalled = this
            .stalled
            .get_or_insert_with(|| this.timer.sleep(Self::STALL));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

/// The runtime's sleep as hyper's timer.
#[derive(Clone)]
pub(crate) struct RuntimeTimer<R>(pub(crate) R);

impl<R: Runtime> Timer for RuntimeTimer<R> {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let runtime = self.0.clone();
        Box::pin(Nap(Mutex::new(Box::pin(async move {
            runtime.sleep(duration).await
        }))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

/// The mutex makes it `Sync`, which hyper asks for; it is never locked.
struct Nap(Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let nap = self
            .get_mut()
            .0
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        nap.as_mut().poll(cx)
    }
}

impl Sleep for Nap {}
