//! The life of a link: accept, upgrade, auth, close, end.

use alloc::format;
use alloc::string::{String, ToString};
use core::net::IpAddr;
use core::time::Duration;

use btp_proto::{Connection, ConnectionEvent, State};
use ilp_proto::Now;

use super::Connector;
use super::receive::printable;
use super::takeover::REPLACED;
use crate::action::{Action, CloseReason, LinkId, Refused};
use crate::event::{Direction, Event};
use crate::guard::group;
use crate::identity::{Verdict, judge, path_account};
use crate::link::{Link, Refusal, Stage};
use crate::timers::Timer;

/// The code with which a [`Connection`] gives up a peer that does not answer pings.
const SILENT: u16 = 1011;

impl Connector {
    /// Somebody connected. Caps on connections that have not authenticated live here, so call it at the TCP accept,
    /// before anything is read.
    ///
    /// # Errors
    /// Why the connection must be dropped at once.
    pub fn handle_incoming(&mut self, now: Now, from: IpAddr) -> Result<LinkId, Refused> {
        let now = self.clamp(now);
        let from = from.to_canonical();
        let of_address = self
            .unauthenticated_by_address
            .get(&group(from))
            .copied()
            .unwrap_or(0);
        let refused = if self.drain.is_some() {
            Some((Refused::ShuttingDown, "shutting down"))
        } else if self.unauthenticated >= self.limits.max_unauthenticated {
            Some((Refused::TooMany, "too many unauthenticated connections"))
        } else if of_address >= self.limits.max_unauthenticated_per_address {
            Some((
                Refused::TooManyFromAddress,
                "too many unauthenticated connections from this address",
            ))
        } else {
            None
        };
        if let Some((refused, reason)) = refused {
            self.stats.refused += 1;
            let event = Event::Refused {
                remote: from,
                reason,
            };
            self.complain(None, event);
            return Err(refused);
        }
        self.stats.accepted += 1;
        self.unauthenticated += 1;
        *self
            .unauthenticated_by_address
            .entry(group(from))
            .or_default() += 1;
        self.stats.unauthenticated = self.unauthenticated as u64;
        let id = self.links.insert(Link {
            direction: Direction::Accepted,
            remote: from.to_string().into(),
            address: Some(from),
            named: [None, None],
            peer: None,
            authenticated: false,
            stage: Stage::Upgrading,
            stage_deadline: Some(now.mono + self.timeouts.handshake),
            refusal: None,
            denied: false,
            queued: false,
            closing: None,
            armed: None,
        });
        self.arm(id);
        self.emit(Event::Accepted { remote: from });
        Ok(id)
    }

    /// An accepted connection finished its WebSocket upgrade. `path` is that of the request; `client_cert` names the
    /// account that a verified client certificate stands for, if there is one, and counts like a path that names it.
    pub fn handle_upgraded(
        &mut self,
        now: Now,
        link: LinkId,
        path: &str,
        client_cert: Option<&str>,
    ) {
        let now = self.clamp(now);
        let Some(entry) = self.links.get_mut(link) else {
            return;
        };
        let Stage::Upgrading = entry.stage else {
            return;
        };
        entry.named = [
            client_cert.map(Into::into),
            path_account(path).map(Into::into),
        ];
        let deadline = entry.stage_deadline.take().unwrap_or(now.mono);
        entry.stage = Stage::Open(Connection::server(
            self.link_config.clone(),
            deadline,
            now.mono,
        ));
        self.refresh(now, link);
    }

    /// Whether it is known whose link this is: somebody has authenticated on it. False for links that have ended.
    #[must_use]
    pub fn is_authenticated(&self, link: LinkId) -> bool {
        self.links
            .get(link)
            .is_some_and(|entry| entry.authenticated)
    }

    /// A link ended.
    pub fn handle_closed(&mut self, now: Now, link: LinkId, why: CloseReason) {
        let now = self.clamp(now);
        let Some(entry) = self.links.get(link) else {
            return;
        };
        if let (None, CloseReason::Remote { reason, .. }) = (entry.closing, &why)
            && reason == REPLACED
            && let Some(index) = entry.peer
            && self.peers[index].link() == Some(link)
        {
            self.peers[index].displaced = true;
        }
        let reason = match (entry.closing, why) {
            (Some(own), _) => own.to_string(),
            (None, CloseReason::Remote { code, reason }) if reason.is_empty() => {
                format!("closed by the peer ({code})")
            }
            (None, CloseReason::Remote { code, reason }) => {
                let peer = entry.peer.map(|peer| &self.peers[peer].config);
                let secret = peer.and_then(|peer| peer.secret.as_ref());
                let reason = printable(reason.as_bytes(), secret);
                format!("closed by the peer ({code}: {reason})")
            }
            (None, CloseReason::Broken(why)) => why,
            (None, CloseReason::TooLarge) => {
                format!(
                    "sent a message of more than {} bytes (maxMessage)",
                    self.limits.max_message
                )
            }
        };
        self.end_link(now, link, reason);
    }

