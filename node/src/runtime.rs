//! The runtimes that this binary was built with, and which of them runs a command.

use std::io;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use ilp_runtime::Runtime;

#[cfg(not(any(feature = "tokio", feature = "smol")))]
compile_error!("a connector needs a runtime: build with the feature tokio, or smol, or both");

/// The variable that chooses one.
pub(crate) const VARIABLE: &str = "ILP_RUNTIME";

/// Which runtime the command line asks for.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RuntimeArgs {
    #[arg(long, value_name = "NAME", global = true, display_order = 1000, help = HELP)]
    runtime: Option<String>,
}

impl RuntimeArgs {
    /// What the flag says, whatever it is.
    pub(crate) fn named(&self) -> Option<&str> {
        self.runtime.as_deref()
    }

    /// The one that the flag names, else the environment, else the first there is.
    ///
    /// # Errors
    /// What to tell people who ask for one that is not there.
    pub(crate) fn chosen(&self, env: impl Fn(&str) -> Option<String>) -> Result<Choice, String> {
        let of_env = || env(VARIABLE).filter(|name| !name.is_empty());
        let (source, name) = match &self.runtime {
            Some(name) => ("--runtime", name.clone()),
            None => match of_env() {
                Some(name) => (VARIABLE, name),
                None => return Ok(Choice::DEFAULT),
            },
        };
        Choice::from_str(&name, true).map_err(|_| {
            let there: Vec<&str> = Choice::value_variants()
                .iter()
                .map(|choice| choice.name())
                .collect();
            let there = there.join(", ");
            if KNOWN.contains(&name.to_ascii_lowercase().as_str()) {
                format!("{source}: {name} is not compiled into this binary, which has: {there}")
            } else {
                format!("{source}: no runtime is called {name:?}; this binary has: {there}")
            }
        })
    }
}

const HELP: &str = if cfg!(feature = "tokio") {
    "What sockets and tasks run on: tokio or smol [env: ILP_RUNTIME] [default: tokio]"
} else {
    "What sockets and tasks run on [env: ILP_RUNTIME] [default: smol]"
};

/// All that a build may have.
const KNOWN: [&str; 2] = ["tokio", "smol"];

/// A runtime that is compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    #[cfg(feature = "tokio")]
    Tokio,
    #[cfg(feature = "smol")]
    Smol,
}

/// What runs beside the tasks of a runtime.
pub(crate) trait Job {
    /// What comes of it.
    type Outcome;

    /// Runs on a thread that is none of the runtime's workers, and so may block.
    fn run(self, runtime: &impl Runtime) -> Self::Outcome;
}

impl Choice {
    #[cfg(feature = "tokio")]
    const DEFAULT: Self = Self::Tokio;
    #[cfg(not(feature = "tokio"))]
    const DEFAULT: Self = Self::Smol;

    pub(crate) const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio => "tokio",
            #[cfg(feature = "smol")]
            Self::Smol => "smol",
        }
    }

    /// Starts the runtime with so many worker threads (0: one per CPU) and runs `job` on this thread. Tasks that
    /// have not ended when `job` has are dropped.
    ///
    /// # Errors
    /// When its threads cannot be had.
    pub(crate) fn run<J: Job>(self, threads: usize, job: J) -> io::Result<J::Outcome> {
        // both poll what they are given on this very thread, which has nothing else to do
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio => {
                ilp_runtime_tokio::run(threads, |runtime| async move { job.run(&runtime) })
            }
            #[cfg(feature = "smol")]
            Self::Smol => {
                ilp_runtime_smol::run(threads, |runtime| async move { job.run(&runtime) })
            }
        }
    }
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            #[cfg(feature = "tokio")]
            Self::Tokio,
            #[cfg(feature = "smol")]
            Self::Smol,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(flag: Option<&str>, variable: Option<&str>) -> Result<Choice, String> {
        let args = RuntimeArgs {
            runtime: flag.map(str::to_owned),
        };
        args.chosen(|name| {
            assert_eq!(name, VARIABLE);
            variable.map(str::to_owned)
        })
    }

    #[test]
    fn the_first_that_is_compiled_in_is_the_default() {
        assert_eq!(chosen(None, None), Ok(Choice::value_variants()[0]));
        assert_eq!(chosen(None, Some("")), Ok(Choice::DEFAULT));
    }

    #[test]
    fn a_flag_beats_the_variable() {
        for choice in Choice::value_variants() {
            let name = choice.name();
            assert_eq!(chosen(Some(name), Some("nope")), Ok(*choice));
            assert_eq!(chosen(None, Some(name)), Ok(*choice));
        }
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_is() {
        let there: Vec<_> = Choice::value_variants().iter().map(|c| c.name()).collect();
        let there = there.join(", ");
        let error = chosen(Some("async-std"), None).unwrap_err();
        assert!(error.starts_with("--runtime: no runtime is called") && error.contains(&there));
        let error = chosen(None, Some("nope")).unwrap_err();
        assert!(error.starts_with("ILP_RUNTIME: ") && error.ends_with(&there));
        let missing = KNOWN.iter().filter(|name| !there.contains(*name));
        for name in missing {
            let error = chosen(Some(name), None).unwrap_err();
            assert!(error.contains("not compiled into"), "{error}");
        }
    }

    struct Nap;

    impl Job for Nap {
        type Outcome = u8;

        fn run(self, runtime: &impl Runtime) -> u8 {
            let of_task = runtime.clone();
            crate::tools::attach::wait_for(runtime, async move {
                of_task.sleep(std::time::Duration::from_millis(1)).await;
                42
            })
        }
    }

    #[test]
    fn a_job_may_block_its_thread_while_one_worker_runs_tasks() {
        for choice in Choice::value_variants() {
            assert_eq!(choice.run(1, Nap).unwrap(), 42, "{choice:?}");
        }
    }
}
