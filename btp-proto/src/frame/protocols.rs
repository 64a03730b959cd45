//! Sub-protocol data: the named entries of a frame.

use core::fmt;

use bytes::BufMut;
use ilp_proto::DecodeError;
use ilp_proto::oer::{self, Reader};

use super::{Bytes, ILP, read_ascii, twice};

/// Up to this many entries are compared pairwise when looking for a name that occurs twice.
const PAIRWISE: usize = 16;

/// What the data of an entry is. Values without a name are legal and kept.
#[derive(Clone, Copy, Debug)]
pub enum ContentType {
    /// 0, `application/octet-stream`.
    OctetStream,
    /// 1, `text/plain; charset=utf-8`.
    Text,
    /// 2, `application/json`.
    Json,
    /// Anything else.
    Other(u8),
}

impl From<u8> for ContentType {
    fn from(value: u8) -> Self {
        match value {
            0 => Self::OctetStream,
            1 => Self::Text,
            2 => Self::Json,
            other => Self::Other(other),
        }
    }
}

impl From<ContentType> for u8 {
    fn from(value: ContentType) -> Self {
        match value {
            ContentType::OctetStream => 0,
            ContentType::Text => 1,
            ContentType::Json => 2,
            ContentType::Other(other) => other,
        }
    }
}

impl PartialEq for ContentType {
    /// By the value on the wire.
    fn eq(&self, other: &Self) -> bool {
        u8::from(*self) == u8::from(*other)
    }
}

impl Eq for ContentType {}

/// One entry of sub-protocol data.
///
/// `Debug` shows how long the data is, never the data: it may be a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Protocol<'a> {
    /// ASCII.
    pub name: &'a str,
    /// How to understand the data.
    pub content_type: ContentType,
    /// Any bytes.
    pub data: &'a [u8],
}

impl<'a> Protocol<'a> {
    /// An entry of content type 0.
    #[must_use]
    pub fn octets(name: &'a str, data: &'a [u8]) -> Self {
        Self {
            name,
            content_type: ContentType::OctetStream,
            data,
        }
    }

    /// An entry of content type 1.
    #[must_use]
    pub fn text(name: &'a str, text: &'a str) -> Self {
        Self {
            name,
            content_type: ContentType::Text,
            data: text.as_bytes(),
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let name = match reader.rest() {
            // What nearly every entry is called: there is nothing to check about it.
            [3, b'i', b'l', b'p', ..] => {
                reader.take(1 + ILP.len(), "protocolName")?;
                ILP
            }
            _ => read_ascii(reader, "protocolName")?,
        };
        Ok(Self {
            name,
            content_type: reader.u8("contentType")?.into(),
            data: reader.var_octets("protocolData")?,
        })
    }

    fn write(&self, out: &mut impl BufMut) {
        debug_assert!(self.name.is_ascii(), "a protocol name must be ASCII");
        oer::put_var_octets(out, self.name.as_bytes());
        out.put_u8(self.content_type.into());
        oer::put_var_octets(out, self.data);
    }

    fn encoded_len(&self) -> usize {
        oer::var_octets_len(self.name.len()) + 1 + oer::var_octets_len(self.data.len())
    }
}

impl fmt::Debug for Protocol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protocol")
            .field("name", &self.name)
            .field("content_type", &self.content_type)
            .field("data", &Bytes(self.data.len()))
            .finish()
    }
}

/// The entries of a frame, in order. The first is the primary one.
///
/// Either a slice of the caller's, to be written, or what was read: a single entry as it is, several as
/// bytes that were checked when the frame was parsed and are read again entry by entry. Two are equal when
/// their entries are.
#[derive(Clone, Copy)]
pub struct Protocols<'a>(Inner<'a>);

#[derive(Clone, Copy)]
enum Inner<'a> {
    List(&'a [Protocol<'a>]),
    /// What nearly every frame has.
    One(Protocol<'a>),
    /// Exactly `count` entries, each of which can be read.
    Encoded {
        count: usize,
        entries: &'a [u8],
    },
}

impl<'a> Protocols<'a> {
    /// No entries.
    pub const EMPTY: Self = Self(Inner::List(&[]));

