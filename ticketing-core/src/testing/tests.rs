use std::collections::BTreeSet;

use super::{inspect, outbox, reads, store};

const PORTS: &[&str] = &[
    include_str!("../port/claims.rs"),
    include_str!("../port/inspect.rs"),
    include_str!("../port/layouts.rs"),
    include_str!("../port/ledger.rs"),
    include_str!("../port/outbox.rs"),
    include_str!("../port/receipts.rs"),
    include_str!("../port/reservations.rs"),
    include_str!("../port/retention.rs"),
    include_str!("../port/store.rs"),
    include_str!("../port/tickets.rs"),
];

const SUITES: &[(&str, &[&str])] = &[
    ("store", store::RULES),
    ("reads", reads::RULES),
    ("inspect", inspect::RULES),
    ("outbox", outbox::RULES),
];

fn named(docs: &str) -> BTreeSet<(&str, &str)> {
    docs.split("testing::")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
            rest[..end.unwrap_or(rest.len())].split_once("::")
        })
        .collect()
}

#[test]
fn every_rule_that_a_port_names_is_a_function() {
    for docs in PORTS {
        let rules = named(docs);
        assert!(!rules.is_empty(), "expected a port that names rules, got {docs}");
        for (module, rule) in rules {
            let suite = SUITES.iter().find(|(name, _)| *name == module);
            let (_, functions) = suite.unwrap_or_else(|| panic!("no suite for {module}::{rule}"));
            assert!(functions.contains(&rule), "testing::{module}::{rule} does not exist");
        }
    }
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let mut seen = BTreeSet::new();
    for (module, rules) in SUITES {
        for rule in *rules {
            assert!(seen.insert(rule), "{module}::{rule} has the name of another rule");
        }
    }
}
