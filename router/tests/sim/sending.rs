//! What a driver writes: all that a connector has for a link, as far as the socket has room.

use btp_proto::Transmit;

use super::check::At;
use super::pipe::Kind;
use super::queue::Flow;
use super::wire::{self, Seen};
use super::world::World;

/// A BTP RESPONSE, by its first byte.
const RESPONSE: u8 = 1;

impl World {
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
}
