//! A network in virtual time: real connectors, in-memory links, and plain BTP clients at the edges.
//!
//! Nothing here sleeps. [`Net::run`] moves the clock to the next thing that is due, so a test of a
//! ten-minute outage takes milliseconds and gives the same result each time.

#![allow(dead_code, unused_imports, unreachable_pub, clippy::unwrap_used)]

mod app;
mod build;
mod faults;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

pub use app::{App, Ending, Policy};
use btp_proto::Transmit;
pub use build::{
    assert_idle, chain, child, dialed, fork, hub, node, pair, pay, peer, reject, route,
};
use bytes::BytesMut;
use ilp_proto::{Instant, Now, Timestamp};
use ilp_router::config::Config;
use ilp_router::{Action, CloseReason, Connector, DialError, Event, LinkId, PeerState, Received};

/// When virtual time begins; 2026-11-21.
const EPOCH: i64 = 1_795_219_200_000;
/// One way.
const LATENCY: Duration = Duration::from_millis(5);

/// What travels on a pipe.
enum Wire {
    Binary(Vec<u8>),
    Text,
    Ping,
    Pong,
    Close(u16, &'static str),
    Broken,
}

enum Due {
    /// The dial of this pipe arrives at the other side.
    Accept(usize),
    /// The other side answered the dial.
    Dialed(usize, Result<(), String>),
    Deliver {
        pipe: usize,
        end: usize,
        wire: Wire,
    },
}

struct Queued {
    at: Instant,
    seq: u64,
    due: Due,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.seq) == (other.at, other.seq)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

/// One side of a pipe.
#[derive(Clone)]
struct End {
    owner: String,
    link: Option<LinkId>,
    open: bool,
    /// Its owner takes nothing from the connector for this pipe: a socket that does not drain.
    stuck: bool,
}

/// A connection; end 0 dialled.
struct Pipe {
    ends: [End; 2],
    path: String,
    /// Silently swallows everything: a cable that was pulled.
    dead: bool,
}

pub struct Net {
    nodes: BTreeMap<String, Connector>,
    apps: BTreeMap<String, App>,
    pipes: Vec<Pipe>,
    queue: BinaryHeap<Reverse<Queued>>,
    seq: u64,
    now: Instant,
    skew: i64,
    /// All events, by node.
    pub log: Vec<(String, Event)>,
    /// Names that cannot be dialled.
    pub unreachable: Vec<String>,
    /// Nobody fetches events.
    pub keeps_events: bool,
    /// Names that answer no dial, not even that they cannot be dialled.
    pub swallows: Vec<String>,
    /// Nodes that said [`Action::Stop`].
    pub stopped: Vec<String>,
    /// Nodes that said [`Action::ResumeRead`].
    pub resumed: Vec<String>,
    /// Links that have something to send.
    named: BTreeSet<(String, LinkId)>,
}

impl Net {
    pub fn new() -> Self {
        Self {
            nodes: BTreeMap::new(),
            apps: BTreeMap::new(),
            pipes: Vec::new(),
            queue: BinaryHeap::new(),
            seq: 0,
            now: Instant::from_nanos(1_000_000_000),
            skew: 0,
            log: Vec::new(),
            unreachable: Vec::new(),
            keeps_events: false,
            swallows: Vec::new(),
            stopped: Vec::new(),
            resumed: Vec::new(),
            named: BTreeSet::new(),
        }
    }

    pub fn now(&self) -> Now {
        let elapsed = i64::try_from(self.now.as_nanos() / 1_000_000).unwrap();
        Now {
            mono: self.now,
            wall: Timestamp::from_millis(EPOCH + elapsed + self.skew),
        }
    }

    pub fn add_node(&mut self, config: Config) {
        let name = config.node_id.clone();
        let seed = name
            .bytes()
            .fold(7, |seed, byte| seed * 31 + u64::from(byte))
            + self.seq * 7_919;
        let mut node = Connector::new(config, seed, self.now()).unwrap();
        node.set_packet_events(true);
        self.nodes.insert(name, node);
    }

