//! Start a checkout and drive its saga in process.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::settle::{free_all, post_if_any};
use super::support::{
    Attempt, Call, Failure, Swept, Tries, answer_of, change_set, commit, inconsistent, once_saved,
};
use crate::change_set::ChangeSet;
use crate::checkout::{Abort, Checkout, CheckoutState, Command, Reply, Step, TenderChoice};
use crate::error::{Fault, PortError};
use crate::id::{CheckoutId, EntryId, HoldToken, PaymentId, PerformanceId, ReservationId, UserId};
use crate::label::Token;
use crate::ledger::{Booking, JournalEntry};
use crate::money::{Currency, Money};
use crate::page::PageRequest;
use crate::payment::{Method, NewPayment, Payment};
use crate::performance::{Performance, PerformanceRefusal};
use crate::port::{CommitError, FraudQuery, FraudVerdict, Ports, RefundAccount, UserStatus};
use crate::reservation::{CancelReason, Reservation, ReservationRefusal};
use crate::seat::Seats;
use crate::timeout::timeout;

/// How long one outside check may take before the saga turns back.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a checkout may stand still before the sweeper drives it on.
pub const STALLED_AFTER: TimeDelta = TimeDelta::seconds(30);
/// The most steps of one drive: four forward, four back, and as many stale reads.
const STEPS_MAX: u32 = 32;

/// How a buyer wants to pay for a reservation.
#[derive(Clone, Debug)]
pub struct StartCheckout {
    /// The buyer.
    pub user: UserId,
    /// The reservation.
    pub reservation: ReservationId,
    /// Points to use.
    pub points: Money,
    /// How the rest is paid; `None` exactly if points pay it all.
    pub method: Option<Method>,
    /// Where a deposit would be refunded to; may be named later.
    pub refund_account: Option<RefundAccount>,
    /// The client's idempotency key.
    pub key: Option<Token>,
}

impl StartCheckout {
    /// All of it by one method, without a key; `currency` is that of the reservation.
    pub const fn by(
        user: UserId,
        reservation: ReservationId,
        method: Method,
        currency: Currency,
    ) -> Self {
        let points = currency.zero();
        let (refund_account, key) = (None, None);
        Self { user, reservation, points, method: Some(method), refund_account, key }
    }

    /// All of it by points, without a key.
    pub const fn by_points(user: UserId, reservation: ReservationId, points: Money) -> Self {
        Self { user, reservation, points, method: None, refund_account: None, key: None }
    }

    /// Some of it by points, the rest by the method.
    #[must_use]
    pub const fn with_points(mut self, points: Money) -> Self {
        self.points = points;
        self
    }

    /// With the client's idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: Token) -> Self {
        self.key = Some(key);
        self
    }
}

/// Where a checkout stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutView {
    /// Which.
    pub checkout: CheckoutId,
    /// Of which reservation.
    pub reservation: ReservationId,
    /// How far it has come.
    pub state: CheckoutState,
}

impl CheckoutView {
    /// The payment, once the checkout is completed.
    pub const fn payment(&self) -> Option<PaymentId> {
        match self.state {
            CheckoutState::Completed { payment } => Some(payment),
            CheckoutState::Started
            | CheckoutState::Compensating { .. }
            | CheckoutState::Compensated { .. } => None,
        }
    }

    /// Why it did not complete, once it turned back.
    pub const fn abort(&self) -> Option<Abort> {
        match self.state {
            CheckoutState::Compensating { abort } | CheckoutState::Compensated { abort } => {
                Some(abort)
            }
            CheckoutState::Started | CheckoutState::Completed { .. } => None,
        }
    }
}

