//! From a TCP stream to a WebSocket, in both directions.
//!
//! This is the one place where a stream changes its type: a TLS layer goes to the start of [`accept`] and
//! between the connect and the upgrade of [`dial`], and what it makes of a stream becomes [`Stream`]. Nothing
//! else needs to know.

use async_tungstenite::WebSocketStream;
use futures_lite::AsyncWriteExt;
use ilp_router::DialError;
use ilp_router::config::Endpoint;
use tungstenite::Error;
use tungstenite::client::IntoClientRequest;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::Uri;
use tungstenite::protocol::{Role, WebSocketConfig};

use crate::Runtime;
use crate::pump::TURN_BYTES;

/// What the bytes of a link go through.
pub(crate) type Stream<R> = <R as Runtime>::Stream;

/// What its messages go through.
pub(crate) type Socket<R> = WebSocketStream<Stream<R>>;

/// A connection that was accepted and upgraded.
pub(crate) struct Accepted<R: Runtime> {
    pub(crate) socket: Socket<R>,
    /// The path of the request, without its query.
    pub(crate) path: String,
    /// The account that a verified client certificate stands for.
    pub(crate) client_cert: Option<String>,
}

/// The server's half. Whoever is no WebSocket client gets an HTTP answer that says so.
///
/// No sub-protocol is asked for or agreed to (BTP uses none), and extensions are declined.
pub(crate) async fn accept<R: Runtime>(
    mut stream: R::Stream,
    max_message: usize,
) -> Result<Accepted<R>, String> {
    let mut path = String::new();
    let config = Some(config(max_message));
    let callback = RememberPath(&mut path);
    let upgrade =
        async_tungstenite::accept_hdr_async_with_config(&mut stream, callback, config).await;
    match upgrade.map(drop) {
        Ok(()) => {
            // nothing is lost with the first: a client that sends more before it has the answer is refused
            let socket = WebSocketStream::from_raw_socket(stream, Role::Server, config).await;
            Ok(Accepted {
                socket,
                path,
                client_cert: None,
            })
        }
        Err(error) => {
            if let Some(answer) = refusal(&error) {
                // whether it arrives changes nothing
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.close().await;
            }
            Err(format!("no WebSocket upgrade: {}", explain(&error)))
        }
    }
}

struct RememberPath<'a>(&'a mut String);

impl Callback for RememberPath<'_> {
    // the type is tungstenite's
    #[allow(clippy::result_large_err)]
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(self.0);
        Ok(response)
    }
}

/// What an HTTP client is told that does not ask for a WebSocket; `None` when nobody listens.
fn refusal(error: &Error) -> Option<String> {
    let Error::Protocol(error) = error else {
        return None;
    };
    let status = match error {
        ProtocolError::HandshakeIncomplete => return None,
        ProtocolError::MissingConnectionUpgradeHeader
        | ProtocolError::MissingUpgradeWebSocketHeader
        | ProtocolError::MissingSecWebSocketVersionHeader => {
            "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
        }
        _ => "400 Bad Request",
    };
    let body = "This port speaks BTP over WebSocket.\n";
    Some(format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// The client's half: resolve, connect, upgrade. How long it may take is the caller's business.
pub(crate) async fn dial<R: Runtime>(
    runtime: &R,
    endpoint: &Endpoint,
    max_message: usize,
) -> Result<Socket<R>, DialError> {
    if endpoint.tls {
        return Err(DialError("TLS is not supported yet, so no wss://".into()));
    }
    let request = uri(endpoint)
        .and_then(IntoClientRequest::into_client_request)
        .map_err(|error| DialError(explain(&error)))?;
    let stream = runtime
        .connect(&endpoint.host, endpoint.port)
        .await
        .map_err(|error| DialError(format!("cannot connect: {error}")))?;
    let config = Some(config(max_message));
    match async_tungstenite::client_async_with_config(request, stream, config).await {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(DialError(explain(&error))),
    }
}

/// Its authority becomes the `Host` header, with the port.
fn uri(endpoint: &Endpoint) -> Result<Uri, Error> {
    let Endpoint {
        host, port, path, ..
    } = endpoint;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let uri = Uri::builder()
        .scheme("ws")
        .authority(format!("{host}:{port}"))
        .path_and_query(path.as_str())
        .build()?;
    Ok(uri)
}

/// Buffers with an end. One batch fits into the write buffer whatever its messages are.
fn config(max_message: usize) -> WebSocketConfig {
    const WRITE_BUFFER: usize = 128 << 10;
    WebSocketConfig::default()
        .read_buffer_size(16 << 10)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + TURN_BYTES + max_message.max(64 << 10))
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message))
}

/// A short line for people.
fn explain(error: &Error) -> String {
    match error {
        Error::Http(response) => {
            format!(
                "the server answers the WebSocket upgrade with HTTP {}",
                response.status()
            )
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            "the connection ended during the WebSocket upgrade".into()
        }
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(endpoint: &Endpoint) -> String {
        let request = uri(endpoint).unwrap().into_client_request().unwrap();
        request.headers()["Host"].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_host_header_has_the_port() {
        let mut endpoint = Endpoint {
            tls: false,
            host: "b.example".into(),
            port: 80,
            path: "/x?y=1".into(),
        };
        assert_eq!(host(&endpoint), "b.example:80");
        assert_eq!(uri(&endpoint).unwrap().path_and_query().unwrap(), "/x?y=1");
        endpoint.host = "::1".into();
        assert_eq!(host(&endpoint), "[::1]:80");
    }

    #[test]
    fn a_path_that_is_none_is_an_error() {
        let endpoint = Endpoint {
            tls: false,
            host: "b".into(),
            port: 1,
            path: "/a b".into(),
        };
        assert!(uri(&endpoint).is_err());
    }
}
