//! The event loop: nodes and wallets, the pipes between them, and what is due.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use bytes::BytesMut;
use ilp_proto::Now;
use ilp_router::Connector;

use super::build::Plan;
use super::check::{At, Checker};
use super::clock::{Clock, MS, SECOND, Time};
use super::drain::Drain;
use super::faults::Weather;
use super::pipe::Pipes;
use super::queue::{Due, Queue};
use super::reach::Reached;
use super::rng::Rng;
use super::trace::{Hash, Watch, print};
use super::wallet::{Traffic, Wallet};
use super::{Faults, Spec};

/// One connector and the machine it runs on.
pub struct Node {
    /// `None` while it is down.
    pub connector: Option<Box<Connector>>,
    pub clock: Clock,
    /// Its side of each neighbour, in the order of the connector's list of peers.
    pub seats: Vec<u32>,
    /// The pipe of each link, by the slot of its id.
    pub links: Vec<u32>,
    /// When its deadline is due in the queue; `Time::MAX`: it is not.
    pub armed: Time,
    /// It stands still: reads nothing, does nothing.
    pub frozen: bool,
    /// While it is down: its machine is gone too, and nobody refuses a dial.
    pub dark: bool,
    /// What it answers is changed on its way out.
    pub lies: bool,
    /// It has been told to shut down.
    pub drain: Option<Drain>,
    /// How often it was started.
    pub starts: u64,
    /// Calls of `handle_timeout`.
    pub wakes: u64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Things that were due.
    pub events: u64,
    /// Messages that nodes sent, other than pings, pongs and closes.
    pub messages: u64,
    /// Pings, pongs and closes.
    pub controls: u64,
    pub dials: u64,
    pub links: u64,
    pub restarts: u64,
    pub faults: u64,
    pub lies: u64,
    pub timeouts: u64,
}

pub struct World {
    pub spec: Spec,
    pub plan: Plan,
    pub now: Time,
    pub queue: Queue,
    pub nodes: Vec<Node>,
    pub wallets: Vec<Wallet>,
    pub pipes: Pipes,
    pub checker: Checker,
    pub hash: Hash,
    pub counts: Counts,
    pub reached: Reached,
    pub traffic: Traffic,
    pub weather: Weather,
    /// Whose each seat is: nodes first, then wallets.
    pub owners: Vec<u32>,
    /// One way, of each edge.
    pub latency: Vec<Time>,
    pub noise: Rng,
    pub scratch: BytesMut,
    /// Packets sent by wallets that do not read.
    pub stuffed: u64,
    /// The node that is audited next.
    pub next_audit: usize,
}

impl World {
    pub fn new(spec: &Spec) -> Self {
        let plan = Plan::new(spec);
        let root = Rng::new(spec.seed);
        let edges = plan.graph.edges.len();
        let mut owners = Vec::with_capacity(2 * (edges + spec.nodes));
        for &(smaller, larger) in &plan.graph.edges {
            owners.extend([smaller, larger]);
        }
        for node in 0..spec.nodes as u32 {
            owners.extend([node, spec.nodes as u32 + node]);
        }
        let mut noise = root.fork(2);
        let mut latency: Vec<_> = (0..edges).map(|_| noise.range(MS, 60 * MS)).collect();
        latency.resize(edges + spec.nodes, MS / 5);
        let secret = root.fork(3).next();
        let checker = Checker::new(secret, plan.terms.clone(), &plan.timeouts);
        let mut world = Self {
            spec: spec.clone(),
            now: 0,
            queue: Queue::default(),
            nodes: Vec::with_capacity(spec.nodes),
            wallets: Vec::with_capacity(spec.nodes),
            pipes: Pipes::default(),
            checker,
            hash: Hash::new(),
            counts: Counts::default(),
            reached: Reached::default(),
            traffic: Traffic::new(spec, secret, root.fork(4), &plan.graph),
            weather: Weather::new(spec, root.fork(5)),
            owners,
            latency,
            noise,
            scratch: BytesMut::new(),
            stuffed: 0,
            next_audit: 0,
            plan,
        };
        world.populate(root.fork(6));
        world
    }

