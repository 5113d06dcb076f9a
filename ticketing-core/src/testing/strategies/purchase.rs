//! What payments, refunds and tickets have in common: a reservation that is being paid.

use chrono::{DateTime, Utc};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::reservation::{Order, orders};
use super::value::{labels, part, permille, refund_accounts};
use crate::bank::{DepositAccount, RefundAccount};
use crate::id::{CheckoutId, EntryId, PaymentId, TicketId};
use crate::label::{Label, Token};
use crate::memory::ClockIds;
use crate::money::Money;
use crate::payment::{Honoured, Method, NewPayment, Payment};
use crate::reservation::Reservation;
use crate::ticket::Ticket;

/// A reservation, the payment that paid it in time, and the tickets of its seats.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sale {
    /// Confirmed by the payment, with all its seats.
    pub reservation: Reservation,
    /// Succeeded in time.
    pub payment: Payment,
    /// One for each seat, ascending by seat, issued.
    pub tickets: Vec<Ticket>,
}

/// Sales of 1 to 8 seats by card, by deposit or by points alone, with points and discounts of any part
/// of the price.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(sale in strategies::sales())| {
///     prop_assert_eq!(sale.reservation.payment(), Some(sale.payment.id()));
///     prop_assert_eq!(sale.tickets.len(), sale.reservation.seats().len());
/// });
/// ```
pub fn sales() -> BoxedStrategy<Sale> {
    purchases()
        .prop_map(|purchase| {
            let mut paying = purchase.start(Wants::Anything);
            let Paying { reservation, payment, now, .. } = &mut paying;
            purchase.pay(payment, *now);
            reservation.confirm(payment.id(), *now).expect("it is its payment");
            paying.into_sale()
        })
        .boxed()
}

/// What a payment must have to come into some state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Anything,
    /// Money through the gateway.
    External,
    /// A deposit.
    Deposit,
}

/// The raw choices of how a reservation is paid.
#[derive(Clone, Debug)]
pub(super) struct Purchase {
    pub(super) order: Order,
    discount_permille: i64,
    points_permille: i64,
    method: Method,
    account: Option<RefundAccount>,
    provider_key: Token,
    deposit: (Label<40>, Label<40>, Option<Token>),
}

pub(super) fn purchases() -> BoxedStrategy<Purchase> {
    let discount = prop_oneof![3 => Just(0), 1 => permille()];
    let tenders = (discount, permille(), select(vec![Method::Card, Method::BankTransfer]));
    let deposit = (labels(), labels(), option::of(labels()));
    (orders(), tenders, option::of(refund_accounts()), labels(), deposit)
        .prop_map(
            |(
                order,
                (discount_permille, points_permille, method),
                account,
                provider_key,
                deposit,
            )| {
                Purchase {
                    order,
                    discount_permille,
                    points_permille,
                    method,
                    account,
                    provider_key,
                    deposit,
                }
            },
        )
        .boxed()
}

/// A reservation whose payment is created.
#[derive(Debug)]
pub(super) struct Paying {
    pub(super) reservation: Reservation,
    pub(super) payment: Payment,
    pub(super) ids: ClockIds,
    pub(super) now: DateTime<Utc>,
}

impl Paying {
    fn into_sale(self) -> Sale {
        let Self { reservation, payment, ids, now } = self;
        let ticket = |seat| Ticket::issue(TicketId::generate(&ids), &reservation, seat, now);
        let tickets = reservation.seats().iter().map(ticket).collect();
        Sale { reservation, payment, tickets }
    }
}

impl Purchase {
    /// A checkout is done: the payment is created.
    pub(super) fn start(&self, wants: Wants) -> Paying {
        let ids = self.order.origin.ids();
        let mut reservation = self.order.make(&ids);
        let now = self.order.pays_at(&reservation);
        let (checkout, id) = (CheckoutId::generate(&ids), PaymentId::generate(&ids));
        reservation.begin_checkout(checkout, 1, now).expect("its first checkout, in time");
        let (discount, points) = self.tenders(reservation.total(), wants);
        let external = reservation.total().minor() - discount.minor() - points.minor();
        let method = match wants {
            Wants::Anything | Wants::External => self.method,
            Wants::Deposit => Method::BankTransfer,
        };
        let new = NewPayment {
            id,
            reservation: &reservation,
            checkout,
            discount,
            points,
            points_entry: (!points.is_zero()).then(|| EntryId::generate(&ids)),
            method: (external > 0).then_some(method),
            refund_account: self.account.clone(),
        };
        let payment = Payment::create(new, now).expect("tenders that make up the price");
        let started = reservation.start_payment(id, &self.order.deadlines, now);
        started.expect("its first payment, in time");
        reservation.end_checkout(checkout);
        Paying { reservation, payment, ids, now }
    }

    /// Discount and points; at least one unit is left for the gateway if that is wanted.
    fn tenders(&self, total: Money, wants: Wants) -> (Money, Money) {
        let external_min = match wants {
            Wants::Anything => 0,
            Wants::External | Wants::Deposit => 1,
        };
        let most = total.minor() - external_min;
        let discount = part(total.minor(), self.discount_permille).min(most);
        let points = part(total.minor() - discount, self.points_permille).min(most - discount);
        let money = |minor| super::value::amount(minor, total.currency());
        (money(discount), money(points))
    }

    /// Asks the gateway for a capture, or for an account.
    pub(super) fn send(&self, it: &mut Payment, now: DateTime<Utc>) {
        match it.method().expect("something is left for the gateway") {
            Method::Card => {
                let sent = it.begin_confirm(self.provider_key.clone(), it.external(), now);
                sent.expect("it is created");
            }
            Method::BankTransfer => {
                it.begin_issue(self.due_at(now), now).expect("it is created");
            }
        }
    }

    /// The gateway opens the account that was asked for.
    pub(super) fn open_account(&self, it: &mut Payment, is_wanted: bool, now: DateTime<Utc>) {
        self.send(it, now);
        let (bank, number, secret) = self.deposit.clone();
        let account = DepositAccount { bank, number, due_at: self.due_at(now), secret };
        it.account_issued(account, is_wanted, now).expect("it was asked for");
    }

    /// All the money comes, in time.
    pub(super) fn pay(&self, it: &mut Payment, now: DateTime<Utc>) {
        match it.method() {
            None => {}
            Some(Method::Card) => self.send(it, now),
            Some(Method::BankTransfer) => self.open_account(it, true, now),
        }
        it.succeed(Honoured::InTime, now).expect("the gateway was asked if it had to be");
    }

    fn due_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.order.deadlines.deposit_due
    }
}