/// Why no checkout was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// No such reservation of this user.
    #[error("no reservation {0} of this user")]
    NoSuchReservation(ReservationId),
    /// No such checkout of this user.
    #[error("no checkout {0} of this user")]
    NoSuchCheckout(CheckoutId),
    /// The reservation does not allow it.
    #[error(transparent)]
    Reservation(#[from] ReservationRefusal),
    /// The performance does not take place.
    #[error(transparent)]
    Performance(#[from] PerformanceRefusal),
    /// The points exceed the price, or the method does not fit what is left.
    #[error("expected points of at most {total} and a method exactly if something is left to pay")]
    TendersDoNotFit {
        /// The price.
        total: Money,
    },
    /// Too little time is left to wait for a deposit.
    #[error("a bank transfer is not offered so close to the start")]
    BankTransferNotOffered,
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for CheckoutError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Until when a deposit would be due; `None` if that leaves too little time to offer it.
pub fn deposit_due_at(performance: &Performance, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let deadlines = &performance.policy().deadlines;
    let due_at =
        (now + deadlines.deposit_due).min(performance.starts_at() - deadlines.deposit_before_start);
    (due_at >= now + deadlines.deposit_min).then_some(due_at)
}

/// Starts the checkout of a reservation and drives it as far as it goes: to a created payment, or back.
///
/// # Errors
/// [`CheckoutError`]; no checkout was started, or it stands where [`drive`] goes on.
pub async fn start(ports: &Ports, request: StartCheckout) -> Result<CheckoutView, CheckoutError> {
    let asked = (request.reservation, request.points, request.method);
    let call = Call::of(request.user, "checkout", request.key.as_ref(), &asked);
    if let Some(id) = Call::replay::<CheckoutId>(call.as_ref(), ports).await? {
        return drive(ports, id).await;
    }
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let mut reservation = owned(ports, request.reservation, request.user).await?;
        let performance = load_performance(ports, reservation.performance()).await?;
        performance.must_take_place()?;
        check_tenders(&request, &reservation, &performance, now)?;
        let id = CheckoutId::generate(&*ports.ids);
        let attempts_max = performance.policy().checkout_attempts;
        if let Err(refusal) = reservation.begin_checkout(id, attempts_max, now) {
            // It may be the same call, made at the same moment, that is under way.
            return match Call::replay::<CheckoutId>(call.as_ref(), ports).await? {
                Some(first) => drive(ports, first).await,
                None => Err(refusal.into()),
            };
        }
        let choice = TenderChoice {
            points: request.points,
            method: request.method,
            refund_account: request.refund_account.clone(),
        };
        let (checkout, _) = Checkout::start(id, reservation.id(), request.user, choice, now);
        let next =
            Loaded { checkout: once_saved(&checkout), reservation: once_saved(&reservation) };
        let changes = change_set(ports, now).save(reservation).save(checkout);
        let changes = Call::keep(call.as_ref(), changes, &id)?;
        match commit(ports, changes).await? {
            Attempt::Done => return run(ports, next).await,
            Attempt::Stale => tries.again()?,
            Attempt::Replayed(state) => return drive(ports, answer_of(&state)?).await,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
    }
}

/// Drives a checkout on from where it stands; one that ended is only shown.
///
/// # Errors
/// [`CheckoutError::NoSuchCheckout`], or a failure; the next drive goes on.
pub async fn drive(ports: &Ports, id: CheckoutId) -> Result<CheckoutView, CheckoutError> {
    let loaded = load(ports, id).await?;
    run(ports, loaded).await
}

/// Where a checkout of a user stands.
///
/// # Errors
/// [`CheckoutError::NoSuchCheckout`].
pub async fn status(
    ports: &Ports,
    user: UserId,
    id: CheckoutId,
) -> Result<CheckoutView, CheckoutError> {
    let checkout = ports.checkouts.find(id).await?.filter(|checkout| checkout.user() == user);
    checkout.as_ref().map(view).ok_or(CheckoutError::NoSuchCheckout(id))
}

/// Drives on checkouts whose driver died: a bounded batch.
///
/// # Errors
/// The list could not be read.
pub async fn sweep_stalled(ports: &Ports, page: PageRequest) -> Result<Swept, Failure> {
    let until = ports.clock.now() - STALLED_AFTER;
    let stalled = ports.checkouts.stalled(until, page).await?;
    let mut swept = Swept::until(stalled.next);
    for checkout in stalled.items {
        let before = checkout.state();
        let after = drive(ports, checkout.id()).await;
        swept.count(after.map(|view| view.state != before));
    }
    Ok(swept)
}

struct Loaded {
    checkout: Checkout,
    reservation: Reservation,
}

async fn run(ports: &Ports, mut loaded: Loaded) -> Result<CheckoutView, CheckoutError> {
    for _ in 0..STEPS_MAX {
        if !loaded.checkout.is_live() {
            return Ok(view(&loaded.checkout));
        }
        let reply = ask(ports, &loaded).await?;
        let stepped = step(ports, loaded, reply).await?;
        loaded = match stepped.next {
            Some(next) => next,
            None => return Ok(stepped.view),
        };
    }
    Err(Failure::Contended { tries: STEPS_MAX }.into())
}

/// Asks outside what the saga waits for. What is decided inside the commit has no reply yet.
async fn ask(ports: &Ports, loaded: &Loaded) -> Result<Option<Reply>, CheckoutError> {
    let reservation = &loaded.reservation;
    let deadline = ports.clock.now() + CHECK_TIMEOUT;
    let going_back = matches!(loaded.checkout.state(), CheckoutState::Compensating { .. });
    if !reservation.is_pending() && !going_back {
        return Ok(Some(Reply::ReservationEnded));
    }
    Ok(match loaded.checkout.waiting_for() {
        Some(Command::CheckUser) => {
            let asked = ports.users.status(loaded.checkout.user());
            match timeout(&*ports.timer, deadline, asked).await {
                Ok(Ok(UserStatus::Active)) => Some(Reply::UserActive),
                Ok(Ok(UserStatus::Inactive | UserStatus::Unknown)) => Some(Reply::UserRefused),
                Ok(Err(_)) | Err(_) => Some(Reply::TimedOut(Step::CheckUser)),
            }
        }
        Some(Command::CheckFraud) => {
            let query = FraudQuery {
                user: loaded.checkout.user(),
                reservation: reservation.id(),
                performance: reservation.performance(),
                total: reservation.total(),
            };
            match timeout(&*ports.timer, deadline, ports.fraud.check(query)).await {
                Ok(Ok(FraudVerdict::Clear)) => Some(Reply::FraudClear),
                Ok(Ok(FraudVerdict::Suspected)) => Some(Reply::FraudSuspected),
                Ok(Err(_)) | Err(_) => Some(Reply::TimedOut(Step::CheckFraud)),
            }
        }
        Some(
            Command::ReservePoints
            | Command::CreatePayment
            | Command::DeletePayment
            | Command::GivePointsBack
            | Command::CancelReservation,
        )
        | None => None,
    })
}

/// What one commit of the driver does: takes a reply, and does at once what needs nobody outside.
struct Decision {
    checkout: Checkout,
    reservation: Reservation,
    touched: bool,
    entry: Option<JournalEntry>,
    payment: Option<Payment>,
    cancelled: bool,
}

/// Where a step led, and what it goes on with.
struct Stepped {
    view: CheckoutView,
    next: Option<Loaded>,
}

/// Decides and commits one step.
async fn step(
    ports: &Ports,
    mut loaded: Loaded,
    reply: Option<Reply>,
) -> Result<Stepped, CheckoutError> {
    let id = loaded.checkout.id();
    let mut poor = false;
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let decision = decide(ports, loaded, reply.clone(), poor, now).await?;
        let (freed, stretched) = (decision.freed(), decision.stretched());
        let (changes, next) = decision.into_changes(change_set(ports, now));
        match commit(ports, changes).await? {
            Attempt::Done => {
                if let Some((performance, seats, token)) = freed {
                    drop(ports.holds.release(performance, seats, token).await);
                }
                if let Some((performance, seats, token, until)) = stretched {
                    drop(ports.holds.extend(performance, seats, token, until, now).await);
                }
                return Ok(next);
            }
            Attempt::Stale => {
                tries.again()?;
                poor = false;
            }
            Attempt::Refused(CommitError::InsufficientFunds(_)) if !poor => poor = true,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Replayed(_) | Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
        loaded = load(ports, id).await?;
        if !loaded.checkout.is_live() {
            return Ok(Stepped { view: view(&loaded.checkout), next: None });
        }
    }
}

async fn decide(
    ports: &Ports,
    loaded: Loaded,
    reply: Option<Reply>,
    poor: bool,
    now: DateTime<Utc>,
) -> Result<Decision, CheckoutError> {
    let Loaded { checkout, reservation } = loaded;
    let mut d = Decision {
        checkout,
        reservation,
        touched: false,
        entry: None,
        payment: None,
        cancelled: false,
    };
    let mut commands = match reply {
        // The reply may be older than what was reloaded: then the saga asks for nothing new.
        Some(reply) => d.checkout.handle(reply, now).unwrap_or_default(),
        None => Vec::new(),
    };
    commands.extend(d.checkout.waiting_for().filter(|_| commands.is_empty()));
    // Each command ends a step, so this is bounded by the steps.
    while let Some(command) = commands.pop() {
        let reply = match command {
            Command::CheckUser | Command::CheckFraud => break,
            Command::ReservePoints if poor => Reply::PointsRefused,
            Command::ReservePoints => d.reserve_points(ports, now)?,
            Command::CreatePayment => {
                let performance = load_performance(ports, d.reservation.performance()).await?;
                d.create_payment(ports, &performance, now)
            }
            Command::DeletePayment => Reply::PaymentDeleted,
            Command::GivePointsBack => d.give_points_back(ports, now)?,
            Command::CancelReservation => {
                d.cancel_reservation(now);
                break;
            }
        };
        let fits = d.checkout.handle(reply, now).map_err(|error| {
            Failure::from(PortError::new("checkout", "drive", Fault::Permanent).because(error))
        })?;
        commands.extend(fits);
    }
    if !d.checkout.is_live() && d.reservation.checkout() == Some(d.checkout.id()) {
        d.reservation.end_checkout(d.checkout.id());
        d.touched = true;
    }
    Ok(d)
}

impl Decision {
    fn reserve_points(&mut self, ports: &Ports, now: DateTime<Utc>) -> Result<Reply, Failure> {
        let points = self.checkout.choice().points;
        if points.is_zero() {
            return Ok(Reply::PointsReserved(None));
        }
        let booking = Booking { id: EntryId::generate(&*ports.ids), at: now };
        let entry = JournalEntry::points_reserved(
            booking,
            self.reservation.id(),
            self.checkout.user(),
            points,
        )?;
        let id = entry.id();
        self.entry = Some(entry);
        Ok(Reply::PointsReserved(Some(id)))
    }

    fn give_points_back(&mut self, ports: &Ports, now: DateTime<Utc>) -> Result<Reply, Failure> {
        if let Some(reserved) = self.checkout.points_entry() {
            let booking = Booking { id: EntryId::generate(&*ports.ids), at: now };
            self.entry = Some(JournalEntry::points_given_back(
                booking,
                reserved,
                self.reservation.id(),
                self.checkout.user(),
                self.checkout.choice().points,
            )?);
        }
        Ok(Reply::PointsBack)
    }

    fn create_payment(
        &mut self,
        ports: &Ports,
        performance: &Performance,
        now: DateTime<Utc>,
    ) -> Reply {
        let id = PaymentId::generate(&*ports.ids);
        let choice = self.checkout.choice();
        let new = NewPayment {
            id,
            reservation: &self.reservation,
            checkout: self.checkout.id(),
            discount: performance.currency().zero(),
            points: choice.points,
            points_entry: self.checkout.points_entry(),
            method: choice.method,
            refund_account: choice.refund_account.clone(),
        };
        let Ok(payment) = Payment::create(new, now) else { return Reply::PaymentRefused };
        let deadlines = &performance.policy().deadlines;
        if self.reservation.start_payment(id, deadlines, now).is_err() {
            return Reply::PaymentRefused;
        }
        self.touched = true;
        self.payment = Some(payment);
        Reply::PaymentCreated(id)
    }

    fn cancel_reservation(&mut self, now: DateTime<Utc>) {
        let cancelled = self.reservation.cancel(CancelReason::CheckoutRefused, false, now);
        if cancelled.is_ok() {
            self.touched = true;
            self.cancelled = true;
        }
    }

    /// The hold that has no purpose once this is committed.
    fn freed(&self) -> Option<(PerformanceId, Seats, HoldToken)> {
        let reservation = &self.reservation;
        self.cancelled.then(|| (reservation.performance(), reservation.seats(), reservation.hold()))
    }

    /// The hold that lasts longer once this is committed, with the deadline that the payment got.
    fn stretched(&self) -> Option<(PerformanceId, Seats, HoldToken, DateTime<Utc>)> {
        let reservation = &self.reservation;
        let (performance, seats) = (reservation.performance(), reservation.seats());
        let until = reservation.expires_at();
        self.payment.as_ref().map(|_| (performance, seats, reservation.hold(), until))
    }

    /// A reservation that is not saved is guarded, as it was read.
    fn into_changes(self, changes: ChangeSet) -> (ChangeSet, Stepped) {
        let Self { checkout, reservation, touched, entry, payment, cancelled } = self;
        let mut changes = changes;
        if cancelled {
            changes = free_all(changes, &reservation);
        }
        if let Some(payment) = payment {
            changes = changes.save(payment);
        }
        changes = post_if_any(changes, entry);
        let view = view(&checkout);
        if !checkout.is_live() {
            let changes = changes.save(checkout);
            let changes =
                if touched { changes.save(reservation) } else { changes.guard(&reservation) };
            return (changes, Stepped { view, next: None });
        }
        let next = once_saved(&checkout);
        changes = changes.save(checkout);
        let (changes, reservation) = if touched {
            let saved = once_saved(&reservation);
            (changes.save(reservation), saved)
        } else {
            (changes.guard(&reservation), reservation)
        };
        let next = Some(Loaded { checkout: next, reservation });
        (changes, Stepped { view, next })
    }
}

fn check_tenders(
    request: &StartCheckout,
    reservation: &Reservation,
    performance: &Performance,
    now: DateTime<Utc>,
) -> Result<(), CheckoutError> {
    let total = reservation.total();
    let fits = total
        .sub(request.points)
        .is_ok_and(|external| external.is_zero() == request.method.is_none());
    if !fits {
        return Err(CheckoutError::TendersDoNotFit { total });
    }
    let offered =
        request.method != Some(Method::BankTransfer) || deposit_due_at(performance, now).is_some();
    if offered { Ok(()) } else { Err(CheckoutError::BankTransferNotOffered) }
}

fn view(checkout: &Checkout) -> CheckoutView {
    CheckoutView {
        checkout: checkout.id(),
        reservation: checkout.reservation(),
        state: checkout.state(),
    }
}

async fn owned(
    ports: &Ports,
    id: ReservationId,
    user: UserId,
) -> Result<Reservation, CheckoutError> {
    let found = ports.reservations.find(id).await?;
    found.filter(|found| found.user() == user).ok_or(CheckoutError::NoSuchReservation(id))
}

async fn load(ports: &Ports, id: CheckoutId) -> Result<Loaded, CheckoutError> {
    let checkout = ports.checkouts.find(id).await?.ok_or(CheckoutError::NoSuchCheckout(id))?;
    let reservation = ports
        .reservations
        .find(checkout.reservation())
        .await?
        .ok_or(CheckoutError::NoSuchReservation(checkout.reservation()))?;
    Ok(Loaded { checkout, reservation })
}

async fn load_performance(
    ports: &Ports,
    id: PerformanceId,
) -> Result<std::sync::Arc<Performance>, CheckoutError> {
    let found = ports.layouts.performance(id).await?;
    found.ok_or_else(|| {
        let missing = PortError::new("layouts", "performance", Fault::Permanent);
        missing.because(format!("no performance {id}")).into()
    })
}
