//! The durable store of `ticketing` on MySQL, MariaDB and SQLite.

mod books;
mod codes;
mod connect;
pub(crate) mod db;
mod dialect;
mod error;
#[cfg(all(test, feature = "sqlite"))]
mod fixture;
mod flush;
mod inspect;
mod lanes;
mod options;
mod outbox;
mod reads;
pub mod schema;
mod server;
mod snapshot;
mod sql;
mod store;

#[cfg(any(test, feature = "testing"))]
pub mod testing {
    //! How the database goes about the reads, for tests on a server.

    pub use crate::reads::plans::{fill, refused_plans};
}

pub use books::{Books, Compared};
pub use error::{ConnectError, OptionsError};
pub use lanes::{Closed, Stats};
pub use options::{Durability, Options};
pub use snapshot::Snapshot;
pub use store::Store;
