//! TLS where there is none, none where there is, and strangers.

use std::time::Duration;

use futures_lite::AsyncWriteExt;
use ilp_runtime::Runtime;
use ilp_runtime::client::Client;
use ilp_runtime::tls::TlsClientOptions;

use super::certs::{Authority, Dir, listening, localhost, server, trusting};
use super::setup::{attach, attach_error, good_hub, hub, hub_with, pays_itself, start};
use crate::suite::raw::read_to_end;
use crate::suite::setup::{LOCALHOST, TOKEN, config, dialed, fulfill, options};

/// The first record of a TLS client that never sends the rest of it.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

pub async fn a_plain_client_is_told_to_use_tls<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (node, trust) = good_hub(&runtime, &dir).await;
    let plain = options(node.address(), "alice", TOKEN);
    let error = Client::connect(&runtime, plain, fulfill).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server wants TLS on this port: use wss://"
    );
    assert_eq!(
        node.told.wait("upgrade failed: ").await,
        "the client does not speak TLS, which this port wants (wss://)"
    );
    let mut stream = runtime.connect(node.address()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    // this client is not in a hurry to close
    stream.flush().await.unwrap();
    let answer = String::from_utf8(read_to_end(&mut stream).await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2"),
        "{answer}"
    );
    let alice = attach(&runtime, node.address(), "alice", trust)
        .await
        .unwrap();
    pays_itself(&alice, "alice").await;
}

pub async fn a_tls_client_is_told_to_use_none<R: Runtime>(runtime: R) {
    let node = hub(&runtime, ilp_runtime::tls::TlsOptions::new()).await;
    assert_eq!(
        attach_error(&runtime, node.address(), TlsClientOptions::new()).await,
        "the server does not speak TLS on this port: use ws://, or the port where it does"
    );
    assert_eq!(
        node.told.wait("upgrade failed: ").await,
        "the client speaks TLS, which this port does not"
    );
}

pub async fn a_plain_client_understands_a_tls_alert<R: Runtime>(runtime: R) {
    let listener = runtime.bind(LOCALHOST).await.unwrap();
    let mut a = config("a");
    let address = runtime.local_addr(&listener).unwrap();
    a.peers = vec![dialed("c", address, "a")];
    let a = start(&runtime, a, ilp_runtime::tls::TlsOptions::new()).await;
    let (mut stream, _) = runtime.accept(&listener).await.unwrap();
    stream
        .write_all(b"\x15\x03\x01\x00\x02\x02\x46")
        .await
        .unwrap();
    assert_eq!(
        a.told.dial_error().await,
        "the server speaks TLS on this port: use wss://"
    );
}

pub async fn a_slow_tls_handshake_is_cut_off<R: Runtime>(runtime: R) {
    let (dir, authority) = (Dir::new(), Authority::new("ours"));
    let identity = authority.sign(&localhost()).write(&dir, "server");
    let node = hub_with(&runtime, listening(server(identity)), |config| {
        config.timeouts.handshake = Duration::from_millis(100);
    })
    .await;
    for beginning in [b"".as_slice(), HALF_A_HELLO] {
        let mut stream = runtime.connect(node.address()).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        assert_eq!(read_to_end(&mut stream).await, b"");
    }
    let unauthenticated = |connector: &mut ilp_router::Connector| connector.stats().unauthenticated;
    assert_eq!(node.handle.with(unauthenticated), 0);
    drop(authority);
}

pub async fn a_dial_that_hangs_in_the_tls_handshake_is_given_up<R: Runtime>(runtime: R) {
    let listener = runtime.bind(LOCALHOST).await.unwrap();
    let address = runtime.local_addr(&listener).unwrap();
    let mut a = config("a");
    a.peers = vec![dialed("c", address, "a")];
    a.peers[0].endpoint.as_mut().unwrap().tls = true;
    a.timeouts.connect = Duration::from_millis(100);
    let a = start(&runtime, a, ilp_runtime::tls::TlsOptions::new()).await;
    let (mut stream, _) = runtime.accept(&listener).await.unwrap();
    a.told.dial_error().await;
    // the socket is gone too
    let hello = read_to_end(&mut stream).await;
    assert_eq!(hello.first(), Some(&22));
}

pub async fn garbage_in_the_tls_handshake_harms_nobody<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (dir, authority) = (dir, Authority::new("ours"));
    let identity = authority.sign(&localhost()).write(&dir, "server");
    let node = hub(&runtime, listening(server(identity))).await;
    for garbage in [
        b"\x16\xff\xff\xff\xff".as_slice(),
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x16",
        b"\x00",
    ] {
        let mut stream = runtime.connect(node.address()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.close().await.unwrap();
        read_to_end(&mut stream).await;
    }
    let trust = trusting(&authority.write(&dir, "ca.pem"));
    let alice = attach(&runtime, node.address(), "alice", trust)
        .await
        .unwrap();
    pays_itself(&alice, "alice").await;
}
