//! TLS between the load generator and what it measures: that of rustls, without the connector's code around it.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ilp_runtime::tls::{TlsClientOptions, TlsIdentity, TlsOptions, TlsServerOptions};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// Which servers to trust.
#[derive(Clone)]
pub(super) struct Trust(Arc<ClientConfig>);

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

impl Trust {
    /// The authorities in a PEM file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn of_file(file: &Path) -> Result<Self, String> {
        // which has better words for it
        let mut options = TlsOptions::new();
        options.client = TlsClientOptions::new();
        options.client.ca_file = Some(file.to_owned());
        options.check().map_err(|error| error.to_string())?;
        Self::read(file).map_err(|error| format!("{}: {error}", file.display()))
    }

    fn read(file: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file)? {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// The client's half of a connection to `host`, a name or an IP address, before its handshake.
    ///
    /// # Errors
    /// When no certificate can be for it.
    pub(super) fn client(&self, host: &str) -> Result<ClientConnection, String> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("{host:?} is no name that a certificate can be for"))?;
        ClientConnection::new(Arc::clone(&self.0), name).map_err(|error| format!("TLS: {error}"))
    }
}

/// What nodes that are started show each other and the load generator.
pub(super) struct NodeTls {
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    /// What all of them trust.
    pub(super) ca_file: PathBuf,
    pub(super) trust: Trust,
}

impl NodeTls {
    /// Without `ca_file` the certificate itself is what is trusted.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub(super) fn of_files(
        cert_file: &Path,
        key_file: &Path,
        ca_file: Option<&Path>,
    ) -> Result<Self, String> {
        let mut options = TlsOptions::new();
        let identity = TlsIdentity::new(cert_file, key_file);
        options.server = Some(TlsServerOptions::new(identity));
        options.check().map_err(|error| error.to_string())?;
        let ca_file = ca_file.unwrap_or(cert_file);
        Ok(Self {
            cert_file: cert_file.to_owned(),
            key_file: key_file.to_owned(),
            ca_file: ca_file.to_owned(),
            trust: Trust::of_file(ca_file)?,
        })
    }
}

/// The TLS of a [`Socket`](super::socket::Socket), after its handshake.
pub(super) struct Tls {
    connection: Box<ClientConnection>,
    /// There may be more than the last read had room for.
    more: bool,
}

impl Tls {
    pub(super) fn new(connection: ClientConnection) -> Self {
        Self {
            connection: Box::new(connection),
            more: false,
        }
    }

    /// Whether to read without waiting for the TCP stream.
    pub(super) const fn more(&self) -> bool {
        self.more
    }

    /// Whether the TCP stream has not taken all of it.
    pub(super) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Reads all there is, as far as there is room; 0 is the end.
    pub(super) fn read(&mut self, stream: &mut TcpStream, into: &mut [u8]) -> io::Result<usize> {
        let mut len = 0;
        self.more = false;
        loop {
            let read = match self.connection.reader().read(&mut into[len..]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                read => Some(read),
            };
            match read {
                None => {}
                Some(Ok(0)) if len < into.len() => return Ok(len),
                Some(Ok(more)) => len += more,
                Some(Err(error)) if len == 0 => return Err(error),
                // it is told of next time
                Some(Err(_)) => return Ok(len),
            }
            if len == into.len() {
                self.more = true;
                return Ok(len);
            }
            match self.connection.read_tls(stream) {
                // a close without goodbye, which the reader tells of
                Ok(0) => {}
                Ok(_) => {
                    let state = self.connection.process_new_packets();
                    state.map_err(io::Error::other)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && len > 0 => return Ok(len),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what there is room for and sends what the TCP stream takes.
    pub(super) fn write(&mut self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.connection.writer().write(bytes)?;
        while self.connection.wants_write() {
            match self.connection.write_tls(stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && taken > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}
