//! `ping`: how long a packet takes to a connector and back.
//!
//! By the echo protocol the connector sends a packet of its own to the address that ours names, locked with
//! the same condition. We alone know the fulfillment and give it for that one, and it comes back to us as
//! the answer to ours.

mod echo;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use futures_lite::future;
use ilp_proto::Address;
use ilp_runtime::Runtime;
use ilp_runtime::client::{Client, ClientError};
use serde_json::json;

use super::args::PingArgs;
use super::attach::{OwnAddress, own_address, wait_for};
use super::exit::{FAILED, OK, ToolError, env, random};
use super::load::outcome;
use super::stats::{Latencies, Outcome};
use super::text::{as_f64, counted, millis, ms, printable};
use crate::signals;
use crate::terminal::{complain, say, unheard};
use echo::Echoes;

/// The least time that packets have; every connector there and back keeps a second of it.
const EXPIRY: Duration = Duration::from_secs(30);

/// What the main thread is told.
enum Control {
    /// The end of a ping, and how long it took.
    Ended(u64, Outcome, Duration),
    /// The link is gone.
    Lost(String),
    /// Ctrl-C.
    Interrupted,
}

/// Pings. Returns what to exit with: 0 if any answer came.
pub(super) fn ping(runtime: &impl Runtime, args: PingArgs) -> u8 {
    run(runtime, args).unwrap_or_else(|error| error.report("ping"))
}

fn run(runtime: &impl Runtime, args: PingArgs) -> Result<u8, ToolError> {
    let target = args.attach.target(env)?;
    let echoes = Arc::new(Echoes::new(random()?));
    let (of_task, to_dial) = (runtime.clone(), target.clone());
    let (answering, given, timeout) = (Arc::clone(&echoes), args.address, args.timeout);
    let attached = wait_for(runtime, async move {
        let client = to_dial
            .attach(&of_task, move |prepare| answering.answer(prepare))
            .await?;
        let told = own_address(&client, given);
        let late = async {
            of_task.sleep(timeout).await;
            Err(format!(
                "the server does not say within {} which address this account has; give --address ADDRESS",
                ms(timeout)
            ))
        };
        let own = future::or(told, late).await;
        Ok::<_, ClientError>((client, own))
    });
    let (client, own) = attached.map_err(|error| target.attach_failed(&error))?;
    let OwnAddress { address, .. } = own.map_err(ToolError::Failed)?;

    let (tell, told) = channel();
    let interrupt = tell.clone();
    let watching = signals::watch(
        // at the end nobody listens any more
        move |_| drop(interrupt.send(Control::Interrupted)),
        |signal| std::process::exit(signal.exit_code()),
    );
    watching.map_err(|error| ToolError::Failed(format!("cannot watch for Ctrl-C: {error}")))?;
    let (watched, lost) = (client.clone(), tell.clone());
    runtime.spawn(async move {
        let why = watched.closed().await.to_string();
        let _ = lost.send(Control::Lost(printable(why.as_bytes())));
    });

    if !args.json {
        say(&format!(
            "PING {} from {address} via {target}",
            args.destination
        ));
    }
    let mut pinging = Pinging {
        runtime,
        client,
        echoes,
        own: address,
        destination: args.destination,
        amount: args.amount,
        timeout: args.timeout,
        json: args.json,
        tell,
        sent: 0,
        ended: 0,
        rejected: 0,
        times: Vec::new(),
    };
    let begun = Instant::now();
    pinging.run(&told, args.interval, args.count);
    pinging.summary(begun.elapsed());
    pinging.client.close();
    let client = pinging.client.clone();
    wait_for(runtime, async move { client.closed().await });
    Ok(if pinging.times.is_empty() { FAILED } else { OK })
}

struct Pinging<'a, R> {
    runtime: &'a R,
    client: Client,
    echoes: Arc<Echoes>,
    own: Address,
    destination: Address,
    amount: u64,
    timeout: Duration,
    json: bool,
    tell: Sender<Control>,
    sent: u64,
    ended: u64,
    rejected: u64,
    /// Of those answered.
    times: Vec<Duration>,
}

