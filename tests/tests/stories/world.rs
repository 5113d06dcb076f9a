//! A hall, a clock that the story moves, and the people in it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pollster::block_on;
use ticketing_core::change_set::{ChangeSet, MessageKey};
use ticketing_core::checkout::CheckoutState;
use ticketing_core::id::{
    ChangeSetId, EntryId, PaymentId, PerformanceId, ReservationId, SellerId, ShowId, UserId,
};
use ticketing_core::label::{Grade, Label, Title, Token};
use ticketing_core::layout::{Layout, LayoutSpec, SectionSpec};
use ticketing_core::ledger::{Account, AccountKey, Booking, JournalEntry};
use ticketing_core::memory::{
    ClockIds, FakeGateway, ManualClock, MemoryFraud, MemoryHolds, MemoryPublisher, MemoryRateLimit,
    MemoryStore, MemoryStoreOptions, MemoryUsers, MemoryWaitingRoom, SeededRandom,
};
use ticketing_core::money::{BasisPoints, Currency, Money};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::{Method, Payment};
use ticketing_core::performance::{NewPerformance, Performance};
use ticketing_core::policy::SalesPolicy;
use ticketing_core::port::{Clock, Inspect, Ports, SeatHolds, Store};
use ticketing_core::refund::Refund;
use ticketing_core::reservation::Reservation;
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::checkout::{self, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmPayment};
use ticketing_core::service::notice::{self, Notice, NoticeError, NoticeTaken};
use ticketing_core::service::refund::{self, RefundError, RefundSeats, RefundView};
use ticketing_core::service::reserve::{self, ReserveSeats, Reserved};
use ticketing_core::service::tickets::{self, AdmitTicket, TicketError};
use ticketing_core::service::{PaymentView, expire, reconcile, refund_worker};
use ticketing_core::show::{NewShow, PriceList, Show};
use ticketing_core::signing::{HmacSigner, KeyRing, SigningKey};
use ticketing_core::ticket::Ticket;
use ticketing_core::verify::{GatewayTruth, VerifyOptions};

use crate::check::{all, everything};

pub(crate) const PRICE: i64 = 10_000;

pub(crate) fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::KRW).unwrap()
}

pub(crate) fn seat(no: u32) -> Seats {
    Seats::one(SeatNo(no))
}

pub(crate) fn seats(nos: impl IntoIterator<Item = u32>) -> Seats {
    Seats::new(nos.into_iter().map(SeatNo)).unwrap()
}

pub(crate) fn token(text: &str) -> Token {
    Token::new(text).unwrap()
}

/// Four seats and tickets a head, else the defaults.
pub(crate) fn policy() -> SalesPolicy {
    SalesPolicy { seats_per_reservation: 4, tickets_per_user: 4, ..SalesPolicy::default() }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: MemoryStore,
    pub(crate) gateway: Arc<FakeGateway>,
    pub(crate) holds: Arc<MemoryHolds>,
    pub(crate) users: Arc<MemoryUsers>,
    pub(crate) fraud: Arc<MemoryFraud>,
    pub(crate) ports: Ports,
    pub(crate) performance: PerformanceId,
    pub(crate) show: ShowId,
    pub(crate) seller: SellerId,
}

impl World {
    /// 20 seats of 10,000 won, in 30 days, at 3 % commission, under [`policy`].
    pub(crate) fn new() -> Self {
        Self::with(policy(), TimeDelta::days(30))
    }

    pub(crate) fn with(policy: SalesPolicy, starts_in: TimeDelta) -> Self {
        Self::over(MemoryStoreOptions::default(), policy, starts_in)
    }

