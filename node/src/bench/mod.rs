//! `bench`: how fast a connector is, measured from outside, by standard BTP.
//!
//! | file | holds |
//! |---|---|
//! | [`args`] | what the command line says |
//! | [`network`] | connectors that are started to be measured |
//! | [`connect`], [`socket`], [`tls`] | BTP over WebSockets, as fast as system calls allow |
//! | [`packets`] | what is sent, and whether the answers are right |
//! | [`engine`] | a thread's turns: closed loop, or fixed rate |
//! | [`schedule`] | when the packets of a fixed rate are sent |
//! | [`idle`] | what peers cost that only are there |
//! | [`relay`] | what this machine could do without a connector |
//! | [`process`], [`histogram`], [`report`] | the numbers |

pub(crate) mod args;
mod connect;
mod engine;
mod histogram;
mod idle;
mod network;
mod packets;
mod process;
mod relay;
mod report;
mod schedule;
mod socket;
mod tls;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use btp_proto::Secret;
use ilp_proto::Address;

use args::{BenchArgs, of_pair};
use connect::{Account, learn_address};
use engine::{Pair, Plan, drive, nanos, try_one};
use network::{Network, Wish};
use packets::{Deck, Tally};
use report::{Measured, Row, Setting};
use socket::Socket;
use tls::Trust;

use crate::runtime::Choice;
use crate::signals::{self, StopSignal};
use crate::terminal::{complain, say};
use crate::tools::args::Usage;
use crate::tools::exit::{FAILED, INTERRUPTED, OK, ToolError, random};

/// For the first packet to get through: nodes may still be dialling each other.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between tries.
const RETRY: Duration = Duration::from_millis(50);

/// Set by the first signal.
static STOP: AtomicBool = AtomicBool::new(false);

/// Runs all measurements; nodes run on `on`.
pub(crate) fn main(args: &BenchArgs, on: Choice) -> ExitCode {
    let first = |signal: StopSignal| {
        STOP.store(true, Ordering::Relaxed);
        complain(&format!("bench: stopped by {}", signal.name()));
    };
    // nodes that are left over get the same Ctrl-C
    let second = |_| std::process::exit(INTERRUPTED.into());
    let code = match signals::watch(first, second) {
        Err(error) => ToolError::Failed(format!("cannot watch signals: {error}")).report("bench"),
        Ok(()) => match bench(args, on) {
            Ok(true) => OK,
            Ok(false) => FAILED,
            Err(_) if STOP.load(Ordering::Relaxed) => INTERRUPTED,
            Err(error) => error.report("bench"),
        },
    };
    code.into()
}

/// A pair with its packets.
struct Lane {
    pair: Pair,
    to: Address,
}

