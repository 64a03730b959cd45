//! A wallet at each node: it pays others and is paid by them, and may lie to its node about either.

use std::collections::HashMap;

use btp_proto::Carrier;
use bytes::BytesMut;

use super::Spec;
use super::clock::{MS, SECOND, Time, wall};
use super::pipe::Kind;
use super::queue::{Due, Flow};
use super::rng::Rng;
use super::topology::{Graph, Topology};
use super::wire::{self, Payment, Seen};
use super::world::World;

#[derive(Debug)]
pub struct Wallet {
    pub seat: u32,
    pipe: Option<u32>,
    /// The auth is behind it.
    pub up: bool,
    next_id: u32,
    lies: bool,
    /// The request by which it asked for its address.
    asked: Option<u32>,
}

impl Wallet {
    pub const fn new(seat: u32, lies: bool) -> Self {
        Self {
            seat,
            pipe: None,
            up: false,
            next_id: 1,
            lies,
            asked: None,
        }
    }

    /// The id of its next request.
    pub const fn next(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    /// Its link, once the auth is behind it.
    pub fn link(&self) -> Option<u32> {
        self.pipe.filter(|_| self.up)
    }
}

/// What a wallet does about a request.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    Fulfill(u64),
    Reject,
    WrongPreimage,
    NoPacket,
    BtpError,
    Unreadable,
    ForeignId(u64),
    Twice(u64),
    FulfillThenReject(u64),
}

#[derive(Clone, Copy, Debug)]
struct Chore {
    wallet: u32,
    life: u64,
    id: u32,
    answer: Answer,
}

/// Who pays whom, and what came of it.
pub struct Traffic {
    rng: Rng,
    secret: u64,
    destinations: Vec<Box<str>>,
    /// Paid are those that are no further than this by number; for long networks.
    reach: Option<u64>,
    /// On average between two packets.
    gap: Time,
    pub goal: u64,
    pub sent: u64,
    pub fulfilled: u64,
    pub rejected: u64,
    pub failed: u64,
    /// How long those that were fulfilled took, in all.
    pub took: u128,
    pub codes: std::collections::BTreeMap<String, u64>,
    waiting: HashMap<(u32, u32), (u64, Time)>,
    chores: Vec<Option<Chore>>,
    free: Vec<u32>,
    /// Counts the links of all wallets: what was put off for an earlier one is void.
    lives: Vec<u64>,
}

impl Traffic {
    pub fn new(spec: &Spec, secret: u64, rng: Rng, graph: &Graph) -> Self {
        let destinations = graph
            .address
            .iter()
            .map(|address| format!("{address}.w").into())
            .collect();
        let long = matches!(spec.topology, Topology::Line | Topology::Ring);
        Self {
            rng,
            secret,
            destinations,
            reach: long.then_some(15),
            gap: spec.duration / spec.packets.max(1),
            goal: 0,
            sent: 0,
            fulfilled: 0,
            rejected: 0,
            failed: 0,
            took: 0,
            codes: Default::default(),
            waiting: HashMap::new(),
            chores: Vec::new(),
            free: Vec::new(),
            lives: vec![0; spec.nodes],
        }
    }

    /// Packets whose sender still waits.
    pub fn open(&self) -> usize {
        self.waiting.len()
    }

    /// Counts the links of a wallet.
    pub fn life(&self, wallet: u32) -> u64 {
        self.lives[wallet as usize]
    }

    fn to(&mut self, from: u32) -> u32 {
        let count = self.destinations.len() as u64;
        let from = u64::from(from);
        let to = match self.reach {
            Some(reach) => self
                .rng
                .range(from.saturating_sub(reach), (from + reach + 1).min(count)),
            None => self.rng.below(count),
        };
        (if to == from { (to + 1) % count } else { to }) as u32
    }
}

impl World {
    /// Sends packets until so many were sent in all.
    pub fn send_up_to(&mut self, goal: u64) {
        self.traffic.goal = goal;
        self.queue.push(self.now, Due::Send);
    }

