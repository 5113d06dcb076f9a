//! Tens of thousands of simulated buyers storm one performance.
//!
//! Exit status: 0 if every invariant holds, 1 if one is broken or the run failed, 2 for bad arguments.

use std::process::ExitCode;

use clap::Parser;
use ticketing_examples::stampede::args::{Cli, JsonTarget, LoadArgs};
use ticketing_examples::stampede::report::Report;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Cli::parse().load;
    match storm(&args).await {
        Ok(report) if report.is_sound() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
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

async fn storm(args: &LoadArgs) -> Result<Report, Box<dyn std::error::Error>> {
    let report = ticketing_examples::stampede::run(args).await?;
    match &args.json {
        None => print!("{report}"),
        Some(JsonTarget::Stdout) => {
            eprint!("{report}");
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
        Some(JsonTarget::File(path)) => {
            print!("{report}");
            std::fs::write(path, serde_json::to_string_pretty(&report)? + "\n")?;
        }
    }
    Ok(report)
}
