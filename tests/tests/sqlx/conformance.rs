//! Every rule of a store, on every database.

mod sqlite {
    use crate::world::{Server, block_on};

    ticketing_core::store_conformance!(|| Server::Sqlite.fresh(), block_on);
}

mod mysql {
    use crate::world::{Server, block_on};

    ticketing_core::store_conformance!(|| Server::MySql.fresh(), block_on);
}

mod mariadb {
    use crate::world::{Server, block_on};

    ticketing_core::store_conformance!(|| Server::MariaDb.fresh(), block_on);
}
