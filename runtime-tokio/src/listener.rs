//! A listening socket whose connections are registered nowhere: not every one is let in.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

#[cfg(unix)]
use tokio::io::{Interest, unix::AsyncFd};

/// A listening TCP socket on tokio.
///
/// tokio's own registers each connection that it accepts with the executor's sockets, and takes it off again when it is
/// dropped: two system calls of five for one that is reset at once.
#[derive(Debug)]
pub struct Listener {
    #[cfg(unix)]
    socket: AsyncFd<TcpListener>,
    #[cfg(not(unix))]
    socket: tokio::net::TcpListener,
}

#[cfg(unix)]
impl Listener {
    #[expect(
        deprecated,
        reason = "its heir is unsafe, because a descriptor could change while it is watched: that of this type cannot"
    )]
    pub(crate) fn new(listener: tokio::net::TcpListener) -> io::Result<Self> {
        let socket = AsyncFd::with_interest(listener.into_std()?, Interest::READABLE)?;
        Ok(Self { socket })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// The next connection, in blocking mode.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket
            .async_io(Interest::READABLE, TcpListener::accept)
            .await
    }
}

/// There is no such way, so it is tokio's.
#[cfg(not(unix))]
impl Listener {
    pub(crate) fn new(socket: tokio::net::TcpListener) -> io::Result<Self> {
        Ok(Self { socket })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = self.socket.accept().await?;
        Ok((stream.into_std()?, from))
    }
}
