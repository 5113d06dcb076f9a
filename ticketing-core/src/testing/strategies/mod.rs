//! Strategies for property tests: every value that a store can hold, in every state that it can be in.
//!
//! Each function gives a strategy of [`proptest`](https://docs.rs/proptest) 1. What it draws is made by
//! the public constructors and commands, in an order that they allow, so it is valid. It shrinks towards
//! one seat, small amounts, default policies and the first state; each part tries the simplest value
//! first, so that few steps are enough.
//!
//! ```
//! use proptest::prelude::*;
//! use ticketing_core::money::Currency;
//! use ticketing_core::testing::strategies;
//!
//! proptest!(|(price in strategies::money(Currency::KRW), rate in strategies::rates())| {
//!     prop_assert!(price.portion(rate).minor() <= price.minor());
//! });
//! ```
//!
//! For each aggregate with states there are a strategy over all of them, such as [`payments`], one for a
//! single state, such as [`payments_in`], and an enum of the states without what they carry, such as
//! [`PaymentAt`].
//!
//! All strategies are boxed: they can be named and cloned, and their trees, which are deep, do not fill
//! the stack of a test thread. Ids do not shrink, so that two values of one test never share one.

mod catalogue;
mod changes;
mod checkout;
mod day;
mod layout;
mod ledger;
mod payment;
mod policy;
mod purchase;
mod refund;
mod reservation;
mod simplest;
#[cfg(test)]
mod tests;
mod ticket;
mod value;

pub use catalogue::{PerformanceAt, performances, performances_in, shows, venues};
pub use changes::change_sets;
pub use checkout::{CheckoutAt, checkouts, checkouts_in};
pub use day::histories;
pub use layout::{
    grades, layout_specs, layouts, price_lists, price_lists_for, priced_layouts, seat_nos, seats,
};
pub use ledger::ledgers;
pub use payment::{PaymentAt, payments, payments_in};
pub use policy::{deadlines, refund_policies, sales_policies};
pub use purchase::{Sale, sales};
pub use refund::{RefundAt, refunded_payments, refunds, refunds_in};
pub use reservation::{ReservationAt, reservations, reservations_in};
pub use ticket::{TicketAt, tickets, tickets_in};
pub use value::{
    PRICE_MAX, currencies, instants, labels, money, money_between, rates, refund_accounts,
};