impl<R: Runtime> Pinging<'_, R> {
    fn run(&mut self, told: &Receiver<Control>, interval: Duration, count: Option<u64>) {
        let mut next = Instant::now();
        loop {
            let more = count.is_none_or(|count| self.sent < count);
            if (!more && self.ended == self.sent) || unheard() {
                return;
            }
            let now = Instant::now();
            if more && next <= now {
                self.send();
                // no burst after a pause, as of a laptop that slept
                next = (next + interval).max(now);
                continue;
            }
            // without more to send, the end of those on their way wakes us
            let wait = if more { next - now } else { self.timeout };
            match told.recv_timeout(wait) {
                Ok(Control::Ended(seq, outcome, took)) => self.show(seq, outcome, took),
                Ok(Control::Lost(why)) => {
                    complain(&format!("ping: lost the server: {why}"));
                    return;
                }
                Ok(Control::Interrupted) => return,
                Err(RecvTimeoutError::Timeout) => {}
                // not reached: we hold a sender ourselves
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn send(&mut self) {
        self.sent += 1;
        let seq = self.sent;
        let (runtime, timeout) = (self.runtime.clone(), self.timeout);
        let (echoes, tell) = (Arc::clone(&self.echoes), self.tell.clone());
        let ping = echoes.ping(seq, &self.own);
        let begun = Instant::now();
        let expiry = EXPIRY.max(timeout);
        let answer = self
            .client
            .send(ping.prepare(&self.destination, self.amount, expiry));
        self.runtime.spawn(async move {
            let answered = async { outcome(answer.await) };
            let late = async {
                runtime.sleep(timeout).await;
                Outcome::TimedOut
            };
            let outcome = future::or(answered, late).await;
            echoes.forget(&ping);
            // at the end nobody listens any more
            let _ = tell.send(Control::Ended(seq, outcome, begun.elapsed()));
        });
    }

    fn show(&mut self, seq: u64, outcome: Outcome, took: Duration) {
        self.ended += 1;
        let (time, from) = (ms(took), &self.destination);
        let (line, mut value) = match outcome {
            Outcome::Fulfilled => {
                self.times.push(took);
                (
                    format!("answer from {from}: seq={seq} time={time}"),
                    json!({ "event": "answer" }),
                )
            }
            Outcome::Rejected(rejection) => {
                self.rejected += 1;
                let line = format!("rejected: seq={seq} time={time} {}", rejection.describe());
                let mut value = rejection.to_json();
                value["event"] = "reject".into();
                (line, value)
            }
            Outcome::TimedOut => (
                format!("no answer: seq={seq} within {time}"),
                json!({ "event": "timeout" }),
            ),
            Outcome::Failed(why) => (
                format!("failed: seq={seq} {why}"),
                json!({ "event": "failed", "reason": why }),
            ),
        };
        if self.json {
            value["seq"] = seq.into();
            value["ms"] = millis(took).into();
            say(&value.to_string());
        } else {
            say(&line);
        }
    }

    fn summary(&self, took: Duration) {
        let answered = u64::try_from(self.times.len()).unwrap_or(u64::MAX);
        let lost = self.sent - answered;
        let loss = if self.sent > 0 {
            100.0 * as_f64(lost) / as_f64(self.sent)
        } else {
            0.0
        };
        let spread = Latencies::new(self.times.clone()).spread();
        if self.json {
            let rtt = spread.map(
                |[min, avg, max, mdev]| json!({ "min": min, "avg": avg, "max": max, "mdev": mdev }),
            );
            let value = json!({
                "event": "summary",
                "sent": self.sent,
                "answered": answered,
                "rejected": self.rejected,
                "lossPercent": loss,
                "seconds": took.as_secs_f64(),
                "rttMs": rtt,
            });
            say(&value.to_string());
            return;
        }
        say(&format!("\n--- {} ping statistics ---", self.destination));
        let rejected = if self.rejected > 0 {
            format!(", {} rejected", self.rejected)
        } else {
            String::new()
        };
        let sent = counted(self.sent, "packet");
        say(&format!(
            "{sent} sent, {answered} answered{rejected}, {loss:.0}% loss, time {:.0} ms",
            millis(took)
        ));
        if let Some([min, avg, max, mdev]) = spread {
            say(&format!(
                "rtt min/avg/max/mdev = {min:.3}/{avg:.3}/{max:.3}/{mdev:.3} ms"
            ));
        }
    }
}
