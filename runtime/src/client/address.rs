//! Asking the server for our address.

use ilp_proto::{Address, ErrorCode, Fulfill, IldcpError, IldcpResponse, ildcp};
use thiserror::Error;

use super::{Answer, Client, SendError};
use crate::Clock;

/// What a server tells its child (RFC-0031).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LearnedAddress {
    /// Our address.
    pub address: Address,
    /// The decimal places of the unit of an amount.
    pub asset_scale: u8,
    /// The asset, such as `USD`; chosen by the server: escape it.
    pub asset_code: String,
}

/// Why we have no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No answer.
    #[error("{0}")]
    Send(#[from] SendError),
    /// The server does not serve us.
    #[error("the server gives us no address: {code} {message:?}")]
    Rejected {
        /// Why.
        code: ErrorCode,
        /// For people, chosen by the server: escape it.
        message: String,
    },
    /// An answer of no use.
    #[error("{0}")]
    Useless(#[from] IldcpError),
}

pub(super) async fn learn(client: &Client) -> Result<LearnedAddress, AddressError> {
    match client.send(ildcp::request(Clock::now().wall)).await? {
        Answer::Fulfill { fulfillment, data } => {
            let response = IldcpResponse::from_fulfill(&Fulfill {
                fulfillment,
                data: &data,
            })?;
            let learned = LearnedAddress {
                address: response.client_address.to_owned(),
                asset_scale: response.asset_scale,
                asset_code: response.asset_code.to_owned(),
            };
            client.set_address(learned.address.clone());
            Ok(learned)
        }
        Answer::Reject { code, message, .. } => Err(AddressError::Rejected { code, message }),
    }
}
