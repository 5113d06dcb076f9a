//! All that one decision writes, as one value.

mod receipt;
#[cfg(test)]
mod tests;

pub use receipt::{Fingerprint, Receipt, ReceiptKey, ReceiptState, Response};

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateRef, StreamKey, Version};
use crate::checkout::Checkout;
use crate::event::EventBody;
use crate::id::{ChangeSetId, PerformanceId, ReservationId, ShowId, UserId};
use crate::label::{Label, Token};
use crate::ledger::JournalEntry;
use crate::payment::Payment;
use crate::performance::Performance;
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::seat::{ClaimOwner, Seats};
use crate::show::Show;
use crate::ticket::Ticket;
use crate::venue::Venue;

macro_rules! records {
    ($($variant:ident),*) => {
        /// One saved aggregate; sharing it is cheap.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Record {
            $(#[doc = concat!("A ", stringify!($variant), ".")] $variant(Arc<$variant>)),*
        }

        impl Record {
            /// The aggregate inside.
            pub fn aggregate(&self) -> &dyn Aggregate {
                match self { $(Self::$variant(aggregate) => &**aggregate),* }
            }
        }

        $(impl From<$variant> for Record {
            fn from(aggregate: $variant) -> Self {
                Self::$variant(Arc::new(aggregate))
            }
        })*
    };
}
records!(Venue, Show, Performance, Reservation, Checkout, Payment, Refund, Ticket);

/// An event as the outbox keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Whose event it is.
    pub aggregate: AggregateRef,
    /// Its place among the events of that aggregate, from 1 without gaps.
    pub number: u64,
    /// The event's name, such as `reservation.made`.
    pub name: &'static str,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The event's JSON, in UTF-8.
    pub payload: Vec<u8>,
}

impl RecordedEvent {
    fn new(aggregate: AggregateRef, number: u64, at: DateTime<Utc>, body: &EventBody) -> Self {
        let mut payload = Vec::with_capacity(256);
        serde_json::to_writer(&mut payload, body)
            .expect("events have string keys and no failing serialiser");
        Self { aggregate, number, name: body.name(), occurred_at: at, payload }
    }
}

/// Names one message of one consumer, so that handling it twice is noticed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageKey {
    /// Who handles it, such as `toss-webhook`.
    pub consumer: Label<64>,
    /// The message's own id, unique for its sender.
    pub id: Token,
}

impl fmt::Display for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.consumer, self.id)
    }
}

/// Why a change set cannot be committed by any store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeSetError {
    /// It writes nothing.
    #[error("expected at least one write, got none")]
    Empty,
    /// More rows than one change set may write.
    #[error("expected at most {} rows, got {got}", ChangeSet::MAX_ROWS)]
    TooManyRows {
        /// How many rows it would write or check.
        got: usize,
    },
    /// An answer is too long to be kept.
    #[error("expected an answer of at most {} bytes, got {got}", Response::MAX_BYTES)]
    ResponseTooLong {
        /// Its length in bytes.
        got: usize,
    },
    /// One aggregate saved twice.
    #[error("{0} is saved twice")]
    SavedTwice(AggregateRef),
    /// Aggregates of two streams, whose events would have no common order.
    #[error("{0} belongs to another event stream than what was saved before it")]
    MixedStreams(AggregateRef),
}

#[derive(Clone, Debug)]
pub(crate) struct Save {
    pub(crate) record: Record,
    pub(crate) expected: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimChange {
    Claim(ClaimOwner),
    Sell(ReservationId),
    Release(ClaimOwner),
    Vacant,
}

#[derive(Clone, Debug)]
pub(crate) struct ClaimOp {
    pub(crate) performance: PerformanceId,
    pub(crate) seats: Seats,
    pub(crate) change: ClaimChange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllowanceChange {
    Take { limit: u16 },
    GiveBack,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AllowanceOp {
    pub(crate) user: UserId,
    pub(crate) show: ShowId,
    pub(crate) reservation: ReservationId,
    pub(crate) count: u16,
    pub(crate) change: AllowanceChange,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReceiptChange {
    Begin,
    Answer(Response),
    Fill(Response),
}

#[derive(Clone, Debug)]
pub(crate) struct ReceiptOp {
    pub(crate) key: ReceiptKey,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) change: ReceiptChange,
}

/// All that one decision writes, committed as one or not at all.
///
/// Clone it before a commit whose answer may be lost: sending the same change set again is safe.
/// What is checked and the order of the answers stand at [`crate::port::Store::commit`].
#[derive(Clone, Debug)]
#[must_use = "a change set does nothing until it is committed"]
pub struct ChangeSet {
    pub(crate) id: ChangeSetId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) stream: Option<StreamKey>,
    pub(crate) saves: Vec<Save>,
    pub(crate) events: Vec<RecordedEvent>,
    pub(crate) guards: Vec<(AggregateRef, Version)>,
    pub(crate) claims: Vec<ClaimOp>,
    pub(crate) allowances: Vec<AllowanceOp>,
    pub(crate) entries: Vec<Arc<JournalEntry>>,
    pub(crate) message: Option<MessageKey>,
    pub(crate) receipt: Option<ReceiptOp>,
    pub(crate) settles_money: bool,
    pub(crate) flaw: Option<ChangeSetError>,
}

impl ChangeSet {
    /// The most rows that one change set may write or check.
    pub const MAX_ROWS: usize = 8_192;