    /// Takes a link out and does what its end means for its peer.
    pub(super) fn end_link(&mut self, now: Now, id: LinkId, reason: String) {
        let Some(entry) = self.links.get(id) else {
            return;
        };
        if entry.authenticated {
            self.lose_link(now, id, reason);
        } else if entry.direction == Direction::Dialed {
            self.forget_dial(now, id, reason);
        } else {
            self.forget_accepted(id, reason);
        }
        self.stop_if_empty();
    }

    /// Ends a link that we accepted before it was authenticated.
    fn forget_accepted(&mut self, id: LinkId, reason: String) {
        let Some(link) = self.remove_link(id) else {
            return;
        };
        if let (Some(remote), false) = (link.address, link.denied) {
            self.emit(Event::HandshakeFailed { remote, reason });
        }
    }

    /// Takes a link out of all books but its peer's.
    pub(super) fn remove_link(&mut self, id: LinkId) -> Option<Link> {
        let link = self.links.remove(id)?;
        self.timers.set(Timer::Link(id), None);
        match (&link.refusal, link.address) {
            _ if link.authenticated => {}
            // hanging up early must not buy a guesser another guess
            (Some(refusal), Some(address)) => {
                self.places_held.insert((refusal.at, id), address);
                self.wait_for_places();
            }
            _ => self.forget_unauthenticated(link.address),
        }
        Some(link)
    }

    fn wait_for_places(&mut self) {
        let first = self.places_held.first_key_value();
        let at = first.map(|(&(at, _), _)| at);
        self.timers.set(Timer::Places, at);
    }

    /// Frees the places of links whose refusal would have gone out by now.
    pub(super) fn give_places_back(&mut self, now: Now) {
        while let Some(first) = self.places_held.first_entry()
            && first.key().0 <= now.mono
        {
            let address = first.remove();
            self.forget_unauthenticated(Some(address));
        }
        self.wait_for_places();
    }

