//! Authorities and certificates, made for one test, and the files they are in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use ilp_runtime::tls::{
    ClientCertificates, TlsClientOptions, TlsIdentity, TlsOptions, TlsServerOptions,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};

/// A directory that goes when its test does.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ilp-tls-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file; a node that looks sees all of it or nothing.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let (path, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        fs::write(&new, text).unwrap();
        fs::rename(&new, &path).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A certificate and its key, in PEM.
pub struct Pair {
    pub cert: String,
    pub key: String,
}

impl Pair {
    /// Writes `<name>.pem` and `<name>.key`.
    pub fn write(&self, dir: &Dir, name: &str) -> TlsIdentity {
        TlsIdentity::new(
            dir.write(&format!("{name}.pem"), &self.cert),
            dir.write(&format!("{name}.key"), &self.key),
        )
    }
}

/// Parameters for a certificate with these names.
pub fn params(common_name: &str, alternatives: &[&str]) -> CertificateParams {
    let alternatives: Vec<_> = alternatives.iter().map(|&name| name.into()).collect();
    let mut params = CertificateParams::new(alternatives).unwrap();
    params.distinguished_name = DistinguishedName::new();
    if !common_name.is_empty() {
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
    }
    params
}

/// Those of the server in most tests.
pub fn localhost() -> CertificateParams {
    params("server", &["127.0.0.1", "localhost"])
}

pub fn self_signed(params: &CertificateParams) -> Pair {
    let key = KeyPair::generate().unwrap();
    Pair {
        cert: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// Somebody who signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub cert: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            cert,
        }
    }

    pub fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        Pair {
            cert: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    pub fn write(&self, dir: &Dir, name: &str) -> PathBuf {
        dir.write(name, &self.cert)
    }
}

/// A listener that shows this.
pub fn server(identity: TlsIdentity) -> TlsServerOptions {
    TlsServerOptions::new(identity)
}

/// The same, asking clients for certificates.
pub fn server_asking(identity: TlsIdentity, clients: ClientCertificates) -> TlsServerOptions {
    let mut options = TlsServerOptions::new(identity);
    options.clients = clients;
    options
}

/// A node with this listener that looks at its files all the time.
pub fn listening(server: TlsServerOptions) -> TlsOptions {
    let mut options = TlsOptions::new();
    options.server = Some(server);
    options.reload_interval = std::time::Duration::from_millis(5);
    options
}

/// A client that trusts this authority.
pub fn trusting(ca_file: &Path) -> TlsClientOptions {
    let mut options = TlsClientOptions::new();
    options.ca_file = Some(ca_file.into());
    options
}

/// A client that trusts this authority and shows this.
pub fn showing(ca_file: &Path, identity: TlsIdentity) -> TlsClientOptions {
    let mut options = trusting(ca_file);
    options.identity = Some(identity);
    options
}

/// A node that trusts this authority where it dials.
pub fn dialing(ca_file: &Path) -> TlsOptions {
    let mut options = TlsOptions::new();
    options.client = trusting(ca_file);
    options.reload_interval = std::time::Duration::from_millis(5);
    options
}