    pub(crate) fn over(
        options: MemoryStoreOptions,
        policy: SalesPolicy,
        starts_in: TimeDelta,
    ) -> Self {
        let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let now = clock.now();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let timer = Arc::new(clock.clone());
        let store = MemoryStore::new(Arc::clone(&shared), options);
        let gateway = Arc::new(FakeGateway::new(Arc::clone(&shared), timer.clone()));
        let holds = Arc::new(MemoryHolds::new());
        let users = Arc::new(MemoryUsers::new());
        let fraud = Arc::new(MemoryFraud::new());
        let key = SigningKey::new(&[7; 32]).unwrap();
        let ids = ClockIds::new(Arc::clone(&shared), Arc::new(SeededRandom::new(1)));
        let ports = Ports {
            store: Arc::new(store.clone()),
            layouts: Arc::new(store.clone()),
            reservations: Arc::new(store.clone()),
            checkouts: Arc::new(store.clone()),
            payments: Arc::new(store.clone()),
            refunds: Arc::new(store.clone()),
            tickets: Arc::new(store.clone()),
            ledger: Arc::new(store.clone()),
            claims: Arc::new(store.clone()),
            receipts: Arc::new(store.clone()),
            retention: Arc::new(store.clone()),
            outbox: Arc::new(store.clone()),
            publisher: Arc::new(MemoryPublisher::default()),
            holds: holds.clone(),
            waiting_room: Arc::new(MemoryWaitingRoom::new()),
            rate_limit: Arc::new(MemoryRateLimit::new()),
            gateway: gateway.clone(),
            users: users.clone(),
            fraud: fraud.clone(),
            clock: shared,
            timer,
            ids: Arc::new(ids),
            random: Arc::new(SeededRandom::new(2)),
            signer: Arc::new(HmacSigner::new(KeyRing::new(key))),
        };
        let seller = SellerId::generate(&*ports.ids);
        let (show, performance) = stage(&ports, seller, policy, now, starts_in);
        Self { clock, store, gateway, holds, users, fraud, ports, performance, show, seller }
    }

