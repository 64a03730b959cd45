//! What goes wrong in a network: nodes that die, cables, clocks, bytes that nobody should send.

use std::time::Duration;

use super::{Due, LATENCY, Net, Wire};

impl Net {
    /// Steps the wall clock of everybody.
    pub fn step_wall(&mut self, millis: i64) {
        self.skew += millis;
    }

    /// Kills a node: its sockets break, its memory is gone.
    pub fn kill(&mut self, name: &str) {
        self.nodes.remove(name);
        for pipe in 0..self.pipes.len() {
            for end in 0..2 {
                if self.pipes[pipe].ends[end].owner == name && self.pipes[pipe].ends[end].open {
                    self.pipes[pipe].ends[end].open = false;
                    self.post(
                        LATENCY,
                        Due::Deliver {
                            pipe,
                            end: 1 - end,
                            wire: Wire::Broken,
                        },
                    );
                }
            }
        }
    }

    /// A power cut: a node is gone, and nobody is told.
    pub fn kill_silently(&mut self, name: &str) {
        self.nodes.remove(name);
        for pipe in &mut self.pipes {
            let mut gone = pipe
                .ends
                .iter_mut()
                .filter(|end| end.owner == name && end.open);
            if let Some(end) = gone.next() {
                end.open = false;
                pipe.dead = true;
            }
        }
    }

    /// Pulls the cable: nothing arrives any more and nobody is told.
    pub fn pull(&mut self, pipe: usize) {
        self.pipes[pipe].dead = true;
    }

    /// Breaks a connection: both sides are told.
    pub fn cut(&mut self, pipe: usize) {
        for end in 0..2 {
            if self.pipes[pipe].ends[end].open {
                self.post(
                    Duration::ZERO,
                    Due::Deliver {
                        pipe,
                        end,
                        wire: Wire::Broken,
                    },
                );
            }
        }
        self.pipes[pipe].dead = false;
    }

    /// Whether `owner`'s side of a pipe takes what its connector has to send.
    pub fn set_stuck(&mut self, pipe: usize, owner: &str, stuck: bool) {
        for end in &mut self.pipes[pipe].ends {
            if end.owner == owner {
                end.stuck = stuck;
            }
        }
        self.drain();
    }

    /// Sends raw bytes to `to` on a pipe, as if its other end had.
    pub fn inject(&mut self, pipe: usize, to: &str, bytes: Option<&[u8]>) {
        let end = usize::from(self.pipes[pipe].ends[1].owner == to);
        let wire = bytes.map_or(Wire::Text, |bytes| Wire::Binary(bytes.to_vec()));
        self.post(Duration::ZERO, Due::Deliver { pipe, end, wire });
    }
}
