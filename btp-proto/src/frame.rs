//! The four frames of BTP/2.0 (RFC-0023, sections "BTP Packets" and "Sub-protocols").

use alloc::vec::Vec;
use core::fmt;

use bytes::{BufMut, BytesMut};
use ilp_proto::oer::{self, Reader};
use ilp_proto::{DecodeError, DecodeErrorKind};

mod error;
mod protocols;

pub use error::{BtpCode, BtpError};
pub use protocols::{ContentType, Protocol, Protocols, ProtocolsIter};

const RESPONSE: u8 = 1;
const ERROR: u8 = 2;
const MESSAGE: u8 = 6;
const TRANSFER: u8 = 7;

/// Type and request id, which every frame starts with.
const HEADER: usize = 5;

/// The name of the entry that carries an ILP packet.
pub(crate) const ILP: &str = "ilp";

/// Everything between the length of DATA and the length of the packet: one entry named `ilp` of
/// content type 0.
const ILP_ENTRY: [u8; 7] = [1, 1, 3, b'i', b'l', b'p', 0];

/// One BTP frame, which is one binary WebSocket message.
///
/// Borrows everything. It is what is read and what is written: parsing never copies, and
/// [`encode`](Frame::encode) emits the canonical form only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// Type 1: the answer to a request that was understood.
    Response {
        /// The id of the request.
        id: u32,
        /// What is said.
        protocols: Protocols<'a>,
    },
    /// Type 2: the answer to a request that was not accepted.
    Error {
        /// The id of the request.
        id: u32,
        /// Why.
        error: BtpError<'a>,
        /// Further data; normally none.
        protocols: Protocols<'a>,
    },
    /// Type 6: a request.
    Message {
        /// Unique among the sender's requests in flight.
        id: u32,
        /// What is asked.
        protocols: Protocols<'a>,
    },
    /// Type 7: a request that moves value between the two peers.
    Transfer {
        /// Unique among the sender's requests in flight.
        id: u32,
        /// In units that the two peers agreed on.
        amount: u64,
        /// What proves the transfer.
        protocols: Protocols<'a>,
    },
}

impl<'a> Frame<'a> {
    /// Reads one frame. Bytes behind it, or behind its last entry, are ignored (RFC-0030). An entry
    /// name may occur twice here, so that the frame can be refused by its id: see
    /// [`Protocols::duplicate`].
    ///
    /// Allocates nothing and takes time linear in `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] for anything that is not a frame: cut short, of another type, a length or
    /// count that is not canonical, a name or code that is not ASCII, a time of another shape.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if let Some((carrier, id, ilp)) = peek_ilp(bytes) {
            let protocols = Protocols::one(Protocol::octets(ILP, ilp));
            return Ok(match carrier {
                Carrier::Message => Self::Message { id, protocols },
                Carrier::Response => Self::Response { id, protocols },
            });
        }
        Self::parse_any(bytes)
    }

    fn parse_any(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u8("type")?;
        if !matches!(kind, RESPONSE | ERROR | MESSAGE | TRANSFER) {
            return Err(DecodeError::new(
                "type",
                DecodeErrorKind::UnknownType(kind),
                0,
            ));
        }
        let id = reader.u32("requestId")?;
        let mut data = reader.nested("data")?;
        Ok(match kind {
            RESPONSE => Self::Response {
                id,
                protocols: Protocols::read(&mut data)?,
            },
            ERROR => Self::Error {
                id,
                error: BtpError::read(&mut data)?,
                protocols: Protocols::read(&mut data)?,
            },
            MESSAGE => Self::Message {
                id,
                protocols: Protocols::read(&mut data)?,
            },
            _ => Self::Transfer {
                id,
                amount: data.u64("amount")?,
                protocols: Protocols::read(&mut data)?,
            },
        })
    }

    /// The request id.
    #[must_use]
    pub fn id(&self) -> u32 {
        match *self {
            Self::Response { id, .. }
            | Self::Error { id, .. }
            | Self::Message { id, .. }
            | Self::Transfer { id, .. } => id,
        }
    }

    /// The sub-protocol entries.
    #[must_use]
    pub fn protocols(&self) -> Protocols<'a> {
        match *self {
            Self::Response { protocols, .. }
            | Self::Error { protocols, .. }
            | Self::Message { protocols, .. }
            | Self::Transfer { protocols, .. } => protocols,
        }
    }

    /// How many bytes [`encode`](Frame::encode) writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let data = self.data_len();
        HEADER + oer::length_len(data) + data
    }

    /// Appends the canonical form. Names and codes must be ASCII (RFC-0023: IA5String), which those
    /// of a parsed frame are. Like every [`BufMut`], `out` panics when it cannot hold
    /// [`encoded_len`](Frame::encoded_len) more bytes.
    pub fn encode(&self, out: &mut impl BufMut) {
        let kind = match self {
            Self::Response { .. } => RESPONSE,
            Self::Error { .. } => ERROR,
            Self::Message { .. } => MESSAGE,
            Self::Transfer { .. } => TRANSFER,
        };
        out.put_u8(kind);
        out.put_u32(self.id());
        oer::put_length(out, self.data_len());
        match self {
            Self::Response { .. } | Self::Message { .. } => {}
            Self::Error { error, .. } => error.write(out),
            Self::Transfer { amount, .. } => out.put_u64(*amount),
        }
        self.protocols().write(out);
    }

    fn data_len(&self) -> usize {
        let head = match self {
            Self::Response { .. } | Self::Message { .. } => 0,
            Self::Error { error, .. } => error.encoded_len(),
            Self::Transfer { .. } => 8,
        };
        head + self.protocols().encoded_len()
    }
}

/// Which frame carries an ILP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Carrier {
    /// A PREPARE goes in a MESSAGE.
    Message,
    /// A FULFILL or REJECT goes in a RESPONSE.
    Response,
}

