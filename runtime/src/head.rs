//! Keeps the handshake of a WebSocket from what comes behind it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

/// The end of an HTTP head.
const END: &[u8; 4] = b"\r\n\r\n";

/// A stream that is read no further than to the end of the HTTP head: what was read behind it is kept for whoever
/// reads on.
pub(crate) struct Head<S> {
    stream: S,
    /// How many bytes of [`END`] have just been seen.
    matched: usize,
    behind: Vec<u8>,
}

impl<S> Head<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self {
            stream,
            matched: 0,
            behind: Vec::new(),
        }
    }

    /// The stream, and what came behind the head.
    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.behind)
    }

    /// How many of these bytes belong to the head.
    fn measure(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == END[self.matched] {
                self.matched += 1;
            } else {
                self.matched = usize::from(*byte == END[0]);
            }
            if self.matched == END.len() {
                return at + 1;
            }
        }
        bytes.len()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Head<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.matched == END.len() {
            // the handshake has all that it may have
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        let len = ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let head = this.measure(&buf[..len]);
        this.behind.extend_from_slice(&buf[head..len]);
        Poll::Ready(Ok(head))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Head<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_its_first_empty_line_however_it_is_cut() {
        let whole = b"GET / HTTP/1.1\r\nA: b\r\r\n\n\r\n\r\r\n\r\nbehind\r\n\r\n";
        let want = whole.len() - b"behind\r\n\r\n".len();
        for cut in 0..whole.len() {
            let mut head = Head::new(());
            let first = head.measure(&whole[..cut]);
            let len = if first < cut || head.matched == END.len() {
                first
            } else {
                cut + head.measure(&whole[cut..])
            };
            assert_eq!(len, want, "cut at {cut}");
        }
    }
}
