//! What people say about TLS.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A certificate and its private key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsIdentity {
    /// The certificate, followed by those of the authorities between it and a root, if there are any.
    pub cert_file: PathBuf,
    /// Its private key (PKCS #8, PKCS #1 or SEC 1), not encrypted.
    pub key_file: PathBuf,
}

impl TlsIdentity {
    /// The identity in these two files; they may be one and the same.
    #[must_use]
    pub fn new(cert_file: impl Into<PathBuf>, key_file: impl Into<PathBuf>) -> Self {
        Self {
            cert_file: cert_file.into(),
            key_file: key_file.into(),
        }
    }

    pub(super) fn files(&self) -> [&Path; 2] {
        [&self.cert_file, &self.key_file]
    }
}

/// How `wss://` servers are dialled.
///
/// The default trusts the authorities that Mozilla's browsers trust and shows no certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsClientOptions {
    /// The authorities to trust, in PEM, *instead of* the default ones. May also hold the self-signed
    /// certificate of a server itself, unless it says that it is an authority (`CA:TRUE`).
    pub ca_file: Option<PathBuf>,
    /// What to show servers that ask for a certificate.
    pub identity: Option<TlsIdentity>,
}

impl TlsClientOptions {
    /// The default.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ca_file: None,
            identity: None,
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let identity = self.identity.iter().flat_map(TlsIdentity::files);
        self.ca_file.as_deref().into_iter().chain(identity)
    }
}

/// Which certificates clients of the listener show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// None are asked for.
    #[default]
    Ignored,
    /// Who shows one must have it from an authority in `ca_file` (PEM); whoever shows none is served too.
    Optional {
        /// The authorities.
        ca_file: PathBuf,
    },
    /// Nobody is served without one from an authority in `ca_file` (PEM).
    Required {
        /// The authorities.
        ca_file: PathBuf,
    },
}

impl ClientCertificates {
    pub(super) fn ca_file(&self) -> Option<&Path> {
        match self {
            Self::Ignored => None,
            Self::Optional { ca_file } | Self::Required { ca_file } => Some(ca_file),
        }
    }
}

/// How the listener speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsServerOptions {
    /// What is shown to clients.
    pub identity: TlsIdentity,
    /// What is asked of clients.
    pub clients: ClientCertificates,
}

impl TlsServerOptions {
    /// Shows `identity` and asks for no certificates.
    #[must_use]
    pub const fn new(identity: TlsIdentity) -> Self {
        Self {
            identity,
            clients: ClientCertificates::Ignored,
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.identity
            .files()
            .into_iter()
            .chain(self.clients.ca_file())
    }
}

/// TLS in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsOptions {
    /// For the `wss://` servers that are dialled.
    pub client: TlsClientOptions,
    /// For the listener; without it, it speaks plain `ws://`.
    pub server: Option<TlsServerOptions>,
    /// How often the files are looked at for changes. Zero: never again after the start. Default 10 s.
    pub reload_interval: Duration,
}

impl TlsOptions {
    /// The default: dials by the default authorities, listens without TLS.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            client: TlsClientOptions::new(),
            server: None,
            reload_interval: Duration::from_secs(10),
        }
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self::new()
    }
}
