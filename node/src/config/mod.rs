//! Configuration: YAML files, the environment and flags become a [`NodeConfig`] per node.
//!
//! | file | holds |
//! |---|---|
//! | [`table`] | every key: name, variable, type, bounds, default, help |
//! | [`help`] | the table as `help config` and the README show it |
//! | [`yaml`] | the only module that knows the YAML library |
//! | [`mod@env`] | the environment, as a value |
//! | [`fields`] | one mapping, layer over layer, with everything wrong noted |
//! | [`value`] | texts to numbers, durations, hosts, URLs |
//! | [`source`] | files, bounded |
//! | [`lists`] | the short forms of `PEERS` and `ROUTES` |
//! | [`node`], [`tls`], [`peers`], [`routes`], [`itself`] | what the keys mean |
//! | [`problem`] | what is wrong, and where |
//!
//! A flag beats the environment, which beats the file, which beats the default. What is not given has a
//! default, with a warning where an operator should know; what is given but wrong is refused, and
//! every problem is found in one go. No secret gets into a problem, a warning or a `Debug`.

pub(crate) mod env;
mod fields;
/// What any configuration must keep to; the fuzzer runs it, and the tests do on what it came upon.
#[cfg(any(test, fuzzing))]
#[path = "../../../fuzz/bodies/config.rs"]
pub(crate) mod fuzz;
pub(crate) mod help;
mod itself;
mod lists;
mod node;
mod peers;
pub(crate) mod problem;
mod routes;
mod source;
pub(crate) mod table;
mod tls;
mod value;
mod yaml;

#[cfg(test)]
pub(crate) mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ilp_router::config::PeerId;
use ilp_runtime::tls::TlsOptions;
use log::LevelFilter;

pub(crate) use env::Environment;
pub(crate) use node::clash;
pub(crate) use peers::PeerPlace;
pub(crate) use problem::{Origin, Problem, Problems};
pub(crate) use value::{Invalid, time};

use source::Source;
use table::{CONFIG_FILE, NODE, PEER_VARIABLE, Scope, peer_variable};

/// All that a node is told. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub(crate) struct NodeConfig {
    /// What its connector is told.
    pub(crate) router: ilp_router::Config,
    /// Where the BTP server listens; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// How it speaks TLS.
    pub(crate) tls: TlsOptions,
    /// Where the HTTP server listens; port 0 takes a free one.
    pub(crate) health_listen: SocketAddr,
    /// The least severe log lines of this node.
    pub(crate) log_level: LevelFilter,
    /// What log lines look like; the same for all nodes of a process.
    pub(crate) log_format: LogFormat,
    /// Whether packets are logged at INFO.
    pub(crate) log_packets: bool,
    /// How long critical peers that have never been connected may take before they count as down.
    pub(crate) start_timeout: Duration,
    /// Worker threads of the process, the same for all its nodes; `None` is one per CPU.
    pub(crate) threads: Option<usize>,
    /// What the operator should know, to be logged at WARN once the log is up.
    pub(crate) warnings: Vec<Problem>,
    /// Certificates that nobody will accept. A node tells of them by itself when it starts.
    pub(crate) certificate_warnings: Vec<Problem>,
    /// Where things were written, for problems that show later.
    pub(crate) places: Places,
}

/// What log lines look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Where the parts of a node were written.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The file, else the process.
    pub(crate) node: Origin,
    pub(crate) node_id: Origin,
    pub(crate) address: Origin,
    pub(crate) listen: Origin,
    pub(crate) health_listen: Origin,
    /// In the order of `router.peers`.
    pub(crate) peers: Vec<PeerPlace>,
    /// In the order of `router.routes`.
    pub(crate) routes: Vec<Origin>,
}

/// A setting from the command line.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// As it was typed: `--log-level`.
    pub(crate) flag: String,
    /// The key that it sets.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: String,
}

/// What reading came upon besides the nodes that are good.
#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    /// About nodes that are not good.
    warnings: Vec<Problem>,
    /// All peers that were written down, good or not.
    peers: Vec<PeerId>,
}

/// Reads the configuration of one node per file; of one node from the environment if there is none.
///
/// Without `files`, the one that `CONFIG_FILE` names is read. At least one node if it succeeds.
///
/// # Errors
/// Every problem of every file. [`Problems::usage`] is set if the files cannot be combined with
/// what the environment or the flags say.
pub(crate) fn load(
    files: &[PathBuf],
    flags: &[Flag],
    env: &Environment,
) -> Result<Vec<NodeConfig>, Problems> {
    let Loaded {
        nodes,
        problems,
        mut warnings,
        usage,
    } = load_each(files, flags, env);
    if problems.is_empty() {
        return Ok(nodes);
    }
    warnings.extend(nodes.into_iter().flat_map(|node| node.warnings));
    Err(Problems {
        usage,
        ..Problems::new(problems, warnings)
    })
}

