//! `BalanceLedger`: double-entry accounts and journal entries. Rows are only inserted.

mod account;
mod entry;
mod flow;

pub use account::{Account, AccountKey};
pub use entry::{EntryError, EntryKind, EntrySubject, JournalEntry, Posting, WalletEvent};
pub use flow::{Booking, PaidSeats, RefundedSeats};
