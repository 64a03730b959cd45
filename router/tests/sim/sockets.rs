//! Virtual sockets: what is under way, how long it takes, and how it ends.

use super::clock::{MS, Time};
use super::pipe::Kind;
use super::queue::{Due, Flow};
use super::world::World;

impl World {
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
    pub(super) fn unusable(&mut self, slot: u32, end: usize) {
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
}
