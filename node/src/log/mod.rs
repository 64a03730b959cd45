//! Logs: what happens in a node, as one JSON object per line on stderr.
//!
//! | file | holds |
//! |---|---|
//! | [`event`] | every event of the connector: its lines, their names, levels and fields |
//! | [`node`] | the same for what the process itself has to say |
//! | [`line`](mod@line) | a line before it is text, and [`NodeLog`], which writes lines in the name of a node |
//! | [`format`](mod@format) | JSON, and plain text for people |
//! | [`queue`] | the bounded buffer in front of the one thread that writes |
//!
//! Every line has `level`, `time` (milliseconds since 1970), `nodeId`, `component`, `event` and `msg`; a line about a packet
//! has `packetId`, the same at every hop, and once more as `correlationId`. Amounts are strings, because
//! readers of JSON round numbers above 2^53. Text that strangers sent cannot break a line or steer a terminal.

pub(crate) mod event;
pub(crate) mod format;
pub(crate) mod line;
pub(crate) mod node;
pub(crate) mod panic;
pub(crate) mod queue;

use std::cell::RefCell;
use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ilp_proto::Timestamp;
use log::{LevelFilter, Log, Metadata, Record};

pub(crate) use format::Format;
pub(crate) use line::NodeLog;
use queue::{Bounds, Dropped, Queue};

/// Libraries that say at DEBUG and TRACE what goes over the wire, secrets among it.
const TALKATIVE: [&str; 4] = ["tungstenite", "async_tungstenite", "hyper", "mio"];

/// How the log of the process is set up.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The most detailed level of any node in the process.
    pub(crate) level: LevelFilter,
    /// How lines look.
    pub(crate) format: Format,
    /// `nodeId` of lines that no node wrote; `None` with several nodes.
    pub(crate) node_id: Option<String>,
}

/// The `log` crate's end of the queue.
struct Sink {
    filter: env_logger::Logger,
    format: Format,
    node_id: Option<String>,
    queue: Queue,
}

static SINK: OnceLock<Sink> = OnceLock::new();

/// Makes the `log` crate write to stderr from now on. Only the first call has an effect.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn init(options: Options) -> io::Result<()> {
    let mut filter = env_logger::Builder::new();
    filter.filter_level(options.level);
    for library in TALKATIVE {
        filter.filter_module(library, options.level.min(LevelFilter::Info));
    }
    let mut first = false;
    let sink = SINK.get_or_init(|| {
        first = true;
        Sink {
            filter: filter.build(),
            format: options.format,
            node_id: options.node_id,
            queue: Queue::new(Bounds::default()),
        }
    });
    if first {
        thread::Builder::new().name("log".into()).spawn(|| {
            sink.queue
                .drain_into(io::stderr(), |out, dropped| sink.report(out, dropped));
        })?;
        log::set_max_level(options.level);
        // Fails if somebody else has set a logger, who then keeps it.
        let _ = log::set_logger(sink);
    }
    Ok(())
}

/// Waits until everything is written, but no longer than `patience`: a terminal that is stuck does not hold up an exit.
pub(crate) fn flush(patience: Duration) {
    if let Some(sink) = SINK.get() {
        sink.queue.flush(patience);
    }
}

/// Lines that were not written since the start.
pub(crate) fn dropped() -> Dropped {
    SINK.get()
        .map(|sink| sink.queue.dropped())
        .unwrap_or_default()
}

impl Sink {
    fn write(&self, out: &mut Vec<u8>, record: &Record<'_>) {
        let defaults = format::Defaults {
            node_id: self.node_id.as_deref(),
            now: now(),
        };
        format::write(out, self.format, record, defaults);
    }

    fn report(&self, out: &mut Vec<u8>, dropped: Dropped) {
        let log = NodeLog::new(
            self.node_id.as_deref().unwrap_or_default(),
            LevelFilter::Warn,
            false,
        );
        node::NodeEvent::LogDropped(dropped)
            .describe(&mut |line| log.record(&line, |record| self.write(out, record)));
    }
}

impl Log for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.filter.matches(record) {
            return;
        }
        thread_local!(static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
        let severe = record.level() <= log::Level::Warn;
        let push = |line: &mut Vec<u8>| {
            line.clear();
            self.write(line, record);
            self.queue.push(severe, line);
        };
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut line) => push(&mut line),
            // Something logs while it is being printed.
            Err(_) => push(&mut Vec::new()),
        });
    }

    fn flush(&self) {
        self.queue.flush(Duration::from_secs(1));
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
