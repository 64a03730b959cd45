//! What a client is told.

use std::time::Duration;

use btp_proto::Credentials;
use ilp_router::config::Endpoint;

use crate::tls::TlsClientOptions;

/// What a client is told. `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// Who we are.
    pub credentials: Credentials,
    /// How a `wss://` server is told from an impostor; of no interest to others.
    pub tls: TlsClientOptions,
    /// DNS, TCP, TLS and WebSocket upgrade together. Default 5 s.
    pub connect_timeout: Duration,
    /// From our auth frame to its answer. Default 5 s.
    pub auth_timeout: Duration,
    /// Silence after which a ping is sent; zero sends none. Default 30 s.
    pub keepalive_interval: Duration,
    /// Further silence after which the link is dead. Default 10 s.
    pub keepalive_timeout: Duration,
    /// Packets of ours that may wait for an answer, at most 65,536. Default 4,096.
    pub max_in_flight: usize,
    /// Bytes of one WebSocket message. Default 64 KiB.
    pub max_message: usize,
}

impl ClientOptions {
    /// The defaults, for this server and account.
    #[must_use]
    pub const fn new(endpoint: Endpoint, credentials: Credentials) -> Self {
        Self {
            endpoint,
            credentials,
            tls: TlsClientOptions::new(),
            connect_timeout: Duration::from_secs(5),
            auth_timeout: Duration::from_secs(5),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            max_in_flight: 4_096,
            max_message: 64 << 10,
        }
    }
}
