//! What was seen from outside of a node: who asked what, who answered, and who owes whom.

use std::collections::BTreeMap;
use std::time::Duration;

use ilp_proto::{
    Condition, Fulfillment, Instant, Now, Packet, Prepare, Timestamp, ildcp::ILDCP_DESTINATION,
};
use ilp_router::config::{Config, OnDisconnect, Timeouts};
use ilp_router::stats::PeerCounters;
use ilp_router::{Connector, PeerView, Wheel};

/// A PREPARE that the node took in and has not answered where we could see it.
#[derive(Debug)]
struct Ask {
    peer: usize,
    id: u32,
    /// What it says; `None` if it cannot be read.
    says: Option<Says>,
    arrived: Now,
    /// The node answered it at once.
    refused: bool,
    forwarded: bool,
    /// A next hop has earned its money.
    fulfilled: bool,
}

#[derive(Clone, Copy, Debug)]
struct Says {
    amount: u64,
    expires_at: Timestamp,
    condition: Condition,
    between_peers: bool,
}

impl Says {
    fn of(prepare: &Prepare<'_>) -> Self {
        Self {
            amount: prepare.amount,
            expires_at: prepare.expires_at,
            condition: prepare.condition,
            between_peers: prepare.destination.as_str() == ILDCP_DESTINATION,
        }
    }
}

/// A PREPARE that the node has sent.
#[derive(Debug)]
struct Out {
    amount: u64,
    condition: Condition,
    expires: Instant,
    /// Of which ask it is: its peer and amount. `None` for one of the node's own.
    of: Option<(usize, u64)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Ledger {
    receivable: u128,
    payable: u128,
}

pub(super) struct Books {
    asks: Vec<Ask>,
    outs: BTreeMap<(usize, u32), Out>,
    /// REJECTs of an id that a peer used for several PREPAREs: one of them is answered, but who knows which.
    vague: BTreeMap<(usize, u32), usize>,
    ledgers: Vec<Ledger>,
    /// Units of the finest asset in one of the peer's.
    worth: Vec<u128>,
    /// Preimages by what they fulfil.
    preimages: BTreeMap<Condition, Fulfillment>,
    timeouts: Timeouts,
    holds: bool,
    counters: Vec<PeerCounters>,
    max_in_flight: usize,
    answer_budget: usize,
    /// Until when the answer to some packet may be kept.
    answers_end: Instant,
}

fn counters(node: &Connector) -> Vec<PeerCounters> {
    node.peers().map(|view| view.counters.clone()).collect()
}

/// When a time comes, told by what the clocks showed.
fn when(now: Now, time: Timestamp) -> Instant {
    now.mono + time.saturating_duration_since(now.wall)
}

impl Books {
    pub(super) fn new(config: &Config) -> Self {
        let worth = |scale: u8| 10_u128.pow(u32::from(9 - scale));
        Self {
            asks: Vec::new(),
            outs: BTreeMap::new(),
            vague: BTreeMap::new(),
            ledgers: vec![Ledger::default(); config.peers.len()],
            worth: config
                .peers
                .iter()
                .map(|peer| worth(peer.asset.scale))
                .collect(),
            preimages: BTreeMap::from([(Condition::OF_ZERO, Fulfillment::ZERO)]),
            timeouts: config.timeouts.clone(),
            holds: config.on_disconnect == OnDisconnect::Hold,
            counters: Vec::new(),
            max_in_flight: config.peers[0].max_in_flight,
            answer_budget: 2 * config.limits.max_answer_buffer,
            answers_end: Instant::from_nanos(0),
        }
    }

    /// From when on no answer is kept any more: all packets that arrived have expired, by the wall clock of then.
    pub(super) const fn answers_end(&self) -> Instant {
        self.answers_end
    }

    pub(super) fn fulfillment(&mut self) -> Fulfillment {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&(self.preimages.len() as u64).to_be_bytes());
        let fulfillment = Fulfillment(bytes);
        self.preimages.insert(fulfillment.condition(), fulfillment);
        fulfillment
    }

