//! From PEM files to certificates and keys.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{BuildHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use futures_rustls::rustls::RootCertStore;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::error::{TlsError, TlsProblem};

/// A bundle of all authorities of the world has less than one.
const MAX_FILE: u64 = 4 << 20;

/// The bytes of some files as they were at one time: what is made of them is consistent if they are.
pub(super) struct Files(BTreeMap<PathBuf, Result<Zeroizing<Vec<u8>>, TlsProblem>>);

impl Files {
    /// Reads them all. This blocks, as long as it takes to read some kilobytes.
    pub(super) fn read<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let read = |path: &Path| (path.to_owned(), read(path));
        Self(paths.into_iter().map(read).collect())
    }

    /// Changes when the files do.
    pub(super) fn fingerprint(&self, hasher: &impl BuildHasher) -> u64 {
        let mut state = hasher.build_hasher();
        for (path, bytes) in &self.0 {
            path.hash(&mut state);
            match bytes {
                Ok(bytes) => bytes.hash(&mut state),
                Err(problem) => problem.to_string().hash(&mut state),
            }
        }
        state.finish()
    }

    /// What is in `path`, and looks like PEM.
    fn pem(&self, path: &Path) -> Result<Pem<'_>, TlsError> {
        let bytes = match self.0.get(path) {
            Some(Ok(bytes)) => bytes,
            Some(Err(problem)) => return Err(TlsError::new(path, problem.clone())),
            // all that is asked for was read
            None => {
                return Err(TlsError::new(
                    path,
                    TlsProblem::Unreadable("not read".into()),
                ));
            }
        };
        // some editors begin a file with a byte order mark
        let pem = Pem(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        if !pem.has("-----BEGIN ") {
            return Err(TlsError::new(path, TlsProblem::NotPem));
        }
        Ok(pem)
    }

    /// All certificates in `path`, at least one.
    pub(super) fn certificates(
        &self,
        path: &Path,
    ) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let pem = self.pem(path)?;
        let fail = |problem| TlsError::new(path, problem);
        let certificates = CertificateDer::pem_slice_iter(pem.0)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| fail(broken(&error)))?;
        if certificates.is_empty() {
            let has_key = pem.has("PRIVATE KEY-----");
            return Err(fail(TlsProblem::NoCertificate { has_key }));
        }
        Ok(certificates)
    }

    /// The first private key in `path`.
    pub(super) fn key(&self, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
        let pem = self.pem(path)?;
        let problem = match PrivateKeyDer::from_pem_slice(pem.0) {
            Ok(key) => return Ok(key),
            Err(_)
                if pem.has("-----BEGIN ENCRYPTED PRIVATE KEY-----")
                    || pem.has("Proc-Type: 4,ENCRYPTED") =>
            {
                TlsProblem::EncryptedKey
            }
            Err(pem::Error::NoItemsFound) => TlsProblem::NoKey {
                has_certificate: pem.has("-----BEGIN CERTIFICATE-----"),
            },
            Err(error) => broken(&error),
        };
        Err(TlsError::new(path, problem))
    }

    /// The certificates in `path` as authorities.
    pub(super) fn authorities(&self, path: &Path) -> Result<RootCertStore, TlsError> {
        let mut store = RootCertStore::empty();
        for (index, certificate) in self.certificates(path)?.into_iter().enumerate() {
            store.add(certificate).map_err(|error| {
                let (number, why) = (index + 1, error.to_string());
                TlsError::new(path, TlsProblem::BadCertificate { number, why })
            })?;
        }
        Ok(store)
    }
}

/// The text of a PEM file.
struct Pem<'a>(&'a [u8]);

impl Pem<'_> {
    fn has(&self, text: &str) -> bool {
        self.0
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsProblem> {
    let unreadable = |error: io::Error| TlsProblem::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    let len = file.metadata().map_err(unreadable)?.len();
    if len > MAX_FILE {
        return Err(TlsProblem::TooLarge);
    }
    // room for all of it at once: a vector that grows leaves its former bytes behind
    let room = usize::try_from(len).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(TlsProblem::TooLarge);
    }
    Ok(bytes)
}

/// The words of the library would quote the file.
fn broken(error: &pem::Error) -> TlsProblem {
    TlsProblem::BrokenPem(match error {
        pem::Error::MissingSectionEnd { .. } => "a -----BEGIN line without its -----END line",
        pem::Error::IllegalSectionStart { .. } => "a -----BEGIN line that does not end in dashes",
        pem::Error::Base64Decode(_) => "between -----BEGIN and -----END it is not base64",
        _ => "it is not PEM",
    })
}
