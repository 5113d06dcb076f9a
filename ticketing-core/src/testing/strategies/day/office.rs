//! Who does what at the box office.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use proptest::sample::Index;

use super::{Act, BUYERS, CHORES, Chore, Stage, Tender};
use crate::box_office::{
    AdmitTicket, BoxOffice, CancelReservation, ConfirmPayment, CreateShow, CreateVenue, Notice,
    RefundSeats, ReserveSeats, SchedulePerformance, StartCheckout, TopUp,
};
use crate::change_set::{ChangeSet, MessageKey};
use crate::id::{PaymentId, PerformanceId, ReservationId, SellerId, UserId};
use crate::label::{Label, Title, Token};
use crate::memory::{CallAct, ManualClock, Memory, MemoryStore, Step};
use crate::money::Currency;
use crate::page::{Limit, PageRequest};
use crate::payment::Method;
use crate::policy::SalesPolicy;
use crate::port::{CommitError, Committed, Store};
use crate::seat::{SeatNo, Seats};
use crate::sync::lock;
use crate::testing::strategies::value::{Origin, amount, part};

/// A store that keeps what it accepted.
struct Recorder {
    store: MemoryStore,
    accepted: Mutex<Vec<ChangeSet>>,
}

#[async_trait]
impl Store for Recorder {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        let answer = self.store.commit(changes.clone()).await;
        if matches!(answer, Ok(Committed::Done)) {
            lock(&self.accepted).push(changes);
        }
        answer
    }
}

/// A box office over adapters in memory, and who comes to it.
pub(super) struct Day {
    memory: Memory,
    recorder: Arc<Recorder>,
    office: BoxOffice,
    seller: SellerId,
    performance: PerformanceId,
    currency: Currency,
    capacity: u32,
    buyers: [UserId; BUYERS],
    reservations: Vec<(UserId, ReservationId)>,
    payments: Vec<(UserId, PaymentId)>,
    keys: u32,
}

impl Day {
    /// The performance is scheduled; sales open at once.
    pub(super) fn open(origin: &Origin, stage: Stage) -> Self {
        let memory = Memory::at(ManualClock::at(origin.at)).seed(origin.seed()).build();
        let store = memory.store.clone();
        let recorder = Arc::new(Recorder { store, accepted: Mutex::default() });
        let mut ports = memory.ports();
        ports.store = Arc::clone(&recorder) as _;
        let seller = SellerId::generate(&*memory.ids);
        let buyers = std::array::from_fn(|_| UserId::generate(&*memory.ids));
        let office = BoxOffice::new(ports);
        let (currency, capacity) = (stage.prices.currency(), stage.layout.len());
        let clock = memory.clock.clone();
        let performance = run(&clock, async {
            let title = |text| Title::new(text).expect("a short title");
            let venue = CreateVenue::new(seller, title("Opera"), stage.layout);
            let venue = office.create_venue(venue).await.expect("a new venue");
            let show = CreateShow {
                commission: stage.commission,
                policy: SalesPolicy {
                    seats_per_reservation: 4,
                    tickets_per_user: stage.tickets_per_user,
                    late_payment: stage.late_payment,
                    refunds: stage.refunds,
                    ..SalesPolicy::default()
                },
                ..CreateShow::new(seller, title("Tosca"), stage.prices)
            };
            let show = office.create_show(show).await.expect("a new show");
            let starts_at = origin.at + TimeDelta::days(14);
            let schedule = SchedulePerformance::new(seller, show, venue, starts_at);
            office.schedule(schedule).await.expect("prices for every grade")
        });
        Self {
            memory,
            recorder,
            office,
            seller,
            performance,
            currency,
            capacity,
            buyers,
            reservations: Vec::new(),
            payments: Vec::new(),
            keys: 0,
        }
    }

    /// What was committed, in its order.
    pub(super) fn history(&self) -> Vec<ChangeSet> {
        lock(&self.recorder.accepted).clone()
    }

    /// Lets time pass, and something happen. What is refused leaves no change set.
    pub(super) fn happens(&mut self, act: Act, after: Duration) {
        self.memory.clock.advance(after);
        let clock = self.memory.clock.clone();
        // `None` where there is nothing that it could be about, or it was refused.
        let _ = run(&clock, self.act(act));
    }

