//! From a TCP stream, by way of TLS if that is wanted, to a WebSocket; in both directions.

use std::io;

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use ilp_router::DialError;
use ilp_router::config::Endpoint;
use tungstenite::Error;
use tungstenite::client::IntoClientRequest;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::{Response as HttpResponse, Uri};

use crate::Runtime;
use crate::head::Head;
use crate::link::LINGER;
use crate::pump;
use crate::reach::reach;
use crate::tls::{Other, Refusal, TlsClient, TlsServer, in_words};
use crate::transport::{SpeaksTls, Transport};
use crate::ws::Role;

/// What the bytes of a link go through.
pub(crate) type Stream<R> = Transport<<R as Runtime>::Stream>;

/// What its messages go through.
pub(crate) type Socket<R> = pump::Socket<Stream<R>>;

/// A connection that was accepted and upgraded.
pub(crate) struct Accepted<R: Runtime> {
    pub(crate) socket: Socket<R>,
    /// The path of the request, without its query.
    pub(crate) path: String,
    /// The names in a verified client certificate; none without one.
    pub(crate) client_names: Vec<String>,
}

/// The server's half. Whoever is no WebSocket client, or forgets the TLS, gets an HTTP answer that says so.
///
/// No sub-protocol is asked for or agreed to (BTP uses none), and extensions are declined.
pub(crate) async fn accept<R: Runtime>(
    runtime: &R,
    tls: Option<&TlsServer>,
    stream: R::Stream,
    max_message: usize,
) -> Result<Accepted<R>, String> {
    let (stream, client_names) = match tls {
        None => (Transport::plain(stream), Vec::new()),
        Some(tls) => match tls.accept(stream).await {
            Ok(accepted) => accepted,
            Err(Refusal {
                why,
                stream,
                status,
            }) => {
                dismiss(runtime, stream, status).await;
                return Err(why);
            }
        },
    };
    let mut path = String::new();
    let mut head = Head::new(stream);
    let callback = RememberPath(&mut path);
    let upgrade = async_tungstenite::accept_hdr_async(&mut head, callback).await;
    let (upgrade, (stream, early)) = (upgrade.map(drop), head.into_parts());
    match upgrade {
        Ok(()) => Ok(Accepted {
            socket: pump::Socket {
                stream,
                role: Role::Server,
                max_message,
                early,
            },
            path,
            client_names,
        }),
        Err(error) => {
            if let Some(status) = refusal(&error) {
                dismiss(runtime, stream, Some(status)).await;
            }
            Err(explain(&error, Other::Client))
        }
    }
}

