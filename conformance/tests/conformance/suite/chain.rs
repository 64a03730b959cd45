//! Three nodes in a row, and what is sent along them.

use futures_lite::future;
use ilp_router::config::Relation;
use ilp_runtime::Runtime;
use ilp_runtime::client::{Answer, Client};

use super::driver::Driver;
use super::setup::{
    TestNode, client, config, dialed, fulfill, paid, pay, peer, prepare, route, start,
};

pub async fn three_nodes_carry_traffic<D: Driver>(driver: D) {
    let chain = Chain {
        a: &driver,
        b: &driver,
        c: &driver,
    };
    carry_traffic(chain, driver.peers()).await;
}

/// What drives each node of a chain.
pub struct Chain<'a, A, B, C> {
    pub a: &'a A,
    pub b: &'a B,
    pub c: &'a C,
}

impl<A: Driver, B: Driver, C: Driver> Chain<'_, A, B, C> {
    /// Nodes a, b and c, connected: a has the child alice, c the child bob and a next hop that is never there.
    async fn start(&self) -> [TestNode; 3] {
        let mut c = config("c");
        c.peers = vec![
            peer("b", Relation::Peer),
            peer("bob", Relation::Child),
            peer("dead", Relation::Peer),
        ];
        c.routes = vec![route("test", "b"), route("test.dead", "dead")];
        let c = start(self.c, c).await;
        let mut b = config("b");
        b.peers = vec![dialed("c", c.address(), "b"), peer("a", Relation::Peer)];
        b.routes = vec![
            route("test.a", "a"),
            route("test.c", "c"),
            route("test.dead", "c"),
        ];
        let b = start(self.b, b).await;
        let mut a = config("a");
        a.peers = vec![
            dialed("b", b.address(), "a"),
            peer("alice", Relation::Child),
        ];
        a.routes = vec![route("test", "b")];
        let a = start(self.a, a).await;
        for (node, other) in [(&a, "b"), (&b, "a"), (&b, "c"), (&c, "b")] {
            node.events.connected(other).await;
        }
        [a, b, c]
    }
}

/// Packets to and fro, many at once, large ones, and those that go nowhere; then all of the nodes stop.
pub async fn carry_traffic<A: Driver, B: Driver, C: Driver>(
    chain: Chain<'_, A, B, C>,
    peers: &impl Runtime,
) {
    let nodes = chain.start().await;
    let alice = client(peers, nodes[0].address(), "alice", fulfill).await;
    let bob = client(peers, nodes[2].address(), "bob", fulfill).await;

    pay(&alice, "test.c.bob", b"there").await;
    pay(&bob, "test.a.alice", b"and back").await;
    pay(&alice, "test.c.bob", &[7; ilp_proto::MAX_DATA]).await;
    future::zip(
        pay_at_once(&alice, "test.c.bob"),
        pay_at_once(&bob, "test.a.alice"),
    )
    .await;

    rejected(&alice, "test.nowhere", "F02", "test.b").await;
    rejected(&alice, "test.c.nobody", "F02", "test.c").await;
    rejected(&bob, "test.a.nobody", "F02", "test.a").await;
    rejected(&alice, "test.dead.end", "T01", "test.c").await;

    for node in nodes {
        node.stop().await;
    }
}

async fn pay_at_once(client: &Client, destination: &str) {
    let answers: Vec<_> = (0..50)
        .map(|n: u8| (n, client.send(prepare(destination, &[n; 32]))))
        .collect();
    for (n, answer) in answers {
        assert_eq!(answer.await, Ok(paid(&[n; 32])), "packet {n}");
    }
}

/// A packet to `destination` is rejected with `wanted` by `node`.
async fn rejected(client: &Client, destination: &str, wanted: &str, node: &str) {
    match client.send(prepare(destination, b"")).await {
        Ok(Answer::Reject {
            code, triggered_by, ..
        }) => {
            let by = triggered_by.as_ref().map(|address| address.as_str());
            assert_eq!(
                (code.as_str(), by),
                (wanted, Some(node)),
                "to {destination}"
            );
        }
        other => panic!("to {destination}: {other:?}"),
    }
}
