//! What any driver does: carry messages, carry out actions, keep deadlines. With virtual sockets.

use std::iter;

use btp_proto::Transmit;
use bytes::BytesMut;
use ilp_router::{Action, CloseReason, Event, LinkId, Received};

use super::check::{At, Way};
use super::clock::{MS, Time};
use super::pipe::Kind;
use super::queue::{Due, Flow};
use super::wire::{self, Seen};
use super::world::World;

/// A BTP RESPONSE, by its first byte.
const RESPONSE: u8 = 1;
impl World {
    /// A node's deadline.
    pub(super) fn timer(&mut self, node: u32) {
        let entry = &mut self.nodes[node as usize];
        if entry.armed != self.now {
            return;
        }
        entry.armed = Time::MAX;
        self.wake(node);
    }

    /// Calls `handle_timeout` if that is due.
    pub(super) fn wake(&mut self, node: u32) {
        let entry = &mut self.nodes[node as usize];
        let now = entry.clock.now(self.now);
        let Some(connector) = entry.connector.as_mut().filter(|_| !entry.frozen) else {
            return;
        };
        let (timeouts, wakes) = (&mut self.counts.timeouts, &mut entry.wakes);
        self.checker.moves_on(node, || {
            let is_due = connector.poll_timeout().is_some_and(|at| at <= now.mono);
            if is_due {
                connector.handle_timeout(now);
                *timeouts += 1;
                *wakes += 1;
            }
            is_due
        });
        self.hash.word(u64::from(node) << 8 | 1);
        self.touch(node);
    }

    /// After anything that a node was told: carries out all that it wants.
    pub(super) fn touch(&mut self, node: u32) {
        let at = node as usize;
        loop {
            let Some(connector) = self.nodes[at].connector.as_mut() else {
                return;
            };
            if let Some(action) = connector.poll_action() {
                self.act(node, action);
            } else if let Some(link) = connector.poll_writable() {
                if let Some((slot, end)) = self.pipe_of(node, link) {
                    self.pump(node, slot, end);
                }
            } else {
                break;
            }
        }
        self.check_bounds(node);
        let watched = self.spec.watch.wants(self.now, node, None);
        let Some(mut connector) = self.nodes[at].connector.as_mut() else {
            return;
        };
        while let Some(event) = connector.poll_event() {
            if watched {
                super::trace::print(self.now, node, format_args!("{event:?}"));
            }
            match event {
                Event::Stalled { .. } => self.reached.stalled += 1,
                Event::AddressLearned { .. } => {
                    self.reached.learned += 1;
                    self.reached.learned_again += u64::from(self.nodes[at].starts > 1);
                }
                Event::Drained { unanswered } => {
                    if let Some(drain) = &mut self.nodes[at].drain {
                        drain.unanswered = unanswered;
                    }
                }
                _ => {}
            }
            let Some(again) = self.nodes[at].connector.as_mut() else {
                return;
            };
            connector = again;
        }
        self.arm(node);
        self.stop_if_drained(node);
    }

    fn arm(&mut self, node: u32) {
        let entry = &mut self.nodes[node as usize];
        let deadline = entry
            .connector
            .as_ref()
            .and_then(|connector| connector.poll_timeout());
        if let Some(deadline) = deadline {
            let at = entry.clock.when(deadline).max(self.now);
            if at < entry.armed {
                entry.armed = at;
                self.queue.push(at, Due::Timer { node });
            }
        }
    }

    /// The pipe and the end of it that a link of a node is.
    fn pipe_of(&mut self, node: u32, link: LinkId) -> Option<(u32, usize)> {
        let &slot = self.nodes[node as usize]
            .links
            .get(link.as_u64() as u32 as usize)?;
        let pipe = self.pipes.at(slot)?;
        let end = pipe.ends.iter().position(|end| {
            end.link == Some(link) && end.open && self.owners[end.seat as usize] == node
        })?;
        Some((slot, end))
    }

    pub(super) fn remember(&mut self, node: u32, link: LinkId, slot: u32) {
        let links = &mut self.nodes[node as usize].links;
        let at = link.as_u64() as u32 as usize;
        if links.len() <= at {
            links.resize(at + 1, u32::MAX);
        }
        links[at] = slot;
    }

