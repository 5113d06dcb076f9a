//! Many seeds of which some fail.

use std::time::Duration;

use super::*;
use crate::stampede::simulate::failure::Simulated;
use crate::stampede::simulate::many::many;
use crate::stampede::simulate::progress::{Progress, Work};
use crate::stampede::simulate::written::Written;

/// Seeds 2 to 9, of which those fail that are told.
fn seeds(jobs: &str, sabotage: fn(u64, Ports) -> Ports) -> SimulateArgs {
    let args = ["simulate", "--seeds", "2..9", "--jobs", jobs, "--no-shrink"];
    let small = ["--seats", "40", "--buyers", "80", "--demand", "2"];
    let mut args = Program::parse_from(args.iter().chain(&small)).args;
    args.sabotage = Some(sabotage);
    args
}

fn seeds_run(simulated: &Simulated) -> u64 {
    simulated.report.simulation.as_ref().map_or(0, |run| run.seeds_run)
}

#[test]
fn the_first_seed_that_fails_ends_it_and_is_told() {
    let args = seeds("1", |seed, ports| if seed == 4 { leak(seed, ports) } else { ports });
    let simulated = simulate(&args, None).expect("it runs");
    assert_eq!(seeds_run(&simulated), 3, "seeds 2, 3 and 4 were begun");
    let failed = simulated.failed.expect("seed 4 fails");
    assert_eq!((failed.seed, failed.horizon), (4, None));
    assert!(failed.broken.text.contains("seat 7 of performance"), "{failed}");
    assert!(failed.repeat.contains(" --seed 4 "), "{failed}");
}

#[test]
fn the_lowest_seed_that_fails_is_told_whichever_thread_is_faster() {
    let args = seeds("3", |seed, ports| if seed >= 4 { leak(seed, ports) } else { ports });
    let simulated = simulate(&args, None).expect("it runs");
    assert!(seeds_run(&simulated) <= 6, "at most one more for each thread than seeds 2 to 4");
    assert_eq!(simulated.failed.expect("seed 4 fails").seed, 4);
}

#[test]
fn the_progress_of_many_seeds_tells_their_virtual_time() {
    let args = seeds("2", |_, ports| ports);
    let progress = Arc::new(Progress::default());
    let ended = many(&args, args.seeds.expect("seeds"), &Written::to(None), &progress);
    let run = ended.expect("it runs").report.simulation.expect("a simulation");
    let line = Work::of(&args).line(&progress, Duration::ZERO);
    let hours: i64 = line
        .strip_prefix("    0 s  8 of 8 seeds, ")
        .and_then(|rest| rest.strip_suffix(" h of virtual time"))
        .and_then(|hours| hours.parse().ok())
        .unwrap_or_else(|| panic!("{line}"));
    let all = run.virtual_s / 3_600;
    assert!((all - 8..=all).contains(&hours), "{hours} h are told of {all}");
}

#[test]
fn the_trace_of_the_seed_that_failed_is_written() {
    let path = std::env::temp_dir().join(format!("stampede-{}-of-seeds", std::process::id()));
    let file = std::fs::File::create(&path).expect("a file");
    let args = seeds("2", |seed, ports| if seed == 4 { leak(seed, ports) } else { ports });
    let failed = simulate(&args, Some(file)).expect("it runs").failed.expect("it fails");
    let trace = std::fs::read_to_string(&path).expect("the trace is there");
    std::fs::remove_file(&path).expect("the file is ours");
    let text = &failed.broken.text;
    let reservation = text.split("reservation ").nth(1).and_then(|rest| rest.get(..36));
    assert!(trace.contains(reservation.expect("it is named")), "the trace is of another run");
}
