//! The arguments of `send`, `receive`, `ping` and `demo`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use btp_proto::{Credentials, Secret};
use clap::Args;
use ilp_proto::{Address, MAX_DATA};
use ilp_router::config::Endpoint;
use ilp_runtime::endpoint::{ServerUrl, parse_url};
use ilp_runtime::tls::{TlsClientOptions, TlsIdentity};

use super::fulfilment::Key;
use super::load::{MAX_IN_FLIGHT, PEER_IN_FLIGHT, UNIQUE_LEN};
use crate::config;

/// Where to attach, and as whom.
#[derive(Args, Clone, Debug)]
pub(crate) struct AttachArgs {
    /// BTP server to attach to: ws://HOST:PORT/PATH, ws://USER@HOST:PORT/PATH, or ws://USER:TOKEN@HOST:PORT/PATH
    #[arg(long, value_name = "URL")]
    via: Hidden,
    /// Account there, sent as auth_username; without it the server knows us by the token
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Secret of the account. ILP_TOKEN in the environment keeps it out of the list of processes
    #[arg(long, value_name = "TOKEN")]
    token: Option<Hidden>,
    #[command(flatten)]
    tls: TlsArgs,
}

/// How a `wss://` server is told from an impostor, and we from one to it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TlsArgs {
    /// Authorities (PEM) to trust with a wss:// server, instead of the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Certificate (PEM) to show a wss:// server that asks for one
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Private key (PEM) of --cert-file
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
}

impl TlsArgs {
    fn options(&self) -> TlsClientOptions {
        let mut options = TlsClientOptions::new();
        options.ca_file.clone_from(&self.ca_file);
        let files = self.cert_file.as_ref().zip(self.key_file.as_ref());
        options.identity = files.map(|(cert, key)| TlsIdentity::new(cert, key));
        options
    }
}

/// Shared by sender and receiver.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// Secret that sender and receiver share: fulfillments are HMAC-SHA256 of packet data under it. Or ILP_KEY in
    /// the environment
    #[arg(long, value_name = "KEY")]
    key: Option<Hidden>,
}

/// Sends packets to a receiver that has the same key, and counts what comes back.
///
/// Exits with 0 if all packets were fulfilled, with 1 if not, with 130 after Ctrl-C.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Example, with a node that has the children alice and bob:
  export ILP_KEY=a-secret-of-both
  ilp-connector receive --via ws://bob:TOKEN@localhost:3000
  ilp-connector send --via ws://alice:TOKEN@localhost:3000 --to test.node.bob --count 1000")]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) attach: AttachArgs,
    /// Where to send: the address that `ilp-connector receive` prints
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Address,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Packets to send
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    pub(crate) count: u64,
    /// Packets that wait for their answer at a time
    #[arg(long, value_name = "M", default_value_t = 32, value_parser = in_flight)]
    pub(crate) in_flight: usize,
    /// Amount of each packet, in units of the account
    #[arg(long, value_name = "UNITS", default_value_t = 1, value_parser = amount)]
    pub(crate) amount: u64,
    /// Time until a packet expires; every connector on the way keeps a second of it
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) expiry: Duration,
    /// What each packet carries, before the 24 bytes that make it unique
    #[arg(long, value_name = "TEXT", default_value = "", value_parser = data)]
    pub(crate) data: String,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Fulfils packets from senders that have the same key, until Ctrl-C, and counts them.
///
/// When the server goes away it attaches again, for ever, unless --once is given. Exits with 0 at Ctrl-C, with 1 if
/// it never was attached, or when another client takes the account.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Example, with a node that has the child bob:
  ILP_KEY=a-secret-of-both ilp-connector receive --via ws://bob:TOKEN@localhost:3000")]
pub(crate) struct ReceiveArgs {
    #[command(flatten)]
    pub(crate) attach: AttachArgs,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Own address, for servers that do not tell it (ILDCP)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<Address>,
    /// Exit with 1 when the server cannot be reached or goes away
    #[arg(long)]
    pub(crate) once: bool,
    /// Print JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// Asks a connector to send a packet back, again and again, and prints how long that takes.
///
/// Exits with 0 if any answer came, with 1 if none did.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Example, with a node that has the child alice:
  ilp-connector ping test.node --via ws://alice:TOKEN@localhost:3000 --count 3")]
pub(crate) struct PingArgs {
    /// Address of the connector to ping
    #[arg(value_name = "ADDRESS")]
    pub(crate) destination: Address,
    #[command(flatten)]
    pub(crate) attach: AttachArgs,
    /// Own address, for servers that do not tell it (ILDCP)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<Address>,
    /// Stop after so many pings; without it, at Ctrl-C
    #[arg(long, short, value_name = "N", value_parser = count)]
    pub(crate) count: Option<u64>,
    /// Time between pings
    #[arg(long, short, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) interval: Duration,
    /// How long to wait for an answer
    #[arg(long, short = 'W', value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Amount of each ping; some connectors refuse 0
    #[arg(long, value_name = "UNITS", default_value_t = 0, value_parser = amount)]
    pub(crate) amount: u64,
    /// Print JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// Shows three connectors at work on this machine, in one process, with real WebSockets.
///
/// Exits with 0 only if everything it shows has happened.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct DemoArgs {
    /// Packets to send through the chain
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = count)]
    pub(crate) count: u64,
    /// Packets that wait for their answer at a time
    #[arg(long, value_name = "M", default_value_t = 64, value_parser = demo_in_flight)]
    pub(crate) in_flight: usize,
}

