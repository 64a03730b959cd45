//! The part of OER (RFC-0030) that Interledger uses: big-endian integers, length determinants,
//! octet strings and variable-size integers.
//!
//! | item | on the wire |
//! |---|---|
//! | fixed width | its bytes, without a prefix |
//! | length, below 128 | one byte |
//! | length, from 128 | `0x80 + k`, then `k` bytes without a leading zero, `k` at most 8 |
//! | octet string | length, then the bytes |
//! | variable-size integer | length, then the fewest big-endian bytes, at least one |
//!
//! The reader takes canonical lengths and integers only. RFC-0027 would let it be lenient, but some
//! peers forward bytes as they came, so what one node tolerates the next one is sent.

#[cfg(test)]
mod tests;

use bytes::BufMut;

use crate::{
    address::Addr,
    error::{DecodeError, DecodeErrorKind},
};

/// Reads OER from the front of a buffer.
///
/// Every method takes the name of the field for the error. After an error the position is
/// unspecified; throw the reader away. Nothing is copied or allocated: values borrow from the
/// buffer, and a claimed length is held against what is there before anything else happens.
// What reads lengths is always inlined. A result that comes through memory is stored in words and then loaded two words at a
// time, and the processor has such a load wait until the stores have left it: see "What a packet and its answer take" in CONTRIBUTING.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads `buf` from its first byte.
    #[must_use]
    #[inline]
    pub const fn new(buf: &'a [u8]) -> Self {
        Self {
            rest: buf,
            offset: 0,
        }
    }

    /// Bytes that are left.
    #[must_use]
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The bytes that are left.
    #[must_use]
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The position, counted from the start of the outermost buffer.
    #[must_use]
    #[inline]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    #[inline]
    pub const fn take(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(n) {
            Some((taken, rest)) => {
                self.rest = rest;
                self.offset += n;
                Ok(taken)
            }
            None => Err(self.truncated(n, field)),
        }
    }

    /// The next `N` bytes, as a digest, a code or a time has them.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    #[inline]
    pub const fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        match self.array_ref(field) {
            Ok(taken) => Ok(*taken),
            Err(error) => Err(error),
        }
    }

    /// The next `N` bytes where they are. For what is looked at before it is copied, this is faster
    /// than [`array`](Self::array).
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    #[inline]
    pub const fn array_ref<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<&'a [u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                self.offset += N;
                Ok(taken)
            }
            None => Err(self.truncated(N, field)),
        }
    }

    /// One byte.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    #[inline]
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array(field)?))
    }

    /// A 16-bit unsigned integer.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    #[inline]
    pub fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    /// A 32-bit unsigned integer.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    #[inline]
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    /// A 64-bit unsigned integer.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    #[inline]
    pub fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array(field)?))
    }

    /// A length determinant. What it counts need not be there.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`], [`LengthIndefinite`](DecodeErrorKind::LengthIndefinite),
    /// [`LengthTooLong`](DecodeErrorKind::LengthTooLong) and
    /// [`LengthNotCanonical`](DecodeErrorKind::LengthNotCanonical).
    #[inline(always)]
    pub fn length(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        match *self.rest {
            [short @ 0..0x80, ref rest @ ..] => {
                self.rest = rest;
                self.offset += 1;
                Ok(u64::from(short))
            }
            // 256 to 65,535 is what a packet with data has; 128 to 255 takes the general way.
            [0x82, high @ 1..=0xff, low, ref rest @ ..] => {
                self.rest = rest;
                self.offset += 3;
                Ok(u64::from(high) << 8 | u64::from(low))
            }
            _ => self.long_length(field),
        }
    }

    fn long_length(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let start = self.offset;
        let size = usize::from(self.u8(field)? & 0x7f);
        if size == 0 {
            return Err(DecodeError::new(
                field,
                DecodeErrorKind::LengthIndefinite,
                start,
            ));
        }
        if size > 8 {
            return Err(DecodeError::new(
                field,
                DecodeErrorKind::LengthTooLong,
                start,
            ));
        }
        let value = big_endian(self.take(size, field)?);
        if value < 0x80 || size > significant_bytes(value) {
            return Err(DecodeError::new(
                field,
                DecodeErrorKind::LengthNotCanonical,
                start,
            ));
        }
        Ok(value)
    }

    /// An octet string: a length, then as many bytes.
    ///
    /// # Errors
    /// Those of [`length`](Self::length), and [`DecodeErrorKind::Truncated`] when the bytes are not
    /// all there.
    #[inline(always)]
    pub fn var_octets(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.length(field)?;
        // A length beyond the address space cannot be there either.
        self.take(usize::try_from(len).unwrap_or(usize::MAX), field)
    }

    /// An octet string that holds further fields: a reader over its contents, whose offsets go on
    /// counting from the outermost buffer. This reader moves behind it.
    ///
    /// # Errors
    /// Those of [`var_octets`](Self::var_octets).
    #[inline(always)]
    pub fn nested(&mut self, field: &'static str) -> Result<Self, DecodeError> {
        let contents = self.var_octets(field)?;
        Ok(Self {
            rest: contents,
            offset: self.offset - contents.len(),
        })
    }

    /// A variable-size unsigned integer of at most 64 bits. BTP writes counts this way.
    ///
    /// # Errors
    /// Those of [`var_octets`](Self::var_octets),
    /// [`NumberNotCanonical`](DecodeErrorKind::NumberNotCanonical) for no bytes at all or a leading
    /// zero, and [`NumberTooLong`](DecodeErrorKind::NumberTooLong).
    #[inline]
    pub fn var_uint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let start = self.offset;
        let bytes = self.var_octets(field)?;
        match bytes {
            [] | [0, _, ..] => Err(DecodeError::new(
                field,
                DecodeErrorKind::NumberNotCanonical,
                start,
            )),
            [byte] => Ok(u64::from(*byte)),
            _ if bytes.len() > 8 => {
                let kind = DecodeErrorKind::NumberTooLong { len: bytes.len() };
                Err(DecodeError::new(field, kind, start))
            }
            _ => Ok(big_endian(bytes)),
        }
    }

    #[cold]
    const fn truncated(&self, needed: usize, field: &'static str) -> DecodeError {
        let kind = DecodeErrorKind::Truncated {
            needed,
            available: self.rest.len(),
        };
        DecodeError::new(field, kind, self.offset)
    }
}

