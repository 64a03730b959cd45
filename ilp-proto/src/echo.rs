//! Echo packets, which `ping` sends. No RFC describes them; connectors agree on them.
//!
//! The data of a PREPARE to a node's own address begins with [`PREFIX`]. A request names an
//! address; the node sends a new PREPARE there, with the same condition and a response as its data.
//! Only the one who asked knows the fulfillment, and its FULFILL travels all the way back as the
//! answer to its own request.

#[cfg(test)]
mod tests;

use bytes::BufMut;

use crate::{
    address::Addr,
    error::{DecodeError, DecodeErrorKind},
    oer::{self, Reader},
};

/// `ECHOECHOECHOECHO`: what the data of every echo packet begins with.
pub const PREFIX: [u8; 16] = *b"ECHOECHOECHOECHO";

const REQUEST: u8 = 0;
const RESPONSE: u8 = 1;

/// The data of an echo packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EchoPacket<'a> {
    /// Send a response to `source`.
    Request {
        /// Who asked.
        source: Addr<'a>,
    },
    /// The response.
    Response,
}

impl<'a> EchoPacket<'a> {
    /// Reads the data of a PREPARE; `None` if it does not begin with [`PREFIX`] and so is not meant
    /// as an echo packet. Bytes behind it are ignored.
    ///
    /// # Errors
    /// A [`DecodeError`] whose offset counts from the start of `data`: a type other than 0 and 1, a
    /// source that is not all there or is no address. Connectors answer it with F01.
    #[must_use]
    pub fn parse(data: &'a [u8]) -> Option<Result<Self, DecodeError>> {
        data.starts_with(&PREFIX).then(|| Self::read(data))
    }

    fn read(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(data);
        fields.take(PREFIX.len(), "echo prefix")?;
        let start = fields.offset();
        match fields.u8("echo type")? {
            REQUEST => {
                let source = oer::read_address(&mut fields, "echo source")?;
                Ok(Self::Request { source })
            }
            RESPONSE => Ok(Self::Response),
            other => Err(DecodeError::new(
                "echo type",
                DecodeErrorKind::UnknownType(other),
                start,
            )),
        }
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        PREFIX.len()
            + 1
            + match self {
                Self::Request { source } => oer::var_octets_len(source.as_bytes().len()),
                Self::Response => 0,
            }
    }

    /// Appends the data of the PREPARE.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(&PREFIX);
        match self {
            Self::Request { source } => {
                out.put_u8(REQUEST);
                oer::put_var_octets(out, source.as_bytes());
            }
            Self::Response => out.put_u8(RESPONSE),
        }
    }
}
