//! What the ports alone are asked and answer: requests, outcomes, errors.

use std::fmt;

use super::canon::canon;
use super::{Canon, Encoder};
use crate::change_set::ChangeSetError;
use crate::port::{
    CancelRequest, Captured, CommitError, Committed, ConfirmRequest, Entered, Found, FraudQuery,
    FraudVerdict, GatewayCancel, GatewayError, Held, HeldSeat, HistoryLine, HoldChange,
    HoldOutcome, HoldRequest, IssueRequest, Joined, Kept, LineRules, LineState, OutboxError,
    OutboxLease, OutboxRow, Quota, RateDecision, Standing, UserStatus,
};

canon! {
    struct HoldRequest { performance, seats, holder, token, expires_at }
    struct Held { token, expires_at }
    enum HoldOutcome { Held(held) = 0, Taken(seats) = 1 }
    enum HoldChange { Done = 0, Lost = 1 }
    struct HeldSeat { seat, token, holder, expires_at }

    struct LineRules { active_max, line_max, opens_at }
    enum Joined { Numbered(number) = 0, Accepted = 1, Full = 2 }
    enum Standing {
        Absent = 0,
        Accepted = 1,
        Waiting { number, ahead } = 2,
        Called { number } = 3,
        Inside { admission, expires_at } = 4,
    }
    struct LineState { numbered, serving, entered, active, accepted }
    enum Entered { Inside { admission, expires_at } = 0, NotCalled = 1, Full = 2, Over = 3 }

    struct Quota { burst, every }
    enum RateDecision { Allowed = 0, Limited { retry_after } = 1 }

    struct ConfirmRequest { payment, provider_key, amount, key }
    struct IssueRequest { payment, amount, due_at, key }
    struct CancelRequest { payment, refund, amount, account, key }
    struct Captured { amount, at }
    struct GatewayCancel { refund, amount }
    enum Found {
        Captured { amount, cancels } = 0,
        AwaitingDeposit(account) = 1,
        Declined = 2,
        Cancelled = 3,
        InProgress = 4,
        NotFound = 5,
    }

    struct FraudQuery { user, reservation, performance, total }
    enum FraudVerdict { Clear = 0, Suspected = 1 }
    enum UserStatus { Active = 0, Inactive = 1, Unknown = 2 }

    struct HistoryLine { entry, kind, subject, amount, at }
    enum Kept { Receipts = 0, Messages = 1, ChangeSets = 2 }

    struct OutboxLease { partition, owner, epoch, expires_at }
    enum OutboxError, shown by show_outbox_error, {
        Fenced { partition, epoch } = 0,
        NoSuchPartition { partitions, got } = 1,
        Cursor { from, to, got } = 2,
        Port(error) = 3,
    }

    enum Committed { Done = 0, Replayed(state) = 1, Duplicate(message) = 2 }
    enum CommitError, shown by show_commit_error, {
        Invalid(error) = 0,
        KeyReused = 1,
        Conflict(aggregate) = 2,
        SeatTaken(seats) = 3,
        AllowanceExceeded { limit } = 4,
        EntryResolved(entry) = 5,
        InsufficientFunds(account) = 6,
        Overloaded(overloaded) = 7,
        Unknown(change_set) = 8,
        Port(error) = 9,
    }
    enum ChangeSetError {
        Empty = 0,
        TooManyRows { got } = 1,
        ResponseTooLong { got } = 2,
        SavedTwice(aggregate) = 3,
        MixedStreams(aggregate) = 4,
    }
}

/// An unknown outcome without its cause, which is the driver's.
impl Canon for GatewayError {
    fn canon(&self, out: &mut Encoder) {
        match self {
            Self::Declined { code } => {
                out.put_u8(0);
                code.canon(out);
            }
            Self::Retryable { retry_after } => {
                out.put_u8(1);
                retry_after.canon(out);
            }
            Self::Unknown(_) => out.put_u8(2),
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined { .. } | Self::Retryable { .. } => fmt::Debug::fmt(self, f),
            Self::Unknown(_) => f.write_str("Unknown"),
        }
    }
}

impl Canon for OutboxRow {
    fn canon(&self, out: &mut Encoder) {
        let Self {
            partition,
            sequence,
            stream,
            aggregate,
            number,
            name,
            occurred_at,
            change_set,
            payload,
        } = self;
        (partition, sequence, stream).canon(out);
        (aggregate, number, name, occurred_at, change_set).canon(out);
        out.put_bytes(payload);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, event) = (format_args!("{}/{}", self.partition, self.sequence), self.number);
        write!(f, "{place} {}, event {event} of {}", self.name, self.aggregate)
    }
}

/// The failure of a port without its cause, everything else as it is.
fn show_outbox_error(error: &OutboxError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        OutboxError::Fenced { .. }
        | OutboxError::NoSuchPartition { .. }
        | OutboxError::Cursor { .. } => fmt::Debug::fmt(error, f),
        OutboxError::Port(error) => error.show(f),
    }
}

fn show_commit_error(error: &CommitError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        CommitError::Invalid(_)
        | CommitError::KeyReused
        | CommitError::Conflict(_)
        | CommitError::SeatTaken(_)
        | CommitError::AllowanceExceeded { .. }
        | CommitError::EntryResolved(_)
        | CommitError::InsufficientFunds(_)
        | CommitError::Overloaded(_)
        | CommitError::Unknown(_) => fmt::Debug::fmt(error, f),
        CommitError::Port(error) => error.show(f),
    }
}
