//! No read goes over a whole table, or sorts.

use super::fixture::{Fixture, block_on};
use crate::Options;
use crate::reads::plans::{all_queries, explain, fill, refused_plans, session};

#[test]
fn every_read_takes_an_index_in_its_order() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        fill(&fixture.store).await.unwrap();
        let flaws = refused_plans(&fixture.store).await.unwrap();
        assert!(flaws.is_empty(), "{}", flaws.join("\n"));
    });
}

#[test]
fn a_walk_and_a_sort_are_noticed() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let read = fixture.store.reading("plans", "test");
        let mut session = session(&fixture.store).await.unwrap();
        for (text, flaw) in [
            ("SELECT id FROM tk_reservation WHERE body = 'a' AND saved_at = 1", "walks a table"),
            ("SELECT id FROM tk_reservation WHERE user_id = ? ORDER BY saved_at", "sorts"),
        ] {
            let steps = explain(&read, &mut session, text).await.unwrap();
            assert!(steps.iter().any(|step| step.flaw == Some(flaw)), "{text}");
        }
    });
}

#[test]
fn every_parameter_of_every_read_has_a_column() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let read = fixture.store.reading("plans", "test");
        let mut session = session(&fixture.store).await.unwrap();
        let queries = all_queries(read.dialect());
        for (name, text) in &queries {
            for step in explain(&read, &mut session, text).await.unwrap() {
                println!("{name}: {}", step.text);
            }
        }
        assert!(queries.len() > 60, "{} statements", queries.len());
    });
}

/// Files whose statements are explained.
const EXPLAINED: [&str; 11] = [
    "books.rs",
    "flush/read.rs",
    "flush/records.rs",
    "inspect.rs",
    "outbox.rs",
    "outbox/dropping.rs",
    "reads/claims.rs",
    "reads/ledger.rs",
    "reads/query.rs",
    "reads/receipts.rs",
    "snapshot.rs",
];
/// Files with others: settings, tables of one row for a partition or a version, the id of a change set, and what
/// is made for a test.
const OTHERS: [&str; 8] = [
    "connect.rs",
    "dialect.rs",
    "flush/outcome.rs",
    "flush/write/outbox.rs",
    "db/literal.rs",
    "reads/plans.rs",
    "schema/migrate.rs",
    "schema/mod.rs",
];

#[test]
fn every_file_that_reads_is_explained_or_has_a_reason() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut reading) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.extend(Some(path).filter(|path| !path.ends_with("tests")));
            } else if path.extension().is_some_and(|end| end == "rs")
                && !path.ends_with("tests.rs")
                && std::fs::read_to_string(&path).unwrap().contains("\"SELECT ")
            {
                reading.push(path.strip_prefix(&root).unwrap().display().to_string());
            }
        }
    }
    reading.sort_unstable();
    let mut known: Vec<&str> = EXPLAINED.into_iter().chain(OTHERS).collect();
    known.sort_unstable();
    assert_eq!(reading, known, "a file that reads: is a plan asked of what it reads?");
}
