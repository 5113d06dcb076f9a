//! The rules of the code base that no compiler holds: what the core depends on, which way its modules
//! point, and where time, ids and chance come from.

#[path = "architecture/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::process::Command;

use source::{Source, core_sources, root, rust_sources, text_files};

/// Runtimes, drivers and clients: an adapter crate may have them, the core may not. A name stands for
/// its family, too: `tokio` for `tokio-util`.
const OUTSIDE: [&str; 31] = [
    "tokio",
    "async-std",
    "async-io",
    "async-executor",
    "async-global-executor",
    "smol",
    "glommio",
    "monoio",
    "embassy",
    "mio",
    "futures-executor",
    "sqlx",
    "diesel",
    "sea-orm",
    "rusqlite",
    "libsqlite3-sys",
    "mysql",
    "mysql_async",
    "postgres",
    "redis",
    "fred",
    "rdkafka",
    "kafka",
    "reqwest",
    "hyper",
    "axum",
    "actix",
    "tonic",
    "ureq",
    "isahc",
    "curl",
];

/// What the core may depend on directly.
const DIRECT: [&str; 15] = [
    "async-trait",
    "chrono",
    "chrono-tz",
    "data-encoding",
    "fixedbitset",
    "futures-channel",
    "hmac",
    "iso_currency",
    "rust_decimal",
    "rustc-hash",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "uuid",
];

/// What the features `mock` and `testing` add.
const DIRECT_OF_FEATURES: [&str; 4] = ["mockall", "pollster", "proptest", "xxhash-rust"];

/// Modules of the core that are not its domain. Every other module is.
const AROUND: [&str; 10] = [
    "box_office",
    "flush",
    "lib",
    "limiter",
    "memory",
    "port",
    "service",
    "testing",
    "timeout",
    "verify",
];

/// What the domain may name of `port`: two synchronous traits that the caller hands in, and the values
/// that a line is described with.
const PORTS_OF_THE_DOMAIN: [&str; 5] =
    ["IdGenerator", "TokenSigner", "LineRules", "LineState", "Standing"];

const LINES_MAX: usize = 600;
const LINES_WANTED: usize = 500;

/// The crates that the core is built from, itself left out, as (depth, name).
fn core_tree(flags: &[&str]) -> Vec<(usize, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", "ticketing-core", "-e", "normal"])
        .args(["--prefix", "depth", "--format", " {p}", "--no-dedupe"])
        .args(flags)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {errors}");
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let crates = text.lines().map(|line| {
        let mut words = line.split_whitespace();
        let depth = words.next().and_then(|depth| depth.parse().ok());
        let name = words.next();
        depth.zip(name.map(str::to_owned)).unwrap_or_else(|| panic!("not a crate: {line:?}"))
    });
    crates.filter(|(depth, _)| *depth > 0).collect()
}

fn in_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The top-level module of the core that a file belongs to.
fn module(source: &Source) -> &str {
    let below = source.path.strip_prefix("ticketing-core/src/").expect("a file of the core");
    below.split(['/', '.']).next().unwrap_or(below)
}

fn is_domain(source: &Source) -> bool {
    !AROUND.contains(&module(source))
}

/// Where the given sources name one of the given top-level modules.
fn uses(sources: impl Iterator<Item = Source>, modules: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for path in source.crate_paths() {
            if modules.contains(&path.segments[0].as_str()) {
                let (file, line) = (&source.path, path.line);
                found.push(format!("{file}:{line}: {}", path.segments.join("::")));
            }
        }
    }
    found
}

/// Where the given sources have one of the given sequences of tokens.
fn mentions(sources: impl Iterator<Item = Source>, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for needle in needles {
            for line in source.lines_with(needle) {
                found.push(format!("{}:{line}: {needle}", source.path));
            }
        }
    }
    found
}

#[track_caller]
fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}, but:\n  {}", found.join("\n  "));
}

#[test]
fn core_has_no_runtime_and_no_driver() {
    for flags in [&["--no-default-features"][..], &["--all-features"]] {
        let found: Vec<_> = core_tree(flags)
            .into_iter()
            .map(|(_, name)| name)
            .filter(|name| OUTSIDE.iter().any(|outside| in_family(name, outside)))
            .collect();
        let rule = format!("ticketing-core {flags:?} depends on no runtime, driver or client");
        assert_none(&rule, &found);
    }
}

#[test]
fn core_depends_directly_on_what_is_listed() {
    let direct = |flags: &[&str]| -> BTreeSet<String> {
        let crates = core_tree(flags).into_iter();
        crates.filter(|(depth, _)| *depth == 1).map(|(_, name)| name).collect()
    };
    let listed: BTreeSet<String> = DIRECT.map(str::to_owned).into();
    assert_eq!(
        direct(&["--no-default-features"]),
        listed,
        "the direct dependencies of ticketing-core are those that DIRECT lists"
    );
    let with_features = &listed | &DIRECT_OF_FEATURES.map(str::to_owned).into();
    assert_eq!(
        direct(&["--all-features"]),
        with_features,
        "the features of ticketing-core add what DIRECT_OF_FEATURES lists"
    );
}

