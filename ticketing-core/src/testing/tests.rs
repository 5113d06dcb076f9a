use std::collections::BTreeSet;

use super::{
    clock, fraud, gateway, holds, ids, inspect, outbox, publisher, random, rate_limit, reads,
    signer, store, timer, users, waiting_room,
};

macro_rules! ports {
    ($($port:ident),* $(,)?) => {
        &[$((stringify!($port), include_str!(concat!("../port/", stringify!($port), ".rs")))),*]
    };
}

/// The names of functions that are called one by one; each must exist.
macro_rules! functions {
    ($($module:ident::$function:ident),* $(,)?) => {
        &[$({
            let _ = $module::$function;
            stringify!($function)
        }),*]
    };
}

const PORTS: &[(&str, &str)] = ports![
    checkouts,
    claims,
    clock,
    fraud,
    gateway,
    holds,
    ids,
    inspect,
    layouts,
    ledger,
    outbox,
    payments,
    publisher,
    random,
    rate_limit,
    receipts,
    refunds,
    reservations,
    retention,
    signer,
    store,
    tickets,
    timer,
    users,
    waiting_room,
];

/// The rules that one macro makes tests of.
const STORE_SIDE: &[(&str, &[&str])] = &[
    ("store", store::RULES),
    ("reads", reads::RULES),
    ("inspect", inspect::RULES),
    ("outbox", outbox::RULES),
];

const OTHERS: &[(&str, &[&str])] = &[
    ("clock", clock::RULES),
    ("fraud", fraud::RULES),
    ("fraud", functions![fraud::verdict_is_of_the_query]),
    (
        "gateway",
        functions![
            gateway::repeated_key_moves_nothing_twice,
            gateway::definite_answers_are_true,
            gateway::a_key_under_way_is_unknown,
            gateway::never_more_back_than_captured,
            gateway::find_names_our_refunds,
        ],
    ),
    ("holds", holds::RULES),
    ("ids", ids::RULES),
    ("publisher", functions![publisher::ok_means_all_arrived, publisher::streams_keep_their_order]),
    ("random", random::RULES),
    ("rate_limit", rate_limit::RULES),
    ("signer", signer::RULES),
    ("timer", timer::RULES),
    ("users", users::RULES),
    ("users", functions![users::status_is_of_the_user]),
    ("waiting_room", waiting_room::RULES),
];

/// The functions that a text names.
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
fn every_port_names_its_rules_and_each_is_a_function() {
    for (port, docs) in PORTS {
        let rules = named(docs);
        assert!(!rules.is_empty(), "port/{port}.rs names no rule");
        for (module, rule) in rules {
            let mut suites = STORE_SIDE.iter().chain(OTHERS).filter(|(name, _)| *name == module);
            let exists = suites.any(|(_, functions)| functions.contains(&rule));
            assert!(exists, "port/{port}.rs names testing::{module}::{rule}, which does not exist");
        }
    }
}

#[test]
fn every_port_is_looked_at() {
    let modules = include_str!("../port/mod.rs").lines();
    let modules: Vec<&str> =
        modules.filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    let ports: Vec<&str> = PORTS.iter().map(|(port, _)| *port).collect();
    assert_eq!(ports, modules);
}

#[test]
fn every_rule_that_reads_is_named_by_a_port() {
    let named: BTreeSet<_> = PORTS.iter().flat_map(|(_, docs)| named(docs)).collect();
    for rule in reads::RULES {
        assert!(named.contains(&("reads", *rule)), "no port names testing::reads::{rule}");
    }
}

#[test]
fn every_rule_of_a_store_has_a_name_of_its_own() {
    let mut seen = BTreeSet::new();
    for (module, rules) in STORE_SIDE {
        for rule in *rules {
            assert!(seen.insert(rule), "{module}::{rule} has the name of another rule");
        }
    }
}