    pub(crate) fn user(&self) -> UserId {
        UserId::generate(&*self.ports.ids)
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn minutes(&self, minutes: u64) {
        self.pass(Duration::from_mins(minutes));
    }

    /// A user with points.
    pub(crate) fn rich(&self, points: i64) -> UserId {
        let user = self.user();
        let booking = Booking { id: EntryId::generate(&*self.ports.ids), at: self.clock.now() };
        let entry = JournalEntry::top_up(booking, user, won(points)).unwrap();
        let id = ChangeSetId::generate(&*self.ports.ids);
        let changes = ChangeSet::new(id, self.clock.now()).post(entry);
        let _ = block_on(self.store.commit(changes)).unwrap();
        user
    }

    pub(crate) fn ask(&self, user: UserId, seats: &Seats) -> ReserveSeats {
        ReserveSeats {
            user,
            performance: self.performance,
            seats: seats.clone(),
            expected_total: won(PRICE * i64::try_from(seats.len()).unwrap()),
            hold: None,
            admission: None,
            key: None,
        }
    }

    pub(crate) fn reserve(&self, user: UserId, seats: &Seats) -> Reserved {
        block_on(reserve::reserve(&self.ports, self.ask(user, seats))).unwrap()
    }

    /// The payment that the checkout of a reservation creates.
    pub(crate) fn checkout(
        &self,
        user: UserId,
        reservation: ReservationId,
        points: i64,
        method: Option<Method>,
    ) -> PaymentId {
        let request = StartCheckout {
            user,
            reservation,
            points: won(points),
            method,
            refund_account: None,
            key: None,
        };
        let view = block_on(checkout::start(&self.ports, request)).unwrap();
        match view.state {
            CheckoutState::Completed { payment } => payment,
            state => panic!("the checkout ended as {state:?}"),
        }
    }

    pub(crate) fn confirm(&self, user: UserId, payment: PaymentId) -> PaymentView {
        let amount = self.payment(payment).external();
        let request =
            ConfirmPayment { user, payment, amount, provider_key: Some(token("card")), key: None };
        block_on(confirm::confirm(&self.ports, request)).unwrap()
    }

    /// Reserves and pays.
    pub(crate) fn buy(
        &self,
        user: UserId,
        seats: &Seats,
        points: i64,
        method: Option<Method>,
    ) -> (ReservationId, PaymentId, PaymentView) {
        let reservation = self.reserve(user, seats).reservation;
        let payment = self.checkout(user, reservation, points, method);
        let view = self.confirm(user, payment);
        (reservation, payment, view)
    }

    pub(crate) fn notice(&self, id: &str, payment: PaymentId) -> Result<NoticeTaken, NoticeError> {
        let secret = self.payment(payment).account().and_then(|account| account.secret.clone());
        let notice = Notice { message: message(token(id)), payment, secret };
        block_on(notice::take(&self.ports, notice))
    }

    pub(crate) fn reservation(&self, id: ReservationId) -> Reservation {
        block_on(self.ports.reservations.find(id)).unwrap().unwrap()
    }

    pub(crate) fn payment(&self, id: PaymentId) -> Payment {
        block_on(self.ports.payments.find(id)).unwrap().unwrap()
    }

    pub(crate) fn balance(&self, account: Account) -> i64 {
        let account = AccountKey { account, currency: Currency::KRW };
        block_on(self.ports.ledger.balance(account)).unwrap()
    }

    pub(crate) fn wallet(&self, user: UserId) -> i64 {
        self.balance(Account::Wallet(user))
    }

    pub(crate) fn places(&self, user: UserId) -> u16 {
        block_on(self.ports.claims.allowance_used(user, self.show)).unwrap()
    }

    pub(crate) fn claimed(&self, seats: &Seats) -> usize {
        block_on(self.ports.claims.of_seats(self.performance, seats.clone())).unwrap().len()
    }

    /// Runs the sweepers once each; how much they changed.
    pub(crate) fn sweep(&self) -> usize {
        let page = || PageRequest::first(Limit::DEFAULT);
        let ports = &self.ports;
        block_on(async {
            let runs = [
                expire::sweep_due(ports, page()).await.unwrap(),
                checkout::sweep_stalled(ports, page()).await.unwrap(),
                reconcile::sweep_unsettled(ports, page()).await.unwrap(),
                reconcile::sweep_accounts(ports, page()).await.unwrap(),
                refund_worker::sweep_refunds(ports, page()).await.unwrap(),
            ];
            for run in &runs {
                assert_eq!(run.failed, 0, "a sweep failed: {:?}", run.errors);
            }
            runs.iter().map(|run| run.changed).sum()
        })
    }

    /// Takes all notices that came, as the webhook endpoint would; how many changed something.
    pub(crate) fn take_notices(&self) -> usize {
        let taken = self.gateway.take_notices().into_iter().map(|notice| {
            let message = message(notice.id);
            let told = Notice { message, payment: notice.payment, secret: notice.secret };
            block_on(notice::take(&self.ports, told)).unwrap()
        });
        taken.filter(|taken| matches!(taken, NoticeTaken::Applied(_))).count()
    }

    /// Gives up seats of a reservation; `None` for all.
    pub(crate) fn refund(
        &self,
        user: UserId,
        reservation: ReservationId,
        seats: Option<Seats>,
    ) -> Result<RefundView, RefundError> {
        block_on(refund::request(&self.ports, RefundSeats { user, reservation, seats, key: None }))
    }

    pub(crate) fn refunds(&self, payment: PaymentId) -> Vec<Refund> {
        let page = PageRequest::first(Limit::DEFAULT);
        block_on(self.ports.refunds.of_payment(payment, page)).unwrap().items
    }

    pub(crate) fn tickets(&self, reservation: ReservationId) -> Vec<Ticket> {
        block_on(self.ports.tickets.of_reservation(reservation)).unwrap()
    }

    /// Somebody goes in with a ticket.
    pub(crate) fn admit(&self, ticket: &Ticket) -> Result<Ticket, TicketError> {
        let code = tickets::code(&*self.ports.signer, ticket);
        let gate = Label::new("north").unwrap();
        let shown = AdmitTicket { performance: self.performance, code, gate };
        block_on(tickets::admit(&self.ports, shown))
    }

    /// The seller changes the price of all seats.
    pub(crate) fn reprice(&self, price: Money) {
        let found = block_on(self.ports.layouts.fresh_performance(self.performance));
        let mut performance = Performance::clone(&found.unwrap().unwrap());
        let now = self.clock.now();
        let _ = performance.reprice(Grade::new("R").unwrap(), price, now).unwrap();
        let id = ChangeSetId::generate(&*self.ports.ids);
        let _ = block_on(self.store.commit(ChangeSet::new(id, now).save(performance))).unwrap();
    }

    /// How many events of a name were written.
    pub(crate) fn told(&self, name: &str) -> usize {
        all(|page| self.store.outbox(page)).iter().filter(|row| row.name == name).count()
    }

    /// Waits for an answer; whenever all sleep, the clock goes on to the next who wakes.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            self.clock.set(self.clock.next_wake().expect("somebody sleeps"));
        }
    }

    /// Starts something that waits for the outside; it goes on when it is run.
    pub(crate) fn start_waiting<F: Future>(future: F) -> Pin<Box<F>> {
        let mut future = Box::pin(future);
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending(), "it did not wait");
        future
    }

    /// Starts something that waits for the outside, and dies there.
    pub(crate) fn die_waiting<F: Future>(future: F) {
        drop(Self::start_waiting(future));
    }

    /// All that every story must leave true at every step.
    pub(crate) fn check(&self) {
        let options =
            VerifyOptions { stuck_after: Duration::MAX, ..VerifyOptions::at(self.clock.now()) };
        everything(&self.store, &options);
    }

    /// The same once everything came to rest: then nothing is late, no hold is left over, and the
    /// gateway's books agree with ours.
    pub(crate) fn check_at_rest(&self) {
        for _ in 0..20 {
            if self.take_notices() + self.sweep() == 0 {
                break;
            }
        }
        let now = self.clock.now();
        let held = all(|page| self.holds.ending_after(self.performance, now, page));
        let options = VerifyOptions {
            gateway: Some(GatewayTruth::from(&self.gateway.money())),
            holds: Some([(self.performance, held)].into()),
            ..VerifyOptions::at(now)
        };
        everything(&self.store, &options);
        for payment in self.gateway.money().payments.keys() {
            assert!(!self.payment(*payment).is_unsettled(), "{payment} did not come to rest");
        }
    }
}

