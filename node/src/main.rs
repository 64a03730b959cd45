#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
//! The binary: reads the command line and hands over.
//!
//! | module | holds |
//! |---|---|
//! | [`cli`] | every command with its flags and help |
//! | [`config`] | YAML, environment and flags to a node's configuration |
//! | [`check`] | configurations judged alone and as a network |
//! | [`topology`] | the files of networks |
//! | [`decode`] | bytes taken apart for people |
//! | [`run`], [`signals`] | nodes from their start to their end |
//! | `faults` | bugs on purpose, in builds for tests only |
//! | [`log`], [`metrics`], [`http`] | what an operator sees of them |
//! | [`mod@healthcheck`] | the container's view of a node |
//! | [`mod@runtime`] | what all of it runs on |
//! | [`tools`], [`demo`] | clients of BTP servers, and a network to look at |
//! | [`mod@bench`] | how fast a connector is |
//! | [`terminal`] | stdout and stderr |
//! | [`mod@version`] | which build this is |

mod bench;
mod check;
mod cli;
mod config;
mod decode;
mod demo;
#[cfg(feature = "fault-injection")]
mod faults;
mod healthcheck;
mod http;
mod log;
mod metrics;
mod run;
mod runtime;
mod signals;
mod terminal;
mod tools;
mod topology;
mod version;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use cli::{Cli, Command, ConfigArgs, HealthcheckArgs, HelpArgs};
use config::{Environment, NodeConfig, Problems};
use runtime::{Choice, RuntimeArgs};

/// What the command line or a configuration was refused with.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    terminal::said_it_all(dispatch())
}

fn dispatch() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    // clap ends at --help and never sees what follows it
    if matches!(&args[..], [_, flag, topic] if (flag == "--help" || flag == "-h") && topic == "config")
    {
        return print(&config::help::text());
    }
    let Cli {
        command,
        runtime: wanted,
    } = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return told(&error),
    };
    // only asked for by commands that need one
    let runtime = |command| chosen(&wanted, command);
    match command {
        Command::Topology(args) => topology::main(&args, wanted.named()),
        Command::Run(args) => {
            let runtime = runtime("run");
            match load(&args.config, "run") {
                Ok(nodes) => match unshared(&nodes) {
                    Ok(()) => run::run(nodes, runtime),
                    Err(code) => code,
                },
                Err(code) => code,
            }
        }
        Command::Check(args) => check::main(&args),
        Command::Decode(args) => decode::main(&args),
        Command::Demo(args) => demo::main(args, runtime("demo")),
        Command::Send(args) => tools::main(args, runtime("send")),
        Command::Receive(args) => tools::main(args, runtime("receive")),
        Command::Ping(args) => tools::main(args, runtime("ping")),
        Command::Bench(args) => bench::main(&args, runtime("bench")),
        Command::Healthcheck(args) => healthcheck(&args),
        Command::Help(args) => help(&args),
    }
}

/// The nodes of a configuration; if it has problems, they are printed, and this is the exit code.
fn load(args: &ConfigArgs, command: &str) -> Result<Vec<NodeConfig>, ExitCode> {
    args.load(&Environment::of_process()).map_err(|problems| {
        if problems.usage {
            let mut cli = built();
            let command = cli.find_subcommand_mut(command).cloned().unwrap_or(cli);
            wrong_use(command, ErrorKind::ArgumentConflict, &problems.to_string());
        }
        terminal::complain(&problems.to_string());
        ExitCode::from(USAGE)
    })
}

/// Refuses nodes that cannot run side by side before one of them has begun.
fn unshared(nodes: &[NodeConfig]) -> Result<(), ExitCode> {
    let problems = check::together(nodes);
    if problems.is_empty() {
        return Ok(());
    }
    terminal::complain(&Problems::new(problems, Vec::new()).to_string());
    Err(ExitCode::from(USAGE))
}

/// The runtime for a command; ends the process if there is no such.
fn chosen(args: &RuntimeArgs, command: &str) -> Choice {
    args.chosen(tools::exit::env).unwrap_or_else(|error| {
        let mut cli = built();
        let command = cli.find_subcommand_mut(command).cloned().unwrap_or(cli);
        wrong_use(command, ErrorKind::InvalidValue, &error)
    })
}

/// The command line with the full names of its commands.
fn built() -> clap::Command {
    let mut cli = Cli::command();
    cli.build();
    cli
}

/// What clap has to say instead of a command: help and version are what was asked for, all else is wrong use.
fn told(said: &clap::Error) -> ExitCode {
    let exit = u8::try_from(said.exit_code()).unwrap_or(USAGE);
    match said.print() {
        Err(error) if !said.use_stderr() => terminal::unsaid(error),
        _ => {}
    }
    ExitCode::from(exit)
}

/// Ends the process as clap does: with the message, the usage, and exit code 2.
fn wrong_use(mut command: clap::Command, kind: ErrorKind, message: &str) -> ! {
    command.error(kind, message).exit()
}

fn healthcheck(args: &HealthcheckArgs) -> ExitCode {
    // containers know 0 and 1 only
    let Ok(nodes) = load(&args.config(), "healthcheck") else {
        return ExitCode::FAILURE;
    };
    let sick = |node: &NodeConfig| {
        Some(healthcheck::run(node.health_listen, args.timeout))
            .filter(|code| *code != ExitCode::SUCCESS)
    };
    nodes.iter().find_map(sick).unwrap_or(ExitCode::SUCCESS)
}

fn help(args: &HelpArgs) -> ExitCode {
    let mut cli = built();
    match args.topic.as_deref() {
        Some("config") if args.markdown => print(&config::help::markdown()),
        Some("config") => print(&config::help::text()),
        None => print(&cli.render_long_help().to_string()),
        Some(topic) => match cli.find_subcommand_mut(topic) {
            Some(command) => print(&command.render_long_help().to_string()),
            None => {
                let message =
                    format!("no command is called '{topic}'; there is also `help config`");
                wrong_use(cli, ErrorKind::InvalidSubcommand, &message)
            }
        },
    }
}

fn print(text: &str) -> ExitCode {
    terminal::say(text.trim_end());
    ExitCode::SUCCESS
}