/// Reads an address that stands alone in an octet string.
///
/// # Errors
/// Those of [`Reader::var_octets`], and [`DecodeErrorKind::BadAddress`].
#[inline(always)]
pub fn read_address<'a>(
    fields: &mut Reader<'a>,
    field: &'static str,
) -> Result<Addr<'a>, DecodeError> {
    let text = fields.var_octets(field)?;
    Addr::parse(text).map_err(|error| {
        let offset = fields.offset() - text.len() + error.offset();
        DecodeError::new(field, DecodeErrorKind::BadAddress(error), offset)
    })
}

/// The value of at most eight bytes.
fn big_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// How many bytes a number takes; 1 for zero.
const fn significant_bytes(value: u64) -> usize {
    // At most 8, so the cast keeps everything.
    (64 - (value | 1).leading_zeros()).div_ceil(8) as usize
}

/// How many bytes the length determinant for `n` takes: 1 to 9.
#[must_use]
#[inline]
pub const fn length_len(n: usize) -> usize {
    match n {
        0..0x80 => 1,
        0x80..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 1 + significant_bytes(n as u64),
    }
}

/// How many bytes an octet string of `n` bytes takes together with its length.
#[must_use]
#[inline]
pub const fn var_octets_len(n: usize) -> usize {
    length_len(n) + n
}

/// How many bytes the variable-size integer `value` takes: 2 to 9.
#[must_use]
#[inline]
pub const fn var_uint_len(value: u64) -> usize {
    1 + significant_bytes(value)
}

/// Appends the length determinant for `n`.
///
/// Like every `put_` here it panics if `out` cannot grow and has too little room
/// ([`length_len`] says how much it takes).
#[inline]
pub fn put_length(out: &mut impl BufMut, n: usize) {
    let [.., high, low] = (n as u64).to_be_bytes();
    match n {
        0..0x80 => out.put_u8(low),
        0x80..0x100 => out.put_slice(&[0x81, low]),
        0x100..0x1_0000 => out.put_slice(&[0x82, high, low]),
        _ => {
            let size = significant_bytes(n as u64);
            // 3 to 8.
            out.put_u8(0x80 | size as u8);
            out.put_uint(n as u64, size);
        }
    }
}

/// Appends `bytes` with their length in front.
#[inline]
pub fn put_var_octets(out: &mut impl BufMut, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.put_slice(bytes);
}

/// Appends `value` as a variable-size integer in the fewest bytes.
#[inline]
pub fn put_var_uint(out: &mut impl BufMut, value: u64) {
    let size = significant_bytes(value);
    // 1 to 8.
    out.put_u8(size as u8);
    out.put_uint(value, size);
}
