//! Selling scarce seats on the day when everybody wants them: the domain core.
//!
//! # The way of one sale
//!
//! A buyer joins the waiting room and is let in, holds seats while deciding, reserves them, checks out, and
//! pays at a gateway; one commit then turns money into tickets, and the outbox tells everybody else.
//! [`box_office::BoxOffice`] has every step as a method, [`memory::Memory`] is all that it needs for a first
//! run; the README's quickstart sells a ticket in 35 lines.
//!
//! # The one pattern: load, decide, commit
//!
//! A use case ([`service`]) **loads** what it needs through small read ports ([`port`]), lets aggregates
//! **decide** ([`reservation`], [`payment`], [`refund`] and their like: pure and synchronous, time and ids
//! are passed in), and **commits** one [`change_set::ChangeSet`]: all that the decision writes, as a value.
//! [`port::Store::commit`] is the only way to write. It answers as if all change sets were committed one after
//! another, and says precisely why it refused one: [`port::CommitError`].
//!
//! What must be true once, a seat, a place in an allowance, an idempotency key, a message, a pending entry of
//! the ledger, is a key that is inserted, never a count that is read first. What was read is guarded by its
//! version. Where a gateway is called, the intent is committed before the call and the outcome after it;
//! an answer that was lost is asked for, never guessed.
//!
//! # What you bring
//!
//! - Adapters for the ports, or those of [`memory`]. Each trait's documentation says what an adapter MUST do and
//!   names the function in `testing` (feature `testing`) that holds it.
//! - A runtime. The core has none: it never spawns, and waits only through [`port::Timer`].
//! - The loops. Everything that has to happen again and again is one bounded batch that may run in several
//!   processes at once: the `sweep_..`, `call_next`, `relay` and `purge` methods of
//!   [`box_office::BoxOffice`].
//!
//! # What is checked
//!
//! [`verify::verify`] counts every invariant from a store itself: a seat has one owner, a ticket has its money,
//! money has its ticket or refund, postings sum to zero, wallets are not below zero, events are neither missing
//! nor doubled, nothing is stuck past its deadline.
//!
//! # Features
//!
//! `testing`: conformance and model suites, faults, simulation, proptest strategies. `mock`: a mock of every port, made by `mockall`. Default: neither.

pub mod admission;
pub mod aggregate;
pub mod allocation;
pub mod bank;
pub mod box_office;
pub mod change_set;
pub mod checkout;
pub mod error;
pub mod event;
pub mod fee;
pub mod flush;
pub mod id;
pub mod label;
pub mod layout;
pub mod ledger;
pub mod limiter;
pub mod memory;
pub mod money;
pub mod page;
pub mod payment;
pub mod performance;
pub mod policy;
pub mod port;
pub mod refund;
pub mod reservation;
pub mod seat;
pub mod service;
pub mod show;
pub mod signing;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
pub mod ticket;
pub mod ticket_code;
pub mod timeout;
mod token;
pub mod venue;
pub mod verify;
pub mod waiting_line;

pub use {chrono, chrono_tz, rust_decimal, uuid};

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