/// Whether every answer was right.
fn bench(args: &BenchArgs, on: Choice) -> Result<bool, ToolError> {
    let tls = args.node_tls()?;
    if let Some(peers) = args.idle_peers {
        return idle::bench(args, peers, on.name(), tls.as_ref());
    }
    let key = random()?;
    let levels = args.levels();
    let most = levels.iter().copied().max().unwrap_or(1);
    let runtime = on.name();
    let network = match &args.target {
        Some(_) => None,
        None => Some(failing(Network::start(&Wish {
            nodes: args.nodes,
            pairs: args.pairs,
            in_flight: most,
            frame: packets::USUAL_FRAME.max(args.size.unwrap_or(0)),
            runtime,
            threads: args.threads,
            tls: tls.as_ref(),
        }))?),
    };
    let trust = match &args.ca_file {
        Some(file) if network.is_none() => Some(Trust::of_file(file).map_err(Usage)?),
        _ => None,
    };
    let mut lanes = Vec::new();
    for number in 0..args.pairs {
        let (sender, receiver) = match &network {
            Some(network) => failing(network.accounts(number))?,
            None => given(args, number, trust.as_ref())?,
        };
        lanes.push(attach(args, number, &sender, &receiver)?);
    }
    let Some(first) = lanes.first() else {
        return Err(Usage("no pairs".into()).into());
    };
    let size = args.size.unwrap_or_else(|| packets::usual_data(&first.to));
    let decks = |in_flight| -> Vec<Deck> {
        let deck = |lane: &Lane| Deck::new(key, &lane.to, size, in_flight);
        lanes.iter().map(deck).collect()
    };
    let most_decks = decks(most);
    let setting = Setting {
        nodes: network.as_ref().map(|_| args.nodes),
        runtime: network.as_ref().map(|_| runtime),
        tls: tls.is_some(),
        pairs: args.pairs,
        size,
        frame: most_decks.first().map_or(0, Deck::frame_len),
        duration: args.duration(),
        rate: args.rate,
    };
    if !args.json {
        say(&setting.heading());
    }
    let pids = network
        .as_ref()
        .map_or_else(|| args.pid.clone(), Network::pids);
    let of_levels: Vec<Vec<Deck>> = levels.iter().map(|level| decks(*level)).collect();
    for (lane, deck) in lanes.iter_mut().zip(&most_decks) {
        get_through(&mut lane.pair, deck)?;
    }
    let mut pairs: Vec<Pair> = lanes.into_iter().map(|lane| lane.pair).collect();
    let mut rows = Vec::new();
    for (in_flight, decks) in levels.into_iter().zip(&of_levels) {
        let nodes = measure(args, &mut pairs, decks, in_flight, &pids)?;
        let pipe = match args.with_pipe {
            true => {
                let pipes: Result<Vec<_>, _> = (0..args.pairs).map(|_| pipe()).collect();
                let mut pipes = failing(pipes)?;
                Some(measure(args, &mut pipes, decks, in_flight, &[])?)
            }
            false => None,
        };
        rows.push(Row { nodes, pipe });
    }
    let text = match args.json {
        true => setting.json(&rows).to_string(),
        false => Setting::table(&rows),
    };
    say(&text);
    Ok(rows.iter().all(Row::is_good))
}

fn failing<T>(result: Result<T, String>) -> Result<T, ToolError> {
    result.map_err(ToolError::Failed)
}

/// The accounts that the flags name.
fn given(
    args: &BenchArgs,
    pair: usize,
    trust: Option<&Trust>,
) -> Result<(Account, Account), ToolError> {
    type Given<'a> = (&'a Option<Secret>, &'a Option<String>, &'a Option<Secret>);
    let account = |flag: &str, (url, user, token): Given<'_>| {
        let url = url.as_ref().map_or("", |url| url.as_str());
        let user = user.as_ref().map(|user| of_pair(user, pair));
        let token = token
            .as_ref()
            .map(|token| Secret::from(of_pair(token.as_str(), pair)));
        Account::new(&of_pair(url, pair), user, token, trust)
            .map_err(|error| Usage(format!("{flag}: {error}")))
    };
    let sender = (&args.target, &args.target_user, &args.target_token);
    let receiver = (&args.receiver, &args.receiver_user, &args.receiver_token);
    Ok((
        account("--target", sender)?,
        account("--receiver", receiver)?,
    ))
}

fn attach(
    args: &BenchArgs,
    number: usize,
    sender: &Account,
    receiver: &Account,
) -> Result<Lane, ToolError> {
    let mut pair = Pair {
        receiver: failing(receiver.open())?,
        sender: failing(sender.open())?,
    };
    let to = match &args.to {
        Some(to) => of_pair(to, number)
            .parse()
            .map_err(|error| Usage(format!("--to: {error}")))?,
        None => failing(learn_address(&mut pair.receiver))?,
    };
    Ok(Lane { pair, to })
}

/// A sender and a receiver with nothing but a pipe between them.
fn pipe() -> Result<Pair, String> {
    let (sender, receiver) = relay::between()?;
    Ok(Pair {
        sender: Socket::new(sender)?,
        receiver: Socket::new(receiver)?,
    })
}

