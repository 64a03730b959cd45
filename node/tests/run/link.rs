//! The other end of a BTP link: a few lines over a blocking WebSocket, so that tests say when and what it answers.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use btp_proto::{Frame, Protocol, Protocols};
use ilp_proto::{Addr, Condition, Fulfill, Fulfillment, Packet, Prepare, Timestamp};
use tungstenite::{Error, Message, WebSocket};

use crate::process::{PATIENCE, secret_of};

pub(crate) struct Link {
    pub(crate) socket: WebSocket<TcpStream>,
    id: u32,
}

impl Link {
    /// Dials and authenticates as `user` with the right secret.
    pub(crate) fn dial(address: SocketAddr, user: &str) -> Self {
        let mut link = Self::dial_with(address, user, &secret_of(user));
        let answer = link.receive().expect("the connection was closed");
        assert!(
            matches!(
                Frame::parse(&answer).unwrap(),
                Frame::Response { id: 1, .. }
            ),
            "{answer:?}"
        );
        link
    }

    /// Dials and sends an auth frame, whose answer is left to the caller.
    pub(crate) fn dial_with(address: SocketAddr, user: &str, secret: &str) -> Self {
        let stream = patient(TcpStream::connect(address).unwrap());
        let (socket, _) = tungstenite::client::client(format!("ws://{address}/"), stream).unwrap();
        let mut link = Self { socket, id: 1 };
        let protocols = [
            Protocol::octets("auth", b""),
            Protocol::text("auth_username", user),
            Protocol::text("auth_token", secret),
        ];
        link.send(&Frame::Message {
            id: 1,
            protocols: Protocols::new(&protocols),
        });
        link
    }

    /// Waits for a node to dial and takes any secret.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        let socket = tungstenite::accept(patient(stream)).unwrap();
        let mut link = Self { socket, id: 1 };
        let auth = link.receive().expect("the connection was closed");
        let id = Frame::parse(&auth).unwrap().id();
        link.send(&Frame::Response {
            id,
            protocols: Protocols::EMPTY,
        });
        link
    }

    pub(crate) fn send(&mut self, frame: &Frame<'_>) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.send_bytes(bytes);
    }

    pub(crate) fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::Binary(bytes.into())).unwrap();
    }

    /// The next frame; `None` when the connection is closed.
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => return Some(bytes.to_vec()),
                Ok(_) => {}
                // A read with a timeout ends early when the process is stopped and goes on.
                Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("nothing came for {PATIENCE:?}")
                }
                Err(_) => return None,
            }
        }
    }

    /// Code and reason of the Close frame that comes next, which is answered.
    pub(crate) fn close_frame(&mut self) -> (u16, String) {
        let frame = loop {
            if let Message::Close(frame) = self.socket.read().unwrap() {
                break frame.unwrap();
            }
        };
        // the answer goes out with the next read, which finds the end
        while self.socket.read().is_ok() {}
        (frame.code.into(), frame.reason.to_string())
    }

    /// Sends a PREPARE that the zero fulfilment fulfils.
    pub(crate) fn prepare(&mut self, destination: &str, amount: u64, expires_in: Duration) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap());
        let prepare = Prepare {
            amount,
            expires_at: now.saturating_add(expires_in),
            condition: Condition::OF_ZERO,
            destination: Addr::new(destination).unwrap(),
            data: b"hello",
        };
        let mut ilp = Vec::new();
        prepare.encode(&mut ilp);
        self.id += 1;
        let protocols = [Protocol::octets("ilp", &ilp)];
        let id = self.id;
        self.send(&Frame::Message {
            id,
            protocols: Protocols::new(&protocols),
        });
    }

    /// The next packet, with the id of its frame.
    pub(crate) fn packet(&mut self) -> (u32, Vec<u8>) {
        let frame = self.receive().expect("the connection was closed");
        let frame = Frame::parse(&frame).unwrap();
        let ilp = frame
            .protocols()
            .get("ilp")
            .unwrap_or_else(|| panic!("no packet in {frame:?}"));
        (frame.id(), ilp.data.to_vec())
    }

    /// Fulfils the next packet.
    pub(crate) fn fulfill(&mut self) {
        let (id, _) = self.packet();
        self.fulfill_as(id);
    }

    pub(crate) fn fulfill_as(&mut self, id: u32) {
        let mut ilp = Vec::new();
        Fulfill {
            fulfillment: Fulfillment::ZERO,
            data: b"",
        }
        .encode(&mut ilp);
        let protocols = [Protocol::octets("ilp", &ilp)];
        self.send(&Frame::Response {
            id,
            protocols: Protocols::new(&protocols),
        });
    }

    /// What the next answer is: `fulfilled`, or the code of a reject.
    pub(crate) fn outcome(&mut self) -> String {
        let (_, packet) = self.packet();
        match Packet::parse(&packet).unwrap() {
            Packet::Fulfill(_) => "fulfilled".into(),
            Packet::Reject(reject) => reject.code.to_string(),
            Packet::Prepare(_) => panic!("a PREPARE"),
        }
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}
