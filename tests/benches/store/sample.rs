//! One purchase, taken apart: what it writes, for whoever writes the same by hand.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ticketing_core::aggregate::AggregateKind;
use ticketing_core::allocation::SeatShare;
use ticketing_core::change_set::{ChangeSet, Record};
use ticketing_core::id::SellerId;
use ticketing_core::ledger::{Account, JournalEntry};
use ticketing_core::port::{CommitError, Committed, Store};
use ticketing_core::seat::SeatNo;

use crate::Failed;
use crate::shop;

/// The change sets of one purchase.
pub(crate) struct Sample {
    pub(crate) steps: Vec<Step>,
    /// The answers that are kept for a repeated reserve, checkout and confirm.
    pub(crate) answers: [String; 3],
    /// Rows that its change sets write or check.
    pub(crate) rows: usize,
    /// What the seat cost, as the ledger takes it.
    pub(crate) shares: Vec<SeatShare>,
}

pub(crate) struct Step {
    pub(crate) records: Vec<(AggregateKind, String)>,
    pub(crate) events: Vec<Event>,
    pub(crate) entry: Option<Entry>,
}

pub(crate) struct Event {
    pub(crate) aggregate: AggregateKind,
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    pub(crate) payload: String,
}

pub(crate) struct Entry {
    pub(crate) body: String,
    /// What each account gets; the seller's is marked.
    pub(crate) lines: Vec<(bool, i64)>,
}

/// A store that keeps a copy of what is committed through it.
struct Recorder {
    inner: Arc<dyn Store>,
    committed: Mutex<Vec<ChangeSet>>,
}

#[async_trait]
impl Store for Recorder {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        self.committed.lock().expect("nobody panics with it").push(changes.clone());
        self.inner.commit(changes).await
    }
}

impl Sample {
    pub(crate) async fn take() -> Result<Self, Failed> {
        let mut ports = shop::memory();
        let seller = SellerId::generate(&*ports.ids);
        let performance = shop::stage(&ports, seller, 100).await?;
        let recorder =
            Arc::new(Recorder { inner: Arc::clone(&ports.store), committed: Mutex::default() });
        ports.store = Arc::clone(&recorder) as _;
        let sold = shop::sell(&ports, performance, SeatNo(7)).await?;
        let answers = [
            serde_json::to_string(&sold.reserved)?,
            serde_json::to_string(&sold.checkout)?,
            serde_json::to_string(&sold.paid)?,
        ];
        let committed = recorder.committed.lock().expect("nobody panics with it");
        let rows = committed.iter().map(ChangeSet::rows).sum();
        let steps = committed.iter().map(Step::of).collect::<Result<_, _>>()?;
        let payments =
            committed.iter().flat_map(ChangeSet::records).filter_map(|record| match record {
                Record::Payment(payment) => Some(payment.shares().to_vec()),
                _ => None,
            });
        let shares = payments.last().ok_or("expected a payment")?;
        Ok(Self { steps, answers, rows, shares })
    }

    /// Rows that are written by hand: what each step saves and tells, the entry with its lines, the receipts of
    /// three calls and the answer of the last, the seat twice, the allowance, the seller's balance.
    pub(crate) fn rows_by_hand(&self) -> usize {
        let saved: usize = self.steps.iter().map(|step| step.records.len()).sum();
        let entries = self.steps.iter().filter_map(|step| step.entry.as_ref());
        let booked: usize = entries.map(|entry| 1 + entry.lines.len()).sum();
        saved + self.events() + booked + 4 + 2 + 1 + 1
    }

    pub(crate) fn events(&self) -> usize {
        self.steps.iter().map(|step| step.events.len()).sum()
    }
}

impl Step {
    fn of(changes: &ChangeSet) -> Result<Self, Failed> {
        let records = changes.records().map(record).collect::<Result<_, _>>()?;
        let events = changes.events().iter().map(|event| {
            Ok::<_, Failed>(Event {
                aggregate: event.aggregate.kind,
                number: i64::try_from(event.number)?,
                name: event.name,
                payload: String::from_utf8(event.payload.clone())?,
            })
        });
        let entry = changes.entries().first().map(|entry| Entry::of(entry)).transpose()?;
        Ok(Self { records, events: events.collect::<Result<_, _>>()?, entry })
    }

    /// The JSON of the aggregate of a kind.
    pub(crate) fn body(&self, kind: AggregateKind) -> &str {
        let found = self.records.iter().find(|(of, _)| *of == kind);
        found.map(|(_, body)| body.as_str()).expect("the step saves one")
    }
}

impl Entry {
    fn of(entry: &JournalEntry) -> Result<Self, Failed> {
        let is_seller = |account| matches!(account, Account::Seller(_));
        let lines = entry.lines().map(|(key, amount)| (is_seller(key.account), amount)).collect();
        Ok(Self { body: serde_json::to_string(entry)?, lines })
    }
}

fn record(record: &Record) -> Result<(AggregateKind, String), Failed> {
    let body = match record {
        Record::Reservation(of) => serde_json::to_string(&**of)?,
        Record::Checkout(of) => serde_json::to_string(&**of)?,
        Record::Payment(of) => serde_json::to_string(&**of)?,
        Record::Ticket(of) => serde_json::to_string(&**of)?,
        other => return Err(format!("a purchase does not save {other:?}").into()),
    };
    Ok((record.aggregate().reference().kind, body))
}
