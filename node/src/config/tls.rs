//! Certificates, keys and authorities: which files, and whether they are of any use.

use std::path::{Path, PathBuf};

use ilp_runtime::tls::{
    ClientCertificates, TlsClientOptions, TlsError, TlsIdentity, TlsOptions, TlsProblem,
    TlsServerOptions, TlsWarning,
};

use super::fields::Fields;
use super::problem::{Origin, Problem, quoted};
use super::value::Invalid;

const CERT: [&str; 2] = ["certFile", "keyFile"];
const DIAL_CERT: [&str; 2] = ["dialCertFile", "dialKeyFile"];

/// Reads the keys that are about TLS, and the files. Relative names in a file start at `directory`.
///
/// Certificates that nobody will accept are put into `warnings`; a node that starts tells of them by itself.
pub(super) fn read(
    fields: &mut Fields<'_>,
    directory: Option<&Path>,
    warnings: &mut Vec<Problem>,
) -> TlsOptions {
    let mut options = TlsOptions::new();
    if let Some(interval) = fields.time("tlsReloadInterval") {
        options.reload_interval = interval;
    }
    let mut judge = Judge {
        fields,
        directory,
        warnings,
    };
    options.client.ca_file = judge.authorities("caFile");
    options.client.identity = judge.identity(DIAL_CERT);
    let identity = judge.identity(CERT);
    let clients = judge.clients();
    options.server = identity.map(|identity| {
        let mut server = TlsServerOptions::new(identity);
        server.clients = clients;
        server
    });
    options
}

struct Judge<'j, 'f> {
    fields: &'j mut Fields<'f>,
    directory: Option<&'j Path>,
    warnings: &'j mut Vec<Problem>,
}

