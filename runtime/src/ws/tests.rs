use bytes::BytesMut;
use proptest::prelude::*;
use tungstenite::protocol::{Role as Theirs, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::frame::{Header, Opcode};
use super::read::Found;
use super::*;

/// Reads `bytes` as they would come in pieces of these sizes, again and again.
fn read(
    role: Role,
    bytes: &[u8],
    pieces: &[usize],
    max: usize,
) -> (Vec<(char, Vec<u8>)>, Option<WsError>) {
    let mut reader = Reader::new(role, max);
    let mut items = Vec::new();
    let mut sizes = pieces.iter().copied().cycle();
    let mut bytes = bytes;
    while !bytes.is_empty() {
        let size = sizes.next().unwrap_or(usize::MAX).clamp(1, bytes.len());
        let (piece, rest) = bytes.split_at(size);
        bytes = rest;
        let mut buffer = reader.rest().to_vec();
        buffer.extend_from_slice(piece);
        let mut found = Vec::new();
        let result = reader.read(&mut buffer, &mut found);
        items.extend(found.iter().map(|found| match found.item(&buffer) {
            Item::Binary(bytes) => ('b', bytes.to_vec()),
            Item::Text => ('t', Vec::new()),
            Item::Ping(bytes) => ('p', bytes.to_vec()),
            Item::Pong => ('o', Vec::new()),
            Item::Close(frame) => (
                'c',
                [&frame.code.to_be_bytes(), frame.reason.as_bytes()].concat(),
            ),
        }));
        if let Err(error) = result {
            return (items, Some(error));
        }
    }
    (items, None)
}

fn whole(role: Role, bytes: &[u8]) -> (Vec<(char, Vec<u8>)>, Option<WsError>) {
    read(role, bytes, &[], 1 << 16)
}

fn error(role: Role, bytes: &[u8]) -> WsError {
    whole(role, bytes).1.expect("an error")
}

#[test]
fn the_examples_of_the_rfc_are_read_as_it_says() {
    // section 5.7
    let hello = b"\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(whole(Role::Server, hello).0, [('b', b"Hello".to_vec())]);
    assert_eq!(
        whole(Role::Client, b"\x89\x05Hello").0,
        [('p', b"Hello".to_vec())]
    );
    assert_eq!(
        whole(Role::Client, b"\x02\x03Hel\x80\x02lo").0,
        [('b', b"Hello".to_vec())]
    );
    let mut long = vec![0x82, 0x7e, 0x01, 0x00];
    long.extend([7; 256]);
    assert_eq!(whole(Role::Client, &long).0, [('b', vec![7; 256])]);
}

#[test]
fn control_frames_may_come_between_fragments() {
    let bytes = b"\x02\x01a\x89\x01x\x00\x01b\x8a\x00\x80\x01c";
    let want = [('p', b"x".to_vec()), ('o', vec![]), ('b', b"abc".to_vec())];
    assert_eq!(whole(Role::Client, bytes), (want.to_vec(), None));
}

#[test]
fn what_the_rfc_forbids_is_an_error() {
    assert_eq!(error(Role::Client, b"\xc2\x00"), WsError::Reserved);
    assert_eq!(error(Role::Client, b"\x83\x00"), WsError::Reserved);
    assert_eq!(
        error(Role::Client, b"\x82\x80\x00\x00\x00\x00"),
        WsError::Masked
    );
    assert_eq!(error(Role::Server, b"\x82\x00"), WsError::Unmasked);
    assert_eq!(error(Role::Client, b"\x09\x00"), WsError::Control);
    assert_eq!(error(Role::Client, b"\x89\x7e\x00\x7e"), WsError::Control);
    assert_eq!(error(Role::Client, b"\x80\x00"), WsError::Continuation);
    assert_eq!(
        error(Role::Client, b"\x02\x00\x82\x00"),
        WsError::Continuation
    );
    assert_eq!(error(Role::Client, b"\x82\x7e\x00\x05"), WsError::Length);
    assert_eq!(
        error(Role::Client, b"\x82\x7f\0\0\0\0\0\0\xff\xff"),
        WsError::Length
    );
    assert_eq!(error(Role::Client, b"\x81\x01\xff"), WsError::Utf8);
    assert_eq!(error(Role::Client, b"\x01\x01\xc3\x80\x01x"), WsError::Utf8);
    assert_eq!(
        whole(Role::Client, b"\x01\x01\xc3\x80\x01\xa9").0,
        [('t', vec![])]
    );
    assert_eq!(error(Role::Client, b"\x88\x01x"), WsError::Close);
    assert_eq!(error(Role::Client, b"\x88\x02\x03\xed"), WsError::Close);
    assert_eq!(error(Role::Client, b"\x88\x03\x03\xe8\xff"), WsError::Close);
}

#[test]
fn a_message_above_the_limit_is_refused_at_its_header() {
    assert_eq!(
        error(Role::Client, b"\x82\x7f\0\0\0\0\0\x01\0\x01"),
        WsError::TooLarge
    );
    assert_eq!(
        error(Role::Client, b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"),
        WsError::TooLarge
    );
    let (items, error) = read(Role::Client, b"\x02\x03abc\x80\x03def", &[], 5);
    assert_eq!(
        (items, error),
        (vec![], Some(WsError::TooLarge)),
        "all fragments count"
    );
    assert_eq!(read(Role::Client, b"\x02\x03abc\x80\x02de", &[], 5).1, None);
}

#[test]
fn nothing_is_read_behind_a_close_or_an_error() {
    let (items, error) = whole(Role::Client, b"\x88\x02\x03\xe8\x82\x01x");
    assert_eq!((items.len(), error), (1, None));
    let mut reader = Reader::new(Role::Client, 100);
    assert!(
        reader
            .read(&mut b"\xc2\x00".to_vec(), &mut Vec::new())
            .is_err()
    );
    let mut found = Vec::new();
    assert!(reader.read(&mut b"\x82\x01x".to_vec(), &mut found).is_ok() && found.is_empty());
}

#[test]
fn an_idle_reader_holds_no_memory() {
    let mut reader = Reader::new(Role::Client, 100);
    reader
        .read(&mut b"\x82\x05Hello".to_vec(), &mut Vec::new())
        .unwrap();
    assert_eq!(reader.kept(), 0);
}

#[test]
fn a_writer_that_writes_nothing_leaves_nothing() {
    let mut out = BytesMut::from(&b"before"[..]);
    assert_eq!(
        Writer::new(Role::Server).binary(&mut out, |_| None::<()>),
        None
    );
    assert_eq!(&out[..], b"before");
}

#[test]
fn masks_differ_and_servers_have_none() {
    let mut masks = mask::Masks::new();
    let some: std::collections::BTreeSet<_> = (0..1_000).map(|_| masks.next()).collect();
    assert!(some.len() > 990);
    let mut out = BytesMut::new();
    Writer::new(Role::Server).pong(&mut out, b"x");
    assert_eq!(&out[..], b"\x8a\x01x");
}

/// One side's messages in our bytes.
fn written(role: Role, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new(role);
    let mut out = BytesMut::new();
    for message in messages {
        writer.binary(&mut out, |out| {
            out.extend_from_slice(message);
            Some(())
        });
        writer.pong(&mut out, b"between");
    }
    writer.close(&mut out, 1000, "done");
    out.to_vec()
}

const fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let len = prop_oneof![1..300usize, 120..130usize, 65_530..65_540usize];
    let message = len.prop_flat_map(|len| prop::collection::vec(any::<u8>(), len..=len));
    prop::collection::vec(message, 0..4)
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        messages in messages(),
        role in role(),
        pieces in prop::collection::vec(prop_oneof![1..20usize, 1..70_000usize], 1..8),
    ) {
        let bytes = written(role, &messages);
        let pieces: Vec<usize> = if bytes.len() > 10_000 { pieces.iter().map(|p| p + 500).collect() } else { pieces };
        let (items, error) = read(other(role), &bytes, &pieces, 1 << 17);
        prop_assert_eq!(error, None);
        let binary: Vec<_> = items.iter().filter(|(kind, _)| *kind == 'b').map(|(_, bytes)| bytes.clone()).collect();
        prop_assert_eq!(binary, messages);
        prop_assert_eq!(items.last().map(|(kind, _)| *kind), Some('c'));
    }

    #[test]
    fn another_implementation_reads_what_we_write(messages in messages(), role in role()) {
        let bytes = written(role, &messages);
        let theirs = if role == Role::Client { Theirs::Server } else { Theirs::Client };
        let mut socket = WebSocket::from_raw_socket(Pipe { read: std::io::Cursor::new(bytes), written: Vec::new() }, theirs, None);
        for message in &messages {
            prop_assert_eq!(socket.read().unwrap(), Message::binary(message.clone()));
            prop_assert!(socket.read().unwrap().is_pong());
        }
        prop_assert!(socket.read().unwrap().is_close());
    }

    #[test]
    fn we_read_what_another_implementation_writes(
        messages in messages(),
        role in role(),
        pieces in prop::collection::vec(500..70_000usize, 1..8),
    ) {
        let theirs = if role == Role::Client { Theirs::Client } else { Theirs::Server };
        let config = WebSocketConfig::default();
        let pipe = Pipe { read: std::io::Cursor::new(Vec::new()), written: Vec::new() };
        let mut socket = WebSocket::from_raw_socket(pipe, theirs, Some(config));
        for message in &messages {
            socket.send(Message::binary(message.clone())).unwrap();
        }
        socket.send(Message::Ping(b"x".to_vec().into())).unwrap();
        let bytes = std::mem::take(&mut socket.get_mut().written);
        let (mut items, error) = read(other(role), &bytes, &pieces, 1 << 17);
        prop_assert_eq!(error, None);
        prop_assert_eq!(items.pop(), Some(('p', b"x".to_vec())));
        prop_assert_eq!(items.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), messages);
    }

    #[test]
    fn random_bytes_never_panic_and_never_keep_more_than_they_are(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        role in role(),
    ) {
        let mut reader = Reader::new(role, 200);
        let mut found: Vec<Found> = Vec::new();
        let _ = reader.read(&mut bytes.clone(), &mut found);
        // a vector has room for eight bytes at the least
        prop_assert!(reader.kept() <= 2 * bytes.len() + 16);
    }

    #[test]
    fn a_header_is_read_only_when_all_of_it_is_there(len in 0..200_000usize, role in role()) {
        let bytes = written(role, &[vec![0; len.max(1)]]);
        let header = Header::parse(&bytes, other(role)).unwrap().unwrap();
        prop_assert_eq!((header.fin, header.opcode, header.len), (true, Opcode::Binary, len.max(1)));
        for cut in 0..header.size {
            prop_assert_eq!(Header::parse(&bytes[..cut], other(role)), Ok(None));
        }
    }
}

/// What a library that wants a socket gets.
struct Pipe {
    read: std::io::Cursor<Vec<u8>>,
    written: Vec<u8>,
}

impl std::io::Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.read.read(into)
    }
}

impl std::io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
