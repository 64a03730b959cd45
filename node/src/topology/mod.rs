//! `topology`: the files of a network of N nodes, so that N is a number and not an edit.
//!
//! | file | what it is |
//! |---|---|
//! | [`args`] | the command line |
//! | [`shape`] | which nodes are linked, and which two are the furthest apart |
//! | [`network`] | addresses and routes of such a shape |
//! | [`config`] | a node's YAML |
//! | [`compose`] | the compose file, and the `.env` that it reads |
//! | [`files`] | the directory that all of it is written into |

pub(crate) mod args;
mod compose;
mod config;
mod files;
mod network;
mod shape;

use std::process::ExitCode;

use crate::terminal::say;
use crate::tools::exit::{OK, ToolError, random};
use args::{Plan, TopologyArgs};
use files::File;
use network::Network;

/// Runs the command.
pub(crate) fn main(args: &TopologyArgs, runtime: Option<&str>) -> ExitCode {
    let code = match run(args, runtime) {
        Ok(()) => OK,
        Err(error) => error.report("topology"),
    };
    ExitCode::from(code)
}

fn run(args: &TopologyArgs, runtime: Option<&str>) -> Result<(), ToolError> {
    let plan = args.plan(runtime)?;
    let network = Network::new(plan.shape, plan.nodes);
    let secrets = Secrets::draw(&network)?;
    files::write(&plan, &contents(&plan, &network, &secrets))?;
    say(&compose::what_next(&plan, &network));
    Ok(())
}

/// Everything that is written, by name.
fn contents(plan: &Plan, network: &Network, secrets: &Secrets) -> Vec<File> {
    let mut files: Vec<File> = (0..network.nodes.len())
        .map(|node| {
            let text = config::text(plan, network, node);
            File::open(network.nodes[node].file(), text)
        })
        .collect();
    if plan.local.is_none() {
        files.push(File::open(
            "docker-compose.yml",
            compose::text(plan, network),
        ));
        files.push(File::secret(".env", compose::env(plan, secrets)));
    }
    for (name, secret) in &secrets.0 {
        files.push(File::secret(
            format!("secrets/{name}"),
            format!("{secret}\n"),
        ));
    }
    let ignored = format!("{}`\n.env\nsecrets/\n", files::MARK);
    files.push(File::open(".gitignore", ignored));
    files
}

/// What the links are protected by, each under the name of its file. No `Debug`.
struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// 128 random bits for each.
    fn draw(network: &Network) -> Result<Self, ToolError> {
        let names = network.secrets();
        let secrets = names.into_iter().map(|name| {
            let bits: [u8; 16] = random()?;
            Ok((name, hex::encode(bits)))
        });
        Ok(Self(secrets.collect::<Result<_, ToolError>>()?))
    }
}