    fn populate(&mut self, mut rng: Rng) {
        let faults = self.spec.faults;
        let edges = self.plan.graph.edges.len() as u32;
        for node in 0..self.spec.nodes as u32 {
            let clock = if faults.is_on() {
                let drift = rng.below(201) as i32 - 100;
                let ahead = rng.below(201) as i64 - 100;
                Clock { drift, ahead }
            } else {
                Clock::default()
            };
            self.nodes.push(Node {
                connector: None,
                clock,
                seats: self.plan.seats(node),
                links: Vec::new(),
                armed: Time::MAX,
                frozen: false,
                dark: false,
                lies: rng.permille(faults.lying_nodes()),
                drain: None,
                starts: 0,
                wakes: 0,
            });
            let lies = rng.permille(faults.lying_wallets());
            self.wallets.push(Wallet::new(2 * (edges + node) + 1, lies));
        }
        for node in 0..self.spec.nodes as u32 {
            self.start(node);
            self.queue
                .push(rng.below(100) * MS, Due::Redial { wallet: node });
        }
        self.queue.push(SECOND, Due::Sweep);
    }

    /// Starts a node without a memory.
    pub fn start(&mut self, node: u32) {
        let config = self.plan.config(node);
        let entry = &mut self.nodes[node as usize];
        entry.starts += 1;
        let seed = Rng::new(self.spec.seed)
            .fork(u64::from(node) << 16 | entry.starts)
            .next();
        let now = entry.clock.now(self.now);
        let mut connector =
            Connector::new(config, seed, now).expect("configurations are built valid");
        connector.set_packet_events(self.spec.watch.node == Some(node));
        entry.connector = Some(Box::new(connector));
        (entry.dark, entry.drain) = (false, None);
        self.touch(node);
    }

    /// What all preimages are made from.
    pub fn secret(&self) -> u64 {
        Rng::new(self.spec.seed).fork(3).next()
    }

    /// The node behind a seat, or else the wallet.
    pub fn owner(&self, seat: u32) -> Result<u32, u32> {
        let owner = self.owners[seat as usize];
        owner
            .checked_sub(self.spec.nodes as u32)
            .map_or(Ok(owner), Err)
    }

    pub fn at(&self, node: u32, seat: u32) -> At {
        let Now { mono, wall } = self.nodes[node as usize].clock.now(self.now);
        At {
            node,
            seat,
            mono: mono.as_nanos(),
            wall: wall.as_millis(),
            draining: self.nodes[node as usize].drain.is_some(),
        }
    }

    /// Where connections from a node come from.
    pub fn address(owner: Result<u32, u32>) -> IpAddr {
        match owner {
            Ok(node) => {
                let [_, a, b, c] = node.to_be_bytes();
                Ipv4Addr::new(10, a, b, c).into()
            }
            Err(_) => Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Whether the network is split between the two ends of an edge.
    pub fn is_split(&self, edge: u32) -> bool {
        let ends = self.plan.graph.edges.get(edge as usize);
        ends.is_some_and(|&(a, b)| self.weather.splits(a, b))
    }

    pub fn trace(&self, node: u32, packet: Option<u64>, what: std::fmt::Arguments<'_>) {
        if self.spec.watch.wants(self.now, node, packet) {
            print(self.now, node, what);
        }
    }

    /// Does what is due until `end`; false when something did not hold.
    pub fn run_until(&mut self, end: Time) -> bool {
        while self.checker.violation().is_none() {
            let Some((at, due)) = self.queue.pop(end) else {
                self.now = self.now.max(end);
                return true;
            };
            self.now = at;
            self.counts.events += 1;
            self.happen(due);
        }
        false
    }

    fn happen(&mut self, due: Due) {
        self.hash.word(self.now);
        match due {
            Due::Timer { node } => self.timer(node),
            Due::Deliver(flow) => self.deliver(flow),
            Due::Pump(flow) => self.refill(flow),
            Due::Accept(flow) => self.accept(flow),
            Due::Dialed { flow, taken } => self.dialed(flow, taken),
            Due::Send => self.send_next(),
            Due::Wallet { chore } => self.do_chore(chore),
            Due::Redial { wallet } => self.wallet_dials(wallet),
            Due::Inquire { wallet, life } => self.inquire(wallet, life),
            Due::Binge { wallet, life, left } => self.binge(wallet, life, left),
            Due::Fault { kind } => self.strike(kind),
            Due::Repair { fault } => self.repair(fault),
            Due::Sweep => self.sweep(),
        }
    }

    fn sweep(&mut self) {
        self.sweep_records();
        for _ in 0..self.nodes.len().div_ceil(8) {
            self.audit(self.next_audit as u32);
            self.next_audit = (self.next_audit + 1) % self.nodes.len();
        }
        self.queue.push(self.now + SECOND, Due::Sweep);
    }

    pub fn sweep_records(&mut self) {
        let (nodes, now) = (&self.nodes, self.now);
        self.checker.sweep(|node| {
            let node = &nodes[node as usize];
            (!node.frozen).then(|| node.clock.mono(now))
        });
    }
}
