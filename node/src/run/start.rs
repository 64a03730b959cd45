//! From a configuration to a running node.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use ilp_router::accounts::PeerAsset;
use ilp_router::{Connector, PeerId};
use ilp_runtime::tls::TlsCertificate;
use ilp_runtime::{Clock, Node, NodeHandle, NodeOptions, Runtime, StartError};

use super::listen::{BTP, HEALTH, Port};
use super::observer::{Ears, Noted};
use super::{Control, HURRY};
use crate::config::NodeConfig;
use crate::config::Origin;
use crate::http::health::Patience;
use crate::http::snapshot::Inspect;
use crate::http::{self, App};
use crate::log::node::NodeEvent;
use crate::log::{self, NodeLog};

/// Lines of balances, of which there may be thousands, that the log has room for.
const LINES_AT_ONCE: usize = 1_000;

/// What is left when a node ends.
pub(super) struct Left {
    pub(super) in_flight: usize,
    /// Those that are not zero.
    balances: Vec<Balance>,
}

struct Balance {
    peer: PeerId,
    /// What it owes us less what we owe it.
    balance: i128,
    asset: PeerAsset,
}

/// A node that listens.
pub(super) struct Running {
    handle: NodeHandle,
    app: Arc<App>,
    noted: Arc<Noted>,
}

impl Running {
    /// Logs what `/health` says, if it is something new.
    pub(super) fn check_health(&self) {
        self.noted.looked();
        self.app.health(&self.app.snapshot());
    }

    /// Begins to drain.
    pub(super) fn shutdown(&self) {
        self.handle.shutdown();
    }

    /// Whether it has no tasks and no sockets any more.
    pub(super) fn has_ended(&self) -> bool {
        self.handle.has_ended()
    }

    /// How many packets wait for their answer, and who owes what. Waits for the connector.
    pub(super) fn left(&self) -> Left {
        self.handle.with(|connector| Left {
            in_flight: connector.in_flight(),
            balances: connector
                .peers()
                .filter(|peer| peer.account.balance() != 0)
                .map(|peer| Balance {
                    peer: peer.config.id.clone(),
                    balance: peer.account.balance(),
                    asset: peer.config.asset.clone(),
                })
                .collect(),
        })
    }

    /// The last lines of a node that has ended.
    pub(super) fn report_stop(&self) {
        self.report_balances(&self.left());
        self.report_overdue();
    }

    /// The last line of a node that has not ended, and whose connector may hang.
    pub(super) fn report_overdue(&self) {
        let (drained, unanswered) = self.noted.drained();
        self.report_end(drained, unanswered);
    }

    /// The last lines of a node that is not given the time to stop.
    pub(super) fn report_kill(&self, left: &Left) {
        self.report_balances(left);
        self.report_end(self.noted.drained_but(left.in_flight), left.in_flight);
    }

    fn report_balances(&self, left: &Left) {
        for (
            n,
            Balance {
                peer,
                balance,
                asset,
            },
        ) in left.balances.iter().enumerate()
        {
            if n % LINES_AT_ONCE == LINES_AT_ONCE - 1 {
                log::flush(HURRY);
            }
            self.log(&NodeEvent::Balance {
                peer: peer.as_str(),
                balance: *balance,
                asset_code: &asset.code,
                asset_scale: asset.scale,
            });
        }
    }

    fn report_end(&self, drained: usize, unanswered: usize) {
        self.log(&NodeEvent::Stopped {
            drained,
            unanswered,
            uptime: self.app.uptime(),
        });
    }

    /// Writes a line in its name.
    pub(super) fn log(&self, event: &NodeEvent<'_>) {
        self.app.log(event);
    }
}

/// What writes the lines of a node.
pub(super) fn log_of(config: &NodeConfig) -> NodeLog {
    NodeLog::new(&config.router.node_id, config.log_level, config.log_packets)
}

/// Starts all nodes, or says why not; the main thread is told which.
pub(super) async fn start<R: Runtime>(runtime: R, configs: Vec<NodeConfig>, tell: Sender<Control>) {
    let mut nodes = Vec::new();
    for (index, config) in configs.into_iter().enumerate() {
        nodes.push(start_one(&runtime, config, index, &tell).await);
    }
    let nodes: Option<Vec<Running>> = nodes.into_iter().collect();
    // Nobody listens when the process is at its end.
    let _ = tell.send(Control::Started(nodes));
}

