//! `demo`: three connectors at work, shown and checked step by step, for people who see one for the first time.

mod network;
mod path;

use std::io::{self, IsTerminal};
use std::process::{self, ExitCode};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ilp_proto::{Address, ErrorCode, Prepare, packet_id};
use ilp_runtime::client::Client;
use ilp_runtime::{Clock, Runtime};

use crate::runtime::{Choice, Job};
use crate::signals::{self, StopSignal};
use crate::terminal::{complain, say};
use crate::tools::args::DemoArgs;
use crate::tools::attach::{only_sends, wait_for};
use crate::tools::exit::{FAILED, OK, ToolError, random};
use crate::tools::fulfilment::Key;
use crate::tools::judge::Judge;
use crate::tools::load::{Load, NONCE_LEN, Plan, outcome};
use crate::tools::progress::Progress;
use crate::tools::stats::Outcome;
use crate::tools::text::{counted, grouped};
use network::{Network, RECEIVER, RECEIVER_ADDRESS, SENDER, fixed};
use path::Arrival;

const AMOUNT: u64 = 100;
const EXPIRY: Duration = Duration::from_secs(30);

const TRY_NEXT: &str = "\
What to try next:
  ilp-connector check examples/linear-3/*.yaml    the same three connectors as configuration files
  ilp-connector run --help                        how to run one
  ilp-connector send --help                       packets to your own receiver (`receive`), `ping` likewise
  ilp-connector help                              all commands";

/// Runs the demo. Exits with 0 if everything happened that it is meant to show.
pub(crate) fn main(args: DemoArgs, on: Choice) -> ExitCode {
    crate::tools::main(args, on)
}

impl Job for DemoArgs {
    type Outcome = u8;

    fn run(self, runtime: &impl Runtime) -> u8 {
        run(runtime, self).unwrap_or_else(|error| error.report("demo"))
    }
}

fn run(runtime: &impl Runtime, args: DemoArgs) -> Result<u8, ToolError> {
    let begun = Instant::now();
    watch_signals()?;
    let mut demo = Demo::start(runtime)?;
    demo.introduce();
    demo.many(args)?;
    demo.one();
    demo.nowhere();
    demo.dead_end()?;
    demo.network.stop();
    say("");
    if demo.failures.is_empty() {
        say(&format!(
            "All of it held, in {:.2} s.\n\n{TRY_NEXT}",
            begun.elapsed().as_secs_f64()
        ));
        return Ok(OK);
    }
    say("This did not go as it should:");
    for failure in &demo.failures {
        say(&format!("  - {failure}"));
    }
    Ok(FAILED)
}

/// Ctrl-C ends it at once: nothing of it is worth to be put in order.
fn watch_signals() -> Result<(), ToolError> {
    let stop = |signal: StopSignal| {
        // below the bar, if there is one
        let bar = if io::stderr().is_terminal() { "\n" } else { "" };
        complain(&format!("{bar}demo: stopped by {}", signal.name()));
        process::exit(signal.exit_code());
    };
    signals::watch(stop, stop)
        .map_err(|error| ToolError::Failed(format!("cannot watch for Ctrl-C: {error}")))
}

struct Demo<'a, R> {
    runtime: &'a R,
    network: Network<'a, R>,
    sender: Client,
    /// Keeps the receiver's link open.
    _receiver: Client,
    key: Key,
    judge: Arc<Mutex<Judge>>,
    arrived: Arc<Mutex<Option<Arrival>>>,
    /// What did not hold.
    failures: Vec<String>,
}

impl<'a, R: Runtime> Demo<'a, R> {
    fn start(runtime: &'a R) -> Result<Self, ToolError> {
        let network = Network::start(runtime)?;
        let key = Key::from_bytes(&random::<32>()?);
        let mut judge = Judge::new(key.clone());
        judge.set_address(Some(fixed(RECEIVER_ADDRESS)));
        let judge = Arc::new(Mutex::new(judge));
        let arrived = Arc::new(Mutex::new(None));
        let (judging, arriving) = (Arc::clone(&judge), Arc::clone(&arrived));
        let receiver = network.attach(RECEIVER, move |prepare| {
            let arrival = Arrival {
                amount: prepare.amount,
                expires_at: prepare.expires_at,
            };
            *arriving.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrival);
            judging
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .judge(prepare)
        })?;
        let sender = network.attach(SENDER, only_sends)?;
        Ok(Self {
            runtime,
            network,
            sender,
            _receiver: receiver,
            key,
            judge,
            arrived,
            failures: Vec::new(),
        })
    }

    fn introduce(&self) {
        say("\
Three Interledger connectors run in this process, with real WebSockets between them:

  sender --> a --> b --> c --> receiver
");
        self.network.introduce();
        say("
A packet is a conditional payment: it says how much, where to, until when, and which
secret must be shown for it. Only the receiver can show the secret, and its answer
goes back the same way, so that each node pays the next only if it was paid itself.
");
    }

    /// Many packets.
    fn many(&mut self, args: DemoArgs) -> Result<(), ToolError> {
        let DemoArgs { count, in_flight } = args;
        let packets = counted(count, "packet");
        say(&format!(
            "1. {packets} from {SENDER} to {RECEIVER_ADDRESS}, {in_flight} at a time"
        ));
        let plan = Plan {
            destination: fixed(RECEIVER_ADDRESS),
            key: self.key.clone(),
            count,
            in_flight,
            amount: AMOUNT,
            expiry: EXPIRY,
            data: Vec::new(),
        };
        let (tell, told) = channel();
        let nonce: [u8; NONCE_LEN] = random()?;
        let done = move || {
            // this thread listens until it is told
            let _ = tell.send(());
        };
        let load = Load::start(self.runtime, &self.sender, plan, nonce, done);
        let progress = Progress::new(count);
        while told.recv_timeout(progress.pace()) == Err(RecvTimeoutError::Timeout) {
            progress.set(load.ended());
        }
        drop(progress);
        let report = load.report();
        say(report
            .tally
            .table(count, report.started, report.took)
            .trim_end());
        let fulfilled = report.tally.fulfilled();
        let received = self
            .judge
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counts()
            .fulfilled;
        self.expect(fulfilled == count, || {
            format!("step 1: {} of {packets} were fulfilled", grouped(fulfilled))
        });
        self.expect(received == fulfilled, || {
            format!(
                "step 1: the sender counts {fulfilled} fulfilled packets, the receiver {received}"
            )
        });
        Ok(())
    }

    /// One packet, watched.
    fn one(&mut self) {
        say("\n2. The way of one packet");
        let (destination, data) = (fixed(RECEIVER_ADDRESS), b"watch me");
        let prepare = self.prepare(&destination, data);
        let packet = packet_id(&prepare);
        self.network.watch_packets(true);
        let outcome = self.send(&prepare);
        let mut path = path::Path::new(packet, AMOUNT, prepare.expires_at);
        self.network.events_until(|node, event| {
            path.add(node, event);
            path.is_complete()
        });
        self.network.watch_packets(false);
        path.arrived(*self.arrived.lock().unwrap_or_else(PoisonError::into_inner));
        say(path.table().trim_end());
        say(&format!(
            "  Packet {packet} has this name at every node, also in their logs. Each node keeps a second"
        ));
        say("  of its time, so that it never has to pay without having been paid.");
        self.expect(outcome == Outcome::Fulfilled, || {
            format!("step 2: the packet was not fulfilled: {outcome:?}")
        });
        self.failures.extend(
            path.failures()
                .into_iter()
                .map(|failure| format!("step 2: {failure}")),
        );
    }

    /// A packet that nobody has a route for.
    fn nowhere(&mut self) {
        say("\n3. A destination that nobody knows: test.nowhere");
        let outcome = self.send(&self.prepare(&fixed("test.nowhere"), b"lost"));
        self.show_reject("step 3", &outcome, ErrorCode::F02_UNREACHABLE);
        say(
            "  Node a sends b all that it does not know better; b had no such way out, and said so.",
        );
    }

    /// A packet whose way is known, but its next node is dead.
    fn dead_end(&mut self) -> Result<(), ToolError> {
        say(&format!(
            "\n4. A next hop that is dead: c is stopped, then a packet to {RECEIVER_ADDRESS}"
        ));
        self.network.stop_c()?;
        let outcome = self.send(&self.prepare(&fixed(RECEIVER_ADDRESS), b"too late"));
        self.show_reject("step 4", &outcome, ErrorCode::T01_PEER_UNREACHABLE);
        say("  A code that begins with T says: try again later. Node b dials c until it is back.");
        Ok(())
    }

    fn prepare<'p>(&self, destination: &'p Address, data: &'p [u8]) -> Prepare<'p> {
        Prepare {
            amount: AMOUNT,
            expires_at: Clock::now().wall.saturating_add(EXPIRY),
            condition: self.key.condition(data),
            destination: destination.as_addr(),
            data,
        }
    }

    fn send(&self, prepare: &Prepare<'_>) -> Outcome {
        outcome(wait_for(self.runtime, self.sender.send(*prepare)))
    }

    /// Shows a reject, which must have this code and be from b.
    fn show_reject(&mut self, step: &str, outcome: &Outcome, code: ErrorCode) {
        let good = match outcome {
            Outcome::Rejected(rejection) => {
                say(&format!("  rejected: {}", rejection.describe()));
                rejection.code == code && rejection.triggered_by == "test.b"
            }
            other => {
                say(&format!("  {other:?}"));
                false
            }
        };
        self.expect(good, || {
            format!("{step}: expected {code} by test.b, got {outcome:?}")
        });
    }

    fn expect(&mut self, held: bool, failure: impl FnOnce() -> String) {
        if !held {
            self.failures.push(failure());
        }
    }
}