    fn act(&mut self, node: u32, action: Action) {
        match action {
            Action::Dial { link, endpoint } => {
                let edge: u32 = endpoint.host[1..].parse().expect("endpoints are built so");
                let seat = 2 * edge;
                let own = if self.owners[seat as usize] == node {
                    seat
                } else {
                    seat + 1
                };
                let (slot, life) = self.pipes.open(edge, [own, own ^ 1]);
                if let Some(pipe) = self.pipes.get_mut(slot, life) {
                    pipe.ends[0].link = Some(link);
                }
                self.remember(node, link, slot);
                self.counts.dials += 1;
                self.trace(
                    node,
                    None,
                    format_args!("dials n{}", self.owners[(own ^ 1) as usize]),
                );
                let at = self.now + self.latency(edge);
                self.queue.push(
                    at,
                    Due::Accept(Flow {
                        pipe: slot,
                        end: 1,
                        life,
                    }),
                );
            }
            Action::Drop { link } => {
                if let Some((slot, end)) = self.pipe_of(node, link) {
                    self.trace(node, None, format_args!("drops a link"));
                    self.hang_up(slot, end);
                }
            }
            Action::ResumeRead { link } => {
                if let Some((slot, end)) = self.pipe_of(node, link) {
                    self.kick(slot, end);
                }
            }
            Action::Stop => {
                if let Some(drain) = &mut self.nodes[node as usize].drain {
                    drain.stopped = true;
                }
            }
            _ => {}
        }
    }

    /// How long the next message on an edge is under way.
    pub(super) fn latency(&mut self, edge: u32) -> Time {
        let base = self.latency[edge as usize];
        let jitter = self.noise.below(base / 4 + 1);
        let spike = if self.noise.permille(self.spec.faults.spikes()) {
            self.noise.below(400 * MS)
        } else {
            0
        };
        base + jitter + spike
    }

    /// Sends towards end `to` of a pipe.
    pub(super) fn post(&mut self, slot: u32, to: usize, kind: Kind, bytes: &[u8]) {
        let Some(edge) = self.pipes.at(slot).map(|pipe| pipe.edge) else {
            return;
        };
        let at = self.now + self.latency(edge);
        let Some(pipe) = self.pipes.at(slot) else {
            return;
        };
        if !pipe.ends[to].open {
            return;
        }
        self.hash
            .word(u64::from(slot) << 8 | (to as u64) << 4 | kind as u64);
        self.hash.bytes(bytes);
        let (life, dead) = (pipe.life, pipe.dead);
        let stream = &mut pipe.streams[to];
        stream.push(at, kind, bytes);
        if !stream.scheduled && !dead {
            stream.scheduled = true;
            let (at, _) = stream.first().expect("it was just filled");
            self.queue.push(
                at.max(self.now),
                Due::Deliver(Flow {
                    pipe: slot,
                    end: to as u8,
                    life,
                }),
            );
        }
    }

    /// Has what is under way to an end looked at again.
    pub(super) fn kick(&mut self, slot: u32, end: usize) {
        let now = self.now;
        let Some(pipe) = self.pipes.at(slot) else {
            return;
        };
        let (life, dead) = (pipe.life, pipe.dead);
        let stream = &mut pipe.streams[end];
        if let (Some((at, _)), false, false) = (stream.first(), stream.scheduled, dead) {
            stream.scheduled = true;
            self.queue.push(
                at.max(now),
                Due::Deliver(Flow {
                    pipe: slot,
                    end: end as u8,
                    life,
                }),
            );
        }
    }

    /// An end goes away; the other side is told.
    pub(super) fn hang_up(&mut self, slot: u32, end: usize) {
        let Some(pipe) = self.pipes.at(slot) else {
            return;
        };
        if !pipe.ends[end].open {
            return;
        }
        pipe.streams[end].clear();
        self.close_end(slot, end);
        self.post(slot, 1 - end, Kind::Broken, b"");
        self.free_if_over(slot);
    }

    /// An end is no more.
    pub(super) fn close_end(&mut self, slot: u32, end: usize) {
        let Some(pipe) = self.pipes.at(slot) else {
            return;
        };
        pipe.ends[end].open = false;
        let seat = pipe.ends[end].seat;
        if std::mem::take(&mut pipe.streams[1 - end].blocked) {
            self.checker.hinder(seat, false);
        }
        self.unusable(slot, end);
    }

    /// Requests that arrive at an end need not be answered any more.
    fn unusable(&mut self, slot: u32, end: usize) {
        let Some(pipe) = self.pipes.at(slot) else {
            return;
        };
        let end = &mut pipe.ends[end];
        if std::mem::take(&mut end.usable) {
            self.checker.usable(end.seat, false);
        }
    }

    pub(super) fn free_if_over(&mut self, slot: u32) {
        if self
            .pipes
            .at(slot)
            .is_some_and(|pipe| pipe.ends.iter().all(|end| !end.open))
        {
            self.pipes.free(slot);
        }
    }

