//! Texts to values: numbers, sizes, durations, words, hosts, URLs.
//!
//! Errors say what is wrong with the text and what would be right. They quote it, so secrets never
//! come here; a URL is quoted without its user, token and query.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ilp_runtime::endpoint::{ServerUrl, parse_url};

use super::problem::{did_you_mean, quoted};

/// Why a text will not do.
pub(crate) struct Invalid {
    /// Follows the name of the key: `is "10"`.
    pub(crate) what: String,
    /// What would do.
    pub(crate) fix: String,
}

impl Invalid {
    pub(crate) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: fix.into(),
        }
    }

    fn value(text: &str, fix: impl Into<String>) -> Self {
        Self::new(format!("is {}", quoted(text)), fix)
    }
}

/// A whole number from `min` to `max`; `_` may group its digits.
pub(crate) fn number(text: &str, min: u64, max: u64) -> Result<u64, Invalid> {
    let digits = text.replace('_', "");
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let fix = || match max {
        u64::MAX => format!("expected a whole number from {min} to 2^64-1"),
        max => format!("expected a whole number from {min} to {max}"),
    };
    match digits.parse() {
        Ok(n) if plain && (min..=max).contains(&n) => Ok(n),
        _ => Err(Invalid::value(text, fix())),
    }
}

/// Bytes: `65536`, `64KiB`, `1MiB`.
pub(crate) fn bytes(text: &str, min: u64, max: u64) -> Result<u64, Invalid> {
    let fix = || {
        let (min, max) = (show_bytes(min), show_bytes(max));
        Invalid::value(
            text,
            format!("expected a number of bytes from {min} to {max}, such as 65536, 64KiB or 1MiB"),
        )
    };
    let (digits, unit) = split_unit(text);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(fix()),
    };
    let n = number(digits, 0, u64::MAX).map_err(|_| fix())?;
    let n = n.checked_mul(factor).ok_or_else(fix)?;
    if (min..=max).contains(&n) {
        Ok(n)
    } else {
        Err(fix())
    }
}

/// A number of bytes as a person would write it.
pub(crate) fn show_bytes(n: u64) -> String {
    match n {
        n if n > 0 && n.is_multiple_of(1 << 30) => format!("{}GiB", n >> 30),
        n if n > 0 && n.is_multiple_of(1 << 20) => format!("{}MiB", n >> 20),
        n if n > 0 && n.is_multiple_of(1 << 10) => format!("{}KiB", n >> 10),
        n => n.to_string(),
    }
}

/// A duration: `250ms`, `30s`, `2m`, `1h`; `1.5s` too. Exact to the millisecond.
pub(crate) fn time(text: &str, min: Duration, max: Duration) -> Result<Duration, Invalid> {
    let range = || {
        let (min, max) = (show_time(min), show_time(max));
        format!("expected a duration from {min} to {max}, such as 250ms, 30s or 2m")
    };
    let (digits, unit) = split_unit(text);
    let factor: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" if number(digits, 0, u64::MAX).is_ok() => {
            let what = format!("is {} without a unit", quoted(text));
            return Err(Invalid::new(what, format!("write {digits}s or {digits}ms")));
        }
        _ => return Err(Invalid::value(text, range())),
    };
    match milliseconds(digits, factor).map(Duration::from_millis) {
        Some(time) if (min..=max).contains(&time) => Ok(time),
        _ => Err(Invalid::value(text, range())),
    }
}

/// `digits` (which may have a decimal point) times `factor`, if that is whole.
fn milliseconds(digits: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let whole = number(whole, 0, u64::MAX).ok()?.checked_mul(factor)?;
    // Six digits are more than any factor can use.
    if fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let part = fraction.parse::<u64>().ok()?.checked_mul(factor)?;
    (part.is_multiple_of(scale)).then(|| whole.checked_add(part / scale))?
}

/// A duration as a person would write it.
pub(crate) fn show_time(time: Duration) -> String {
    match u64::try_from(time.as_millis()).unwrap_or(u64::MAX) {
        ms if ms > 0 && ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        ms if ms > 0 && ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        ms if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// `30s` to `30` and `s`.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    (digits.trim(), unit.trim())
}

/// `true` or `false`, and the other ways in which people say so.
pub(crate) fn boolean(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Invalid::value(text, "expected true or false")),
    }
}

/// One of `words`, in any case.
pub(crate) fn choice(text: &str, words: &'static [&'static str]) -> Result<&'static str, Invalid> {
    let given = text.to_ascii_lowercase();
    if let Some(word) = words.iter().find(|word| **word == given) {
        return Ok(word);
    }
    let hint = did_you_mean(text, words.iter().copied());
    let what = format!("is {}{hint}", quoted(text));
    Err(Invalid::new(
        what,
        format!("expected one of {}", words.join(", ")),
    ))
}

/// An address to bind to: IPv4, IPv6 with or without brackets, or `localhost`.
pub(crate) fn host(text: &str) -> Result<IpAddr, Invalid> {
    if text == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text).parse().map_err(|_| {
        Invalid::value(text, "expected an IP address to bind to: 0.0.0.0 or :: for all, 127.0.0.1 for this machine only")
    })
}

/// `ws://host:port/path`, with `btp+` and `user:token@` if it was copied from a JavaScript plugin.
pub(crate) fn peer_url(text: &str) -> Result<ServerUrl, Invalid> {
    parse_url(text).map_err(|error| {
        let what = format!("is {}: {error}", quoted(&without_secrets(text)));
        let fix = "write ws://host:port or wss://host:port, optionally with a path";
        Invalid::new(what, fix)
    })
}

/// Whether what stands where a host and its port should may be a user and a token whose host was left out.
fn may_be_user_and_token(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.split_once(':').map(|(_, port)| port);
    !authority.starts_with('[') && port.is_some_and(|p| !p.bytes().all(|b| b.is_ascii_digit()))
}

/// A URL that may be printed, whatever is wrong with it: without user and token, and without query and fragment,
/// which some put a token into.
fn without_secrets(text: &str) -> String {
    let scheme = [
        "ws://",
        "wss://",
        "btp+ws://",
        "btp+wss://",
        "http://",
        "https://",
    ]
    .into_iter()
    .find(|scheme| text.starts_with(scheme));
    // any other scheme may be the beginning of the secret
    let scheme = scheme.unwrap_or_default();
    let (user, host) = match text.rfind('@') {
        Some(at) => ("***@", at + 1),
        None => ("", scheme.len()),
    };
    if user.is_empty() && may_be_user_and_token(&text[host..]) {
        return format!("{scheme}***");
    }
    match text.find(['?', '#']) {
        // nobody can tell which part of it is what
        Some(end) if end < host => format!("{scheme}***"),
        Some(end) => format!("{scheme}{user}{}***", &text[host..=end]),
        None => format!("{scheme}{user}{}", &text[host..]),
    }
}
