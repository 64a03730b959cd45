//! What goes out on a link.

use alloc::vec::Vec;

use core::time::Duration;

use btp_proto::{Dropped, Transmit};
use bytes::BytesMut;
use ilp_proto::{Instant, Now};

use super::Connector;
use crate::action::{Action, LinkId};
use crate::event::Event;
use crate::link::{Link, Stage};
use crate::peer::{Peer, PeerIndex};
use crate::timers::Timer;

/// Answers that wait are looked through for expired ones not more often than this: each look is a walk.
const LOOK: Duration = Duration::from_secs(1);

impl Connector {
    /// One message for this link, appended to `out`; `None` when there is no more for now, and then
    /// [`poll_writable`](Self::poll_writable) will name the link when there is.
    ///
    /// Call it only as fast as the socket takes what it gives: what is not fetched stays bounded in here, and what is
    /// fetched is the driver's. May produce [`Action::ResumeRead`].
    #[must_use = "what is not sent is lost"]
    pub fn poll_transmit(
        &mut self,
        now: Now,
        link: LinkId,
        out: &mut BytesMut,
    ) -> Option<Transmit> {
        let now = self.clamp(now);
        let entry = self.links.get_mut(link)?;
        let Stage::Open(connection) = &mut entry.stage else {
            return None;
        };
        let owner = entry.peer;
        let mut taken = false;
        let transmit = match owner.map(|index| &mut self.peers[index]) {
            Some(peer) => {
                let current = peer.link() == Some(link);
                let before = peer.answers.bytes();
                let answers = current.then_some(&mut peer.answers);
                let transmit = connection.poll_transmit(now.mono, answers, out);
                if let Some(Transmit::Binary { len }) = transmit {
                    peer.counters.messages_out += 1;
                    peer.counters.bytes_out += len as u64;
                }
                taken = peer.answers.bytes() < before;
                transmit
            }
            None => connection.poll_transmit(now.mono, None, out),
        };
        match transmit {
            Some(Transmit::Binary { .. }) => {}
            None => entry.queued = false,
            Some(Transmit::Ping) => {
                if let Some(index) = owner {
                    let peer = self.peers[index].config.id.clone();
                    self.emit(Event::PingSent { peer });
                }
            }
            Some(Transmit::Close { .. }) => {
                entry
                    .stage_deadline
                    .get_or_insert(now.mono + self.timeouts.close);
                self.arm(link);
            }
        }
        if taken && let Some(index) = owner {
            self.answers_taken(now, index, link);
        }
        transmit
    }

    /// Answers left the queue of a peer because its socket has room. It has taken what it was given before, which is
    /// progress even where the answers that are next turn out to have expired. Those of a socket without room are not
    /// looked at: that they expire helps nobody who does not read.
    fn answers_taken(&mut self, now: Now, index: PeerIndex, link: LinkId) {
        self.report_dropped(index);
        let peer = &mut self.peers[index];
        peer.progress = now.mono;
        if peer.paused
            && let Some(connection) = self.links.get_mut(link).and_then(Link::connection)
        {
            // we do not read it, so this is the only sign of life that it can give
            connection.handle_control(now);
        }
        if peer.paused && peer.answers.bytes() <= self.limits.max_answer_buffer / 2 {
            peer.paused = false;
            self.timers.set(Timer::Stall(index), None);
            self.actions.push_back(Action::ResumeRead { link });
        }
    }

    /// An answer was queued for a peer: wakes its link, and stops reading it when too much waits.
    pub(super) fn answer_queued(&mut self, now: Now, index: PeerIndex) {
        self.report_dropped(index);
        let peer = &mut self.peers[index];
        let soon = now.mono + LOOK;
        if peer.watch > soon {
            peer.watch = soon;
            self.timers.set(Timer::Answers(index), Some(soon));
        }
        let Some(link) = peer.link() else {
            return;
        };
        if !peer.paused && peer.answers.bytes() > self.limits.max_answer_buffer {
            peer.paused = true;
            // from here on: what it took before was in time
            peer.progress = now.mono;
            self.timers
                .set(Timer::Stall(index), Some(now.mono + self.timeouts.stall));
        }
        self.mark_writable(link);
    }

    /// Gives up the answers of a peer that nobody wants any more, whether it has a link that does not take them or none.
    /// Those of a peer that is not read are left where they are: it has to take them to be read again.
    pub(super) fn expire_answers(&mut self, now: Now, index: PeerIndex) {
        let peer = &mut self.peers[index];
        let soon = now.mono + LOOK;
        let next = if peer.paused {
            Some(soon)
        } else {
            peer.answers.expire(now.mono).map(|next| next.max(soon))
        };
        peer.watch = next.unwrap_or(Instant::MAX);
        self.timers.set(Timer::Answers(index), next);
        self.report_dropped(index);
    }

    #[inline]
    pub(super) fn report_dropped(&mut self, index: PeerIndex) {
        if self.peers[index].answers.has_dropped() {
            self.count_dropped(index);
        }
    }

    #[cold]
    fn count_dropped(&mut self, index: PeerIndex) {
        let peer = &mut self.peers[index];
        let dropped = peer.answers.take_dropped();
        peer.counters.dropped_answers += dropped.fulfills + dropped.rejects + dropped.others;
        peer.counters.dropped_fulfills += dropped.fulfills;
        peer.untold.fulfills += dropped.fulfills;
        peer.untold.rejects += dropped.rejects;
        if peer.untold.fulfills > 0 {
            self.report_losses(index);
        } else if peer.untold.rejects > 0 {
            let event = dropped_event(peer);
            if self.complain(Some(index), event) {
                self.peers[index].untold = Dropped::default();
            }
        }
    }

    /// Tells of FULFILLs that are lost: at once, or when it is time again. They have their own count of how often, since what a peer
    /// can do at will must not hide that money is lost, and the last of them are told of, too.
    pub(super) fn report_losses(&mut self, index: PeerIndex) {
        let now = self.latest;
        let peer = &mut self.peers[index];
        if peer.untold.fulfills == 0 {
            return;
        }
        let again = if peer.losses.allow(now) {
            let event = dropped_event(peer);
            if self.emit(event) {
                self.peers[index].untold = Dropped::default();
                None
            } else {
                Some(now + LOOK)
            }
        } else {
            Some(peer.losses.next())
        };
        self.timers.set(Timer::Losses(index), again);
    }

    pub(super) fn all_links(&self) -> Vec<LinkId> {
        self.links.ids()
    }
}

/// All answers to a peer that were given up and not told of.
fn dropped_event(peer: &Peer) -> Event {
    Event::AnswersDropped {
        peer: peer.config.id.clone(),
        fulfills: peer.untold.fulfills,
        rejects: peer.untold.rejects,
    }
}