    pub fn is_alive(&self, name: &str) -> bool {
        self.nodes.contains_key(name)
    }

    /// Attaches a plain BTP client to a node.
    pub fn attach(&mut self, name: &str, to: &str, app: App) {
        let now = self.now().mono;
        self.apps.insert(name.to_string(), app.starting(now));
        let pipe = self.open_pipe(name, to, "/");
        self.post(LATENCY, Due::Accept(pipe));
    }

    pub fn node(&self, name: &str) -> &Connector {
        &self.nodes[name]
    }

    /// All nodes that are alive.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Connector)> {
        self.nodes.iter().map(|(name, node)| (name.as_str(), node))
    }

    pub fn with_node<T>(&mut self, name: &str, f: impl FnOnce(&mut Connector, Now) -> T) -> T {
        let now = self.now();
        let result = f(self.nodes.get_mut(name).unwrap(), now);
        self.drain();
        result
    }

    pub fn app(&mut self, name: &str) -> &mut App {
        self.apps.get_mut(name).unwrap()
    }

    pub fn state(&self, node: &str, peer: &str) -> PeerState {
        self.nodes[node]
            .peers()
            .find(|view| view.config.id.as_str() == peer)
            .unwrap()
            .state
    }

    pub fn connected(&self, node: &str, peer: &str) -> bool {
        self.state(node, peer) == PeerState::Connected
    }