    pub(super) fn send_next(&mut self) {
        if self.traffic.sent >= self.traffic.goal {
            return;
        }
        let gap = self.traffic.gap;
        let next = self.now + self.traffic.rng.below(2 * gap + 1);
        self.queue.push(next, Due::Send);
        let from = self.traffic.rng.index(self.wallets.len()) as u32;
        if !self.wallets[from as usize].up {
            return;
        }
        let to = self.traffic.to(from);
        let rough = self.weather.is_rough();
        let seconds = if rough {
            self.traffic.rng.range(1, 40)
        } else {
            30
        };
        let amount = self.draw_amount(from, rough);
        self.pay(from, to, seconds * SECOND, amount, rough);
    }

    /// In the asset of the sender's account.
    fn draw_amount(&mut self, from: u32, rough: bool) -> u64 {
        let rng = &mut self.traffic.rng;
        let usual = match rng.below(100) {
            0..5 if rough => rng.below(100),
            5 if rough => return u64::MAX - rng.below(1_000),
            _ => rng.below(1_000_000),
        };
        self.plan.asset_of_wallet(from).amount(usual)
    }

    /// What a packet can have that must get through: nothing where a balance may be at its limit, and not so little that
    /// a coarse scale leaves nothing of it.
    pub fn probe_amount(&mut self, from: u32) -> u64 {
        let seat = self.plan.wallet_seat(from);
        let limited = self.plan.tight || self.plan.terms[seat as usize].max_balance.is_some();
        let usual = if limited {
            0
        } else {
            self.traffic.rng.range(1_000, 1_000_000)
        };
        self.plan.asset_of_wallet(from).amount(usual)
    }

    /// One packet, or now and then something that is none.
    pub fn pay(&mut self, from: u32, to: u32, expiry: Time, amount: u64, rough: bool) {
        let traffic = &mut self.traffic;
        let id = self.wallets[from as usize].next();
        let mut out = std::mem::take(&mut self.scratch);
        let number = traffic.sent;
        traffic.sent += 1;
        let large = rough && traffic.rng.permille(20);
        let payment = Payment {
            id,
            number,
            amount,
            expires: wall(self.now + expiry),
            to: &traffic.destinations[to as usize],
            data: if large {
                traffic.rng.range(2_000, 16_000)
            } else {
                traffic.rng.range(8, 64)
            } as usize,
        };
        wire::put_prepare(&mut out, traffic.secret, &payment);
        traffic.waiting.insert((from, id), (number, self.now));
        self.wallet_sends(from, &out);
        out.clear();
        if rough && self.wallets[from as usize].lies && self.traffic.rng.permille(30) {
            let bad: &[u8] = if self.traffic.rng.below(2) == 0 {
                b"\x0c\x05hello"
            } else {
                b"\x63"
            };
            let id = self.wallets[from as usize].next();
            wire::put_raw(&mut out, Carrier::Message, id, bad);
            self.wallet_sends(from, &out);
            out.clear();
        }
        self.scratch = out;
    }

    pub(super) fn wallet_sends(&mut self, wallet: u32, message: &[u8]) {
        let Some(slot) = self.wallets[wallet as usize].pipe else {
            return;
        };
        // a wallet does not wait for room: it drops
        let full = self
            .pipes
            .at(slot)
            .is_some_and(|pipe| pipe.streams[1].len() > self.plan.window);
        if !full {
            self.post(slot, 1, Kind::Binary, message);
        }
    }

    pub(super) fn wallet_dials(&mut self, wallet: u32) {
        let entry = &mut self.wallets[wallet as usize];
        if entry.pipe.is_some() {
            return;
        }
        let edge = entry.seat / 2;
        let (slot, life) = self.pipes.open(edge, [entry.seat, entry.seat ^ 1]);
        self.wallets[wallet as usize].pipe = Some(slot);
        let at = self.now + self.latency(edge);
        self.queue.push(
            at,
            Due::Accept(Flow {
                pipe: slot,
                end: 1,
                life,
            }),
        );
    }

    pub(super) fn wallet_dialed(&mut self, wallet: u32, slot: u32, taken: bool) {
        if !taken {
            return self.wallet_lost(wallet);
        }
        let mut out = std::mem::take(&mut self.scratch);
        wire::put_auth(&mut out, super::build::WALLET, &format!("wallet {wallet}"));
        self.post(slot, 1, Kind::Binary, &out);
        out.clear();
        self.scratch = out;
    }

