//! The ceiling: a relay that only copies bytes between a sender and a receiver.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::event::PollFlags;

use super::engine::wait;
use super::socket::passes;

/// Bytes copied at a time.
const CHUNK: usize = 256 << 10;

/// Two sockets with a relay between them, on a thread that ends with them.
///
/// # Errors
/// When loopback does not work.
pub(super) fn between() -> Result<(TcpStream, TcpStream), String> {
    connected().map_err(|error| format!("the pipe: {error}"))
}

fn connected() -> std::io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    let open = || -> std::io::Result<_> {
        let ours = TcpStream::connect(address)?;
        let (theirs, _) = listener.accept()?;
        theirs.set_nodelay(true)?;
        theirs.set_nonblocking(true)?;
        Ok((ours, theirs))
    };
    let ((sender, a), (receiver, b)) = (open()?, open()?);
    thread::Builder::new()
        .name("pipe".into())
        // it ends when either side is closed, which is no error
        .spawn(move || drop(copy(&a, &b)))?;
    Ok((sender, receiver))
}

fn copy(a: &TcpStream, b: &TcpStream) -> std::io::Result<()> {
    let mut forth = Lane::new(a, b);
    let mut back = Lane::new(b, a);
    loop {
        let flags = |reads: &Lane<'_>, writes: &Lane<'_>| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, reads.is_empty());
            flags.set(PollFlags::OUT, !writes.is_empty());
            flags
        };
        let wanted = [flags(&forth, &back), flags(&back, &forth)];
        let [of_a, of_b] = wait([a, b], wanted, Duration::from_secs(1));
        // a side that is gone is found out by reading it
        let gone = PollFlags::HUP | PollFlags::ERR;
        let ready = |reads: PollFlags, writes: PollFlags| {
            reads.intersects(PollFlags::IN | gone) || writes.intersects(PollFlags::OUT | gone)
        };
        if ready(of_a, of_b) && forth.pass()? || ready(of_b, of_a) && back.pass()? {
            return Ok(());
        }
    }
}

/// One direction.
struct Lane<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<'a> Lane<'a> {
    fn new(from: &'a TcpStream, to: &'a TcpStream) -> Self {
        Self {
            from,
            to,
            buffer: vec![0; CHUNK].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Copies what can be copied now; says whether the end has come.
    fn pass(&mut self) -> std::io::Result<bool> {
        if self.is_empty() {
            self.start = 0;
            self.end = match self.from.read(&mut self.buffer) {
                Ok(0) => return Ok(true),
                Ok(len) => len,
                Err(error) if passes(error.kind()) => 0,
                Err(error) => return Err(error),
            };
        }
        while !self.is_empty() {
            match self.to.write(&self.buffer[self.start..self.end]) {
                Ok(len) => self.start += len,
                Err(error) if passes(error.kind()) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
