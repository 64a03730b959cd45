//! A TCP stream that the worker watches which polls it.

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_tungstenite::tokio::TokioAdapter;
use futures_io::{AsyncRead, AsyncWrite};
use ilp_runtime::executor;
use tokio::net::TcpStream;

/// Reads in a row by another worker after which a stream is that one's: so many cost far more than to move it does, two
/// system calls.
const AWAY: u32 = 64;

/// A connected TCP stream on tokio.
///
/// Each worker of [`run`](crate::run) watches sockets of its own. When the task of a stream has moved to another worker, its
/// socket follows, so that bytes that come in wake the thread that will read them and no other one. The system then
/// brings that thread and whoever sends the bytes together on one core.
///
/// On a runtime that is not `run`'s it is tokio's own.
#[derive(Debug)]
pub struct Stream {
    /// `None` once it could not be moved, which has ended it.
    socket: Option<TokioAdapter<TcpStream>>,
    watched_by: Option<usize>,
    /// How many times in a row another one has read.
    away: u32,
    /// A write waits for room, and its waker would not move with the socket.
    writing: bool,
}

impl Stream {
    /// Of a socket that has been given to the runtime in whose context this is.
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self::watched(socket, executor::worker())
    }

    /// Connects to a server.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        // who begins it watches it, whoever hears the end of it
        let watched_by = executor::worker();
        Ok(Self::watched(
            TcpStream::connect(address).await?,
            watched_by,
        ))
    }

    fn watched(socket: TcpStream, watched_by: Option<usize>) -> Self {
        // it fails only on a connection that is dead already, which its first use will tell
        let _ = socket.set_nodelay(true);
        Self {
            socket: Some(TokioAdapter::new(socket)),
            watched_by,
            away: 0,
            writing: false,
        }
    }

    fn socket(&mut self) -> io::Result<Pin<&mut TokioAdapter<TcpStream>>> {
        let socket = self.socket.as_mut().map(Pin::new);
        socket.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Moves the socket to the worker whose thread this is, if it is time for that.
    #[inline]
    fn follow(&mut self) -> io::Result<()> {
        let here = executor::worker();
        if here.is_none() || here == self.watched_by {
            self.away = 0;
        } else {
            self.away += 1;
            if self.away >= AWAY && !self.writing {
                self.settle(here)?;
            }
        }
        Ok(())
    }

    #[cold]
    fn settle(&mut self, here: Option<usize>) -> io::Result<()> {
        if let Some(socket) = self.socket.take() {
            let socket = socket.into_inner().into_std()?;
            self.socket = Some(TokioAdapter::new(TcpStream::from_std(socket)?));
        }
        self.watched_by = here;
        self.away = 0;
        Ok(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.follow()?;
        self.socket()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = self.socket()?.poll_write(cx, buf);
        self.writing = polled.is_pending();
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_close(cx)
    }
}