/// Sends one packet until it is fulfilled.
fn get_through(pair: &mut Pair, deck: &Deck) -> Result<(), ToolError> {
    let begin = Instant::now();
    loop {
        let plan = Plan {
            deck,
            origin: Instant::now(),
            begin: 0,
            end: nanos(PATIENCE),
            in_flight: 1,
            interval: None,
            stop: &STOP,
        };
        let tally = failing(try_one(pair, &plan))?;
        if tally.is_good() {
            return Ok(());
        }
        let reason = tally.reasons.keys().next();
        let reason = reason.map_or("", String::as_str);
        // links come up soon; routes, if they have to be learned, not much later
        let patience = match reason.starts_with("rejected: T") {
            true => PATIENCE,
            false => PATIENCE / 5,
        };
        if begin.elapsed() > patience {
            let text = format!("no packet gets through: {reason}");
            return Err(ToolError::Failed(text));
        }
        thread::sleep(RETRY);
    }
}

/// CPU so far, of the nodes and of ourselves, and when that was.
struct Sample {
    at: Instant,
    nodes: Option<f64>,
    bench: f64,
}

impl Sample {
    fn take(pids: &[u32]) -> Self {
        let nodes = pids.iter().map(|pid| process::cpu_seconds(*pid)).sum();
        Self {
            at: Instant::now(),
            nodes: if pids.is_empty() { None } else { nodes },
            bench: process::own_cpu_seconds(),
        }
    }
}

/// One measurement: all pairs, each on its thread.
fn measure(
    args: &BenchArgs,
    pairs: &mut [Pair],
    decks: &[Deck],
    in_flight: usize,
    pids: &[u32],
) -> Result<Measured, ToolError> {
    let origin = Instant::now();
    let (begin, end) = (args.warmup(), args.warmup() + args.duration());
    let per_pair = |rate: u64| 1e9 * pairs.len() as f64 / rate as f64;
    let interval = args.rate.map(per_pair);
    let outcome = thread::scope(|scope| {
        let mut threads = Vec::new();
        for (pair, deck) in pairs.iter_mut().zip(decks) {
            let plan = Plan {
                deck,
                origin,
                begin: nanos(begin),
                end: nanos(end),
                in_flight,
                interval,
                stop: &STOP,
            };
            threads.push(scope.spawn(move || drive(pair, &plan)));
        }
        wait_until(origin + begin);
        let before = Sample::take(pids);
        wait_until(origin + end);
        let after = Sample::take(pids);
        let rss = pids.iter().map(|pid| process::rss(*pid)).sum();
        let rss = if pids.is_empty() { None } else { rss };
        let mut sum = Tally::new();
        for thread in threads {
            let tally = thread.join().unwrap_or_else(|_| Err("a panic".into()))?;
            sum.merge(&tally);
        }
        Ok((sum, before, after, rss))
    });
    let (tally, before, after, node_rss) = failing(outcome)?;
    let packets_per_second = tally.in_time as f64 / args.duration().as_secs_f64();
    let elapsed = after.at.duration_since(before.at).as_secs_f64();
    let millions = packets_per_second * elapsed / 1e6;
    let cost = |before: Option<f64>, after: Option<f64>| {
        let seconds = after? - before?;
        (millions > 0.0).then(|| seconds.max(0.0) / millions)
    };
    Ok(Measured {
        in_flight,
        packets_per_second,
        node_cpu: cost(before.nodes, after.nodes),
        bench_cpu: cost(Some(before.bench), Some(after.bench)),
        node_rss,
        tally,
    })
}

/// Sleeps, but not when all of it must end.
fn wait_until(time: Instant) {
    const TURN: Duration = Duration::from_millis(50);
    while !STOP.load(Ordering::Relaxed) {
        match time.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return,
            left => thread::sleep(left.min(TURN)),
        }
    }
}
