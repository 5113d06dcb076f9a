//! The bare loop: the same rows into hash maps, and nothing else.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pollster::block_on;
use rustc_hash::FxHashMap;
use ticketing_core::change_set::{ChangeSet, Record};
use ticketing_core::event::EventBody;
use ticketing_core::ledger::{AccountKey, JournalEntry};
use ticketing_core::port::{CommitError, Committed, Store};
use uuid::Uuid;

use crate::hall::Hall;

/// A store that keeps a copy of what is committed through it.
struct Recorder {
    inner: Arc<dyn Store>,
    committed: Mutex<Vec<ChangeSet>>,
}

impl Recorder {
    fn before(inner: Arc<dyn Store>) -> Self {
        Self { inner, committed: Mutex::default() }
    }
}

#[async_trait]
impl Store for Recorder {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        self.committed.lock().unwrap().push(changes.clone());
        self.inner.commit(changes).await
    }
}

/// The change sets of one purchase.
pub(crate) fn template() -> Vec<ChangeSet> {
    let mut hall = Hall::build(100);
    let recorder = Arc::new(Recorder::before(Arc::clone(&hall.ports.store)));
    hall.ports.store = recorder.clone();
    block_on(hall.sell(0));
    let mut committed = recorder.committed.lock().unwrap();
    std::mem::take(&mut *committed)
}

/// The rows of one purchase, and the maps that they go into under new keys.
pub(crate) struct Bare {
    steps: Vec<Step>,
    next_key: u128,
    change_sets: FxHashMap<Uuid, u64>,
    reservations: FxHashMap<Uuid, ticketing_core::reservation::Reservation>,
    checkouts: FxHashMap<Uuid, ticketing_core::checkout::Checkout>,
    payments: FxHashMap<Uuid, ticketing_core::payment::Payment>,
    tickets: FxHashMap<Uuid, ticketing_core::ticket::Ticket>,
    entries: FxHashMap<Uuid, JournalEntry>,
    balances: FxHashMap<AccountKey, i64>,
    claims: FxHashMap<(Uuid, u32), Uuid>,
    allowances: FxHashMap<(Uuid, Uuid, u16), Uuid>,
    holds: FxHashMap<(Uuid, u32), (Uuid, u64)>,
    captures: FxHashMap<Uuid, i64>,
    outbox: FxHashMap<(u16, u64), (Uuid, Uuid, Vec<u8>)>,
    sequence: u64,
}

struct Step {
    records: Vec<Record>,
    events: Vec<EventBody>,
    entries: Vec<Arc<JournalEntry>>,
}

impl Bare {
    /// Takes the rows from the change sets of one purchase.
    pub(crate) fn like(purchase: &[ChangeSet]) -> Self {
        let steps = purchase
            .iter()
            .map(|changes| Step {
                records: changes.records().cloned().collect(),
                events: changes
                    .events()
                    .iter()
                    .map(|event| serde_json::from_slice(&event.payload).unwrap())
                    .collect(),
                entries: changes.entries().to_vec(),
            })
            .collect();
        Self {
            steps,
            next_key: 0,
            change_sets: FxHashMap::default(),
            reservations: FxHashMap::default(),
            checkouts: FxHashMap::default(),
            payments: FxHashMap::default(),
            tickets: FxHashMap::default(),
            entries: FxHashMap::default(),
            balances: FxHashMap::default(),
            claims: FxHashMap::default(),
            allowances: FxHashMap::default(),
            holds: FxHashMap::default(),
            captures: FxHashMap::default(),
            outbox: FxHashMap::default(),
            sequence: 0,
        }
    }

    /// Rows that one purchase writes, the hold and the gateway's capture included.
    pub(crate) fn rows(&self) -> usize {
        let rows = |step: &Step| {
            let postings: usize = step.entries.iter().map(|entry| 1 + entry.postings().len()).sum();
            1 + step.records.len() + step.events.len() + postings
        };
        self.steps.iter().map(rows).sum::<usize>() + 5
    }

    fn key(&mut self) -> Uuid {
        self.next_key += 1;
        // Spread like the random bits of a UUIDv7, so that the maps fill alike.
        Uuid::from_u128(self.next_key.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    /// Writes the rows of one purchase under new keys.
    pub(crate) fn write(&mut self, seat: u32) {
        let purchase = self.key();
        let user = self.key();
        self.holds.insert((Uuid::nil(), seat), (purchase, 1));
        self.holds.insert((Uuid::nil(), seat), (purchase, 2));
        self.claims.insert((Uuid::nil(), seat), purchase);
        self.allowances.insert((user, Uuid::nil(), 0), purchase);
        self.captures.insert(purchase, 1);
        let steps = std::mem::take(&mut self.steps);
        for step in &steps {
            let change_set = self.key();
            self.change_sets.insert(change_set, self.sequence);
            for record in &step.records {
                match record {
                    Record::Reservation(row) => {
                        self.reservations.insert(purchase, (**row).clone());
                    }
                    Record::Checkout(row) => {
                        self.checkouts.insert(purchase, (**row).clone());
                    }
                    Record::Payment(row) => {
                        self.payments.insert(purchase, (**row).clone());
                    }
                    Record::Ticket(row) => {
                        self.tickets.insert(purchase, (**row).clone());
                    }
                    other => panic!("a purchase does not save {other:?}"),
                }
            }
            for entry in &step.entries {
                for (account, amount) in entry.lines() {
                    *self.balances.entry(account).or_default() += amount;
                }
                self.entries.insert(purchase, (**entry).clone());
            }
            for event in &step.events {
                let mut payload = Vec::with_capacity(256);
                serde_json::to_writer(&mut payload, event).unwrap();
                self.sequence += 1;
                self.outbox.insert((0, self.sequence), (purchase, change_set, payload));
            }
        }
        self.steps = steps;
    }
}
