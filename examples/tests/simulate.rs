//! `stampede simulate` as its users meet it: one run for one seed, pinned hashes, JSON, traces, refusals.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// A line for each level at a small and at the default size: the size, the faults, the seed, the hash. A change of
/// behaviour changes the hashes; when that was meant, put in the new ones.
const PINS: &str = include_str!("simulate.pins");

fn simulate(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stampede"));
    command.arg("simulate").args(args).output().expect("the program starts")
}

fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["--seats", "60", "--buyers", "300"].iter().chain(more).copied().collect()
}

#[track_caller]
fn report(args: &[&str]) -> Value {
    let output = simulate(&small(&[args, &["--json", "-"]].concat()));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("stampede-{}-{name}", std::process::id()))
}

/// Every level of faults has a pin for a season of this size.
#[track_caller]
fn is_pinned(scenario: &str, size: &[&str]) {
    let mut levels = BTreeSet::new();
    for pin in PINS.lines() {
        let words: Vec<&str> = pin.split_whitespace().collect();
        let [of, faults, seed, hash] = words[..] else { panic!("not a pin: {pin:?}") };
        if of == scenario {
            levels.insert(faults);
            let args = [size, &["--faults", faults, "--seed", seed, "--expect", hash]].concat();
            let output = simulate(&args);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    assert_eq!(levels, BTreeSet::from(["none", "mild", "harsh"]));
}

#[test]
fn small_seasons_have_their_pinned_hashes() {
    is_pinned("small", &small(&[]));
}

#[test]
fn seasons_of_the_default_size_have_their_pinned_hashes() {
    is_pinned("default", &[]);
}

#[test]
fn a_seed_gives_one_run_and_another_seed_another() {
    let hash = |seed: &str| report(&["--faults", "harsh", "--seed", seed])["trace_hash"].clone();
    let (one, again, other) = (hash("11"), hash("11"), hash("12"));
    assert_eq!(one, again);
    assert_ne!(one, other);
}

#[test]
fn the_json_has_the_keys_of_a_storm_and_its_own() {
    let report = report(&["--faults", "mild"]);
    let keys: Vec<&str> =
        report.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "buyers",
            "calls",
            "duration_s",
            "faults",
            "invariants",
            "memory_peak_bytes",
            "mode",
            "purchases_per_s",
            "refunded",
            "revenue",
            "seats",
            "seed",
            "seeds_run",
            "sold",
            "steps",
            "store",
            "tasks_peak",
            "tickets",
            "trace_hash",
            "virtual_s",
        ]
    );
    assert_eq!((&report["mode"], &report["buyers"]), (&"simulate".into(), &300.into()));
    assert!(report["virtual_s"].as_i64() > Some(86_400), "deposits take days: {report}");
    assert!(report["sold"].as_u64() > Some(20), "{report}");
    for (name, invariant) in report["invariants"].as_object().expect("an object") {
        assert_eq!(invariant["ok"], true, "{name}");
    }
    assert!(report["invariants"]["written_as_on_the_model"]["checked"].as_u64() > Some(100));
}

#[test]
fn many_seeds_add_up_whatever_thread_ran_them() {
    let run = |jobs| report(&["--faults", "harsh", "--seeds", "1..4", "--jobs", jobs]);
    let (one, two) = (run("1"), run("2"));
    assert_eq!((&one["seeds_run"], &one["buyers"]), (&4.into(), &1_200.into()));
    assert_eq!(one["trace_hash"], two["trace_hash"]);
    assert_eq!(one["faults"], two["faults"]);
}

#[test]
fn a_setting_that_does_not_fit_the_level_is_refused_with_a_sentence() {
    let args = ["--faults", "mild", "--fault", "gateway.decline=1000"];
    let output = simulate(&small(&args));
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8_lossy(&output.stderr);
    let sentence =
        "--fault gateway.decline=1000 cannot be set beside the other rates of --faults mild: ";
    assert!(errors.contains(sentence), "{errors}");
    assert!(errors.contains("or begin with --faults none"), "{errors}");
}

#[test]
fn processes_die_and_clocks_jump_until_the_doors_are_closed() {
    // Three times in two hours on average, each of two, for nine days; the sale itself is over within an hour.
    let report = report(&["--faults", "harsh"]);
    for what in ["processes_died", "clock_jumps_forward", "clock_jumps_back"] {
        let times = report["faults"][what].as_u64().expect("a number");
        assert!((300..1_500).contains(&times), "{times} {what}");
    }
}

#[test]
fn nobody_comes_after_the_horizon() {
    let all = report(&["--faults", "none"]);
    // Sales open two minutes after the beginning.
    let cut = report(&["--faults", "none", "--horizon", "150"]);
    let buyers = |report: &Value| report["buyers"].as_u64().expect("a number");
    assert!(
        buyers(&cut) > 0 && buyers(&cut) < buyers(&all),
        "{} of {}",
        buyers(&cut),
        buyers(&all)
    );
}

#[test]
fn a_trace_has_every_call_and_answer_as_a_line_of_json() {
    let path = scratch("trace");
    let report = report(&["--faults", "mild", "--trace", path.to_str().expect("a path")]);
    let text = std::fs::read_to_string(&path).expect("the trace is there");
    std::fs::remove_file(&path).expect("the file is ours");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let calls = lines.iter().filter(|line| line["what"] == "call").count() as u64;
    assert_eq!(report["calls"], calls);
    let of = |port: &str, call: &str| {
        lines.iter().any(|line| line["port"] == port && line["call"] == call)
    };
    assert!(of("store", "commit") && of("gateway", "confirm") && of("publisher", "publish"));
}

#[test]
fn another_hash_than_expected_fails_and_tells_how_to_repeat() {
    let output = simulate(&small(&["--expect", "0"]));
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("expected the trace hash 0, got"), "{errors}");
    assert!(errors.contains("-- simulate --seed 1 --seats 60 --buyers 300 "), "{errors}");
    assert!(errors.ends_with(" --expect 0\n"), "{errors}");
}

#[test]
fn each_fault_is_told_with_what_it_does() {
    let long = String::from_utf8(simulate(&["--help"]).stdout).expect("text");
    assert!(
        long.contains("  store.after               a commit to the store takes effect"),
        "{long}"
    );
    assert!(long.contains("  gateway.late              a call ends as unknown"), "{long}");
    let short = String::from_utf8(simulate(&["-h"]).stdout).expect("text");
    assert!(short.contains("gateway.late_max") && !short.contains("ends as unknown"), "{short}");
}

#[test]
fn bad_arguments_exit_with_2_and_run_nothing() {
    let bad: [&[&str]; 8] = [
        &["--buyers", "0"],
        &["--buyers", "1000001"],
        &["--faults", "harsh", "--fault", "flush.deadlock=99900"],
        &["--seeds", "9..1"],
        &["--seeds", "1..2", "--seed", "1"],
        &["--fault", "store.nothing=1"],
        &["--fault", "store.after=100001"],
        &["--trace", "/no/such/folder/trace"],
    ];
    for args in bad {
        let output = simulate(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?} is refused without a word");
    }
}
