//! Fewer and larger reads and writes than rustls makes by itself.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

/// Bytes read from a socket at once. rustls asks for 4 KiB, a record has up to 16.
const READ: usize = 16 << 10;
/// Bytes written at once: what rustls keeps for a socket that takes no more.
const WRITE: usize = 64 << 10;

/// A socket below TLS.
///
/// Writes of many buffers become one: not every runtime's sockets can write many, and those of rustls are records,
/// small ones among them. Above all, its last words before it gives up are written in one try or not at all.
#[derive(Debug)]
pub(crate) struct Buffered<S> {
    socket: S,
    read: Box<[u8]>,
    /// What of `read` is yet to be taken.
    start: usize,
    end: usize,
    write: Vec<u8>,
}

impl<S> Buffered<S> {
    pub(super) fn new(socket: S) -> Self {
        Self {
            socket,
            read: vec![0; READ].into_boxed_slice(),
            start: 0,
            end: 0,
            write: Vec::new(),
        }
    }

    /// The socket, without what was read and not taken.
    pub(super) fn into_inner(self) -> S {
        self.socket
    }
}

impl<S: AsyncRead + Unpin> Buffered<S> {
    /// The next byte, which is not taken; `None` at the end.
    pub(super) async fn peek(&mut self) -> io::Result<Option<u8>> {
        poll_fn(|cx| self.poll_fill(cx)).await?;
        Ok(self.read[self.start..self.end].first().copied())
    }

    /// Ready when there is something to take, or nothing will ever be.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.start == self.end {
            let len = ready!(Pin::new(&mut self.socket).poll_read(cx, &mut self.read))?;
            (self.start, self.end) = (0, len);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Buffered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_fill(cx))?;
        let rest = &this.read[this.start..this.end];
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        this.start += len;
        Poll::Ready(Ok(len))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Buffered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let [one] = bufs {
            return Pin::new(&mut this.socket).poll_write(cx, one);
        }
        this.write.clear();
        for buf in bufs {
            let room = WRITE - this.write.len();
            this.write.extend_from_slice(&buf[..buf.len().min(room)]);
        }
        Pin::new(&mut this.socket).poll_write(cx, &this.write)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;
    use futures_lite::io::Cursor;
    use futures_lite::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn a_peeked_byte_is_still_read() {
        block_on(async {
            let mut stream = Buffered::new(&b"abc"[..]);
            assert_eq!(stream.peek().await.unwrap(), Some(b'a'));
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            assert_eq!(all, b"abc");
            assert_eq!(stream.peek().await.unwrap(), None);
        });
    }

    #[test]
    fn many_buffers_are_one_write() {
        block_on(async {
            let mut stream = Buffered::new(Cursor::new(Vec::new()));
            let (large, bufs) = (vec![7; WRITE], [IoSlice::new(b"ab"), IoSlice::new(b"c")]);
            assert_eq!(stream.write_vectored(&bufs).await.unwrap(), 3);
            let bufs = [IoSlice::new(b"d"), IoSlice::new(&large)];
            assert_eq!(stream.write_vectored(&bufs).await.unwrap(), WRITE);
            let written = stream.into_inner().into_inner();
            assert_eq!(written[..4], *b"abcd");
            assert_eq!(written.len(), 3 + WRITE);
        });
    }
}
