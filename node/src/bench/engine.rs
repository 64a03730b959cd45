//! What drives one pair: a thread with the sender's and the receiver's socket, which reads, answers and writes all
//! there is in one turn and then waits for more.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::packets::{Deck, Sender, Tally, receive};
use super::schedule::Schedule;
use super::socket::Socket;

/// No answer for so long, with packets in flight, is the end of it.
const STALLED: Duration = Duration::from_secs(10);
/// How long after the end packets are sent that were due before it.
const GRACE: Duration = Duration::from_secs(1);
/// The longest wait: how soon an interrupt is noticed.
const TURN: Duration = Duration::from_millis(50);

/// One sender and its receiver.
pub(super) struct Pair {
    pub(super) sender: Socket,
    pub(super) receiver: Socket,
}

/// What to do to it. Times are nanoseconds from `origin`.
pub(super) struct Plan<'a> {
    pub(super) deck: &'a Deck,
    pub(super) origin: Instant,
    /// From here on it counts.
    pub(super) begin: u64,
    /// Up to here.
    pub(super) end: u64,
    pub(super) in_flight: usize,
    /// Nanoseconds from one packet to the next, with a fixed rate.
    pub(super) interval: Option<f64>,
    /// Set when all of it must end.
    pub(super) stop: &'a AtomicBool,
}

impl Plan<'_> {
    fn now(&self) -> u64 {
        nanos(self.origin.elapsed())
    }

    fn counts(&self, at: u64) -> bool {
        (self.begin..self.end).contains(&at)
    }
}

/// Times longer than 584 years do not occur.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Sends packets until the plan's end, then waits until all are answered.
///
/// # Errors
/// When a connection ends, or no answers come any more.
pub(super) fn drive(pair: &mut Pair, plan: &Plan<'_>) -> Result<Tally, String> {
    let mut run = Run {
        plan,
        sender: Sender::new(plan.deck),
        tally: Tally::new(),
        schedule: plan.interval.map(Schedule::new),
    };
    precise_timers(plan.interval.is_some());
    let mut progress = plan.now();
    loop {
        let now = plan.now();
        if plan.stop.load(Ordering::Relaxed) {
            return Err("interrupted".into());
        }
        let mut patience = TURN;
        if now < plan.end || run.is_behind(now) {
            let next = run.send(pair, now);
            patience = patience.min(Duration::from_nanos(next.saturating_sub(now)));
        } else if run.sender.in_flight() == 0 {
            break;
        }
        flush(pair)?;
        if run.turn(pair, patience)? || run.sender.in_flight() == 0 {
            progress = plan.now();
        } else if plan.now() - progress > nanos(STALLED) {
            let waiting = run.sender.in_flight();
            let seconds = STALLED.as_secs();
            return Err(format!(
                "no answer for {seconds} s, while {waiting} packets wait for one"
            ));
        }
    }
    run.miss();
    Ok(run.tally)
}

/// Sends one packet and waits for its answer.
///
/// # Errors
/// When a connection ends, or no answer comes.
pub(super) fn try_one(pair: &mut Pair, plan: &Plan<'_>) -> Result<Tally, String> {
    let mut run = Run {
        plan,
        sender: Sender::new(plan.deck),
        tally: Tally::new(),
        schedule: plan.interval.map(Schedule::new),
    };
    run.sender.refresh();
    let sender = &mut pair.sender;
    run.sender.send(plan.deck, sender, 0, &mut run.tally);
    while run.sender.in_flight() > 0 {
        flush(pair)?;
        run.turn(pair, TURN)?;
        if plan.now() > plan.end || plan.stop.load(Ordering::Relaxed) {
            return Err("no answer to the first packet".into());
        }
    }
    // the receiver's answer to something else may be left
    flush(pair)?;
    Ok(run.tally)
}

struct Run<'a> {
    plan: &'a Plan<'a>,
    sender: Sender,
    tally: Tally,
    /// With a fixed rate.
    schedule: Option<Schedule>,
}

