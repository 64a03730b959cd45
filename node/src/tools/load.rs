//! Sends many packets over one link, so many at a time, and keeps count.
//!
//! Each of the packets that may be in flight is a task that sends one after the other. They share the count
//! and whoever is left last says that it is over. Nothing else waits for them, so that the thread that
//! shows the progress may look at its leisure.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ilp_proto::{Address, MAX_DATA, Prepare};
use ilp_runtime::client::{Answer, Client, SendError};
use ilp_runtime::{Clock, Runtime};

use super::fulfilment::Key;
use super::stats::{Outcome, Rejection, Tally};
use super::text::printable;

/// The most packets in flight that BTP request ids leave room for.
pub(crate) const MAX_IN_FLIGHT: usize = 65_536;
/// What a connector takes from, or hands to, one peer at a time by default.
pub(crate) const PEER_IN_FLIGHT: usize = 4_096;
/// Bytes that make the data of a packet unlike that of any other.
pub(crate) const UNIQUE_LEN: usize = NONCE_LEN + size_of::<u64>();
pub(crate) const NONCE_LEN: usize = 16;
/// Before a packet is tried again that did not fit into the send buffer.
const BUFFER_RETRY: Duration = Duration::from_millis(2);

/// What the packets are.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where they go.
    pub(crate) destination: Address,
    /// What the receiver shares with us.
    pub(crate) key: Key,
    /// How many.
    pub(crate) count: u64,
    /// How many at a time.
    pub(crate) in_flight: usize,
    /// Units in each.
    pub(crate) amount: u64,
    /// From sending one to its expiry.
    pub(crate) expiry: Duration,
    /// The data of each begins with this.
    pub(crate) data: Vec<u8>,
}

/// A plan being carried out.
#[derive(Clone)]
pub(crate) struct Load(Arc<Shared>);

/// How far it is.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Packets that were sent.
    pub(crate) started: u64,
    /// What became of them; of those still in flight nothing is known.
    pub(crate) tally: Tally,
    /// From the start to the end, or to now.
    pub(crate) took: Duration,
}

struct Shared {
    plan: Plan,
    client: Client,
    nonce: [u8; NONCE_LEN],
    begun: Instant,
    stopped: AtomicBool,
    ended: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    started: u64,
    workers: usize,
    tally: Tally,
    took: Option<Duration>,
}

impl Load {
    /// Begins; `done` is called when all packets have ended.
    ///
    /// Packets carry `data`, then `nonce`, then their number: the nonce must be new each time.
    pub(crate) fn start<R: Runtime>(
        runtime: &R,
        client: &Client,
        plan: Plan,
        nonce: [u8; NONCE_LEN],
        done: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let count = usize::try_from(plan.count).unwrap_or(usize::MAX);
        let workers = plan.in_flight.min(count);
        let shared = Arc::new(Shared {
            client: client.clone(),
            nonce,
            begun: Instant::now(),
            stopped: AtomicBool::new(false),
            ended: AtomicU64::new(0),
            state: Mutex::new(State {
                workers,
                ..State::default()
            }),
            plan,
        });
        let done = Arc::new(done);
        for _ in 0..workers {
            let (runtime, shared, done) = (runtime.clone(), Arc::clone(&shared), Arc::clone(&done));
            runtime.clone().spawn(async move {
                shared.work(&runtime).await;
                if shared.leave() {
                    done();
                }
            });
        }
        Self(shared)
    }

    /// Sends no packet that is not under way yet.
    pub(crate) fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// How many packets have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.0.ended.load(Ordering::Relaxed)
    }

    /// What is known now.
    pub(crate) fn report(&self) -> Report {
        let state = self.0.lock();
        Report {
            started: state.started,
            tally: state.tally.clone(),
            took: state.took.unwrap_or_else(|| self.0.begun.elapsed()),
        }
    }
}

impl Shared {
    async fn work<R: Runtime>(&self, runtime: &R) {
        let mut data = Vec::with_capacity((self.plan.data.len() + UNIQUE_LEN).min(MAX_DATA));
        while let Some(number) = self.next() {
            data.clear();
            data.extend_from_slice(&self.plan.data);
            data.extend_from_slice(&self.nonce);
            data.extend_from_slice(&number.to_be_bytes());
            let sent = Instant::now();
            let outcome = outcome(self.send(runtime, &data).await);
            self.lock().tally.add(outcome, sent.elapsed());
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of the next packet, if there shall be one.
    fn next(&self) -> Option<u64> {
        let mut state = self.lock();
        if self.stopped.load(Ordering::Relaxed) || state.started == self.plan.count {
            return None;
        }
        state.started += 1;
        Some(state.started)
    }

    async fn send<R: Runtime>(&self, runtime: &R, data: &[u8]) -> Result<Answer, SendError> {
        let condition = self.plan.key.condition(data);
        loop {
            let answer = self.client.send(Prepare {
                amount: self.plan.amount,
                expires_at: Clock::now().wall.saturating_add(self.plan.expiry),
                condition,
                destination: self.plan.destination.as_addr(),
                data,
            });
            match answer.await {
                Err(SendError::BufferFull) => runtime.sleep(BUFFER_RETRY).await,
                Err(SendError::Closed(why)) => {
                    // the other packets would fare no better
                    self.stopped.store(true, Ordering::Relaxed);
                    return Err(SendError::Closed(why));
                }
                answer => return answer,
            }
        }
    }

    /// Whether this was the last worker.
    fn leave(&self) -> bool {
        let mut state = self.lock();
        state.workers -= 1;
        let last = state.workers == 0;
        if last {
            state.took = Some(self.begun.elapsed());
        }
        last
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // counting does not panic half-way
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an answer means. The client has checked that a fulfillment is that of the condition.
pub(crate) fn outcome(answer: Result<Answer, SendError>) -> Outcome {
    match answer {
        Ok(Answer::Fulfill { .. }) => Outcome::Fulfilled,
        Ok(Answer::Reject {
            code,
            triggered_by,
            message,
            ..
        }) => Outcome::Rejected(Rejection {
            code,
            triggered_by: triggered_by.map(|by| by.to_string()).unwrap_or_default(),
            message: printable(message.as_bytes()),
        }),
        Err(SendError::Timeout) => Outcome::TimedOut,
        Err(error) => Outcome::Failed(printable(error.to_string().as_bytes())),
    }
}
