//! What one commit of a checkout does.

use chrono::{DateTime, Utc};

use super::load::{Loaded, load_performance};
use super::view::{CheckoutError, CheckoutView, view};
use crate::change_set::ChangeSet;
use crate::checkout::{Checkout, CheckoutState, Command, Reply};
use crate::error::{Fault, PortError};
use crate::id::{EntryId, HoldToken, PaymentId, PerformanceId};
use crate::ledger::{Booking, JournalEntry};
use crate::payment::{NewPayment, Payment};
use crate::performance::Performance;
use crate::port::Ports;
use crate::reservation::{CancelReason, Reservation};
use crate::seat::Seats;
use crate::service::settle::{free_all, post_if_any};
use crate::service::support::{Failure, once_saved};

/// Takes replies, and does at once what needs nobody outside.
pub(super) struct Decision {
    checkout: Checkout,
    reservation: Reservation,
    touched: bool,
    entry: Option<JournalEntry>,
    payment: Option<Payment>,
    cancelled: bool,
}

/// Where a commit leads, and what it goes on with.
pub(super) struct Stepped {
    pub(super) view: CheckoutView,
    pub(super) hold: HoldAfter,
    pub(super) next: Option<Loaded>,
}

impl Stepped {
    /// A checkout that somebody else brought to its end.
    pub(super) fn ended(checkout: &Checkout) -> Self {
        Self { view: view(checkout), hold: HoldAfter::Stays, next: None }
    }
}

/// What becomes of the hold once the decision is committed.
pub(super) enum HoldAfter {
    Stays,
    /// It has no purpose any more.
    Freed(PerformanceId, Seats, HoldToken),
    /// It lasts as long as the payment may.
    Until(DateTime<Utc>, PerformanceId, Seats, HoldToken),
}

impl HoldAfter {
    /// Best effort: a hold that stays ends by itself, one that ends early is only missed.
    pub(super) async fn follow(&self, ports: &Ports, now: DateTime<Utc>) {
        match self {
            Self::Stays => {}
            Self::Freed(performance, seats, token) => {
                drop(ports.holds.release(*performance, seats.clone(), *token).await);
            }
            Self::Until(until, performance, seats, token) => {
                drop(ports.holds.extend(*performance, seats.clone(), *token, *until, now).await);
            }
        }
    }
}

/// Decides how a checkout goes on. Of the replies the first is the one that it waits for; the others are taken
/// as it comes to ask for them.
pub(super) async fn decide(
    ports: &Ports,
    loaded: Loaded,
    replies: &[Reply],
    is_poor: bool,
    now: DateTime<Utc>,
) -> Result<Decision, CheckoutError> {
    let Loaded { checkout, reservation, performance } = loaded;
    let mut d = Decision {
        checkout,
        reservation,
        touched: false,
        entry: None,
        payment: None,
        cancelled: false,
    };
    let mut replies = replies.iter().cloned();
    let mut commands = match replies.next() {
        // The reply may be older than what was reloaded: then the saga asks for nothing new.
        Some(reply) => d.checkout.handle(reply, now).unwrap_or_default(),
        None => Vec::new(),
    };
    commands.extend(d.checkout.waiting_for().filter(|_| commands.is_empty()));
    // Each command ends a step, so this is bounded by the steps.
    while let Some(command) = commands.pop() {
        let reply = match command {
            Command::CheckUser | Command::CheckFraud => {
                let Some(reply) = replies.next() else { break };
                reply
            }
            Command::ReservePoints if is_poor => Reply::PointsRefused,
            Command::ReservePoints => d.reserve_points(ports, now)?,
            Command::CreatePayment => {
                let performance = match &performance {
                    Some(performance) => performance,
                    None => &load_performance(ports, d.reservation.performance()).await?,
                };
                d.create_payment(ports, performance, now)
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

    pub(super) const fn is_completed(&self) -> bool {
        matches!(self.checkout.state(), CheckoutState::Completed { .. })
    }

    /// With the deadline that a payment got.
    fn hold_after(&self) -> HoldAfter {
        let reservation = &self.reservation;
        let (performance, token) = (reservation.performance(), reservation.hold());
        if self.cancelled {
            HoldAfter::Freed(performance, reservation.seats(), token)
        } else if self.payment.is_some() {
            let until = reservation.expires_at();
            HoldAfter::Until(until, performance, reservation.seats(), token)
        } else {
            HoldAfter::Stays
        }
    }

    /// Events come in the order in which the steps follow each other. A reservation that is not saved is
    /// guarded, as it was read.
    pub(super) fn into_changes(self, mut changes: ChangeSet) -> (ChangeSet, Stepped) {
        let hold = self.hold_after();
        let Self { checkout, reservation, touched, entry, payment, cancelled } = self;
        if cancelled {
            changes = free_all(changes, &reservation);
        }
        let view = view(&checkout);
        let next = checkout.is_live().then(|| Loaded {
            checkout: once_saved(&checkout),
            reservation: if touched { once_saved(&reservation) } else { reservation.clone() },
            performance: None,
        });
        changes = changes.save_around(checkout, |changes| {
            let changes = match payment {
                Some(payment) => changes.save(payment),
                None => changes,
            };
            post_if_any(changes, entry)
        });
        changes = if touched { changes.save(reservation) } else { changes.guard(&reservation) };
        (changes, Stepped { view, hold, next })
    }
}
