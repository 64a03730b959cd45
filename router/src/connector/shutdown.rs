//! Going down in order.

use alloc::string::ToString;

use ilp_proto::Now;

use super::Connector;
use crate::action::Action;
use crate::event::{Direction, Event};
use crate::link::Stage;
use crate::timers::Timer;

const REASON: &str = "Server shutting down";

/// How far a drain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    /// Packets in flight may still end.
    Waiting,
    /// Links are being closed.
    Closing,
    /// [`Action::Stop`] is out.
    Stopped,
}

impl Connector {
    /// Drains: new PREPAREs get T03, nothing is dialled or accepted, packets in flight may end, and peers take the
    /// FULFILLs that they are owed, for [`Timeouts::shutdown`](crate::config::Timeouts::shutdown) at the longest. Then all
    /// links are closed with 1000 and [`Action::Stop`] follows. What is still in flight then gets no answer: a REJECT could
    /// lose money, and its holders expire it. FULFILLs that nobody has taken by the end are counted and told of as lost.
    /// A second call does nothing.
    pub fn shutdown(&mut self, now: Now) {
        let now = self.clamp(now);
        if self.drain.is_some() {
            return;
        }
        self.drain = Some(Drain::Waiting);
        let links = self
            .peers
            .iter()
            .filter_map(|(_, peer)| peer.current.as_ref());
        let accepted = links
            .clone()
            .filter(|link| link.direction == Direction::Accepted);
        let event = Event::Draining {
            in_flight: self.forwarder.len(),
            connected: links.count(),
            accepted: accepted.count(),
        };
        self.emit(event);
        self.timers
            .set(Timer::Drain, Some(now.mono + self.timeouts.shutdown));
        for peer in self.peers.indices() {
            self.timers.set(Timer::Dial(peer), None);
            self.timers.set(Timer::Ildcp(peer), None);
        }
        for link in self.all_links() {
            let unused = self
                .links
                .get(link)
                .is_some_and(|entry| !entry.authenticated);
            let open = self
                .links
                .get(link)
                .is_some_and(|entry| matches!(entry.stage, Stage::Open(_)));
            if unused && open {
                self.close_link(now, link, 1001, REASON);
            } else if unused {
                self.drop_link(now, link, REASON.to_string());
            }
        }
        self.continue_drain(now);
    }

    /// True from [`shutdown`](Self::shutdown) on.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Goes on once nothing is in flight any more and no connected peer is owed a FULFILL. Called when a flight has ended,
    /// and when answers or those who are owed them have gone.
    #[inline]
    pub(super) fn continue_drain(&mut self, now: Now) {
        if self.drain == Some(Drain::Waiting) && self.forwarder.len() == 0 && !self.owes_fulfills()
        {
            self.end_drain(now);
        }
    }

    fn owes_fulfills(&self) -> bool {
        let mut peers = self.peers.iter();
        peers.any(|(_, peer)| peer.is_up() && !peer.answers.only_rejects())
    }

    pub(super) fn end_drain(&mut self, now: Now) {
        if self.drain != Some(Drain::Waiting) {
            return;
        }
        self.drain = Some(Drain::Closing);
        self.timers.set(Timer::Drain, None);
        self.emit(Event::Drained {
            unanswered: self.forwarder.len(),
        });
        for link in self.all_links() {
            self.close_link(now, link, 1000, REASON);
        }
        self.stop_if_empty();
    }

    pub(super) fn stop_if_empty(&mut self) {
        if self.drain == Some(Drain::Closing) && self.links.len() == 0 {
            self.drain = Some(Drain::Stopped);
            for peer in self.peers.indices() {
                self.give_up_answers(peer);
            }
            self.actions.push_back(Action::Stop);
        }
    }
}
