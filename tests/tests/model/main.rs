//! The in-memory adapters beside their models, step by step and many callers at once.

mod interleave;
mod line;
mod outbox;
mod store;
mod world;
