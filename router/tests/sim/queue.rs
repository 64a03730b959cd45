//! What is due, in order of time and then of the order in which it was asked for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::Time;

/// One direction of a connection: towards end 0 or 1 of a pipe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Flow {
    pub pipe: u32,
    pub end: u8,
    /// Of the pipe: what is due for an earlier one in the same place is void.
    pub life: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Due {
    /// A node's deadline.
    Timer { node: u32 },
    /// The first message of a direction arrives.
    Deliver(Flow),
    /// There is room again in what end `end` of a pipe sends.
    Pump(Flow),
    /// A dial arrives at the other side.
    Accept(Flow),
    /// The answer to a dial comes back.
    Dialed { flow: Flow, taken: bool },
    /// The next packet of somebody to somebody.
    Send,
    /// A wallet does what it put off.
    Wallet { chore: u32 },
    /// A wallet without a link tries again.
    Redial { wallet: u32 },
    /// A wallet asks for its address.
    Inquire { wallet: u32, life: u64 },
    /// A wallet that does not read asks for more.
    Binge { wallet: u32, life: u64, left: u8 },
    /// The next fault of a kind.
    Fault { kind: u8 },
    /// A fault ends.
    Repair { fault: u32 },
    /// All books are looked through.
    Sweep,
}

#[derive(Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(Time, u64, Due)>>,
    asked: u64,
}

impl Queue {
    pub fn push(&mut self, at: Time, due: Due) {
        self.asked += 1;
        self.heap.push(Reverse((at, self.asked, due)));
    }

    /// Takes what is due first, unless that is after `end`.
    pub fn pop(&mut self, end: Time) -> Option<(Time, Due)> {
        let &Reverse((at, _, due)) = self.heap.peek()?;
        if at > end {
            return None;
        }
        self.heap.pop();
        Some((at, due))
    }
}
