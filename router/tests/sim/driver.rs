//! What any driver does besides carrying messages: it keeps deadlines and carries out actions.

use ilp_router::{Action, Event, LinkId};

use super::clock::Time;
use super::queue::{Due, Flow};
use super::world::World;

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
    pub(super) fn pipe_of(&mut self, node: u32, link: LinkId) -> Option<(u32, usize)> {
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
}
