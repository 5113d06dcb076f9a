//! Tens of thousands of simulated buyers storm one performance, or whole seasons in virtual time.
//!
//! Exit status: 0 if every invariant holds, 1 if one is broken or the run failed, 2 for bad arguments, and if
//! a database that is to be verified cannot be read.

use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use serde::Serialize;
use ticketing_examples::stampede::args::{Cli, Command, JsonTarget, LoadArgs};
use ticketing_examples::stampede::simulate::{self, SimulateArgs};
use ticketing_examples::stampede::store::without_passwords;
use ticketing_examples::stampede::verify::{self, VerifyArgs};

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| refuse(&error));
    let (ended, failed) = match &cli.command {
        Some(Command::Simulate(args)) => (simulate(args), ExitCode::FAILURE),
        Some(Command::Verify(args)) => (verify(args), ExitCode::from(2)),
        None => (storm(&cli.load), ExitCode::FAILURE),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            eprintln!("  because: {cause}");
            source = cause.source();
        }
        failed
    })
}

/// Says what is wrong with the arguments, and repeats no password that stands in one.
fn refuse(error: &clap::Error) -> ! {
    let text = error.to_string();
    let shown = without_passwords(&text);
    if shown == text {
        error.exit();
    }
    eprint!("{shown}");
    std::process::exit(error.exit_code());
}

fn verify(args: &VerifyArgs) -> Result<ExitCode, Box<dyn Error>> {
    let file = json_file(args.json.as_ref());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let verified = runtime.block_on(verify::run(args))?;
    tell(&verified, args.json.as_ref(), file)?;
    Ok(ExitCode::from(verified.exit_status()))
}

fn storm(args: &LoadArgs) -> Result<ExitCode, Box<dyn Error>> {
    let file = json_file(args.json.as_ref());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(ticketing_examples::stampede::run(args))?;
    tell(&report, args.json.as_ref(), file)?;
    Ok(ExitCode::from(report.exit_status()))
}

fn simulate(args: &SimulateArgs) -> Result<ExitCode, Box<dyn Error>> {
    if let Err(error) = args.check() {
        Cli::command().error(ErrorKind::ValueValidation, error).exit();
    }
    let file = json_file(args.json.as_ref());
    let trace = args.trace.as_deref().map(|path| create(path, "trace"));
    let simulate::Simulated { report, failed } = simulate::simulate(args, trace)?;
    tell(&report, args.json.as_ref(), file)?;
    Ok(match failed {
        None => ExitCode::from(report.exit_status()),
        Some(failed) => {
            eprintln!("\n{failed}");
            ExitCode::FAILURE
        }
    })
}

/// Opens the file before the run, so that a bad path costs no minute.
fn json_file(target: Option<&JsonTarget>) -> Option<File> {
    let Some(JsonTarget::File(path)) = target else { return None };
    Some(create(path, "JSON"))
}

fn create(path: &Path, what: &str) -> File {
    File::create(path).unwrap_or_else(|error| {
        let text = format!("cannot write the {what} to {}: {error}", path.display());
        Cli::command().error(ErrorKind::ValueValidation, text).exit()
    })
}

fn tell(
    report: &(impl Display + Serialize),
    json: Option<&JsonTarget>,
    file: Option<File>,
) -> Result<(), Box<dyn Error>> {
    if json == Some(&JsonTarget::Stdout) {
        eprint!("{report}");
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        print!("{report}");
    }
    if let Some(mut file) = file {
        serde_json::to_writer_pretty(&mut file, report)?;
        writeln!(file)?;
    }
    Ok(())
}
