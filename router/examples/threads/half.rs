//! A stream that two WebSockets share: one reads, one writes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// One's share.
pub(super) struct Half {
    pub(super) stream: Arc<TcpStream>,
    /// The reader's: what its WebSocket layer says by itself (pongs) must not get between the frames of the writer.
    pub(super) muted: bool,
}

impl Read for Half {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.stream).read(buffer)
    }
}

impl Write for Half {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.muted {
            return Ok(buffer.len());
        }
        (&*self.stream).write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
