//! `decode`: bytes from a log or a network trace, taken apart for people and scripts.
//!
//! One JSON object: the fields in the order of the wire, bytes as hexadecimal digits in fields that
//! end in `_hex`, amounts as strings (JSON readers round large numbers). An `ilp` entry of a BTP frame
//! is decoded in its turn. What cannot be read gives `error`, `field`, `offset` and a `message`.

mod packet;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use ilp_proto::{DecodeError, DecodeErrorKind};
use serde::Serialize;

use crate::cli::{DecodeArgs, Kind};
use crate::terminal;
use packet::Decoded;

/// The longest standard input, in bytes; a WebSocket message of 16 MiB fits.
const MAX_INPUT: u64 = 64 << 20;

/// Why there is nothing to show.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Failure {
    /// A word for scripts.
    error: &'static str,
    /// The field, by the name that its RFC gives it.
    field: &'static str,
    /// Where, counted in bytes from the start; of `bad_hex`, in characters.
    offset: usize,
    /// The same for people.
    message: String,
}

/// Runs the command: 0 if the bytes could be read, 1 if not.
pub(crate) fn main(args: &DecodeArgs) -> ExitCode {
    let text = match input(&args.hex) {
        Ok(text) => text,
        Err(error) => {
            terminal::complain(&format!(
                "ilp-connector: standard input cannot be read: {error}"
            ));
            return ExitCode::FAILURE;
        }
    };
    match decode(args.kind, text) {
        Ok(decoded) => {
            terminal::say(&json(&decoded));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            terminal::say(&json(&failure));
            ExitCode::FAILURE
        }
    }
}

fn input(args: &[String]) -> io::Result<Vec<u8>> {
    if args != ["-"] {
        return Ok(args.join(" ").into_bytes());
    }
    let mut text = Vec::new();
    io::stdin().take(MAX_INPUT).read_to_end(&mut text)?;
    Ok(text)
}

/// On one line for scripts, indented for people.
fn json(value: &impl Serialize) -> String {
    let text = if io::stdout().is_terminal() {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    // Only maps with keys other than strings fail, and there are none.
    text.unwrap_or_default()
}

/// Decodes hexadecimal text.
fn decode(kind: Kind, text: impl AsRef<[u8]>) -> Result<Decoded, Failure> {
    let bytes = match std::str::from_utf8(text.as_ref()) {
        Ok(text) => unhex(text)?,
        Err(error) => return Err(binary(text.as_ref(), error.valid_up_to())),
    };
    packet::decode(kind, &bytes).map_err(Failure::from)
}

/// Text that ends being text after so many bytes.
fn binary(text: &[u8], end: usize) -> Failure {
    let text = String::from_utf8_lossy(&text[..end]);
    let offset = text.chars().count();
    let failure = Failure {
        error: "bad_hex",
        field: "hex",
        offset,
        message: format!(
            "at offset {offset} there is no text: give hexadecimal digits, such as `xxd -p` makes of bytes"
        ),
    };
    // what is wrong before that comes first, except a digit that lacks its other half
    unhex(&text)
        .err()
        .filter(|earlier| earlier.offset < offset)
        .unwrap_or(failure)
}

/// Reads past blanks, and past `0x` where digits begin.
fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    let bad = |offset, message: &str| Failure {
        error: "bad_hex",
        field: "hex",
        offset,
        message: format!("at offset {offset} {message}"),
    };
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    let mut chars = text.chars().enumerate().peekable();
    let mut fresh = true;
    while let Some((at, c)) = chars.next() {
        if c.is_whitespace() {
            fresh = true;
            continue;
        }
        if c == '0' && fresh && high.is_none() && matches!(chars.peek(), Some((_, 'x' | 'X'))) {
            chars.next();
            fresh = false;
            continue;
        }
        fresh = false;
        let Some(digit) = c.to_digit(16) else {
            return Err(bad(
                at,
                &format!("there is {c:?}, which is no hexadecimal digit"),
            ));
        };
        // a digit in base 16 fits
        let digit = digit as u8;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(bad(
            text.chars().count(),
            "a digit is missing, each byte has two",
        )),
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self {
            error: slug(error.kind),
            field: error.field,
            offset: error.offset,
            message: error.to_string(),
        }
    }
}

fn slug(kind: DecodeErrorKind) -> &'static str {
    match kind {
        DecodeErrorKind::Truncated { .. } => "eof",
        DecodeErrorKind::LengthNotCanonical => "noncanonical_length",
        DecodeErrorKind::LengthIndefinite => "indefinite_length",
        DecodeErrorKind::LengthTooLong => "length_too_large",
        DecodeErrorKind::NumberNotCanonical => "noncanonical_varuint",
        DecodeErrorKind::NumberTooLong { .. } => "varuint_too_large",
        DecodeErrorKind::UnknownType(_) => "unknown_type",
        DecodeErrorKind::BadTime(_) => "bad_timestamp",
        DecodeErrorKind::BadAddress(_) => "bad_address",
        DecodeErrorKind::TooLong { .. } => "too_long",
        DecodeErrorKind::NotAscii => "not_ia5",
        DecodeErrorKind::NotUtf8 => "not_utf8",
        // the enum may grow
        _ => "unreadable",
    }
}
