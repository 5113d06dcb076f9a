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
