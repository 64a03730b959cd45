//! The other side as bytes: WebSockets and sockets that do what no good peer does.

use std::net::SocketAddr;

use async_tungstenite::WebSocketStream;
use btp_proto::{Carrier, Frame, Protocol, Protocols, put_ilp_frame};
use bytes::BytesMut;
use futures_lite::{AsyncReadExt, StreamExt};
use ilp_proto::{Fulfill, Fulfillment, Prepare};
use ilp_runtime::Runtime;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use super::setup::TOKEN;

/// A WebSocket to a node.
pub struct Raw<R: Runtime> {
    pub socket: WebSocketStream<R::Stream>,
}

impl<R: Runtime> Raw<R> {
    /// Upgraded, nothing sent.
    pub async fn connect(runtime: &R, address: SocketAddr) -> Self {
        let stream = runtime.connect(address).await.unwrap();
        let request = format!("ws://{address}/");
        let (socket, _) = async_tungstenite::client_async(request, stream)
            .await
            .unwrap();
        Self { socket }
    }

    /// Authenticated as `id`.
    pub async fn authenticated(runtime: &R, address: SocketAddr, id: &str) -> Self {
        let mut raw = Self::connect(runtime, address).await;
        raw.send(&auth_frame(id, TOKEN)).await;
        assert_eq!(
            raw.frame().await,
            empty_response(1),
            "the node lets {id} in"
        );
        raw
    }

    /// Accepts one connection and upgrades it.
    pub async fn accept(runtime: &R, listener: &R::Listener) -> Self {
        let (stream, _) = runtime.accept(listener).await.unwrap();
        Self {
            socket: async_tungstenite::accept_async(stream).await.unwrap(),
        }
    }

    /// Accepts one connection and lets it in whoever it is.
    pub async fn accept_authenticated(runtime: &R, listener: &R::Listener) -> Self {
        let mut raw = Self::accept(runtime, listener).await;
        let auth = raw.frame().await;
        let id = Frame::parse(&auth).unwrap().id();
        raw.send(&empty_response(id)).await;
        raw
    }

    pub async fn send(&mut self, frame: &[u8]) {
        self.socket
            .send(Message::binary(frame.to_vec()))
            .await
            .unwrap();
    }

    pub async fn send_prepare(&mut self, id: u32, prepare: &Prepare<'_>) {
        self.send(&prepare_frame(id, prepare)).await;
    }

    /// The next message; `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<Message> {
        self.socket.next().await.and_then(Result::ok)
    }

    /// The next binary message.
    pub async fn frame(&mut self) -> Vec<u8> {
        loop {
            match self.next().await {
                Some(Message::Binary(bytes)) => return bytes.to_vec(),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("expected a frame, got {other:?}"),
            }
        }
    }

    /// The code of the Close frame that is to come, whatever comes before.
    pub async fn closed(&mut self) -> Option<(u16, String)> {
        loop {
            match self.next().await {
                Some(Message::Close(frame)) => {
                    return frame
                        .map(|CloseFrame { code, reason }| (code.into(), reason.to_string()));
                }
                Some(_) => {}
                None => panic!("the connection ended without a Close frame"),
            }
        }
    }
}

/// Reads until the end; what came.
pub async fn read_to_end<S: futures_io::AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut all = Vec::new();
    // a reset is an end too
    let _ = stream.read_to_end(&mut all).await;
    all
}

/// An auth frame with id 1.
pub fn auth_frame(id: &str, token: &str) -> Vec<u8> {
    let entries = [
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", id),
        Protocol::text("auth_token", token),
    ];
    encode(&Frame::Message {
        id: 1,
        protocols: Protocols::new(&entries),
    })
}

pub fn empty_response(id: u32) -> Vec<u8> {
    encode(&Frame::Response {
        id,
        protocols: Protocols::EMPTY,
    })
}

pub fn encode(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

pub fn prepare_frame(id: u32, prepare: &Prepare<'_>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    put_ilp_frame(&mut bytes, Carrier::Message, id, prepare.encoded_len());
    prepare.encode(&mut bytes);
    bytes.to_vec()
}

/// The answer to a frame with a packet.
pub fn fulfill_frame(request: &[u8], fulfillment: Fulfillment) -> Vec<u8> {
    let id = Frame::parse(request).unwrap().id();
    let fulfill = Fulfill {
        fulfillment,
        data: b"",
    };
    let mut bytes = BytesMut::new();
    put_ilp_frame(&mut bytes, Carrier::Response, id, fulfill.encoded_len());
    fulfill.encode(&mut bytes);
    bytes.to_vec()
}
