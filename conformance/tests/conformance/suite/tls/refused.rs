//! Certificates that are not good enough, and what is said about them.

use ilp_router::{Connector, Event};
use ilp_runtime::client::{Client, ClientError, ClientOptions};
use ilp_runtime::tls::{TlsClientOptions, TlsIdentity};
use ilp_runtime::{Clock, Node, NodeOptions, Runtime, StartError, endpoint};
use rcgen::{BasicConstraints, CertificateParams, IsCa, date_time_ymd};

use super::certs::{
    Authority, Dir, Pair, dialing, listening, localhost, params, self_signed, server, trusting,
};
use super::setup::{TlsNode, attach, attach_error, good_hub, hub, pays_itself, start};
use crate::suite::setup::{LOCALHOST, config, dialed, fulfill};

/// A hub that shows this.
async fn hub_showing<R: Runtime>(runtime: &R, dir: &Dir, pair: &Pair) -> TlsNode {
    hub(runtime, listening(server(pair.write(dir, "server")))).await
}

/// What a client says to a server with such a certificate of a trusted authority.
async fn error_with<R: Runtime>(runtime: &R, params: &CertificateParams) -> String {
    let (dir, authority) = (Dir::new(), Authority::new("ours"));
    let node = hub_showing(runtime, &dir, &authority.sign(params)).await;
    let trust = trusting(&authority.write(&dir, "ca.pem"));
    let error = attach_error(runtime, node.address(), trust).await;
    let told = node.told.wait("upgrade failed: ").await;
    assert!(
        told.starts_with("the client does not accept our certificate"),
        "{told}"
    );
    error
}

pub async fn a_self_signed_certificate_is_refused<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let node = hub_showing(&runtime, &dir, &self_signed(&localhost())).await;
    let trust = trusting(&Authority::new("another").write(&dir, "ca.pem"));
    let error = attach(&runtime, node.address(), "alice", trust)
        .await
        .unwrap_err();
    // by what it is, not by its words
    assert!(matches!(error, ClientError::Untrusted(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the certificate of 127.0.0.1 is not signed by a trusted authority (self-signed?)"
    );
    assert_eq!(
        node.told.wait("upgrade failed: ").await,
        "the client does not accept our certificate: it does not trust who signed it"
    );
}

pub async fn a_self_signed_certificate_can_be_trusted<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let pair = self_signed(&localhost());
    let node = hub_showing(&runtime, &dir, &pair).await;
    let trust = trusting(&dir.write("ca.pem", &pair.cert));
    let alice = attach(&runtime, node.address(), "alice", trust)
        .await
        .unwrap();
    pays_itself(&alice, "alice").await;
}

pub async fn an_authority_as_its_own_server_is_refused<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let mut params = localhost();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pair = self_signed(&params);
    let node = hub_showing(&runtime, &dir, &pair).await;
    let trust = trusting(&dir.write("ca.pem", &pair.cert));
    let error = attach_error(&runtime, node.address(), trust).await;
    assert!(error.contains("CA:TRUE; self-signed?"), "{error}");
}

pub async fn the_default_authorities_do_not_know_ours<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (node, _) = good_hub(&runtime, &dir).await;
    let error = attach(&runtime, node.address(), "alice", TlsClientOptions::new())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Untrusted(_)), "{error:?}");
}

pub async fn a_certificate_for_another_name_is_refused<R: Runtime>(runtime: R) {
    let certificate = params("127.0.0.1", &["b.example", "*.c.example", "10.0.0.1"]);
    assert_eq!(
        error_with(&runtime, &certificate).await,
        "the certificate of 127.0.0.1 is not for this name (it is for b.example, *.c.example, 10.0.0.1)"
    );
    assert_eq!(
        error_with(&runtime, &params("127.0.0.1", &[])).await,
        "the certificate of 127.0.0.1 is not for this name (it is for none: it has no subject alternative names)"
    );
}

pub async fn an_expired_certificate_is_refused<R: Runtime>(runtime: R) {
    let mut certificate = localhost();
    certificate.not_before = date_time_ymd(2001, 1, 1);
    certificate.not_after = date_time_ymd(2002, 3, 4);
    assert_eq!(
        error_with(&runtime, &certificate).await,
        "the certificate of 127.0.0.1 expired on 2002-03-04T00:00:00Z"
    );
}

pub async fn a_certificate_of_the_future_is_refused<R: Runtime>(runtime: R) {
    let mut certificate = localhost();
    certificate.not_before = date_time_ymd(4000, 1, 1);
    certificate.not_after = date_time_ymd(4001, 1, 1);
    assert_eq!(
        error_with(&runtime, &certificate).await,
        "the certificate of 127.0.0.1 is not valid before 4000-01-01T00:00:00Z"
    );
}

pub async fn a_dialing_node_says_what_is_wrong<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (node, _) = good_hub(&runtime, &dir).await;
    let mut a = config("a");
    a.peers = vec![dialed("hub", node.address(), "a")];
    a.peers[0].endpoint.as_mut().unwrap().tls = true;
    let ca_file = Authority::new("another").write(&dir, "another.pem");
    let a = start(&runtime, a, dialing(&ca_file)).await;
    assert_eq!(
        a.told.dial_error().await,
        "the certificate of 127.0.0.1 is not signed by a trusted authority (self-signed?): set caFile"
    );
}

pub async fn a_file_of_no_use_is_a_start_error<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let pair = self_signed(&localhost());
    let identity = pair.write(&dir, "server");
    let swapped = TlsIdentity::new(identity.key_file.clone(), identity.cert_file);
    let connector = Connector::new(config("hub"), 7, Clock::now()).unwrap();
    let options = NodeOptions::new(LOCALHOST).tls(listening(server(swapped)));
    let error = Node::start(runtime, connector, options, |_: &Event| ())
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::Tls(_)), "{error}");
    let expected = format!(
        "TLS: {}: has no certificate, but a private key: are the two files swapped?",
        identity.key_file.display()
    );
    assert_eq!(error.to_string(), expected);
}

pub async fn credentials_in_a_url_never_reach_an_error<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (node, _) = good_hub(&runtime, &dir).await;
    let plain = crate::suite::setup::hub(&runtime, &["alice"]).await;
    let closed = {
        let listener = runtime.bind(LOCALHOST).await.unwrap();
        runtime.local_addr(&listener).unwrap()
    };
    // untrusted, no TLS, nobody there
    for address in [node.address(), plain.address(), closed] {
        let url = format!("btp+wss://alice:hunter2@{address}/accounts/alice/ilp/btp");
        let url = endpoint::parse_url(&url).unwrap();
        let options = ClientOptions::new(url.endpoint.clone(), url.credentials().unwrap());
        let mut texts = vec![format!("{options:?}")];
        let error = Client::connect(&runtime, options, fulfill)
            .await
            .unwrap_err();
        texts.push(format!("{error} {error:?}"));
        for text in texts {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
