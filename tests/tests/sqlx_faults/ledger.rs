//! What every change set was answered, held against what is in the store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::ChangeSetId;
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::port::{CommitError, Committed, Inspect, OutboxRow, Store};

/// How often an unknown change set is sent again before it counts as never resolved.
const SENDS_MAX: u32 = 60;
const PAUSE: Duration = Duration::from_millis(250);

/// What became of a change set, as its caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    /// Nothing: it was sent, and its caller is gone.
    Nothing,
    Written,
    Refused,
    Unknown,
}

impl Told {
    fn by(answer: &Result<Committed, CommitError>) -> Self {
        match answer {
            Ok(Committed::Done) => Self::Written,
            Err(CommitError::Unknown(_)) => Self::Unknown,
            // Of a repeated call or message nothing was written.
            Ok(Committed::Replayed(_) | Committed::Duplicate(_)) | Err(_) => Self::Refused,
        }
    }

    /// Whether it has so many of its events in the store as what was told allows.
    fn allows(self, found: usize, events: usize) -> bool {
        match self {
            Self::Written => found == events,
            Self::Refused => found == 0,
            // Its sender is gone, so it cannot be sent again: all or nothing.
            Self::Nothing | Self::Unknown => found == 0 || found == events,
        }
    }
}

/// A line that one process writes and another reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) id: ChangeSetId,
    pub(crate) events: usize,
    pub(crate) told: Told,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = match self.told {
            Told::Nothing => "sent",
            Told::Written => "written",
            Told::Refused => "refused",
            Told::Unknown => "unknown",
        };
        write!(f, "@ {told} {} {} .", self.id, self.events)
    }
}

impl Line {
    /// A whole line; the last one of a process that was killed may be cut.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("@ ")?.strip_suffix(" .")?.split(' ');
        let told = match words.next()? {
            "sent" => Told::Nothing,
            "written" => Told::Written,
            "refused" => Told::Refused,
            "unknown" => Told::Unknown,
            _ => return None,
        };
        let id = ChangeSetId::from_uuid(words.next()?.parse().ok()?);
        Some(Self { id, events: words.next()?.parse().ok()?, told })
    }
}

#[derive(Debug)]
struct Entry {
    events: usize,
    told: Told,
    was_unknown: bool,
    /// Of this process, to be sent again.
    changes: Option<ChangeSet>,
}

/// All change sets that were sent.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Mutex<BTreeMap<ChangeSetId, Entry>>,
    /// Whether each step is told on standard output, before and after.
    tells: bool,
}

/// How many change sets were told what.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) written: usize,
    pub(crate) refused: usize,
    /// Told `Unknown` at least once, whatever they came to.
    pub(crate) unknown: usize,
}

impl Ledger {
    /// One whose lines another process reads.
    pub(crate) fn telling() -> Self {
        Self { tells: true, ..Self::default() }
    }

    /// Takes over a line of another process.
    pub(crate) fn note(&self, line: Line) {
        self.set(line, None);
    }

    /// Tells another ledger all that this one was told.
    pub(crate) fn hand_over(&self, to: &Self) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, Entry { events, told, .. }) in &*entries {
            to.note(Line { id: *id, events: *events, told: *told });
        }
    }

    fn set(&self, line: Line, changes: Option<&ChangeSet>) {
        let Line { id, events, told } = line;
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(id).or_insert_with(|| Entry {
            events,
            told,
            was_unknown: false,
            changes: changes.cloned(),
        });
        assert!(
            entry.told != Told::Written || matches!(told, Told::Written | Told::Nothing),
            "change set {id} was written, and later {told:?}"
        );
        // Sent again, it may still be there from the first time.
        if told != Told::Nothing {
            entry.told = told;
        }
        entry.was_unknown |= told == Told::Unknown;
        drop(entries);
        if self.tells {
            println!("{line}");
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |is: &dyn Fn(&Entry) -> bool| entries.values().filter(|e| is(e)).count();
        Tally {
            written: count(&|entry| entry.told == Told::Written),
            refused: count(&|entry| entry.told == Told::Refused),
            unknown: count(&|entry| entry.was_unknown),
        }
    }

    /// Sends again what this process sent and does not know the outcome of.
    ///
    /// # Panics
    /// If one stays unknown.
    pub(crate) async fn settle(&self, store: &dyn Store) {
        let open: Vec<ChangeSet> = {
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let open = entries.values().filter(|e| matches!(e.told, Told::Nothing | Told::Unknown));
            open.filter_map(|entry| entry.changes.clone()).collect()
        };
        for changes in open {
            self.settle_one(store, &changes).await;
        }
    }

    async fn settle_one(&self, store: &dyn Store, changes: &ChangeSet) {
        let mut last = None;
        for _ in 0..SENDS_MAX {
            let answer = store.commit(changes.clone()).await;
            match answer {
                // The first send may have written it: this says nothing of it.
                Err(
                    CommitError::Unknown(_) | CommitError::Port(_) | CommitError::Overloaded(_),
                ) => {
                    last = Some(answer);
                    pause(PAUSE).await;
                }
                answer => {
                    let told = Told::by(&answer);
                    let (id, events) = (changes.id(), changes.events().len());
                    return self.set(Line { id, events, told }, None);
                }
            }
        }
        panic!("change set {} does not resolve: {last:?}", changes.id());
    }

    /// Holds all that was told against the events in the store, each of which was committed with its change
    /// set. Gives back how many change sets have events there.
    ///
    /// # Panics
    /// With what does not fit.
    pub(crate) async fn check(&self, inspect: &dyn Inspect) -> usize {
        let rows = outbox(inspect).await;
        let mut found: BTreeMap<ChangeSetId, usize> = BTreeMap::new();
        let mut last: BTreeMap<u16, u64> = BTreeMap::new();
        for row in &rows {
            *found.entry(row.change_set).or_default() += 1;
            let last = last.entry(row.partition).or_default();
            *last += 1;
            assert_eq!(row.sequence, *last, "partition {} has a gap", row.partition);
        }
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wrong = Vec::new();
        for (id, Entry { events, told, .. }) in &*entries {
            let found = found.get(id).copied().unwrap_or(0);
            if !told.allows(found, *events) {
                wrong.push(format!(
                    "{id} was told {told:?}, {found} of its {events} events are there"
                ));
            }
        }
        wrong.extend(
            found
                .keys()
                .filter(|id| !entries.contains_key(id))
                .map(|id| format!("{id} is there and was never sent")),
        );
        assert!(wrong.is_empty(), "{} change sets are wrong:\n{}", wrong.len(), wrong.join("\n"));
        found.len()
    }
}

async fn outbox(inspect: &dyn Inspect) -> Vec<OutboxRow> {
    let limit = Limit::new(Limit::MAX).expect("the largest limit");
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = inspect.outbox(PageRequest::next(after, limit)).await.expect("a page of events");
        rows.extend(page.items);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of real servers waits for real")]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// A store that notes what it is told.
pub(crate) struct Noting {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ledger: Arc<Ledger>,
}

#[async_trait]
impl Store for Noting {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        let (id, events) = (changes.id(), changes.events().len());
        self.ledger.set(Line { id, events, told: Told::Nothing }, Some(&changes));
        let answer = self.store.commit(changes).await;
        self.ledger.set(Line { id, events, told: Told::by(&answer) }, None);
        answer
    }
}
