//! Nodes and clients for tests.

use std::net::SocketAddr;
use std::time::Duration;

use btp_proto::{Credentials, Secret};
use ilp_proto::{Addr, Condition, ErrorCode, Fulfillment, Prepare, Timestamp};
use ilp_router::Connector;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{
    Config, Endpoint, Limits, OnDisconnect, PeerConfig, Relation, Retry, RouteConfig, Timeouts,
};
use ilp_runtime::client::{Answer, Client, ClientOptions, Reply, SendError};
use ilp_runtime::{Clock, Runtime};

use super::driver::{Driver, NodeHandle};
use super::events::Events;

pub const LOCALHOST: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The secret of every peer in the suite.
pub const TOKEN: &str = "a shared secret";

/// A node `id` with the address `test.<id>`, no peers, and times that suit a test.
pub fn config(id: &str) -> Config {
    Config {
        node_id: id.into(),
        address: format!("test.{id}").parse().unwrap(),
        address_from_parent: false,
        peers: Vec::new(),
        routes: Vec::new(),
        on_disconnect: OnDisconnect::default(),
        limits: Limits::default(),
        timeouts: Timeouts {
            shutdown: Duration::from_secs(2),
            ..Timeouts::default()
        },
        retry: Retry {
            initial: Duration::from_millis(20),
            max: Duration::from_millis(100),
            ..Retry::default()
        },
    }
}

/// A peer that is waited for.
pub fn peer(id: &str, relation: Relation) -> PeerConfig {
    PeerConfig {
        id: id.parse().unwrap(),
        endpoint: None,
        secret: Some(Secret::new(TOKEN)),
        username: None,
        relation,
        asset: PeerAsset {
            code: "USD".into(),
            scale: 9,
        },
        max_packet_amount: None,
        max_balance: None,
        max_in_flight: 4_096,
        critical: false,
    }
}

/// A peer that is dialled at `address` by a node called `own`.
pub fn dialed(id: &str, address: SocketAddr, own: &str) -> PeerConfig {
    PeerConfig {
        endpoint: Some(endpoint(address)),
        username: Some(own.into()),
        ..peer(id, Relation::Peer)
    }
}

pub fn route(prefix: &str, next_hop: &str) -> RouteConfig {
    RouteConfig {
        prefix: prefix.parse().unwrap(),
        next_hop: next_hop.parse().unwrap(),
        priority: 0,
    }
}

pub fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        tls: false,
        host: address.ip().to_string(),
        port: address.port(),
        path: "/".into(),
    }
}

pub struct TestNode {
    pub handle: Box<dyn NodeHandle>,
    pub events: Events,
}

impl TestNode {
    pub fn address(&self) -> SocketAddr {
        self.handle.local_addr()
    }

    /// Looks at the connector, or changes it.
    pub fn with<T>(&self, act: impl FnOnce(&mut Connector) -> T) -> T {
        let (mut act, mut result) = (Some(act), None);
        self.handle
            .act(&mut |connector| result = act.take().map(|act| act(connector)));
        result.unwrap()
    }

    pub async fn stop(&self) {
        self.handle.shutdown();
        self.handle.wait().await;
    }
}

pub async fn start<D: Driver>(driver: &D, config: Config) -> TestNode {
    start_at(driver, config, LOCALHOST).await
}

pub async fn start_at<D: Driver>(driver: &D, config: Config, listen: SocketAddr) -> TestNode {
    let events = Events::default();
    let handle = driver.start(config, listen, events.clone()).await;
    TestNode { handle, events }
}

/// A node `hub` with these children.
pub async fn hub<D: Driver>(driver: &D, children: &[&str]) -> TestNode {
    hub_with(driver, children, |_| ()).await
}

/// The same, after `change`.
pub async fn hub_with<D: Driver>(
    driver: &D,
    children: &[&str],
    change: impl FnOnce(&mut Config),
) -> TestNode {
    let mut config = config("hub");
    config.peers = children
        .iter()
        .map(|id| peer(id, Relation::Child))
        .collect();
    change(&mut config);
    start(driver, config).await
}

pub fn options(address: SocketAddr, id: &str, token: &str) -> ClientOptions {
    let credentials = Credentials {
        username: Some(id.into()),
        token: Secret::new(token),
    };
    ClientOptions::new(endpoint(address), credentials)
}

/// A client that is `id` there and answers with `handler`.
pub async fn client<R: Runtime>(
    runtime: &R,
    address: SocketAddr,
    id: &str,
    handler: impl Fn(&Prepare<'_>) -> Reply + Send + Sync + 'static,
) -> Client {
    Client::connect(runtime, options(address, id, TOKEN), handler)
        .await
        .unwrap()
}

/// A handler that pays back what [`prepare`] asks for, with the same data.
pub fn fulfill(prepare: &Prepare<'_>) -> Reply {
    Reply::Fulfill {
        fulfillment: fulfillment(prepare.data),
        data: prepare.data.to_vec(),
    }
}

/// What [`fulfill`] answers.
pub fn paid(data: &[u8]) -> Answer {
    Answer::Fulfill {
        fulfillment: fulfillment(data),
        data: data.to_vec(),
    }
}

/// Sends a packet, which must be fulfilled.
pub async fn pay(client: &Client, destination: &str, data: &[u8]) {
    assert_eq!(
        client.send(prepare(destination, data)).await,
        Ok(paid(data))
    );
}

/// The code of a rejection.
pub fn code(answer: &Result<Answer, SendError>) -> &str {
    match answer {
        Ok(Answer::Reject { code, .. }) => code.as_str(),
        other => panic!("expected a rejection, got {other:?}"),
    }
}

/// A handler of one who only sends.
pub fn refuse(_: &Prepare<'_>) -> Reply {
    Reply::Reject {
        code: ErrorCode::F99_APPLICATION_ERROR,
        message: "I only send".into(),
    }
}

/// The fulfillment of a packet with this data.
pub fn fulfillment(data: &[u8]) -> Fulfillment {
    let mut bytes = [0x5a; 32];
    for (to, from) in bytes.iter_mut().zip(data) {
        *to ^= from;
    }
    Fulfillment(bytes)
}

/// A packet to `destination` that [`fulfill`] fulfils; 10 s to live.
pub fn prepare<'a>(destination: &'a str, data: &'a [u8]) -> Prepare<'a> {
    prepare_for(destination, data, Duration::from_secs(10))
}

pub fn prepare_for<'a>(destination: &'a str, data: &'a [u8], lifetime: Duration) -> Prepare<'a> {
    Prepare {
        amount: 100,
        expires_at: in_(lifetime),
        condition: condition(data),
        destination: Addr::new(destination).unwrap(),
        data,
    }
}

fn condition(data: &[u8]) -> Condition {
    fulfillment(data).condition()
}

fn in_(lifetime: Duration) -> Timestamp {
    Clock::now().wall.saturating_add(lifetime)
}
