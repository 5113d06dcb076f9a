//! The durable store of `ticketing` on MySQL, MariaDB and SQLite.

mod codes;
pub(crate) mod db;
mod dialect;
mod error;
mod flush;
mod inspect;
mod options;
mod reads;
mod sql;
mod store;

pub use error::{ConnectError, OptionsError};
pub use options::{Durability, Options};
pub use store::Store;