    /// An empty change set, decided at `now`.
    pub const fn new(id: ChangeSetId, now: DateTime<Utc>) -> Self {
        Self {
            id,
            at: now,
            stream: None,
            saves: Vec::new(),
            events: Vec::new(),
            guards: Vec::new(),
            claims: Vec::new(),
            allowances: Vec::new(),
            entries: Vec::new(),
            message: None,
            receipt: None,
            settles_money: false,
            flaw: None,
        }
    }

    /// Saves an aggregate at the version it was loaded; its events go to the outbox.
    pub fn save<A: Aggregate + Into<Record>>(mut self, mut aggregate: A) -> Self {
        let reference = aggregate.reference();
        if self.saves.iter().any(|save| save.record.aggregate().reference() == reference) {
            self.flaw.get_or_insert(ChangeSetError::SavedTwice(reference));
        }
        self.join_stream(reference, aggregate.stream());
        let expected = aggregate.root().version();
        let recorded = aggregate.root().recorded();
        let events = aggregate.root_mut().committed();
        let first = recorded - events.len() as u64 + 1;
        for (number, (at, body)) in (first..).zip(&events) {
            self.events.push(RecordedEvent::new(reference, number, *at, body));
        }
        self.saves.push(Save { record: aggregate.into(), expected });
        self
    }

    /// The same for an aggregate whose last event came of what `between` saves: it is told after that, the
    /// others before it.
    pub(crate) fn save_around<A: Aggregate + Into<Record>>(
        self,
        aggregate: A,
        between: impl FnOnce(Self) -> Self,
    ) -> Self {
        if aggregate.root().pending().len() < 2 {
            return between(self).save(aggregate);
        }
        let mut changes = self.save(aggregate);
        let last = changes.events.pop();
        changes = between(changes);
        changes.events.extend(last);
        changes
    }

    /// Takes seats for an owner; `SeatTaken` names all that are taken.
    pub fn claim(mut self, performance: PerformanceId, seats: Seats, owner: ClaimOwner) -> Self {
        self.claims.push(ClaimOp { performance, seats, change: ClaimChange::Claim(owner) });
        self
    }

    /// Turns a reservation's claims from pending to sold.
    pub fn sell(mut self, performance: PerformanceId, seats: Seats, owner: ReservationId) -> Self {
        self.claims.push(ClaimOp { performance, seats, change: ClaimChange::Sell(owner) });
        self
    }

    /// Frees seats, but only those that this owner has.
    pub fn release(mut self, performance: PerformanceId, seats: Seats, owner: ClaimOwner) -> Self {
        self.claims.push(ClaimOp { performance, seats, change: ClaimChange::Release(owner) });
        self
    }

    /// Demands that seats have no claim. Only sound together with a save of their performance,
    /// which every reserve guards.
    pub fn vacant(mut self, performance: PerformanceId, seats: Seats) -> Self {
        self.claims.push(ClaimOp { performance, seats, change: ClaimChange::Vacant });
        self
    }

    /// Takes `count` of a user's `limit` places in a show for a reservation.
    pub fn allow(
        mut self,
        user: UserId,
        show: ShowId,
        count: u16,
        limit: u16,
        reservation: ReservationId,
    ) -> Self {
        let change = AllowanceChange::Take { limit };
        self.allowances.push(AllowanceOp { user, show, reservation, count, change });
        self
    }

    /// Gives back up to `count` places that a reservation took.
    pub fn give_back(
        mut self,
        user: UserId,
        show: ShowId,
        count: u16,
        reservation: ReservationId,
    ) -> Self {
        let change = AllowanceChange::GiveBack;
        self.allowances.push(AllowanceOp { user, show, reservation, count, change });
        self
    }

    /// Inserts a journal entry. Funds are checked on wallets alone. An entry that resolves another
    /// does so once.
    pub fn post(mut self, entry: JournalEntry) -> Self {
        if let Some((reference, stream, body)) = entry.event() {
            self.join_stream(reference, stream);
            self.events.push(RecordedEvent::new(reference, 1, entry.at(), &body));
        }
        self.entries.push(Arc::new(entry));
        self
    }

