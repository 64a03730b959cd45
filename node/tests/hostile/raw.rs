//! Sockets of strangers: from an address of their own, and with bytes of their own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use btp_proto::{Frame, Protocol, Protocols};
use socket2::{Domain, Socket, Type};

use crate::process::PATIENCE;

/// What a browser or a BTP client sends first.
pub(crate) const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// Address number `n` of this machine.
pub(crate) fn source(n: usize) -> Ipv4Addr {
    let [_, _, high, low] = u32::try_from(n).unwrap().to_be_bytes();
    Ipv4Addr::new(127, 9, high, low)
}

/// Connects from an address. Its end is a reset, so that a flood does not use up the ports of this machine.
pub(crate) fn connect_from(source: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&to.into())?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Whether the other side has hung up. Waits for nothing.
pub(crate) fn is_gone(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let peeked = stream.peek(&mut [0; 1]);
    stream.set_nonblocking(false).unwrap();
    match peeked {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

/// Reads until the end of an HTTP head, and no further.
pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A connection after its WebSocket upgrade.
pub(crate) fn upgraded(source: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = connect_from(source, to)?;
    stream.write_all(UPGRADE.as_bytes())?;
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    Ok(stream)
}

/// A WebSocket frame as a client sends it, under a mask of zeros. `first` is its first byte: FIN, RSV and opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ ..=125), _) => bytes.push(0x80 | short),
        (_, Ok(medium)) => {
            bytes.push(0x80 | 126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// A whole binary message.
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const PING: u8 = 0x89;

/// The payload of an auth frame with id 1.
pub(crate) fn auth(user: &str, secret: &str) -> Vec<u8> {
    let protocols = [
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", user),
        Protocol::text("auth_token", secret),
    ];
    encode(&Frame::Message {
        id: 1,
        protocols: Protocols::new(&protocols),
    })
}

pub(crate) fn encode(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

/// Reads one frame of the server: its first byte and payload. An error is the end of the connection.
pub(crate) fn read_frame(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let len = match head[1] {
        126 => {
            let mut len = [0; 2];
            stream.read_exact(&mut len)?;
            usize::from(u16::from_be_bytes(len))
        }
        127 => {
            let mut len = [0; 8];
            stream.read_exact(&mut len)?;
            u64::from_be_bytes(len) as usize
        }
        short => usize::from(short),
    };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload)?;
    Ok((head[0], payload))
}

/// The code of the Close frame that comes, whatever comes before; `None` when the connection ends without one.
pub(crate) fn close_code(stream: &mut TcpStream) -> Option<u16> {
    loop {
        let (first, payload) = read_frame(stream).ok()?;
        if first == 0x88 {
            return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        }
    }
}

/// Authenticated as `user`, with the right secret.
pub(crate) fn authenticated(source: Ipv4Addr, to: SocketAddr, user: &str) -> TcpStream {
    let mut stream = upgraded(source, to).unwrap();
    let auth = auth(user, &crate::process::secret_of(user));
    stream.write_all(&frame(BINARY, &auth)).unwrap();
    let (_, answer) = read_frame(&mut stream).unwrap();
    let answer = Frame::parse(&answer).unwrap();
    assert!(
        matches!(answer, Frame::Response { id: 1, .. }),
        "{answer:?}"
    );
    stream
}
