//! Why a packet was refused (RFC-0027, "Error Codes").

#[cfg(test)]
mod tests;

use core::fmt::{self, Write};

use crate::{error::DecodeError, oer::Reader};

/// The code of a REJECT: three IA5 characters.
///
/// The set is open. Codes that RFC-0027 does not list are relayed like any other; they have no
/// [`name`](Self::name) here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode([u8; 3]);

/// What the first letter of a code says to the sender.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorClass {
    /// `F`: the same packet will be refused again.
    Final,
    /// `T`: the same packet may pass later.
    Temporary,
    /// `R`: it may pass with more time or a larger amount.
    Relative,
    /// Anything else. RFC-0027 defines no other letter.
    Unknown,
}

macro_rules! codes {
    ($($constant:ident = $code:literal $name:literal: $about:literal,)*) => {
        impl ErrorCode {
            $(
                #[doc = concat!("`", $code, " ", $name, "`: ", $about)]
                pub const $constant: Self = Self::known($code);
            )*

            /// Every code that RFC-0027 lists, in its order.
            pub const ALL: &[Self] = &[$(Self::$constant,)*];

            /// What RFC-0027 calls it, such as `Bad Request`; `None` for a code that it does not
            /// list.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    F00_BAD_REQUEST = "F00" "Bad Request": "the sender did something wrong that no other code names.",
    F01_INVALID_PACKET = "F01" "Invalid Packet": "the ILP bytes cannot be read.",
    F02_UNREACHABLE = "F02" "Unreachable": "there is no route to the destination.",
    F03_INVALID_AMOUNT = "F03" "Invalid Amount": "the amount cannot be expressed in the asset.",
    F04_INSUFFICIENT_DESTINATION_AMOUNT = "F04" "Insufficient Destination Amount": "the receiver got less than it wants.",
    F05_WRONG_CONDITION = "F05" "Wrong Condition": "the receiver cannot fulfil the condition, or the fulfillment did not match it.",
    F06_UNEXPECTED_PAYMENT = "F06" "Unexpected Payment": "the receiver was not waiting for this.",
    F07_CANNOT_RECEIVE = "F07" "Cannot Receive": "the receiver cannot take the payment.",
    F08_AMOUNT_TOO_LARGE = "F08" "Amount Too Large": "the amount exceeds what one packet may carry; see [`AmountTooLarge`].",
    F99_APPLICATION_ERROR = "F99" "Application Error": "the receiving application refused, for good.",
    T00_INTERNAL_ERROR = "T00" "Internal Error": "something broke on the way.",
    T01_PEER_UNREACHABLE = "T01" "Peer Unreachable": "there is a route, but its next hop cannot be reached now.",
    T02_PEER_BUSY = "T02" "Peer Busy": "the next hop has too much to do.",
    T03_CONNECTOR_BUSY = "T03" "Connector Busy": "this node has too much to do.",
    T04_INSUFFICIENT_LIQUIDITY = "T04" "Insufficient Liquidity": "a credit limit or a balance does not allow it now.",
    T05_RATE_LIMITED = "T05" "Rate Limited": "the sender sends too often.",
    T99_APPLICATION_ERROR = "T99" "Application Error": "the receiving application refused, for now.",
    R00_TRANSFER_TIMED_OUT = "R00" "Transfer Timed Out": "no answer came before the packet expired.",
    R01_INSUFFICIENT_SOURCE_AMOUNT = "R01" "Insufficient Source Amount": "nothing would be left of the amount after conversion.",
    R02_INSUFFICIENT_TIMEOUT = "R02" "Insufficient Timeout": "too little time is left to forward it safely.",
    R99_APPLICATION_ERROR = "R99" "Application Error": "the receiving application refused the packet's terms.",
}

impl ErrorCode {
    /// A code of these three bytes; `None` unless all of them are IA5 (below 128).
    #[must_use]
    pub const fn new(code: [u8; 3]) -> Option<Self> {
        if code.is_ascii() {
            Some(Self(code))
        } else {
            None
        }
    }

    const fn known(code: &str) -> Self {
        match code.as_bytes().first_chunk() {
            Some(code) => Self(*code),
            // Evaluated at compile time only: a listed code has three characters.
            None => panic!("a code has three characters"),
        }
    }

    /// The three characters. They may be control characters if a peer chose such a code;
    /// `Display` escapes those.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Invariant: every constructor lets ASCII in only, so the fallback is never taken.
        core::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// The three bytes as they are on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 3] {
        &self.0
    }

    /// Whether, and how, to try again.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self.0[0] {
            b'F' => ErrorClass::Final,
            b'T' => ErrorClass::Temporary,
            b'R' => ErrorClass::Relative,
            _ => ErrorClass::Unknown,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str()
            .chars()
            .flat_map(char::escape_debug)
            .try_for_each(|c| f.write_char(c))
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorCode({self})")
    }
}

/// The data of an F08 REJECT: what arrived and what would have been let through
/// (RFC-0027, `AmountTooLargeData`). Both are in units of the account that the PREPARE came from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AmountTooLarge {
    /// The amount of the refused packet, where it was refused.
    pub received: u64,
    /// The most that one packet may carry there.
    pub maximum: u64,
}

impl AmountTooLarge {
    /// Reads it from a REJECT's data; further bytes are ignored.
    ///
    /// # Errors
    /// [`Truncated`](crate::DecodeErrorKind::Truncated) for less than 16 bytes.
    pub fn parse(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        Ok(Self {
            received: reader.u64("receivedAmount")?,
            maximum: reader.u64("maximumAmount")?,
        })
    }

    /// The 16 bytes to put into a REJECT's data.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        ((self.received as u128) << 64 | self.maximum as u128).to_be_bytes()
    }
}
