//! The ports around a store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::decorated::{Call, Decorated, decorate};
use super::rates::Group;
use super::weather::Effect;
use crate::error::PortError;
use crate::id::{AdmissionId, HoldToken, PaymentId, PerformanceId, UserId};
use crate::label::Token;
use crate::page::{Page, PageRequest};
use crate::port::{
    CancelRequest, Captured, ConfirmRequest, DepositAccount, Entered, EventPublisher, Found,
    FraudCheck, FraudQuery, FraudVerdict, GatewayError, GatewayKey, HeldSeat, HoldChange,
    HoldOutcome, HoldRequest, IssueRequest, Joined, LineRules, LineState, OutboxRow,
    PaymentGateway, Quota, RateDecision, RateLimit, SeatHolds, Standing, UserDirectory, UserStatus,
    WaitingRoom,
};
use crate::seat::{SeatBits, Seats};

decorate! { SeatHolds in Holds:
    Repeatable hold(request: HoldRequest, now: DateTime<Utc>) -> Result<HoldOutcome, PortError>;
    Repeatable extend(
        performance: PerformanceId,
        seats: Seats,
        token: HoldToken,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>
    ) -> Result<HoldChange, PortError>;
    Repeatable release(performance: PerformanceId, seats: Seats, token: HoldToken)
        -> Result<usize, PortError>;
    Read held(performance: PerformanceId, capacity: u32, now: DateTime<Utc>)
        -> Result<SeatBits, PortError>;
    Read ending_after(performance: PerformanceId, until: DateTime<Utc>, page: PageRequest)
        -> Result<Page<HeldSeat>, PortError>;
}

decorate! { WaitingRoom in Line:
    Repeatable configure(line: PerformanceId, rules: LineRules) -> Result<(), PortError>;
    Read rules(line: PerformanceId) -> Result<Option<LineRules>, PortError>;
    Repeatable join(line: PerformanceId, user: UserId, now: DateTime<Utc>)
        -> Result<Joined, PortError>;
    Read standing(line: PerformanceId, user: UserId, now: DateTime<Utc>)
        -> Result<Standing, PortError>;
    Repeatable number_early(line: PerformanceId, seed: u64) -> Result<u64, PortError>;
    Once call(line: PerformanceId, count: u64, now: DateTime<Utc>) -> Result<LineState, PortError>;
    Repeatable enter(
        line: PerformanceId,
        user: UserId,
        admission: AdmissionId,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>
    ) -> Result<Entered, PortError>;
    Repeatable leave(line: PerformanceId, user: UserId) -> Result<bool, PortError>;
    Read state(line: PerformanceId, now: DateTime<Utc>) -> Result<LineState, PortError>;
}

decorate! { RateLimit in Limits:
    Once acquire(key: Token, quota: Quota, now: DateTime<Utc>) -> Result<RateDecision, PortError>;
}

decorate! { PaymentGateway in Gateway:
    Repeatable confirm(request: ConfirmRequest) -> Result<Captured, GatewayError>;
    Repeatable issue_deposit_account(request: IssueRequest) -> Result<DepositAccount, GatewayError>;
    Repeatable close_account(payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError>;
    Repeatable cancel(request: CancelRequest) -> Result<(), GatewayError>;
    Read find(payment: PaymentId) -> Result<Found, GatewayError>;
}

decorate! { EventPublisher in Publisher:
    Repeatable publish(events: Vec<OutboxRow>) -> Result<(), PortError>;
}

decorate! { UserDirectory in Users:
    Read status(user: UserId) -> Result<UserStatus, PortError>;
}

decorate! { FraudCheck in Fraud:
    Read check(query: FraudQuery) -> Result<FraudVerdict, PortError>;
}
