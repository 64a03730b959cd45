//! A certificate with its key.

use std::sync::Arc;

use futures_rustls::rustls::Error;
use futures_rustls::rustls::crypto::CryptoProvider;
use futures_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::certificate::Validity;
use super::error::{TlsError, TlsProblem};
use super::files::Files;
use super::options::TlsIdentity;

impl TlsIdentity {
    /// The certificate and the key, which belong together; `shown` learns for how long it is good.
    pub(super) fn load(
        &self,
        files: &Files,
        provider: &CryptoProvider,
        shown: &mut Vec<Validity>,
    ) -> Result<Arc<SingleCertAndKey>, TlsError> {
        let certificates = files.certificates(&self.cert_file)?;
        let key = files.key(&self.key_file)?;
        if let Some(first) = certificates.first() {
            shown.extend(Validity::of(&self.cert_file, first));
        }
        let pair =
            CertifiedKey::from_der(certificates, key, provider).map_err(|error| match error {
                Error::InconsistentKeys(_) => {
                    let cert_file = self.cert_file.clone();
                    TlsError::new(&self.key_file, TlsProblem::KeyMismatch { cert_file })
                }
                Error::InvalidCertificate(why) => {
                    let (number, why) = (1, why.to_string());
                    TlsError::new(&self.cert_file, TlsProblem::BadCertificate { number, why })
                }
                _ => TlsError::new(&self.key_file, TlsProblem::UnusableKey),
            })?;
        Ok(Arc::new(SingleCertAndKey::from(pair)))
    }
}
