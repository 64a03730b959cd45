//! Why there is no TLS, in words.

use std::io;

use futures_rustls::rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
use ilp_proto::Timestamp;
use rustls_pki_types::UnixTime;

use super::error::date;

/// Names that are listed.
const MAX_NAMES: usize = 8;
/// Characters of one.
const MAX_NAME: usize = 100;

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Other<'a> {
    /// The server that was dialled by this name.
    Server(&'a str),
    /// Somebody who connected.
    Client,
}

impl Other<'_> {
    const fn noun(self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Client => "client",
        }
    }
}

/// What went wrong with `other`: one line, which quotes nothing of theirs but a few printable characters.
pub(crate) fn in_words(error: &io::Error, other: Other<'_>) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(error) => explain(error, other),
        None => format!("the connection to the {} broke: {error}", other.noun()),
    }
}

/// Whether nobody whom we trust has signed the other side's certificate.
pub(super) fn is_untrusted(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        error,
        Some(Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature
        ))
    )
}

pub(super) fn explain(error: &Error, other: Other<'_>) -> String {
    let noun = other.noun();
    match error {
        Error::InvalidCertificate(error) => certificate(error, other),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => match other {
            Other::Server(_) => {
                "the server does not speak TLS on this port: use ws://, or the port where it does"
                    .into()
            }
            Other::Client => "the client does not speak TLS".into(),
        },
        Error::NoCertificatesPresented => {
            format!("the {noun} shows no certificate, which is required")
        }
        Error::AlertReceived(alert) => refused(*alert, other),
        Error::PeerIncompatible(what) => {
            format!("no TLS version or algorithm in common with the {noun} ({what:?})")
        }
        other => format!("the TLS handshake with the {noun} failed: {other}"),
    }
}

/// What is wrong with the other side's certificate.
fn certificate(error: &CertificateError, other: Other<'_>) -> String {
    let whose = match other {
        Other::Server(host) => format!("the certificate of {host}"),
        Other::Client => "the client certificate".into(),
    };
    let what = match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("expired on {}", unix(*not_after))
        }
        CertificateError::Expired => "has expired".into(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("is not valid before {}", unix(*not_before))
        }
        CertificateError::NotValidYet => "is not valid yet".into(),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => match other {
            Other::Server(_) => "is not signed by a trusted authority (self-signed?)".into(),
            Other::Client => "is not signed by a trusted authority (clientCaFile)".into(),
        },
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("is not for this name ({})", names(presented))
        }
        CertificateError::NotValidForName => "is not for this name".into(),
        CertificateError::Revoked => "has been revoked".into(),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed with an algorithm that is not supported".into()
        }
        CertificateError::BadEncoding => "cannot be read".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("is not meant for a {} (extended key usage)", other.noun())
        }
        // the library has no better name for it, and it is what `openssl req -x509` makes
        CertificateError::Other(error) if format!("{error:?}").contains("CaUsedAsEndEntity") => {
            format!(
                "is that of an authority (CA:TRUE; self-signed?), which a {} must not show: make one with CA:FALSE",
                other.noun()
            )
        }
        other => format!("cannot be accepted: {other}"),
    };
    format!("{whose} {what}")
}

/// Why the other side broke off.
fn refused(alert: AlertDescription, other: Other<'_>) -> String {
    use AlertDescription as Alert;
    let noun = other.noun();
    let because = match alert {
        Alert::CertificateRequired => {
            return format!("the {noun} wants a certificate of ours, and there is none for it");
        }
        Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
            return format!("the {noun} finds no TLS version or algorithm in common ({alert:?})");
        }
        Alert::UnrecognisedName => match other {
            Other::Server(host) => return format!("the server has no certificate for {host}"),
            Other::Client => "unrecognised name",
        },
        Alert::UnknownCA => "it does not trust who signed it",
        Alert::DecryptError => "its signature is not right",
        Alert::CertificateExpired => "it has expired",
        Alert::CertificateRevoked => "it has been revoked",
        Alert::BadCertificate | Alert::CertificateUnknown => "it does not say why",
        Alert::UnsupportedCertificate => "it is of a kind it does not support",
        Alert::AccessDenied => "access denied",
        _ => return format!("the {noun} broke off the TLS handshake ({alert:?})"),
    };
    format!("the {noun} does not accept our certificate: {because}")
}

/// The names in a certificate, which the library gives as `DnsName("a")` and `IpAddress(1.2.3.4)`.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "it is for none: it has no subject alternative names".into();
    }
    let plain = |name: &String| -> String {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest);
        inner
            .trim_end_matches(')')
            .trim_matches('"')
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(MAX_NAME)
            .collect()
    };
    let list: Vec<_> = presented.iter().take(MAX_NAMES).map(plain).collect();
    let more = if presented.len() > MAX_NAMES {
        ", …"
    } else {
        ""
    };
    format!("it is for {}{more}", list.join(", "))
}

fn unix(time: UnixTime) -> String {
    let millis = time.as_secs().saturating_mul(1_000);
    date(Timestamp::from_millis(
        i64::try_from(millis).unwrap_or(i64::MAX),
    ))
}