    /// A wallet has no link (any more): it will dial.
    pub(super) fn wallet_lost(&mut self, wallet: u32) {
        let entry = &mut self.wallets[wallet as usize];
        (entry.pipe, entry.up, entry.asked) = (None, false, None);
        self.traffic.lives[wallet as usize] += 1;
        let at = self.now + self.noise.range(SECOND, 2 * SECOND);
        self.queue.push(at, Due::Redial { wallet });
    }

    pub(super) fn wallet_receives(&mut self, wallet: u32, flow: Flow, kind: Kind) {
        let Some(pipe) = self.pipes.get_mut(flow.pipe, flow.life) else {
            return;
        };
        match kind {
            Kind::Ping => self.post(flow.pipe, 1, Kind::Pong, b""),
            Kind::Pong | Kind::Text => {}
            Kind::Close | Kind::Broken => {
                pipe.ends[0].open = false;
                if kind == Kind::Close {
                    self.post(flow.pipe, 1, Kind::Close, b"");
                }
                self.wallet_lost(wallet);
            }
            Kind::Binary if !self.wallets[wallet as usize].up => {
                // the answer to its auth; a refusal is followed by a close
                let good = pipe.streams[0].front().first() == Some(&1);
                self.wallets[wallet as usize].up = good;
                self.inquire(wallet, self.traffic.life(wallet));
            }
            Kind::Binary => {
                let message = pipe.streams[0].front();
                let seen = wire::read(message);
                if let Seen::Fulfill { id, .. } | Seen::Reject { id, .. } = seen
                    && self.wallets[wallet as usize].asked == Some(id)
                {
                    let told = wire::told(message);
                    let told =
                        told.map(|(address, code, scale)| format!("{address} {code}/{scale}"));
                    return self.wallet_is_told(wallet, told);
                }
                self.wallet_hears(wallet, seen);
            }
        }
    }

    /// A wallet asks its node which address it has.
    pub(super) fn inquire(&mut self, wallet: u32, life: u64) {
        let now = wall(self.now);
        let clear = self.traffic.life(wallet) == life;
        let entry = &mut self.wallets[wallet as usize];
        if !clear || !entry.up {
            return;
        }
        let id = entry.next();
        entry.asked = Some(id);
        let mut out = std::mem::take(&mut self.scratch);
        wire::put_ask(&mut out, id, now);
        self.wallet_sends(wallet, &out);
        out.clear();
        self.scratch = out;
    }

    /// `None`: its node does not know its own yet, or drains.
    fn wallet_is_told(&mut self, wallet: u32, told: Option<String>) {
        self.wallets[wallet as usize].asked = None;
        let Some(told) = told else {
            let life = self.traffic.life(wallet);
            let again = Due::Inquire { wallet, life };
            return self.queue.push(self.now + SECOND, again);
        };
        let asset = self.plan.asset_of_wallet(wallet);
        let to = &self.traffic.destinations[wallet as usize];
        let right = format!("{to} {}/{}", asset.code, asset.scale);
        self.reached.told += 1;
        if told != right && !self.nodes[wallet as usize].lies {
            self.checker.fail(3, wallet, || {
                format!("a child is told its address and asset, {right}; it was told {told}")
            });
        }
    }

    fn wallet_hears(&mut self, wallet: u32, seen: Seen) {
        let (id, code) = match seen {
            Seen::Prepare { id, number, .. } => return self.wallet_asked(wallet, id, number),
            Seen::Fulfill { id, .. } => (id, None),
            Seen::Reject { id, code } => (id, Some(code.as_str().to_string())),
            Seen::Answer { id } => (id, Some("BTP".to_string())),
            Seen::Request { .. } | Seen::Ask { .. } | Seen::Other => return,
        };
        let Some((_, since)) = self.traffic.waiting.remove(&(wallet, id)) else {
            return;
        };
        match code {
            None => {
                self.traffic.fulfilled += 1;
                self.traffic.took += u128::from(self.now - since);
            }
            Some(code) => {
                self.traffic.rejected += 1;
                *self.traffic.codes.entry(code).or_default() += 1;
            }
        }
    }

