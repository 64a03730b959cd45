//! What an ERROR frame says.

use core::fmt;

use bytes::BufMut;
use ilp_proto::oer::{self, Reader};
use ilp_proto::{DecodeError, DecodeErrorKind, TimeError, Timestamp};

use super::{Bytes, ascii, read_ascii};

/// The code of a BTP error: three ASCII characters, an open set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BtpCode([u8; 3]);

impl BtpCode {
    /// Not now; may succeed later.
    pub const T00_UNREACHABLE: Self = Self(*b"T00");
    /// Understood and not accepted. Also the answer to bad credentials.
    pub const F00_NOT_ACCEPTED: Self = Self(*b"F00");
    /// A field is wrong in itself.
    pub const F01_INVALID_FIELDS: Self = Self(*b"F01");

    /// Any three ASCII characters.
    #[must_use]
    pub fn new(code: [u8; 3]) -> Option<Self> {
        code.is_ascii().then_some(Self(code))
    }

    /// Its three characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // ASCII since it was made.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its three bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 3] {
        &self.0
    }

    /// The name that RFC-0023 gives it. Peers put other names into their frames; never compare them.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match &self.0 {
            b"T00" => "UnreachableError",
            b"F00" => "NotAcceptedError",
            b"F01" => "InvalidFieldsError",
            b"F03" => "TransferNotFoundError",
            b"F04" => "InvalidFulfillmentError",
            b"F05" => "DuplicateIdError",
            b"F06" => "AlreadyRolledBackError",
            b"F07" => "AlreadyFulfilledError",
            b"F08" => "InsufficientBalanceError",
            _ => return None,
        })
    }
}

impl fmt::Display for BtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for BtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The content of an ERROR frame. `Debug` shows how long the data is, not the data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BtpError<'a> {
    /// What went wrong.
    pub code: BtpCode,
    /// Its name, ASCII. Some peers put the name of an exception here.
    pub name: &'a str,
    /// When. Written with three fraction digits, which every known peer reads.
    pub triggered_at: Timestamp,
    /// Usually text for people. UTF-8 is advised: some peers cannot read the frame otherwise.
    pub data: &'a [u8],
}

impl<'a> BtpError<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.offset();
        let code = reader.array("code")?;
        ascii(&code, "code", start)?;
        Ok(Self {
            code: BtpCode(code),
            name: read_ascii(reader, "name")?,
            triggered_at: read_time(reader)?,
            data: reader.var_octets("errorData")?,
        })
    }

    pub(super) fn write(&self, out: &mut impl BufMut) {
        debug_assert!(self.name.is_ascii(), "an error name must be ASCII");
        out.put_slice(&self.code.0);
        oer::put_var_octets(out, self.name.as_bytes());
        oer::put_var_octets(out, &self.triggered_at.write_generalized());
        oer::put_var_octets(out, self.data);
    }

    pub(super) fn encoded_len(&self) -> usize {
        // The time is always 19 bytes long.
        3 + oer::var_octets_len(self.name.len())
            + oer::var_octets_len(19)
            + oer::var_octets_len(self.data.len())
    }
}

impl fmt::Debug for BtpError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BtpError")
            .field("code", &self.code)
            .field("name", &self.name)
            .field("triggered_at", &self.triggered_at)
            .field("data", &Bytes(self.data.len()))
            .finish()
    }
}

/// GeneralizedTime. A leap second is legal in it (RFC-0030) but has no place of its own in Unix
/// time: it is read as the second before it.
fn read_time(reader: &mut Reader<'_>) -> Result<Timestamp, DecodeError> {
    let field = "triggeredAt";
    let text = reader.var_octets(field)?;
    let start = reader.offset() - text.len();
    let parsed = match Timestamp::parse_generalized(text) {
        Err(TimeError::Second(60)) if text.len() <= 19 => {
            let mut earlier = [0; 19];
            let earlier = &mut earlier[..text.len()];
            earlier.copy_from_slice(text);
            // A refused second was read, so there are at least 14 digits.
            earlier[12..14].copy_from_slice(b"59");
            Timestamp::parse_generalized(earlier)
        }
        parsed => parsed,
    };
    parsed.map_err(|error| {
        DecodeError::new(
            field,
            DecodeErrorKind::BadTime(error),
            start + error.offset(),
        )
    })
}
