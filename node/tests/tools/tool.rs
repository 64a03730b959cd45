//! A process of one of the tools, and what it prints.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use crate::process::{PATIENCE, command};

/// A tool that runs until it is told to end; killed on drop.
pub(crate) struct Tool {
    child: Child,
    lines: Receiver<String>,
    /// All lines so far, of stdout and stderr.
    pub(crate) seen: Vec<String>,
}

/// What a tool printed, and how it ended.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Tool {
    pub(crate) fn spawn(arguments: &[&str]) -> Self {
        Self::of(piped(arguments))
    }

    /// With variables of the environment.
    #[allow(dead_code)] // not needed by all who use this file
    pub(crate) fn spawn_with(arguments: &[&str], env: &[(&str, String)]) -> Self {
        let mut command = piped(arguments);
        command.envs(env.iter().cloned());
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (tell, lines) = channel();
        forward(child.stdout.take().unwrap(), tell.clone());
        forward(child.stderr.take().unwrap(), tell);
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// The next line that contains `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with {text:?} came, but:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal, by its short name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .arg("-c")
                .arg(kill)
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end; the exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(_) if left.is_zero() => panic!("it does not end:\n{}", self.seen.join("\n")),
                Err(_) => return self.child.wait().unwrap().code(),
            }
        }
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a tool to its end.
pub(crate) fn run(arguments: &[&str]) -> Done {
    Done::of(piped(arguments))
}

/// With variables of the environment.
#[allow(dead_code)] // not needed by all who use this file
pub(crate) fn run_with(arguments: &[&str], env: &[(&str, String)]) -> Done {
    let mut command = piped(arguments);
    command.envs(env.iter().cloned());
    Done::of(command)
}

impl Done {
    fn of(mut command: Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: status.code(),
            out: text(stdout),
            err: text(stderr),
        }
    }
}

fn piped(arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn forward(stream: impl Read + Send + 'static, tell: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
}
