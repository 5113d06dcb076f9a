//! Every row of the table of flows, posting by posting.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::allocation::tests::{share, won};
use crate::allocation::{SeatShare, Tenders};
use crate::fee::RefundLine;
use crate::id::RefundId;
use crate::money::BasisPoints;
use crate::seat::SeatNo;

pub(super) const USER: UserId = UserId::from_uuid(Uuid::from_u128(1));
pub(super) const SELLER: SellerId = SellerId::from_uuid(Uuid::from_u128(2));
pub(super) const PAYMENT: PaymentId = PaymentId::from_uuid(Uuid::from_u128(3));
pub(super) const REFUND: RefundId = RefundId::from_uuid(Uuid::from_u128(4));
pub(super) const RESERVATION: ReservationId = ReservationId::from_uuid(Uuid::from_u128(5));
const RESERVED: EntryId = EntryId::from_uuid(Uuid::from_u128(6));
const WALLET: Account = Account::Wallet(USER);
const OWED: Account = Account::Seller(SELLER);

pub(super) const fn booking(number: u128) -> Booking {
    Booking { id: EntryId::from_uuid(Uuid::from_u128(number)), at: DateTime::UNIX_EPOCH }
}

/// 3 % of 133 and 66 is 3 and 1 rounded down per seat, but 5 of their sum.
fn shares() -> [SeatShare; 2] {
    [share(1, 20, 50, 63), share(2, 6, 60, 0)]
}

pub(super) const fn paid(lines: &[SeatShare], rate: BasisPoints) -> PaidSeats<'_> {
    PaidSeats { payment: PAYMENT, seller: SELLER, rate, lines }
}

pub(super) const fn refunded(lines: &[RefundLine], rate: BasisPoints) -> RefundedSeats<'_> {
    RefundedSeats { refund: REFUND, seller: SELLER, user: USER, rate, lines }
}

const RATE: BasisPoints = BasisPoints::percent(3);

struct Row<'a> {
    kind: EntryKind,
    subject: EntrySubject,
    resolves: Option<EntryId>,
    postings: &'a [(Account, i64)],
}

impl Row<'_> {
    #[track_caller]
    fn is(&self, entry: &JournalEntry) {
        assert_eq!(entry.id(), booking(9).id);
        assert_eq!(entry.at(), booking(9).at);
        assert_eq!(entry.currency(), Currency::KRW);
        assert_eq!(entry.kind(), self.kind);
        assert_eq!(entry.subject(), self.subject);
        assert_eq!(entry.resolves(), self.resolves);
        let got: BTreeMap<Account, i64> =
            entry.postings().iter().map(|posting| (posting.account, posting.amount)).collect();
        assert_eq!(got, self.postings.iter().copied().collect());
        assert_eq!(got.len(), entry.postings().len());
    }
}

#[test]
fn top_up() {
    let entry = JournalEntry::top_up(booking(9), USER, won(500)).unwrap();
    let row = Row {
        kind: EntryKind::TopUp,
        subject: EntrySubject::Wallet(USER),
        resolves: None,
        postings: &[(Account::Clearing, -500), (WALLET, 500)],
    };
    row.is(&entry);
}

#[test]
fn points_reserved() {
    let entry = JournalEntry::points_reserved(booking(9), RESERVATION, USER, won(110)).unwrap();
    let row = Row {
        kind: EntryKind::PointsReserved,
        subject: EntrySubject::Reservation(RESERVATION),
        resolves: None,
        postings: &[(WALLET, -110), (Account::PointsHeld, 110)],
    };
    row.is(&entry);
}

#[test]
fn points_given_back() {
    let back =
        JournalEntry::points_given_back(booking(9), RESERVED, RESERVATION, USER, won(110)).unwrap();
    let row = Row {
        kind: EntryKind::PointsGivenBack,
        subject: EntrySubject::Reservation(RESERVATION),
        resolves: Some(RESERVED),
        postings: &[(Account::PointsHeld, -110), (WALLET, 110)],
    };
    row.is(&back);
}

#[test]
fn purchase() {
    let entry = JournalEntry::purchase(booking(9), &paid(&shares(), RATE), Some(RESERVED));
    let row = Row {
        kind: EntryKind::Purchase,
        subject: EntrySubject::Payment(PAYMENT),
        resolves: Some(RESERVED),
        postings: &[
            (Account::PointsHeld, -110),
            (Account::Clearing, -63),
            (Account::Promotion, -26),
            (OWED, 195),
            (Account::PlatformFee, 4),
        ],
    };
    row.is(&entry.unwrap().unwrap());
}

