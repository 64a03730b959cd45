//! A link's two threads: one reads, one writes.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::{Arc, Condvar};
use std::thread;

use btp_proto::Transmit;
use bytes::BytesMut;
use ilp_router::{CloseReason, LinkId, Received};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Bytes, Error, Message, WebSocket};

use super::Node;
use super::clock::{now, sleep};
use super::half::Half;
use super::link::{BATCH, Open, PATIENCE};

impl Open<'_> {
    /// From the upgrade to the end.
    pub(super) fn serve(&self, mut socket: WebSocket<Half>, role: Role) {
        socket.get_mut().muted = true;
        let writer = WebSocket::from_raw_socket(self.half(), role, Some(self.node.config()));
        let (node, id, wake) = (self.node.clone(), self.id, Arc::clone(&self.wake));
        let writer = thread::spawn(move || write(&node, id, &wake, writer));
        let (why, code) = self.read(&mut socket);
        self.node.closed(self.id, why);
        if let Ok(false) = writer.join() {
            socket.get_mut().muted = false;
            let reason = "".into();
            let _ = socket.close(code.map(|code| CloseFrame { code, reason }));
        }
        // what it still sends must not make its TCP throw away the Close frame
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.set_read_timeout(Some(PATIENCE));
        let _ = io::copy(&mut (&*self.stream).take(4 << 20), &mut io::sink());
    }

    /// Until there is no more: why, and what the other side shall be told.
    fn read(&self, socket: &mut WebSocket<Half>) -> (CloseReason, Option<CloseCode>) {
        loop {
            let message = match socket.read() {
                Ok(Message::Close(frame)) => return (remote(frame), None),
                Ok(message) => message,
                Err(Error::Capacity(_)) => return (CloseReason::TooLarge, Some(CloseCode::Size)),
                Err(error) => {
                    let code = match error {
                        Error::Utf8(_) => CloseCode::Invalid,
                        _ => CloseCode::Protocol,
                    };
                    return (CloseReason::Broken(error.to_string()), Some(code));
                }
            };
            let mut core = self.node.lock();
            let received = match &message {
                Message::Binary(bytes) => Received::Binary(bytes),
                Message::Ping(payload) => {
                    if let Some(link) = core.links.get_mut(&self.id) {
                        link.pong = Some(payload.clone());
                        link.wake.notify_all();
                    }
                    Received::Ping
                }
                Message::Pong(_) => Received::Pong,
                _ => Received::Text,
            };
            core.connector.handle_received(now(), self.id, received);
            self.node.settle(&mut core);
            while core.links.contains_key(&self.id) && !core.connector.wants_read(self.id) {
                core = sleep(&self.wake, core, None);
            }
        }
    }
}

/// Writes what there is to be written; whether that ended with a Close frame or nothing can be written any more.
fn write(node: &Node, id: LinkId, wake: &Condvar, mut socket: WebSocket<Half>) -> bool {
    let mut buffer = BytesMut::new();
    loop {
        let (mut batch, mut bytes, mut closing) = (Vec::new(), 0, false);
        let mut core = node.lock();
        while batch.is_empty() {
            let Some(link) = core.links.get_mut(&id) else {
                return false;
            };
            batch.extend(link.pong.take().map(Message::Pong));
            while bytes < BATCH
                && let Some(transmit) = core.connector.poll_transmit(now(), id, &mut buffer)
            {
                bytes += buffer.len();
                batch.push(match transmit {
                    Transmit::Binary { len } => Message::Binary(buffer.split_to(len).freeze()),
                    Transmit::Ping => Message::Ping(Bytes::new()),
                    Transmit::Close { code, reason } => {
                        closing = true;
                        let (code, reason) = (code.into(), reason.into());
                        Message::Close(Some(CloseFrame { code, reason }))
                    }
                });
            }
            node.settle(&mut core);
            if batch.is_empty() {
                core = sleep(wake, core, None);
            }
        }
        drop(core);
        for message in batch {
            let _ = socket.write(message); // into its buffer; what is wrong the flush says
        }
        while let Err(error) = socket.flush() {
            let slow = matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock);
            if !slow || !node.lock().links.contains_key(&id) {
                let _ = socket.get_ref().stream.shutdown(Shutdown::Both);
                return true;
            }
        }
        if closing {
            return true;
        }
    }
}

fn remote(frame: Option<CloseFrame>) -> CloseReason {
    let (code, reason) = frame.map_or((1005, String::new()), |frame| {
        (frame.code.into(), frame.reason.as_str().to_owned())
    });
    CloseReason::Remote { code, reason }
}