    /// There is room again in what an end sends.
    pub(super) fn refill(&mut self, flow: Flow) {
        let end = usize::from(flow.end);
        let Some(pipe) = self.pipes.get(flow.pipe, flow.life) else {
            return;
        };
        if !pipe.ends[end].open {
            return;
        }
        if let Ok(node) = self.owner(pipe.ends[end].seat)
            && !self.nodes[node as usize].frozen
        {
            self.pump(node, flow.pipe, end);
            self.touch(node);
        }
    }

    /// Takes what a node has for a link, as far as the socket has room.
    pub(super) fn pump(&mut self, node: u32, slot: u32, end: usize) {
        let window = self.plan.window;
        let mut out = std::mem::take(&mut self.scratch);
        loop {
            let entry = &mut self.nodes[node as usize];
            let now = entry.clock.now(self.now);
            let Some(pipe) = self.pipes.at(slot).filter(|pipe| pipe.ends[end].open) else {
                break;
            };
            let (seat, Some(link)) = (pipe.ends[end].seat, pipe.ends[end].link) else {
                break;
            };
            let stream = &mut pipe.streams[1 - end];
            if stream.len() >= window && pipe.ends[1 - end].open {
                if !std::mem::replace(&mut stream.blocked, true) {
                    self.checker.hinder(seat, true);
                }
                break;
            }
            let Some(connector) = entry.connector.as_mut() else {
                break;
            };
            match connector.poll_transmit(now, link, &mut out) {
                None => break,
                Some(Transmit::Binary { .. }) => {
                    self.transmit(node, slot, end, &out);
                    out.clear();
                }
                Some(Transmit::Ping) => {
                    self.counts.controls += 1;
                    self.post(slot, 1 - end, Kind::Ping, b"");
                }
                Some(Transmit::Close { code, reason }) => {
                    let side = &mut pipe.ends[end];
                    side.closing = true;
                    if side.usable && code == 1000 {
                        self.closes(node, seat);
                    }
                    self.trace(node, None, format_args!("closes a link: {code} {reason}"));
                    self.counts.controls += 1;
                    self.unusable(slot, end);
                    self.post(slot, 1 - end, Kind::Close, b"");
                }
            }
        }
        out.clear();
        self.scratch = out;
    }

    fn transmit(&mut self, node: u32, slot: u32, end: usize, message: &[u8]) {
        self.counts.messages += 1;
        let Some(pipe) = self.pipes.at(slot) else {
            return;
        };
        let side = &mut pipe.ends[end];
        let (seat, authed) = (side.seat, side.authed);
        let mut seen = Seen::Other;
        if authed {
            seen = wire::read(message);
            let at = self.at(node, seat);
            if !self.spec.watch.is_off() {
                self.show(at, "says", seen);
            }
            self.checker.said(at, seen);
        } else if end == 1 && message.first() == Some(&RESPONSE) {
            (side.authed, side.usable) = (true, true);
            self.counts.links += 1;
            self.checker.usable(seat, true);
        }
        if self.nodes[node as usize].lies
            && self.weather.is_rough()
            && self.tamper(slot, 1 - end, message, seen)
        {
            self.counts.lies += 1;
            return;
        }
        self.post(slot, 1 - end, Kind::Binary, message);
    }

    pub(super) fn show(&self, at: At, verb: &str, seen: Seen) {
        let packet = match seen {
            Seen::Prepare { number, .. } => Some(number),
            Seen::Request { id }
            | Seen::Ask { id, .. }
            | Seen::Fulfill { id, .. }
            | Seen::Reject { id, .. }
            | Seen::Answer { id } => self.checker.packet(at.seat, id),
            Seen::Other => None,
        };
        let other = match self.owner(at.seat ^ 1) {
            Ok(node) => format!("n{node}"),
            Err(_) => "its wallet".to_string(),
        };
        self.trace(
            at.node,
            packet,
            format_args!("{verb} {seen:?} ({other}, packet {packet:?})"),
        );
    }

    /// Whether whoever holds an end of a pipe reads it now.
    fn is_read(&mut self, slot: u32, end: usize) -> bool {
        let now = self.now;
        let Some(pipe) = self.pipes.at(slot) else {
            return false;
        };
        let (edge, seat, link) = (pipe.edge, pipe.ends[end].seat, pipe.ends[end].link);
        if pipe.dead
            || !pipe.ends[end].open
            || pipe.streams[end].paused > now
            || self.is_split(edge)
        {
            return false;
        }
        match (self.owner(seat), link) {
            (Err(_), _) => true,
            (Ok(_), None) => false,
            (Ok(node), Some(link)) => {
                let node = &self.nodes[node as usize];
                !node.frozen
                    && node
                        .connector
                        .as_ref()
                        .is_some_and(|connector| connector.wants_read(link))
            }
        }
    }

