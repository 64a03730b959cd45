//! What was measured beside an attack, and what it says of the node.

mod tests;

use std::fmt;
use std::time::Duration;

/// What the honest p99 may become: three times what it was …
const RATIO: f64 = 3.0;
/// … or this, if that is more: it is for the connection flood, of which the kernel's part alone, which no node can spare its
/// peers, is two or three times what it was. See [`Sink`](crate::sink::Sink): the sockets that are closed are freed by the dozen, in whatever
/// system call is next.
///
/// A packet and its answer take four turns of the node, each of which may have to wait for what the node is just doing: one
/// turn of an attacker, which is 16 KiB or 128 frames beside peers who send little, or one connection accepted and one step
/// of one stranger's handshake.
const FLOOR: Duration = Duration::from_micros(500);

pub(crate) struct Outcome {
    pub(crate) quiet: Duration,
    pub(crate) beside: Duration,
    /// What the [`Witness`](crate::witness::Witness) waited beside the attack.
    pub(crate) machine: Duration,
    /// What the attackers did in a second.
    pub(crate) rate: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The honest hardly noticed.
    Good,
    /// They waited too long, and so did the witness, who never meets the node: nothing is said of the node.
    Machine,
    /// They waited too long, and only they. A second try would hide it.
    Node,
}

impl Outcome {
    fn ratio(&self) -> f64 {
        self.beside.as_secs_f64() / self.quiet.as_secs_f64()
    }

    pub(crate) fn verdict(&self) -> Verdict {
        if self.ratio() <= RATIO || self.beside <= FLOOR {
            Verdict::Good
        } else if self.machine > FLOOR {
            Verdict::Machine
        } else {
            Verdict::Node
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [quiet, beside, machine] =
            [self.quiet, self.beside, self.machine].map(|wait| wait.as_micros());
        let (ratio, rate) = (self.ratio(), self.rate);
        write!(
            f,
            "{quiet:>7} µs{beside:>7} µs{ratio:>8.1}{machine:>7} µs{rate:>14.0}"
        )
    }
}

pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

pub(crate) fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}
