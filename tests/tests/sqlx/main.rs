//! The store in a database: SQLite, MySQL and MariaDB, each a real one.

mod conformance;
mod model;
mod outbox;
mod server;
mod snapshot;
mod world;
