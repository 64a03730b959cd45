mod ending;
mod endless;

use std::time::{Duration, Instant};

use super::*;

/// A socket that gives its bytes in pieces, and nothing after them.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    size: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let left = &this.bytes[this.at..];
        let len = left.len().min(this.size).min(into.len());
        into[..len].copy_from_slice(&left[..len]);
        this.at += len;
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Keeps what was read.
#[derive(Default)]
struct Reading {
    signal: Signal,
    messages: Vec<Vec<u8>>,
}

impl Session for Reading {
    fn signal(&self) -> &Signal {
        &self.signal
    }

    fn turn(&mut self, read: &Inbox<'_>, _: Option<CloseReason>, _: Option<&mut Outbox>) -> Turned {
        for item in read.iter() {
            match item {
                Received::Binary(bytes) => self.messages.push(bytes.to_vec()),
                other => panic!("{other:?}"),
            }
        }
        Turned { read_on: true }
    }
}

/// What a server makes of these messages if they come in pieces of `size` bytes.
fn read(messages: &[Vec<u8>], size: usize) -> Vec<Vec<u8>> {
    let mut bytes = BytesMut::new();
    let mut writer = Writer::new(Role::Client);
    for message in messages {
        let len = message.len();
        writer.binary(&mut bytes, |out| {
            out.extend_from_slice(message);
            Some(Transmit::Binary { len })
        });
    }
    let stream = Pieces {
        bytes: bytes.to_vec(),
        at: 0,
        size,
    };
    let mut session = Reading::default();
    let mut pump = Pump::new(Socket {
        stream,
        role: Role::Server,
        max_message: 16 << 20,
        early: Vec::new(),
    });
    let ended = future::block_on(pump.run(&mut session));
    assert_eq!(ended, Ended::Broken, "there is no Close frame");
    session.messages
}

fn message(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn messages_larger_than_a_read_arrive_whole_and_in_order_however_they_are_cut() {
    let lens = [
        TURN_BYTES - 1,
        TURN_BYTES,
        3,
        TURN_BYTES + 1,
        5 * TURN_BYTES,
        2 * TURN_BYTES - 14,
        1,
    ];
    let messages = lens.map(message);
    for size in [
        1_000,
        TURN_BYTES - 1,
        TURN_BYTES,
        TURN_BYTES + 1,
        usize::MAX,
    ] {
        let came = read(&messages, size);
        assert!(came == messages, "in pieces of {size}");
    }
}

#[test]
fn the_time_that_a_large_message_takes_does_not_grow_with_the_square_of_its_size() {
    let messages = [message(16 << 20)];
    let begun = Instant::now();
    assert!(read(&messages, 512) == messages);
    // a copy of its beginning for each piece would be 500 GB
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(15), "took {took:?}");
}