    pub fn events_of<'n>(&'n self, node: &'n str) -> impl Iterator<Item = &'n Event> + 'n {
        self.log
            .iter()
            .filter(move |(name, _)| name == node)
            .map(|(_, event)| event)
    }

    /// How many events of a node are like this.
    pub fn count(&self, node: &str, what: impl Fn(&Event) -> bool) -> usize {
        self.events_of(node).filter(|event| what(event)).count()
    }

    /// Open pipes between two owners, in either direction.
    pub fn pipes_between(&self, a: &str, b: &str) -> Vec<usize> {
        let joins = |pipe: &Pipe| {
            let owners = [pipe.ends[0].owner.as_str(), pipe.ends[1].owner.as_str()];
            (owners == [a, b] || owners == [b, a]) && pipe.ends.iter().all(|end| end.open)
        };
        (0..self.pipes.len())
            .filter(|&at| joins(&self.pipes[at]))
            .collect()
    }

    /// Whether `owner` wants its side of a pipe read.
    pub fn wants_read(&self, pipe: usize, owner: &str) -> bool {
        let ends = &self.pipes[pipe].ends;
        let end = ends.iter().find(|end| end.owner == owner).unwrap();
        self.nodes[owner].wants_read(end.link.unwrap())
    }

    fn open_pipe(&mut self, from: &str, to: &str, path: &str) -> usize {
        let end = |owner: &str| End {
            owner: owner.to_string(),
            link: None,
            open: true,
            stuck: false,
        };
        self.pipes.push(Pipe {
            ends: [end(from), end(to)],
            path: path.to_string(),
            dead: false,
        });
        self.pipes.len() - 1
    }

    fn post(&mut self, after: Duration, due: Due) {
        self.seq += 1;
        self.queue.push(Reverse(Queued {
            at: self.now + after,
            seq: self.seq,
            due,
        }));
    }

    /// Runs until `done`, at most for `limit` of virtual time. Panics with `what` if it does not come about.
    pub fn run_until(&mut self, limit: Duration, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + limit;
        self.drain();
        while !done(self) {
            assert!(
                self.step(end),
                "after {limit:?} of virtual time still not: {what}\nlog: {:#?}",
                self.log
            );
        }
    }

    /// Runs for this long.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        while self.step(end) {}
        self.now = end;
    }

    fn next_due(&self) -> Option<Instant> {
        let nodes = self.nodes.values().filter_map(Connector::poll_timeout);
        let apps = self.apps.values().filter_map(App::poll_timeout);
        let queued = self.queue.peek().map(|Reverse(queued)| queued.at);
        nodes.chain(apps).chain(queued).min()
    }

    /// One turn at the next moment at which something is due; false if that is after `end`.
    fn step(&mut self, end: Instant) -> bool {
        let Some(at) = self.next_due().filter(|&at| at <= end) else {
            return false;
        };
        self.now = self.now.max(at);
        let now = self.now();
        while let Some(Reverse(queued)) = self.queue.peek()
            && queued.at <= self.now
        {
            let Reverse(queued) = self.queue.pop().unwrap();
            self.happen(queued.due);
        }
        for node in self.nodes.values_mut() {
            if node.poll_timeout().is_some_and(|due| due <= now.mono) {
                node.handle_timeout(now);
                let next = node.poll_timeout();
                assert!(
                    next.is_none_or(|next| next > now.mono),
                    "the deadline stands still"
                );
            }
        }
        for app in self.apps.values_mut() {
            app.handle_timeout(now);
        }
        self.drain();
        true
    }

    fn happen(&mut self, due: Due) {
        let now = self.now();
        match due {
            Due::Accept(pipe) => {
                let Pipe { ends, path, .. } = &mut self.pipes[pipe];
                let name = ends[1].owner.clone();
                if self.swallows.contains(&name) {
                    return;
                }
                let refused = self.unreachable.contains(&name);
                let result = match self.nodes.get_mut(&name) {
                    Some(node) if !refused => {
                        match node.handle_incoming(now, [127, 0, 0, 1].into()) {
                            Ok(link) => {
                                ends[1].link = Some(link);
                                node.handle_upgraded(now, link, path, None);
                                Ok(())
                            }
                            Err(refused) => Err(refused.to_string()),
                        }
                    }
                    _ => Err("connection refused".to_string()),
                };
                self.post(LATENCY, Due::Dialed(pipe, result));
            }
            Due::Dialed(pipe, result) => {
                let End {
                    owner, link, open, ..
                } = self.pipes[pipe].ends[0].clone();
                if !open {
                    return;
                }
                if result.is_err() {
                    self.pipes[pipe]
                        .ends
                        .iter_mut()
                        .for_each(|end| end.open = false);
                }
                if let (Some(node), Some(link)) = (self.nodes.get_mut(&owner), link) {
                    match result {
                        Ok(()) => node.handle_dialed(now, link),
                        Err(why) => node.handle_dial_failed(now, link, DialError(why)),
                    }
                } else if let Some(app) = self.apps.get_mut(&owner) {
                    app.attached(now, pipe, result.is_ok());
                }
            }
            Due::Deliver { pipe, end, wire } => self.deliver(now, pipe, end, wire),
        }
    }

    fn deliver(&mut self, now: Now, pipe: usize, end: usize, wire: Wire) {
        let End {
            owner, link, open, ..
        } = self.pipes[pipe].ends[end].clone();
        if !open || (self.pipes[pipe].dead && !matches!(wire, Wire::Broken)) {
            return;
        }
        let answer = match &wire {
            Wire::Ping => Some(Wire::Pong),
            Wire::Close(code, reason) => Some(Wire::Close(*code, reason)),
            _ => None,
        };
        if let Some(answer) = answer {
            let end = 1 - end;
            self.post(
                LATENCY,
                Due::Deliver {
                    pipe,
                    end,
                    wire: answer,
                },
            );
        }
        if matches!(wire, Wire::Close(..) | Wire::Broken) {
            self.pipes[pipe].ends[end].open = false;
        }
        let closed = match &wire {
            Wire::Close(code, reason) => Some(CloseReason::Remote {
                code: *code,
                reason: (*reason).to_string(),
            }),
            Wire::Broken => Some(CloseReason::Broken("connection reset".to_string())),
            _ => None,
        };
        if let (Some(node), Some(link)) = (self.nodes.get_mut(&owner), link) {
            match (&wire, closed) {
                (_, Some(why)) => node.handle_closed(now, link, why),
                (Wire::Binary(bytes), _) => {
                    node.handle_received(now, link, Received::Binary(bytes))
                }
                (Wire::Text, _) => node.handle_received(now, link, Received::Text),
                (Wire::Ping, _) => node.handle_received(now, link, Received::Ping),
                (_, _) => node.handle_received(now, link, Received::Pong),
            }
        } else if let Some(app) = self.apps.get_mut(&owner) {
            match wire {
                Wire::Binary(bytes) => app.received(now, &bytes),
                Wire::Close(..) | Wire::Broken => app.closed(),
                Wire::Text | Wire::Ping | Wire::Pong => {}
            }
        }
    }

    /// Carries out what everybody wants, until nobody wants anything.
    fn drain(&mut self) {
        let now = self.now();
        let mut out = BytesMut::new();
        let names: Vec<String> = self.nodes.keys().cloned().collect();
        for name in names {
            self.fetch_events(&name);
            while let Some(action) = self.nodes.get_mut(&name).unwrap().poll_action() {
                self.act(&name, action);
            }
            while let Some(link) = self.nodes.get_mut(&name).unwrap().poll_writable() {
                self.named.insert((name.clone(), link));
            }
            for pipe in 0..self.pipes.len() {
                for end in 0..2 {
                    let side = self.pipes[pipe].ends[end].clone();
                    let (Some(link), true) = (side.link, side.owner == name) else {
                        continue;
                    };
                    // as a driver may: only links that were named are asked
                    if !side.open || side.stuck || !self.named.remove(&(name.clone(), link)) {
                        continue;
                    }
                    while let Some(transmit) = self
                        .nodes
                        .get_mut(&name)
                        .unwrap()
                        .poll_transmit(now, link, &mut out)
                    {
                        let wire = match transmit {
                            Transmit::Binary { .. } => Wire::Binary(out.split().to_vec()),
                            Transmit::Ping => Wire::Ping,
                            Transmit::Close { code, reason } => Wire::Close(code, reason),
                        };
                        self.post(
                            LATENCY,
                            Due::Deliver {
                                pipe,
                                end: 1 - end,
                                wire,
                            },
                        );
                    }
                }
            }
            self.fetch_events(&name);
        }
        for app in self.apps.values_mut() {
            let Some(pipe) = app.pipe() else { continue };
            let mut wires = Vec::new();
            while let Some(transmit) = app.poll_transmit(now, &mut out) {
                wires.push(match transmit {
                    Transmit::Binary { .. } => Wire::Binary(out.split().to_vec()),
                    Transmit::Ping => Wire::Ping,
                    Transmit::Close { code, reason } => Wire::Close(code, reason),
                });
            }
            for wire in wires {
                self.seq += 1;
                self.queue.push(Reverse(Queued {
                    at: self.now + LATENCY,
                    seq: self.seq,
                    due: Due::Deliver { pipe, end: 1, wire },
                }));
            }
        }
    }

    fn fetch_events(&mut self, name: &str) {
        while !self.keeps_events
            && let Some(event) = self.nodes.get_mut(name).unwrap().poll_event()
        {
            self.log.push((name.to_string(), event));
        }
    }

    fn act(&mut self, name: &str, action: Action) {
        match action {
            Action::Dial { link, endpoint } => {
                let pipe = self.open_pipe(name, &endpoint.host, &endpoint.path);
                self.pipes[pipe].ends[0].link = Some(link);
                self.post(LATENCY, Due::Accept(pipe));
            }
            Action::Drop { link } => {
                for pipe in 0..self.pipes.len() {
                    for end in 0..2 {
                        let side = &mut self.pipes[pipe].ends[end];
                        if side.owner == name && side.link == Some(link) && side.open {
                            side.open = false;
                            let wire = Wire::Broken;
                            self.post(
                                LATENCY,
                                Due::Deliver {
                                    pipe,
                                    end: 1 - end,
                                    wire,
                                },
                            );
                        }
                    }
                }
            }
            Action::ResumeRead { .. } => self.resumed.push(name.to_string()),
            Action::Stop => self.stopped.push(name.to_string()),
            _ => {}
        }
    }
}
