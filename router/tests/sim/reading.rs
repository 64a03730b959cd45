//! What a driver reads: all that is there in one turn.

use ilp_router::{CloseReason, Connector, LinkId, Received};

use super::check::Way;
use super::pipe::Kind;
use super::queue::{Due, Flow};
use super::wire::{self, Seen};
use super::world::World;

/// A BTP RESPONSE, by its first byte.
const RESPONSE: u8 = 1;

impl World {
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
            let read = match owner {
                Ok(node) => self.hand_over(node, flow, end, kind),
                Err(wallet) => {
                    self.wallet_receives(wallet, flow, kind);
                    1
                }
            };
            let Some(pipe) = self.pipes.get_mut(flow.pipe, flow.life) else {
                break;
            };
            let stream = &mut pipe.streams[end];
            (0..read).for_each(|_| stream.pop());
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

    /// A node reads the first message of a pipe, or several if its driver hands over several at once; how many.
    fn hand_over(&mut self, node: u32, flow: Flow, end: usize, kind: Kind) -> usize {
        let Some(pipe) = self.pipes.get_mut(flow.pipe, flow.life) else {
            return 1;
        };
        let side = &mut pipe.ends[end];
        let (seat, authed, Some(link)) = (side.seat, side.authed, side.link) else {
            return 1;
        };
        match kind {
            Kind::Close | Kind::Broken => {
                self.hang_up_on(node, flow, end, kind, link);
                1
            }
            Kind::Binary | Kind::Text | Kind::Ping | Kind::Pong => {
                let read = self.read_ahead(node, flow, end, authed);
                self.hand_over_read(node, flow, end, link, &read);
                if !authed && end == 0 {
                    self.authenticates(flow, seat, &read);
                }
                read.len()
            }
        }
    }

    /// What one read of a pipe brings, as the referee sees it: a message at least.
    ///
    /// Where one message may change what becomes of the next, because it may close the link or bring an address, the read
    /// ends behind it; what may or may not end a flight is read alone: the referee could not tell what happened. A read
    /// is short of what makes a connector drop the answers to it at once, as 64 KiB are with the default limits.
    fn read_ahead(&self, node: u32, flow: Flow, end: usize, authed: bool) -> Vec<Message> {
        let mut read = Vec::new();
        let Some(pipe) = self.pipes.get(flow.pipe, flow.life) else {
            return read;
        };
        let seat = pipe.ends[end].seat;
        let most = if authed { self.plan.most_read } else { 1 };
        let mut room = self.plan.limits.max_answer_buffer / 2;
        for (kind, bytes) in pipe.streams[end].due(self.now).take(most) {
            if matches!(kind, Kind::Close | Kind::Broken)
                || (bytes.len() > room && !read.is_empty())
            {
                break;
            }
            room = room.saturating_sub(bytes.len());
            let seen = match kind {
                Kind::Binary if authed => wire::read(bytes),
                _ => Seen::Other,
            };
            let destination = match seen {
                Seen::Prepare { .. } if self.spec.faults.is_on() => wire::destination(bytes),
                _ => None,
            };
            let way = destination.map_or(Way::Unknown, |to| self.way(node, seat, to));
            let (alone, last) = match seen {
                Seen::Other => (false, matches!(kind, Kind::Binary | Kind::Text)),
                Seen::Request { .. } | Seen::Ask { .. } => (false, true),
                Seen::Prepare { .. } => (false, false),
                Seen::Fulfill { id, .. } | Seen::Reject { id, .. } | Seen::Answer { id } => (
                    self.checker.may_be_given_up(seat, id),
                    self.checker.is_about_address(seat, id),
                ),
            };
            if alone && !read.is_empty() {
                break;
            }
            read.push(Message { kind, seen, way });
            if alone || last {
                break;
            }
        }
        read
    }

