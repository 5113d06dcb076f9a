//! Stories: whole use cases over the in-memory adapters, on a clock that the story moves.

mod cached;
mod check;
mod deposits;
mod lateness;
mod sale;
mod unknown;
mod world;