/// Hangs up politely: with an HTTP answer if there is a `status`, and not before the other side has, lest its TCP
/// throws the answer or the last words of TLS away. Takes a second at most; whether it arrives changes nothing.
async fn dismiss<S: AsyncRead + AsyncWrite + Unpin>(
    runtime: &impl Runtime,
    mut stream: S,
    status: Option<&str>,
) {
    /// More than this is not listened to.
    const ENOUGH: usize = 64 << 10;
    let hang_up = async {
        if let Some(status) = status {
            let body = "This port speaks BTP over WebSocket.\n";
            let answer = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        let _ = stream.close().await;
        let (mut scratch, mut seen) = ([0; 1 << 10], 0);
        while let Ok(len @ 1..) = stream.read(&mut scratch).await
            && seen < ENOUGH
        {
            seen += len;
        }
    };
    future::or(hang_up, runtime.sleep(LINGER)).await;
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

/// The HTTP status, with headers, for a client that does not ask for a WebSocket; `None` when nobody listens.
fn refusal(error: &Error) -> Option<&'static str> {
    let error = match error {
        Error::Protocol(error) => error,
        // a TLS client can tell from this that there is no TLS
        Error::Io(_) if speaks_tls(error) => return Some("400 Bad Request"),
        _ => return None,
    };
    Some(match error {
        ProtocolError::HandshakeIncomplete => return None,
        ProtocolError::MissingConnectionUpgradeHeader
        | ProtocolError::MissingUpgradeWebSocketHeader
        | ProtocolError::MissingSecWebSocketVersionHeader => {
            "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
        }
        _ => "400 Bad Request",
    })
}

/// Why there is no link to a server, for people.
#[derive(Debug)]
pub(crate) enum Unreached {
    /// Nobody whom we trust has signed its certificate.
    Untrusted(String),
    /// Anything else.
    Other(String),
}

/// What a node says, whose settings have names.
impl From<Unreached> for DialError {
    fn from(unreached: Unreached) -> Self {
        Self(match unreached {
            Unreached::Untrusted(why) => format!("{why}: set caFile"),
            Unreached::Other(why) => why,
        })
    }
}

/// The client's half: resolve, connect, TLS, upgrade. How long it may take is the caller's business.
///
/// `tls` is used if the endpoint asks for it.
pub(crate) async fn dial<R: Runtime>(
    runtime: &R,
    endpoint: &Endpoint,
    tls: &TlsClient,
    max_message: usize,
) -> Result<Socket<R>, Unreached> {
    let server = Other::Server(&endpoint.host);
    let request = uri(endpoint)
        .and_then(IntoClientRequest::into_client_request)
        .map_err(|error| Unreached::Other(explain(&error, server)))?;
    let stream = reach(runtime, &endpoint.host, endpoint.port)
        .await
        .map_err(|error| Unreached::Other(format!("cannot connect: {error}")))?;
    let stream = if endpoint.tls {
        tls.connect(&endpoint.host, stream).await?
    } else {
        Transport::plain(stream)
    };
    let mut head = Head::new(stream);
    let upgrade = async_tungstenite::client_async(request, &mut head).await;
    let (upgrade, (stream, early)) = (upgrade.map(drop), head.into_parts());
    match upgrade {
        Ok(()) => Ok(pump::Socket {
            stream,
            role: Role::Client,
            max_message,
            early,
        }),
        Err(error) => Err(Unreached::Other(explain(&error, server))),
    }
}

/// Its authority becomes the `Host` header, with the port unless it is the default one (RFC 6455 section 4.1).
fn uri(endpoint: &Endpoint) -> Result<Uri, Error> {
    let Endpoint {
        tls,
        host,
        port,
        path,
    } = endpoint;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let uri = Uri::builder()
        .scheme("ws")
        .authority(match (tls, port) {
            (false, 80) | (true, 443) => host,
            _ => format!("{host}:{port}"),
        })
        .path_and_query(path.as_str())
        .build()?;
    Ok(uri)
}

/// Whether the other side sent TLS where none was expected.
fn speaks_tls(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<SpeaksTls>()))
}

/// A short line for people: why there is no WebSocket with `other`.
fn explain(error: &Error, other: Other<'_>) -> String {
    match error {
        _ if speaks_tls(error) => match other {
            Other::Server(_) => "the server speaks TLS on this port: use wss://".into(),
            Other::Client => "the client speaks TLS, which this port does not".into(),
        },
        Error::Http(response) if wants_tls(response) => {
            "the server wants TLS on this port: use wss://".into()
        }
        Error::Http(response) => {
            format!(
                "the server answers the WebSocket upgrade with HTTP {}",
                response.status()
            )
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            "the connection ended during the WebSocket upgrade".into()
        }
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection ended during the WebSocket upgrade".into()
        }
        // a server may judge our certificate as late as that
        Error::Io(error) => in_words(error, other),
        error => format!("no WebSocket upgrade: {error}"),
    }
}

/// Whether that is what we answer ourselves to a plain request where TLS is wanted (RFC 2817 section 4.2).
fn wants_tls<T>(response: &HttpResponse<T>) -> bool {
    let upgrade = response.headers().get("Upgrade");
    response.status().as_u16() == 426 && upgrade.is_some_and(|to| to.as_bytes().starts_with(b"TLS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(endpoint: &Endpoint) -> String {
        let request = uri(endpoint).unwrap().into_client_request().unwrap();
        request.headers()["Host"].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_host_header_has_the_port_unless_it_is_the_default_one() {
        let mut endpoint = Endpoint {
            tls: false,
            host: "b.example".into(),
            port: 80,
            path: "/x?y=1".into(),
        };
        assert_eq!(host(&endpoint), "b.example");
        assert_eq!(uri(&endpoint).unwrap().path_and_query().unwrap(), "/x?y=1");
        endpoint.tls = true;
        assert_eq!(host(&endpoint), "b.example:80");
        endpoint.port = 443;
        assert_eq!(host(&endpoint), "b.example");
        endpoint.host = "::1".into();
        assert_eq!(host(&endpoint), "[::1]");
        endpoint.port = 3000;
        assert_eq!(host(&endpoint), "[::1]:3000");
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
