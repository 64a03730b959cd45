//! What the bytes of a link go through: TCP, with TLS or without.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::TlsStream;
use thiserror::Error;

use crate::tls::Buffered;

/// The first byte of a TLS handshake (RFC 8446 section 5.1).
pub(crate) const HANDSHAKE_RECORD: u8 = 22;
/// The first byte of a TLS alert, which is how a TLS server takes a plain request.
const ALERT_RECORD: u8 = 21;

/// TLS where none was expected. No HTTP message begins like that.
#[derive(Clone, Copy, Debug, Error)]
#[error("the other side speaks TLS on this port")]
pub(crate) struct SpeaksTls;

/// A stream of either kind.
pub(crate) enum Transport<S> {
    /// Bytes as they are.
    Plain {
        /// Where they come from.
        stream: S,
        /// Something has been read.
        heard: bool,
    },
    /// Encrypted. Much larger than the other.
    Tls(Box<TlsStream<Buffered<S>>>),
}

impl<S> Transport<S> {
    pub(crate) const fn plain(stream: S) -> Self {
        Self::Plain {
            stream,
            heard: false,
        }
    }

    pub(crate) fn tls(stream: TlsStream<Buffered<S>>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Transport<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { stream, heard } => {
                let len = ready!(Pin::new(stream).poll_read(cx, buf))?;
                if !std::mem::replace(heard, true)
                    && let Some(&(HANDSHAKE_RECORD | ALERT_RECORD)) = buf[..len].first()
                {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, SpeaksTls)));
                }
                Poll::Ready(Ok(len))
            }
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// With TLS, tells the other side that no more comes (`close_notify`) before TCP does.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_close(cx),
            Self::Tls(stream) => Pin::new(stream).poll_close(cx),
        }
    }
}
