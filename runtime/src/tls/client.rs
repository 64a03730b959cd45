//! The side that dials.

use std::io;
use std::path::Path;

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::rustls::client::Resumption;
use futures_rustls::rustls::{ClientConfig, RootCertStore};
use futures_rustls::{TlsConnector, TlsStream};
use ilp_proto::Timestamp;
use rustls_pki_types::ServerName;

use super::buffered::Buffered;
use super::certificate::Validity;
use super::error::{TlsError, TlsProblem, TlsWarning};
use super::explain::{Other, in_words, is_untrusted};
use super::files::Files;
use super::options::TlsClientOptions;
use super::provider;
use super::reload::{Look, Reloading, Source};
use crate::transport::Transport;
use crate::upgrade::Unreached;

/// Dials `wss://`.
#[derive(Debug)]
pub(crate) struct TlsClient(Reloading<TlsClientOptions>);

impl Source for TlsClientOptions {
    type Made = ClientConfig;

    fn files(&self) -> impl Iterator<Item = &Path> {
        self.files()
    }

    fn make(&self, files: &Files, shown: &mut Vec<Validity>) -> Result<ClientConfig, TlsError> {
        let provider = provider();
        let roots = match &self.ca_file {
            Some(file) => files.authorities(file)?,
            None => RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            },
        };
        let identity = self
            .identity
            .as_ref()
            .map(|identity| identity.load(files, &provider, shown))
            .transpose()?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                TlsError::new("the TLS settings", TlsProblem::Unusable(error.to_string()))
            })?
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(identity) => builder.with_client_cert_resolver(identity),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

impl TlsClient {
    pub(crate) fn load(
        options: &TlsClientOptions,
        warnings: &mut Vec<TlsWarning>,
    ) -> Result<Self, TlsError> {
        Reloading::load(options.clone(), warnings).map(Self)
    }

    pub(super) fn has_files(&self) -> bool {
        self.0.has_files()
    }

    pub(super) fn look(&self, now: Timestamp) -> Look {
        self.0.look(now)
    }

    pub(super) fn shown(&self) -> Vec<Validity> {
        self.0.shown()
    }

    /// Makes sure that the other end of `stream` is `host`, a name or an IP address.
    pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<Transport<S>, Unreached> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Unreached::Other(format!("{host:?} is no name that a certificate can be for"))
        })?;
        let stream = Buffered::new(stream);
        match TlsConnector::from(self.0.current())
            .connect(name, stream)
            .await
        {
            Ok(stream) => Ok(Transport::tls(TlsStream::Client(stream))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Unreached::Other(
                "the connection ended during the TLS handshake".into(),
            )),
            Err(error) => {
                let why = in_words(&error, Other::Server(host));
                Err(if is_untrusted(&error) {
                    Unreached::Untrusted(why)
                } else {
                    Unreached::Other(why)
                })
            }
        }
    }
}
