//! Stories: whole use cases over the in-memory adapters, on a clock that the story moves.

mod sale;
mod world;
