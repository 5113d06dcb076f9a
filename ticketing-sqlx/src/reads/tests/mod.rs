//! The reads on SQLite: what another store committed is copied row by row, then both are read.

mod broken;
mod cached;
mod fixture;
mod gathered;
mod kept;
mod plans;
mod seats;
mod twins;
