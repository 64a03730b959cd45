//! Wallets that ask and do not read what they are answered: their node stops reading them, and cuts them off in the end.

use super::clock::{MS, SECOND};
use super::queue::Due;
use super::wire::{self, Payment};
use super::world::World;

/// Requests at a time, and the gap between two times.
const HELPING: u8 = 60;
const GAP: u64 = 50 * MS;
/// Most helpings.
const MOST: u8 = 30;
/// Numbers of packets that nobody is meant to get.
const NUMBERS: u64 = 1 << 48;

impl World {
    /// A wallet stops reading, and asks for more than its node may queue the answers of.
    pub(super) fn gorge(&mut self, wallet: u32) {
        let Some(slot) = self.wallets[wallet as usize].link() else {
            return;
        };
        let until = self.now + 60 * SECOND;
        self.stop_reading(slot, 0, until, (40 * SECOND, 55 * SECOND));
        let life = self.traffic.life(wallet);
        self.binge(wallet, life, MOST);
    }

    pub(super) fn binge(&mut self, wallet: u32, life: u64, left: u8) {
        if self.traffic.life(wallet) != life || left == 0 || self.weather.is_over() {
            return;
        }
        let mut out = std::mem::take(&mut self.scratch);
        for _ in 0..HELPING {
            self.stuffed += 1;
            let payment = Payment {
                id: self.wallets[wallet as usize].next(),
                number: NUMBERS + self.stuffed,
                amount: 1,
                expires: super::clock::wall(self.now + 30 * SECOND),
                // refused at once
                to: "peer.nothing",
                data: 8,
            };
            wire::put_prepare(&mut out, 0, &payment);
            self.wallet_sends(wallet, &out);
            out.clear();
        }
        self.scratch = out;
        let left = left - 1;
        self.queue
            .push(self.now + GAP, Due::Binge { wallet, life, left });
    }
}
