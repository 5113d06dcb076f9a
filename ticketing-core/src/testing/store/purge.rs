use chrono::{DateTime, TimeDelta, Utc};

use crate::change_set::{ChangeSet, MessageKey, ReceiptKey};
use crate::id::ChangeSetId;
use crate::port::{CommitError, Committed, Kept};
use crate::testing::ports::limit;
use crate::testing::sample::{self, Sale, answer, fingerprint, seats};
use crate::testing::{Harness, StorePorts};

/// A change set with a message and an answer, whose seat is taken when it is sent again: so that what
/// the store forgot is seen and nothing is written by looking.
struct Trace {
    changes: ChangeSet,
    message: MessageKey,
    key: ReceiptKey,
    seat: u32,
}

impl Trace {
    fn new(h: &Harness, sale: &Sale, seat: u32, at: DateTime<Utc>) -> Self {
        let (message, key) = (sample::message(h), sample::receipt_key(h));
        let changes = ChangeSet::new(ChangeSetId::generate(h.ids()), at)
            .claim(sale.performance, seats([seat]), sample::owner(h))
            .caused_by(message.clone())
            .receipt(key.clone(), fingerprint("a"), answer("a"));
        Self { changes, message, key, seat }
    }

    async fn is_kept(&self, h: &Harness, ports: &StorePorts, sale: &Sale, kept: Kept) -> bool {
        match kept {
            Kept::Receipts => ports.has_receipt(&self.key).await,
            Kept::Messages => {
                ports.remembers(h, &self.message, (sale.performance, self.seat)).await
            }
            Kept::ChangeSets => match ports.commit(&self.changes).await {
                Ok(Committed::Done) => true,
                Err(CommitError::SeatTaken(_)) => false,
                answer => panic!("expected Done or SeatTaken, got {answer:?}"),
            },
        }
    }
}

/// A purge drops no more than it was asked to, and nothing that is young.
pub async fn purge_is_bounded_and_spares_the_young(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let old_at = h.now() - TimeDelta::days(7_000);
    let before = old_at + TimeDelta::days(1);
    let old: Vec<Trace> = (0..5).map(|seat| Trace::new(h, &sale, seat, old_at)).collect();
    let young: Vec<Trace> = (5..8).map(|seat| Trace::new(h, &sale, seat, h.now())).collect();
    for trace in old.iter().chain(&young) {
        ports.done(&trace.changes, "a change set with a message and an answer").await;
    }
    let count = async |traces: &[Trace], kept| {
        let mut count = 0;
        for trace in traces {
            count += usize::from(trace.is_kept(h, ports, &sale, kept).await);
        }
        count
    };

    // In this order: a kept receipt or message would answer before the seat that is taken.
    for kept in [Kept::Receipts, Kept::Messages, Kept::ChangeSets] {
        ports.retention.purge(kept, old_at, limit(1_000)).await.expect("purge");
        assert_eq!(count(&old, kept).await, 5, "{kept:?}: dropped what is not from before");

        let mut left = 5;
        for _ in 0..100_000 {
            let dropped = ports.retention.purge(kept, before, limit(2)).await.expect("purge");
            assert!(dropped <= 2, "{kept:?}: asked to drop 2, dropped {dropped}");
            let now = count(&old, kept).await;
            assert!(left - now <= dropped, "{kept:?}: {dropped} dropped, {left} became {now}");
            left = now;
            if dropped == 0 {
                break;
            }
        }
        assert_eq!(left, 0, "{kept:?}: old rows are never dropped");
        assert_eq!(count(&young, kept).await, 3, "{kept:?}: young rows were dropped");
    }
}