    /// A request to a peer that is in flight, and its preimage.
    pub(super) fn pick(&self, peer: usize, which: u8) -> Option<(u32, Fulfillment)> {
        let outs = || self.outs.range((peer, 0)..=(peer, u32::MAX));
        let ((_, id), out) = outs().nth(usize::from(which) % outs().count().max(1))?;
        let preimage = self.preimages.get(&out.condition);
        Some((*id, preimage.copied().unwrap_or(Fulfillment::ZERO)))
    }

    /// To be called before something arrives.
    pub(super) fn before(&mut self, node: &Connector) {
        self.counters = counters(node);
    }

    /// Messages have been given to the node, of which only the last one has just arrived.
    pub(super) fn delivered(
        &mut self,
        node: &Connector,
        now: Now,
        peer: Option<usize>,
        gone: bool,
        messages: &[Vec<u8>],
    ) {
        let before = core::mem::take(&mut self.counters);
        let after = counters(node);
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            let moved = after.prepares_in != before.prepares_in
                || after.fulfills_in != before.fulfills_in
                || after.rejects_in != before.rejects_in;
            assert!(!moved || (Some(at) == peer && !gone), "from nobody");
        }
        let Some(peer) = peer else { return };
        let (before, after) = (&before[peer], &after[peer]);
        let mut taken = after.prepares_in - before.prepares_in;
        let refused = taken == 1 && after.rejects_out > before.rejects_out;
        for message in messages {
            match super::frames::meaning(message) {
                super::frames::Meaning::Request { id, ilp } if taken > 0 => {
                    taken -= 1;
                    let says = match Packet::parse(ilp) {
                        Ok(Packet::Prepare(prepare)) => Some(Says::of(&prepare)),
                        _ => None,
                    };
                    if let Some(says) = says {
                        self.answers_end = self.answers_end.max(when(now, says.expires_at));
                    }
                    self.asks.push(Ask {
                        peer,
                        id,
                        says,
                        arrived: now,
                        refused: refused && says.is_none_or(|says| !says.between_peers),
                        forwarded: false,
                        fulfilled: false,
                    });
                }
                super::frames::Meaning::Answer { id, ilp } => {
                    self.judge(now, peer, id, ilp, before, after);
                }
                _ => {}
            }
        }
        assert_eq!(taken, 0, "more PREPAREs were taken in than arrived");
    }

    /// A peer has answered.
    fn judge(
        &mut self,
        now: Now,
        peer: usize,
        id: u32,
        ilp: Option<&[u8]>,
        before: &PeerCounters,
        after: &PeerCounters,
    ) {
        let late = after.late_answers > before.late_answers;
        let good = after.fulfills_in > before.fulfills_in;
        let landed = good
            || after.rejects_in > before.rejects_in
            || after.bad_fulfillments > before.bad_fulfillments
            || after.btp_errors > before.btp_errors;
        let Some(out) = self.outs.get(&(peer, id)) else {
            assert!(!landed, "an answer to nothing counts");
            return;
        };
        // when one of the node's own was made, and so when it expires, cannot be seen from here
        if out.of.is_some() {
            let in_time = now.mono < out.expires;
            assert!(
                !(in_time && late && self.holds),
                "an answer in time does not count"
            );
            assert!(in_time || !good, "a late FULFILL counts");
        }
        if !landed && !late {
            return; // the link was not listened to any more
        }
        let Some(out) = self.outs.remove(&(peer, id)) else {
            return;
        };
        if !good {
            return;
        }
        let Some(Ok(Packet::Fulfill(fulfill))) = ilp.map(Packet::parse) else {
            panic!("what is no FULFILL counts as one");
        };
        assert_eq!(fulfill.fulfillment.condition(), out.condition);
        if let Some((from, amount)) = out.of {
            self.ledgers[peer].payable += u128::from(out.amount);
            self.ledgers[from].receivable += u128::from(amount);
            let ask = self.asks.iter_mut().find(|ask| {
                let says = ask.says.map(|says| (says.condition, says.amount));
                ask.peer == from
                    && ask.forwarded
                    && !ask.fulfilled
                    && says == Some((out.condition, amount))
            });
            ask.expect("it was asked for").fulfilled = true;
        }
    }

    /// The node has sent a PREPARE.
    pub(super) fn asked(&mut self, now: Now, peer: usize, id: u32, ilp: &[u8]) {
        let Ok(Packet::Prepare(prepare)) = Packet::parse(ilp) else {
            panic!("a node asks with PREPAREs");
        };
        let out = if prepare.destination.as_str() == ILDCP_DESTINATION {
            Out {
                amount: 0,
                condition: prepare.condition,
                expires: when(now, prepare.expires_at),
                of: None,
            }
        } else {
            self.forwarded(peer, &prepare)
        };
        assert!(out.of.is_none() || now.mono < out.expires, "sent too late");
        let before = self.outs.insert((peer, id), out);
        // what has expired or was given up may be forgotten, but nothing else
        let free = before.is_none_or(|before| before.expires <= now.mono || !self.holds);
        assert!(free, "the id {id} is in flight already");
    }

    /// Finds what was asked for it, and asserts that it is not sent for more or for longer.
    fn forwarded(&mut self, peer: usize, prepare: &Prepare<'_>) -> Out {
        let Self {
            asks,
            timeouts,
            worth,
            ..
        } = self;
        let value = u128::from(prepare.amount) * worth[peer];
        let fits = |ask: &&mut Ask| {
            let Some(says) = ask.says else { return false };
            let came = u128::from(says.amount) * worth[ask.peer];
            let latest = ask.arrived.wall.saturating_add(timeouts.max_hold);
            !ask.forwarded
                && says.condition == prepare.condition
                && value <= came
                && came - value < worth[peer]
                && prepare.expires_at
                    == says
                        .expires_at
                        .saturating_sub(timeouts.expiry_margin)
                        .min(latest)
        };
        let ask = asks.iter_mut().find(fits);
        let ask = ask.expect("a PREPARE that nobody asked for, or no more, or for less");
        ask.forwarded = true;
        Out {
            amount: prepare.amount,
            condition: prepare.condition,
            expires: when(ask.arrived, prepare.expires_at),
            of: ask.says.map(|says| (ask.peer, says.amount)),
        }
    }

    /// The node has answered.
    pub(super) fn answered(&mut self, now: Now, peer: usize, id: u32, ilp: Option<&[u8]>) {
        let packet = ilp.map(Packet::parse);
        let asked = |ask: &Ask| ask.peer == peer && ask.id == id;
        let at = match packet {
            Some(Ok(Packet::Fulfill(fulfill))) => {
                let condition = fulfill.fulfillment.condition();
                let earned = |ask: &Ask| {
                    ask.says.is_some_and(|says| {
                        says.condition == condition
                            && now.mono < when(ask.arrived, says.expires_at)
                            && (ask.fulfilled || says.between_peers)
                    })
                };
                let at = self.asks.iter().position(|ask| asked(ask) && earned(ask));
                at.expect("a FULFILL that was not asked for, not earned, or too late")
            }
            Some(Ok(Packet::Reject(reject))) => {
                assert!(reject.triggered_by.is_some(), "a REJECT of nobody's");
                let open = |ask: &&Ask| asked(ask) && !ask.fulfilled;
                let vague = self.vague.get(&(peer, id)).copied().unwrap_or(0);
                let candidates = self.asks.iter().filter(open).count();
                assert!(
                    candidates > vague,
                    "a REJECT that was not asked for, or of what was fulfilled"
                );
                let one = |ask: &Ask| open(&ask) && (ask.refused || candidates == 1);
                match self.asks.iter().position(one) {
                    Some(at) => at,
                    None => {
                        self.vague.insert((peer, id), vague + 1);
                        return self.clear(peer, id);
                    }
                }
            }
            other => panic!("a node answers with packets, not with {other:?}"),
        };
        self.asks.remove(at);
        self.clear(peer, id);
    }

    /// When as many have been answered as there were, it does not matter any more which was which.
    fn clear(&mut self, peer: usize, id: u32) {
        let asked = |ask: &Ask| ask.peer == peer && ask.id == id;
        let open = self.asks.iter().filter(|ask| asked(ask)).count();
        if self.vague.get(&(peer, id)).is_some_and(|&n| n == open) {
            self.vague.remove(&(peer, id));
            self.asks.retain(|ask| !asked(ask));
        }
    }

    /// How many of a peer's PREPAREs have been answered though they are still in the list.
    fn vague_of(&self, peer: usize) -> u64 {
        let of_peer = self.vague.range((peer, 0)..=(peer, u32::MAX));
        of_peer.map(|(_, n)| *n as u64).sum()
    }

    fn asks_of(&self, peer: usize) -> impl Iterator<Item = &Ask> {
        self.asks.iter().filter(move |ask| ask.peer == peer)
    }

    pub(super) fn check(&self, node: &Connector) {
        let mut out = 0;
        let (mut owed, mut owing) = (0, 0);
        let (mut held_in, mut held_out) = (0, 0);
        for (at, view) in node.peers().enumerate() {
            self.check_peer(at, &view);
            out += view.in_flight_out;
            owed += view.account.receivable() * self.worth[at];
            owing += view.account.payable() * self.worth[at];
            held_in += view.account.held_incoming() * self.worth[at];
            held_out += view.account.held_outgoing() * self.worth[at];
        }
        assert_eq!(out, node.in_flight(), "requests without packets in flight");
        assert!(out <= node.limits().max_in_flight + 1, "and one of our own");
        assert!(owing <= owed, "more is owed downstream than upstream");
        assert!(held_out <= held_in, "more is promised downstream");
    }

    fn check_peer(&self, at: usize, view: &PeerView<'_>) {
        let counters = view.counters;
        let ended = counters.fulfills_out + counters.rejects_out;
        let open = view.in_flight_in as u64;
        assert_eq!(counters.prepares_in, ended + open, "one answer each");
        assert!(view.in_flight_in <= self.max_in_flight);
        assert!(view.in_flight_out <= self.max_in_flight);
        assert!(view.answer_bytes <= self.answer_budget);
        let ledger = Ledger {
            receivable: view.account.receivable(),
            payable: view.account.payable(),
        };
        assert_eq!(ledger, self.ledgers[at], "the books differ");
        if view.in_flight_in == 0 {
            assert_eq!(view.account.held_incoming(), 0);
        }
        if view.in_flight_out == 0 {
            assert_eq!(view.account.held_outgoing(), 0);
        }
        if view.answer_bytes == 0 {
            let missing = self.asks_of(at).count() as u64 - self.vague_of(at);
            assert_eq!(missing, counters.dropped_answers + open, "answers are lost");
        }
    }

    /// After timers were handled at `now`, nothing is in flight whose time was over a tick ago.
    pub(super) fn check_overdue(&self, node: &Connector, now: Instant) {
        for (at, view) in node.peers().enumerate() {
            let over = |ask: &&Ask| {
                ask.says.is_none_or(|says| {
                    let margin: Duration = self.timeouts.expiry_margin;
                    let longest = ask.arrived.mono + self.timeouts.max_hold;
                    let out = when(ask.arrived, says.expires_at.saturating_sub(margin));
                    now >= out.min(longest) + Wheel::TICK
                })
            };
            let over = self.asks_of(at).filter(over).count() as u64;
            let queued = view.answer_bytes > 0;
            assert!(
                queued || over <= view.counters.dropped_answers + self.vague_of(at),
                "an answer is overdue"
            );
        }
    }

    pub(super) fn check_idle(&self, node: &Connector) {
        for view in node.peers() {
            assert_eq!((view.in_flight_in, view.in_flight_out), (0, 0));
            assert_eq!(view.answer_bytes, 0, "answers are held for ever");
            assert_eq!(view.account.held_incoming(), 0);
            assert_eq!(view.account.held_outgoing(), 0);
        }
    }
}
