//! How a buyer wants to pay, and whether that can be.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::load::Loaded;
use super::view::CheckoutError;
use crate::checkout::{Checkout, TenderChoice};
use crate::id::{CheckoutId, ReservationId, UserId};
use crate::label::Token;
use crate::money::{Currency, Money};
use crate::payment::Method;
use crate::performance::Performance;
use crate::port::{Ports, RefundAccount};
use crate::reservation::{Reservation, ReservationRefusal};

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

    /// Refuses what cannot be checked out at `now`.
    pub(super) fn must_fit(
        &self,
        reservation: &Reservation,
        performance: &Performance,
        now: DateTime<Utc>,
    ) -> Result<(), CheckoutError> {
        performance.must_take_place()?;
        self.must_pay_all(reservation.total())?;
        if self.method == Some(Method::BankTransfer) && deposit_due_at(performance, now).is_none() {
            return Err(CheckoutError::BankTransferNotOffered);
        }
        let attempts_max = performance.policy().checkout_attempts;
        Ok(reservation.must_be_free_to_check_out(attempts_max, now)?)
    }

    /// Begins what fits.
    pub(super) fn begin(
        &self,
        ports: &Ports,
        mut reservation: Reservation,
        performance: Arc<Performance>,
        now: DateTime<Utc>,
    ) -> Result<Loaded, ReservationRefusal> {
        let id = CheckoutId::generate(&*ports.ids);
        let attempts_max = performance.policy().checkout_attempts;
        let _ = reservation.begin_checkout(id, attempts_max, now)?;
        let choice = TenderChoice {
            points: self.points,
            method: self.method,
            refund_account: self.refund_account.clone(),
        };
        let (checkout, _) = Checkout::start(id, reservation.id(), self.user, choice, now);
        Ok(Loaded { checkout, reservation, performance: Some(performance) })
    }

    fn must_pay_all(&self, total: Money) -> Result<(), CheckoutError> {
        let fits = total
            .sub(self.points)
            .is_ok_and(|external| external.is_zero() == self.method.is_none());
        if fits { Ok(()) } else { Err(CheckoutError::TendersDoNotFit { total }) }
    }
}

/// Until when a deposit would be due; `None` if that leaves too little time to offer it.
pub fn deposit_due_at(performance: &Performance, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let deadlines = &performance.policy().deadlines;
    let due_at =
        (now + deadlines.deposit_due).min(performance.starts_at() - deadlines.deposit_before_start);
    (due_at >= now + deadlines.deposit_min).then_some(due_at)
}
