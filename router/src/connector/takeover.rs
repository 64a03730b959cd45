//! At most one link per peer: which one when there are two, and what happens when it goes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use ilp_proto::{ErrorCode, Now};

use super::Connector;
use super::dial::End;
use crate::action::{Action, LinkId};
use crate::config::{OnDisconnect, Relation};
use crate::event::{Direction, Event};
use crate::link::{Link, Stage};
use crate::peer::{Current, PeerIndex};
use crate::refusal::Refusal;
use crate::timers::Timer;

/// The link that loses a tie-break is closed after this long, plus up to as long again. If the two sides
/// disagree about the winner, one of them is first to close, and the other keeps what is left.
const GRACE: Duration = Duration::from_millis(500);
/// What a link is told that has been replaced. A dialler that is told so without having dialled anew has a double.
pub(super) const REPLACED: &str = "replaced by a newer link";

impl Connector {
    /// A link has authenticated as this peer.
    ///
    /// Of two links that the same side opened the newer wins: its opener knows better whether the old one still
    /// works. When both sides opened one at the same time, both keep the one opened by the bytewise smaller id.
    /// But nobody dials a peer with a live link: when one comes in long after the other, the other is dead.
    pub(super) fn take_over(&mut self, now: Now, id: LinkId, index: PeerIndex) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.authenticated = true;
        let (direction, address) = (link.direction, link.address);
        self.forget_unauthenticated(address);
        let ours_wins = self.node_id.as_bytes() < self.peers[index].config.id.as_str().as_bytes();
        let peer = &mut self.peers[index];
        if peer.dialing == Some(id) {
            peer.dialing = None;
        }
        peer.backoff.succeeded();
        self.timers.set(Timer::Dial(index), None);
        let overlap = self.timeouts.connect + self.timeouts.auth;
        let at_once = peer
            .current
            .as_ref()
            .is_some_and(|current| now.mono <= current.since + overlap);
        match peer
            .current
            .as_ref()
            .map(|current| (current.link, current.direction))
        {
            None => {
                self.make_current(now, id, index);
                self.report_connected(index);
            }
            Some((old, old_direction))
                if old_direction == direction || peer.no_tie_break || !at_once =>
            {
                self.make_current(now, id, index);
                self.report_replaced(index, old, "the newer of two links is kept");
                self.retire(now, index, old, REPLACED);
            }
            Some((old, _)) => {
                let wins = (direction == Direction::Dialed) == ours_wins;
                let loser = if wins { old } else { id };
                if wins {
                    self.make_current(now, id, index);
                }
                self.report_replaced(
                    index,
                    loser,
                    "of two links the one that the smaller id dialled is kept",
                );
                self.set_spare(now, index, loser);
            }
        }
        if !ours_wins || self.peers[index].no_tie_break {
            self.give_up_dial(index);
        }
    }

    /// Drops a dial that would lose against the link that is there. Once it has reached the peer it is left to finish,
    /// because the peer may be using it already; then it loses in order.
    fn give_up_dial(&mut self, index: PeerIndex) {
        let dial = self.peers[index].dialing.filter(|&dial| {
            let stage = self.links.get(dial).map(|link| &link.stage);
            matches!(stage, Some(Stage::Dialing))
        });
        if let Some(dial) = dial {
            self.peers[index].dialing = None;
            self.remove_link(dial);
            self.actions.push_back(Action::Drop { link: dial });
        }
    }

    fn report_connected(&mut self, index: PeerIndex) {
        let peer = &mut self.peers[index];
        peer.counters.connects += 1;
        let Some(Current {
            direction, remote, ..
        }) = peer.current.clone()
        else {
            return;
        };
        let peer = peer.config.id.clone();
        self.emit(Event::Connected {
            peer,
            direction,
            remote,
        });
    }

    /// Reports that a link of a peer is given up in favour of another.
    fn report_replaced(&mut self, index: PeerIndex, given_up: LinkId, reason: &'static str) {
        let Some(link) = self.links.get(given_up) else {
            return;
        };
        let event = Event::Replaced {
            peer: self.peers[index].config.id.clone(),
            direction: link.direction,
            remote: link.remote.clone(),
            reason,
        };
        self.emit(event);
    }

    fn set_spare(&mut self, now: Now, index: PeerIndex, link: LinkId) {
        if let Some(old) = self.peers[index].spare.replace(link) {
            self.retire(now, index, old, REPLACED);
        }
        let grace = u64::try_from(GRACE.as_nanos()).unwrap_or(u64::MAX);
        let delay = GRACE + Duration::from_nanos(self.random.below(grace));
        self.timers.set(Timer::Spare(index), Some(now.mono + delay));
    }

    pub(super) fn close_spare(&mut self, now: Now, index: PeerIndex) {
        if let Some(link) = self.peers[index].spare.take() {
            self.retire(now, index, link, "another link to this peer is kept");
        }
    }

    /// Closes a link that has been replaced.
    fn retire(&mut self, now: Now, index: PeerIndex, link: LinkId, reason: &'static str) {
        self.wait_for_close(now, index, link, reason);
        self.close_link(now, link, 1000, reason);
    }

    /// A link that is no more its peer's may take its time to close, but one at a time for each peer: whoever opens links
    /// faster than they close has the one before cut off.
    pub(super) fn wait_for_close(
        &mut self,
        now: Now,
        index: PeerIndex,
        link: LinkId,
        reason: &'static str,
    ) {
        let before = self.peers[index].retired.replace(link);
        let still = before.filter(|&before| before != link && self.links.get(before).is_some());
        if let Some(before) = still {
            self.drop_link(now, before, reason.to_string());
        }
    }

    /// The link that is current now need not wait any more for its answers to be taken.
    fn unpause(&mut self, index: PeerIndex) {
        let peer = &mut self.peers[index];
        if let (true, Some(link)) = (core::mem::take(&mut peer.paused), peer.link()) {
            self.timers.set(Timer::Stall(index), None);
            self.actions.push_back(Action::ResumeRead { link });
        }
    }

    fn make_current(&mut self, now: Now, id: LinkId, index: PeerIndex) {
        let Some(link) = self.links.get(id) else {
            return;
        };
        let (direction, remote) = (link.direction, link.remote.clone());
        self.unpause(index);
        let peer = &mut self.peers[index];
        peer.closing = false;
        peer.displaced = false;
        peer.epoch = peer.epoch.wrapping_add(1);
        peer.current = Some(Current {
            link: id,
            direction,
            remote,
            since: now.mono,
        });
        peer.last_seen = Some(now.mono);
        peer.progress = now.mono;
        let parent = peer.config.relation == Relation::Parent;
        if !peer.answers.is_empty() {
            self.mark_writable(id);
        }
        if parent {
            self.ask_for_address(now, index);
        }
    }

    /// An authenticated link has ended, or has begun to: its peer goes on without it.
    pub(super) fn lose_link(&mut self, now: Now, id: LinkId, reason: String) {
        if let Some(index) = self.links.get(id).and_then(|link| link.peer) {
            self.detach(now, id, index, reason);
        }
        self.remove_link(id);
        self.continue_drain(now);
    }

    /// Takes a link from its peer. What it had not sent is answered T01; what it had sent is held until it expires,
    /// because the peer may still answer on its next link and be owed for it.
    pub(super) fn detach(&mut self, now: Now, id: LinkId, index: PeerIndex, reason: String) {
        let unsent: Vec<u32> = match self.links.get_mut(id) {
            Some(Link {
                stage: Stage::Open(connection),
                ..
            }) => connection.unsent_requests().collect(),
            _ => Vec::new(),
        };
        let peer = &mut self.peers[index];
        if peer.spare == Some(id) {
            peer.spare = None;
            self.timers.set(Timer::Spare(index), None);
        } else if let Some(direction) = peer
            .current
            .as_ref()
            .filter(|current| current.link == id)
            .map(|c| c.direction)
        {
            self.unpause(index);
            let since = self.peers[index]
                .current
                .take()
                .map(|current| current.since);
            match self.peers[index]
                .spare
                .take()
                .filter(|&spare| self.is_open(spare))
            {
                Some(spare) => {
                    self.timers.set(Timer::Spare(index), None);
                    self.peers[index].no_tie_break = true;
                    self.make_current(now, spare, index);
                    self.report_replaced(index, id, "the peer closed the other link");
                }
                None => {
                    let lived = since.map(|since| now.mono.saturating_duration_since(since));
                    self.go_down(now, index, direction, lived, reason);
                }
            }
        }
        for request in unsent {
            self.fail_request(now, index, request, unreachable(index));
        }
    }

    fn go_down(
        &mut self,
        now: Now,
        index: PeerIndex,
        direction: Direction,
        lived: Option<Duration>,
        reason: String,
    ) {
        let peer = &mut self.peers[index];
        let displaced = core::mem::take(&mut peer.displaced);
        peer.no_tie_break = false;
        peer.closing = false;
        peer.counters.disconnects += 1;
        let name = peer.config.id.clone();
        self.timers.set(Timer::Ildcp(index), None);
        self.emit(Event::Disconnected {
            peer: name,
            direction,
            reason,
        });
        self.expire_answers(now, index);
        // at the end of a drain what is still out gets no answer, whatever the setting
        if self.on_disconnect == OnDisconnect::Reject && self.drain.is_none() {
            let requests: Vec<u32> = self.peers[index]
                .requests
                .iter()
                .map(|(id, _)| id.0)
                .collect();
            for request in requests {
                self.fail_request(now, index, request, unreachable(index));
            }
        }
        let end = match lived.filter(|_| displaced) {
            Some(lived) => End::Displaced { lived },
            None => End::Lost,
        };
        self.schedule(now, index, end);
    }

    /// Looks after a peer whose socket is not read: it must take answers to be read again.
    pub(super) fn check_stall(&mut self, now: Now, index: PeerIndex) {
        let peer = &self.peers[index];
        let (true, Some(link)) = (peer.paused, peer.link()) else {
            return;
        };
        let due = peer.progress + self.timeouts.stall;
        if now.mono < due {
            self.timers.set(Timer::Stall(index), Some(due));
            return;
        }
        let (peer, bytes) = (peer.config.id.clone(), peer.answers.bytes());
        self.emit(Event::Stalled { peer, bytes });
        self.drop_link(
            now,
            link,
            "it does not read its answers (stallTimeout)".to_string(),
        );
    }
}

/// T01 for a packet whose next hop has no link.
pub(super) const fn unreachable(peer: PeerIndex) -> Refusal {
    Refusal::named(
        ErrorCode::T01_PEER_UNREACHABLE,
        "BTP connection to ",
        peer,
        " failed",
    )
}
