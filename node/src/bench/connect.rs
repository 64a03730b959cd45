//! From a URL to a socket that speaks BTP.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use btp_proto::{Carrier, Credentials, Frame, Protocol, Protocols, Secret, put_ilp_frame};
use bytes::BytesMut;
use ilp_proto::{Address, IldcpResponse, Packet, ildcp};
use ilp_runtime::Clock;
use ilp_runtime::endpoint::parse_url;
use rustix::event::PollFlags;
use rustls::StreamOwned;

use super::engine::wait;
use super::packets::error_words;
use super::socket::Socket;
use super::tls::{Tls, Trust};

const PATIENCE: Duration = Duration::from_secs(10);
/// Ids of our first two requests.
const AUTH: u32 = 1;
const ILDCP: u32 = 2;

/// A server, and who we are there. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub(super) struct Account {
    host: String,
    port: u16,
    path: String,
    credentials: Credentials,
    /// With TLS: whom to trust.
    trust: Option<Trust>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.credentials.username.as_deref();
        let scheme = if self.trust.is_some() { "wss" } else { "ws" };
        write!(f, "{scheme}://{}:{}", bracketed(&self.host), self.port)?;
        user.map_or(Ok(()), |user| write!(f, " as {user:?}"))
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

impl Account {
    /// Puts together what flags say; what the URL lacks is in `user` and `token`.
    ///
    /// # Errors
    /// When the URL is none, or wants TLS and nobody is said to be trusted.
    pub(super) fn new(
        url: &str,
        user: Option<String>,
        token: Option<Secret>,
        trust: Option<&Trust>,
    ) -> Result<Self, String> {
        let url = parse_url(url).map_err(|error| error.to_string())?;
        if url.endpoint.tls && trust.is_none() {
            return Err("wss:// needs --ca-file FILE: the authorities to trust".into());
        }
        let of_url = url.username.filter(|name| !name.is_empty());
        let token = token.or(url.token).unwrap_or_else(|| Secret::new(""));
        Ok(Self {
            host: url.endpoint.host,
            port: url.endpoint.port,
            path: url.endpoint.path,
            trust: trust.filter(|_| url.endpoint.tls).cloned(),
            credentials: Credentials {
                username: user.or(of_url),
                token,
            },
        })
    }

    /// Connects and authenticates.
    ///
    /// # Errors
    /// In words, with the server and the user but without the token.
    pub(super) fn open(&self) -> Result<Socket, String> {
        self.opened()
            .map_err(|error| format!("cannot attach to {self}: {error}"))
    }

    fn opened(&self) -> Result<Socket, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .map_err(|error| format!("cannot connect: {error}"))?;
        let of_io = |error| format!("cannot set up a socket: {error}");
        stream.set_read_timeout(Some(PATIENCE)).map_err(of_io)?;
        stream.set_nodelay(true).map_err(of_io)?;
        let host = bracketed(&self.host);
        let url = format!("ws://{host}:{}{}", self.port, self.path);
        // a BTP server speaks when it is spoken to: nothing is read beyond the handshake
        let mut socket = match &self.trust {
            None => Socket::new(upgraded(&url, stream)?)?,
            Some(trust) => {
                let mut tls = StreamOwned::new(trust.client(&self.host)?, stream);
                while tls.conn.is_handshaking() {
                    let done = tls.conn.complete_io(&mut tls.sock);
                    done.map_err(|error| format!("no TLS: {error}"))?;
                }
                let StreamOwned { conn, sock } = upgraded(&url, tls)?;
                Socket::secure(sock, Tls::new(conn))?
            }
        };
        self.authenticate(&mut socket)?;
        Ok(socket)
    }

    fn authenticate(&self, socket: &mut Socket) -> Result<(), String> {
        let Credentials { username, token } = &self.credentials;
        let mut protocols = vec![Protocol::octets("auth", &[])];
        if let Some(user) = username {
            protocols.push(Protocol::text("auth_username", user));
        }
        protocols.push(Protocol::text("auth_token", token.as_str()));
        let mut frame = BytesMut::new();
        Frame::Message {
            id: AUTH,
            protocols: Protocols::new(&protocols),
        }
        .encode(&mut frame);
        socket.send(&frame, |_| {});
        answer_to(AUTH, socket, |_| Ok(()))
    }
}

/// Does the client's half of the WebSocket handshake.
fn upgraded<S: Read + Write>(url: &str, stream: S) -> Result<S, String> {
    let (socket, _) = tungstenite::client::client(url, stream)
        .map_err(|error| format!("no WebSocket upgrade: {error}"))?;
    Ok(socket.into_inner())
}

/// Asks for our own address there.
///
/// # Errors
/// When the server does not tell.
pub(super) fn learn_address(socket: &mut Socket) -> Result<Address, String> {
    let request = ildcp::request(Clock::now().wall);
    let mut frame = BytesMut::new();
    put_ilp_frame(&mut frame, Carrier::Message, ILDCP, request.encoded_len());
    request.encode(&mut frame);
    socket.send(&frame, |_| {});
    answer_to(ILDCP, socket, |protocols| {
        let ilp = protocols.get("ilp").map(|ilp| Packet::parse(ilp.data));
        let Some(Ok(Packet::Fulfill(fulfill))) = ilp else {
            return Err("no address was assigned to the receiver; give --to".into());
        };
        match IldcpResponse::from_fulfill(&fulfill) {
            Ok(response) => Ok(response.client_address.to_owned()),
            Err(error) => Err(format!("{error}; give --to")),
        }
    })
}

/// Waits for the answer to a request; other messages are read past.
fn answer_to<T>(
    request: u32,
    socket: &mut Socket,
    read: impl Fn(Protocols<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        socket.flush()?;
        while let Some(message) = socket.next()? {
            match Frame::parse(socket.bytes(message)) {
                Ok(Frame::Response { id, protocols }) if id == request => return read(protocols),
                Ok(Frame::Error { id, error, .. }) if id == request => {
                    return Err(format!("refused: {}", error_words(&error)));
                }
                _ => {}
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("no answer in time".into());
        }
        let mut wanted = [PollFlags::IN; 2];
        wanted[0].set(PollFlags::OUT, socket.unsent());
        wait([socket.stream(); 2], wanted, left);
        socket.fill()?;
    }
}
