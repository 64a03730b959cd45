//! How a connection comes about: a dial arrives, and its answer comes back.

use ilp_router::DialError;

use super::clock::MS;
use super::queue::{Due, Flow};
use super::world::World;

impl World {
    /// A dial arrives.
    pub(super) fn accept(&mut self, flow: Flow) {
        let Some(pipe) = self.pipes.get(flow.pipe, flow.life) else {
            return;
        };
        let (edge, seat, dialler) = (pipe.edge, pipe.ends[1].seat, pipe.ends[0].seat);
        let lost = pipe.dead || !pipe.ends[0].open || self.is_split(edge);
        let Ok(node) = self.owner(seat) else { return };
        let dialler_owner = self.owner(dialler);
        let entry = &mut self.nodes[node as usize];
        if lost || entry.frozen || entry.dark {
            if let Some(pipe) = self.pipes.at(flow.pipe) {
                pipe.ends[1].open = false;
            }
            if dialler_owner.is_err() {
                // wallets give up by themselves
                let at = self.now + 1_000 * MS;
                self.queue.push(
                    at,
                    Due::Dialed {
                        flow: Flow { end: 0, ..flow },
                        taken: false,
                    },
                );
            }
            return self.free_if_over(flow.pipe);
        }
        let now = entry.clock.now(self.now);
        let from = Self::address(dialler_owner);
        let taken = match entry.connector.as_mut() {
            None => None,
            Some(connector) => connector.handle_incoming(now, from).ok().inspect(|&link| {
                connector.handle_upgraded(now, link, "/", None);
            }),
        };
        if let Some(pipe) = self.pipes.at(flow.pipe) {
            pipe.ends[1].link = taken;
            pipe.ends[1].open = taken.is_some();
        }
        let at = self.now + self.latency(edge);
        let back = Flow { end: 0, ..flow };
        self.queue.push(
            at,
            Due::Dialed {
                flow: back,
                taken: taken.is_some(),
            },
        );
        if let Some(link) = taken {
            self.remember(node, link, flow.pipe);
        }
        self.touch(node);
    }

    /// The answer to a dial comes back.
    pub(super) fn dialed(&mut self, flow: Flow, taken: bool) {
        let Some(pipe) = self.pipes.get(flow.pipe, flow.life) else {
            return;
        };
        let (edge, seat, link) = (pipe.edge, pipe.ends[0].seat, pipe.ends[0].link);
        if !pipe.ends[0].open || pipe.dead || self.is_split(edge) {
            return;
        }
        let owner = self.owner(seat);
        if owner.is_ok_and(|node| self.nodes[node as usize].frozen) {
            return self
                .queue
                .push(self.now + 500 * MS, Due::Dialed { flow, taken });
        }
        if !taken && let Some(pipe) = self.pipes.at(flow.pipe) {
            pipe.ends[0].open = false;
        }
        match (owner, link) {
            (Err(wallet), _) => self.wallet_dialed(wallet, flow.pipe, taken),
            (Ok(node), Some(link)) => {
                let entry = &mut self.nodes[node as usize];
                let now = entry.clock.now(self.now);
                if let Some(connector) = entry.connector.as_mut() {
                    if taken {
                        connector.handle_dialed(now, link);
                    } else {
                        connector.handle_dial_failed(now, link, DialError("refused".into()));
                    }
                }
                self.touch(node);
            }
            (Ok(_), None) => {}
        }
        self.free_if_over(flow.pipe);
    }
}