/// The length of a frame whose only entry is an ILP packet of `ilp_len` bytes.
#[must_use]
#[inline]
pub fn ilp_frame_len(ilp_len: usize) -> usize {
    let data = ILP_ENTRY.len() + oer::length_len(ilp_len) + ilp_len;
    HEADER + oer::length_len(data) + data
}

/// Appends everything of such a frame but the packet. The caller appends exactly `ilp_len` bytes
/// behind it, so a packet is encoded once, where it will be sent from.
// a call would take as long as what it does
#[inline(always)]
pub fn put_ilp_frame(out: &mut BytesMut, carrier: Carrier, id: u32, ilp_len: usize) {
    let kind = match carrier {
        Carrier::Message => MESSAGE,
        Carrier::Response => RESPONSE,
    };
    // What FULFILLs and what PREPAREs with some data have is written at once, by `extend_from_slice`, since `put_slice` is a
    // call that loads what has only just been stored; all else takes the general way.
    if ilp_len <= SHORT {
        let mut front = [0; HEADER + 1 + ILP_ENTRY.len() + 1];
        front[0] = kind;
        front[1..5].copy_from_slice(&id.to_be_bytes());
        front[5] = (ilp_len + 8) as u8;
        front[6..13].copy_from_slice(&ILP_ENTRY);
        front[13] = ilp_len as u8;
        out.extend_from_slice(&front);
    } else if (0x100..=MEDIUM).contains(&ilp_len) {
        let mut front = [0; HEADER + 3 + ILP_ENTRY.len() + 3];
        front[0] = kind;
        front[1..5].copy_from_slice(&id.to_be_bytes());
        front[5] = 0x82;
        front[6..8].copy_from_slice(&(ilp_len as u16 + 10).to_be_bytes());
        front[8..15].copy_from_slice(&ILP_ENTRY);
        front[15] = 0x82;
        front[16..].copy_from_slice(&(ilp_len as u16).to_be_bytes());
        out.extend_from_slice(&front);
    } else {
        put_any_ilp_frame(out, kind, id, ilp_len);
    }
}

/// The longest packet with which DATA has a length of one byte: seven bytes of the entry and one of its own length are
/// before it.
const SHORT: usize = 0x7f - 8;
/// The longest one with which it has a length of three.
const MEDIUM: usize = 0xffff - 10;

#[cold]
fn put_any_ilp_frame(out: &mut BytesMut, kind: u8, id: u32, ilp_len: usize) {
    out.put_u8(kind);
    out.put_u32(id);
    oer::put_length(out, ILP_ENTRY.len() + oer::length_len(ilp_len) + ilp_len);
    out.put_slice(&ILP_ENTRY);
    oer::put_length(out, ilp_len);
}

/// What nearly every message is: a MESSAGE or RESPONSE with an `ilp` entry, nothing else, and nothing behind it.
/// `None` says nothing about the frame but that [`Frame::parse`] has to look at it.
#[inline]
pub(crate) fn peek_ilp(frame: &[u8]) -> Option<(Carrier, u32, &[u8])> {
    let (kind, rest) = frame.split_first()?;
    let carrier = match *kind {
        MESSAGE => Carrier::Message,
        RESPONSE => Carrier::Response,
        _ => return None,
    };
    let (id, rest) = rest.split_first_chunk()?;
    let ilp = all_octets(all_octets(rest)?.strip_prefix(&ILP_ENTRY)?)?;
    Some((carrier, u32::from_be_bytes(*id), ilp))
}

/// What stands behind a length of up to two bytes that covers all the rest.
#[inline]
fn all_octets(bytes: &[u8]) -> Option<&[u8]> {
    let (len, rest) = match *bytes {
        [len @ 0..=0x7f, ref rest @ ..] => (usize::from(len), rest),
        [0x81, len @ 0x80..=0xff, ref rest @ ..] => (usize::from(len), rest),
        [0x82, high @ 1..=0xff, low, ref rest @ ..] => {
            (usize::from(u16::from_be_bytes([high, low])), rest)
        }
        _ => return None,
    };
    (rest.len() == len).then_some(rest)
}

/// The request id in an encoded frame.
#[inline]
pub(crate) fn peek_id(frame: &[u8]) -> Option<u32> {
    let id = frame.get(1..HEADER)?;
    Some(u32::from_be_bytes(id.try_into().ok()?))
}

/// The request that a frame answers, if it is a RESPONSE. Looks no further: the frame may be unreadable behind it. For a
/// receiver that prepares for what it is about to handle.
#[must_use]
#[inline]
pub fn peek_response(frame: &[u8]) -> Option<u32> {
    (*frame.first()? == RESPONSE)
        .then(|| peek_id(frame))
        .flatten()
}

/// An ASCII string with its length in front.
fn read_ascii<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a str, DecodeError> {
    let bytes = reader.var_octets(field)?;
    ascii(bytes, field, reader.offset() - bytes.len())
}

/// Text from bytes that start at `offset`.
fn ascii<'a>(bytes: &'a [u8], field: &'static str, offset: usize) -> Result<&'a str, DecodeError> {
    let refuse = |at| DecodeError::new(field, DecodeErrorKind::NotAscii, offset + at);
    match bytes.iter().position(|byte| !byte.is_ascii()) {
        Some(at) => Err(refuse(at)),
        None => core::str::from_utf8(bytes).map_err(|error| refuse(error.valid_up_to())),
    }
}

/// Stands in for bytes in `Debug`: a frame may hold a token, so data is never shown.
struct Bytes(usize);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

/// Collects names to find one that occurs twice, when there are too many to compare them pairwise.
fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names
        .windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
}

#[cfg(test)]
mod tests;
