//! Links over TLS that work, and how they end.

use std::net::SocketAddr;

use futures_lite::{AsyncReadExt, future, io};
use ilp_router::config::Relation;
use ilp_runtime::Runtime;
use ilp_runtime::client::{Answer, Closed};

use super::certs::{Authority, Dir, dialing, listening, localhost, server, trusting};
use super::setup::{attach, good_hub, hub, pays_itself, start, wss};
use crate::suite::setup::{LOCALHOST, client, config, dialed, fulfill, peer, prepare, route};

pub async fn nodes_forward_over_tls<R: Runtime>(runtime: R) {
    let (dir, authority) = (Dir::new(), Authority::new("ours"));
    let ca_file = authority.write(&dir, "ca.pem");
    let identity = authority.sign(&localhost()).write(&dir, "c");
    let mut c = config("c");
    c.peers = vec![peer("a", Relation::Peer), peer("bob", Relation::Child)];
    let c = start(&runtime, c, listening(server(identity))).await;
    let mut a = config("a");
    a.peers = vec![
        dialed("c", c.address(), "a"),
        peer("alice", Relation::Child),
    ];
    a.peers[0].endpoint.as_mut().unwrap().tls = true;
    a.routes = vec![route("test.c", "c")];
    let a = start(&runtime, a, dialing(&ca_file)).await;
    a.told.events.connected("c").await;
    c.told.events.connected("a").await;

    let _bob = attach(&runtime, c.address(), "bob", trusting(&ca_file))
        .await
        .unwrap();
    // this listener has no TLS: each has its own settings
    let alice = client(&runtime, a.address(), "alice", fulfill).await;
    let answer = alice.send(prepare("test.c.bob", b"hello")).await;
    assert!(matches!(answer, Ok(Answer::Fulfill { .. })), "{answer:?}");
}

pub async fn a_server_is_dialed_by_its_name<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (node, trust) = good_hub(&runtime, &dir).await;
    let mut options = wss(node.address(), "alice", trust);
    options.endpoint.host = "localhost".into();
    let alice = ilp_runtime::client::Client::connect(&runtime, options, fulfill)
        .await
        .unwrap();
    pays_itself(&alice, "alice").await;
}

pub async fn many_large_packets_cross_tls_at_once<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (node, trust) = good_hub(&runtime, &dir).await;
    let alice = attach(&runtime, node.address(), "alice", trust.clone())
        .await
        .unwrap();
    let _bob = attach(&runtime, node.address(), "bob", trust)
        .await
        .unwrap();
    // several TLS records each, in batches that fill every buffer on the way; less than the node queues
    for round in 0..4 {
        let answers: Vec<_> = (0..28)
            .map(|n: u8| (n, alice.send(prepare("test.hub.bob", &[n ^ round; 32_000]))))
            .collect();
        for (n, answer) in answers {
            match answer.await {
                Ok(Answer::Fulfill { data, .. }) => assert_eq!(data, [n ^ round; 32_000]),
                other => panic!("packet {n}: {other:?}"),
            }
        }
    }
}

pub async fn a_polite_end_is_seen_as_one<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (node, trust) = good_hub(&runtime, &dir).await;
    let alice = attach(&runtime, node.address(), "alice", trust)
        .await
        .unwrap();
    alice.close();
    assert_eq!(alice.closed().await, Closed::Local);
    let reason = node.told.events.disconnected("alice").await;
    assert!(reason.contains("1000"), "{reason}");
}

pub async fn an_abrupt_end_without_close_notify_is_noticed<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (node, trust) = good_hub(&runtime, &dir).await;
    let listener = runtime.bind(LOCALHOST).await.unwrap();
    let address = runtime.local_addr(&listener).unwrap();
    let attached = future::or(
        async { Some(attach(&runtime, address, "alice", trust).await.unwrap()) },
        relay_one(&runtime, &listener, node.address()),
    )
    .await;
    // with the relay both connections are gone: TCP has ended, TLS has not
    let alice = attached.unwrap();
    let reason = node.told.events.disconnected("alice").await;
    assert_eq!(reason, "the connection ended without a Close frame");
    assert_eq!(alice.closed().await, Closed::Broken(reason));
}

/// Relays one connection until it is dropped.
async fn relay_one<R: Runtime, T>(
    runtime: &R,
    listener: &R::Listener,
    to: SocketAddr,
) -> Option<T> {
    let (near, _) = runtime.accept(listener).await.unwrap();
    let far = runtime.connect(to).await.unwrap();
    let ((near_read, near_write), (far_read, far_write)) = (io::split(near), io::split(far));
    let there = io::copy(near_read, far_write);
    let back = io::copy(far_read, near_write);
    let _ = future::or(there, back).await;
    None
}

pub async fn a_node_with_tls_shuts_down<R: Runtime>(runtime: R) {
    let (dir, authority) = (Dir::new(), Authority::new("ours"));
    let identity = authority.sign(&localhost()).write(&dir, "server");
    let mut tls = listening(server(identity));
    // the task that looks at files does not sleep that long
    tls.reload_interval = std::time::Duration::from_secs(3_600);
    let node = hub(&runtime, tls).await;
    let trust = trusting(&authority.write(&dir, "ca.pem"));
    let alice = attach(&runtime, node.address(), "alice", trust)
        .await
        .unwrap();
    let mut half_way = runtime.connect(node.address()).await.unwrap();
    node.handle.shutdown();
    node.handle.wait().await;
    assert!(matches!(
        alice.closed().await,
        Closed::Remote { code: 1000, .. }
    ));
    assert_eq!(half_way.read(&mut [0; 1]).await.unwrap_or(0), 0);
}
