//! How small things are stored as numbers. What stands here never changes: databases hold it.

use ticketing_core::aggregate::AggregateKind;
use ticketing_core::id::{SellerId, UserId};
use ticketing_core::ledger::Account;
use ticketing_core::seat::ClaimStatus;
use uuid::Uuid;

/// A kind of aggregate.
pub(crate) const fn kind(kind: AggregateKind) -> Option<i64> {
    Some(match kind {
        AggregateKind::Venue => 1,
        AggregateKind::Show => 2,
        AggregateKind::Performance => 3,
        AggregateKind::Reservation => 4,
        AggregateKind::Checkout => 5,
        AggregateKind::Payment => 6,
        AggregateKind::Refund => 7,
        AggregateKind::Ticket => 8,
        AggregateKind::Entry => 9,
        _ => return None,
    })
}

pub(crate) const fn kind_of(code: i64) -> Option<AggregateKind> {
    Some(match code {
        1 => AggregateKind::Venue,
        2 => AggregateKind::Show,
        3 => AggregateKind::Performance,
        4 => AggregateKind::Reservation,
        5 => AggregateKind::Checkout,
        6 => AggregateKind::Payment,
        7 => AggregateKind::Refund,
        8 => AggregateKind::Ticket,
        9 => AggregateKind::Entry,
        _ => return None,
    })
}

/// An account, with its owner or nobody.
pub(crate) fn account(account: Account) -> Option<(i64, Uuid)> {
    Some(match account {
        Account::Wallet(user) => (1, user.as_uuid()),
        Account::PointsHeld => (2, Uuid::nil()),
        Account::Clearing => (3, Uuid::nil()),
        Account::RefundPayable => (4, Uuid::nil()),
        Account::Promotion => (5, Uuid::nil()),
        Account::Seller(seller) => (6, seller.as_uuid()),
        Account::PlatformFee => (7, Uuid::nil()),
        Account::PayoutClearing => (8, Uuid::nil()),
        Account::Loss => (9, Uuid::nil()),
        _ => return None,
    })
}

pub(crate) const fn account_of(code: i64, owner: Uuid) -> Option<Account> {
    Some(match code {
        1 => Account::Wallet(UserId::from_uuid(owner)),
        2 => Account::PointsHeld,
        3 => Account::Clearing,
        4 => Account::RefundPayable,
        5 => Account::Promotion,
        6 => Account::Seller(SellerId::from_uuid(owner)),
        7 => Account::PlatformFee,
        8 => Account::PayoutClearing,
        9 => Account::Loss,
        _ => return None,
    })
}

pub(crate) const fn status(status: ClaimStatus) -> i64 {
    match status {
        ClaimStatus::Pending => 1,
        ClaimStatus::Sold => 2,
        ClaimStatus::House => 3,
    }
}

pub(crate) const fn status_of(code: i64) -> Option<ClaimStatus> {
    Some(match code {
        1 => ClaimStatus::Pending,
        2 => ClaimStatus::Sold,
        3 => ClaimStatus::House,
        _ => return None,
    })
}
