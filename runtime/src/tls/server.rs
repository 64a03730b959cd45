//! The side that listens.

use std::io;
use std::path::Path;
use std::sync::Arc;

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::rustls::ServerConfig;
use futures_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use futures_rustls::{TlsAcceptor, TlsStream};
use ilp_proto::Timestamp;

use super::buffered::Buffered;
use super::certificate::{self, Validity};
use super::error::{TlsError, TlsProblem, TlsWarning};
use super::explain::{Other, in_words};
use super::files::Files;
use super::options::{ClientCertificates, TlsServerOptions};
use super::provider;
use super::reload::{Look, Reloading, Source};
use crate::transport::{HANDSHAKE_RECORD, Transport};

/// What an HTTP client is told that forgot the TLS (RFC 2817 section 4.2).
pub(crate) const WANTS_TLS: &str = "426 Upgrade Required\r\nUpgrade: TLS/1.2";

/// Serves `wss://`.
#[derive(Debug)]
pub(crate) struct TlsServer(Reloading<TlsServerOptions>);

/// A client that cannot be served.
pub(crate) struct Refusal<S> {
    /// The reason, for people.
    pub(crate) why: String,
    /// Its connection, which is of no use any more except for saying so.
    pub(crate) stream: S,
    /// The HTTP status, with headers, that tells a client what is wrong; TLS has told others.
    pub(crate) status: Option<&'static str>,
}

impl Source for TlsServerOptions {
    type Made = ServerConfig;

    fn files(&self) -> impl Iterator<Item = &Path> {
        self.files()
    }

    fn make(&self, files: &Files, shown: &mut Vec<Validity>) -> Result<ServerConfig, TlsError> {
        let provider = provider();
        let identity = self.identity.load(files, &provider, shown)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                TlsError::new("the TLS settings", TlsProblem::Unusable(error.to_string()))
            })?;
        let builder = match self.clients.ca_file() {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let authorities = Arc::new(files.authorities(file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider);
                let verifier = match self.clients {
                    ClientCertificates::Required { .. } => verifier,
                    _ => verifier.allow_unauthenticated(),
                };
                let verifier = verifier.build().map_err(|error| {
                    TlsError::new(file, TlsProblem::Unusable(error.to_string()))
                })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_cert_resolver(identity);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

impl TlsServer {
    pub(super) fn load(
        options: &TlsServerOptions,
        warnings: &mut Vec<TlsWarning>,
    ) -> Result<Self, TlsError> {
        Reloading::load(options.clone(), warnings).map(Self)
    }

    pub(super) fn look(&self, now: Timestamp) -> Look {
        self.0.look(now)
    }

    pub(super) fn shown(&self) -> Vec<Validity> {
        self.0.shown()
    }

    /// The server's half of the handshake; also gives the names in the client's certificate, none if it shows none.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Result<(Transport<S>, Vec<String>), Refusal<S>> {
        let mut stream = Buffered::new(stream);
        let (why, status) = match stream.peek().await {
            Ok(Some(HANDSHAKE_RECORD)) => return self.handshake(stream).await,
            Ok(None) => ("the connection ended before the TLS handshake".into(), None),
            Ok(Some(_)) => (
                "the client does not speak TLS, which this port wants (wss://)".into(),
                Some(WANTS_TLS),
            ),
            Err(error) => (error.to_string(), None),
        };
        Err(Refusal {
            why,
            stream: stream.into_inner(),
            status,
        })
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: Buffered<S>,
    ) -> Result<(Transport<S>, Vec<String>), Refusal<S>> {
        let accepting = TlsAcceptor::from(self.0.current()).accept(stream);
        let stream = accepting.into_fallible().await.map_err(|(error, stream)| {
            let why = if error.kind() == io::ErrorKind::UnexpectedEof {
                "the connection ended during the TLS handshake".into()
            } else {
                in_words(&error, Other::Client)
            };
            Refusal {
                why,
                stream: stream.into_inner(),
                status: None,
            }
        })?;
        let names = match stream.get_ref().1.peer_certificates() {
            Some([first, ..]) => certificate::names(first),
            _ => return Ok((Transport::tls(TlsStream::Server(stream)), Vec::new())),
        };
        if names.is_empty() {
            return Err(Refusal {
                why: "the client certificate has neither a common name nor a DNS name".into(),
                stream: stream.into_inner().0.into_inner(),
                status: None,
            });
        }
        Ok((Transport::tls(TlsStream::Server(stream)), names))
    }
}
