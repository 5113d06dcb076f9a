//! What is measured, one file each.

pub(crate) mod growth;
pub(crate) mod outbox;
pub(crate) mod processes;
pub(crate) mod purchases;
pub(crate) mod seat_map;
pub(crate) mod sellers;
