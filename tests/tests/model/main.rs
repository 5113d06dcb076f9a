//! The in-memory adapters beside their models, step by step and many callers at once.

mod store;
mod world;
