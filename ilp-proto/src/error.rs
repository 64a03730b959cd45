//! Why bytes could not be read.

use crate::{address::AddressError, time::TimeError};

/// Bytes that are not what they should be: which field, where, and why.
///
/// It is `Copy` and owns nothing, so that refusing a packet costs as little as reading one.
/// Printed, it is a sentence: `expiresAt at byte 14: month 13 is out of range, 01 to 12 are
/// allowed`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field} at byte {offset}: {kind}")]
pub struct DecodeError {
    /// The field, by the name that the RFC gives it.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: DecodeErrorKind,
    /// Where, counted from the start of the buffer that was given to the parser: the very byte if
    /// a single byte is to blame, else the first byte of the value or of its length.
    pub offset: usize,
}

/// The ways in which a field can be wrong.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeErrorKind {
    /// The buffer, or the field around this one, ends too early.
    #[error("{needed} byte{} needed, {available} left", if *.needed == 1 { "" } else { "s" })]
    Truncated {
        /// Bytes that the value takes; saturated where a claimed length exceeds this machine's
        /// range.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// A length that could have been written shorter (RFC-0030: canonical form is a MUST).
    #[error("the length is not in its shortest form")]
    LengthNotCanonical,
    /// The length byte `0x80`, which BER calls the indefinite form and OER does not have.
    #[error("the length has the indefinite form, which is not allowed")]
    LengthIndefinite,
    /// A length that takes more than eight bytes to write.
    #[error("the length takes more than 8 bytes")]
    LengthTooLong,
    /// A variable-size integer without bytes, or with a leading zero byte.
    #[error("the number is not in its shortest form")]
    NumberNotCanonical,
    /// A variable-size integer of more than eight bytes.
    #[error("the number takes {len} bytes, more than 8")]
    NumberTooLong {
        /// Bytes that it takes.
        len: usize,
    },
    /// The byte that says what follows has a value that nobody defined.
    #[error("type {0} is unknown")]
    UnknownType(u8),
    /// Not a time in the form that this field wants.
    #[error(transparent)]
    BadTime(TimeError),
    /// Not an ILP address (RFC-0015).
    #[error(transparent)]
    BadAddress(AddressError),
    /// Longer than its bound.
    #[error("{len} bytes are too long, {max} are allowed")]
    TooLong {
        /// The bound, in bytes.
        max: usize,
        /// The length found, in bytes.
        len: usize,
    },
    /// A byte above 127 in text that must be IA5 (ASCII).
    #[error("the text is not ASCII")]
    NotAscii,
    /// Text that must be UTF-8 and is not.
    #[error("the text is not UTF-8")]
    NotUtf8,
}

impl DecodeError {
    /// An error about `field`, found at byte `offset`.
    #[cold]
    #[must_use]
    pub const fn new(field: &'static str, kind: DecodeErrorKind, offset: usize) -> Self {
        Self {
            field,
            kind,
            offset,
        }
    }
}
