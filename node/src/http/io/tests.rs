use std::future::{pending, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_lite::future::{block_on, poll_once};
use hyper::rt::{Read, ReadBuf, Write};

use super::*;

/// A runtime whose clock stands still until it is told that all time has passed.
#[derive(Clone, Default)]
struct Still {
    passed: Arc<AtomicBool>,
}

/// Gives what it was made with, takes nothing while it is full.
struct Pipe {
    bytes: Vec<u8>,
    full: Arc<AtomicBool>,
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let n = buf.len().min(self.bytes.len());
        buf[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes.drain(..n);
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.full.load(Ordering::Relaxed) {
            Poll::Pending
        } else {
            Poll::Ready(Ok(buf.len()))
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Runtime for Still {
    type Stream = Pipe;
    type Listener = ();
    type Arrival = Pipe;

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {
        panic!("nothing is spawned here")
    }

    async fn sleep(&self, _: Duration) {
        if !self.passed.load(Ordering::Relaxed) {
            pending().await
        }
    }

    fn bind(&self, _: SocketAddr) -> impl Future<Output = io::Result<()>> + Send {
        ready(Ok(()))
    }

    fn local_addr(&self, (): &()) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn arrival(&self, (): &()) -> impl Future<Output = io::Result<(Pipe, SocketAddr)>> + Send {
        pending()
    }

    fn admit(&self, arrival: Pipe) -> io::Result<Pipe> {
        Ok(arrival)
    }

    fn resolve(&self, _: &str, _: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        pending()
    }

    fn connect(&self, _: SocketAddr) -> impl Future<Output = io::Result<Pipe>> + Send {
        pending()
    }
}

fn io(runtime: &Still, bytes: &[u8], full: &Arc<AtomicBool>) -> Io<Still> {
    Io::new(
        runtime.clone(),
        Pipe {
            bytes: bytes.to_vec(),
            full: Arc::clone(full),
        },
    )
}

fn write(io: &mut Io<Still>) -> Option<io::Result<usize>> {
    block_on(poll_once(std::future::poll_fn(|cx| {
        Pin::new(&mut *io).poll_write(cx, b"answer")
    })))
}

#[test]
fn what_is_read_arrives_in_order_whatever_the_buffer() {
    let sent: Vec<u8> = (0..10_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut io = io(&Still::default(), &sent, &Arc::default());
    let mut read = Vec::new();
    for size in [1, 7, 4_096, 9_000].into_iter().cycle() {
        let mut raw = vec![0; size];
        let mut buf = ReadBuf::new(&mut raw);
        block_on(std::future::poll_fn(|cx| {
            Pin::new(&mut io).poll_read(cx, buf.unfilled())
        }))
        .unwrap();
        if buf.filled().is_empty() {
            break;
        }
        read.extend_from_slice(buf.filled());
    }
    assert_eq!(read, sent);
}

#[test]
fn a_client_that_does_not_read_is_cut_off_after_a_while() {
    let runtime = Still::default();
    let full = Arc::new(AtomicBool::new(true));
    let mut io = io(&runtime, b"", &full);
    assert!(write(&mut io).is_none(), "it may take its time");
    io.stalled = None;
    runtime.passed.store(true, Ordering::Relaxed);
    let error = write(&mut io).unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn progress_starts_the_time_anew() {
    let runtime = Still::default();
    let full = Arc::new(AtomicBool::new(true));
    let mut io = io(&runtime, b"", &full);
    assert!(write(&mut io).is_none());
    full.store(false, Ordering::Relaxed);
    assert_eq!(write(&mut io).unwrap().unwrap(), 6);
    assert!(io.stalled.is_none());
}
