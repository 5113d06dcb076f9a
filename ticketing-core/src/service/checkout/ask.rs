//! What is asked outside.

use std::time::Duration;

use crate::checkout::{Reply, Step};
use crate::id::UserId;
use crate::port::{FraudQuery, FraudVerdict, Ports, UserStatus};
use crate::reservation::Reservation;
use crate::timeout::timeout;

/// How long one outside check may take before the saga turns back.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// What is known before the saga asks for it.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) user: Option<Reply>,
    pub(super) fraud: Option<Reply>,
    /// The wallet has too little.
    pub(super) is_poor: bool,
}

impl Known {
    /// The replies with which a checkout completes.
    pub(super) const CLEAR: [Reply; 2] = [Reply::UserActive, Reply::FraudClear];

    /// Asks about the buyer, and about the purchase if the buyer may buy.
    pub(super) async fn about(ports: &Ports, reservation: &Reservation) -> Self {
        let user = ask_user(ports, reservation.user()).await;
        let fraud = if user == Reply::UserActive {
            Some(ask_fraud(ports, reservation).await)
        } else {
            None
        };
        Self { user: Some(user), fraud, is_poor: false }
    }

    pub(super) fn is_clear(&self) -> bool {
        let replies = [&self.user, &self.fraud];
        !self.is_poor && replies.into_iter().flatten().eq(&Self::CLEAR)
    }
}

pub(super) async fn ask_user(ports: &Ports, user: UserId) -> Reply {
    let deadline = ports.clock.now() + CHECK_TIMEOUT;
    match timeout(&*ports.timer, deadline, ports.users.status(user)).await {
        Ok(Ok(UserStatus::Active)) => Reply::UserActive,
        Ok(Ok(UserStatus::Inactive | UserStatus::Unknown)) => Reply::UserRefused,
        Ok(Err(_)) | Err(_) => Reply::TimedOut(Step::CheckUser),
    }
}

pub(super) async fn ask_fraud(ports: &Ports, reservation: &Reservation) -> Reply {
    let deadline = ports.clock.now() + CHECK_TIMEOUT;
    let query = FraudQuery {
        user: reservation.user(),
        reservation: reservation.id(),
        performance: reservation.performance(),
        total: reservation.total(),
    };
    match timeout(&*ports.timer, deadline, ports.fraud.check(query)).await {
        Ok(Ok(FraudVerdict::Clear)) => Reply::FraudClear,
        Ok(Ok(FraudVerdict::Suspected)) => Reply::FraudSuspected,
        Ok(Err(_)) | Err(_) => Reply::TimedOut(Step::CheckFraud),
    }
}
