//! Every database beside the reference model, step by step and many callers at once.

use ticketing_core::testing::model;

use crate::world::{Server, block_on};

async fn step_by_step(server: Server) {
    let tally = model::store_matches_model(|| server.alone(1), 0..3, 200).await;
    for (answer, count) in tally.iter() {
        let never = ["not_written", "unknown"].contains(&answer);
        assert!(never || count > 0, "{answer} never came up: {tally}");
    }
}

/// Change sets of one lane meet in a flush, those of several lanes meet in the database.
async fn many_at_once(server: Server, lanes: u16) {
    let came_to = model::store_is_linearizable(|| server.alone(lanes), 0..4).await;
    assert_eq!(came_to.explained, 4, "{came_to:?}");
    assert!(came_to.overlapping > 0, "no two calls met: {came_to:?}");
    let came_to = model::many_at_once_are_as_in_some_order(|| server.alone(lanes), 0..2).await;
    assert_eq!(came_to.given_up, 0, "{came_to:?}");
}

async fn outbox(server: Server) {
    Box::pin(model::outbox_matches_model(|| server.alone(1), 0..2, 100)).await;
    Box::pin(model::outbox_is_linearizable(|| server.alone(1), 0..2)).await;
}

macro_rules! suites {
    ($($name:ident: $server:ident),*) => {$(
        mod $name {
            use super::{Server, block_on};

            #[test]
            fn step_by_step() {
                block_on(super::step_by_step(Server::$server));
            }

            #[test]
            fn many_at_once() {
                block_on(super::many_at_once(Server::$server, 1));
            }

            #[test]
            fn many_at_once_in_three_lanes() {
                block_on(super::many_at_once(Server::$server, 3));
            }

            #[test]
            fn outbox() {
                block_on(super::outbox(Server::$server));
            }
        }
    )*};
}

suites!(sqlite: Sqlite, mysql: MySql, mariadb: MariaDb);
