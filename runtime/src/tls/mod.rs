//! TLS for dialled and for accepted links, over the streams of any runtime.
//!
//! It is that of rustls with the cryptography of *ring*, versions 1.2 and 1.3. Nothing is installed for the whole
//! process, so a program may use rustls otherwise beside it. Every handshake is a full one (no session is resumed):
//! links are few and long, and so a certificate that has expired or an authority that was taken away counts from
//! the next link on.
//!
//! Certificates and keys come from PEM files and [follow them](TlsOptions::reload_interval): new links get what the
//! files hold now; links that exist are left alone. Files that are of no use any more, or not yet, because only one
//! of two was written, change nothing but what the [`Observer`] is told.
//!
//! # Client certificates
//!
//! A verified client certificate names an account as the path of the upgrade request can: of the common name of its
//! subject and its DNS names, in this order, the first that is the id of a peer. The client's token is still
//! checked. If none is, the client is refused when it authenticates. Clients that show no certificate, if they
//! [may](ClientCertificates::Optional), are identified as ever.

mod buffered;
mod certificate;
mod client;
mod error;
mod explain;
mod files;
mod identity;
mod options;
mod reload;
mod server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_rustls::rustls::crypto::{CryptoProvider, ring};
use ilp_proto::Timestamp;

pub use self::certificate::TlsCertificate;
pub use self::error::{TlsError, TlsProblem, TlsWarning};
pub use self::options::{
    ClientCertificates, TlsClientOptions, TlsIdentity, TlsOptions, TlsServerOptions,
};

use self::reload::Look;
use crate::Observer;

pub(crate) use self::buffered::Buffered;
pub(crate) use self::client::TlsClient;
pub(crate) use self::explain::{Other, in_words};
pub(crate) use self::server::{Refusal, TlsServer};

/// Which of a node's two halves of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsRole {
    /// That for the links that are dialled.
    Client,
    /// That of the listener.
    Server,
}

impl fmt::Display for TlsRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

impl TlsOptions {
    /// Reads all files as a node does when it starts, and tells what it would say.
    ///
    /// # Errors
    /// The first file that is of no use.
    pub fn check(&self) -> Result<Vec<TlsWarning>, TlsError> {
        Tls::load(self).map(|(_, warnings)| warnings)
    }
}

/// Both halves.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) client: TlsClient,
    pub(crate) server: Option<TlsServer>,
    reload_interval: Duration,
}

impl Tls {
    pub(crate) fn load(options: &TlsOptions) -> Result<(Self, Vec<TlsWarning>), TlsError> {
        let mut warnings = Vec::new();
        let client = TlsClient::load(&options.client, &mut warnings)?;
        let server = options
            .server
            .as_ref()
            .map(|server| TlsServer::load(server, &mut warnings))
            .transpose()?;
        let tls = Self {
            client,
            server,
            reload_interval: options.reload_interval,
        };
        Ok((tls, warnings))
    }

    /// How often to [`reload`](Self::reload), if there is anything to.
    pub(crate) fn reload_interval(&self) -> Option<Duration> {
        let any = self.client.has_files() || self.server.is_some();
        (any && !self.reload_interval.is_zero()).then_some(self.reload_interval)
    }

    /// The certificates that others are shown now.
    pub(crate) fn certificates(&self) -> Vec<TlsCertificate> {
        let client = self.client.shown().into_iter();
        let client = client.map(|one| one.of_role(TlsRole::Client));
        let server = self.server.iter().flat_map(TlsServer::shown);
        let server = server.map(|one| one.of_role(TlsRole::Server));
        client.chain(server).collect()
    }

    /// Looks at the files. Says what was exchanged, or could not be, and what is new about certificates.
    pub(crate) fn look(&self, now: Timestamp, observer: &dyn Observer) {
        let client = (TlsRole::Client, self.client.look(now));
        let server = self.server.as_ref();
        let server = server.map(|server| (TlsRole::Server, server.look(now)));
        for (role, look) in [client].into_iter().chain(server) {
            let warnings = match look {
                Look::Same(warnings) => warnings,
                Look::Changed(result) => {
                    observer.tls_reload(role, result.as_ref().map(drop));
                    result.unwrap_or_default()
                }
            };
            for warning in &warnings {
                observer.tls_warning(warning);
            }
        }
    }
}

/// The cryptography.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
