//! What goes over a socket when a conversation ends, and what is still read of it.

use std::collections::VecDeque;

use super::*;

/// A socket that gives these pieces, one for each read, and then keeps silent.
#[derive(Default)]
struct Wire {
    pieces: VecDeque<Vec<u8>>,
    written: Vec<u8>,
    /// It takes nothing any more.
    torn: bool,
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(piece) = self.get_mut().pieces.pop_front() else {
            return Poll::Pending;
        };
        into[..piece.len()].copy_from_slice(&piece);
        Poll::Ready(Ok(piece.len()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.torn {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.get_mut().written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Says what it has to say, and keeps what it is told.
struct Talk {
    signal: Signal,
    says: Option<Transmit>,
    read_on: bool,
    heard: Vec<Vec<u8>>,
    end: Option<CloseReason>,
}

impl Talk {
    fn new(says: Option<Transmit>) -> Self {
        Self {
            signal: Signal::default(),
            says,
            read_on: true,
            heard: Vec::new(),
            end: None,
        }
    }
}

impl Session for Talk {
    fn signal(&self) -> &Signal {
        &self.signal
    }

    fn turn(
        &mut self,
        read: &Inbox<'_>,
        end: Option<CloseReason>,
        outbox: Option<&mut Outbox>,
    ) -> Turned {
        let binary = |item| match item {
            Received::Binary(bytes) => Some(bytes.to_vec()),
            _ => None,
        };
        self.heard.extend(read.iter().filter_map(binary));
        if end.is_some() {
            self.end = end;
        }
        if let Some(outbox) = outbox {
            outbox.fill(|out| {
                let says = self.says.take();
                if let Some(Transmit::Binary { len }) = says {
                    out.extend_from_slice(&vec![b'x'; len]);
                }
                says
            });
        }
        Turned {
            read_on: self.read_on,
        }
    }
}

const BYE: Transmit = Transmit::Close {
    code: 1000,
    reason: "",
};
/// What the server's side writes for that.
const BYE_BYTES: [u8; 4] = [0x88, 2, 0x03, 0xe8];

/// What a client sends.
fn from_client(write: impl FnOnce(&mut Writer, &mut BytesMut)) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    write(&mut Writer::new(Role::Client), &mut bytes);
    bytes.to_vec()
}

fn binary(text: &[u8]) -> Vec<u8> {
    from_client(|writer, bytes| {
        let len = text.len();
        writer.binary(bytes, |out| {
            out.extend_from_slice(text);
            Some(Transmit::Binary { len })
        });
    })
}

fn server(wire: Wire) -> Pump<Wire> {
    Pump::new(Socket {
        stream: wire,
        role: Role::Server,
        max_message: 1_000,
        early: Vec::new(),
    })
}

/// How far a pump gets before it has to wait.
fn run(pump: &mut Pump<Wire>, talk: &mut Talk) -> Option<Ended> {
    future::block_on(future::poll_once(pump.run(talk)))
}

/// A server whose session closes; then the client sends this.
fn after_our_close(piece: Vec<u8>) -> (Option<Ended>, Vec<u8>) {
    let mut talk = Talk::new(Some(BYE));
    let mut pump = server(Wire::default());
    assert_eq!(run(&mut pump, &mut talk), None);
    assert_eq!(pump.stream.written, BYE_BYTES);
    pump.stream.pieces.push_back(piece);
    let ended = run(&mut pump, &mut talk);
    (ended, pump.stream.written)
}

#[test]
fn a_close_frame_without_a_code_is_answered_with_1000() {
    // empty, masked with zeroes
    let mut wire = Wire::default();
    wire.pieces.push_back(vec![0x88, 0x80, 0, 0, 0, 0]);
    let (mut pump, mut talk) = (server(wire), Talk::new(None));
    assert_eq!(run(&mut pump, &mut talk), Some(Ended::Closed));
    assert_eq!(pump.stream.written, BYE_BYTES);
    let code = 1005;
    let reason = String::new();
    assert_eq!(talk.end, Some(CloseReason::Remote { code, reason }));
}

#[test]
fn the_answer_to_our_close_frame_is_not_answered() {
    let close = from_client(|writer, bytes| writer.close(bytes, 1000, ""));
    let (ended, written) = after_our_close(close);
    assert_eq!(ended, Some(Ended::Closed));
    assert_eq!(written, BYE_BYTES);
}

#[test]
fn nothing_follows_our_close_frame_not_even_a_pong() {
    let ping = from_client(Writer::ping);
    let (ended, written) = after_our_close(ping);
    assert_eq!(ended, None);
    assert_eq!(written, BYE_BYTES);
}

#[test]
fn whoever_breaks_the_rules_after_our_close_frame_is_not_told() {
    // opcode 3 is reserved
    let (ended, written) = after_our_close(vec![0x83, 0x80, 0, 0, 0, 0]);
    assert_eq!(ended, Some(Ended::Broken));
    assert_eq!(written, BYE_BYTES);
}

#[test]
fn what_came_before_a_socket_tore_is_read_to_its_end() {
    let said: Vec<_> = (0..5).map(|n| vec![n; 3]).collect();
    let wire = Wire {
        pieces: said.iter().map(|text| binary(text)).collect(),
        torn: true,
        ..Wire::default()
    };
    let mut talk = Talk::new(Some(Transmit::Binary { len: 1 }));
    let mut pump = server(wire);
    assert_eq!(run(&mut pump, &mut talk), Some(Ended::Broken));
    assert_eq!(talk.heard, said);
    let why = io::Error::from(io::ErrorKind::BrokenPipe).to_string();
    assert_eq!(talk.end, Some(CloseReason::Broken(why)));
}

#[test]
fn a_socket_that_was_left_alone_is_read_again_when_it_is_told_so() {
    let wire = Wire {
        pieces: [binary(b"one"), binary(b"two")].into(),
        ..Wire::default()
    };
    let (mut pump, mut talk) = (server(wire), Talk::new(None));
    talk.read_on = false;
    assert_eq!(run(&mut pump, &mut talk), None);
    assert_eq!(talk.heard, [b"one"]);
    assert_eq!(run(&mut pump, &mut talk), None);
    assert_eq!(talk.heard, [b"one"], "not before");
    talk.signal.send(Signal::READABLE);
    assert_eq!(run(&mut pump, &mut talk), None);
    assert_eq!(talk.heard, [b"one", b"two"]);
}
