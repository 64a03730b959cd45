//! ILP addresses (RFC-0015): a scheme, then one segment or more, separated by dots.
//!
//! An address has at most 1023 bytes. The scheme is one of `g`, `private`, `example`, `peer`,
//! `self`, `test`, `test1`, `test2`, `test3` and `local`; a segment is made of `A-Z a-z 0-9 _ ~ -`
//! and is never empty. Case matters. A route prefix may be less than an address: see [`Prefix`].

mod owned;
#[cfg(test)]
mod tests;

use core::fmt;

pub use owned::{Address, Prefix};

/// A checked address that borrows its text.
///
/// It keeps bytes, all of them ASCII: they are what packets bring, what is compared and looked up, and
/// what is written. [`as_str`](Self::as_str) is for people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr<'a>(&'a [u8]);

/// Why a text is not an address, or not a route prefix.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    /// Nothing at all. A prefix may be empty, an address may not.
    #[error("the address is empty")]
    Empty,
    /// More than [`Addr::MAX_LEN`] bytes.
    #[error("the address has {len} bytes, {max} are allowed", max = Addr::MAX_LEN)]
    TooLong {
        /// The bytes it has.
        len: usize,
    },
    /// It does not begin with one of the schemes of RFC-0015.
    #[error(
        "the address has an unknown scheme (g, private, example, peer, self, test, test1 to test3 and local exist)"
    )]
    UnknownScheme,
    /// A scheme alone. It will do as a prefix, but it names nobody.
    #[error("the address has a scheme but no segment after it")]
    NoSegment,
    /// Two dots in a row, or one at the end.
    #[error("the address has an empty segment at its byte {at}")]
    EmptySegment {
        /// Where the segment should begin, from 0.
        at: usize,
    },
    /// A byte that is not among `A-Z a-z 0-9 _ ~ -` and the dot.
    #[error(
        "the address has the byte 0x{byte:02x} at its byte {at}, allowed are A-Z a-z 0-9 _ ~ - and the dot"
    )]
    BadByte {
        /// Its place in the text, from 0.
        at: usize,
        /// The byte.
        byte: u8,
    },
}

impl AddressError {
    /// Where in the text the fault is, in bytes from its start.
    #[must_use]
    pub const fn offset(self) -> usize {
        match self {
            Self::EmptySegment { at } | Self::BadByte { at, .. } => at,
            _ => 0,
        }
    }
}

impl<'a> Addr<'a> {
    /// The most bytes that an address can have.
    pub const MAX_LEN: usize = 1023;

    /// Checks bytes as they come in a packet.
    ///
    /// # Errors
    /// An [`AddressError`] that names the leftmost fault after length and scheme.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, AddressError> {
        if is_address(bytes) {
            Ok(Self(bytes))
        } else {
            Err(explain(bytes))
        }
    }

    /// Checks text.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn new(text: &'a str) -> Result<Self, AddressError> {
        Self::parse(text.as_bytes())
    }

    /// For the addresses that this crate itself writes down; each has a test.
    pub(crate) const fn known(text: &'static str) -> Addr<'static> {
        Addr(text.as_bytes())
    }

    /// Its text. Takes a pass over the bytes; [`as_bytes`](Self::as_bytes) takes none.
    #[must_use]
    #[inline]
    pub const fn as_str(self) -> &'a str {
        match core::str::from_utf8(self.0) {
            Ok(text) => text,
            // Invariant: an address is ASCII, so this is never taken.
            Err(_) => "",
        }
    }

    /// Its bytes.
    #[must_use]
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// What stands before the first dot, such as `g` or `test1`.
    #[must_use]
    pub fn scheme(self) -> &'a str {
        let text = self.as_str();
        // Invariant: an address has a dot.
        text.split_once('.').map_or(text, |(scheme, _)| scheme)
    }

    /// Scheme and segments, in order. There are two at least.
    pub fn segments(self) -> impl DoubleEndedIterator<Item = &'a str> + Clone {
        self.as_str().split('.')
    }

    /// The address without its last segment; `None` if that would leave the scheme alone.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        let last = self.0.iter().rposition(|byte| *byte == b'.')?;
        let parent = self.0.get(..last)?;
        parent.contains(&b'.').then_some(Addr(parent))
    }

    /// Whether it equals `prefix` or continues it behind a dot: `g.alice` is within `g.alice`, `g`
    /// and the empty prefix, but not within `g.ali`.
    #[must_use]
    #[inline]
    pub fn is_within(self, prefix: &str) -> bool {
        match self.0.strip_prefix(prefix.as_bytes()) {
            Some(rest) => matches!(rest, [] | [b'.', ..]) || prefix.is_empty(),
            None => false,
        }
    }

    /// A copy that owns its text. Allocates.
    #[must_use]
    pub fn to_owned(self) -> Address {
        Address::from(self)
    }
}

