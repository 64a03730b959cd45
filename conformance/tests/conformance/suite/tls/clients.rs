//! Clients with certificates.

use std::path::PathBuf;

use btp_proto::Secret;
use ilp_runtime::Runtime;
use ilp_runtime::client::{Client, ClientError};
use ilp_runtime::tls::{ClientCertificates, TlsClientOptions};
use rcgen::{CertificateParams, date_time_ymd};

use super::certs::{
    Authority, Dir, listening, localhost, params, server_asking, showing, trusting,
};
use super::setup::{TlsNode, attach, attach_error, hub, pays_itself, wss};
use crate::suite::setup::fulfill;

struct Asking {
    dir: Dir,
    node: TlsNode,
    /// Signs clients.
    authority: Authority,
    /// Signed the server.
    ca_file: PathBuf,
}

/// A hub that asks for certificates.
async fn asking<R: Runtime>(runtime: &R, required: bool) -> Asking {
    let dir = Dir::new();
    let (servers, authority) = (Authority::new("of servers"), Authority::new("of clients"));
    let ca_file = authority.write(&dir, "clients.pem");
    let clients = if required {
        ClientCertificates::Required { ca_file }
    } else {
        ClientCertificates::Optional { ca_file }
    };
    let identity = servers.sign(&localhost()).write(&dir, "server");
    let node = hub(runtime, listening(server_asking(identity, clients))).await;
    let ca_file = servers.write(&dir, "servers.pem");
    Asking {
        dir,
        node,
        authority,
        ca_file,
    }
}

impl Asking {
    /// A client with such a certificate.
    fn client(&self, params: &CertificateParams) -> TlsClientOptions {
        let identity = self.authority.sign(params).write(&self.dir, "client");
        showing(&self.ca_file, identity)
    }

    /// Attaches without saying who: the token alone, that of both children, does not tell.
    async fn anonymous<R: Runtime>(
        &self,
        runtime: &R,
        tls: TlsClientOptions,
        token: Option<&str>,
    ) -> Result<Client, ClientError> {
        let mut options = wss(self.node.address(), "", tls);
        options.credentials.username = None;
        if let Some(token) = token {
            options.credentials.token = Secret::new(token);
        }
        Client::connect(runtime, options, fulfill).await
    }
}

pub async fn a_certificate_names_the_account_by_its_common_name<R: Runtime>(runtime: R) {
    let asking = asking(&runtime, true).await;
    let tls = asking.client(&params("bob", &["workstation.example"]));
    let bob = asking.anonymous(&runtime, tls, None).await.unwrap();
    pays_itself(&bob, "bob").await;
}

pub async fn a_certificate_names_the_account_by_a_dns_name<R: Runtime>(runtime: R) {
    let asking = asking(&runtime, false).await;
    let tls = asking.client(&params("Bob Ltd", &["bob.example", "bob"]));
    let bob = asking.anonymous(&runtime, tls, None).await.unwrap();
    pays_itself(&bob, "bob").await;
}

pub async fn the_token_is_still_checked<R: Runtime>(runtime: R) {
    let asking = asking(&runtime, false).await;
    let tls = asking.client(&params("bob", &[]));
    let error = asking
        .anonymous(&runtime, tls, Some("guess"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error}");
}

pub async fn a_certificate_for_one_cannot_be_used_by_another<R: Runtime>(runtime: R) {
    let asking = asking(&runtime, false).await;
    let tls = asking.client(&params("bob", &[]));
    let error = attach(&runtime, asking.node.address(), "alice", tls)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error}");
}

pub async fn a_certificate_for_nobody_is_refused<R: Runtime>(runtime: R) {
    let asking = asking(&runtime, false).await;
    let tls = asking.client(&params("mallory", &["m.example"]));
    let error = attach(&runtime, asking.node.address(), "alice", tls)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error}");
    let tls = asking.client(&params("", &["192.0.2.1"]));
    attach(&runtime, asking.node.address(), "alice", tls)
        .await
        .unwrap_err();
    assert_eq!(
        asking.node.told.wait("upgrade failed: ").await,
        "the client certificate has neither a common name nor a DNS name"
    );
}

pub async fn nobody_needs_an_optional_certificate<R: Runtime>(runtime: R) {
    let asking = asking(&runtime, false).await;
    let tls = trusting(&asking.ca_file);
    let alice = attach(&runtime, asking.node.address(), "alice", tls)
        .await
        .unwrap();
    pays_itself(&alice, "alice").await;
}

pub async fn a_missing_certificate_is_refused<R: Runtime>(runtime: R) {
    let asking = asking(&runtime, true).await;
    assert_eq!(
        attach_error(&runtime, asking.node.address(), trusting(&asking.ca_file)).await,
        "the server wants a certificate of ours, and there is none for it"
    );
    assert_eq!(
        asking.node.told.wait("upgrade failed: ").await,
        "the client shows no certificate, which is required"
    );
}

pub async fn a_foreign_certificate_is_refused<R: Runtime>(runtime: R) {
    // somebody else's authority, whatever it calls itself
    let foreign = Authority::new("of clients");
    for required in [true, false] {
        let asking = asking(&runtime, required).await;
        let identity = foreign
            .sign(&params("alice", &[]))
            .write(&asking.dir, "foreign");
        let tls = showing(&asking.ca_file, identity);
        let error = attach_error(&runtime, asking.node.address(), tls).await;
        assert!(
            error.starts_with("the server does not accept our certificate: "),
            "{error}"
        );
        assert_eq!(
            asking.node.told.wait("upgrade failed: ").await,
            "the client certificate is not signed by a trusted authority (clientCaFile)"
        );
    }
}

pub async fn an_expired_client_certificate_is_refused<R: Runtime>(runtime: R) {
    let asking = asking(&runtime, true).await;
    let mut params = params("alice", &[]);
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 3, 4);
    let error = attach_error(&runtime, asking.node.address(), asking.client(&params)).await;
    assert_eq!(
        error,
        "the server does not accept our certificate: it has expired"
    );
    assert_eq!(
        asking.node.told.wait("upgrade failed: ").await,
        "the client certificate expired on 2002-03-04T00:00:00Z"
    );
}