impl Judge<'_, '_> {
    /// The file that a key names.
    fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        let in_file = matches!(self.fields.origin_of(name), Origin::File { .. });
        let directory = self.directory.filter(|_| in_file);
        self.fields.parsed(name, |text, _| {
            if text.is_empty() {
                return Err(Invalid::new("is empty", "expected the name of a file"));
            }
            let path = directory.map_or_else(|| text.into(), |directory| directory.join(text));
            // reading a pipe would wait for somebody to write to it
            if std::fs::metadata(&path).is_ok_and(|meta| !meta.is_file()) {
                let what = format!("is {}, which is no regular file", quoted(text));
                return Err(Invalid::new(what, "expected the name of a PEM file"));
            }
            Ok(path)
        })
    }

    /// The authorities in the file that a key names.
    fn authorities(&mut self, name: &'static str) -> Option<PathBuf> {
        let file = self.path(name)?;
        let mut client = TlsClientOptions::new();
        client.ca_file = Some(file.clone());
        self.check(&client, name, |_| name);
        Some(file)
    }

    /// A certificate and its key, which are given together or not at all.
    fn identity(&mut self, [cert, key]: [&'static str; 2]) -> Option<TlsIdentity> {
        let given = |fields: &Fields<'_>, name| fields.layer_of(name).is_some();
        let (cert_file, key_file) = (self.path(cert), self.path(key));
        for (one, other) in [(cert, key), (key, cert)] {
            if given(self.fields, one) && !given(self.fields, other) {
                let what = format!("{one} is given without {other}");
                let fix =
                    "a certificate and its private key belong together; they may be in one file";
                self.problem(one, what, fix);
            }
        }
        let identity = TlsIdentity::new(cert_file?, key_file?);
        let about_key = |error: &TlsError| match error.problem {
            TlsProblem::NoKey { .. }
            | TlsProblem::EncryptedKey
            | TlsProblem::UnusableKey
            | TlsProblem::KeyMismatch { .. } => true,
            _ => error.file != identity.cert_file,
        };
        let blamed = |error: &TlsError| if about_key(error) { key } else { cert };
        let client = showing(identity.clone());
        if self.check(&client, cert, blamed) == Some(cert)
            && identity.cert_file != identity.key_file
        {
            // nobody has looked at the key yet; what it holds besides is of no interest here
            let alone = showing(TlsIdentity::new(&identity.key_file, &identity.key_file));
            if let Err(error) = with_client(&alone).check()
                && matches!(
                    error.problem,
                    TlsProblem::Unreadable(_) | TlsProblem::TooLarge | TlsProblem::NotPem
                )
            {
                self.refuse(key, &error);
            }
        }
        Some(identity)
    }

    /// What is asked of clients of the listener.
    fn clients(&mut self) -> ClientCertificates {
        let ca_file = self.authorities("clientCaFile");
        let required = self.fields.boolean("requireClientCert").unwrap_or(false);
        let given = |fields: &Fields<'_>, name| fields.layer_of(name).is_some();
        if given(self.fields, "clientCaFile") && !given(self.fields, CERT[0]) {
            let what = "clientCaFile is given without certFile: only a listener with TLS can ask for certificates";
            self.problem("clientCaFile", what, "give certFile and keyFile too");
        }
        if required && !given(self.fields, "clientCaFile") {
            let what = "requireClientCert is true, but there is no clientCaFile";
            let fix = "give clientCaFile, the authorities whose certificates are good";
            self.problem("requireClientCert", what, fix);
        }
        match ca_file {
            None => ClientCertificates::Ignored,
            Some(ca_file) if required => ClientCertificates::Required { ca_file },
            Some(ca_file) => ClientCertificates::Optional { ca_file },
        }
    }

    /// Reads the files of `client`, whose certificate the key `ours` names; the key that is to blame, if any is.
    fn check(
        &mut self,
        client: &TlsClientOptions,
        ours: &'static str,
        blamed: impl Fn(&TlsError) -> &'static str,
    ) -> Option<&'static str> {
        match with_client(client).check() {
            Ok(warnings) => {
                let origin = self.fields.origin_of(ours);
                let problem = |warning: TlsWarning| {
                    let fix = match warning {
                        TlsWarning::Authority { .. } => {
                            "make one with CA:FALSE, as the README does with openssl"
                        }
                        _ => "renew it; a node that runs notices when the file changes",
                    };
                    Problem::new(&origin, warning.to_string(), fix)
                };
                self.warnings.extend(warnings.into_iter().map(problem));
                None
            }
            Err(error) => {
                let name = blamed(&error);
                self.refuse(name, &error);
                Some(name)
            }
        }
    }

    fn refuse(&mut self, name: &'static str, error: &TlsError) {
        let what = format!("{name} {} {}", error.file.display(), error.problem);
        let start = self
            .directory
            .filter(|directory| !directory.as_os_str().is_empty());
        let fix = match (&error.problem, start) {
            (TlsProblem::Unreadable(_), Some(start)) => {
                format!(
                    "expected a PEM file; relative names in the file start at {}",
                    start.display()
                )
            }
            _ => match name {
                "keyFile" | "dialKeyFile" => {
                    "expected a PEM file with the private key of the certificate, not encrypted"
                }
                "certFile" | "dialCertFile" => {
                    "expected a PEM file with our certificate, then those between it and a root"
                }
                _ => "expected a PEM file with the certificates of the authorities to trust",
            }
            .to_owned(),
        };
        self.problem(name, what, fix);
    }

    fn problem(&mut self, name: &str, what: impl Into<String>, fix: impl Into<String>) {
        let origin = self.fields.origin_of(name);
        self.fields.problems.push(Problem::new(&origin, what, fix));
    }
}

fn with_client(client: &TlsClientOptions) -> TlsOptions {
    let mut options = TlsOptions::new();
    options.client = client.clone();
    options
}

fn showing(identity: TlsIdentity) -> TlsClientOptions {
    let mut client = TlsClientOptions::new();
    client.identity = Some(identity);
    client
}
