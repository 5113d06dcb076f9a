//! Seasons in virtual time: everything from a seed, everything checked.

pub mod args;
mod calendar;
mod chores;
mod failure;
mod left_over;
mod liveness;
mod many;
mod memory;
mod mischief;
mod outcome;
mod outside;
mod process;
mod progress;
mod rates;
mod rates_help;
mod sale;
mod season;
mod seller;
mod shrink;
mod story;
#[cfg(test)]
mod tests;
mod watch;
mod written;

pub(crate) use self::process::Processes;

pub use self::args::SimulateArgs;
pub use self::failure::{Failed, Simulated};
pub use self::many::{SimulateError, simulate};
pub use self::rates::{RateError, RateSetting};
pub use self::season::SeasonError;
