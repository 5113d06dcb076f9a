//! The durable store of `ticketing` on MySQL, MariaDB and SQLite.

mod codes;
pub(crate) mod db;
mod error;
mod inspect;
mod options;
mod reads;
mod sql;
mod store;

#[cfg(any(test, feature = "testing"))]
pub mod testing {
    //! How the database goes about the reads, for tests on a server.

    pub use crate::reads::plans::{fill, refused_plans};
}

pub use error::{ConnectError, OptionsError};
pub use options::{Durability, Options};
pub use store::Store;
