//! Which cores the attackers have, and which the node with its honest peers: what one machine can do to be two.

use std::process::{Command, Stdio};
use std::thread;

use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

/// A core for the attackers and a core for the node.
#[derive(Clone, Copy)]
pub(crate) struct Cores {
    attackers: usize,
    node: usize,
}

impl Cores {
    /// The first and the last of those that this thread may use; `None` if there is only one.
    pub(crate) fn apart() -> Option<Self> {
        let ours = sched_getaffinity(None).unwrap();
        let mut ours = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core));
        let (attackers, node) = (ours.next()?, ours.next_back()?);
        Some(Self { attackers, node })
    }

    /// From here on this thread, and all that it starts, has the attackers' core.
    pub(crate) fn attack(self) {
        pin(self.attackers);
    }

    /// From here on this thread, and all that it starts, has the node's core.
    pub(crate) fn serve(self) {
        pin(self.node);
    }
}

/// What this machine lacks for an exact measurement.
pub(crate) fn lacking() -> Vec<&'static str> {
    let mut lacking = Vec::new();
    if Cores::apart().is_none() {
        lacking.push("there is one core only, which attackers, node and honest peers share");
    }
    // a thread of its own, which ends with the priority that it gets
    if !thread::spawn(at_once).join().unwrap() {
        lacking.push(
            "chrt is missing or real-time priorities are not permitted, and whoever else runs here is measured too",
        );
    }
    lacking
}

fn pin(core: usize) {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).unwrap();
}

/// The process, all of its threads, goes before whoever else wants its core. False if that is not permitted.
pub(crate) fn go_first(process: u32) -> bool {
    chrt(&["--all-tasks", "--rr", "--pid", "1", &process.to_string()])
}

/// This thread goes before everybody, the node too: its own work is another machine's. False if that is not permitted.
pub(crate) fn at_once() -> bool {
    chrt(&["--fifo", "--pid", "2", &gettid().as_raw_pid().to_string()])
}

fn chrt(arguments: &[&str]) -> bool {
    let mut chrt = Command::new("chrt");
    chrt.args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    chrt.status().is_ok_and(|status| status.success())
}
