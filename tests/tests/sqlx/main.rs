//! The store in a database: SQLite, MySQL and MariaDB, each a real one.

mod conformance;
mod large;
mod migrations;
mod model;
mod outbox;
mod plans;
mod refused;
mod round_trips;
mod server;
mod snapshot;
mod texts;
mod world;
