//! One link: a TCP connection from the decision to dial, or the accept, to its end.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;

use btp_proto::Connection;
use ilp_proto::Instant;

use crate::action::LinkId;
use crate::event::Direction;
use crate::peer::PeerIndex;

/// How far a link is.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all links are open ones, and a box would cost each message a cache miss"
)]
pub(crate) enum Stage {
    /// We dial: DNS, TCP, TLS, upgrade.
    Dialing,
    /// We accepted: the upgrade is under way.
    Upgrading,
    /// WebSocket messages flow.
    Open(Connection),
}

/// An auth attempt that has been judged wrong and is answered later.
pub(crate) struct Refusal {
    pub(crate) at: Instant,
}

/// In the order written here: what messages touch comes first.
#[repr(C)]
pub(crate) struct Link {
    /// Whose it is: known from the start when we dialled, after the auth when we accepted.
    pub(crate) peer: Option<PeerIndex>,
    /// The auth has succeeded.
    pub(crate) authenticated: bool,
    /// In the queue of links that have something to send.
    pub(crate) queued: bool,
    pub(crate) direction: Direction,
    /// That it failed to authenticate has been reported.
    pub(crate) denied: bool,
    pub(crate) stage: Stage,
    // from here on: what only the life of a link needs
    /// Until when the present stage may take; not the connection's own deadlines.
    pub(crate) stage_deadline: Option<Instant>,
    /// What its timer is set for: never later than its deadline.
    pub(crate) armed: Option<Instant>,
    pub(crate) refusal: Option<Refusal>,
    /// Why we are closing it, in case the other side only hangs up.
    pub(crate) closing: Option<&'static str>,
    /// Its URL, or where it came from; fit for logs.
    pub(crate) remote: Arc<str>,
    /// Where an accepted link came from.
    pub(crate) address: Option<IpAddr>,
    /// The accounts that the upgrade named: that of a verified client certificate, and that of the path.
    pub(crate) named: [Option<Arc<str>>; 2],
}

impl Link {
    #[inline]
    pub(crate) const fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.stage {
            Stage::Open(connection) => Some(connection),
            Stage::Dialing | Stage::Upgrading => None,
        }
    }

    /// The earliest moment at which time alone changes something.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let connection = match &self.stage {
            Stage::Open(connection) => connection.poll_timeout(),
            Stage::Dialing | Stage::Upgrading => None,
        };
        let refusal = self.refusal.as_ref().map(|refusal| refusal.at);
        earlier(earlier(connection, refusal), self.stage_deadline)
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, None) => one,
        (None, other) => other,
    }
}

/// All links of a node: a slab with generations, so that an id of a link that is gone finds nothing.
#[derive(Default)]
pub(crate) struct Links {
    slots: Vec<Slot>,
    /// First in, first out: an id comes back as late as can be.
    free: VecDeque<u32>,
}

#[repr(C, align(64))]
struct Slot {
    generation: u32,
    link: Option<Link>,
}

impl Links {
    pub(crate) fn insert(&mut self, link: Link) -> LinkId {
        if let Some(slot) = self.free.pop_front() {
            let place = &mut self.slots[slot as usize];
            place.generation = place.generation.wrapping_add(1);
            place.link = Some(link);
            return LinkId {
                slot,
                generation: place.generation,
            };
        }
        // sockets run out long before 2^32 links are open at once
        let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot {
            generation: 0,
            link: Some(link),
        });
        LinkId {
            slot,
            generation: 0,
        }
    }

    #[inline]
    pub(crate) fn get(&self, id: LinkId) -> Option<&Link> {
        self.slots
            .get(id.slot as usize)
            .filter(|slot| slot.generation == id.generation)?
            .link
            .as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.slots
            .get_mut(id.slot as usize)
            .filter(|slot| slot.generation == id.generation)?
            .link
            .as_mut()
    }

    pub(crate) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let slot = self
            .slots
            .get_mut(id.slot as usize)
            .filter(|slot| slot.generation == id.generation)?;
        let link = slot.link.take()?;
        self.free.push_back(id.slot);
        Some(link)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn ids(&self) -> Vec<LinkId> {
        let live = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.link.is_some());
        live.map(|(at, slot)| LinkId {
            slot: u32::try_from(at).unwrap_or(u32::MAX),
            generation: slot.generation,
        })
        .collect()
    }
}