impl Run<'_> {
    /// Writes all that may be sent; says when there is more, if nothing else happens.
    fn send(&mut self, pair: &mut Pair, now: u64) -> u64 {
        let plan = self.plan;
        let room = |sender: &Sender, socket: &Socket| {
            sender.in_flight() < plan.in_flight && socket.has_room()
        };
        if room(&self.sender, &pair.sender) {
            self.sender.refresh();
        }
        while room(&self.sender, &pair.sender) {
            let at = match &mut self.schedule {
                None => now,
                Some(schedule) => match schedule.take_if_due(now, plan.end) {
                    Ok(due) => due,
                    Err(again) => return again,
                },
            };
            let socket = &mut pair.sender;
            self.sender.send(plan.deck, socket, at, &mut self.tally);
        }
        u64::MAX
    }

    /// Whether packets that were due before the end should still be sent.
    fn is_behind(&self, now: u64) -> bool {
        let unsent = self.schedule.as_ref().map(Schedule::due);
        unsent.is_some_and(|due| due < self.plan.end) && now < self.plan.end + nanos(GRACE)
    }

    /// Waits for something to happen and deals with it; says whether there were answers.
    fn turn(&mut self, pair: &mut Pair, patience: Duration) -> Result<bool, String> {
        let deck = self.plan.deck;
        let wanted = [&pair.sender, &pair.receiver].map(|socket| {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, socket.unsent());
            flags
        });
        let streams = [pair.sender.stream(), pair.receiver.stream()];
        let more = [pair.sender.more(), pair.receiver.more()];
        let patience = if more.contains(&true) {
            Duration::ZERO
        } else {
            patience
        };
        let [mut of_sender, mut of_receiver] = wait(streams, wanted, patience);
        if more[0] {
            of_sender |= PollFlags::IN;
        }
        if more[1] {
            of_receiver |= PollFlags::IN;
        }
        let reads = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        if of_receiver.intersects(reads) {
            let socket = &mut pair.receiver;
            socket
                .fill()
                .map_err(|error| format!("receiver: {error}"))?;
            while let Some(message) = socket
                .next()
                .map_err(|error| format!("receiver: {error}"))?
            {
                let reply = receive(deck, socket.bytes(message), &mut self.tally);
                reply.send(deck, socket);
            }
        }
        let answered = of_sender.intersects(reads);
        if answered {
            let socket = &mut pair.sender;
            socket.fill().map_err(|error| format!("sender: {error}"))?;
            let now = self.plan.now();
            while let Some(message) = socket.next().map_err(|error| format!("sender: {error}"))? {
                let frame = socket.bytes(message);
                if let Some(at) = self.sender.answer(deck, frame, &mut self.tally) {
                    self.note(at, now);
                }
            }
        }
        Ok(answered)
    }

    fn note(&mut self, at: u64, now: u64) {
        let in_time = self.plan.counts(now);
        self.tally.in_time += u64::from(in_time);
        // with a fixed rate, those that came late count most
        let counts = match self.plan.interval {
            None => in_time,
            Some(_) => self.plan.counts(at),
        };
        if counts {
            self.tally.latency.add(now.saturating_sub(at));
        }
    }

    /// Packets that were due and could not even be sent a little later: they have waited until the end, at least.
    fn miss(&mut self) {
        let Some(schedule) = &mut self.schedule else {
            return;
        };
        while schedule.due() < self.plan.end {
            let due = schedule.take();
            self.tally.unsent += 1;
            if self.plan.counts(due) {
                self.tally.latency.add(self.plan.end - due);
            }
        }
    }
}

fn flush(pair: &mut Pair) -> Result<(), String> {
    let of = |who: &str, error| format!("{who}: {error}");
    pair.receiver
        .flush()
        .map_err(|error| of("receiver", error))?;
    pair.sender.flush().map_err(|error| of("sender", error))
}

/// Waits until one of two sockets is ready for what is wanted of it.
pub(super) fn wait(
    sockets: [&TcpStream; 2],
    wanted: [PollFlags; 2],
    patience: Duration,
) -> [PollFlags; 2] {
    let [a, b] = sockets;
    let mut both = [PollFd::new(a, wanted[0]), PollFd::new(b, wanted[1])];
    // a patience that does not fit is as good as none
    let timeout = Timespec::try_from(patience).ok();
    match poll(&mut both, timeout.as_ref()) {
        Ok(0) | Err(_) => [PollFlags::empty(); 2],
        Ok(_) => both.map(|one| one.revents()),
    }
}

/// Lets this thread's waits end when they should, not some 50 µs later.
fn precise_timers(wanted: bool) {
    #[cfg(target_os = "linux")]
    if wanted {
        // without it, latencies are a little longer
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = wanted;
}