/// `None`, with a line in the log, if it cannot be started.
async fn start_one<R: Runtime>(
    runtime: &R,
    config: NodeConfig,
    index: usize,
    tell: &Sender<Control>,
) -> Option<Running> {
    let log = log_of(&config);
    let write = |event: NodeEvent<'_>| event.describe(&mut |line| log.write(&line));
    for warning in &config.warnings {
        write(NodeEvent::ConfigWarning(&warning.to_string()));
    }
    let NodeConfig {
        router,
        listen,
        tls,
        health_listen,
        places,
        start_timeout,
        ..
    } = config;
    let node_id = router.node_id.clone();
    let patience = Patience {
        tries: router.retry.tries,
        time: start_timeout,
    };

    let seed = getrandom::u64()
        .map_err(|error| write(NodeEvent::StartFailed { error: &error }))
        .ok()?;
    let connector = Connector::new(router, seed, Clock::now());
    let mut connector = connector
        .map_err(|error| write(NodeEvent::StartFailed { error: &error }))
        .ok()?;
    connector.set_packet_events(log.wants_packets());
    write(NodeEvent::Starting {
        peers: connector.peers().count(),
        routes: connector.routes().count(),
    });

    let refused = |port: Port, origin: &Origin, address: SocketAddr, error: &io::Error| {
        let (setting, fix) = port.blame(origin, error.kind());
        write(NodeEvent::ListenFailed {
            setting: &setting,
            address,
            error,
            fix: &fix,
        });
    };
    // The health port comes first: once the BTP port is open, packets come in.
    let health = match runtime.bind(health_listen).await {
        Ok(listener) => runtime
            .local_addr(&listener)
            .map(|address| (listener, address)),
        Err(error) => Err(error),
    };
    let (health, health_address) = health
        .map_err(|error| refused(HEALTH, &places.health_listen, health_listen, &error))
        .ok()?;

    let noted = Arc::new(Noted::default());
    let ears = Ears {
        node: index,
        log: log.clone(),
        noted: Arc::clone(&noted),
        tell: tell.clone(),
    };
    let speaks_tls = tls.server.is_some();
    let options = NodeOptions::new(listen).tls(tls);
    let links_on = runtime.clone();
    #[cfg(feature = "fault-injection")]
    let trap = crate::faults::Trap::new();
    #[cfg(feature = "fault-injection")]
    let links_on = ilp_runtime::faulty::Faulty::new(links_on, trap.clone());
    let handle = match Node::start(links_on.clone(), connector, options, ears).await {
        Ok(handle) => handle,
        Err(StartError::Listen { address, source }) => {
            refused(BTP, &places.listen, address, &source);
            return None;
        }
        Err(error) => {
            write(NodeEvent::StartFailed { error: &error });
            return None;
        }
    };
    #[cfg(feature = "fault-injection")]
    trap.belongs_to(&handle);
    write(NodeEvent::Listening {
        btp: handle.local_addr(),
        tls: speaks_tls,
        health: health_address,
    });

    let held = Box::new(Held(handle.clone()));
    let app = Arc::new(App::new(&node_id, held, patience, log));
    runtime.spawn(http::serve(runtime.clone(), health, Arc::clone(&app)));
    let (clock, told) = (runtime.clone(), tell.clone());
    runtime.spawn(async move {
        clock.sleep(patience.time).await;
        // whoever was to come has made no event by not coming
        let _ = told.send(Control::HealthMayDiffer(index));
    });
    let (waiting, tell) = (handle.clone(), tell.clone());
    runtime.spawn(async move {
        waiting.wait().await;
        let _ = tell.send(Control::Ended(index));
    });
    Some(Running { handle, app, noted })
}

/// A node whose connector can be looked at.
struct Held(NodeHandle);

impl Inspect for Held {
    fn inspect(&self, look: &mut dyn FnMut(&Connector)) {
        self.0.with(|connector| look(connector));
    }

    fn certificates(&self) -> Vec<TlsCertificate> {
        self.0.certificates()
    }
}
