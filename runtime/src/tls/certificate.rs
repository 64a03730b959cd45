//! What a certificate says about itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ilp_proto::Timestamp;
use rustls_pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::{self, Decode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::time::Time;

use super::TlsRole;
use super::error::TlsWarning;

/// How long before its end a certificate is told of; for one of a short life, a quarter of that.
const SOON: Duration = Duration::from_secs(14 * 24 * 3_600);
/// Names of one certificate that are looked at.
const MAX_NAMES: usize = 100;

/// The names that a certificate is for: the common name of its subject, then its DNS names, in their order.
/// Empty if it cannot be read.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    read_names(certificate).unwrap_or_default()
}

fn read_names(certificate: &CertificateDer<'_>) -> der::Result<Vec<String>> {
    let certificate = Certificate::from_der(certificate)?;
    let content = certificate.tbs_certificate();
    let common = content.subject().common_name()?.map(String::from);
    let alternative = content.get_extension::<SubjectAltName>()?;
    let dns = alternative
        .into_iter()
        .flat_map(|(_, SubjectAltName(names))| names)
        .filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.to_string()),
            _ => None,
        });
    Ok(common.into_iter().chain(dns).take(MAX_NAMES).collect())
}

/// A certificate that a node shows to others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsCertificate {
    /// To whom: to the servers that are dialled, or to the clients of the listener.
    pub role: TlsRole,
    /// Where it was read.
    pub file: PathBuf,
    /// From when it is good (RFC 5280 section 4.1.2.5).
    pub not_before: Timestamp,
    /// Up to when it is good. That of the certificate itself, not of those between it and a root.
    pub not_after: Timestamp,
}

/// From when to when a certificate of ours is good.
#[derive(Clone, Debug)]
pub(super) struct Validity {
    file: PathBuf,
    not_before: Timestamp,
    not_after: Timestamp,
    is_authority: bool,
}

impl Validity {
    /// That of the certificate in `file`; `None` if it cannot be read.
    pub(super) fn of(file: &Path, certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = Certificate::from_der(certificate).ok()?;
        let content = certificate.tbs_certificate();
        let constraints = content.get_extension::<BasicConstraints>().ok().flatten();
        let validity = content.validity();
        Some(Self {
            is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
            file: file.to_owned(),
            not_before: time(validity.not_before),
            not_after: time(validity.not_after),
        })
    }

    /// That of a certificate which is shown in this role.
    pub(super) fn of_role(self, role: TlsRole) -> TlsCertificate {
        let Self {
            file,
            not_before,
            not_after,
            is_authority: _,
        } = self;
        TlsCertificate {
            role,
            file,
            not_before,
            not_after,
        }
    }

    /// Warns if the certificate is of no use, or of none at the time `now` or soon after.
    pub(super) fn warnings(&self, now: Timestamp) -> impl Iterator<Item = TlsWarning> {
        let authority = self.is_authority.then(|| TlsWarning::Authority {
            file: self.file.clone(),
        });
        authority.into_iter().chain(self.warning(now))
    }

    fn warning(&self, now: Timestamp) -> Option<TlsWarning> {
        let (not_before, not_after) = (self.not_before, self.not_after);
        let life = not_after.saturating_duration_since(not_before);
        let file = self.file.clone();
        if now > not_after {
            Some(TlsWarning::Expired { file, not_after })
        } else if now < not_before {
            Some(TlsWarning::NotYetValid { file, not_before })
        } else if now > not_after.saturating_sub(SOON.min(life / 4)) {
            Some(TlsWarning::ExpiresSoon { file, not_after })
        } else {
            None
        }
    }
}

fn time(time: Time) -> Timestamp {
    Timestamp::from_millis(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
}
