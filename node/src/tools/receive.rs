//! `receive`: fulfils what senders with the same key send.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ilp_proto::Address;
use ilp_runtime::Runtime;
use ilp_runtime::client::{Client, ClientError, Closed};
use serde_json::{Value, json};

use super::args::{ReceiveArgs, Target};
use super::attach::{OwnAddress, own_address, wait_for};
use super::exit::{OK, ToolError, env};
use super::judge::{Counts, Judge};
use super::text::{counted, grouped, printable};
use crate::signals;
use crate::terminal::{complain, say};

/// How often the counts are shown while they change.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// Before the first and the last kind of new try.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// What a connector says when it closes a link because the account has opened another.
const REPLACED: &str = "replaced by a newer link";

/// What the main thread is told.
enum Control {
    /// We may receive.
    Attached(Client),
    /// This is our address, or why we have none.
    Address(Result<OwnAddress, String>),
    /// There is no link.
    NotAttached(ClientError),
    /// There is none any more.
    Lost(Closed),
    /// Ctrl-C.
    Interrupted,
}

/// Receives until Ctrl-C. Returns what to exit with: 0 then, if it ever was attached.
pub(super) fn receive(runtime: &impl Runtime, args: ReceiveArgs) -> u8 {
    run(runtime, args).unwrap_or_else(|error| error.report("receive"))
}

fn run(runtime: &impl Runtime, args: ReceiveArgs) -> Result<u8, ToolError> {
    let target = args.attach.target(env)?;
    let judge = Arc::new(Mutex::new(Judge::new(args.key.key(env)?)));
    let (tell, told) = channel();
    let interrupt = tell.clone();
    let watching = signals::watch(
        // at the end nobody listens any more
        move |_| drop(interrupt.send(Control::Interrupted)),
        |signal| std::process::exit(signal.exit_code()),
    );
    watching.map_err(|error| ToolError::Failed(format!("cannot watch for Ctrl-C: {error}")))?;

    let mut receiving = Receiving {
        runtime,
        target,
        address: args.address,
        once: args.once,
        show: Show { json: args.json },
        judge,
        tell,
        client: None,
        attached_before: false,
        delay: RETRY.0,
        shown: (Counts::default(), Instant::now()),
    };
    receiving.attach(Duration::ZERO);
    let result = receiving.listen(&told);
    receiving.end();
    result
}

struct Receiving<'a, R> {
    runtime: &'a R,
    target: Target,
    /// What the command line says.
    address: Option<Address>,
    once: bool,
    show: Show,
    judge: Arc<Mutex<Judge>>,
    tell: Sender<Control>,
    client: Option<Client>,
    attached_before: bool,
    /// Before the next try.
    delay: Duration,
    /// What was last shown, and when.
    shown: (Counts, Instant),
}

impl<R: Runtime> Receiving<'_, R> {
    fn listen(&mut self, told: &Receiver<Control>) -> Result<u8, ToolError> {
        loop {
            match told.recv_timeout(SHOW_EVERY) {
                Ok(Control::Attached(client)) => {
                    self.show.attached(&self.target);
                    self.client = Some(client);
                    self.attached_before = true;
                    self.delay = RETRY.0;
                }
                Ok(Control::Address(address)) => self.show.address(address.as_ref()),
                Ok(Control::NotAttached(error)) => {
                    // a secret or a file that never was right will not become so
                    let ours = matches!(error, ClientError::Refused { .. } | ClientError::Tls(_));
                    let wrong = ours && !self.attached_before;
                    let error = self.target.attach_failed(&error);
                    if wrong || self.once {
                        return Err(error);
                    }
                    let ToolError::Failed(why) = error else {
                        return Err(error);
                    };
                    self.retry(&why);
                }
                Ok(Control::Lost(why)) => {
                    self.client = None;
                    if is_replaced(&why) {
                        return Err(self.replaced());
                    }
                    let why = printable(why.to_string().as_bytes());
                    let why = format!("lost {}: {why}", self.target);
                    if self.once {
                        return Err(ToolError::Failed(why));
                    }
                    self.retry(&why);
                }
                Ok(Control::Interrupted) if self.attached_before => return Ok(OK),
                Ok(Control::Interrupted) => {
                    let why = format!("stopped before it was attached to {}", self.target);
                    return Err(ToolError::Failed(why));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // not reached: we hold a sender ourselves
                Err(RecvTimeoutError::Disconnected) => return Ok(OK),
            }
            self.show_counts();
        }
    }

    /// Attaching again would throw out the other one, and it us, for ever.
    fn replaced(&self) -> ToolError {
        let who = match &self.target.credentials.username {
            Some(user) => printable(user.as_bytes()),
            None => "this user".to_owned(),
        };
        ToolError::Failed(format!(
            "another client is attached as {who} to {}; an account has room for one",
            self.target.endpoint
        ))
    }

    /// Shows the counts if they have changed, and not too often.
    fn show_counts(&mut self) {
        let counts = self.counts();
        let (shown, at) = &self.shown;
        if counts != *shown && at.elapsed() >= SHOW_EVERY {
            self.show.counts(&counts, shown);
            self.shown = (counts, Instant::now());
        }
    }

    fn counts(&self) -> Counts {
        self.judge
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counts()
            .clone()
    }

    fn retry(&mut self, why: &str) {
        let delay = self.delay.mul_f64(1.0 - 0.2 * fastrand::f64());
        self.delay = (self.delay * 2).min(RETRY.1);
        self.show.lost(why, delay);
        self.attach(delay);
    }

    /// Attaches after `delay`, and reports what becomes of it.
    fn attach(&self, delay: Duration) {
        let (runtime, target, tell) =
            (self.runtime.clone(), self.target.clone(), self.tell.clone());
        let (given, judge) = (self.address.clone(), Arc::clone(&self.judge));
        self.runtime.spawn(async move {
            runtime.sleep(delay).await;
            let answering = Arc::clone(&judge);
            let attached = target.attach(&runtime, move |prepare| {
                answering
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .judge(prepare)
            });
            // the main thread holds on to the receiving end as long as it wants to hear anything
            let client = match attached.await {
                Ok(client) => client,
                Err(error) => return drop(tell.send(Control::NotAttached(error))),
            };
            let _ = tell.send(Control::Attached(client.clone()));
            let own = own_address(&client, given).await;
            let address = own.as_ref().ok().map(|own| own.address.clone());
            judge
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .set_address(address);
            let _ = tell.send(Control::Address(own));
            let why = client.closed().await;
            let _ = tell.send(Control::Lost(why));
        });
    }

    /// Hangs up and shows the sum of it all.
    fn end(&mut self) {
        if let Some(client) = self.client.take() {
            client.close();
            wait_for(self.runtime, async move { client.closed().await });
        }
        if self.attached_before {
            self.show.summary(&self.counts());
        }
    }
}

