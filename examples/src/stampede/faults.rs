//! What goes wrong around the system: how often, and how often it did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::error::{Fault, PortError};
use ticketing_core::id::{PaymentId, UserId};
use ticketing_core::memory::{
    FakeGateway, GatewayFaults, MemoryFraud, MemoryUsers, PublisherFaults, StoreFault,
};
use ticketing_core::port::{
    CancelRequest, Captured, ConfirmRequest, DepositAccount, Found, FraudCheck, FraudQuery,
    FraudVerdict, GatewayError, GatewayKey, IssueRequest, PaymentGateway, Random, UserDirectory,
    UserStatus,
};

use super::args::FaultLevel;

/// How often things go wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultPlan {
    pub(crate) gateway: GatewayFaults,
    pub(crate) publisher: PublisherFaults,
    /// Asks of the user directory that fail, in thousandths.
    pub(crate) user_failures: u16,
    /// Asks of the user directory that say no, in thousandths.
    pub(crate) users_inactive: u16,
    /// Fraud checks that fail, in thousandths.
    pub(crate) fraud_failures: u16,
    /// Fraud checks that suspect, in thousandths.
    pub(crate) fraud_suspected: u16,
    /// How often the hold store forgets everything, in the buyers' time.
    pub(crate) holds_lost_every: Option<Duration>,
    /// Flushes that lose a deadlock, in hundred-thousandths of the change sets.
    pub(crate) deadlocks: u32,
    /// Flushes whose COMMIT is not answered, in hundred-thousandths of the change sets.
    pub(crate) commit_answers_lost: u32,
    /// Whether flushes run against each other like sessions of a database.
    pub(crate) races: bool,
    /// Deposits that come in part first, in thousandths.
    pub(crate) deposits_short: u16,
    /// Deposits that come at the last moment, in thousandths.
    pub(crate) deposits_late: u16,
    /// Deposits that the bank takes back, in thousandths.
    pub(crate) deposits_reversed: u16,
}

impl FaultPlan {
    pub(crate) fn of(level: FaultLevel) -> Self {
        // Deposits are as people and their banks are, whatever the level is.
        let none = Self {
            gateway: GatewayFaults::default(),
            publisher: PublisherFaults::default(),
            user_failures: 0,
            users_inactive: 0,
            fraud_failures: 0,
            fraud_suspected: 0,
            holds_lost_every: None,
            deadlocks: 0,
            commit_answers_lost: 0,
            races: false,
            deposits_short: 50,
            deposits_late: 20,
            deposits_reversed: 20,
        };
        match level {
            FaultLevel::None => none,
            FaultLevel::Mild => Self {
                gateway: GatewayFaults {
                    decline: 15,
                    refuse_retryable: 5,
                    lost_before: 3,
                    lost_after: 3,
                    slow: 20,
                    late: 3,
                    notice_twice: 20,
                    notice_late: 20,
                    notice_lost: 10,
                    ..GatewayFaults::default()
                },
                publisher: PublisherFaults { fail_before: 10, fail_after: 5, ..Default::default() },
                user_failures: 3,
                users_inactive: 2,
                fraud_failures: 3,
                fraud_suspected: 3,
                ..none
            },
            FaultLevel::Harsh => Self {
                gateway: GatewayFaults {
                    late_max: Duration::from_mins(20),
                    ..GatewayFaults::rough()
                },
                publisher: PublisherFaults {
                    fail_before: 40,
                    fail_halfway: 40,
                    fail_after: 40,
                    twice: 40,
                },
                user_failures: 20,
                users_inactive: 5,
                fraud_failures: 20,
                fraud_suspected: 10,
                holds_lost_every: Some(Duration::from_mins(5)),
                deadlocks: 500,
                commit_answers_lost: 200,
                races: true,
                ..none
            },
        }
    }

    /// The same for a simulation, where whatever goes through ports is made to fail by other means, and
    /// flushes always run against each other.
    pub(crate) const fn simulated(self) -> Self {
        Self { user_failures: 0, fraud_failures: 0, holds_lost_every: None, races: true, ..self }
    }

    pub(crate) const fn store_fails(&self) -> bool {
        self.deadlocks + self.commit_answers_lost > 0
    }

    /// What happens to the flush of one change set.
    pub(crate) fn store_fault(&self, random: &dyn Random) -> Option<StoreFault> {
        let number = random.next_u64();
        let draw = u32::try_from(number % 100_000).unwrap_or(u32::MAX);
        let written = (number >> 40).is_multiple_of(2);
        if draw < self.deadlocks {
            Some(StoreFault::Deadlock)
        } else if draw < self.deadlocks + self.commit_answers_lost {
            Some(StoreFault::LoseAnswer { written })
        } else {
            None
        }
    }
}

