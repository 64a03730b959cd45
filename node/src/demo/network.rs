//! Three nodes in a row, in this process, on ports that the system picks.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use btp_proto::{Credentials, Secret};
use ilp_proto::Prepare;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{
    Config, Endpoint, Limits, OnDisconnect, PeerConfig, Relation, Retry, RouteConfig, Timeouts,
};
use ilp_router::{Connector, Event};
use ilp_runtime::client::{Client, Reply};
use ilp_runtime::tls::TlsClientOptions;
use ilp_runtime::{Clock, Node, NodeHandle, NodeOptions, Runtime};

use crate::terminal::say;
use crate::tools::args::Target;
use crate::tools::attach::wait_for;
use crate::tools::exit::{ToolError, random};
use crate::tools::load::PEER_IN_FLIGHT;

/// The sender's account at `a`.
pub(super) const SENDER: &str = "alice";
/// The receiver's account at `c`.
pub(super) const RECEIVER: &str = "bob";
/// What `c` calls the receiver.
pub(super) const RECEIVER_ADDRESS: &str = "test.c.bob";

/// More than this a link or its end does not take on one machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The links that must be up before anything is sent: who, to whom.
const LINKS: [(&str, &str); 4] = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")];

/// Three nodes, and what they say.
pub(super) struct Network<'a, R> {
    runtime: &'a R,
    a: NodeHandle,
    b: NodeHandle,
    c: NodeHandle,
    told: Receiver<(&'static str, Event)>,
    /// Whom which node is connected to.
    links: BTreeSet<(&'static str, String)>,
    secret: Secret,
}

impl<'a, R: Runtime> Network<'a, R> {
    /// Starts all three and waits until they are connected.
    ///
    /// # Errors
    /// When that does not happen.
    pub(super) fn start(runtime: &'a R) -> Result<Self, ToolError> {
        let (tell, told) = channel();
        let secret = Secret::from(hex::encode(random::<16>()?));
        let peer = |id, relation, endpoint| PeerConfig {
            id: fixed(id),
            endpoint,
            secret: Some(secret.clone()),
            username: None,
            relation,
            asset: PeerAsset {
                code: "USD".into(),
                scale: 9,
            },
            max_packet_amount: None,
            max_balance: None,
            max_in_flight: PEER_IN_FLIGHT,
            critical: false,
        };
        // who dials names itself; who is dialled must be there first
        let dialed = |own: &str, id, node: &NodeHandle| PeerConfig {
            username: Some(own.into()),
            ..peer(id, Relation::Peer, Some(endpoint(node)))
        };
        let waits = |id| peer(id, Relation::Peer, None);
        let child = |id| peer(id, Relation::Child, None);

        let start = |id, peers, routes| start(runtime, tell.clone(), id, peers, routes);
        let c = start("c", vec![waits("b"), child(RECEIVER)], &[("", "b")])?;
        let b = start(
            "b",
            vec![waits("a"), dialed("b", "c", &c)],
            &[("test.a", "a"), ("test.c", "c")],
        )?;
        let a = start("a", vec![dialed("a", "b", &b), child(SENDER)], &[("", "b")])?;
        let mut network = Self {
            runtime,
            a,
            b,
            c,
            told,
            links: BTreeSet::new(),
            secret,
        };
        if !network
            .wait_for_links(|links| LINKS.iter().all(|&(node, peer)| is_up(links, node, peer)))
        {
            return Err(ToolError::Failed(
                "the three connectors did not get connected with each other".into(),
            ));
        }
        Ok(network)
    }

    /// Says who they are.
    pub(super) fn introduce(&self) {
        let listens = |node: &NodeHandle| endpoint(node);
        say(&format!(
            "  a  test.a  {}  {SENDER}, the sender, is its child: test.a.{SENDER}",
            listens(&self.a)
        ));
        say(&format!(
            "  b  test.b  {}  knows the way to test.a and test.c",
            listens(&self.b)
        ));
        say(&format!(
            "  c  test.c  {}  {RECEIVER}, the receiver, is its child: {RECEIVER_ADDRESS}",
            listens(&self.c)
        ));
    }

    /// A client at `a` or, as the receiver, at `c`.
    ///
    /// # Errors
    /// When it is not let in.
    pub(super) fn attach(
        &self,
        user: &str,
        handler: impl Fn(&Prepare<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<Client, ToolError> {
        let node = if user == RECEIVER { &self.c } else { &self.a };
        let credentials = Credentials {
            username: Some(user.into()),
            token: self.secret.clone(),
        };
        let target = Target {
            endpoint: endpoint(node),
            credentials,
            tls: TlsClientOptions::new(),
        };
        let (runtime, to_dial) = (self.runtime.clone(), target.clone());
        let attached = wait_for(self.runtime, async move {
            let client = to_dial.attach(&runtime, handler).await;
            if let Ok(client) = &client {
                // so that it can sign its rejects
                let _ = client.learn_address().await;
            }
            client
        });
        attached.map_err(|error| target.attach_failed(&error))
    }

    /// Whether the nodes tell of every step of every packet.
    pub(super) fn watch_packets(&self, on: bool) {
        for node in [&self.a, &self.b, &self.c] {
            node.with(|connector| connector.set_packet_events(on));
        }
    }

    /// Hands over what the nodes say until `enough`, or for some seconds.
    pub(super) fn events_until(&mut self, mut enough: impl FnMut(&'static str, &Event) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while let Ok((node, event)) = self
            .told
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            note(&mut self.links, node, &event);
            if enough(node, &event) {
                return;
            }
        }
    }

    /// Stops `c` and waits until `b` has noticed.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn stop_c(&mut self) -> Result<(), ToolError> {
        self.c.shutdown();
        self.ended(&self.c);
        if !self.wait_for_links(|links| !is_up(links, "b", "c")) {
            return Err(ToolError::Failed(
                "node b did not notice that c is gone".into(),
            ));
        }
        Ok(())
    }

    /// Stops all that still run.
    pub(super) fn stop(&self) {
        for node in [&self.a, &self.b, &self.c] {
            node.shutdown();
        }
        for node in [&self.a, &self.b, &self.c] {
            self.ended(node);
        }
    }

    fn ended(&self, node: &NodeHandle) {
        let node = node.clone();
        wait_for(self.runtime, async move { node.wait().await });
    }

    fn wait_for_links(&mut self, good: impl Fn(&BTreeSet<(&'static str, String)>) -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !good(&self.links) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((node, event)) = self.told.recv_timeout(left) else {
                return false;
            };
            note(&mut self.links, node, &event);
        }
        true
    }
}

fn is_up(links: &BTreeSet<(&'static str, String)>, node: &'static str, peer: &str) -> bool {
    links.contains(&(node, peer.to_owned()))
}

fn note(links: &mut BTreeSet<(&'static str, String)>, node: &'static str, event: &Event) {
    match event {
        Event::Connected { peer, .. } => _ = links.insert((node, peer.to_string())),
        Event::Disconnected { peer, .. } => _ = links.remove(&(node, peer.to_string())),
        _ => {}
    }
}

fn start<R: Runtime>(
    runtime: &R,
    tell: Sender<(&'static str, Event)>,
    id: &'static str,
    peers: Vec<PeerConfig>,
    routes: &[(&str, &str)],
) -> Result<NodeHandle, ToolError> {
    let route = |&(prefix, next_hop): &(&str, &str)| RouteConfig {
        prefix: fixed(prefix),
        next_hop: fixed(next_hop),
        priority: 0,
    };
    let config = Config {
        node_id: id.into(),
        address: fixed(&format!("test.{id}")),
        address_from_parent: false,
        peers,
        routes: routes.iter().map(route).collect(),
        on_disconnect: OnDisconnect::Hold,
        limits: Limits::default(),
        timeouts: Timeouts::default(),
        retry: Retry::default(),
    };
    let seed = u64::from_be_bytes(random()?);
    let connector = Connector::new(config, seed, Clock::now());
    let connector = connector.map_err(|error| ToolError::Failed(format!("node {id}: {error}")))?;
    let options = NodeOptions::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    // the demo may be over when the last events come
    let observer = move |event: &Event| drop(tell.send((id, event.clone())));
    let started = Node::start(runtime.clone(), connector, options, observer);
    wait_for(runtime, started).map_err(|error| ToolError::Failed(format!("node {id}: {error}")))
}

fn endpoint(node: &NodeHandle) -> Endpoint {
    let address = node.local_addr();
    Endpoint {
        tls: false,
        host: address.ip().to_string(),
        port: address.port(),
        path: "/".into(),
    }
}

/// A name or address of the demo.
///
/// # Panics
/// If it is none: they are all fixed, and every run uses all of them.
pub(super) fn fixed<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse()
        .expect("names and addresses of the demo are good")
}
