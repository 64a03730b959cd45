//! The whole node as one state machine.

mod answers;
mod dial;
mod ildcp;
mod links;
mod packets;
mod receive;
mod shutdown;
mod takeover;
mod transmit;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;

use btp_proto::Secret;
use ilp_proto::{Addr, Address, Instant, Now, Prefix};

use crate::action::{Action, LinkId};
use crate::complaints::Complaints;
use crate::config::{
    Config, ConfigError, Limits, OnDisconnect, PeerConfig, PeerId, Relation, RouteConfig, Timeouts,
    UnknownPeer,
};
use crate::event::Event;
use crate::forwarder::{Alarm, Forwarder};
use crate::guard::Guard;
use crate::identity::Tokens;
use crate::link::Links;
use crate::peer::{Peer, PeerIndex, Peers};
use crate::random::Random;
use crate::stats::Stats;
use crate::table::RoutingTable;
use crate::timers::{Timer, Timers};
use crate::view::{PeerView, RouteView, Way};

pub use transmit::Outgoing;

/// An Interledger connector without sockets, clock or threads: bytes and timer events in, actions out.
///
/// # How to drive it
///
/// | verb | who calls it | meaning |
/// |---|---|---|
/// | `handle_*(now, …)`, [`shutdown`](Self::shutdown) | the driver | something happened outside |
/// | [`poll_action`](Self::poll_action), [`poll_writable`](Self::poll_writable), [`transmit`](Self::transmit), [`poll_event`](Self::poll_event) | the driver | what it wants done, has to send, has to say |
/// | [`poll_timeout`](Self::poll_timeout) | the driver | call [`handle_timeout`](Self::handle_timeout) at or after this time |
///
/// Any number of `handle_*` may come before any `poll_*`, in any order. A call too many does nothing; a call too
/// late delays what it would have done and nothing else. After any `handle_*` every `poll_*` may have
/// something new. All polls are O(1) when there is nothing.
///
/// `now` should not go backwards; where it does, it counts as the latest one that was seen. The wall clock in it
/// may jump: only the expiry of packets that arrive after the jump is read against it.
///
/// # What it holds
///
/// Everything is bounded by [`Limits`]; overload is answered with T03, never queued.
///
/// # Panics
///
/// No input makes it panic. A panic is a bug here, after which the state cannot be trusted.
pub struct Connector {
    node_id: Arc<str>,
    address: Address,
    /// Our address is the parent's to give, and it has not given it yet.
    address_pending: bool,
    address_from_parent: bool,
    limits: Limits,
    timeouts: Timeouts,
    on_disconnect: OnDisconnect,
    link_config: Arc<btp_proto::Config>,
    peers: Peers,
    tokens: Tokens,
    links: Links,
    table: RoutingTable<PeerIndex>,
    forwarder: Forwarder,
    timers: Timers,
    guard: Guard,
    random: Random,
    /// Accepted links that have not authenticated, in all and by address.
    unauthenticated: usize,
    unauthenticated_by_address: BTreeMap<IpAddr, usize>,
    /// Places among these of links that hung up before their refusal was due: until when, and from where.
    places_held: BTreeMap<(Instant, LinkId), IpAddr>,
    actions: VecDeque<Action>,
    writable: VecDeque<LinkId>,
    events: VecDeque<Event>,
    /// Peers whose lost FULFILLs are to be told of and found no room among the events.
    losses: BTreeSet<PeerIndex>,
    /// About strangers who were refused at once or sent what is no auth frame.
    complaints: Complaints,
    /// About strangers who failed to authenticate: a flood of others must not hide them.
    denials: Complaints,
    packet_events: bool,
    drain: Option<shutdown::Drain>,
    stats: Stats,
    latest: Instant,
    /// Scratch for the messages of our own rejects.
    text: String,
}

