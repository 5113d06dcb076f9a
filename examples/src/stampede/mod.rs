//! The stampede: tens of thousands of simulated buyers storm one performance.
//!
//! Buyers go the way of real ones, through the use cases of [`ticketing_core::service`] over the same
//! ports as any adapter, while the world around the system fails. The domain's time runs faster than
//! the wall clock, so that every deadline comes within a minute. What the run prints at the end about
//! money, seats and events is counted from the store, not from what the simulation believes it did.

pub mod args;
pub mod audit;
mod buyer;
mod clock;
mod crowd;
mod database;
mod defect;
mod doors;
mod errand;
mod failure;
mod faults;
mod figures;
mod funnel;
mod hall;
mod loops;
mod measure;
mod notices;
mod person;
pub mod report;
mod run;
mod screen;
mod settle;
pub mod simulate;
mod stage;
mod stopwatch;
pub mod store;
mod sweep;
pub mod tenders;
mod time;
pub mod verify;
mod world;

pub use run::{RunError, run};