    fn wallet_asked(&mut self, wallet: u32, id: u32, number: u64) {
        let rng = &mut self.traffic.rng;
        let lies = self.weather.is_rough() && self.wallets[wallet as usize].lies;
        let mut delay = if rng.below(3) == 0 {
            0
        } else {
            rng.below(20 * MS)
        };
        let answer = if self.weather.is_over() {
            Answer::Fulfill(number)
        } else if !lies {
            if rng.permille(50) {
                Answer::Reject
            } else {
                Answer::Fulfill(number)
            }
        } else {
            match rng.below(12) {
                0 => return, // never
                1 => {
                    delay = rng.range(25 * SECOND, 45 * SECOND);
                    Answer::Fulfill(number)
                }
                2 => {
                    delay = rng.below(10 * SECOND);
                    Answer::Fulfill(number)
                }
                3 => Answer::WrongPreimage,
                4 => Answer::NoPacket,
                5 => Answer::BtpError,
                6 => Answer::Unreadable,
                7 => Answer::ForeignId(number),
                8 => Answer::Twice(number),
                9 => Answer::FulfillThenReject(number),
                10 => Answer::Reject,
                _ => Answer::Fulfill(number),
            }
        };
        let life = self.traffic.lives[wallet as usize];
        let chore = Chore {
            wallet,
            life,
            id,
            answer,
        };
        if delay == 0 {
            return self.answer(chore);
        }
        let slot = match self.traffic.free.pop() {
            Some(slot) => {
                self.traffic.chores[slot as usize] = Some(chore);
                slot
            }
            None => {
                self.traffic.chores.push(Some(chore));
                (self.traffic.chores.len() - 1) as u32
            }
        };
        self.queue
            .push(self.now + delay, Due::Wallet { chore: slot });
    }

    pub(super) fn do_chore(&mut self, slot: u32) {
        if let Some(chore) = self.traffic.chores[slot as usize].take() {
            self.traffic.free.push(slot);
            // half of them come although the link they were asked on is gone
            if self.traffic.lives[chore.wallet as usize] == chore.life || chore.id % 2 == 0 {
                self.answer(chore);
            }
        }
    }

    fn answer(&mut self, chore: Chore) {
        let Chore {
            wallet, id, answer, ..
        } = chore;
        if !self.wallets[wallet as usize].up {
            return;
        }
        let secret = self.traffic.secret;
        let mut out = std::mem::take(&mut self.scratch);
        let out = &mut out;
        if !matches!(answer, Answer::Fulfill(_) | Answer::Reject) {
            self.counts.lies += 1;
        }
        match answer {
            Answer::Fulfill(number) => wire::put_fulfill(out, id, wire::preimage(secret, number)),
            Answer::Reject => wire::put_reject(out, id),
            Answer::WrongPreimage => wire::put_fulfill(out, id, wire::preimage(!secret, 0)),
            Answer::NoPacket => wire::put_raw(out, Carrier::Response, id, b"\x0d\x7fx"),
            Answer::BtpError => wire::put_error(out, id, wall(self.now)),
            Answer::Unreadable => out.extend_from_slice(b"\x01garbage"),
            Answer::ForeignId(number) => {
                wire::put_fulfill(out, !id, wire::preimage(secret, number));
                self.wallet_sends(wallet, out);
                out.clear();
                wire::put_fulfill(out, id, wire::preimage(secret, number));
            }
            Answer::Twice(number) | Answer::FulfillThenReject(number) => {
                wire::put_fulfill(out, id, wire::preimage(secret, number));
                self.wallet_sends(wallet, out);
                if matches!(answer, Answer::FulfillThenReject(_)) {
                    out.clear();
                    wire::put_reject(out, id);
                }
            }
        }
        self.wallet_sends(wallet, out);
        out.clear();
        self.scratch = std::mem::take(out);
    }

    /// Forgets packets whose sender need not wait any more; their number.
    pub fn give_up(&mut self, before: Time) -> usize {
        let open = self.traffic.waiting.len();
        self.traffic
            .waiting
            .retain(|_, (_, since)| *since >= before);
        let lost = open - self.traffic.waiting.len();
        self.traffic.failed += lost as u64;
        lost
    }
}
