//! No read goes over a whole table or sorts, as each database plans it over 100,000 rows of each.

use ticketing_sqlx::testing::{fill, refused_plans};

use crate::world::{Server, block_on, real};

async fn every_read_takes_an_index_in_its_order(server: Server) {
    let (_, store, _) = real(server, "plans").await;
    fill(&store).await.expect("its tables are empty");
    let flaws = refused_plans(&store).await.expect("every read is explained");
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

#[test]
fn every_read_takes_an_index_in_its_order_on_sqlite() {
    block_on(every_read_takes_an_index_in_its_order(Server::Sqlite));
}

#[test]
fn every_read_takes_an_index_in_its_order_on_mysql() {
    block_on(every_read_takes_an_index_in_its_order(Server::MySql));
}

#[test]
fn every_read_takes_an_index_in_its_order_on_mariadb() {
    block_on(every_read_takes_an_index_in_its_order(Server::MariaDb));
}