    /// Messages arrive: all that are there are read in one turn.
    pub(super) fn deliver(&mut self, flow: Flow) {
        let end = usize::from(flow.end);
        let Some(pipe) = self.pipes.get_mut(flow.pipe, flow.life) else {
            return;
        };
        pipe.streams[end].scheduled = false;
        let owner = pipe.ends[end].seat;
        let owner = self.owner(owner);
        while self.is_read(flow.pipe, end) {
            let now = self.now;
            let Some(pipe) = self.pipes.get_mut(flow.pipe, flow.life) else {
                break;
            };
            let stream = &mut pipe.streams[end];
            let Some((at, kind)) = stream.first() else {
                break;
            };
            if at > now {
                self.kick(flow.pipe, end);
                break;
            }
            match owner {
                Ok(node) => self.hand_over(node, flow, end, kind),
                Err(wallet) => self.wallet_receives(wallet, flow, kind),
            }
            let Some(pipe) = self.pipes.get_mut(flow.pipe, flow.life) else {
                break;
            };
            let stream = &mut pipe.streams[end];
            stream.pop();
            if stream.blocked && stream.len() < self.plan.window / 2 {
                stream.blocked = false;
                let seat = pipe.ends[1 - end].seat;
                self.checker.hinder(seat, false);
                let sender = Flow {
                    end: 1 - flow.end,
                    ..flow
                };
                self.queue.push(now, Due::Pump(sender));
            }
        }
        if let Ok(node) = owner {
            self.touch(node);
            self.checker.settle();
        }
        if self.pipes.get(flow.pipe, flow.life).is_some() {
            self.free_if_over(flow.pipe);
        }
    }

    /// A node reads the first message of a pipe.
    fn hand_over(&mut self, node: u32, flow: Flow, end: usize, kind: Kind) {
        let Some(pipe) = self.pipes.get_mut(flow.pipe, flow.life) else {
            return;
        };
        let side = &mut pipe.ends[end];
        let (seat, authed, Some(link)) = (side.seat, side.authed, side.link) else {
            return;
        };
        let message = pipe.streams[end].front();
        let seen = if authed && kind == Kind::Binary {
            wire::read(message)
        } else {
            Seen::Other
        };
        let mut way = Way::Unknown;
        if self.spec.faults.is_on()
            && let Seen::Prepare { .. } = seen
            && let Some(destination) = self.pipes.front(flow.pipe, end).and_then(wire::destination)
        {
            way = self.way(node, seat, destination);
        }
        let entry = &mut self.nodes[node as usize];
        let now = entry.clock.now(self.now);
        let (Some(connector), Some(pipe)) = (
            entry.connector.as_mut(),
            self.pipes.get_mut(flow.pipe, flow.life),
        ) else {
            return;
        };
        match kind {
            Kind::Binary => {
                let message = pipe.streams[end].front();
                let first = message.first().copied();
                let before = connector.in_flight();
                connector.handle_read(now, link, iter::once(Received::Binary(message)));
                let landed = connector.in_flight() < before;
                let at = self.at(node, seat);
                if !self.spec.watch.is_off() {
                    self.show(at, "hears", seen);
                }
                self.checker.took(at, seen, way);
                self.checker.heard(at, seen, landed);
                if !authed
                    && end == 0
                    && first == Some(RESPONSE)
                    && let Some(pipe) = self.pipes.at(flow.pipe)
                {
                    let side = &mut pipe.ends[0];
                    side.authed = true;
                    // it may have given up in the meantime
                    if !side.closing {
                        side.usable = true;
                        self.checker.usable(seat, true);
                    }
                }
            }
            Kind::Text => connector.handle_received(now, link, Received::Text),
            Kind::Ping => {
                connector.handle_received(now, link, Received::Ping);
                self.counts.controls += 1;
                self.post(flow.pipe, 1 - end, Kind::Pong, b"");
            }
            Kind::Pong => connector.handle_received(now, link, Received::Pong),
            Kind::Close | Kind::Broken => {
                let why = match kind {
                    Kind::Close => CloseReason::Remote {
                        code: 1000,
                        reason: String::new(),
                    },
                    _ => CloseReason::Broken("connection reset".into()),
                };
                let before = connector.in_flight();
                connector.handle_closed(now, link, why);
                let ended = before.saturating_sub(connector.in_flight());
                if ended > 0 && self.plan.rejects_on_loss(node) {
                    let sent = self.checker.awaits(seat, now.mono.as_nanos());
                    self.reached.given_up += ended.min(sent) as u64;
                }
                self.close_end(flow.pipe, end);
                if kind == Kind::Close {
                    self.post(flow.pipe, 1 - end, Kind::Close, b"");
                }
            }
        }
    }
}
