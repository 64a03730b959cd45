//! `healthcheck`: asks a node's own `/health`, for containers without a shell.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::terminal;

/// No answer of ours is longer.
const MAX_ANSWER: usize = 1 << 20;

/// Asks the node whose health port listens on `health_listen` and prints what it says. `timeout` is for everything
/// together: connecting, asking, reading. The exit code is 0 if the node is healthy, else 1.
pub(crate) fn run(health_listen: SocketAddr, timeout: Duration) -> ExitCode {
    let Verdict { healthy, said } = ask(health_listen, timeout);
    terminal::say(&said);
    if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What came of the question.
#[derive(Debug)]
struct Verdict {
    healthy: bool,
    /// One line for people.
    said: String,
}

fn ask(health_listen: SocketAddr, timeout: Duration) -> Verdict {
    let address = reachable(health_listen);
    match get(address, "/health", Instant::now() + timeout) {
        Ok(answer) => judge(&answer),
        Err(error) => Verdict {
            healthy: false,
            said: format!("no answer from {address}: {error}"),
        },
    }
}

/// Where a listener is reached from its own machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// An HTTP/1.0 request; the answer ends with the connection.
fn get(address: SocketAddr, path: &str, deadline: Instant) -> io::Result<String> {
    let left = || {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::Error::from(io::ErrorKind::TimedOut))
        } else {
            Ok(left)
        }
    };
    let mut stream = TcpStream::connect_timeout(&address, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What an elapsed read timeout is called depends on the system.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
        if answer.len() > MAX_ANSWER {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the answer has no end",
            ));
        }
    }
    String::from_utf8(answer)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the answer is not UTF-8"))
}

fn judge(answer: &str) -> Verdict {
    let code = answer
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.get(..3))
        .unwrap_or("?");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let healthy = code == "200";
    let Some(status) = body["status"].as_str() else {
        return Verdict {
            healthy: false,
            said: format!("the answer is not a node's: HTTP status {code:?}"),
        };
    };
    let said = match body["reason"].as_str() {
        None => status.to_owned(),
        Some(reason) => format!("{status}: {reason}"),
    };
    Verdict { healthy, said }
}
