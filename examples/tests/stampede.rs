//! The program as its users meet it: exit status, JSON keys, what goes where.

use std::process::{Command, Output};

use serde_json::Value;

fn stampede(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stampede"));
    command.args(args).output().expect("the program starts")
}

fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let small = ["--seats", "200", "--buyers", "400", "--speed", "1500", "--duration", "4s"];
    small.iter().chain(more).copied().collect()
}

#[track_caller]
fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[track_caller]
fn assert_sound(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn a_small_stampede_is_sound_and_its_json_keeps_its_keys() {
    let output = stampede(&small(&["--json", "-", "--seed", "7"]));
    assert_sound(&output);
    let report = json(&output);
    assert_eq!(
        keys(&report),
        [
            "buyers",
            "duration_s",
            "faults",
            "invariants",
            "mode",
            "purchases_per_s",
            "refunded",
            "revenue",
            "seats",
            "seed",
            "sold",
            "steps",
            "store",
            "tickets",
        ]
    );
    assert_eq!(
        keys(&report["steps"]),
        [
            "cancel", "checkout", "confirm", "enter", "hold", "join", "look", "poll", "refund",
            "reserve", "top_up",
        ]
    );
    assert_eq!(keys(&report["steps"]["reserve"]), ["count", "max_us", "p50_us", "p99_us"]);
    assert_eq!(keys(&report["revenue"]), ["amount", "currency"]);
    assert_eq!(
        (&report["seed"], &report["mode"], &report["store"]),
        (&7.into(), &"load".into(), &"memory".into())
    );
    assert_eq!((&report["seats"], &report["buyers"]), (&200.into(), &400.into()));
    let sold = report["sold"].as_u64().expect("a number");
    assert!((100..=200).contains(&sold), "{sold} of 200 seats sold");
    assert_eq!(report["sold"], report["tickets"]);
    for (name, invariant) in report["invariants"].as_object().expect("an object") {
        assert_eq!(keys(invariant), ["checked", "ok"], "{name}");
        assert_eq!(invariant["ok"], true, "{name}");
    }
}

#[test]
fn the_report_is_for_the_eye_and_the_json_goes_to_a_file() {
    let path = std::env::temp_dir().join(format!("stampede-{}.json", std::process::id()));
    let output = stampede(&small(&["--faults", "none", "--json", path.to_str().expect("a path")]));
    assert_sound(&output);
    let text = String::from_utf8_lossy(&output.stdout);
    for part in ["stampede: 400 buyers for 200 seats", "step", "p99", "invariant", "no faults met"]
    {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    let written = std::fs::read_to_string(&path).expect("the file is there");
    std::fs::remove_file(&path).expect("the file is ours");
    let report: Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(report["faults"]["gateway_declined"], 0);
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(progress.contains("purchases/s") && !progress.contains('\u{1b}'), "{progress}");
}

#[test]
fn nothing_breaks_when_everything_around_fails() {
    for seed in ["1", "2", "3"] {
        let output = stampede(&small(&["--faults", "harsh", "--seed", seed, "--json", "-"]));
        assert_sound(&output);
        let faults = &json(&output)["faults"];
        for fault in ["gateway_unknown", "publish_failed", "holds_lost"] {
            assert!(faults[fault].as_u64() > Some(0), "seed {seed}: no {fault}: {faults}");
        }
    }
}

#[test]
fn bad_arguments_exit_with_2_and_run_nothing() {
    let bad: [&[&str]; 5] = [
        &["--seats", "0"],
        &["--faults", "some"],
        &["--tenders", "cash=1"],
        &["--no-such-flag"],
        &["--json", "/no/such/folder/report.json"],
    ];
    for args in bad {
        let output = stampede(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?} is refused without a word");
    }
}
