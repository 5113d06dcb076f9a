//! Tens of thousands of simulated buyers storm one performance.
//!
//! Exit status: 0 if every invariant holds, 1 if one is broken or the run failed, 2 for bad arguments.

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ticketing_examples::stampede::args::{Cli, JsonTarget, LoadArgs};
use ticketing_examples::stampede::report::Report;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Cli::parse().load;
    let file = open(args.json.as_ref());
    match storm(&args, file).await {
        Ok(report) => ExitCode::from(report.exit_status()),
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Opens the file before the run, so that a bad path costs no minute.
fn open(target: Option<&JsonTarget>) -> Option<File> {
    let Some(JsonTarget::File(path)) = target else { return None };
    let file = File::create(path).unwrap_or_else(|error| {
        let text = format!("cannot write the JSON to {}: {error}", path.display());
        Cli::command().error(ErrorKind::ValueValidation, text).exit()
    });
    Some(file)
}

async fn storm(args: &LoadArgs, file: Option<File>) -> Result<Report, Box<dyn std::error::Error>> {
    let report = ticketing_examples::stampede::run(args).await?;
    if args.json == Some(JsonTarget::Stdout) {
        eprint!("{report}");
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    if let Some(mut file) = file {
        serde_json::to_writer_pretty(&mut file, &report)?;
        writeln!(file)?;
    }
    Ok(report)
}
