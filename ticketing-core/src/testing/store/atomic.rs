use super::flaw::{Flaw, Spent};
use crate::change_set::{ChangeSet, MessageKey, ReceiptKey};
use crate::ledger::JournalEntry;
use crate::reservation::Reservation;
use crate::seat::{ClaimOwner, SeatNo};
use crate::testing::ports::is_done;
use crate::testing::sample::{self, Sale, answer, fingerprint, seats};
use crate::testing::{Harness, StorePorts};

/// Something of everything that a change set writes, all of it free.
struct Wish {
    sale: Sale,
    reservation: Reservation,
    entry: JournalEntry,
    message: MessageKey,
    key: ReceiptKey,
}

impl Wish {
    /// Of a new buyer with 500 points, for one seat.
    async fn new(h: &Harness, ports: &StorePorts, at: &Sale, seat: u32) -> Self {
        let sale = at.another_buyer(h);
        let top_up = sample::changes(h).post(sample::top_up(h, sale.user, 500));
        ports.done(&top_up, "a top-up").await;
        let reservation = sale.reservation(h, &seats([seat]));
        let entry = sample::points_reserved(h, reservation.id(), sale.user, 200);
        Self { sale, reservation, entry, message: sample::message(h), key: sample::receipt_key(h) }
    }

    /// Adds all of it; what a flaw puts in the same place is left to the flaw.
    fn add_to(&self, mut changes: ChangeSet, flaw: Option<Flaw>) -> ChangeSet {
        let id = self.reservation.id();
        if flaw != Some(Flaw::StaleSave) {
            changes = changes.save(self.reservation.clone());
        }
        changes = changes
            .claim(self.sale.performance, self.reservation.seats(), ClaimOwner::Reservation(id))
            .allow(self.sale.user, self.sale.show, 1, 5, id)
            .post(self.entry.clone());
        if flaw != Some(Flaw::Duplicate) {
            changes = changes.caused_by(self.message.clone());
        }
        if !flaw.is_some_and(Flaw::is_of_the_receipt) {
            changes = changes.receipt(self.key.clone(), fingerprint("wish"), answer("wish"));
        }
        changes
    }

    fn seat(&self) -> u32 {
        let SeatNo(seat) = self.reservation.lines()[0].seat;
        seat
    }

    /// Panics unless nothing of it is in the store.
    async fn expect_absent(
        &self,
        h: &Harness,
        ports: &StorePorts,
        changes: &ChangeSet,
        flaw: Flaw,
    ) {
        let found = ports.reservation(self.reservation.id()).await;
        assert_eq!(found, None, "{flaw:?}: the refused reservation was saved");
        let claim = ports.claim(self.sale.performance, self.seat()).await;
        assert_eq!(claim, None, "{flaw:?}: a refused claim stands");
        let used = ports.claims.allowance_used(self.sale.user, self.sale.show).await;
        assert_eq!(used.expect("allowance"), 0, "{flaw:?}: a refused place was taken");
        let balance = ports.balance(sample::wallet(self.sale.user)).await;
        assert_eq!(balance, 500, "{flaw:?}: a refused entry was booked");
        let entry = ports.ledger.entry(self.entry.id()).await.expect("entry");
        assert_eq!(entry, None, "{flaw:?}: a refused entry was inserted");
        assert!(!ports.has_receipt(&self.key).await, "{flaw:?}: a refused answer was kept");
        let remembered = ports.remembers(h, &self.message, (self.sale.performance, 0)).await;
        assert!(!remembered, "{flaw:?}: the refused message counts as handled");
        let events = ports.events_of(changes.id()).await;
        assert!(events.is_empty(), "{flaw:?}: a refused change set told {events:?}");
    }

    /// Panics unless all of it is in the store.
    async fn expect_present(&self, ports: &StorePorts, changes: &ChangeSet) {
        let id = self.reservation.id();
        let _ = ports.committed_reservation(id).await;
        let claim = ports.claim(self.sale.performance, self.seat()).await;
        let owner = claim.map(|claim| claim.owner);
        assert_eq!(owner, Some(ClaimOwner::Reservation(id)), "the claim is missing");
        let used = ports.claims.allowance_used(self.sale.user, self.sale.show).await;
        assert_eq!(used.expect("allowance"), 1, "the place is missing");
        let balance = ports.balance(sample::wallet(self.sale.user)).await;
        assert_eq!(balance, 300, "the entry is missing");
        assert!(ports.has_receipt(&self.key).await, "the answer is missing");
        assert_eq!(ports.events_of(changes.id()).await.len(), 1, "the event is missing");
    }
}

/// A refused change set leaves no trace in any table, and what it wanted is free for the next.
pub async fn refused_change_set_writes_nothing(h: &Harness, ports: &StorePorts) {
    let spent = Spent::new(h, ports).await;
    let flaws = Flaw::ALL.into_iter().filter(|flaw| *flaw != Flaw::SameId);
    for (seat, flaw) in (10..).zip(flaws) {
        let wish = Wish::new(h, ports, &spent.sale, seat).await;
        let changes = wish.add_to(sample::changes(h), Some(flaw));
        let changes = spent.spoil(h, changes, flaw);
        spent.expect(flaw, &ports.commit(&changes).await, "among writes that are free");
        wish.expect_absent(h, ports, &changes, flaw).await;
        spent.expect(flaw, &ports.commit(&changes).await, "when the refused set is sent again");
        wish.expect_absent(h, ports, &changes, flaw).await;

        let changes = wish.add_to(sample::changes(h), None);
        ports.done(&changes, "the same writes without the flaw").await;
        wish.expect_present(ports, &changes).await;
    }
    spent.expect_untouched(ports, "by a refused change set").await;
}

/// Change sets that are refused do not fail those that are committed beside them.
pub async fn one_refusal_spares_the_others(h: &Harness, ports: &StorePorts) {
    let spent = Spent::new(h, ports).await;
    let refused = Flaw::ALL.into_iter().filter(|flaw| *flaw != Flaw::SameId);
    let (mut wishes, mut sets) = (Vec::new(), Vec::new());
    for (seat, flaw) in (10..).step_by(2).zip(refused.cycle().take(30)) {
        let good = Wish::new(h, ports, &spent.sale, seat).await;
        let bad = Wish::new(h, ports, &spent.sale, seat + 1).await;
        sets.push(good.add_to(sample::changes(h), None));
        sets.push(spent.spoil(h, bad.add_to(sample::changes(h), Some(flaw)), flaw));
        wishes.push((good, bad, flaw));
    }
    let answers = ports.race(h, sets.clone()).await;
    for ((wish, sent), answer) in wishes.iter().zip(sets.chunks(2)).zip(answers.chunks(2)) {
        let (good, bad, flaw) = wish;
        assert!(is_done(&answer[0]), "expected Done beside refused ones, got {:?}", answer[0]);
        spent.expect(*flaw, &answer[1], "beside good ones");
        good.expect_present(ports, &sent[0]).await;
        bad.expect_absent(h, ports, &sent[1], *flaw).await;
    }
    spent.expect_untouched(ports, "by refused ones among good ones").await;
}
