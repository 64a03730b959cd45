//! What arrives on a link.

use alloc::string::String;

use btp_proto::{Inbound, Secret};
use ilp_proto::{Now, PacketType};

use super::Connector;
use crate::action::{LinkId, Received};
use crate::event::Event;
use crate::link::{Link, Stage};
use crate::peer::PeerIndex;

/// With fewer packets in flight than these, flights are in the cache anyway: 160 bytes each, of a megabyte or so.
const FORESEE: usize = 4096;

/// The most characters of a peer's words that get into an event.
pub(super) const MAX_TEXT: usize = 256;

/// For so many messages at a time flights are fetched: each is four cache lines, and all of them shall still be in the first
/// cache when they are needed.
const AHEAD: usize = 32;

impl Connector {
    /// A message was read from a link.
    ///
    /// Several may be fed before anything is polled; feed all that are ready, then poll once. Afterwards
    /// [`wants_read`](Self::wants_read) may have become false, and any link may have something to send.
    pub fn handle_received(&mut self, now: Now, link: LinkId, what: Received<'_>) {
        let now = self.clamp(now);
        self.receive(now, link, what);
    }

    /// All that one read of a link brought, in the order of its arrival: the same as
    /// [`handle_received`](Self::handle_received) for each.
    ///
    /// It is faster with thousands of packets in flight, each of which has left the cache by the time of its answer: the
    /// flights of many answers are fetched before the first is handled, so that the connector waits for memory once and not
    /// once for each. The benches `fulfilled` and `fulfilled, one by one` show what that is worth.
    pub fn handle_read<'m>(
        &mut self,
        now: Now,
        link: LinkId,
        read: impl Iterator<Item = Received<'m>> + Clone,
    ) {
        let now = self.clamp(now);
        let mut read = read;
        // one message alone has nobody to wait together with
        while self.forwarder.len() >= FORESEE && read.clone().nth(1).is_some() {
            self.foresee(link, read.clone());
            for what in read.by_ref().take(AHEAD) {
                self.receive(now, link, what);
            }
        }
        read.for_each(|what| self.receive(now, link, what));
    }

    /// Fetches the flights that the first [`AHEAD`] of these messages end.
    fn foresee<'m>(&self, link: LinkId, read: impl Iterator<Item = Received<'m>>) {
        let Some(owner) = self.links.get(link).and_then(|link| link.peer) else {
            return;
        };
        let requests = &self.peers[owner].requests;
        // first all keys and then all flights, with as little as can be for each: so more of the reads are under way at a time
        let mut keys = [None; AHEAD];
        for (key, what) in keys.iter_mut().zip(read) {
            if let Received::Binary(message) = what
                && let Some(request) = btp_proto::peek_response(message)
            {
                *key = requests.get(request).copied();
            }
        }
        self.forwarder.touch(&keys);
    }

    fn receive(&mut self, now: Now, id: LinkId, what: Received<'_>) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let owner = link.peer;
        let Stage::Open(connection) = &mut link.stage else {
            return;
        };
        let (inbound, len) = match what {
            Received::Binary(message) => {
                (connection.handle_message(now, message), Some(message.len()))
            }
            Received::Text => (connection.handle_text(now), Some(0)),
            Received::Ping | Received::Pong => {
                connection.handle_control(now);
                (Inbound::Nothing, None)
            }
        };
        let authenticated = link.authenticated;
        if let Some(index) = owner.filter(|_| authenticated) {
            let peer = &mut self.peers[index];
            peer.last_seen = Some(now.mono);
            if let Some(len) = len {
                peer.counters.messages_in += 1;
                peer.counters.bytes_in += len as u64;
            }
        }
        // packets change nothing about the link that brings them: its timer is lazy, and what it has to send is
        // marked where it is queued
        match (&inbound, owner) {
            (&Inbound::Request { id: request, ilp }, Some(peer)) => {
                self.report_message(id, peer, request, PacketType::Prepare);
                self.take_prepare(now, peer, request, ilp);
            }
            (&Inbound::Answer { id: request, ilp }, Some(peer)) => {
                let kind = PacketType::peek(ilp).unwrap_or(PacketType::Reject);
                self.report_message(id, peer, request, kind);
                self.take_answer(now, peer, request, ilp);
            }
            _ => {
                self.dispatch(now, id, owner, inbound, what);
                self.refresh(now, id);
            }
        }
    }

    /// The frames that came behind an auth frame that has now been accepted.
    pub(super) fn feed_pending(&mut self, now: Now, id: LinkId) {
        loop {
            let Some(connection) = self.links.get_mut(id).and_then(Link::connection) else {
                return;
            };
            let Some(frame) = connection.poll_pending() else {
                return;
            };
            self.receive(now, id, Received::Binary(&frame));
        }
    }

    /// What came and is no packet.
    fn dispatch(
        &mut self,
        now: Now,
        id: LinkId,
        owner: Option<PeerIndex>,
        inbound: Inbound<'_>,
        what: Received<'_>,
    ) {
        match (inbound, owner) {
            (
                Inbound::Auth {
                    username, token, ..
                },
                _,
            ) => self.judge_auth(now, id, username, token),
            (
                Inbound::Failed {
                    id: request,
                    code,
                    name,
                    data,
                },
                Some(peer),
            ) => {
                self.take_failure(now, peer, request, code, name, data);
            }
            (Inbound::Unreadable { error }, _) => {
                let count = match owner {
                    Some(index) => &mut self.peers[index].counters.unreadable,
                    None => &mut self.stats.unreadable,
                };
                *count += 1;
                let peer = owner.map(|index| self.peers[index].config.id.clone());
                let event = match what {
                    Received::Binary(message) => Event::Unreadable {
                        peer,
                        error,
                        len: message.len(),
                    },
                    Received::Text | Received::Ping | Received::Pong => Event::TextMessage { peer },
                };
                self.complain(owner, event);
            }
            (Inbound::Refused { id: request, why }, Some(index)) => {
                let event = Event::Unacceptable {
                    peer: self.peers[index].config.id.clone(),
                    request_id: request,
                    why,
                };
                self.complain(Some(index), event);
            }
            // a first frame that is no auth; the connection has answered it
            (Inbound::Refused { why, .. }, None) => self.report_denied(id, None, why),
            (
                Inbound::Nothing
                | Inbound::Request { .. }
                | Inbound::Answer { .. }
                | Inbound::Failed { .. },
                _,
            ) => {}
        }
    }

    #[inline]
    fn report_message(
        &mut self,
        id: LinkId,
        peer: PeerIndex,
        request_id: u32,
        packet_type: PacketType,
    ) {
        if self.packet_events {
            self.emit_message(id, peer, request_id, packet_type);
        }
    }

    #[cold]
    fn emit_message(
        &mut self,
        id: LinkId,
        peer: PeerIndex,
        request_id: u32,
        packet_type: PacketType,
    ) {
        if let Some(direction) = self.links.get(id).map(|link| link.direction) {
            let peer = self.peers[peer].config.id.clone();
            self.emit(Event::MessageReceived {
                peer,
                direction,
                request_id,
                packet_type,
            });
        }
    }

    /// Whether the driver shall read this link. False for a peer whose answers back up (it reads too little itself), until
    /// [`Action::ResumeRead`](crate::Action::ResumeRead); true for links it does not know.
    #[must_use]
    pub fn wants_read(&self, link: LinkId) -> bool {
        let owner = self.links.get(link).and_then(|entry| entry.peer);
        !owner.is_some_and(|peer| self.peers[peer].paused && self.peers[peer].link() == Some(link))
    }
}

/// Text from a peer, fit for a log line: bounded and without control characters, or not told at all if it holds `secret`.
pub(super) fn printable(bytes: &[u8], secret: Option<&Secret>) -> String {
    let secret = secret
        .map(Secret::as_str)
        .filter(|secret| !secret.is_empty());
    // a secret that begins in what is shown is seen whole
    let looked_at = 2 * MAX_TEXT + secret.map_or(0, str::len);
    let text = String::from_utf8_lossy(bytes.get(..looked_at).unwrap_or(bytes));
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if secret.is_some_and(|secret| text.contains(secret)) {
        return String::from("its words are withheld: they hold our secret");
    }
    text.chars().take(MAX_TEXT).collect()
}
