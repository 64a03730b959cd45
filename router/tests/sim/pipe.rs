//! A connection: two directions, each of which keeps its order and holds only so much.

use std::collections::VecDeque;

use ilp_router::LinkId;

use super::clock::Time;

/// What travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Binary,
    Text,
    Ping,
    Pong,
    Close,
    /// The end of the stream: nothing comes after it.
    Broken,
}

/// One side.
#[derive(Debug)]
pub struct End {
    pub seat: u32,
    pub link: Option<LinkId>,
    pub open: bool,
    /// The auth exchange is behind it.
    pub authed: bool,
    /// Its owner has sent a Close frame.
    pub closing: bool,
    /// The auth is behind it, and its owner has not begun to close it.
    pub usable: bool,
}

/// What is under way to one end.
#[derive(Debug, Default)]
pub struct Stream {
    bytes: Vec<u8>,
    head: usize,
    items: VecDeque<(Time, Kind, u32)>,
    /// When the last one arrives.
    last: Time,
    /// Something is due in the queue of the run.
    pub scheduled: bool,
    /// The sender was told that there is no more room.
    pub blocked: bool,
    /// Its reader does something else until then.
    pub paused: Time,
}

impl Stream {
    pub fn push(&mut self, at: Time, kind: Kind, bytes: &[u8]) {
        self.last = self.last.max(at);
        self.bytes.extend_from_slice(bytes);
        self.items.push_back((self.last, kind, bytes.len() as u32));
    }

    pub fn first(&self) -> Option<(Time, Kind)> {
        self.items.front().map(|&(at, kind, _)| (at, kind))
    }

    /// The bytes of the first message.
    pub fn front(&self) -> &[u8] {
        let len = self.items.front().map_or(0, |item| item.2 as usize);
        &self.bytes[self.head..self.head + len]
    }

    /// All messages that have arrived by `now`.
    pub fn due(&self, now: Time) -> impl Iterator<Item = (Kind, &[u8])> + Clone {
        let mut from = self.head;
        let arrived = self.items.iter().take_while(move |item| item.0 <= now);
        arrived.map(move |&(_, kind, len)| {
            let bytes = &self.bytes[from..from + len as usize];
            from += bytes.len();
            (kind, bytes)
        })
    }

    pub fn pop(&mut self) {
        if let Some((_, _, len)) = self.items.pop_front() {
            self.head += len as usize;
        }
        if self.items.is_empty() {
            self.head = 0;
            self.bytes.clear();
            // what a burst needed is given back
            if self.bytes.capacity() > 4_096 {
                self.bytes = Vec::new();
            }
            self.items.shrink_to(16);
        } else if self.head > 65_536 {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
    }

    pub fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
        self.head = 0;
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn len(&self) -> usize {
        self.bytes.len() - self.head
    }
}

/// End 0 dialled. `streams[i]` leads to end `i`.
#[derive(Debug)]
pub struct Pipe {
    pub life: u32,
    pub edge: u32,
    pub ends: [End; 2],
    pub streams: [Stream; 2],
    /// The cable is out, and nobody is told.
    pub dead: bool,
}

/// All pipes, by slot; a slot is used again in another life.
#[derive(Default)]
pub struct Pipes {
    slots: Vec<Option<Pipe>>,
    lives: Vec<u32>,
    free: VecDeque<u32>,
}

impl Pipes {
    pub fn open(&mut self, edge: u32, seats: [u32; 2]) -> (u32, u32) {
        let slot = self.free.pop_front().unwrap_or_else(|| {
            self.slots.push(None);
            self.lives.push(0);
            (self.slots.len() - 1) as u32
        });
        let life = self.lives[slot as usize] + 1;
        self.lives[slot as usize] = life;
        let end = |seat| End {
            seat,
            link: None,
            open: true,
            authed: false,
            closing: false,
            usable: false,
        };
        let ends = seats.map(end);
        let streams = Default::default();
        self.slots[slot as usize] = Some(Pipe {
            life,
            edge,
            ends,
            streams,
            dead: false,
        });
        (slot, life)
    }

    pub fn get(&self, slot: u32, life: u32) -> Option<&Pipe> {
        self.slots[slot as usize]
            .as_ref()
            .filter(|pipe| pipe.life == life)
    }

    pub fn get_mut(&mut self, slot: u32, life: u32) -> Option<&mut Pipe> {
        self.slots[slot as usize]
            .as_mut()
            .filter(|pipe| pipe.life == life)
    }

    pub fn at(&mut self, slot: u32) -> Option<&mut Pipe> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The bytes of the first message that is under way to an end.
    pub fn front(&self, slot: u32, end: usize) -> Option<&[u8]> {
        let pipe = self.slots.get(slot as usize)?.as_ref()?;
        Some(pipe.streams[end].front())
    }

    pub fn free(&mut self, slot: u32) {
        if self.slots[slot as usize].take().is_some() {
            self.free.push_back(slot);
        }
    }

    pub fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    pub fn open_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
