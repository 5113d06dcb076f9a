//! Models: what a port must answer, in the simplest way, to be compared with what an adapter answers.
//!
//! `.._match_model` functions make calls one after another and compare each answer; a failure is cut down to
//! its shortest calls. `.._linearizable` functions make calls at once and look for an order that explains
//! them. Where the contract of a port leaves a choice, every choice is right. The ids, keys and times of the
//! calls come from the seed, so that a seed means the same calls again; what threads make of them may differ.

mod answers;
mod calls;
mod crowd;
mod dice;
mod differences;
mod domain;
mod dump;
mod gate;
mod generator;
mod holds;
mod line;
mod office;
mod outbox;
mod parts;
mod payments;
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
pub use domain::DomainModel;
pub use holds::{holds_are_linearizable, holds_match_model};
pub use line::{waiting_room_is_linearizable, waiting_room_matches_model};
pub use outbox::{outbox_is_linearizable, outbox_matches_model};
pub use store::{ModelStore, Violation};
pub use suite::store_matches_model;
