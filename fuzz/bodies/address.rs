//! Addresses and prefixes against the rule of RFC-0015 written down the slow way.

use ilp_proto::{Addr, Address, Prefix};

use super::gauge::without_allocating;

const SCHEMES: [&str; 10] = [
    "g", "private", "example", "peer", "self", "test", "test1", "test2", "test3", "local",
];

/// What RFC-0015 says, part by part.
fn is_address(text: &str) -> bool {
    let mut parts = text.split('.');
    let scheme = parts.next().is_some_and(|first| SCHEMES.contains(&first));
    let segment = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_~-".contains(c))
    };
    let segments: Vec<&str> = parts.collect();
    scheme
        && !segments.is_empty()
        && segments.into_iter().all(segment)
        && text.len() <= Addr::MAX_LEN
}

/// Whether all parts of `prefix` are the first parts of `text`.
fn is_within(text: &str, prefix: &str) -> bool {
    let mut parts = text.split('.');
    prefix.is_empty() || prefix.split('.').all(|part| parts.next() == Some(part))
}

pub(crate) fn run(input: &[u8]) {
    // a NUL parts the address from a prefix
    let cut = input.iter().position(|&b| b == 0).unwrap_or(input.len());
    let (first, second) = (&input[..cut], input.get(cut + 1..).unwrap_or_default());
    let parsed = without_allocating(|| Addr::parse(first));
    match (core::str::from_utf8(first), parsed) {
        (Ok(text), Ok(addr)) => {
            assert!(is_address(text), "{text:?} is taken");
            good(addr, text);
            if let Ok(other) = core::str::from_utf8(second) {
                beside(addr, other);
            }
        }
        (Ok(text), Err(error)) => {
            assert!(!is_address(text), "{text:?} is refused: {error}");
            assert_eq!(Addr::new(text), Err(error));
            assert!(error.offset() <= text.len());
            let _ = error.to_string();
        }
        (Err(_), parsed) => assert!(parsed.is_err()),
    }
    if let Ok(text) = core::str::from_utf8(first) {
        let expected = text.is_empty() || SCHEMES.contains(&text) || is_address(text);
        assert_eq!(Prefix::new(text).is_ok(), expected, "the prefix {text:?}");
    }
}

fn good(addr: Addr<'_>, text: &str) {
    assert_eq!(addr.as_str(), text);
    assert_eq!(Addr::new(text), Ok(addr));
    assert_eq!(addr.to_owned().as_addr(), addr);
    assert_eq!(addr.to_string(), text);
    let segments: Vec<&str> = addr.segments().collect();
    assert_eq!(segments.join("."), text);
    assert_eq!(segments[0], addr.scheme());
    match addr.parent() {
        Some(parent) => {
            assert!(is_address(parent.as_str()) && addr.is_within(parent.as_str()));
            let child = parent.to_owned().with_suffix(segments[segments.len() - 1]);
            assert_eq!(child, Ok(addr.to_owned()));
        }
        None => assert_eq!(segments.len(), 2),
    }
}

/// An address and another text, as a prefix, as a suffix and as an address.
fn beside(addr: Addr<'_>, other: &str) {
    assert_eq!(addr.is_within(other), is_within(addr.as_str(), other));
    if let Ok(prefix) = Prefix::new(other) {
        assert_eq!(prefix.matches(addr), is_within(addr.as_str(), other));
    }
    let joined = format!("{addr}.{other}");
    let suffixed = addr.to_owned().with_suffix(other);
    assert_eq!(suffixed.is_ok(), is_address(&joined));
    if let Ok(other) = other.parse::<Address>() {
        assert_eq!(
            addr.cmp(&other.as_addr()),
            addr.as_str().cmp(other.as_str())
        );
    }
}
