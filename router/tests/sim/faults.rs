//! What goes wrong: seeded, one stream of accidents of each kind while packets are sent, all repaired at the end.

use std::str::FromStr;

use super::Spec;
use super::clock::{Clock, MS, SECOND, Time};
use super::pipe::Kind;
use super::queue::{Due, Flow};
use super::rng::Rng;
use super::wire::{Seen, preimage};
use super::world::World;

/// How much goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    None,
    /// Links break, readers are slow, processes stand still and start anew, some wallets lie.
    Some,
    /// Everything in [`Accident`], more often, and some nodes lie too.
    All,
}

impl Faults {
    pub const fn is_on(self) -> bool {
        !matches!(self, Self::None)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Some => "some",
            Self::All => "all",
        }
    }

    /// Of a thousand wallets.
    pub const fn lying_wallets(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Some => 100,
            Self::All => 300,
        }
    }

    /// Of a thousand nodes.
    pub const fn lying_nodes(self) -> u32 {
        if matches!(self, Self::All) { 100 } else { 0 }
    }

    /// Of a thousand messages, those that take up to 400 ms longer.
    pub const fn spikes(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Some => 2,
            Self::All => 10,
        }
    }

    const fn accidents(self) -> &'static [Accident] {
        use Accident::*;
        match self {
            Self::None => &[],
            Self::Some => &[Cut, SlowReader, Freeze, Crash, Drain],
            Self::All => &[
                Cut, CutOneSide, HalfOpen, SlowReader, Freeze, Suspend, Crash, PowerCut, Partition,
                ClockJump, Garbage, Drain, Gorge,
            ],
        }
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Self::None, Self::Some, Self::All]
            .into_iter()
            .find(|faults| faults.name() == name);
        known.ok_or_else(|| format!("{name:?} is none of none, some, all"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accident {
    /// A connection breaks, and both sides are told.
    Cut,
    /// Only one side is told; what the other sends goes nowhere.
    CutOneSide,
    /// Nobody is told.
    HalfOpen,
    /// One side does not read for up to 50 s.
    SlowReader,
    /// A process stands still for up to 20 s; its sockets stay.
    Freeze,
    /// The same for up to 60 s, and its sockets do not survive it: a restart with memory.
    Suspend,
    /// A process ends, its peers are told, and starts anew after up to 30 s: a restart without memory.
    Crash,
    /// The same, and nobody is told.
    PowerCut,
    /// The nodes fall into two halves for up to 50 s; what is sent across arrives when that is over.
    Partition,
    /// A wall clock jumps by up to an hour, or back.
    ClockJump,
    /// Bytes that are no BTP come out of a node.
    Garbage,
    /// A process is told to shut down, and starts anew after up to 30 s.
    Drain,
    /// A wallet does not read for up to 55 s, and asks for as much as it can.
    Gorge,
}

/// Something that is wrong now.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Reader { pipe: u32, life: u32, end: u8 },
    Frozen { node: u32 },
    Down { node: u32 },
    Split,
}

/// What goes wrong now, and what is next.
pub struct Weather {
    rng: Rng,
    /// On average between two accidents of a kind.
    gap: Time,
    rough: bool,
    over: bool,
    wrong: Vec<Option<Wrong>>,
    split: Option<u64>,
}

impl Weather {
    pub fn new(spec: &Spec, rng: Rng) -> Self {
        let count = 4 + spec.nodes as u64 / 8;
        Self {
            rng,
            gap: spec.duration / count,
            rough: false,
            over: false,
            wrong: Vec::new(),
            split: None,
        }
    }

    /// Accidents happen and liars lie.
    pub const fn is_rough(&self) -> bool {
        self.rough
    }

    /// Accidents are over, and everybody does as it should.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Whether the network is split between two nodes.
    pub fn splits(&self, a: u32, b: u32) -> bool {
        let side = |node: u32, seed: u64| super::rng::mix(seed ^ u64::from(node)) & 1;
        self.split
            .is_some_and(|seed| side(a, seed) != side(b, seed))
    }
}

impl World {
    pub fn begin_faults(&mut self) {
        let accidents = self.spec.faults.accidents();
        self.weather.rough = !accidents.is_empty();
        for kind in 0..accidents.len() {
            let at = self.now + self.weather.rng.below(2 * self.weather.gap + 1);
            self.queue.push(at, Due::Fault { kind: kind as u8 });
        }
    }

    /// All is repaired, nobody lies any more. What nobody knows to be broken stays so.
    pub fn end_faults(&mut self) {
        (self.weather.rough, self.weather.over) = (false, true);
        for fault in 0..self.weather.wrong.len() {
            self.repair(fault as u32);
        }
        for node in 0..self.nodes.len() {
            // what time synchronisation does
            self.nodes[node].clock.ahead %= 100;
        }
    }

    pub(super) fn strike(&mut self, kind: u8) {
        if !self.weather.rough {
            return;
        }
        let accident = self.spec.faults.accidents()[usize::from(kind)];
        self.counts.faults += 1;
        self.hash.word(u64::from(kind) << 8 | 2);
        let node = self.weather.rng.index(self.nodes.len()) as u32;
        self.trace(node, None, format_args!("accident: {accident:?}"));
        match accident {
            Accident::Cut | Accident::CutOneSide | Accident::HalfOpen => self.break_link(accident),
            Accident::SlowReader => self.slow_down(),
            Accident::Freeze | Accident::Suspend => {
                self.freeze(node, accident == Accident::Suspend)
            }
            Accident::Crash | Accident::PowerCut => {
                self.crash(node, accident == Accident::PowerCut)
            }
            Accident::Partition => self.split(),
            Accident::ClockJump => {
                let jump = self.weather.rng.below(7_200_000) as i64 - 3_600_000;
                let scale = [1, 100, 10_000][self.weather.rng.index(3)];
                self.nodes[node as usize].clock.ahead += jump / scale;
            }
            Accident::Garbage => self.emit_garbage(),
            Accident::Drain => self.shut_down(node),
            // each is a thousand messages
            Accident::Gorge if self.weather.rng.below(4) == 0 => self.gorge(node),
            Accident::Gorge => {}
        }
        let at = self.now + self.weather.rng.below(2 * self.weather.gap + 1);
        self.queue.push(at, Due::Fault { kind });
    }

    fn goes_wrong(&mut self, wrong: Wrong, longest: Time) {
        self.goes_wrong_for(wrong, (100 * MS, longest));
    }

    fn goes_wrong_for(&mut self, wrong: Wrong, (shortest, longest): (Time, Time)) {
        let fault = self.weather.wrong.len() as u32;
        self.weather.wrong.push(Some(wrong));
        let at = self.now + self.weather.rng.range(shortest, longest);
        self.queue.push(at, Due::Repair { fault });
    }

    pub(super) fn repair(&mut self, fault: u32) {
        let Some(wrong) = self.weather.wrong[fault as usize].take() else {
            return;
        };
        match wrong {
            Wrong::Reader { pipe, life, end } => {
                if let Some(found) = self.pipes.get_mut(pipe, life) {
                    found.streams[usize::from(end)].paused = 0;
                    self.kick(pipe, usize::from(end));
                }
            }
            Wrong::Frozen { node } => self.thaw(node),
            Wrong::Down { node } => {
                self.trace(node, None, format_args!("starts anew"));
                self.counts.restarts += 1;
                self.start(node);
            }
            Wrong::Split => {
                self.weather.split = None;
                for slot in 0..self.pipes.slots() {
                    self.kick(slot, 0);
                    self.kick(slot, 1);
                }
            }
        }
    }

    /// A random pipe that is open at both ends.
    fn some_pipe(&mut self, between_nodes: bool) -> Option<u32> {
        let edges = self.plan.graph.edges.len() as u32;
        (0..20).find_map(|_| {
            let slot = self.weather.rng.below(self.pipes.slots().into()) as u32;
            let pipe = self.pipes.at(slot)?;
            let fits = pipe.ends.iter().all(|end| end.open) && !pipe.dead;
            (fits && (!between_nodes || pipe.edge < edges)).then_some(slot)
        })
    }

    fn break_link(&mut self, how: Accident) {
        let Some(slot) = self.some_pipe(how != Accident::Cut) else {
            return;
        };
        let one = self.weather.rng.index(2);
        let Some(pipe) = self.pipes.at(slot) else {
            return;
        };
        pipe.streams.iter_mut().for_each(|stream| stream.clear());
        match how {
            Accident::HalfOpen => pipe.dead = true,
            Accident::CutOneSide => self.post(slot, one, Kind::Broken, b""),
            _ => {
                self.post(slot, 0, Kind::Broken, b"");
                self.post(slot, 1, Kind::Broken, b"");
            }
        }
    }

    fn slow_down(&mut self) {
        let Some(slot) = self.some_pipe(true) else {
            return;
        };
        let end = self.weather.rng.index(2);
        let until = self.now + 60 * SECOND;
        self.stop_reading(slot, end, until, (100 * MS, 50 * SECOND));
    }

    /// An end of a pipe is not read any more; it is repaired after a time between these two.
    pub(super) fn stop_reading(&mut self, slot: u32, end: usize, until: Time, times: (Time, Time)) {
        let Some(pipe) = self.pipes.at(slot) else {
            return;
        };
        pipe.streams[end].paused = until;
        let life = pipe.life;
        let reader = Wrong::Reader {
            pipe: slot,
            life,
            end: end as u8,
        };
        self.goes_wrong_for(reader, times);
    }

    fn disturb_all(&mut self, node: u32) {
        for &seat in &self.nodes[node as usize].seats {
            self.checker.disturb(seat);
        }
    }

    /// The pipes that a node holds an end of, and which.
    fn ends_of(&mut self, node: u32) -> Vec<(u32, usize)> {
        let mut ends = Vec::new();
        for slot in 0..self.pipes.slots() {
            let Some(pipe) = self.pipes.at(slot) else {
                continue;
            };
            for (at, end) in pipe.ends.iter().enumerate() {
                if end.open && self.owners[end.seat as usize] == node {
                    ends.push((slot, at));
                }
            }
        }
        ends
    }

    fn freeze(&mut self, node: u32, suspend: bool) {
        let entry = &mut self.nodes[node as usize];
        // a drain keeps its time only if its process runs
        if entry.frozen || entry.connector.is_none() || entry.drain.is_some() {
            return;
        }
        entry.frozen = true;
        self.disturb_all(node);
        if suspend {
            // both sides learn of it: the others now, this one when it wakes
            for (slot, end) in self.ends_of(node) {
                if let Some(pipe) = self.pipes.at(slot) {
                    pipe.streams.iter_mut().for_each(|stream| stream.clear());
                }
                self.post(slot, 1 - end, Kind::Broken, b"");
                self.post(slot, end, Kind::Broken, b"");
            }
        }
        self.goes_wrong(
            Wrong::Frozen { node },
            if suspend { 60 } else { 20 } * SECOND,
        );
    }

    fn thaw(&mut self, node: u32) {
        self.nodes[node as usize].frozen = false;
        self.nodes[node as usize].armed = Time::MAX;
        self.disturb_all(node);
        let mono = self.nodes[node as usize].clock.mono(self.now);
        self.checker.thaw(node, mono);
        self.wake(node);
        for (slot, end) in self.ends_of(node) {
            self.kick(slot, end);
            if let Some(pipe) = self.pipes.at(slot) {
                let flow = Flow {
                    pipe: slot,
                    end: end as u8,
                    life: pipe.life,
                };
                self.queue.push(self.now, Due::Pump(flow));
            }
        }
    }

    fn crash(&mut self, node: u32, silent: bool) {
        let entry = &mut self.nodes[node as usize];
        if entry.frozen || entry.connector.is_none() {
            return;
        }
        self.go_down(node, silent);
    }

    /// A process is no more, and its machine neither if that is silent. It starts anew after a while.
    pub(super) fn go_down(&mut self, node: u32, silent: bool) {
        let entry = &mut self.nodes[node as usize];
        (entry.connector, entry.drain) = (None, None);
        entry.dark = silent;
        entry.armed = Time::MAX;
        let seats = entry.seats.clone();
        self.checker.forget(node, &seats);
        let edges = self.plan.graph.edges.len() as u32;
        for (slot, end) in self.ends_of(node) {
            let Some(pipe) = self.pipes.at(slot) else {
                continue;
            };
            if silent && pipe.edge < edges {
                pipe.dead = true;
                self.close_end(slot, end);
                self.free_if_over(slot);
            } else {
                self.hang_up(slot, end);
            }
        }
        let longest = if self.weather.over {
            SECOND
        } else {
            30 * SECOND
        };
        self.goes_wrong(Wrong::Down { node }, longest);
    }

    fn split(&mut self) {
        if self.weather.split.is_none() {
            self.weather.split = Some(self.weather.rng.next());
            self.goes_wrong(Wrong::Split, 50 * SECOND);
        }
    }

    fn emit_garbage(&mut self) {
        let Some(slot) = self.some_pipe(true) else {
            return;
        };
        let to = self.weather.rng.index(2);
        self.counts.lies += 1;
        match self.weather.rng.below(3) {
            0 => self.post(slot, to, Kind::Text, b""),
            1 => self.post(slot, to, Kind::Binary, b""),
            _ => self.post(slot, to, Kind::Binary, b"\x06garbage"),
        }
    }

    /// What a lying node makes of a message on its way out; true: it was sent, or not, in here.
    pub(super) fn tamper(&mut self, slot: u32, to: usize, message: &[u8], seen: Seen) -> bool {
        let is_answer = matches!(
            seen,
            Seen::Fulfill { .. } | Seen::Reject { .. } | Seen::Answer { .. }
        );
        if !is_answer || !self.weather.rng.permille(100) {
            return false;
        }
        let mut changed = message.to_vec();
        match self.weather.rng.below(5) {
            // never answered
            0 => return true,
            // answered twice
            1 => self.post(slot, to, Kind::Binary, message),
            // and something that nobody asked for
            2 => {
                changed[1..5].iter_mut().for_each(|byte| *byte = !*byte);
                self.post(slot, to, Kind::Binary, message);
            }
            // cut off
            3 => changed.truncate(message.len() / 2),
            // something is different; but an address that is given is believed
            _ if matches!(
                seen,
                Seen::Fulfill {
                    preimage: [0, ..],
                    ..
                }
            ) =>
            {
                return false;
            }
            _ => {
                let at = self.weather.rng.range(5, changed.len() as u64) as usize;
                changed[at] ^= 1 << self.weather.rng.below(8);
            }
        }
        self.post(slot, to, Kind::Binary, &changed);
        true
    }
}