    /// Entries to be written. Names must be ASCII and differ (RFC-0023).
    #[must_use]
    pub const fn new(entries: &'a [Protocol<'a>]) -> Self {
        Self(Inner::List(entries))
    }

    /// All entries.
    #[must_use]
    pub fn iter(&self) -> ProtocolsIter<'a> {
        ProtocolsIter(match self.0 {
            Inner::List(list) => Source::List(list.iter()),
            Inner::One(entry) => Source::One(Some(entry)),
            Inner::Encoded { count, entries } => Source::Encoded {
                left: count,
                reader: Reader::new(entries),
            },
        })
    }

    /// The primary entry.
    #[must_use]
    pub fn first(&self) -> Option<Protocol<'a>> {
        self.iter().next()
    }

    /// The first entry of that name.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<Protocol<'a>> {
        if let Inner::One(entry) = self.0 {
            return (entry.name == name).then_some(entry);
        }
        self.iter().find(|entry| entry.name == name)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0 {
            Inner::List(list) => list.len(),
            Inner::One(_) => 1,
            Inner::Encoded { count, .. } => count,
        }
    }

    /// True without entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A name that occurs twice, which RFC-0023 forbids: peers disagree on which one counts.
    ///
    /// Takes O(n log n) for n entries, whatever they are.
    #[must_use]
    pub fn duplicate(&self) -> Option<&'a str> {
        let names = || self.iter().map(|entry| entry.name);
        match self.len() {
            0 | 1 => None,
            2..=PAIRWISE => names()
                .enumerate()
                .find(|(at, name)| names().take(*at).any(|other| other == *name))
                .map(|(_, name)| name),
            _ => twice(names()),
        }
    }

    pub(super) const fn one(entry: Protocol<'a>) -> Self {
        Self(Inner::One(entry))
    }

    /// Reads a count and as many entries. Every entry takes three bytes at least, so a count that
    /// promises more than there is fails before it costs anything.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = reader.var_uint("protocolCount")?;
        if count == 1 {
            return Protocol::read(reader).map(Self::one);
        }
        let all = reader.rest();
        for _ in 0..count {
            Protocol::read(reader)?;
        }
        let used = all.len() - reader.remaining();
        Ok(Self(Inner::Encoded {
            // That many were read, so it fits.
            count: count as usize,
            entries: all.get(..used).unwrap_or_default(),
        }))
    }

    pub(super) fn write(&self, out: &mut impl BufMut) {
        oer::put_var_uint(out, self.len() as u64);
        match self.0 {
            Inner::List(list) => list.iter().for_each(|entry| entry.write(out)),
            Inner::One(entry) => entry.write(out),
            // Only the canonical form is ever parsed.
            Inner::Encoded { entries, .. } => out.put_slice(entries),
        }
    }

    pub(super) fn encoded_len(&self) -> usize {
        oer::var_uint_len(self.len() as u64)
            + match self.0 {
                Inner::List(list) => list.iter().map(Protocol::encoded_len).sum(),
                Inner::One(entry) => entry.encoded_len(),
                Inner::Encoded { entries, .. } => entries.len(),
            }
    }
}

impl PartialEq for Protocols<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Protocols<'_> {}

impl fmt::Debug for Protocols<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for Protocols<'a> {
    type Item = Protocol<'a>;
    type IntoIter = ProtocolsIter<'a>;

    fn into_iter(self) -> ProtocolsIter<'a> {
        self.iter()
    }
}

/// Iterates over [`Protocols`].
#[derive(Clone)]
pub struct ProtocolsIter<'a>(Source<'a>);

#[derive(Clone)]
enum Source<'a> {
    List(core::slice::Iter<'a, Protocol<'a>>),
    One(Option<Protocol<'a>>),
    Encoded { left: usize, reader: Reader<'a> },
}

impl<'a> Iterator for ProtocolsIter<'a> {
    type Item = Protocol<'a>;

    fn next(&mut self) -> Option<Protocol<'a>> {
        match &mut self.0 {
            Source::List(list) => list.next().copied(),
            Source::One(entry) => entry.take(),
            Source::Encoded { left, reader } => {
                *left = left.checked_sub(1)?;
                // It could be read when the frame was parsed, so this never ends early.
                Protocol::read(reader).ok()
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Source::List(list) => list.len(),
            Source::One(entry) => usize::from(entry.is_some()),
            Source::Encoded { left, .. } => *left,
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for ProtocolsIter<'_> {}

impl fmt::Debug for ProtocolsIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