/// Whether the server closed our link because the same account opened another.
fn is_replaced(why: &Closed) -> bool {
    matches!(why, Closed::Remote { code: 1000, reason } if reason == REPLACED)
}

/// What people, or programs, see.
#[derive(Clone, Copy)]
struct Show {
    json: bool,
}

impl Show {
    fn attached(self, target: &Target) {
        if self.json {
            let user = &target.credentials.username;
            say(&json!({ "event": "attached", "server": target.endpoint.to_string(), "user": user }).to_string());
        } else {
            say(&format!("attached to {target}"));
        }
    }

    fn address(self, own: Result<&OwnAddress, &String>) {
        match own {
            Ok(OwnAddress { address, asset }) if self.json => {
                let (code, scale) = asset.clone().unzip();
                say(&json!({ "event": "address", "address": address.as_str(), "assetCode": code, "assetScale": scale }).to_string());
            }
            Ok(OwnAddress {
                address,
                asset: Some((code, scale)),
            }) => {
                say(&format!(
                    "receiving at {address}, in {code} with {scale} decimals"
                ));
            }
            Ok(OwnAddress {
                address,
                asset: None,
            }) => say(&format!("receiving at {address}")),
            Err(why) => complain(&format!(
                "receive: {why}; until then packets to any address are fulfilled"
            )),
        }
    }

    fn lost(self, why: &str, delay: Duration) {
        if self.json {
            say(&json!({ "event": "lost", "reason": why, "retryInMs": u64::try_from(delay.as_millis()).ok() }).to_string());
        } else {
            complain(&format!(
                "receive: {why}; trying again in {:.1} s",
                delay.as_secs_f64()
            ));
        }
    }

    fn counts(self, counts: &Counts, before: &Counts) {
        if self.json {
            say(&with_event("progress", counts.to_json()).to_string());
            return;
        }
        let new = counts.fulfilled - before.fulfilled;
        let plus = if before.fulfilled > 0 && new > 0 {
            format!(" (+{})", grouped(new))
        } else {
            String::new()
        };
        say(&format!("{}{plus}", in_words(counts)));
    }

    fn summary(self, counts: &Counts) {
        if self.json {
            say(&with_event("summary", counts.to_json()).to_string());
            return;
        }
        say(&format!("in all: {}", in_words(counts)));
        for (code, (count, message)) in &counts.rejected {
            say(&format!("  rejected {code}  {count}  {message}"));
        }
    }
}

fn in_words(counts: &Counts) -> String {
    let fulfilled = counted(counts.fulfilled, "packet");
    let amount = grouped(counts.amount);
    match counts.rejects() {
        0 => format!("{fulfilled} fulfilled, amount {amount}"),
        rejects => format!(
            "{fulfilled} fulfilled, amount {amount}; {} rejected",
            counted(rejects, "packet")
        ),
    }
}

fn with_event(event: &str, mut value: Value) -> Value {
    value["event"] = event.into();
    value
}
