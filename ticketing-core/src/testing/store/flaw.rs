use super::answers::changed;
use crate::aggregate::{Aggregate, AggregateKind, AggregateRef};
use crate::change_set::{ChangeSet, MessageKey, ReceiptKey, ReceiptState};
use crate::id::{ChangeSetId, ReservationId, UserId};
use crate::ledger::JournalEntry;
use crate::port::{CommitError, Committed};
use crate::reservation::Reservation;
use crate::seat::ClaimOwner;
use crate::testing::sample::{self, Sale, answer, fingerprint, seats};
use crate::testing::{Harness, StorePorts};

/// What keeps a change set from being written, in the order of the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    SameId,
    KeyReused,
    Replayed,
    Duplicate,
    StaleSave,
    StaleGuard,
    BookedEntry,
    SeatTaken,
    NoPlaceLeft,
    EntryResolved,
    PoorWallet,
}

impl Flaw {
    pub(super) const ALL: [Self; 11] = [
        Self::SameId,
        Self::KeyReused,
        Self::Replayed,
        Self::Duplicate,
        Self::StaleSave,
        Self::StaleGuard,
        Self::BookedEntry,
        Self::SeatTaken,
        Self::NoPlaceLeft,
        Self::EntryResolved,
        Self::PoorWallet,
    ];

    /// The place of its answer in the list of [`crate::port::Store::commit`].
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::SameId => 1,
            Self::KeyReused => 2,
            Self::Replayed => 3,
            Self::Duplicate => 4,
            Self::StaleSave | Self::StaleGuard | Self::BookedEntry => 5,
            Self::SeatTaken => 6,
            Self::NoPlaceLeft => 7,
            Self::EntryResolved => 8,
            Self::PoorWallet => 9,
        }
    }

    pub(super) const fn is_of_the_receipt(self) -> bool {
        matches!(self, Self::KeyReused | Self::Replayed)
    }
}

/// A world in which everything that can be used up is.
pub(super) struct Spent {
    pub(super) sale: Sale,
    first: ChangeSetId,
    key: ReceiptKey,
    message: MessageKey,
    /// The reservation at version 1; the store has version 2.
    stale: Reservation,
    pending: JournalEntry,
    poor: UserId,
}

impl Spent {
    /// How many tickets a user may have, and how many the first buyer has.
    const LIMIT: u16 = 2;

    pub(super) async fn new(h: &Harness, ports: &StorePorts) -> Self {
        let sale = Sale::new(h);
        let poor = UserId::generate(h.ids());
        for (user, amount) in [(sale.user, 1_000), (poor, 10)] {
            let top_up = sample::changes(h).post(sample::top_up(h, user, amount));
            ports.done(&top_up, "a top-up").await;
        }
        let (key, message) = (sample::receipt_key(h), sample::message(h));
        let reservation = sale.reservation(h, &seats([0, 1]));
        let id = reservation.id();
        let pending = sample::points_reserved(h, id, sale.user, 300);
        let first = sale
            .reserve(h, &reservation, Self::LIMIT)
            .post(pending.clone())
            .caused_by(message.clone())
            .receipt(key.clone(), fingerprint("first"), answer("first"));
        ports.done(&first, "a reserve").await;
        let loaded = ports.committed_reservation(id).await;
        let second = sample::changes(h)
            .save(changed(h, loaded.clone()))
            .post(sample::points_given_back(h, &pending));
        ports.done(&second, "points given back").await;
        Self { sale, first: first.id(), key, message, stale: loaded, pending, poor }
    }

    /// A change set that is to carry these flaws.
    pub(super) fn begin(&self, h: &Harness, flaws: &[Flaw]) -> ChangeSet {
        if flaws.contains(&Flaw::SameId) {
            ChangeSet::new(self.first, h.now())
        } else {
            sample::changes(h)
        }
    }

