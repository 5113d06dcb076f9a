//! Models: what a port should do, in the simplest way, to be compared with what an adapter does.

mod differences;
mod store;

pub use store::{ModelStore, Violation};