#[test]
fn purchase_without_points() {
    let entry = JournalEntry::purchase(booking(9), &paid(&[share(1, 0, 0, 100)], RATE), None);
    let row = Row {
        kind: EntryKind::Purchase,
        subject: EntrySubject::Payment(PAYMENT),
        resolves: None,
        postings: &[(Account::Clearing, -100), (OWED, 97), (Account::PlatformFee, 3)],
    };
    row.is(&entry.unwrap().unwrap());
}

#[test]
fn late_purchase() {
    let entry = JournalEntry::purchase_late(booking(9), &paid(&shares(), RATE), USER);
    let row = Row {
        kind: EntryKind::PurchaseLate,
        subject: EntrySubject::Payment(PAYMENT),
        resolves: None,
        postings: &[
            (WALLET, -110),
            (Account::Clearing, -63),
            (Account::Promotion, -26),
            (OWED, 195),
            (Account::PlatformFee, 4),
        ],
    };
    row.is(&entry.unwrap().unwrap());
}

#[test]
fn money_not_honoured() {
    let entry = JournalEntry::not_honoured(booking(9), PAYMENT, won(63)).unwrap();
    let row = Row {
        kind: EntryKind::NotHonoured,
        subject: EntrySubject::Payment(PAYMENT),
        resolves: None,
        postings: &[(Account::Clearing, -63), (Account::RefundPayable, 63)],
    };
    row.is(&entry);
}

#[test]
fn refund_accepted_with_a_fee_below_the_external_part() {
    let lines = [RefundLine::new(shares()[0], won(40)).unwrap()];
    let entry = JournalEntry::refund_accepted(booking(9), &refunded(&lines, RATE));
    // Seller: -(133 - 3) + (40 - 1). Platform: -3 + 1.
    let row = Row {
        kind: EntryKind::RefundAccepted,
        subject: EntrySubject::Refund(REFUND),
        resolves: None,
        postings: &[
            (OWED, -91),
            (Account::PlatformFee, -2),
            (Account::Promotion, 20),
            (WALLET, 50),
            (Account::RefundPayable, 23),
        ],
    };
    row.is(&entry.unwrap().unwrap());
}

#[test]
fn refund_accepted_with_a_fee_that_reaches_the_points() {
    let [first, second] = shares();
    let lines =
        [RefundLine::new(first, won(70)).unwrap(), RefundLine::new(second, won(34)).unwrap()];
    let entry = JournalEntry::refund_accepted(booking(9), &refunded(&lines, RATE));
    // Seller: -(133 - 3) + (70 - 2) - (66 - 1) + (34 - 1). Platform: -3 + 2 - 1 + 1.
    let row = Row {
        kind: EntryKind::RefundAccepted,
        subject: EntrySubject::Refund(REFUND),
        resolves: None,
        postings: &[
            (OWED, -94),
            (Account::PlatformFee, -1),
            (Account::Promotion, 26),
            (WALLET, 43 + 26),
        ],
    };
    row.is(&entry.unwrap().unwrap());
}

#[test]
fn refund_sent() {
    let entry = JournalEntry::refund_sent(booking(9), REFUND, won(23)).unwrap();
    let row = Row {
        kind: EntryKind::RefundSent,
        subject: EntrySubject::Refund(REFUND),
        resolves: None,
        postings: &[(Account::RefundPayable, -23), (Account::Clearing, 23)],
    };
    row.is(&entry);
}

#[test]
fn refund_given_as_points() {
    let entry = JournalEntry::refund_as_points(booking(9), REFUND, USER, won(23)).unwrap();
    let row = Row {
        kind: EntryKind::RefundAsPoints,
        subject: EntrySubject::Refund(REFUND),
        resolves: None,
        postings: &[(Account::RefundPayable, -23), (WALLET, 23)],
    };
    row.is(&entry);
}

#[test]
fn deposit_reversed() {
    let entry = JournalEntry::deposit_reversed(booking(9), &paid(&shares(), RATE), USER);
    let row = Row {
        kind: EntryKind::DepositReversed,
        subject: EntrySubject::Payment(PAYMENT),
        resolves: None,
        postings: &[
            (OWED, -195),
            (Account::PlatformFee, -4),
            (Account::Promotion, 26),
            (WALLET, 110),
            (Account::Clearing, 63),
        ],
    };
    row.is(&entry.unwrap().unwrap());
}

