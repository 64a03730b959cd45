//! A node on plain threads, as the router's example drives it, among peers on smol.

use std::future::Future;
use std::net::SocketAddr;

use ilp_router::{Connector, config::Config};
use ilp_runtime::Observer;
use ilp_runtime_smol::SmolRuntime;

use crate::suite::driver::{Driver, NodeHandle, Pending};
use crate::suite::events::Events;

#[path = "../../../router/examples/threads/driver.rs"]
mod driver;

/// Drives nodes by threads. The executor is for their peers.
#[derive(Clone)]
pub(crate) struct Threads(pub(crate) SmolRuntime);

impl Driver for Threads {
    type Peers = SmolRuntime;

    fn peers(&self) -> &SmolRuntime {
        &self.0
    }

    async fn start(
        &self,
        config: Config,
        listen: SocketAddr,
        events: Events,
    ) -> Box<dyn NodeHandle> {
        let connector = Connector::new(config, 7, driver::now()).unwrap();
        let node = driver::Node::start(connector, listen, move |event| events.event(event));
        Box::new(node.unwrap())
    }
}

impl NodeHandle for driver::Node {
    fn local_addr(&self) -> SocketAddr {
        self.local_addr()
    }

    fn act(&self, act: &mut dyn FnMut(&mut Connector)) {
        self.with(|connector, _| act(connector));
    }

    fn shutdown(&self) {
        self.shutdown();
    }

    fn wait(&self) -> Pending<'_> {
        let node = self.clone();
        // it blocks, and the peers must go on
        Box::pin(smol::unblock(move || node.wait()))
    }
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Threads) -> F) {
    ilp_runtime_smol::run(2, |peers| test(Threads(peers))).unwrap();
}

crate::suite::node_tests!(run);
