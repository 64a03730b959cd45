//! What goes out on a link.

use alloc::vec::Vec;

use core::time::Duration;

use btp_proto::{Dropped, Transmit};
use bytes::BytesMut;
use ilp_proto::{Instant, Now};

use super::Connector;
use crate::action::{Action, LinkId};
use crate::event::Event;
use crate::link::Link;
use crate::peer::{Peer, PeerIndex};
use crate::timers::Timer;

/// Answers that wait are looked through for expired ones not more often than this: each look is a walk.
const LOOK: Duration = Duration::from_secs(1);

/// What one link has to send: see [`Connector::transmit`].
///
/// What it has handed out is counted when it is dropped.
#[must_use = "nothing is handed out before it is polled"]
pub struct Outgoing<'c> {
    connector: &'c mut Connector,
    now: Now,
    link: LinkId,
    owner: Option<PeerIndex>,
    /// The owner, if this is the link that its answers go out on.
    answered: Option<PeerIndex>,
    /// Bytes of answers that waited before the first was handed out.
    waited: usize,
    /// What was handed out since.
    messages: u64,
    bytes: u64,
}

impl Outgoing<'_> {
    /// One message, appended to `out`; `None` when there is no more for now, and then
    /// [`poll_writable`](Connector::poll_writable) will name the link when there is.
    #[must_use = "what is not sent is lost"]
    #[inline]
    pub fn poll(&mut self, out: &mut BytesMut) -> Option<Transmit> {
        let Connector { links, peers, .. } = &mut *self.connector;
        let connection = links.get_mut(self.link)?.connection()?;
        let answers = self.answered.map(|index| &mut peers[index].answers);
        let transmit = connection.poll_transmit(self.now.mono, answers, out);
        if let Some(Transmit::Binary { len }) = transmit {
            self.messages += 1;
            self.bytes += len as u64;
        } else {
            self.connector
                .transmitted(self.now, self.link, self.owner, transmit);
        }
        transmit
    }
}

impl Drop for Outgoing<'_> {
    fn drop(&mut self) {
        let Some(index) = self.owner else {
            return;
        };
        let peer = &mut self.connector.peers[index];
        peer.counters.messages_out += self.messages;
        peer.counters.bytes_out += self.bytes;
        if self.answered.is_some() && peer.answers.bytes() < self.waited {
            self.connector.answers_taken(self.now, index, self.link);
        }
    }
}

impl Connector {
    /// Everything that this link has to send, message by message, until [`Outgoing::poll`] says `None`.
    ///
    /// Poll it only as fast as the socket takes what it gives: what is not fetched stays bounded in here, and what is
    /// fetched is the driver's. May produce [`Action::ResumeRead`].
    #[inline]
    pub fn transmit(&mut self, now: Now, link: LinkId) -> Outgoing<'_> {
        let now = self.clamp(now);
        let owner = self.links.get(link).and_then(|entry| entry.peer);
        let answered = owner.filter(|&index| self.peers[index].link() == Some(link));
        let waited = answered.map_or(0, |index| self.peers[index].answers.bytes());
        Outgoing {
            connector: self,
            now,
            link,
            owner,
            answered,
            waited,
            messages: 0,
            bytes: 0,
        }
    }

    /// One message for this link: [`transmit`](Self::transmit) for who wants no more than one. Several take less time with
    /// that.
    #[must_use = "what is not sent is lost"]
    pub fn poll_transmit(
        &mut self,
        now: Now,
        link: LinkId,
        out: &mut BytesMut,
    ) -> Option<Transmit> {
        self.transmit(now, link).poll(out)
    }

    /// What a link wanted sent that is no message, or that there is nothing left.
    #[cold]
    fn transmitted(
        &mut self,
        now: Now,
        link: LinkId,
        owner: Option<PeerIndex>,
        transmit: Option<Transmit>,
    ) {
        let Some(entry) = self.links.get_mut(link) else {
            return;
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
        self.continue_drain(now);
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

    /// Nobody will take what a peer is still owed: this node has stopped. However much was told before, the last FULFILLs
    /// are told of, too.
    pub(super) fn give_up_answers(&mut self, index: PeerIndex) {
        let peer = &mut self.peers[index];
        let _ = peer.answers.expire(Instant::MAX);
        // packets in flight may still expire
        peer.watch = Instant::MAX;
        self.timers.set(Timer::Answers(index), None);
        self.report_dropped(index);
        if self.peers[index].untold.fulfills > 0 {
            self.timers.set(Timer::Losses(index), None);
            self.losses.insert(index);
        }
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
        let lost = &mut peer.counters.dropped_amount;
        *lost = lost.saturating_add(dropped.amount);
        peer.untold.fulfills += dropped.fulfills;
        peer.untold.amount = peer.untold.amount.saturating_add(dropped.amount);
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
        if !self.losses.contains(&index) {
            let allowed = peer.losses.allow(now);
            let again = (!allowed).then(|| peer.losses.next());
            self.timers.set(Timer::Losses(index), again);
            if !allowed {
                return;
            }
            self.losses.insert(index);
        }
        if self.events.len() < self.limits.event_ring
            && let Some(event) = self.next_loss()
        {
            self.events.push_back(event);
        }
    }

    /// What is to be told of lost FULFILLs and found no room.
    pub(super) fn next_loss(&mut self) -> Option<Event> {
        let peer = &mut self.peers[self.losses.pop_first()?];
        let event = dropped_event(peer);
        peer.untold = Dropped::default();
        Some(event)
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
        amount: peer.untold.amount,
        rejects: peer.untold.rejects,
    }
}