/// A text that holds, or may hold, a secret. `Debug` does not show it, and neither do clap's errors: it
/// is only read once the command line as a whole is good.
#[derive(Clone)]
struct Hidden(Secret);

impl FromStr for Hidden {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Secret::new(text)))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// A command line that makes no sense: what is wrong, and a hint. The exit code is 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Usage(pub(crate) String);

/// Where to attach, and as whom; ready to be dialled. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The server.
    pub(crate) endpoint: Endpoint,
    /// Our account there.
    pub(crate) credentials: Credentials,
    /// What counts if it is a `wss://` server.
    pub(crate) tls: TlsClientOptions,
}

impl AttachArgs {
    /// Puts the URL, the flags and the environment together.
    ///
    /// # Errors
    /// When the URL is none, or a flag contradicts it.
    pub(crate) fn target(&self, env: impl Fn(&str) -> Option<String>) -> Result<Target, Usage> {
        let given = self.token.as_ref().map(|token| token.0.clone());
        let elsewhere = given.clone().or_else(|| secret(env, "ILP_TOKEN"));
        let ServerUrl {
            endpoint,
            username: url_user,
            token: url_token,
            ..
        } = parse_url(self.via.0.as_str()).map_err(|error| Usage(format!("--via: {error}")))?;
        let url_user = url_user.filter(|user| !user.is_empty());
        if url_user.is_some() && url_token.is_none() && elsewhere.is_none() {
            let hint = "a user without a token: give --token, or set ILP_TOKEN";
            return Err(Usage(format!("--via: {hint}")));
        }
        if url_user.is_some() && self.user.is_some() {
            return Err(twice("--user", "user"));
        }
        if url_token.is_some() && given.is_some() {
            return Err(twice("--token", "token"));
        }
        let username = self
            .user
            .clone()
            .or(url_user)
            .filter(|user| !user.is_empty());
        let token = url_token.or(elsewhere);
        // RFC-0023: the token is always sent, an empty one if there is none
        let token = token.unwrap_or_else(|| Secret::new(""));
        Ok(Target {
            endpoint,
            credentials: Credentials { username, token },
            tls: self.tls.options(),
        })
    }
}

impl KeyArgs {
    /// The key from the flag or the environment.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn key(&self, env: impl Fn(&str) -> Option<String>) -> Result<Key, Usage> {
        let given = self.key.as_ref().map(|key| key.0.clone());
        let key = given
            .or_else(|| secret(env, "ILP_KEY"))
            .filter(|key| !key.is_empty());
        let hint = "no key: give --key KEY or set ILP_KEY, the same for sender and receiver";
        Ok(Key::new(key.ok_or_else(|| Usage(hint.into()))?.as_str()))
    }
}

fn twice(flag: &str, what: &str) -> Usage {
    Usage(format!(
        "the URL of --via holds a {what} already: leave out {flag}, or the one in the URL"
    ))
}

fn secret(env: impl Fn(&str) -> Option<String>, name: &str) -> Option<Secret> {
    // what compose files make of a variable that nobody set is empty
    env(name)
        .filter(|value| !value.is_empty())
        .map(Secret::from)
}

fn count(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|n| *n > 0);
    number.ok_or_else(|| "expected a whole number, 1 or more".to_owned())
}

fn amount(text: &str) -> Result<u64, String> {
    let max = u64::MAX;
    text.parse()
        .map_err(|_| format!("expected a whole number of units from 0 to {max}"))
}

fn in_flight(text: &str) -> Result<usize, String> {
    up_to(MAX_IN_FLIGHT, text)
}

/// What a connector takes from one peer by default.
fn demo_in_flight(text: &str) -> Result<usize, String> {
    up_to(PEER_IN_FLIGHT, text)
}

fn up_to(max: usize, text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=max).contains(n));
    number.ok_or_else(|| format!("expected a number from 1 to {max}"))
}

/// Leaves room for what makes a packet unique.
fn data(text: &str) -> Result<String, String> {
    const MAX: usize = MAX_DATA - UNIQUE_LEN;
    if text.len() <= MAX {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{} bytes are too many for a packet, {MAX} fit",
            text.len()
        ))
    }
}

/// As configurations have them; more than zero, at most an hour.
fn duration(text: &str) -> Result<Duration, String> {
    let range = (Duration::from_millis(1), Duration::from_secs(3_600));
    config::time(text, range.0, range.1)
        .map_err(|invalid| format!("it {}: {}", invalid.what, invalid.fix))
}

#[cfg(test)]
mod tests;