/// What is good, and what is wrong with the rest.
pub(crate) struct Loaded {
    /// The nodes whose files have no problem.
    pub(crate) nodes: Vec<NodeConfig>,
    /// Everything else.
    pub(crate) problems: Vec<Problem>,
    /// What may be meant by what is wrong.
    pub(crate) warnings: Vec<Problem>,
    /// Some problem is with how files and variables were put together.
    usage: bool,
}

/// As [`load`], but one bad file does not keep the others back.
pub(crate) fn load_each(files: &[PathBuf], flags: &[Flag], env: &Environment) -> Loaded {
    let mut found = Found::default();
    let named: Vec<PathBuf> = match env.get(CONFIG_FILE).filter(|_| files.is_empty()) {
        None => Vec::new(),
        Some(Ok(name)) => vec![name.into()],
        Some(Err(_)) => {
            let (what, fix) = ("the name is not UTF-8", "name the file by --config");
            let problem = Problem::new(&Origin::env(CONFIG_FILE), what, fix);
            found.problems.push(problem);
            return Loaded {
                nodes: Vec::new(),
                problems: found.problems,
                warnings: found.warnings,
                usage: false,
            };
        }
    };
    let files = if files.is_empty() { &named } else { files };
    let mut nodes = Vec::new();
    if files.len() > 1 {
        one_node_only(flags, env, &mut found.problems);
        if !found.problems.is_empty() {
            // the files would be read with settings that were never meant for them
            return Loaded {
                nodes,
                problems: found.problems,
                warnings: found.warnings,
                usage: true,
            };
        }
    }
    if files.is_empty() {
        nodes.extend(node::build(None, None, flags, env, &mut found));
    }
    for path in files {
        let Some(source) = Source::read(path, &mut found.problems) else {
            continue;
        };
        let before = found.problems.len();
        let Some(tree) = yaml::parse(&source.name, &source.text, &mut found.problems) else {
            continue;
        };
        // what else is wrong with a file that has a key twice is told all the same, but which value was meant is not known
        let readable = found.problems.len() == before;
        let directory = source.directory.as_deref();
        match node::build(Some(tree), directory, flags, env, &mut found) {
            Some(node) if !readable => found.warnings.extend(node.warnings),
            node => nodes.extend(node),
        }
    }
    settle(nodes, found, env)
}

/// Judges what concerns all nodes together.
fn settle(mut nodes: Vec<NodeConfig>, mut found: Found, env: &Environment) -> Loaded {
    let alone = found.problems.len();
    one_owner_each(&nodes, env, &mut found.problems);
    node::agree(&mut nodes);
    let unclaimed = peers::unclaimed(env, &found.peers);
    match nodes.first_mut() {
        Some(first) => first.warnings.extend(unclaimed),
        None => found.warnings.extend(unclaimed),
    }
    Loaded {
        nodes,
        usage: found.problems.len() > alone,
        problems: found.problems,
        warnings: found.warnings,
    }
}

/// With several nodes, nothing outside of their files may be meant for one of them.
fn one_node_only(flags: &[Flag], env: &Environment, problems: &mut Vec<Problem>) {
    let one_node =
        |key: &str| table::find(NODE, key).is_some_and(|key| key.scope == Scope::OneNode);
    let mut origins = Vec::new();
    for flag in flags.iter().filter(|flag| one_node(&flag.key)) {
        origins.push((Origin::Flag(flag.flag.as_str().into()), flag.key.clone()));
    }
    for key in NODE
        .iter()
        .filter(|key| one_node(key.name) && env.get(key.env).is_some())
    {
        origins.push((Origin::env(key.env), key.name.to_owned()));
    }
    let problem = |(origin, key): &(Origin, String)| {
        Problem::new(
            origin,
            "it is for one node, but several configuration files were given",
            format!("unset it and write {key} into each file"),
        )
    };
    problems.extend(origins.iter().map(problem));
}

/// With several nodes, a variable of a peer must mean the peer of one of them.
fn one_owner_each(nodes: &[NodeConfig], env: &Environment, problems: &mut Vec<Problem>) {
    for name in env.names(PEER_VARIABLE) {
        let owns = |node: &&NodeConfig| {
            node.router.peers.iter().any(|peer| {
                let prefix = peer_variable(peer.id.as_str(), "");
                let suffix = name.strip_prefix(&prefix);
                suffix.is_some_and(|suffix| table::PEER.iter().any(|key| key.env == suffix))
            })
        };
        let owners: Vec<&str> = nodes
            .iter()
            .filter(owns)
            .map(|node| node.router.node_id.as_str())
            .collect();
        if owners.len() > 1 {
            let what = format!("{} have a peer of this name each", owners.join(" and "));
            let fix = "unset it and write the setting into each file";
            problems.push(Problem::new(&Origin::env(name), what, fix));
        }
    }
}