    async fn act(&mut self, act: Act) -> Option<()> {
        let (seller, performance) = (self.seller, self.performance);
        match act {
            Act::TopUp { buyer, minor } => self.top_up(buyer, minor).await?,
            Act::Reserve { buyer, seats } => {
                self.reserve(buyer, &seats).await?;
            }
            Act::CheckOut { which, tender } => {
                self.check_out(*pick(&self.reservations, which)?, tender).await?;
            }
            Act::Pay { which, gateway } => {
                self.pay(*pick(&self.payments, which)?, gateway).await?;
            }
            Act::Buy { buyer, seats, tender, gateway } => {
                let reserved = self.reserve(buyer, &seats).await?;
                let created = self.check_out(reserved, tender).await?;
                self.pay(created, gateway).await?;
            }
            Act::Deposit { which, is_right } => self.deposit(which, is_right).await?,
            Act::TakeDepositBack(which) => {
                let (_, payment) = *pick(&self.payments, which)?;
                self.memory.gateway.reverse_deposit(payment).ok()?;
                self.take_notices().await;
            }
            Act::Cancel(which) => {
                let (user, reservation) = *pick(&self.reservations, which)?;
                self.office
                    .cancel_reservation(CancelReservation::new(user, reservation))
                    .await
                    .ok()?;
            }
            Act::Refund { which, seats, gateway } => self.refund(which, seats, gateway).await?,
            Act::Admit { which, gate } => self.admit(which, gate).await?,
            Act::Suspect { buyer, is_cleared } => {
                let (fraud, user) = (&self.memory.fraud, self.buyers[buyer]);
                if is_cleared { fraud.clear(user) } else { fraud.suspect(user) }
            }
            Act::Block { seats, is_free_again } => {
                let seats = self.fitting(&seats);
                self.office.block(seller, performance, seats.clone()).await.ok()?;
                if is_free_again {
                    self.office.unblock(seller, performance, seats).await.ok()?;
                }
            }
            Act::Price { grade, minor, of } => {
                let price = amount(minor, self.currency);
                self.office.reprice(seller, performance, grade.clone(), price).await.ok()?;
                let seats = self.fitting(&of?);
                self.office.regrade(seller, performance, seats, grade).await.ok()?;
            }
            Act::Rename(title) => {
                let show = self.office.performance(performance).await.ok()?.show();
                self.office.retitle_show(seller, show, title).await.ok()?;
            }
            Act::CancelPerformance => {
                self.office.cancel_performance(seller, performance).await.ok()?;
            }
            Act::Work { first, count } => {
                for chore in CHORES.iter().skip(first).take(count) {
                    self.work(*chore).await?;
                }
            }
        }
        Some(())
    }

    async fn top_up(&mut self, buyer: usize, minor: i64) -> Option<()> {
        let (user, amount) = (self.buyers[buyer], amount(minor, self.currency));
        let key = self.key();
        self.office.top_up(TopUp { user, amount, key }).await.ok().map(drop)
    }

    async fn reserve(&mut self, buyer: usize, seats: &Seats) -> Option<(UserId, ReservationId)> {
        let (user, seats) = (self.buyers[buyer], self.fitting(seats));
        let total = self.office.quote(self.performance, &seats).await.ok()?.total;
        let request = ReserveSeats::new(user, self.performance, seats, total);
        let request = request.with_key(self.key());
        let reserved = (user, self.office.reserve(request).await.ok()?.reservation);
        self.reservations.push(reserved);
        Some(reserved)
    }

    async fn check_out(
        &mut self,
        (user, reservation): (UserId, ReservationId),
        tender: Tender,
    ) -> Option<(UserId, PaymentId)> {
        let total = self.office.reservation(user, reservation).await.ok()??.total();
        let balance = self.office.balance(user, self.currency).await.ok()?;
        let points = part(total.min(balance).ok()?.minor(), tender.points_permille);
        let request = StartCheckout {
            user,
            reservation,
            points: amount(points, self.currency),
            method: (points < total.minor()).then_some(tender.method),
            refund_account: tender.account,
            key: Some(self.key()),
        };
        let created = (user, self.office.checkout(request).await.ok()?.payment()?);
        self.payments.push(created);
        Some(created)
    }

