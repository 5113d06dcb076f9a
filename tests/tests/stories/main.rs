//! Stories: whole use cases over the in-memory adapters, on a clock that the story moves.

mod cached;
mod check;
mod checkouts;
mod commits;
mod deposits;
mod holds;
mod keys;
mod lateness;
mod performances;
mod races;
mod refunds;
mod reversals;
mod sale;
mod stores;
mod unknown;
mod world;
