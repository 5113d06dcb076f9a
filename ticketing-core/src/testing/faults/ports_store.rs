//! The ports of a store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::decorated::{Call, Decorated, decorate};
use super::rates::Group;
use super::weather::{Effect, Weather};
use crate::change_set::{ChangeSet, Receipt, ReceiptKey};
use crate::checkout::Checkout;
use crate::error::PortError;
use crate::id::{
    CheckoutId, EntryId, PaymentId, PerformanceId, RefundId, ReservationId, SellerId, ShowId,
    TicketId, UserId, VenueId,
};
use crate::label::Label;
use crate::ledger::{AccountKey, JournalEntry};
use crate::page::{Limit, Page, PageRequest};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::port::{
    Checkouts, Claims, CommitError, Committed, HistoryLine, Kept, Layouts, Ledger, OutboxError,
    OutboxLease, OutboxReader, OutboxRow, Payments, Receipts, Refunds, Reservations, Retention,
    Store, Tickets,
};
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::seat::{Claim, ClaimBits, SeatNo, Seats};
use crate::show::Show;
use crate::ticket::Ticket;
use crate::venue::Venue;

decorate! { Store in Store:
    Repeatable commit(changes: ChangeSet) -> Result<Committed, CommitError>;
}

decorate! { Retention in Store:
    Once purge(kept: Kept, before: DateTime<Utc>, limit: Limit) -> Result<usize, PortError>;
}

decorate! { Layouts in Reads:
    Read venue(id: VenueId) -> Result<Option<Arc<Venue>>, PortError>;
    Read venues(page: PageRequest) -> Result<Page<Arc<Venue>>, PortError>;
    Read show(id: ShowId) -> Result<Option<Arc<Show>>, PortError>;
    Read shows(page: PageRequest) -> Result<Page<Arc<Show>>, PortError>;
    Read shows_of(seller: SellerId, page: PageRequest) -> Result<Page<Arc<Show>>, PortError>;
    Read performance(id: PerformanceId) -> Result<Option<Arc<Performance>>, PortError> => aged;
    Read fresh_performance(id: PerformanceId) -> Result<Option<Arc<Performance>>, PortError>;
    Read performances(show: ShowId, page: PageRequest)
        -> Result<Page<Arc<Performance>>, PortError>;
    Read cancelled(page: PageRequest) -> Result<Page<Arc<Performance>>, PortError>;
}

decorate! { Reservations in Reads:
    Read find(id: ReservationId) -> Result<Option<Reservation>, PortError>;
    Read of_user(user: UserId, page: PageRequest) -> Result<Page<Reservation>, PortError>;
    Read live_of(performance: PerformanceId, page: PageRequest)
        -> Result<Page<Reservation>, PortError>;
    Read due(now: DateTime<Utc>, page: PageRequest) -> Result<Page<Reservation>, PortError>;
}

decorate! { Checkouts in Reads:
    Read find(id: CheckoutId) -> Result<Option<Checkout>, PortError>;
    Read of_reservation(id: ReservationId) -> Result<Vec<Checkout>, PortError>;
    Read stalled(until: DateTime<Utc>, page: PageRequest) -> Result<Page<Checkout>, PortError>;
}

decorate! { Payments in Reads:
    Read find(id: PaymentId) -> Result<Option<Payment>, PortError>;
    Read of_reservation(id: ReservationId) -> Result<Vec<Payment>, PortError>;
    Read unsettled(until: DateTime<Utc>, page: PageRequest) -> Result<Page<Payment>, PortError>;
    Read to_close(page: PageRequest) -> Result<Page<Payment>, PortError>;
}

decorate! { Refunds in Reads:
    Read find(id: RefundId) -> Result<Option<Refund>, PortError>;
    Read of_payment(payment: PaymentId, page: PageRequest) -> Result<Page<Refund>, PortError>;
    Read due(until: DateTime<Utc>, page: PageRequest) -> Result<Page<Refund>, PortError>;
}

decorate! { Tickets in Reads:
    Read find(id: TicketId) -> Result<Option<Ticket>, PortError>;
    Read of_reservation(id: ReservationId) -> Result<Vec<Ticket>, PortError>;
    Read of_user(user: UserId, page: PageRequest) -> Result<Page<Ticket>, PortError>;
}

decorate! { Ledger in Reads:
    Read balance(account: AccountKey) -> Result<i64, PortError>;
    Read history(account: AccountKey, page: PageRequest) -> Result<Page<HistoryLine>, PortError>;
    Read entry(id: EntryId) -> Result<Option<Arc<JournalEntry>>, PortError>;
    Read resolution(of: EntryId) -> Result<Option<EntryId>, PortError>;
}

decorate! { Claims in Reads:
    Read bits(id: PerformanceId, capacity: u32) -> Result<ClaimBits, PortError>;
    Read of_seats(id: PerformanceId, seats: Seats) -> Result<Vec<(SeatNo, Claim)>, PortError>;
    Read allowance_used(user: UserId, show: ShowId) -> Result<u16, PortError>;
}

decorate! { Receipts in Reads:
    Read find(key: ReceiptKey) -> Result<Option<Receipt>, PortError>;
}

decorate! { OutboxReader in Outbox:
    Read partitions() -> Result<u16, PortError>;
    Repeatable lease(partition: u16, owner: Label<64>, ttl: Duration)
        -> Result<Option<OutboxLease>, OutboxError>;
    Repeatable give_up(lease: OutboxLease) -> Result<(), OutboxError>;
    Read read(lease: OutboxLease, limit: Limit) -> Result<Vec<OutboxRow>, OutboxError>;
    Repeatable advance(lease: OutboxLease, sequence: u64) -> Result<(), OutboxError>;
    Once drop_published(partition: u16, before: DateTime<Utc>, limit: Limit)
        -> Result<usize, OutboxError>;
    Read waiting() -> Result<u64, PortError>;
}
