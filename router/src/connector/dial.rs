//! When a peer is dialled, and what becomes of it.

use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::time::Duration;

use btp_proto::{Connection, Credentials, Secret};
use ilp_proto::Now;

use super::Connector;
use crate::action::{Action, DialError, LinkId};
use crate::backoff::Next;
use crate::config::{PeerId, UnknownPeer};
use crate::event::{Direction, Event};
use crate::link::{Link, Stage};
use crate::peer::PeerIndex;
use crate::timers::Timer;

/// Why a peer has no link.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// A dial came to nothing.
    Failed,
    /// A link that worked is gone.
    Lost,
    /// It was given to somebody else with our id.
    Displaced { lived: Duration },
}

impl Connector {
    /// Dials a peer unless it has a link, is being dialled, is only waited for, or is not wanted.
    pub(super) fn dial(&mut self, now: Now, index: PeerIndex) {
        let peer = &mut self.peers[index];
        let Some(endpoint) = peer.config.endpoint.clone() else {
            return;
        };
        if !peer.is_idle() || !peer.wanted || self.drain.is_some() {
            return;
        }
        let url: Arc<str> = endpoint.to_string().into();
        let id = self.links.insert(Link {
            direction: Direction::Dialed,
            remote: url.clone(),
            address: None,
            named: [None, None],
            peer: Some(index),
            authenticated: false,
            stage: Stage::Dialing,
            stage_deadline: Some(now.mono + self.timeouts.connect),
            refusal: None,
            denied: false,
            queued: false,
            closing: None,
            armed: None,
        });
        let peer = &mut self.peers[index];
        peer.dialing = Some(id);
        let name = peer.config.id.clone();
        self.arm(id);
        self.actions.push_back(Action::Dial { link: id, endpoint });
        self.emit(Event::Dialing { peer: name, url });
    }

    /// The dial reached the end of the WebSocket upgrade: messages flow from here on.
    pub fn handle_dialed(&mut self, now: Now, link: LinkId) {
        let now = self.clamp(now);
        let Some(entry) = self.links.get_mut(link) else {
            return;
        };
        let (Stage::Dialing, Some(index)) = (&entry.stage, entry.peer) else {
            return;
        };
        let config = &self.peers[index].config;
        let credentials = Credentials {
            username: config.username.clone(),
            token: config.secret.clone().unwrap_or_else(|| Secret::new("")),
        };
        // the id of the auth frame is free: nothing is in flight on a link that is not authenticated
        let auth_id = u32::try_from(self.random.next() >> 32).unwrap_or(1);
        entry.stage = Stage::Open(Connection::client(
            self.link_config.clone(),
            &credentials,
            now.mono,
            auth_id,
        ));
        entry.stage_deadline = None;
        let peer = config.id.clone();
        self.emit(Event::AuthSent { peer });
        self.refresh(now, link);
    }

    /// The dial came to nothing.
    pub fn handle_dial_failed(&mut self, now: Now, link: LinkId, why: DialError) {
        let now = self.clamp(now);
        let dialing = self
            .links
            .get(link)
            .is_some_and(|link| matches!(link.stage, Stage::Dialing));
        if dialing {
            self.forget_dial(now, link, why.0);
        }
    }

    /// Ends a link that we dialled before it was authenticated.
    pub(super) fn forget_dial(&mut self, now: Now, id: LinkId, error: alloc::string::String) {
        let Some(index) = self.remove_link(id).and_then(|link| link.peer) else {
            return;
        };
        let peer = &mut self.peers[index];
        if peer.dialing == Some(id) {
            peer.dialing = None;
        }
        let error = if self.drain.is_some() {
            // no fault of the peer's
            "given up: this node is shutting down".into()
        } else {
            peer.counters.dial_failures += 1;
            error
        };
        let event = Event::DialFailed {
            peer: peer.config.id.clone(),
            error,
        };
        self.emit(event);
        self.schedule(now, index, End::Failed);
    }

    /// Sets the time of the next dial of a peer without a link.
    pub(super) fn schedule(&mut self, now: Now, index: PeerIndex, end: End) {
        let peer = &mut self.peers[index];
        if peer.config.endpoint.is_none() || !peer.wanted || self.drain.is_some() || peer.is_up() {
            return;
        }
        let name = peer.config.id.clone();
        let random = &mut self.random;
        let next = match end {
            End::Failed => peer.backoff.failed(random),
            End::Lost => peer.backoff.lost(random),
            End::Displaced { lived } => peer.backoff.displaced(random, lived),
        };
        let delay = match next {
            Next::Retry { attempt, delay } => {
                self.emit(Event::RetryScheduled {
                    peer: name,
                    attempt,
                    delay,
                });
                delay
            }
            Next::Pause { attempts, pause } => {
                self.emit(Event::RetriesExhausted {
                    peer: name,
                    attempts,
                    pause,
                });
                pause
            }
        };
        self.timers.set(Timer::Dial(index), Some(now.mono + delay));
    }

    /// Wants a peer again after [`disconnect_peer`](Self::disconnect_peer), and dials it at once if it has an endpoint and
    /// no link. Does nothing for a peer that is connected or being dialled.
    ///
    /// # Errors
    /// No peer has this id.
    pub fn connect_peer(&mut self, now: Now, peer: &PeerId) -> Result<(), UnknownPeer> {
        let now = self.clamp(now);
        let index = self.find(peer)?;
        self.peers[index].wanted = true;
        self.timers.set(Timer::Dial(index), None);
        self.dial(now, index);
        Ok(())
    }

    /// Closes all links of a peer with 1000, does not dial it again and refuses it when it dials, until
    /// [`connect_peer`](Self::connect_peer). What it sends while its links close is refused with T03.
    ///
    /// # Errors
    /// No peer has this id.
    pub fn disconnect_peer(&mut self, now: Now, peer: &PeerId) -> Result<(), UnknownPeer> {
        let now = self.clamp(now);
        let index = self.find(peer)?;
        let entry = &mut self.peers[index];
        entry.wanted = false;
        let links = [entry.dialing, entry.spare, entry.link()];
        for link in links.into_iter().flatten() {
            self.close_link(now, link, 1000, "disconnected by the operator");
        }
        self.timers.set(Timer::Dial(index), None);
        Ok(())
    }

    /// Why a dial took too long, for people.
    pub(super) fn dial_timeout_text(&self) -> alloc::string::String {
        format!(
            "no connection within {} ms (connectTimeout)",
            self.timeouts.connect.as_millis()
        )
    }
}
