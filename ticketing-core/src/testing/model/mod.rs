//! Models: what a port should do, in the simplest way, to be compared with what an adapter does.

mod answers;
mod dice;
mod differences;
mod dump;
mod generator;
mod parts;
mod reads;
mod step;
mod store;
mod suite;
mod told;
mod world;

pub use answers::Tally;
pub use store::{ModelStore, Violation};
pub use suite::store_matches_model;