#[test]
fn deposit_lost() {
    let entry = JournalEntry::deposit_lost(booking(9), PAYMENT, won(63)).unwrap();
    let row = Row {
        kind: EntryKind::DepositLost,
        subject: EntrySubject::Payment(PAYMENT),
        resolves: None,
        postings: &[(Account::Loss, -63), (Account::Clearing, 63)],
    };
    row.is(&entry);
}

#[test]
fn refund_stopped() {
    let entry = JournalEntry::refund_stopped(booking(9), REFUND, won(23)).unwrap();
    let row = Row {
        kind: EntryKind::RefundStopped,
        subject: EntrySubject::Refund(REFUND),
        resolves: None,
        postings: &[(Account::RefundPayable, -23), (Account::Loss, 23)],
    };
    row.is(&entry);
}

#[test]
fn payout() {
    let entry = JournalEntry::payout(booking(9), SELLER, won(195)).unwrap();
    let row = Row {
        kind: EntryKind::Payout,
        subject: EntrySubject::Seller(SELLER),
        resolves: None,
        postings: &[(OWED, -195), (Account::PayoutClearing, 195)],
    };
    row.is(&entry);
}

#[test]
fn points_of_a_purchase_are_those_that_were_reserved() {
    let with_points = JournalEntry::purchase(booking(9), &paid(&shares(), RATE), None);
    assert_eq!(with_points, Err(EntryError::NotReserved));
    let without = [share(1, 0, 0, 100)];
    let without = JournalEntry::purchase(booking(9), &paid(&without, RATE), Some(RESERVED));
    assert_eq!(without, Err(EntryError::NothingToResolve { got: RESERVED }));
}

#[test]
fn what_moves_nothing_is_no_entry() {
    let free = [share(1, 0, 0, 0)];
    assert_eq!(JournalEntry::purchase(booking(9), &paid(&free, RATE), None), Ok(None));
    assert_eq!(JournalEntry::purchase_late(booking(9), &paid(&free, RATE), USER), Ok(None));
    assert_eq!(JournalEntry::deposit_reversed(booking(9), &paid(&free, RATE), USER), Ok(None));
    let all_kept = [RefundLine::new(share(1, 0, 50, 50), won(100)).unwrap()];
    assert_eq!(JournalEntry::refund_accepted(booking(9), &refunded(&all_kept, RATE)), Ok(None));
    assert_eq!(JournalEntry::top_up(booking(9), USER, won(0)), Err(EntryError::Empty));
    assert_eq!(JournalEntry::payout(booking(9), SELLER, won(0)), Err(EntryError::Empty));
}

#[test]
fn flows_over_seats_need_a_seat() {
    let none = paid(&[], RATE);
    assert_eq!(JournalEntry::purchase(booking(9), &none, None), Err(EntryError::NoSeats));
    assert_eq!(JournalEntry::purchase_late(booking(9), &none, USER), Err(EntryError::NoSeats));
    assert_eq!(JournalEntry::deposit_reversed(booking(9), &none, USER), Err(EntryError::NoSeats));
    let refund = JournalEntry::refund_accepted(booking(9), &refunded(&[], RATE));
    assert_eq!(refund, Err(EntryError::NoSeats));
}

#[test]
fn currencies_do_not_mix_in_an_entry() {
    let dollar = Money::from_minor(100, Currency::USD).unwrap();
    let dollar = SeatShare::new(SeatNo(2), dollar, Tenders::external(dollar)).unwrap();
    let mixed = [share(1, 0, 0, 100), dollar];
    let refunds = mixed.map(RefundLine::in_full);
    let seats = paid(&mixed, RATE);
    for result in [
        JournalEntry::purchase(booking(9), &seats, None),
        JournalEntry::purchase_late(booking(9), &seats, USER),
        JournalEntry::deposit_reversed(booking(9), &seats, USER),
        JournalEntry::refund_accepted(booking(9), &refunded(&refunds, RATE)),
    ] {
        let (expected, got) = (Currency::KRW, Currency::USD);
        assert_eq!(result, Err(EntryError::CurrencyMismatch { expected, got }));
    }
}
