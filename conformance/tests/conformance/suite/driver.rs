//! What the suite asks of those who drive a node.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use ilp_router::{Connector, config::Config};
use ilp_runtime::{Clock, Node, NodeOptions, Runtime};

use super::events::Events;

/// Starts nodes. A [`Runtime`] does it by [`Node::start`].
pub trait Driver: Clone + Send + Sync + 'static {
    /// What the peers of its nodes run on: clients, and sockets that misbehave.
    type Peers: Runtime;

    fn peers(&self) -> &Self::Peers;

    /// A node that listens, and tells `events` what happens.
    fn start(
        &self,
        config: Config,
        listen: SocketAddr,
        events: Events,
    ) -> impl Future<Output = Box<dyn NodeHandle>> + Send;
}

/// A running node.
pub trait NodeHandle: Send + Sync {
    fn local_addr(&self) -> SocketAddr;

    /// Looks at the connector, or changes it.
    fn act(&self, act: &mut dyn FnMut(&mut Connector));

    /// Begins to drain.
    fn shutdown(&self);

    /// Ends when the node has, sockets and all.
    fn wait(&self) -> Pending<'_>;
}

pub type Pending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

impl<R: Runtime> Driver for R {
    type Peers = R;

    fn peers(&self) -> &R {
        self
    }

    async fn start(
        &self,
        config: Config,
        listen: SocketAddr,
        events: Events,
    ) -> Box<dyn NodeHandle> {
        let connector = Connector::new(config, 7, Clock::now()).unwrap();
        let node = Node::start(self.clone(), connector, NodeOptions::new(listen), events).await;
        Box::new(node.unwrap())
    }
}

impl NodeHandle for ilp_runtime::NodeHandle {
    fn local_addr(&self) -> SocketAddr {
        self.local_addr()
    }

    fn act(&self, act: &mut dyn FnMut(&mut Connector)) {
        self.with(act);
    }

    fn shutdown(&self) {
        self.shutdown();
    }

    fn wait(&self) -> Pending<'_> {
        Box::pin(self.wait())
    }
}
