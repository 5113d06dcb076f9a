//! A store after a lively day: one buyer of each kind.

use chrono::{DateTime, TimeDelta};
use pollster::block_on;

use crate::change_set::{ChangeSet, MessageKey};
use crate::id::{
    ChangeSetId, EntryId, PaymentId, PerformanceId, ReservationId, SellerId, ShowId, UserId,
};
use crate::label::{Grade, Label, Title, Token};
use crate::layout::{Layout, LayoutSpec, SectionSpec};
use crate::ledger::{Booking, JournalEntry};
use crate::memory::{ManualClock, Memory};
use crate::money::{BasisPoints, Currency, Money};
use crate::page::{Limit, PageRequest};
use crate::payment::Method;
use crate::performance::{NewPerformance, Performance};
use crate::policy::SalesPolicy;
use crate::port::{Clock, Ports, Store, Tickets};
use crate::seat::{SeatNo, Seats};
use crate::service::cancel::{self, CancelReservation};
use crate::service::checkout::{self, StartCheckout};
use crate::service::confirm::{self, ConfirmPayment};
use crate::service::notice::{self, Notice, NoticeTaken};
use crate::service::refund::{self, RefundSeats};
use crate::service::refund_worker::sweep_refunds;
use crate::service::reserve::{self, ReserveSeats};
use crate::show::{NewShow, PriceList, Show};

/// Who did what. Seats cost 10,000 won.
pub(super) struct Town {
    pub(super) memory: Memory,
    ports: Ports,
    pub(super) performance: PerformanceId,
    /// Two seats for 5,000 points and a card, one of them refunded.
    pub(super) card: (ReservationId, PaymentId),
    /// A seat for 1,000 points and a deposit that is awaited.
    pub(super) awaiting: (ReservationId, PaymentId),
    /// A seat that is reserved, no more.
    pub(super) pending: ReservationId,
    /// A seat that was reserved and cancelled.
    pub(super) cancelled: ReservationId,
    /// Two seats by deposit, one of them used before the bank took the deposit back.
    pub(super) reversed: (ReservationId, PaymentId),
}

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::KRW).unwrap()
}

pub(super) fn town() -> Town {
    let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let memory = Memory::at(clock).seed(1).build();
    let ports = memory.ports();
    let performance = stage(&memory);
    let new = || ReservationId::generate(&*memory.ids);
    let none = (new(), PaymentId::generate(&*memory.ids));
    let (card, awaiting, reversed) = (none, none, none);
    let (pending, cancelled) = (new(), new());
    let mut town =
        Town { memory, ports, performance, card, awaiting, pending, cancelled, reversed };
    town.card = town.buy([0, 1], 5_000, Method::Card);
    town.refund(town.card.0, 1);
    town.awaiting = town.buy([2], 1_000, Method::BankTransfer);
    town.pending = town.reserve(town.user(), [3]);
    let gone = town.user();
    town.cancelled = town.reserve(gone, [4]);
    let request = CancelReservation { user: gone, reservation: town.cancelled, key: None };
    block_on(cancel::cancel(&town.ports, request)).unwrap();
    town.reversed = town.buy([5, 6], 0, Method::BankTransfer);
    town.reverse(town.reversed);
    town
}

impl Town {
    fn user(&self) -> UserId {
        UserId::generate(&*self.memory.ids)
    }

    fn reserve(&self, user: UserId, seats: impl IntoIterator<Item = u32>) -> ReservationId {
        let seats = Seats::new(seats.into_iter().map(SeatNo)).unwrap();
        let expected_total = won(10_000 * i64::try_from(seats.len()).unwrap());
        let (performance, hold) = (self.performance, None);
        let request = ReserveSeats {
            user,
            performance,
            seats,
            expected_total,
            hold,
            admission: None,
            key: None,
        };
        block_on(reserve::reserve(&self.ports, request)).unwrap().reservation
    }