impl Connector {
    /// A node with nothing connected. It wants every peer that has an endpoint dialled at once.
    ///
    /// `seed` feeds all that differs from run to run (request ids, jitter, hash keys): random in a node, fixed in a
    /// simulation.
    ///
    /// # Errors
    /// What contradicts itself in `config`.
    pub fn new(config: Config, seed: u64, now: Now) -> Result<Self, ConfigError> {
        let Config {
            node_id,
            address,
            address_from_parent,
            mut peers,
            routes,
            on_disconnect,
            limits,
            timeouts,
            retry,
        } = config;
        let mut random = Random::new(seed);
        peers.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = peers.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(ConfigError::DuplicatePeer(pair[0].id.clone()));
        }
        let empty = |peer: &&PeerConfig| peer.secret.as_ref().is_some_and(Secret::is_empty);
        if let Some(peer) = peers.iter().find(empty) {
            return Err(ConfigError::EmptySecret(peer.id.clone()));
        }
        let parents = peers
            .iter()
            .filter(|peer| peer.relation == Relation::Parent)
            .count();
        if parents > 1 || (address_from_parent && parents == 0) {
            return Err(ConfigError::Parents(parents));
        }
        let peers: Vec<_> = peers
            .into_iter()
            .map(|peer| Peer::new(peer, &limits, &retry, random.next(), now.mono))
            .collect();
        let peers = Peers::new(peers);
        let mut key = [0; 32];
        key.chunks_mut(8)
            .for_each(|chunk| chunk.copy_from_slice(&random.next().to_be_bytes()));
        let mut connector = Self {
            node_id: node_id.into(),
            tokens: Tokens::new(key, &peers),
            link_config: Arc::new(link_config(&limits, &timeouts)),
            table: RoutingTable::new(random.next()),
            forwarder: Forwarder::new(limits.max_in_flight, now.mono),
            timers: Timers::default(),
            guard: Guard::new(Guard::CAPACITY),
            links: Links::default(),
            unauthenticated: 0,
            unauthenticated_by_address: BTreeMap::new(),
            places_held: BTreeMap::new(),
            actions: VecDeque::new(),
            writable: VecDeque::new(),
            events: VecDeque::new(),
            losses: BTreeSet::new(),
            complaints: Complaints::of_strangers(now.mono),
            denials: Complaints::of_strangers(now.mono),
            packet_events: false,
            drain: None,
            stats: Stats::default(),
            latest: now.mono,
            text: String::new(),
            address_pending: address_from_parent,
            address,
            address_from_parent,
            limits,
            timeouts,
            on_disconnect,
            peers,
            random,
        };
        connector.add_routes(routes)?;
        connector.add_child_routes()?;
        for peer in connector.peers.indices() {
            connector.dial(now, peer);
        }
        Ok(connector)
    }

    fn add_routes(&mut self, routes: Vec<RouteConfig>) -> Result<(), ConfigError> {
        for RouteConfig {
            prefix,
            next_hop,
            priority,
        } in routes
        {
            let Some(peer) = self.peers.find(next_hop.as_str()) else {
                return Err(ConfigError::UnknownNextHop { prefix, next_hop });
            };
            self.table.insert(prefix, peer, priority);
        }
        Ok(())
    }

    fn children(&self) -> Vec<PeerIndex> {
        let children = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.config.relation == Relation::Child);
        children.map(|(index, _)| index).collect()
    }

    /// The address that we give a child.
    fn child_address(&self, child: PeerIndex) -> Result<Address, ConfigError> {
        let id = &self.peers[child].config.id;
        self.address
            .with_suffix(id.as_str())
            .map_err(|_| ConfigError::ChildAddress(id.clone()))
    }

    fn add_child_routes(&mut self) -> Result<(), ConfigError> {
        for child in self.children() {
            let address = self.child_address(child)?;
            self.table.insert(Prefix::from(address), child, 0);
        }
        Ok(())
    }

    /// What the driver shall do next. To be called until it returns `None`.
    #[must_use = "an action that is not carried out leaves its link hanging"]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// A link that has something to send since [`Outgoing::poll`] last said `None` for it. Each is
    /// named once; a driver that drops the name on the floor leaves the link silent until there is more to send.
    #[must_use = "the link is not named again"]
    pub fn poll_writable(&mut self) -> Option<LinkId> {
        self.writable.pop_front()
    }

    /// Something worth a log line. What finds no room because nobody fetches is dropped and counted in
    /// [`Stats::events_dropped`], per-packet events first; but [`Event::AnswersDropped`] with FULFILLs waits, once for each peer.
    #[must_use = "the event is gone"]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.next_loss())
    }

    /// Events that [`poll_event`](Self::poll_event) would return.
    #[must_use]
    pub fn pending_events(&self) -> usize {
        self.events.len() + self.losses.len()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout). Any `handle_*` may move it. O(1).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.timers.first(), self.forwarder.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether to make an event of every step of every packet. Off by default: it costs an allocation and a hash each.
    pub const fn set_packet_events(&mut self, on: bool) {
        self.packet_events = on;
    }

    /// The counts of the node.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// All peers, by id.
    pub fn peers(&self) -> impl Iterator<Item = PeerView<'_>> {
        self.peers.iter().map(|(_, peer)| PeerView {
            config: &peer.config,
            state: peer.state(),
            direction: peer.current.as_ref().map(|current| current.direction),
            remote: peer.current.as_ref().map(|current| current.remote.clone()),
            since: peer.current.as_ref().map(|current| current.since),
            last_seen: peer.last_seen,
            attempts: peer.backoff.failures(),
            in_flight_in: peer.in_flight_in as usize,
            in_flight_out: peer.requests.len(),
            answer_bytes: peer.answers.bytes(),
            account: &peer.account,
            counters: &peer.counters,
        })
    }

    /// The routing table, in order of prefix and then of preference.
    pub fn routes(&self) -> impl Iterator<Item = RouteView<'_>> {
        self.table.iter().map(|route| RouteView {
            prefix: route.prefix.as_str(),
            next_hop: &self.peers[route.next_hop].config.id,
            priority: route.priority,
            up: self.peers[route.next_hop].is_usable(),
        })
    }

    /// The way that a packet to `destination` would take now.
    #[must_use]
    pub fn way(&self, destination: Addr<'_>) -> Way<'_> {
        if destination == self.address.as_addr() {
            return Way::Here;
        }
        match self.route(destination, None) {
            Err(why) => Way::Nowhere { why },
            Ok(found) => Way::Hop {
                prefix: found.prefix.as_str(),
                next_hop: &self.peers[found.next_hop].config.id,
                up: found.usable,
            },
        }
    }

    /// Our ILP address.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// False while our address is the parent's to give and it has not given it.
    #[must_use]
    pub const fn knows_its_address(&self) -> bool {
        !self.address_pending
    }

    /// The label of this node.
    #[must_use]
    pub fn node_id(&self) -> &str {
        &self.node_id
    }

    /// The bounds it was given.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Links of all kinds that are open or being opened.
    #[must_use]
    pub fn open_links(&self) -> usize {
        self.links.len()
    }

    /// Packets that wait for their answer.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.forwarder.len()
    }

    fn find(&self, peer: &PeerId) -> Result<PeerIndex, UnknownPeer> {
        let found = self.peers.find(peer.as_str());
        found.ok_or_else(|| UnknownPeer(peer.clone()))
    }

    /// Time never goes backwards in here.
    fn clamp(&mut self, now: Now) -> Now {
        self.latest = self.latest.max(now.mono);
        Now {
            mono: self.latest,
            wall: now.wall,
        }
    }

    fn emit(&mut self, event: Event) {
        // packets leave a quarter of the ring to what happens to links, however many there are
        let room = if event.is_per_packet() {
            self.limits.event_ring - self.limits.event_ring / 4
        } else {
            self.limits.event_ring
        };
        if self.events.len() < room {
            self.events.push_back(event);
        } else {
            self.stats.events_dropped += 1;
        }
    }

    /// Emits an event that a peer, or some stranger, can cause as often as it likes; not more often than anybody reads.
    /// False if it was not the time for one more.
    fn complain(&mut self, about: Option<PeerIndex>, event: Event) -> bool {
        let now = self.latest;
        let complaints = match (about, &event) {
            (Some(peer), _) => &mut self.peers[peer].complaints,
            (None, Event::AuthDenied { .. }) => &mut self.denials,
            (None, _) => &mut self.complaints,
        };
        let allowed = complaints.allow(now);
        if allowed {
            self.emit(event);
        } else {
            self.stats.events_dropped += 1;
        }
        allowed
    }

    /// Names a link as writable, once.
    fn mark_writable(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id)
            && !link.queued
        {
            link.queued = true;
            self.writable.push_back(id);
        }
    }

    /// Time has passed. Best called right when [`poll_timeout`](Self::poll_timeout) says; a call too early does
    /// nothing. Afterwards that deadline is past `now`, or due at once because there was more to do than one call does.
    pub fn handle_timeout(&mut self, now: Now) {
        /// What one call does at most of each kind.
        const TURN: usize = 1_024;
        let now = self.clamp(now);
        for _ in 0..TURN {
            match self.forwarder.expire(now.mono) {
                Some(Alarm::Over(flight)) => self.expire_flight(now, &flight),
                Some(Alarm::Stale) => {}
                None => break,
            }
        }
        for _ in 0..TURN {
            let Some(timer) = self.timers.expire(now.mono) else {
                break;
            };
            match timer {
                Timer::Link(link) => self.link_timeout(now, link),
                Timer::Dial(peer) => self.dial(now, peer),
                Timer::Spare(peer) => self.close_spare(now, peer),
                Timer::Stall(peer) => self.check_stall(now, peer),
                Timer::Answers(peer) => {
                    self.expire_answers(now, peer);
                    self.continue_drain(now);
                }
                Timer::Losses(peer) => self.report_losses(peer),
                Timer::Ildcp(peer) => self.ask_for_address(now, peer),
                Timer::Places => self.give_places_back(now),
                Timer::Drain => self.end_drain(now),
            }
        }
    }
}

fn link_config(limits: &Limits, timeouts: &Timeouts) -> btp_proto::Config {
    btp_proto::Config {
        auth_timeout: timeouts.auth,
        keepalive_interval: timeouts.keepalive_interval,
        keepalive_timeout: timeouts.keepalive,
        max_message: limits.max_message,
        max_send_buffer: limits.max_send_buffer,
        max_unreadable: limits.max_unreadable,
        unreadable_window: limits.unreadable_window,
    }
}
