//! Models: what a port should do, in the simplest way, to be compared with what an adapter does.

mod answers;
mod calls;
mod crowd;
mod dice;
mod differences;
mod dump;
mod gate;
mod generator;
mod holds;
mod line;
mod outbox;
mod parts;
mod reads;
mod shrink;
mod step;
mod store;
mod subject;
mod suite;
mod told;
mod world;

pub use answers::Tally;
pub use crowd::{Explained, many_at_once_are_as_in_some_order, store_is_linearizable};
pub use holds::{holds_are_linearizable, holds_match_model};
pub use line::{waiting_room_is_linearizable, waiting_room_matches_model};
pub use outbox::{outbox_is_linearizable, outbox_matches_model};
pub use store::{ModelStore, Violation};
pub use suite::store_matches_model;
