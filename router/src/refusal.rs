//! The rejects that this node makes itself.

use alloc::string::String;
use core::fmt::Write;

use ilp_proto::{Addr, AmountTooLarge, DecodeError, ErrorCode, Reject};

use crate::peer::{PeerIndex, Peers};

/// Why a packet is rejected here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) text: Text,
    /// The data of F08 (RFC-0027 section "F08").
    pub(crate) amounts: Option<AmountTooLarge>,
}

/// The message of a reject: words, with the name of a peer in them if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Plain(&'static str),
    Malformed(DecodeError),
    Named {
        before: &'static str,
        peer: PeerIndex,
        after: &'static str,
    },
}

impl Refusal {
    pub(crate) const fn new(code: ErrorCode, text: &'static str) -> Self {
        Self {
            code,
            text: Text::Plain(text),
            amounts: None,
        }
    }

    pub(crate) const fn malformed(error: DecodeError) -> Self {
        Self {
            code: ErrorCode::F01_INVALID_PACKET,
            text: Text::Malformed(error),
            amounts: None,
        }
    }

    pub(crate) const fn named(
        code: ErrorCode,
        before: &'static str,
        peer: PeerIndex,
        after: &'static str,
    ) -> Self {
        Self {
            code,
            text: Text::Named {
                before,
                peer,
                after,
            },
            amounts: None,
        }
    }

    pub(crate) const fn too_large(received: u64, maximum: u64) -> Self {
        Self {
            code: ErrorCode::F08_AMOUNT_TOO_LARGE,
            text: Text::Plain("the amount is larger than the largest that is accepted here"),
            amounts: Some(AmountTooLarge { received, maximum }),
        }
    }

    /// Writes the message into `out`, which is emptied first.
    pub(crate) fn write_message(&self, peers: &Peers, out: &mut String) {
        out.clear();
        match self.text {
            Text::Plain(text) => out.push_str(text),
            Text::Malformed(error) => {
                // writing to a String cannot fail
                let _ = write!(out, "{error}");
            }
            Text::Named {
                before,
                peer,
                after,
            } => {
                // writing to a String cannot fail
                let _ = write!(out, "{before}{}{after}", peers[peer].config.id);
            }
        }
    }

    /// Calls `f` with the packet.
    pub(crate) fn with_packet<T>(
        &self,
        own: Addr<'_>,
        message: &str,
        f: impl FnOnce(&Reject<'_>) -> T,
    ) -> T {
        let data = self.amounts.map(AmountTooLarge::to_bytes);
        f(&Reject {
            code: self.code,
            triggered_by: Some(own),
            message: message.as_bytes(),
            data: data.as_ref().map_or(&[], |data| data.as_slice()),
        })
    }
}