    /// Adds what the store must refuse.
    pub(super) fn spoil(&self, h: &Harness, changes: ChangeSet, flaw: Flaw) -> ChangeSet {
        let (performance, other) = (self.sale.performance, ReservationId::generate(h.ids()));
        match flaw {
            Flaw::SameId => changes,
            Flaw::KeyReused => {
                changes.receipt(self.key.clone(), fingerprint("second"), answer("second"))
            }
            Flaw::Replayed => {
                changes.receipt(self.key.clone(), fingerprint("first"), answer("second"))
            }
            Flaw::Duplicate => changes.caused_by(self.message.clone()),
            Flaw::StaleSave => changes.save(changed(h, self.stale.clone())),
            Flaw::StaleGuard => changes.guard(&self.stale),
            Flaw::BookedEntry => changes.post(self.pending.clone()),
            Flaw::SeatTaken => {
                changes.claim(performance, seats([1, 2]), ClaimOwner::Reservation(other))
            }
            Flaw::NoPlaceLeft => {
                changes.allow(self.sale.user, self.sale.show, 1, Self::LIMIT, other)
            }
            Flaw::EntryResolved => changes.post(sample::points_given_back(h, &self.pending)),
            Flaw::PoorWallet => changes.post(sample::points_reserved(h, other, self.poor, 11)),
        }
    }

    /// Panics unless the answer is that of the flaw, with all that it names.
    pub(super) fn expect(
        &self,
        flaw: Flaw,
        answer: &Result<Committed, CommitError>,
        context: &str,
    ) {
        let right = match (flaw, answer) {
            (Flaw::SameId, Ok(Committed::Done))
            | (Flaw::KeyReused, Err(CommitError::KeyReused)) => true,
            (Flaw::Replayed, Ok(Committed::Replayed(state))) => {
                *state == ReceiptState::Done(sample::answer("first"))
            }
            (Flaw::Duplicate, Ok(Committed::Duplicate(message))) => *message == self.message,
            (Flaw::StaleSave | Flaw::StaleGuard, Err(CommitError::Conflict(reference))) => {
                *reference == self.stale.reference()
            }
            (Flaw::BookedEntry, Err(CommitError::Conflict(reference))) => {
                let (kind, id) = (AggregateKind::Entry, self.pending.id().as_uuid());
                *reference == AggregateRef { kind, id }
            }
            (Flaw::SeatTaken, Err(CommitError::SeatTaken(taken))) => *taken == seats([1]),
            (Flaw::NoPlaceLeft, Err(CommitError::AllowanceExceeded { limit })) => {
                *limit == Self::LIMIT
            }
            (Flaw::EntryResolved, Err(CommitError::EntryResolved(entry))) => {
                *entry == self.pending.id()
            }
            (Flaw::PoorWallet, Err(CommitError::InsufficientFunds(account))) => {
                *account == sample::wallet(self.poor)
            }
            _ => false,
        };
        assert!(right, "expected the answer to {flaw:?} {context}, got {answer:?}");
    }

    /// Panics unless everything is as [`Spent::new`] left it.
    pub(super) async fn expect_untouched(&self, ports: &StorePorts, context: &str) {
        let reservation = ports.committed_reservation(self.stale.id()).await;
        assert_eq!(reservation.root().version(), 2, "a refused save came through {context}");
        let used = ports.claims.allowance_used(self.sale.user, self.sale.show).await;
        assert_eq!(used.expect("allowance"), Self::LIMIT, "a refused place was taken {context}");
        let claim = ports.claim(self.sale.performance, 2).await;
        assert_eq!(claim, None, "a refused claim stands {context}");
        let rich = ports.balance(sample::wallet(self.sale.user)).await;
        assert_eq!(rich, 1_000, "points came back twice {context}");
        let poor = ports.balance(sample::wallet(self.poor)).await;
        assert_eq!(poor, 10, "a refused spend took points {context}");
        let receipt = ports.receipts.find(self.key.clone()).await.expect("receipt");
        let state = receipt.map(|receipt| receipt.state);
        let first = ReceiptState::Done(answer("first"));
        assert_eq!(state, Some(first), "the first answer was lost {context}");
    }
}
