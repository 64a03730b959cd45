//! `send`: packets to a receiver that has the same key.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ilp_runtime::Runtime;

use super::args::SendArgs;
use super::attach::{only_sends, wait_for};
use super::exit::{FAILED, INTERRUPTED, OK, ToolError, env, random};
use super::load::{Load, Plan, Report};
use super::progress::Progress;
use super::text::counted;
use crate::signals;
use crate::terminal::say;

/// How long Ctrl-C waits for packets in flight.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the main thread is told.
enum Control {
    Done,
    Interrupted,
}

/// Sends. Returns what to exit with: 0 if all packets were fulfilled.
pub(super) fn send(runtime: &impl Runtime, args: SendArgs) -> u8 {
    run(runtime, args).unwrap_or_else(|error| error.report("send"))
}

fn run(runtime: &impl Runtime, args: SendArgs) -> Result<u8, ToolError> {
    let target = args.attach.target(env)?;
    let plan = Plan {
        destination: args.to,
        key: args.key.key(env)?,
        count: args.count,
        in_flight: args.in_flight,
        amount: args.amount,
        expiry: args.expiry,
        data: args.data.into_bytes(),
    };
    let nonce = random()?;
    let (of_task, to_dial) = (runtime.clone(), target.clone());
    let attached = wait_for(runtime, async move {
        to_dial.attach(&of_task, only_sends).await
    });
    let client = attached.map_err(|error| target.attach_failed(&error))?;

    let (tell, told) = channel();
    let interrupt = tell.clone();
    let watching = signals::watch(
        // at the end nobody listens any more
        move |_| drop(interrupt.send(Control::Interrupted)),
        |signal| std::process::exit(signal.exit_code()),
    );
    watching.map_err(|error| ToolError::Failed(format!("cannot watch for Ctrl-C: {error}")))?;

    let (count, destination) = (plan.count, plan.destination.clone());
    if !args.json {
        say(&format!(
            "sending {} to {destination} via {target}",
            counted(count, "packet")
        ));
    }
    let load = Load::start(runtime, &client, plan, nonce, move || {
        drop(tell.send(Control::Done))
    });
    let interrupted = watch(&load, &told, count);
    let report = load.report();
    client.close();
    wait_for(runtime, async move { client.closed().await });

    show(&report, count, args.json);
    let all = report.tally.fulfilled() == count;
    Ok(if interrupted {
        INTERRUPTED
    } else if all {
        OK
    } else {
        FAILED
    })
}

/// Shows the progress until all packets have ended, or Ctrl-C and some patience; true after Ctrl-C.
fn watch(load: &Load, told: &Receiver<Control>, count: u64) -> bool {
    let progress = Progress::new(count);
    let mut deadline: Option<Instant> = None;
    loop {
        progress.set(load.ended());
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return true;
        }
        match told.recv_timeout(progress.pace()) {
            Ok(Control::Done) | Err(RecvTimeoutError::Disconnected) => return deadline.is_some(),
            Ok(Control::Interrupted) => {
                load.stop();
                deadline = Some(now + PATIENCE);
                progress
                    .say("stopping: waiting for packets in flight, Ctrl-C again to leave at once");
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn show(report: &Report, count: u64, json: bool) {
    let Report {
        started,
        tally,
        took,
    } = report;
    if json {
        say(&tally.to_json(count, *started, *took).to_string());
    } else {
        say(tally.table(count, *started, *took).trim_end());
    }
}
