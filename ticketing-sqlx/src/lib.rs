//! The durable store of `ticketing` on MySQL, MariaDB and SQLite.

mod codes;
pub(crate) mod db;
mod error;
mod lanes;
mod options;
mod sql;
mod store;

pub use error::{ConnectError, OptionsError};
pub use lanes::{Closed, Stats};
pub use options::{Durability, Options};
pub use store::Store;
