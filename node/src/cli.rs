//! The command line: every command, its flags and its help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bench::args::BenchArgs;
use crate::config::{self, Environment, Flag, NodeConfig, Problems};
use crate::runtime::RuntimeArgs;
use crate::tools::args::{DemoArgs, PingArgs, ReceiveArgs, SendArgs};
use crate::topology::args::TopologyArgs;

const EXAMPLES: &str = "\
Examples:
  ilp-connector demo                          three connectors and 10,000 packets on this machine
  ilp-connector run --config b.yaml           run a node
  ilp-connector check a.yaml b.yaml c.yaml    judge the files of a network before running it
  ilp-connector topology linear 3             write the files of a network, for compose or this machine
  ilp-connector help config                   every setting of a node

Exit codes: 0 done; 1 failed; 2 wrong use or wrong configuration.";

/// An Interledger connector: ILPv4 packets over BTP/2.0 on WebSockets.
#[derive(Debug, Parser)]
#[command(name = "ilp-connector", version = crate::version::text(), about, after_help = EXAMPLES, disable_help_subcommand = true)]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    infer_long_args = false
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

/// What each does is said at its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Check(CheckArgs),
    Topology(TopologyArgs),
    Demo(DemoArgs),
    Send(SendArgs),
    Receive(ReceiveArgs),
    Ping(PingArgs),
    Bench(BenchArgs),
    Decode(DecodeArgs),
    Healthcheck(HealthcheckArgs),
    Help(HelpArgs),
}

/// Where a node's settings come from besides the environment.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings (see `ilp-connector help config`)")]
pub(crate) struct ConfigArgs {
    /// Configuration file (YAML); one for each node, -c a.yaml -c b.yaml [env: CONFIG_FILE]
    #[arg(short, long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Nothing: it is here for what to say to those who leave out `--config`
    #[arg(hide = true, value_name = "FILE", value_parser = without_flag)]
    _file: Option<String>,
    /// Label in logs and name towards peers [env: NODE_ID]
    #[arg(long, value_name = "ID")]
    node_id: Option<String>,
    /// Our ILP address [env: ILP_ADDRESS]
    #[arg(long, value_name = "ADDRESS")]
    ilp_address: Option<String>,
    /// Address that the BTP server binds to [env: BTP_SERVER_HOST] [default: 0.0.0.0]
    #[arg(long, value_name = "IP")]
    btp_server_host: Option<String>,
    /// Port of the BTP server; 0 takes a free one [env: BTP_SERVER_PORT] [default: 3000]
    #[arg(long, value_name = "PORT")]
    btp_server_port: Option<String>,
    /// Address that the HTTP server binds to [env: HEALTH_CHECK_HOST] [default: 0.0.0.0]
    #[arg(long, value_name = "IP")]
    health_check_host: Option<String>,
    /// Port of /health, /metrics, …; 0 takes a free one [env: HEALTH_CHECK_PORT] [default: 8080]
    #[arg(long, value_name = "PORT")]
    health_check_port: Option<String>,
    /// error, warn, info, debug or trace [env: LOG_LEVEL] [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// json or text [env: LOG_FORMAT] [default: json]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Log each packet at info [env: LOG_PACKETS] [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    log_packets: Option<String>,
    /// Worker threads [env: THREADS] [default: one per CPU]
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// Any other setting, such as --set maxHoldTime=10s; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, Setting)>,
}

/// A setting's value. No `Debug`: it may hold the secret of a peer's URL.
#[derive(Clone)]
struct Setting(String);

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

fn setting(text: &str) -> Result<(String, Setting), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as maxHoldTime=10s")?;
    Ok((key.trim().to_owned(), Setting(value.to_owned())))
}

fn without_flag(text: &str) -> Result<String, String> {
    Err(format!(
        "a configuration file is given as `--config {text}`, several as `-c a.yaml -c b.yaml`"
    ))
}

impl ConfigArgs {
    /// Reads files, environment and flags; one node per file, at least one node.
    pub(crate) fn load(&self, env: &Environment) -> Result<Vec<NodeConfig>, Problems> {
        config::load(&self.config, &self.flags(), env)
    }