impl AsRef<str> for Addr<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Addr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Addr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Addr({})", self.as_str())
    }
}

impl<'a> TryFrom<&'a str> for Addr<'a> {
    type Error = AddressError;

    fn try_from(text: &'a str) -> Result<Self, AddressError> {
        Self::new(text)
    }
}

const DOT: u8 = 1;
const BAD: u8 = 2;

/// What each byte is to an address: 0 for a segment's character, [`DOT`] or [`BAD`].
const CLASS: [u8; 256] = {
    let mut class = [BAD; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            class[byte] = 0;
        }
        byte += 1;
    }
    class[b'_' as usize] = 0;
    class[b'~' as usize] = 0;
    class[b'-' as usize] = 0;
    class[b'.' as usize] = DOT;
    class
};

/// How long the scheme is, if `text` is one or begins with one and a dot.
#[inline]
const fn scheme_len(text: &[u8]) -> Option<usize> {
    Some(match text {
        [b'g'] | [b'g', b'.', ..] => 1,
        b"test" | [b't', b'e', b's', b't', b'.', ..] => 4,
        [b't', b'e', b's', b't', b'1'..=b'3'] | [b't', b'e', b's', b't', b'1'..=b'3', b'.', ..] => {
            5
        }
        b"peer" | [b'p', b'e', b'e', b'r', b'.', ..] => 4,
        b"self" | [b's', b'e', b'l', b'f', b'.', ..] => 4,
        b"local" | [b'l', b'o', b'c', b'a', b'l', b'.', ..] => 5,
        b"private" | [b'p', b'r', b'i', b'v', b'a', b't', b'e', b'.', ..] => 7,
        b"example" | [b'e', b'x', b'a', b'm', b'p', b'l', b'e', b'.', ..] => 7,
        _ => return None,
    })
}

/// The whole check. [`explain`] says what is wrong when it fails.
#[inline]
fn is_address(text: &[u8]) -> bool {
    let Some(scheme) = scheme_len(text) else {
        return false;
    };
    // From the scheme's dot on each byte is looked at together with the one before it.
    let (Some((_, bytes)), Some((last, before))) =
        (text[scheme..].split_first(), text[scheme..].split_last())
    else {
        return false;
    };
    let faults = match bytes.len() {
        16.. => faults_by::<16>(before, bytes) != [0; 16],
        8.. => faults_by::<8>(before, bytes) != [0; 8],
        _ => before.iter().zip(bytes).any(|(before, byte)| {
            let class = CLASS[usize::from(*byte)];
            class & (BAD | CLASS[usize::from(*before)]) != 0
        }),
    };
    !faults && *last != b'.' && !bytes.is_empty() && text.len() <= Addr::MAX_LEN
}

/// Checks `N` bytes and more in blocks of `N`, each of which compiles to a few vector instructions. Not all zeros for
/// a bad byte or a dot behind a dot.
#[inline]
fn faults_by<const N: usize>(before: &[u8], bytes: &[u8]) -> [u8; N] {
    let mut faults = [0; N];
    let mut check = |before: &[u8; N], block: &[u8; N]| {
        for ((fault, before), byte) in faults.iter_mut().zip(before).zip(block) {
            let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
            let digit = byte.wrapping_sub(b'0') < 10;
            let dot = *byte == b'.';
            let other = (*byte == b'_') | (*byte == b'~') | (*byte == b'-');
            let good = letter | digit | other | (dot & (*before != b'.'));
            *fault |= u8::from(!good);
        }
    };
    let (befores, _) = before.as_chunks();
    let (blocks, _) = bytes.as_chunks();
    for (before, block) in befores.iter().zip(blocks) {
        check(before, block);
    }
    // What the blocks left over, and some bytes once more.
    if let (Some(before), Some(block)) = (before.last_chunk(), bytes.last_chunk()) {
        check(before, block);
    }
    faults
}

/// What is wrong with a text that [`is_address`] refused.
#[cold]
fn explain(text: &[u8]) -> AddressError {
    if text.is_empty() {
        return AddressError::Empty;
    }
    if text.len() > Addr::MAX_LEN {
        return AddressError::TooLong { len: text.len() };
    }
    let Some(scheme) = scheme_len(text) else {
        return AddressError::UnknownScheme;
    };
    let mut before = 0;
    for (at, byte) in text.iter().enumerate().skip(scheme) {
        let class = CLASS[usize::from(*byte)];
        if class == BAD {
            return AddressError::BadByte { at, byte: *byte };
        }
        if class & before != 0 {
            return AddressError::EmptySegment { at };
        }
        before = class;
    }
    if before == DOT {
        AddressError::EmptySegment { at: text.len() }
    } else {
        AddressError::NoSegment
    }
}
