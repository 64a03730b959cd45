//! TLS, over real sockets and with certificates made for the occasion.

pub mod certs;
pub mod clients;
pub mod links;
pub mod mistaken;
pub mod refused;
pub mod reload;
pub mod setup;
