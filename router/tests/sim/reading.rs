//! What a driver reads: all that is there in one turn.

use std::iter;

use ilp_router::{CloseReason, Received};

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
