//! The URLs that people write: `[btp+]ws[s]://[user:token@]host[:port][/path]`.

use btp_proto::{Credentials, Secret};
use ilp_router::config::Endpoint;
use thiserror::Error;
use url::{Host, Url};

/// Why a text is no URL of a BTP server. Never quotes the text, which may hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("expected a URL that begins with ws://, wss://, btp+ws:// or btp+wss://")]
    Scheme,
    /// Not a URL; the text says what is wrong.
    #[error("not a URL of the form ws://host:port/path: {0}")]
    Malformed(url::ParseError),
    /// Nothing between `//` and the port or path.
    #[error("expected a host name or IP address, as in ws://localhost:3000")]
    NoHost,
    /// A port that nothing can listen on.
    #[error("expected a port from 1 to 65535")]
    Port,
    /// `#…`, which the WebSocket protocol has no use for (RFC 6455 section 3).
    #[error("a WebSocket URL has no fragment; write # as %23")]
    Fragment,
    /// A `/`, `\` or `?` before the `@`: it ends the host, and what follows would be taken for a path or query.
    #[error(
        "a / \\ or ? before the @ ends the host; write %2F, %5C or %3F in a user or token, and %40 for an @ in a path"
    )]
    Slash,
    /// A user or token whose percent-decoded bytes are no text.
    #[error("the user and the token, percent-decoded, must be UTF-8")]
    Encoding,
}

/// A URL taken apart. `Debug` shows no token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerUrl {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// What stands before the `@` and its colon. Empty where that begins with the colon: a token, and nobody's name.
    pub username: Option<String>,
    /// What stands between the colon and the `@`.
    pub token: Option<Secret>,
}

impl ServerUrl {
    /// User and token, if there is a token. An empty user is none.
    #[must_use]
    pub fn credentials(self) -> Option<Credentials> {
        Some(Credentials {
            username: self.username.filter(|name| !name.is_empty()),
            token: self.token?,
        })
    }
}

/// Reads the URL of a BTP server.
///
/// The scheme is `ws` or `wss`, which `btp+` may precede, in any case. The port defaults to 80 for `ws`, 443
/// for `wss`; the path to `/`, and it keeps its query. An IPv6 address stands in brackets. User and token are
/// percent-decoded; either may be missing: `ws://user@host`, `ws://:token@host`.
///
/// ```
/// # fn main() -> Result<(), ilp_runtime::endpoint::UrlError> {
/// let url = ilp_runtime::endpoint::parse_url("btp+ws://alice:s%40cret@localhost:3000/accounts/alice/ilp/btp")?;
/// assert_eq!(url.endpoint.to_string(), "ws://localhost:3000/accounts/alice/ilp/btp");
/// assert_eq!(url.username.as_deref(), Some("alice"));
/// assert!(url.token.is_some_and(|token| token.as_str() == "s@cret"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// See [`UrlError`]; none of them quotes the URL.
pub fn parse_url(text: &str) -> Result<ServerUrl, UrlError> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
    let scheme = scheme.to_ascii_lowercase();
    let tls = match scheme.strip_prefix("btp+").unwrap_or(&scheme) {
        "ws" => false,
        "wss" => true,
        _ => return Err(UrlError::Scheme),
    };
    // the parser would look for a host in the path of `ws:///path`
    if rest.starts_with(['/', '?', '#']) || rest.is_empty() {
        return Err(UrlError::NoHost);
    }
    if rest
        .split_once(['/', '\\', '?'])
        .is_some_and(|(_, path)| path.contains('@'))
    {
        return Err(UrlError::Slash);
    }
    let scheme = if tls { "wss" } else { "ws" };
    let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|error| match error {
        url::ParseError::EmptyHost => UrlError::NoHost,
        url::ParseError::InvalidPort => UrlError::Port,
        other => UrlError::Malformed(other),
    })?;
    if url.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(UrlError::NoHost),
    };
    let port = url
        .port_or_known_default()
        .filter(|&port| port != 0)
        .ok_or(UrlError::Port)?;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let token = url.password().map(percent_decode).transpose()?;
    // without either there is no `@`, or nothing before it
    let named = token.is_some() || !url.username().is_empty();
    Ok(ServerUrl {
        endpoint: Endpoint {
            tls,
            host,
            port,
            path,
        },
        username: named.then(|| percent_decode(url.username())).transpose()?,
        token: token.map(Secret::from),
    })
}

/// Replaces every `%XX` by its byte; a `%` that two hex digits do not follow stays.
fn percent_decode(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = match (first, tail) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = decoded {
            bytes.push(high << 4 | low);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Encoding)
}

fn hex_digit(digit: u8) -> Option<u8> {
    // `to_digit(16)` is below 16
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests;
