//! The use cases around the sale, over the in-memory adapters: the desk of a seller, the seat map, doors,
//! wallets, the waiting room, the relay and the sweeps.

mod doors;
mod keeping;
mod manage;
mod outbox;
mod room;
mod seats;
mod wallets;
mod world;
