//! Each rate by itself: it brings about what it says, and nothing else that has a rate.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ticketing_core::memory::GatewayFaults;
use ticketing_core::testing::faults::FaultRates;

use super::*;
use crate::stampede::report::Report;
use crate::stampede::simulate::outcome;
use crate::stampede::simulate::progress::RunProgress;
use crate::stampede::simulate::rates::Rates;

/// What people and banks do of their own accord is off too.
const NOTHING: [&str; 4] =
    ["deposits.late=0", "deposits.short=0", "deposits.reversed=0", "seller.change=0"];

/// A sound run of a small season with these rates on top of nothing.
#[track_caller]
fn run(settings: &[&str]) -> Report {
    let small = ["simulate", "--seed", "3", "--seats", "40", "--buyers", "120", "--demand", "3"];
    let settings = NOTHING.iter().chain(settings).flat_map(|setting| ["--fault", setting]);
    let args = small.into_iter().chain(["--faults", "none"]).chain(settings);
    let args = Program::parse_from(args).args;
    let outcome = outcome::run(&args, args.seed, None, RunProgress::default()).expect("it runs");
    assert_eq!(outcome.broken, None, "{:?}", args.rates);
    outcome.report
}

/// High enough to be met in a small season, low enough to get through it.
fn rate_of(name: &str) -> u32 {
    match name {
        "flush.deadlock" | "flush.answer_lost" => 5_000,
        "process.death" | "clock.forward" | "clock.back" | "holds.lost" | "holds.lost_some" => 60,
        "seller.change" => 600,
        "seller.call_off" => 1_000,
        _ if FaultRates::names().any(|known| known == name) => 10_000,
        _ if GatewayFaults::NAMES.contains(&name) => 200,
        _ => 700,
    }
}

/// Under which name it is counted what a rate brings about; bounds of times are counted nowhere.
fn counted_as(name: &'static str) -> Option<&'static str> {
    Some(match name {
        "process.death" => "processes_died",
        "clock.forward" => "clock_jumps_forward",
        "clock.back" => "clock_jumps_back",
        "holds.lost" => "holds_lost",
        "holds.lost_some" => "holds_lost_some",
        "flush.deadlock" => "store_deadlocks",
        "flush.answer_lost" => "store_answers_lost",
        "users.inactive" => "users_inactive",
        "fraud.suspected" => "fraud_suspected",
        "deposits.late" => "deposits_late",
        "deposits.short" => "deposits_short",
        "deposits.reversed" => "deposits_reversed",
        "seller.change" => "seller_changes",
        "seller.call_off" => "performances_called_off",
        "notice.again" => "notices_again",
        "notice.forged" => "notices_forged",
        _ if name.ends_with("_max") => return None,
        _ => name,
    })
}

/// How often each rate brought something about.
fn met(report: &Report) -> BTreeMap<&'static str, u64> {
    let counted = Rates::names().into_iter().filter_map(|name| Some((name, counted_as(name)?)));
    counted
        .map(|(name, as_what)| (name, report.faults.get(as_what).copied().unwrap_or(0)))
        .collect()
}

/// Does something for each of many, on all cores.
fn at_once<T: Sync>(all: &[T], each: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    each(one);
                }
            });
        }
    });
}

#[test]
fn each_rate_brings_about_what_it_says_and_nothing_else() {
    assert!(met(&run(&[])).values().all(|count| *count == 0), "something happens by itself");
    let names: Vec<&str> = met(&run(&[])).into_keys().collect();
    assert!(names.len() > 60, "{names:?}");
    let wrong = Mutex::new(Vec::new());
    at_once(&names, |name| {
        let setting = format!("{name}={}", rate_of(name));
        // An older value is given only of what changes.
        let besides = if *name == "layouts.stale" { "seller.change" } else { "" };
        let changes = format!("seller.change={}", rate_of("seller.change"));
        let settings = [setting.as_str(), changes.as_str()];
        let settings = if besides.is_empty() { &settings[..1] } else { &settings[..] };
        let met = met(&run(settings));
        let others =
            met.iter().filter(|(other, count)| **count > 0 && *other != name && **other != besides);
        let others: Vec<&&str> = others.map(|(other, _)| other).collect();
        if met[name] == 0 || !others.is_empty() {
            let mut wrong = wrong.lock().unwrap();
            wrong.push(format!("{setting} happens {} times, besides {others:?}", met[name]));
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_bound_of_a_time_matters() {
    let bounds: [(&str, &[&str], u32); 5] = [
        ("delay_max", &["store.delay=20000"], 60),
        ("gateway.slow_max", &["gateway.slow=500"], 120),
        ("gateway.late_max", &["gateway.late=300"], 7_200),
        ("gateway.notice_late_max", &["gateway.notice_late=800"], 86_400),
        ("clock.jump_max", &["clock.forward=60", "clock.back=60"], 50),
    ];
    let of_bounds = Rates::names().into_iter().filter(|name| counted_as(name).is_none()).count();
    assert_eq!(bounds.len(), of_bounds, "a bound is not looked at");
    at_once(&bounds, |(name, faults, most)| {
        // How many calls there are: what is marked in the trace is no call.
        let calls = |seconds: u32| {
            let bound = format!("{name}={seconds}");
            let report = run(&[faults, &[bound.as_str()][..]].concat());
            report.simulation.map(|run| run.calls)
        };
        assert_ne!(calls(1), calls(*most), "{name} does nothing");
    });
}
