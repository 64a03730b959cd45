//! What can be wrong with the files.

use std::path::PathBuf;

use ilp_proto::Timestamp;
use thiserror::Error;

/// A file that TLS needs is of no use. Never quotes what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: {problem}", .file.display())]
#[non_exhaustive]
pub struct TlsError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: TlsProblem,
}

impl TlsError {
    pub(super) fn new(file: impl Into<PathBuf>, problem: TlsProblem) -> Self {
        Self {
            file: file.into(),
            problem,
        }
    }
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The operating system does not let us have it.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It has more than 4 MiB.
    #[error("is too large for a file with certificates or a key")]
    TooLarge,
    /// There is no `-----BEGIN …-----` in it.
    #[error("is no PEM file: expected a line like -----BEGIN CERTIFICATE-----")]
    NotPem,
    /// PEM, but broken.
    #[error("is broken: {0}")]
    BrokenPem(&'static str),
    /// PEM, but something else.
    #[error("has no certificate{}", if *.has_key { ", but a private key: are the two files swapped?" } else { "" })]
    NoCertificate {
        /// There is a private key in it.
        has_key: bool,
    },
    /// PEM, but something else.
    #[error("has no private key{}", if *.has_certificate { ", but a certificate: are the two files swapped?" } else { "" })]
    NoKey {
        /// There is a certificate in it.
        has_certificate: bool,
    },
    /// The private key wants a passphrase.
    #[error("has an encrypted private key, which is not supported: decrypt it with `openssl pkey`")]
    EncryptedKey,
    /// The private key is of a kind that cannot be used, or broken.
    #[error(
        "has a private key that cannot be used: RSA of 2048 to 8192 bits, ECDSA P-256 or P-384, and Ed25519 can"
    )]
    UnusableKey,
    /// The private key is not that of the certificate.
    #[error("has a private key that does not belong to the first certificate of {}", .cert_file.display())]
    KeyMismatch {
        /// Where the certificate is.
        cert_file: PathBuf,
    },
    /// What should be a certificate is none that can be used.
    #[error("certificate number {number} in it cannot be used: {why}")]
    BadCertificate {
        /// Which, from 1.
        number: usize,
        /// What is wrong.
        why: String,
    },
    /// The TLS library does not take what was read.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

/// Something about the files that is legal, and most likely a mistake.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsWarning {
    /// Nobody will accept the certificate any more.
    #[error("{}: the certificate has expired on {}", .file.display(), date(*.not_after))]
    Expired {
        /// Where it is.
        file: PathBuf,
        /// When.
        not_after: Timestamp,
    },
    /// Nobody will accept the certificate much longer: for 14 days, or if it has a short life, for a quarter of that.
    #[error("{}: the certificate expires on {}", .file.display(), date(*.not_after))]
    ExpiresSoon {
        /// Where it is.
        file: PathBuf,
        /// When.
        not_after: Timestamp,
    },
    /// The certificate is that of an authority (RFC 5280 section 4.2.1.9), which the TLS library of this crate does not
    /// take from the other side; it is what `openssl req -x509` makes unless it is told otherwise.
    #[error("{}: the certificate is that of an authority (CA:TRUE), which this connector and others do not accept from the other side", .file.display())]
    Authority {
        /// Where it is.
        file: PathBuf,
    },
    /// Nobody will accept the certificate yet.
    #[error("{}: the certificate is not valid before {}", .file.display(), date(*.not_before))]
    NotYetValid {
        /// Where it is.
        file: PathBuf,
        /// From when on it is.
        not_before: Timestamp,
    },
}

/// A time as people read it, to the second.
pub(super) fn date(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}