#[test]
fn time_ids_and_sleep_come_through_ports() {
    let sources = core_sources().into_iter();
    let elsewhere = sources.filter(|source| source.path != "ticketing-core/src/memory/clock.rs");
    let found = mentions(
        elsewhere,
        &[
            "Utc::now",
            "Local::now",
            "SystemTime::now",
            "Instant::now",
            "thread::sleep",
            "Uuid::now_v7",
            "Uuid::new_v4",
            "Uuid::new_v7",
        ],
    );
    assert_none("only memory/clock.rs may ask the machine for the time, nobody makes ids", &found);
}

#[test]
fn domain_has_no_floats() {
    let found = mentions(core_sources().into_iter().filter(is_domain), &["f32", "f64"]);
    assert_none("money and time are whole numbers: no float outside tests", &found);
}

#[test]
fn nothing_is_unsafe() {
    let folders = ["ticketing-core", "examples", "tests"];
    let sources = folders.into_iter().flat_map(rust_sources);
    assert_none("no unsafe code", &mentions(sources, &["unsafe"]));
}

#[test]
fn files_have_one_idea() {
    let folders = ["ticketing-core", "examples", "tests"];
    let mut long: Vec<(usize, String)> = folders
        .into_iter()
        .flat_map(rust_sources)
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > LINES_WANTED)
        .collect();
    long.sort();
    let list: Vec<_> = long.iter().map(|(lines, path)| format!("{path}: {lines}")).collect();
    let list = list.join("\n  ");
    assert!(
        long.iter().all(|(lines, _)| *lines <= LINES_MAX),
        "a file has at most {LINES_MAX} lines and should have at most {LINES_WANTED}; over that:\n  {list}"
    );
    if !long.is_empty() {
        println!("over {LINES_WANTED} lines, is each one idea?\n  {list}");
    }
}

#[test]
fn nothing_speaks_of_how_it_was_made() {
    let unfinished = [concat!("to", "do"), concat!("fix", "me")];
    let numbered = ["issue", "session", "pull request"];
    let mut found = Vec::new();
    for (path, text) in text_files("") {
        for (line, content) in (1..).zip(text.lines()) {
            let lower = content.to_lowercase();
            let unfinished =
                lower.split(|c: char| !c.is_alphanumeric()).any(|word| unfinished.contains(&word));
            let numbered = numbered.iter().any(|word| {
                lower.match_indices(word).any(|(at, _)| {
                    let after = lower[at + word.len()..].trim_start_matches([' ', '#']);
                    after.starts_with(|c: char| c.is_ascii_digit())
                })
            });
            if unfinished || numbered {
                found.push(format!("{path}:{line}: {}", content.trim()));
            }
        }
    }
    assert_none("the files speak of the project as it is, not of how it came to be", &found);
}

#[test]
fn ports_and_domain_know_no_adapter_and_no_use_case() {
    let inner =
        core_sources().into_iter().filter(|source| is_domain(source) || module(source) == "port");
    assert_none(
        "ports and domain never use memory, service or testing",
        &uses(inner, &["memory", "service", "testing"]),
    );
}

#[test]
fn ports_have_no_supertrait_and_no_default_method() {
    let mut found = Vec::new();
    for source in core_sources().into_iter().filter(|source| module(source) == "port") {
        for port in source.traits() {
            if port.bounds != ": Send + Sync" {
                found.push(format!("{}: {}{}", source.path, port.name, port.bounds));
            }
            if port.has_body {
                found.push(format!("{}: a method of {} has a body", source.path, port.name));
            }
        }
    }
    assert_none("a port is `trait Name: Send + Sync` with methods that have no body", &found);
}

#[test]
fn every_named_conformance_function_exists() {
    let sources = core_sources();
    let exists = |module: &str, function: &str| {
        let folder = format!("ticketing-core/src/testing/{module}");
        let file = format!("{folder}.rs");
        sources
            .iter()
            .filter(|source| source.path == file || source.path.starts_with(&format!("{folder}/")))
            .any(|source| !source.lines_with(&format!("pub async fn {function}")).is_empty())
    };
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| module(source) == "port") {
        for name in source.text.split('`').filter_map(|word| word.strip_prefix("testing::")) {
            if !name.split_once("::").is_some_and(|(module, function)| exists(module, function)) {
                found.push(format!("{}: testing::{name}", source.path));
            }
        }
    }
    assert_none("what a port names as holding its rules exists", &found);
}

#[test]
fn flush_knows_no_store() {
    let flush = core_sources().into_iter().filter(|source| module(source) == "flush");
    assert_none(
        "the planner is pure: flush never uses memory, service or testing",
        &uses(flush, &["memory", "service", "testing"]),
    );
}

#[test]
fn domain_uses_only_synchronous_ports() {
    let mut found = Vec::new();
    for source in core_sources().into_iter().filter(is_domain) {
        for path in source.crate_paths() {
            let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
            if segments[0] == "port"
                && segments.get(1).is_none_or(|port| !PORTS_OF_THE_DOMAIN.contains(port))
            {
                found.push(format!("{}:{}: {}", source.path, path.line, segments.join("::")));
            }
        }
    }
    let rule = format!("of the ports, the domain uses only {}", PORTS_OF_THE_DOMAIN.join(", "));
    assert_none(&rule, &found);
}