    fn flags(&self) -> Vec<Flag> {
        let named = [
            ("--node-id", "nodeId", &self.node_id),
            ("--ilp-address", "ilpAddress", &self.ilp_address),
            ("--btp-server-host", "btpServerHost", &self.btp_server_host),
            ("--btp-server-port", "btpServerPort", &self.btp_server_port),
            (
                "--health-check-host",
                "healthCheckHost",
                &self.health_check_host,
            ),
            (
                "--health-check-port",
                "healthCheckPort",
                &self.health_check_port,
            ),
            ("--log-level", "logLevel", &self.log_level),
            ("--log-format", "logFormat", &self.log_format),
            ("--log-packets", "logPackets", &self.log_packets),
            ("--threads", "threads", &self.threads),
        ];
        let flag = |flag: &str, key: &str, value: &str| Flag {
            flag: flag.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let named = named
            .iter()
            .filter_map(|(name, key, value)| Some(flag(name, key, value.as_deref()?)));
        let set = self
            .set
            .iter()
            .map(|(key, Setting(value))| flag("--set", key, value));
        named.chain(set).collect()
    }
}

/// Runs a node, or several in one process.
///
/// Runs until SIGTERM, SIGINT or SIGHUP, then finishes what is in flight; a second signal does not wait. Several
/// configuration files run several nodes.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  ilp-connector run --config examples/linear-3/b.yaml
  ilp-connector run --config a.yaml --config b.yaml --config c.yaml
  ilp-connector run --config b.yaml --log-level debug --set maxHoldTime=10s
  PEERS='c=ws://localhost:3001' ROUTES='test.c=c' BTP_PEER_C_SECRET=… ilp-connector run --node-id b

Secrets are taken from the environment or the file, never from flags.")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Judges configuration files, each alone and all together as a network.
///
/// Every problem of every file is printed at once with its file, line and column. Nothing is started.
/// Judged together, the files are one network: both ends of a link must agree, and routes lead
/// somewhere. Peers that are in no file are taken to be strangers.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  ilp-connector check b.yaml
  ilp-connector check examples/mesh-4/*.yaml

The environment counts as it does for `run`: a secret may come from BTP_PEER_<ID>_SECRET.
Exit codes: 0 nothing is wrong (there may be warnings); 2 something is.")]
pub(crate) struct CheckArgs {
    /// Configuration files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Takes bytes apart and prints them as JSON.
///
/// Prints one object. Bytes that cannot be read give `error`, `field` and `offset`, and exit code 1.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  ilp-connector decode 0100000001020100
  ilp-connector decode --kind address 746573742e616c696365
  echo '0x06 00000001 02 0100' | ilp-connector decode -")]
pub(crate) struct DecodeArgs {
    /// What the bytes are
    #[arg(long, value_enum, default_value_t = Kind::Auto)]
    pub(crate) kind: Kind,
    /// Hexadecimal digits; spaces and 0x are read past; - reads standard input
    #[arg(value_name = "HEX", required = true, num_args = 1..)]
    pub(crate) hex: Vec<String>,
}

/// What `decode` takes bytes for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// An ILP packet or a BTP frame, by the first byte
    #[default]
    Auto,
    /// A BTP frame
    Btp,
    /// An ILP packet
    Ilp,
    /// A length determinant
    OerLength,
    /// An unsigned integer of variable size
    OerVaruint,
    /// An ILP address
    Address,
}

/// Asks a node for its health, for containers without a shell.
///
/// The node is the one that file, environment and flags describe. Prints its /health. Exit code 0 if it
/// is healthy; 1 if it is not, does not answer, or its configuration is wrong.
#[derive(Args, Clone, Debug)]
pub(crate) struct HealthcheckArgs {
    /// Configuration file (YAML) of the node, as `run` has it [env: CONFIG_FILE]
    #[arg(short, long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Address that the HTTP server binds to [env: HEALTH_CHECK_HOST] [default: 0.0.0.0]
    #[arg(long, value_name = "IP")]
    health_check_host: Option<String>,
    /// Port of the HTTP server [env: HEALTH_CHECK_PORT] [default: 8080]
    #[arg(long, value_name = "PORT")]
    health_check_port: Option<String>,
    /// How long the answer may take
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = timeout)]
    pub(crate) timeout: Duration,
}

impl HealthcheckArgs {
    /// The settings that say where to ask.
    pub(crate) fn config(&self) -> ConfigArgs {
        ConfigArgs {
            config: self.config.clone(),
            health_check_host: self.health_check_host.clone(),
            health_check_port: self.health_check_port.clone(),
            ..ConfigArgs::default()
        }
    }
}

/// Explains a command, or with `config` every setting.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HelpArgs {
    /// A command, or `config`
    pub(crate) topic: Option<String>,
    /// Print the settings as the README shows them
    #[arg(long)]
    pub(crate) markdown: bool,
}

fn timeout(text: &str) -> Result<Duration, String> {
    let invalid = |invalid: config::Invalid| format!("it {}: {}", invalid.what, invalid.fix);
    config::time(text, Duration::from_millis(1), Duration::from_secs(3600)).map_err(invalid)
}
