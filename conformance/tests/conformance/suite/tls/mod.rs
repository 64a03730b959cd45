//! TLS, over real sockets and with certificates made for the occasion.

#[path = "../../../../../runtime/tests/suite/tls/certs.rs"]
pub mod certs;
pub mod clients;
pub mod links;
pub mod mistaken;
pub mod refused;
pub mod reload;
pub mod setup;