macro_rules! tally {
    ($(#[$of:meta])* $name:ident: $($(#[$doc:meta])* $field:ident,)*) => {
        $(#[$of])*
        #[derive(Debug, Default)]
        pub(crate) struct $name {
            $($(#[$doc])* pub(crate) $field: AtomicU64,)*
        }

        impl $name {
            /// Every count by its name.
            pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
                BTreeMap::from([
                    $((stringify!($field).to_owned(), self.$field.load(Ordering::Relaxed)),)*
                ])
            }
        }
    };
}

tally! {
    /// The faults that were met, counted where they came in.
    FaultTally:
    /// Calls that the gateway declined.
    gateway_declined,
    /// Calls that the gateway did not take.
    gateway_not_taken,
    /// Calls whose answer was lost.
    gateway_unknown,
    /// The user directory did not answer.
    users_failed,
    /// The user directory said no.
    users_inactive,
    /// The fraud check did not answer.
    fraud_failed,
    /// The fraud check suspected a buyer.
    fraud_suspected,
    /// The hold store forgot everything.
    holds_lost,
    /// A process died.
    processes_died,
    /// The clock of a process jumped.
    clock_jumps,
    /// Events were published in vain, in part, or without an answer.
    publish_failed,
    /// Events came again.
    events_repeated,
    /// A flush lost a deadlock.
    store_deadlocks,
    /// The answer of a COMMIT was lost.
    store_answers_lost,
}

tally! {
    /// What people, their banks and the gateway did besides, which is no fault of anything.
    AroundTally:
    /// The bank brought a deposit at the last moment.
    deposits_late,
    /// A deposit came in part first.
    deposits_short,
    /// The bank took a deposit back.
    deposits_reversed,
    /// The seller changed a performance.
    seller_changes,
    /// The seller called a performance off.
    performances_called_off,
    /// A notice that was taken came again.
    notices_again,
    /// Somebody made a notice up.
    notices_forged,
    /// A part of the holds vanished.
    holds_lost_some,
    /// The clock of a process jumped forward.
    clock_jumps_forward,
    /// The clock of a process jumped back.
    clock_jumps_back,
}

/// Counts one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The gateway, with what it refuses counted.
#[derive(Debug)]
pub(crate) struct CountingGateway {
    pub(crate) inner: Arc<FakeGateway>,
    pub(crate) tally: Arc<FaultTally>,
}

impl CountingGateway {
    fn counted<T>(&self, answer: Result<T, GatewayError>) -> Result<T, GatewayError> {
        match &answer {
            Ok(_) => {}
            Err(GatewayError::Declined { .. }) => count(&self.tally.gateway_declined),
            Err(GatewayError::Retryable { .. }) => count(&self.tally.gateway_not_taken),
            Err(_) => count(&self.tally.gateway_unknown),
        }
        answer
    }
}

#[async_trait]
impl PaymentGateway for CountingGateway {
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError> {
        self.counted(self.inner.confirm(request).await)
    }

    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError> {
        self.counted(self.inner.issue_deposit_account(request).await)
    }

    async fn close_account(&self, payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError> {
        self.counted(self.inner.close_account(payment, key).await)
    }

    async fn cancel(&self, request: CancelRequest) -> Result<(), GatewayError> {
        self.counted(self.inner.cancel(request).await)
    }

    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError> {
        self.counted(self.inner.find(payment).await)
    }
}

fn happens(random: &dyn Random, thousandths: u16) -> bool {
    thousandths > 0 && random.next_u64() % 1_000 < u64::from(thousandths)
}

/// A user directory that fails, and refuses, by chance.
pub(crate) struct FlakyUsers {
    pub(crate) inner: Arc<MemoryUsers>,
    pub(crate) plan: FaultPlan,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) tally: Arc<FaultTally>,
}

#[async_trait]
impl UserDirectory for FlakyUsers {
    async fn status(&self, user: UserId) -> Result<UserStatus, PortError> {
        if happens(&*self.random, self.plan.user_failures) {
            count(&self.tally.users_failed);
            return Err(PortError::new("users", "status", Fault::Transient));
        }
        if happens(&*self.random, self.plan.users_inactive) {
            count(&self.tally.users_inactive);
            return Ok(UserStatus::Inactive);
        }
        self.inner.status(user).await
    }
}

/// A fraud check that fails, and suspects, by chance.
pub(crate) struct FlakyFraud {
    pub(crate) inner: Arc<MemoryFraud>,
    pub(crate) plan: FaultPlan,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) tally: Arc<FaultTally>,
}

#[async_trait]
impl FraudCheck for FlakyFraud {
    async fn check(&self, query: FraudQuery) -> Result<FraudVerdict, PortError> {
        if happens(&*self.random, self.plan.fraud_failures) {
            count(&self.tally.fraud_failed);
            return Err(PortError::new("fraud", "check", Fault::Transient));
        }
        if happens(&*self.random, self.plan.fraud_suspected) {
            count(&self.tally.fraud_suspected);
            return Ok(FraudVerdict::Suspected);
        }
        self.inner.check(query).await
    }
}
