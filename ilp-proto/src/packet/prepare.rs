//! PREPARE.

use core::fmt;

use bytes::{BufMut, BytesMut};

use super::{Condition, MAX_DATA, PacketType, envelope};
use crate::{
    address::Addr,
    error::{DecodeError, DecodeErrorKind},
    oer::{self, Reader},
    time::Timestamp,
};

/// Asks for the fulfillment of a condition, and promises money for it until a time (RFC-0027, "ILP
/// Prepare").
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prepare<'a> {
    /// What the next hop is promised, in units of the account between the two; 0 is legal.
    pub amount: u64,
    /// When the promise ends.
    pub expires_at: Timestamp,
    /// What the fulfillment must hash to. It stays the same from end to end.
    pub condition: Condition,
    /// Whom it is for.
    pub destination: Addr<'a>,
    /// What the ends tell each other, at most [`MAX_DATA`] bytes.
    pub data: &'a [u8],
}

/// Amount, expiry and condition, which have the same place in every PREPARE.
const FIXED: usize = 8 + 17 + 32;

impl<'a> Prepare<'a> {
    #[inline(always)]
    pub(super) fn read(fields: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let amount = fields.u64("amount")?;
        let expires_at = fields.array_ref("expiresAt")?;
        let expires_at = Timestamp::parse_interledger(expires_at).map_err(|error| {
            let offset = fields.offset() - 17 + error.offset();
            DecodeError::new("expiresAt", DecodeErrorKind::BadTime(error), offset)
        })?;
        let condition = fields.array_ref("executionCondition")?;
        let destination = oer::read_address(fields, "destination")?;
        let start = fields.offset();
        let data = fields.var_octets("data")?;
        if data.len() > MAX_DATA {
            let kind = DecodeErrorKind::TooLong {
                max: MAX_DATA,
                len: data.len(),
            };
            return Err(DecodeError::new("data", kind, start));
        }
        Ok(Self {
            amount,
            expires_at,
            condition: Condition(*condition),
            destination,
            data,
        })
    }

    #[inline]
    const fn contents_len(&self) -> usize {
        FIXED
            + oer::var_octets_len(self.destination.as_bytes().len())
            + oer::var_octets_len(self.data.len())
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        envelope::len(self.contents_len())
    }

    /// Appends the canonical form. An expiry outside of the years 0000 to 9999 is clamped; data
    /// must keep to [`MAX_DATA`].
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        debug_assert!(self.data.len() <= MAX_DATA, "a PREPARE's data has a bound");
        let destination = self.destination.as_bytes();
        let contents = self.contents_len();
        // Type, length, fields and the destination's length are put down here, so that the usual packet takes one
        // append of a known size for all of them.
        let mut head = [0; 4 + FIXED + 1];
        let [kind, prefix, high, low, fields @ .., _] = &mut head;
        let (fixed, _) = fields.split_at_mut(FIXED);
        fixed[..8].copy_from_slice(&self.amount.to_be_bytes());
        fixed[8..25].copy_from_slice(&self.expires_at.write_interledger());
        fixed[25..].copy_from_slice(&self.condition.0);
        if (0x100..0x1_0000).contains(&contents) && destination.len() < 0x80 {
            [*kind, *prefix] = [PacketType::Prepare as u8, 0x82];
            [*high, *low] = (contents as u16).to_be_bytes();
            head[4 + FIXED] = destination.len() as u8;
            out.put_slice(&head);
            out.put_slice(destination);
        } else {
            envelope::put(out, PacketType::Prepare, contents);
            out.put_slice(&head[4..4 + FIXED]);
            oer::put_var_octets(out, destination);
        }
        oer::put_var_octets(out, self.data);
    }
}

/// The bytes that a PREPARE was read from, when they are its canonical form and nothing else. To pass it on with another
/// amount and expiry takes a copy of them, where [`Prepare::encode`] puts every field down again.
///
/// [`Packet::parse_whole`](super::Packet::parse_whole) makes it.
#[derive(Clone, Copy)]
pub struct WholePrepare<'a> {
    bytes: &'a [u8],
    /// Where the amount begins.
    fields: usize,
    expires_at: Timestamp,
}

impl<'a> WholePrepare<'a> {
    /// `prepare` must have been read from the start of `bytes`. Lengths are canonical then, so that as many bytes as
    /// [`Prepare::encode`] would write are the same bytes.
    #[inline]
    pub(super) const fn new(prepare: &Prepare<'a>, bytes: &'a [u8]) -> Option<Self> {
        let contents = prepare.contents_len();
        if envelope::len(contents) != bytes.len() {
            return None;
        }
        let fields = bytes.len() - contents;
        Some(Self {
            bytes,
            fields,
            expires_at: prepare.expires_at,
        })
    }

    /// How many bytes [`encode_with`](Self::encode_with) appends: as many as were read.
    #[must_use]
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends the packet with this amount and expiry, and all else as it was. An expiry outside of the years 0000 to 9999
    /// is clamped.
    #[inline]
    pub fn encode_with(&self, amount: u64, expires_at: Timestamp, out: &mut BytesMut) {
        let (_, fields) = self.bytes.split_at(self.fields);
        let start = out.len() + self.fields;
        out.extend_from_slice(self.bytes);
        // Invariant: a PREPARE has an amount and an expiry behind it, so all of them are there.
        if let Some((_, rest)) = fields.split_first_chunk::<8>()
            && let Some(text) = rest.first_chunk()
            && let Some((new_amount, rest)) = out[start..].split_first_chunk_mut()
            && let Some(new_text) = rest.first_chunk_mut()
        {
            *new_amount = amount.to_be_bytes();
            *new_text = expires_at.write_interledger_near(self.expires_at, text);
        }
    }
}

impl fmt::Debug for WholePrepare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WholePrepare({} bytes)", self.bytes.len())
    }
}

impl fmt::Debug for Prepare<'_> {
    /// Amount, expiry, destination and the data's length; for logs, where condition and data would
    /// be noise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            amount,
            expires_at,
            destination,
            data,
            ..
        } = self;
        let len = data.len();
        write!(
            f,
            "Prepare({amount} to {destination} by {expires_at}, {len} bytes of data)"
        )
    }
}
