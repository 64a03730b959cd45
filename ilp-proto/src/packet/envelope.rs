//! What all packets have around their fields: a type byte and a length.

use bytes::BufMut;

use super::PacketType;
use crate::{
    error::DecodeError,
    oer::{self, Reader},
};

/// The fields of the packet at the start of `buf`, whose type the caller has looked at.
// so that the reader stays in registers, as in `Reader`
#[inline(always)]
pub(super) fn open(buf: &[u8]) -> Result<Reader<'_>, DecodeError> {
    let mut reader = Reader::new(buf);
    reader.u8("type")?;
    reader.nested("contents")
}

/// How much a packet takes with `contents` bytes of fields.
#[inline]
pub(super) const fn len(contents: usize) -> usize {
    1 + oer::var_octets_len(contents)
}

/// Writes what comes before `contents` bytes of fields.
#[inline]
pub(super) fn put(out: &mut impl BufMut, kind: PacketType, contents: usize) {
    out.put_u8(kind as u8);
    oer::put_length(out, contents);
}
