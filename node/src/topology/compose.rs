//! The compose file, and what to do with it.

use std::fmt::Write as _;
use std::path::Path;

use super::Secrets;
use super::args::Plan;
use super::config::{BTP, HTTP};
use super::files::MARK;
use super::network::{KEY, Network, RECEIVER, SENDER};

/// Where a container has its configuration.
const MOUNT: &str = "/etc/ilp-connector/node.yaml";

/// `docker-compose.yml`.
pub(crate) fn text(plan: &Plan, network: &Network) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    let _ = head(plan, network, &mut out);
    for at in 0..network.nodes.len() {
        let _ = node(plan, network, at, &mut out);
    }
    let _ = tools(network, &mut out);
    out.push_str("\nnetworks:\n  ilp:\n    name: ${ILP_PREFIX:-}ilp\n");
    out
}

fn head(plan: &Plan, network: &Network, out: &mut String) -> std::fmt::Result {
    let (arguments, image, to) = (plan.arguments(), &plan.image, network.destination());
    let (shape, count) = (plan.shape.noun(), plan.nodes);
    let many = if count == 1 {
        "connector"
    } else {
        "connectors"
    };
    write!(
        out,
        "{MARK}{arguments}`: a {shape} of {count} {many}.
#
#   docker-compose up -d                        or docker compose; in whatever order they start, they find each other
#   docker-compose ps                           who is healthy: all of its links are up
#   docker-compose run --rm sender --count 10   ten packets to {to}
#   docker-compose down
#
# Secrets are taken from .env; `check` and `run` on this machine take the same ones from secrets/.

x-container: &container
  image: \"{image}\"
  networks: [ilp]
  read_only: true
  cap_drop: [ALL]
  security_opt: [\"no-new-privileges:true\"]
  logging:
    driver: json-file
    options: {{max-size: 20m, max-file: \"3\"}}

x-node: &node
  <<: *container
  restart: unless-stopped
  stop_grace_period: 15s        # a node takes up to 8 s (SHUTDOWN_TIMEOUT) to finish what is in flight
  healthcheck:                  # as in the image
    test: [\"CMD\", \"ilp-connector\", \"healthcheck\"]
    interval: 3s
    timeout: 2s
    retries: 2
    start_period: 5s

x-settings: &settings
  CONFIG_FILE: {MOUNT}
  LOG_LEVEL: ${{LOG_LEVEL:-info}}
  LOG_PACKETS: ${{LOG_PACKETS:-true}}   # one log line per packet and step: good to watch, slow under load

services:
"
    )
}

fn node(plan: &Plan, network: &Network, at: usize, out: &mut String) -> std::fmt::Result {
    let node = &network.nodes[at];
    let id = node.id();
    let (btp, http) = (plan.btp_port_of(at), plan.http_port_of(at));
    let file = node.file();
    write!(
        out,
        "  {id}:
    <<: *node
    container_name: ${{ILP_PREFIX:-}}{id}
    volumes: [\"./{file}:{MOUNT}:ro\"]
    ports: [\"127.0.0.1:{btp}:{BTP}\", \"127.0.0.1:{http}:{HTTP}\"]
    environment:
      <<: *settings
"
    )?;
    if let Some(runtime) = plan.runtime(at) {
        writeln!(out, "      ILP_RUNTIME: {runtime}")?;
    }
    let linked = node.neighbours.iter();
    let linked = linked.map(|other| (network.nodes[other.node].id(), other.secret.as_str()));
    let guests = network.guests(at).map(|guest| (guest.to_owned(), guest));
    for (peer, secret) in linked.chain(guests) {
        let peer = peer.to_ascii_uppercase().replace('-', "_");
        writeln!(out, "      BTP_PEER_{peer}_SECRET: {}", from_env(secret))?;
    }
    writeln!(out)
}

/// The two that use the network. Neither answers `/health`.
fn tools(network: &Network, out: &mut String) -> std::fmt::Result {
    let id = |node: usize| network.nodes[node].id();
    let (first, last, to) = (
        id(network.sender),
        id(network.receiver),
        network.destination(),
    );
    let (of_receiver, of_sender, key) = (from_env(RECEIVER), from_env(SENDER), from_env(KEY));
    write!(
        out,
        "  # Fulfils what it is sent at {to}, and counts it.
  {RECEIVER}:
    <<: *container
    container_name: ${{ILP_PREFIX:-}}{RECEIVER}
    restart: unless-stopped
    command: [\"receive\", \"--via\", \"ws://{last}:{BTP}\", \"--user\", \"{RECEIVER}\", \"--json\"]
    environment:
      ILP_TOKEN: {of_receiver}
      ILP_KEY: {key}
    healthcheck: {{disable: true}}

  # Not started by `up`: docker-compose run --rm sender --count 1000
  {SENDER}:
    <<: *container
    profiles: [tools]
    entrypoint: [\"ilp-connector\", \"send\", \"--via\", \"ws://{first}:{BTP}\", \"--user\", \"{SENDER}\", \"--to\", \"{to}\"]
    environment:
      ILP_TOKEN: {of_sender}
      ILP_KEY: {key}
    healthcheck: {{disable: true}}
"
    )
}

/// What compose puts a secret in place of.
fn from_env(secret: &str) -> String {
    format!("${{{}:?is missing in .env}}", variable(secret))
}

fn variable(secret: &str) -> String {
    match secret {
        KEY => "ILP_KEY".to_owned(),
        name => format!("SECRET_{}", name.to_ascii_uppercase().replace('-', "_")),
    }
}

/// `.env`.
pub(crate) fn env(plan: &Plan, secrets: &Secrets) -> String {
    let mut out = format!("{MARK}{}`. Keep it to yourself.\n", plan.arguments());
    for (name, secret) in &secrets.0 {
        let _ = writeln!(out, "{}={secret}", variable(name));
    }
    out
}

/// What to tell people when all is written.
pub(crate) fn what_next(plan: &Plan, network: &Network) -> String {
    let written = plan.out.display();
    let out = shell_word(&plan.out);
    let (first, last) = (network.nodes.first(), network.nodes.last());
    let configs = match (first, last) {
        (Some(first), Some(last)) if plan.nodes > 1 => {
            format!("{} … {}", first.file(), last.file())
        }
        (first, _) => first.map(super::network::Node::file).unwrap_or_default(),
    };
    let to = network.destination();
    let Some(runtime) = &plan.local else {
        let build = match plan.image.as_str() {
            "ilp-connector" => {
                "  docker build -t ilp-connector .               # where the Dockerfile is, once\n"
            }
            _ => "",
        };
        return format!(
            "wrote {written}/: docker-compose.yml, {configs}; for your eyes only: .env, secrets/

next:
{build}  cd {out}
  docker-compose up -d                          # or docker compose up -d
  docker-compose run --rm sender --count 1000   # packets to {to}"
        );
    };
    let files = network
        .nodes
        .iter()
        .map(|node| format!(" -c {out}/{}", node.file()));
    let runtime = runtime
        .as_ref()
        .map(|name| format!(" --runtime {name}"))
        .unwrap_or_default();
    let tool = |name: &str, at: usize| {
        let (command, more) = match name {
            SENDER => ("send", format!(" --to {to} --count 1000")),
            _ => ("receive", String::new()),
        };
        format!(
            "  ILP_KEY=$(cat {out}/secrets/{KEY}) ILP_TOKEN=$(cat {out}/secrets/{name}) ilp-connector {command} \\\n    \
             --via ws://127.0.0.1:{} --user {name}{more}",
            plan.btp_port_of(at)
        )
    };
    format!(
        "wrote {written}/: {configs}; for your eyes only: secrets/

next, each in a terminal of its own:
  ilp-connector run{runtime}{}
{}
{}",
        files.collect::<String>(),
        tool(RECEIVER, network.receiver),
        tool(SENDER, network.sender),
    )
}

/// A path as a shell reads it as one word, and no command as an option.
fn shell_word(path: &Path) -> String {
    let path = path.display().to_string();
    let path = if path.starts_with('-') {
        format!("./{path}")
    } else {
        path
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}
