//! Models: what a port should do, in the simplest way, to be compared with what an adapter does.

mod answers;
mod calls;
mod crowd;
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
pub use crowd::{Explained, many_at_once_are_as_in_some_order, store_is_linearizable};
pub use store::{ModelStore, Violation};
pub use suite::store_matches_model;
