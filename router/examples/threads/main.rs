//! A connector without async: `cargo run -p ilp-router --example threads -- --help`.
//!
//! This file reads arguments; `driver.rs` and the files beside it are the runtime.
#![allow(clippy::disallowed_methods)] // clock, sockets and threads are a driver's trade

#[path = "../common/config.rs"]
mod config;
mod driver;

use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::BuildHasher;
use std::io;
use std::process::ExitCode;

use config::{endpoint, neighbour, route};
use driver::Node;
use ilp_router::Connector;
use ilp_router::config::{Config, Endpoint, PeerConfig, Relation};

const HELP: &str = "\
An Interledger connector on plain threads. It drains and ends when its standard input does.

  --id NAME                 what we are called (threads)
  --address ADDRESS         our ILP address (test.threads)
  --listen ADDR             where we listen (127.0.0.1:3000)
  --peer ID=[URL],SECRET    a neighbour; with ws://host:port/path we dial it, without we wait for it
  --child ID=SECRET         a neighbour that is given the address below ours
  --route PREFIX=ID         where packets go; may be repeated like --peer and --child
";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("threads: {error}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let mut listen = "127.0.0.1:3000".parse()?;
    let mut config = Config::new("threads", "test.threads".parse()?);
    for pair in arguments.chunks(2) {
        let [flag, value] = pair else {
            return Err("an option lacks its value".into());
        };
        match flag.as_str() {
            "--id" => config.node_id.clone_from(value),
            "--address" => config.address = value.parse()?,
            "--listen" => listen = value.parse()?,
            "--peer" => config.peers.push(peer(value)?),
            "--child" => config.peers.push(child(value)?),
            "--route" => {
                let (prefix, next_hop) = split(value, '=')?;
                config
                    .routes
                    .push(route(prefix.parse()?, next_hop.parse()?));
            }
            _ => return Err("an argument is no option".into()), // and may be a secret
        }
    }
    for peer in &mut config.peers {
        peer.username = Some(config.node_id.clone());
    }
    let seed = RandomState::new().hash_one(listen);
    let connector = Connector::new(config, seed, driver::now())?;
    let node = Node::start(connector, listen, |event| eprintln!("{event:?}"))?;
    println!("listening on {}", node.local_addr());
    io::copy(&mut io::stdin(), &mut io::sink())?;
    node.shutdown();
    node.wait();
    Ok(())
}

/// Its error does not quote the text, which may hold a secret.
fn split(text: &str, at: char) -> Result<(&str, &str), String> {
    text.split_once(at)
        .ok_or_else(|| format!("a value lacks its {at:?}"))
}

fn peer(text: &str) -> Result<PeerConfig, Box<dyn Error>> {
    let (id, rest) = split(text, '=')?;
    let (url, secret) = split(rest, ',')?;
    let endpoint = if url.is_empty() {
        None
    } else {
        Some(parse_url(url)?)
    };
    Ok(neighbour(id.parse()?, secret, endpoint, Relation::Peer))
}

fn child(text: &str) -> Result<PeerConfig, Box<dyn Error>> {
    let (id, secret) = split(text, '=')?;
    Ok(neighbour(id.parse()?, secret, None, Relation::Child))
}

/// `ws://host:port[/path]`.
fn parse_url(url: &str) -> Result<Endpoint, Box<dyn Error>> {
    let rest = url.strip_prefix("ws://").ok_or("a URL begins with ws://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.rsplit_once(':').ok_or("a URL has a port")?;
    let host = host.trim_matches(['[', ']']);
    Ok(endpoint(host, port.parse()?, &format!("/{path}")))
}