pub(crate) fn message(id: Token) -> MessageKey {
    MessageKey { consumer: Label::new("webhook").unwrap(), id }
}

fn stage(
    ports: &Ports,
    seller: SellerId,
    policy: SalesPolicy,
    now: DateTime<Utc>,
    starts_in: TimeDelta,
) -> (ShowId, PerformanceId) {
    let spec = LayoutSpec::of([SectionSpec::grid("A", "R", 2, 10)]);
    let layout = Layout::new(&spec).unwrap();
    let show = Show::create(
        NewShow {
            id: ShowId::generate(&*ports.ids),
            seller,
            title: Title::new("A Night").unwrap(),
            commission: BasisPoints::percent(3),
            prices: PriceList::new([(Grade::new("R").unwrap(), won(PRICE))]).unwrap(),
            policy,
        },
        now,
    )
    .unwrap();
    let performance = Performance::schedule(
        NewPerformance {
            id: PerformanceId::generate(&*ports.ids),
            show: &show,
            layout: &layout,
            starts_at: now + starts_in,
            zone: "Asia/Seoul".parse().unwrap(),
            sales_open_at: now,
            prices: None,
            policy: None,
        },
        now,
    )
    .unwrap();
    let ids = (show.id(), performance.id());
    for changes in [
        ChangeSet::new(ChangeSetId::generate(&*ports.ids), now).save(show),
        ChangeSet::new(ChangeSetId::generate(&*ports.ids), now).save(performance),
    ] {
        let _ = block_on(ports.store.commit(changes)).unwrap();
    }
    ids
}