    /// Demands that an aggregate, read but not written, is unchanged at COMMIT.
    pub fn guard(mut self, aggregate: &dyn Aggregate) -> Self {
        self.guards.push((aggregate.reference(), aggregate.root().version()));
        self
    }

    /// Names the message that caused this; a repeated one is answered as a duplicate.
    pub fn caused_by(mut self, message: MessageKey) -> Self {
        self.message = Some(message);
        self
    }

    /// Keeps the answer for a repeated call.
    pub fn receipt(mut self, key: ReceiptKey, fingerprint: Fingerprint, answer: Response) -> Self {
        let change = ReceiptChange::Answer(answer);
        self.receipt = Some(ReceiptOp { key, fingerprint, change });
        self
    }

    /// Marks a call as begun: its intent is committed here, its answer by [`Self::fill_receipt`].
    pub fn begin_receipt(mut self, key: ReceiptKey, fingerprint: Fingerprint) -> Self {
        self.receipt = Some(ReceiptOp { key, fingerprint, change: ReceiptChange::Begin });
        self
    }

    /// Writes the answer of a call that was begun; inserts it if it was purged in between.
    pub fn fill_receipt(
        mut self,
        key: ReceiptKey,
        fingerprint: Fingerprint,
        answer: Response,
    ) -> Self {
        self.receipt = Some(ReceiptOp { key, fingerprint, change: ReceiptChange::Fill(answer) });
        self
    }

    /// Marks it as settling money that already moved: a full queue keeps room for it.
    pub const fn settles_money(mut self) -> Self {
        self.settles_money = true;
        self
    }

    /// The id under which it is committed at most once.
    pub const fn id(&self) -> ChangeSetId {
        self.id
    }

    /// When it was decided.
    pub const fn decided_at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The stream of all its events; its own id if it saves nothing and tells nothing.
    pub fn stream(&self) -> StreamKey {
        self.stream.unwrap_or(StreamKey(self.id.as_uuid()))
    }

    /// Whether it settles money that already moved.
    pub const fn is_settling_money(&self) -> bool {
        self.settles_money
    }

    /// The performance whose turn it takes in a queue, if it touches one.
    pub fn performance(&self) -> Option<PerformanceId> {
        self.claims.first().map(|claim| claim.performance)
    }

    /// How many rows it writes or checks.
    pub fn rows(&self) -> usize {
        let seats: usize = self.claims.iter().map(|claim| claim.seats.len()).sum();
        let slots: usize = self.allowances.iter().map(|op| usize::from(op.count)).sum();
        let postings: usize = self.entries.iter().map(|entry| 1 + entry.postings().len()).sum();
        1 + self.saves.len()
            + self.events.len()
            + self.guards.len()
            + seats
            + slots
            + postings
            + usize::from(self.message.is_some())
            + usize::from(self.receipt.is_some())
    }

    /// The bytes of its events and its answer: what a queue bounds.
    pub fn bytes(&self) -> usize {
        let events: usize = self.events.iter().map(|event| event.payload.len()).sum();
        let answer = match self.receipt.as_ref().map(|receipt| &receipt.change) {
            Some(ReceiptChange::Answer(answer) | ReceiptChange::Fill(answer)) => {
                answer.as_bytes().len()
            }
            Some(ReceiptChange::Begin) | None => 0,
        };
        events + answer + self.rows() * 64
    }

    /// The events it will write, in order.
    pub fn events(&self) -> &[RecordedEvent] {
        &self.events
    }

    /// The aggregates it saves, in order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &Record> + '_ {
        self.saves.iter().map(|save| &save.record)
    }

    /// The journal entries it inserts, in order.
    pub fn entries(&self) -> &[Arc<JournalEntry>] {
        &self.entries
    }

    /// Refuses what no store may write. Every store calls it before anything else.
    ///
    /// # Errors
    /// [`ChangeSetError`], the first flaw found.
    pub fn check(&self) -> Result<(), ChangeSetError> {
        if let Some(flaw) = &self.flaw {
            return Err(flaw.clone());
        }
        let rows = self.rows();
        if rows > Self::MAX_ROWS {
            return Err(ChangeSetError::TooManyRows { got: rows });
        }
        let writes = self.saves.len() + self.claims.len() + self.allowances.len();
        if writes + self.entries.len() == 0 && self.message.is_none() && self.receipt.is_none() {
            return Err(ChangeSetError::Empty);
        }
        Ok(())
    }

    fn join_stream(&mut self, reference: AggregateRef, stream: StreamKey) {
        if *self.stream.get_or_insert(stream) != stream {
            self.flaw.get_or_insert(ChangeSetError::MixedStreams(reference));
        }
    }
}
