//! `demo`.
pub(crate) fn main(_args: crate::tools::args::DemoArgs) -> std::process::ExitCode { std::process::ExitCode::FAILURE }
