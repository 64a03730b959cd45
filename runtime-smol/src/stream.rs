//! A TCP stream that asks the system no more than it has to.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use smol::Async;

/// A connected TCP stream on smol.
///
/// smol's own tries to read whenever it is polled, and only then waits. This one knows that a read which did not
/// fill its buffer has emptied the socket, and that a wait which has not ended need not be tried: with small batches
/// that is two system calls of five.
pub struct SmolStream {
    socket: Arc<Async<TcpStream>>,
    /// There was nothing left to read.
    empty: bool,
}

impl SmolStream {
    pub(crate) fn new(stream: smol::net::TcpStream) -> Self {
        // it fails only on a connection that is dead already, which its first use will tell
        let _ = stream.set_nodelay(true);
        Self {
            socket: stream.into(),
            empty: false,
        }
    }
}

impl AsyncRead for SmolStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.empty {
                ready!(self.socket.poll_readable(cx))?;
                self.empty = false;
            }
            match io::Read::read(&mut self.socket.get_ref(), buf) {
                Ok(len) => {
                    // the end of the stream is no emptiness: it is found again by every read
                    self.empty = 0 < len && len < buf.len();
                    return Poll::Ready(Ok(len));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.empty = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for SmolStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match io::Write::write(&mut self.socket.get_ref(), buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_writable(cx))?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // nothing is held back
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(Shutdown::Write))
    }
}

impl fmt::Debug for SmolStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SmolStream")
            .field(self.socket.get_ref())
            .finish()
    }
}