    fn hand_over_read(
        &mut self,
        node: u32,
        flow: Flow,
        end: usize,
        link: LinkId,
        read: &[Message],
    ) {
        let entry = &mut self.nodes[node as usize];
        let now = entry.clock.now(self.now);
        let (Some(connector), Some(pipe)) = (
            entry.connector.as_mut(),
            self.pipes.get(flow.pipe, flow.life),
        ) else {
            return;
        };
        let seat = pipe.ends[end].seat;
        let peer = entry.seats.iter().position(|&own| own == seat);
        let messages = pipe.streams[end].due(self.now).take(read.len());
        let received = messages.map(|(kind, bytes)| match kind {
            Kind::Text => Received::Text,
            Kind::Ping => Received::Ping,
            Kind::Pong => Received::Pong,
            Kind::Binary | Kind::Close | Kind::Broken => Received::Binary(bytes),
        });
        // what is no packet may close the link
        let counted = read.len() > 1 || read.iter().any(|message| message.seen == Seen::Other);
        let before = Inside::of(connector, peer, counted);
        connector.handle_read(now, link, received);
        let after = Inside::of(connector, peer, counted);
        let begun = before.in_flight + (after.sent - before.sent);
        let ended = begun.saturating_sub(after.in_flight);
        let lost = after.disconnects > before.disconnects;
        if lost {
            // from here on, not from its last message: what waited for room in its socket is refused before that is written
            self.checker.disturb(seat);
        }

        let at = self.at(node, seat);
        for message in read {
            match message.kind {
                Kind::Binary => {}
                Kind::Ping => {
                    self.counts.controls += 1;
                    self.post(flow.pipe, 1 - end, Kind::Pong, b"");
                    continue;
                }
                _ => continue,
            }
            if !self.spec.watch.is_off() {
                self.show(at, "hears", message.seen);
            }
            self.checker.took(at, message.seen, message.way);
            if read.len() == 1 {
                self.checker.heard(at, message.seen, ended > 0);
            }
        }
        if read.len() > 1 {
            let seen = read.iter().map(|message| message.seen);
            self.checker.heard_at_once(at, seen.clone(), ended, lost);
            self.reached.reads += 1;
            let asks = seen
                .clone()
                .any(|seen| matches!(seen, Seen::Prepare { .. }));
            let answers = seen
                .clone()
                .any(|seen| matches!(seen, Seen::Fulfill { .. }));
            self.reached.mixed_reads += u64::from(asks && answers);
        }
    }

    /// A client gets the answer to its auth frame.
    fn authenticates(&mut self, flow: Flow, seat: u32, read: &[Message]) {
        let is_message = read.iter().any(|message| message.kind == Kind::Binary);
        let Some(pipe) = self
            .pipes
            .get_mut(flow.pipe, flow.life)
            .filter(|_| is_message)
        else {
            return;
        };
        if pipe.streams[0].front().first() != Some(&RESPONSE) {
            return;
        }
        let side = &mut pipe.ends[0];
        side.authed = true;
        // it may have given up in the meantime
        if !side.closing {
            side.usable = true;
            self.checker.usable(seat, true);
        }
    }

    /// The other side closes a link, or is gone.
    fn hang_up_on(&mut self, node: u32, flow: Flow, end: usize, kind: Kind, link: LinkId) {
        let entry = &mut self.nodes[node as usize];
        let now = entry.clock.now(self.now);
        let (Some(connector), Some(pipe)) = (
            entry.connector.as_mut(),
            self.pipes.get(flow.pipe, flow.life),
        ) else {
            return;
        };
        let seat = pipe.ends[end].seat;
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

/// One message of a read.
struct Message {
    kind: Kind,
    seen: Seen,
    way: Way,
}

/// What a read may change inside a connector.
struct Inside {
    in_flight: usize,
    /// PREPAREs handed to next hops.
    sent: usize,
    /// Of the peer that is read.
    disconnects: u64,
}

impl Inside {
    /// One packet tells all by what is in flight; of others the rest has to be `counted`.
    fn of(connector: &Connector, peer: Option<usize>, counted: bool) -> Self {
        let in_flight = connector.in_flight();
        let (mut sent, mut disconnects) = (0, 0);
        if counted {
            for (at, view) in connector.peers().enumerate() {
                sent += view.counters.prepares_out as usize;
                if Some(at) == peer {
                    disconnects = view.counters.disconnects;
                }
            }
        }
        Self {
            in_flight,
            sent,
            disconnects,
        }
    }
}
