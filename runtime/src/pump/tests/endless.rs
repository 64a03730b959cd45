use std::task::Waker;

use super::super::*;

/// Sends the same frame without end, as fast as anybody reads it.
struct Endless {
    frame: Vec<u8>,
    at: usize,
    read: usize,
    written: usize,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        for byte in &mut *buf {
            *byte = self.frame[self.at];
            self.at = (self.at + 1) % self.frame.len();
        }
        self.read += buf.len();
        Poll::Ready(Ok(buf.len()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written += buf.len();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Silent(Signal);

impl Session for Silent {
    fn signal(&self) -> &Signal {
        &self.0
    }

    fn turn(
        &mut self,
        _read: &Inbox<'_>,
        _end: Option<CloseReason>,
        outbox: Option<&mut Outbox>,
    ) -> Turned {
        if let Some(outbox) = outbox {
            outbox.fill(|_| None);
        }
        Turned { read_on: true }
    }
}

/// What each of some polls reads of a peer that never stops, once the pump has got to know it.
fn polls(payload: usize) -> Vec<usize> {
    let len = u16::try_from(payload).unwrap().to_be_bytes();
    let short = u8::try_from(payload).ok().filter(|len| *len < 126);
    let mut frame = vec![0x82];
    match short {
        Some(len) => frame.push(0x80 | len),
        None => frame.extend([0x80 | 126, len[0], len[1]]),
    }
    frame.extend(vec![0; 4 + payload]);
    let mut pump = Pump::new(Socket {
        stream: Endless {
            frame,
            at: 0,
            read: 0,
            written: 0,
        },
        role: Role::Server,
        max_message: 1 << 16,
        early: Vec::new(),
    });
    let mut session = Silent::default();
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = (0..32).map(|_| {
        let before = pump.stream.read;
        assert!(pump.poll(&mut cx, &mut session).is_pending());
        pump.stream.read - before
    });
    polls.by_ref().take(16).for_each(drop);
    polls.collect()
}

#[test]
fn a_peer_that_sends_tiny_frames_without_end_gets_so_many_of_them_a_poll() {
    let frame = 2 + 4 + 1;
    for read in polls(1) {
        assert!(read / frame <= TURN_FRAMES + 1, "{}", read / frame);
    }
}

#[test]
fn a_peer_that_sends_large_frames_without_end_gets_so_many_bytes_a_poll() {
    for read in polls(10_000) {
        assert_eq!(read, TURN_BYTES);
    }
}

#[test]
fn beside_links_with_brief_turns_a_peer_that_sends_without_end_gets_shorter_ones() {
    let others = || (0..4).for_each(|_| turns::was_brief());
    others();
    for read in polls(10_000) {
        assert_eq!(read, TURN_BYTES / SHORTER);
    }
    others();
    let frame = 2 + 4 + 1;
    for read in polls(1) {
        assert!(
            read <= LEAST_READ.max((TURN_FRAMES / SHORTER + 1) * frame),
            "{read}"
        );
    }
    // they are over when nobody has had a brief one for long
    let turns = polls(10_000)
        .into_iter()
        .chain(polls(10_000))
        .chain(polls(10_000));
    assert_eq!(turns.last(), Some(TURN_BYTES));
}

/// Says the same without end.
#[derive(Default)]
struct Talker(Signal);

impl Session for Talker {
    fn signal(&self) -> &Signal {
        &self.0
    }

    fn turn(
        &mut self,
        _read: &Inbox<'_>,
        _end: Option<CloseReason>,
        outbox: Option<&mut Outbox>,
    ) -> Turned {
        if let Some(outbox) = outbox {
            outbox.fill(|bytes| {
                bytes.extend_from_slice(&[0; 1_000]);
                Some(Transmit::Binary { len: 1_000 })
            });
        }
        Turned { read_on: false }
    }
}

#[test]
fn whoever_has_much_to_write_writes_so_many_bytes_a_poll() {
    let mut pump = Pump::new(Socket {
        stream: Endless {
            frame: vec![0x82, 0x80, 0, 0, 0, 0],
            at: 0,
            read: 0,
            written: 0,
        },
        role: Role::Server,
        max_message: 1 << 16,
        early: Vec::new(),
    });
    let mut session = Talker::default();
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..8 {
        let before = pump.stream.written;
        assert!(pump.poll(&mut cx, &mut session).is_pending());
        let written = pump.stream.written - before;
        assert!((TURN_BYTES..2 * TURN_BYTES).contains(&written), "{written}");
    }
}

/// Has so many frames to read in each poll.
struct Drops {
    frames: usize,
    empty: bool,
}

impl AsyncRead for Drops {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.empty = !self.empty;
        if !self.empty {
            return Poll::Pending;
        }
        let frames = [0x82, 0x80, 0, 0, 0, 0].repeat(self.frames);
        buf[..frames.len()].copy_from_slice(&frames);
        Poll::Ready(Ok(frames.len()))
    }
}

impl AsyncWrite for Drops {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_link_counts_as_one_that_sends_little_after_many_brief_turns_in_a_row() {
    let mut pump = Pump::new(Socket {
        stream: Drops {
            frames: 1,
            empty: false,
        },
        role: Role::Server,
        max_message: 1 << 16,
        early: Vec::new(),
    });
    let mut session = Silent::default();
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = |frames, count| {
        pump.stream.frames = frames;
        for _ in 0..count {
            assert!(pump.poll(&mut cx, &mut session).is_pending());
        }
        turns::are_short()
    };
    let but_one = BRIEF_TURNS - 1;
    assert!(!polls(1, but_one));
    assert!(!polls(BRIEF_FRAMES + 1, 1));
    assert!(!polls(BRIEF_FRAMES, but_one));
    assert!(polls(1, 1));
}