    pub(super) fn forget_unauthenticated(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        self.unauthenticated -= 1;
        self.stats.unauthenticated = self.unauthenticated as u64;
        let key = group(address);
        if let Some(count) = self.unauthenticated_by_address.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.unauthenticated_by_address.remove(&key);
            }
        }
    }

    /// Somebody's auth frame, at an accepted link.
    pub(super) fn judge_auth(&mut self, now: Now, id: LinkId, username: Option<&str>, token: &str) {
        let Some(link) = self.links.get(id) else {
            return;
        };
        let Some(address) = link.address else { return };
        let verdict = judge(
            &self.peers,
            &self.tokens,
            link.named.each_ref().map(Option::as_deref),
            username,
            token,
        );
        let verdict = match verdict {
            Verdict::Granted(peer) if !self.peers[peer].wanted => Verdict::Denied {
                known: Some(peer),
                claimed: Some(self.peers[peer].config.id.to_string()),
                reason: "the operator disconnected this peer",
            },
            Verdict::Granted(_) if self.drain.is_some() => Verdict::Denied {
                known: None,
                claimed: None,
                reason: "shutting down",
            },
            other => other,
        };
        match verdict {
            Verdict::Granted(peer) => {
                let name = self.peers[peer].config.id.clone();
                self.guard.succeeded(address, Some(name.as_str()));
                if let Some(link) = self.links.get_mut(id) {
                    link.peer = Some(peer);
                    if let Some(connection) = link.connection() {
                        connection.accept_auth(now);
                    }
                }
                self.emit(Event::AuthGranted {
                    peer: name,
                    remote: address,
                });
                self.take_over(now, id, peer);
                self.feed_pending(now, id);
            }
            Verdict::Denied {
                known,
                claimed,
                reason,
            } => {
                let known = known.map(|peer| {
                    self.peers[peer].counters.auth_failures += 1;
                    self.peers[peer].config.id.clone()
                });
                let delay =
                    self.guard
                        .failed(now.mono, address, known.as_ref().map(|id| id.as_str()));
                self.report_denied(id, claimed, reason);
                if delay == Duration::ZERO {
                    self.refuse(now, id);
                } else if let Some(link) = self.links.get_mut(id) {
                    link.refusal = Some(Refusal {
                        at: now.mono + delay,
                    });
                }
            }
        }
        self.refresh(now, id);
    }

    /// Reports, once a link, that somebody failed to authenticate with us.
    pub(super) fn report_denied(
        &mut self,
        id: LinkId,
        claimed: Option<String>,
        reason: &'static str,
    ) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if let (Some(remote), false) = (link.address, link.denied) {
            link.denied = true;
            self.stats.auth_denied += 1;
            let event = Event::AuthDenied {
                claimed,
                remote,
                reason,
            };
            self.complain(None, event);
        }
    }

    fn refuse(&mut self, now: Now, id: LinkId) {
        if let Some(link) = self.links.get_mut(id) {
            link.refusal = None;
            if let Some(connection) = link.connection() {
                // a stranger learns that it failed, not at what
                connection.refuse_auth(now, "authentication failed");
            }
        }
    }

    /// Begins to close a link: what it has to send goes out, then a Close frame, then the socket is dropped when the
    /// peer answers or after `close`.
    pub(super) fn close_link(&mut self, now: Now, id: LinkId, code: u16, reason: &'static str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if link.closing.is_none() {
            link.closing = Some(reason);
        }
        if let Some(index) = link.peer
            && self.peers[index].link() == Some(id)
        {
            self.peers[index].closing = true;
        }
        match link.connection() {
            Some(connection) => {
                connection.close(code, reason);
                link.stage_deadline
                    .get_or_insert(now.mono + self.timeouts.close);
                self.refresh(now, id);
            }
            None => self.drop_link(now, id, reason.to_string()),
        }
    }

    /// Drops a link's socket now.
    pub(super) fn drop_link(&mut self, now: Now, id: LinkId, reason: String) {
        self.actions.push_back(Action::Drop { link: id });
        self.end_link(now, id, reason);
    }

    /// What a connection has to say, and what follows for the queue and the timer of its link. To be called after
    /// anything that touches a connection; cheap when nothing changed.
    pub(super) fn refresh(&mut self, now: Now, id: LinkId) {
        while let Some(event) = self
            .links
            .get_mut(id)
            .and_then(Link::connection)
            .and_then(Connection::poll_event)
        {
            self.connection_event(now, id, event);
        }
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let current = link
            .peer
            .filter(|&peer| self.peers[peer].link() == Some(id));
        let answers = current.map(|peer| &self.peers[peer].answers);
        let output = match &link.stage {
            Stage::Open(connection) => connection.has_output(answers),
            Stage::Dialing | Stage::Upgrading => false,
        };
        if output && !link.queued {
            link.queued = true;
            self.writable.push_back(id);
        }
        self.arm(id);
    }

    /// Sets the timer of a link if it is due earlier than what is set. Later ones are found out when the timer fires.
    pub(super) fn arm(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let Some(deadline) = link.deadline() else {
            return;
        };
        if link.armed.is_none_or(|set| deadline < set) {
            link.armed = Some(deadline);
            self.timers.set(Timer::Link(id), Some(deadline));
        }
    }

    pub(super) fn link_timeout(&mut self, now: Now, id: LinkId) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.armed = None;
        if link
            .stage_deadline
            .is_some_and(|deadline| deadline <= now.mono)
        {
            let reason = match (&link.stage, link.closing) {
                (Stage::Dialing, _) => self.dial_timeout_text(),
                (_, Some(reason)) => reason.to_string(),
                (_, None) => "no WebSocket upgrade in time (handshakeTimeout)".to_string(),
            };
            self.drop_link(now, id, reason);
            return;
        }
        if link
            .refusal
            .as_ref()
            .is_some_and(|refusal| refusal.at <= now.mono)
        {
            self.refuse(now, id);
        }
        if let Some(connection) = self.links.get_mut(id).and_then(Link::connection) {
            connection.handle_timeout(now);
        }
        self.release_if_silent(now, id);
        self.refresh(now, id);
    }

    /// Gives back what a burst has left with a peer that has been silent for a keepalive interval since.
    fn release_if_silent(&mut self, now: Now, id: LinkId) {
        if let Some(index) = self.links.get(id).and_then(|link| link.peer) {
            let peer = &mut self.peers[index];
            let interval = self.timeouts.keepalive_interval;
            if peer
                .last_seen
                .is_some_and(|seen| seen + interval <= now.mono)
            {
                peer.requests.release();
                peer.answers.release();
            }
        }
    }

    fn connection_event(&mut self, now: Now, id: LinkId, event: ConnectionEvent) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let peer = link.peer;
        let name = peer.map(|peer| self.peers[peer].config.id.clone());
        match event {
            ConnectionEvent::AuthAccepted => {
                if let (Some(index), Some(peer)) = (peer, name) {
                    self.emit(Event::AuthAccepted { peer });
                    self.take_over(now, id, index);
                    self.feed_pending(now, id);
                }
            }
            ConnectionEvent::AuthFailed { reason, .. } => {
                if let (Some(index), Some(peer)) = (peer, name) {
                    self.peers[index].counters.auth_failures += 1;
                    self.emit(Event::AuthFailed { peer, reason });
                }
            }
            ConnectionEvent::Closing { code, why } => {
                link.closing.get_or_insert(why);
                link.stage_deadline
                    .get_or_insert(now.mono + self.timeouts.close);
                let index = peer.filter(|_| link.authenticated);
                if let (Direction::Accepted, None) = (link.direction, index) {
                    self.report_denied(id, None, why);
                }
                if code == SILENT
                    && let Some(peer) = name
                {
                    self.emit(Event::PongTimeout { peer });
                }
                if let Some(index) = index {
                    self.detach(now, id, index, why.to_string());
                    self.wait_for_close(now, index, id, why);
                    self.continue_drain(now);
                }
            }
            _ => {}
        }
    }

    /// Whether a connection is past its auth and not closing.
    pub(super) fn is_open(&self, id: LinkId) -> bool {
        match self.links.get(id).map(|link| &link.stage) {
            Some(Stage::Open(connection)) => connection.state() == State::Open,
            _ => false,
        }
    }
}