    async fn pay(&mut self, (user, id): (UserId, PaymentId), gateway: CallAct) -> Option<()> {
        let payment = self.office.ports().payments.find(id).await.ok()??;
        self.memory.gateway.script(id, [Step::confirm(gateway), Step::issue(gateway)]);
        let key = Token::new(&format!("auth-{id}")).expect("a short key");
        let mut request = ConfirmPayment::new(user, id, payment.external()).with_key(self.key());
        if payment.method() == Some(Method::Card) {
            request = request.with_provider_key(key);
        }
        self.office.confirm(request).await.ok().map(drop)
    }

    async fn deposit(&mut self, which: Index, is_right: bool) -> Option<()> {
        let (_, id) = *pick(&self.payments, which)?;
        let asked = self.office.ports().payments.find(id).await.ok()??.external();
        let unit = amount(1, self.currency);
        let brought = if is_right { asked } else { asked.add(unit).ok()? };
        self.memory.gateway.deposit(id, brought).ok()?;
        self.take_notices().await;
        Some(())
    }

    /// Of the seats that are left, the first so many.
    async fn refund(&mut self, which: Index, seats: usize, gateway: CallAct) -> Option<()> {
        let (user, id) = *pick(&self.reservations, which)?;
        let found = self.office.reservation(user, id).await.ok()??;
        let seats = Seats::new(found.live_seats()?.iter().take(seats)).ok();
        self.memory.gateway.script(found.payment()?, [Step::cancel(gateway)]);
        let request = RefundSeats { user, reservation: id, seats, key: Some(self.key()) };
        self.office.refund(request).await.ok().map(drop)
    }

    async fn admit(&mut self, which: Index, gate: Label<64>) -> Option<()> {
        let (user, id) = *pick(&self.reservations, which)?;
        let tickets = self.office.tickets_of(user, id).await.ok()?;
        let code = self.office.ticket_code(tickets.first()?);
        let shown = AdmitTicket { performance: self.performance, code, gate };
        self.office.admit(shown).await.ok().map(drop)
    }

    async fn take_notices(&self) {
        for notice in self.memory.gateway.take_notices() {
            let consumer = Label::new("webhook").expect("a short name");
            let message = MessageKey { consumer, id: notice.id };
            let told = Notice { message, payment: notice.payment, secret: notice.secret };
            drop(self.office.take_notice(told).await);
        }
    }

    async fn work(&self, chore: Chore) -> Option<()> {
        let (office, page) = (&self.office, PageRequest::first(Limit::DEFAULT));
        match chore {
            Chore::TakeNotices => {
                self.take_notices().await;
                return Some(());
            }
            Chore::SweepDue => office.sweep_due(page).await,
            Chore::SweepCheckouts => office.sweep_checkouts(page).await,
            Chore::SweepUnsettled => office.sweep_unsettled(page).await,
            Chore::SweepAccounts => office.sweep_accounts(page).await,
            Chore::SweepCancelled => office.sweep_cancelled(page, Limit::DEFAULT).await,
            Chore::SweepRefunds => office.sweep_refunds(page).await,
        }
        .ok()
        .map(drop)
    }

    /// The same seats, counted round and round in the hall.
    fn fitting(&self, seats: &Seats) -> Seats {
        let fitting: BTreeSet<SeatNo> =
            seats.iter().map(|seat| SeatNo(seat.0 % self.capacity)).collect();
        Seats::new(fitting).expect("at least one seat, and different ones")
    }

    fn key(&mut self) -> Token {
        self.keys += 1;
        Token::new(&format!("call-{}", self.keys)).expect("a short key")
    }
}

fn pick<T>(from: &[T], which: Index) -> Option<&T> {
    (!from.is_empty()).then(|| which.get(from))
}

/// Runs a call; whenever it sleeps, the clock goes on to when it wants to wake.
fn run<F: Future>(clock: &ManualClock, future: F) -> F::Output {
    const SLEEPS_MAX: u32 = 10_000;
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..SLEEPS_MAX {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        if let Some(at) = clock.next_wake() {
            clock.set(at);
        }
    }
    panic!("a call slept {SLEEPS_MAX} times");
}
