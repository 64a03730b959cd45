//! ILDCP (RFC-0031): a child asks its parent which address it has, and in which asset they account.
//!
//! The request is a PREPARE of amount 0 to `peer.config`; the data of the FULFILL is the response.
//! As between all neighbours, the fulfillment is [`Fulfillment::ZERO`]. A parent that does not
//! serve the asker answers with a REJECT.

#[cfg(test)]
mod tests;

use core::time::Duration;

use bytes::BufMut;

use crate::{
    address::Addr,
    error::{DecodeError, DecodeErrorKind},
    oer::{self, Reader},
    packet::{Condition, Fulfill, Fulfillment, Prepare},
    time::Timestamp,
};

/// Where a request goes: to whoever is at the other end of the link.
pub const ILDCP_DESTINATION: &str = "peer.config";
/// How long a request of ours is good for.
pub const REQUEST_LIFETIME: Duration = Duration::from_secs(60);

/// A request, sent at `now`.
#[must_use]
pub fn request(now: Timestamp) -> Prepare<'static> {
    Prepare {
        amount: 0,
        expires_at: now.saturating_add(REQUEST_LIFETIME),
        condition: Condition::OF_ZERO,
        destination: Addr::known(ILDCP_DESTINATION),
        data: &[],
    }
}

/// Whether a PREPARE is meant as a request, good or not.
#[must_use]
pub fn is_request(prepare: &Prepare<'_>) -> bool {
    prepare.destination.as_str() == ILDCP_DESTINATION
}

/// Whether a PREPARE is a request that may be answered at `now`. Its amount and data are not looked
/// at.
///
/// # Errors
/// [`IldcpError::WrongDestination`], [`IldcpError::WrongCondition`] and [`IldcpError::Expired`], in
/// this order.
pub fn check_request(prepare: &Prepare<'_>, now: Timestamp) -> Result<(), IldcpError> {
    if !is_request(prepare) {
        Err(IldcpError::WrongDestination)
    } else if prepare.condition != Condition::OF_ZERO {
        Err(IldcpError::WrongCondition)
    } else if prepare.expires_at <= now {
        Err(IldcpError::Expired)
    } else {
        Ok(())
    }
}

/// Why a request or a response is not one.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IldcpError {
    /// The PREPARE is for somebody else.
    #[error("an ILDCP request goes to {ILDCP_DESTINATION}")]
    WrongDestination,
    /// The condition is not [`Condition::OF_ZERO`].
    #[error("the condition of a packet between peers is the SHA-256 of 32 zero bytes")]
    WrongCondition,
    /// It expires now or has expired.
    #[error("the ILDCP request has expired")]
    Expired,
    /// The fulfillment is not [`Fulfillment::ZERO`].
    #[error("the fulfillment of a packet between peers is 32 zero bytes")]
    WrongFulfillment,
    /// The data of the FULFILL cannot be read.
    #[error("the ILDCP response cannot be read: {0}")]
    Unreadable(DecodeError),
}

/// What a parent tells its child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IldcpResponse<'a> {
    /// The child's address, below the parent's.
    pub client_address: Addr<'a>,
    /// How many decimal places the unit of an amount has: with 9, an amount of 1 is a billionth.
    pub asset_scale: u8,
    /// The asset, such as `USD`. The peer chose the text; it has no bound but the packet's.
    pub asset_code: &'a str,
}

impl<'a> IldcpResponse<'a> {
    /// Reads the data of the FULFILL. Bytes behind it are ignored.
    ///
    /// # Errors
    /// A [`DecodeError`] whose offset counts from the start of `data`.
    pub fn parse(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(data);
        let client_address = oer::read_address(&mut fields, "clientAddress")?;
        let asset_scale = fields.u8("assetScale")?;
        let asset_code = fields.var_octets("assetCode")?;
        let start = fields.offset() - asset_code.len();
        let asset_code = core::str::from_utf8(asset_code).map_err(|error| {
            let offset = start + error.valid_up_to();
            DecodeError::new("assetCode", DecodeErrorKind::NotUtf8, offset)
        })?;
        Ok(Self {
            client_address,
            asset_scale,
            asset_code,
        })
    }

    /// Reads the answer to a request.
    ///
    /// # Errors
    /// [`IldcpError::WrongFulfillment`], then [`IldcpError::Unreadable`].
    pub fn from_fulfill(fulfill: &Fulfill<'a>) -> Result<Self, IldcpError> {
        if fulfill.fulfillment != Fulfillment::ZERO {
            return Err(IldcpError::WrongFulfillment);
        }
        Self::parse(fulfill.data).map_err(IldcpError::Unreadable)
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        oer::var_octets_len(self.client_address.as_bytes().len())
            + 1
            + oer::var_octets_len(self.asset_code.len())
    }

    /// Appends the data of the FULFILL.
    pub fn encode(&self, out: &mut impl BufMut) {
        oer::put_var_octets(out, self.client_address.as_bytes());
        out.put_u8(self.asset_scale);
        oer::put_var_octets(out, self.asset_code.as_bytes());
    }
}