    fn buy(
        &self,
        seats: impl IntoIterator<Item = u32>,
        points: i64,
        method: Method,
    ) -> (ReservationId, PaymentId) {
        let user = self.user();
        if points > 0 {
            let booking =
                Booking { id: EntryId::generate(&*self.memory.ids), at: self.memory.clock.now() };
            self.commit(|changes| {
                changes.post(JournalEntry::top_up(booking, user, won(points)).unwrap())
            });
        }
        let reservation = self.reserve(user, seats);
        let request = StartCheckout {
            user,
            reservation,
            points: won(points),
            method: Some(method),
            refund_account: None,
            key: None,
        };
        let view = block_on(checkout::start(&self.ports, request)).unwrap();
        let payment = view.payment().unwrap();
        let amount = block_on(self.ports.payments.find(payment)).unwrap().unwrap().external();
        let provider_key = (method == Method::Card).then(|| Token::new("auth").unwrap());
        let request = ConfirmPayment { user, payment, amount, provider_key, key: None };
        block_on(confirm::confirm(&self.ports, request)).unwrap();
        (reservation, payment)
    }

    fn refund(&self, reservation: ReservationId, seat: u32) {
        let found = block_on(self.ports.reservations.find(reservation)).unwrap().unwrap();
        let seats = Some(Seats::one(SeatNo(seat)));
        let request = RefundSeats { user: found.user(), reservation, seats, key: None };
        block_on(refund::request(&self.ports, request)).unwrap();
        let swept = block_on(sweep_refunds(&self.ports, PageRequest::first(Limit::DEFAULT)));
        assert_eq!(swept.unwrap().changed, 1);
    }

    /// The deposit comes, somebody goes in, the bank takes the deposit back.
    fn reverse(&self, (reservation, payment): (ReservationId, PaymentId)) {
        self.memory.gateway.deposit(payment, won(20_000)).unwrap();
        self.notice("paid", payment);
        let tickets = block_on(self.memory.store.of_reservation(reservation)).unwrap();
        let mut ticket = tickets.into_iter().next().unwrap();
        ticket.admit(Label::new("north").unwrap(), self.memory.clock.now()).unwrap();
        self.commit(|changes| changes.save(ticket));
        self.memory.gateway.reverse_deposit(payment).unwrap();
        self.notice("reversed", payment);
    }

    fn notice(&self, id: &str, payment: PaymentId) {
        let message =
            MessageKey { consumer: Label::new("bank").unwrap(), id: Token::new(id).unwrap() };
        let found = block_on(self.ports.payments.find(payment)).unwrap().unwrap();
        let secret = found.account().and_then(|account| account.secret.clone());
        let taken = block_on(notice::take(&self.ports, Notice { message, payment, secret }));
        assert!(matches!(taken, Ok(NoticeTaken::Applied(_))), "{taken:?}");
    }

    fn commit(&self, fill: impl FnOnce(ChangeSet) -> ChangeSet) {
        let id = ChangeSetId::generate(&*self.memory.ids);
        let changes = fill(ChangeSet::new(id, self.memory.clock.now()));
        let _ = block_on(self.memory.store.commit(changes)).unwrap();
    }
}

fn stage(memory: &Memory) -> PerformanceId {
    let (now, ids) = (memory.clock.now(), &*memory.ids);
    let layout = Layout::new(&LayoutSpec::of([SectionSpec::grid("A", "R", 2, 5)])).unwrap();
    let policy =
        SalesPolicy { seats_per_reservation: 2, tickets_per_user: 2, ..SalesPolicy::default() };
    let show = NewShow {
        id: ShowId::generate(ids),
        seller: SellerId::generate(ids),
        title: Title::new("A Night").unwrap(),
        commission: BasisPoints::percent(3),
        prices: PriceList::new([(Grade::new("R").unwrap(), won(10_000))]).unwrap(),
        policy,
    };
    let show = Show::create(show, now).unwrap();
    let performance = NewPerformance {
        id: PerformanceId::generate(ids),
        show: &show,
        layout: &layout,
        starts_at: now + TimeDelta::days(30),
        zone: "Asia/Seoul".parse().unwrap(),
        sales_open_at: now,
        prices: None,
        policy: None,
    };
    let performance = Performance::schedule(performance, now).unwrap();
    let id = performance.id();
    let changes = |n| ChangeSet::new(ChangeSetId::generate(ids), n);
    let _ = block_on(memory.store.commit(changes(now).save(show))).unwrap();
    let _ = block_on(memory.store.commit(changes(now).save(performance))).unwrap();
    id
}
