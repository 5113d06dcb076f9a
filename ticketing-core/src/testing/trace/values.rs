//! The values of the domain that go through the ports.

use std::fmt;

use super::canon::canon;
use super::{Canon, Encoder, Shown};
use crate::aggregate::{AggregateKind, AggregateRef, StreamKey};
use crate::bank::{DepositAccount, RefundAccount};
use crate::change_set::{Fingerprint, MessageKey, Receipt, ReceiptKey, ReceiptState, Response};
use crate::error::{Fault, Overloaded, PortError};
use crate::id::{
    AdmissionId, ChangeSetId, CheckoutId, EntryId, HoldToken, PaymentId, PerformanceId, RefundId,
    ReservationId, SellerId, ShowId, TicketId, UserId, VenueId,
};
use crate::label::Label;
use crate::ledger::{Account, AccountKey, EntryKind, EntrySubject};
use crate::money::{Currency, Money};
use crate::page::{Cursor, Limit, Page, PageRequest};
use crate::port::GatewayKey;
use crate::seat::{Claim, ClaimBits, ClaimOwner, ClaimStatus, SeatBits, SeatNo, Seats};

/// Types with one value inside, whose bytes are theirs.
macro_rules! inside {
    ($($name:ty, $value:ident => $inside:expr;)*) => {$(
        impl Canon for $name {
            fn canon(&self, out: &mut Encoder) {
                let $value = self;
                $inside.canon(out);
            }

            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }
    )*};
}

inside! {
    VenueId, id => id.as_uuid();
    SellerId, id => id.as_uuid();
    ShowId, id => id.as_uuid();
    PerformanceId, id => id.as_uuid();
    UserId, id => id.as_uuid();
    ReservationId, id => id.as_uuid();
    CheckoutId, id => id.as_uuid();
    PaymentId, id => id.as_uuid();
    RefundId, id => id.as_uuid();
    TicketId, id => id.as_uuid();
    EntryId, id => id.as_uuid();
    ChangeSetId, id => id.as_uuid();
    HoldToken, id => id.as_uuid();
    AdmissionId, id => id.as_uuid();
    StreamKey, stream => stream.0;
    Currency, currency => currency.code();
    Money, money => (money.currency(), money.minor());
    SeatNo, seat => seat.0;
    Seats, seats => seats.as_slice();
    ClaimBits, bits => bits.pair();
    Limit, limit => limit.get();
    Cursor, cursor => cursor.as_str();
    Fingerprint, fingerprint => fingerprint.0.as_slice();
    Response, response => response.as_bytes();
    RefundAccount, account => account.reveal();
    GatewayKey, key => key.as_str();
}

canon! {
    enum AggregateKind {
        Venue = 0,
        Show = 1,
        Performance = 2,
        Reservation = 3,
        Checkout = 4,
        Payment = 5,
        Refund = 6,
        Ticket = 7,
        Entry = 8,
    }
    struct AggregateRef, shown by fmt::Display::fmt, { kind, id }

    enum ClaimOwner { Reservation(reservation) = 0, House = 1 }
    enum ClaimStatus { Pending = 0, Sold = 1, House = 2 }
    struct Claim { owner, status }

    enum Account {
        Wallet(user) = 0,
        PointsHeld = 1,
        Clearing = 2,
        RefundPayable = 3,
        Promotion = 4,
        Seller(seller) = 5,
        PlatformFee = 6,
        PayoutClearing = 7,
        Loss = 8,
    }
    struct AccountKey, shown by fmt::Display::fmt, { account, currency }
    enum EntryKind {
        TopUp = 0,
        PointsReserved = 1,
        PointsGivenBack = 2,
        Purchase = 3,
        PurchaseLate = 4,
        NotHonoured = 5,
        RefundAccepted = 6,
        RefundSent = 7,
        RefundAsPoints = 8,
        DepositReversed = 9,
        DepositLost = 10,
        RefundStopped = 11,
        Payout = 12,
    }
    enum EntrySubject {
        Wallet(user) = 0,
        Reservation(reservation) = 1,
        Payment(payment) = 2,
        Refund(refund) = 3,
        Seller(seller) = 4,
    }

    struct MessageKey, shown by fmt::Display::fmt, { consumer, id }
    struct ReceiptKey, shown by fmt::Display::fmt, { caller, operation, key }
    enum ReceiptState { InProgress = 0, Done(response) = 1 }
    struct Receipt { fingerprint, state, created_at }

    struct DepositAccount { bank, number, due_at, secret }
    struct PageRequest { after, limit }
    enum Fault { Transient = 0, Permanent = 1, Unknown = 2 }
    struct Overloaded { retry_after }
}

impl<const MAX: usize> Canon for Label<MAX> {
    fn canon(&self, out: &mut Encoder) {
        out.put_str(self.as_str());
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The capacity, then a bit for each seat, in words of 64.
impl Canon for SeatBits {
    fn canon(&self, out: &mut Encoder) {
        out.put_len(self.capacity());
        self.words().for_each(|word| out.put_u64(word));
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl<T: Canon> Canon for Page<T> {
    fn canon(&self, out: &mut Encoder) {
        let Self { items, next } = self;
        items.canon(out);
        next.canon(out);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items, next } = self;
        f.debug_struct("Page").field("items", &Shown(items)).field("next", &Shown(next)).finish()
    }
}

/// Port, operation and fault. The cause is left out of both: it is the driver's, and may differ from one
/// run to the next.
impl Canon for PortError {
    fn canon(&self, out: &mut Encoder) {
        (self.port(), self.operation(), self.fault()).canon(out);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
