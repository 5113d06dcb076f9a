//! Selling scarce seats on the day when everybody wants them: the domain core.

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

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
