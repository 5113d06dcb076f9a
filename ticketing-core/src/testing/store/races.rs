use super::answers::changed;
use crate::aggregate::Aggregate;
use crate::change_set::{ChangeSet, ReceiptState};
use crate::id::ReservationId;
use crate::ledger::JournalEntry;
use crate::port::{CommitError, Committed};
use crate::reservation::Reservation;
use crate::seat::ClaimOwner;
use crate::testing::ports::{collect, is_done};
use crate::testing::sample::{self, Sale, answer, fingerprint, seats};
use crate::testing::{Harness, StorePorts};

type Answer = Result<Committed, CommitError>;

/// The index of the only `Done`; panics unless all other answers are as they should be.
fn winner(answers: &[Answer], lost: impl Fn(&Answer) -> bool, what: &str) -> usize {
    let won: Vec<usize> = (0..answers.len()).filter(|&index| is_done(&answers[index])).collect();
    assert!(won.len() == 1, "expected one of {} to win {what}, got {answers:?}", answers.len());
    for (index, answer) in answers.iter().enumerate() {
        assert!(index == won[0] || lost(answer), "lost {what}, and was answered {answer:?}");
    }
    won[0]
}

/// Fifty buyers want one seat: one has it, all others are told which seat is taken.
pub async fn one_of_fifty_wins_a_seat(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let buyers: Vec<(Sale, Reservation)> = (0..50)
        .map(|_| {
            let sale = sale.another_buyer(h);
            let reservation = sale.reservation(h, &seats([0]));
            (sale, reservation)
        })
        .collect();
    let sets: Vec<ChangeSet> =
        buyers.iter().map(|(sale, reservation)| sale.reserve(h, reservation, 1)).collect();
    let answers = ports.race(h, sets.clone()).await;
    let seat_taken =
        |answer: &Answer| matches!(answer, Err(CommitError::SeatTaken(s)) if *s == seats([0]));
    let won = winner(&answers, seat_taken, "seat 0");

    let owner = ports.claim(sale.performance, 0).await.map(|claim| claim.owner);
    let expected = ClaimOwner::Reservation(buyers[won].1.id());
    assert_eq!(owner, Some(expected), "the seat belongs to the one who was told so");
    for (index, (sale, reservation)) in buyers.iter().enumerate() {
        let wins = index == won;
        let found = ports.reservation(reservation.id()).await.is_some();
        assert_eq!(found, wins, "buyer {index} has a reservation");
        let used = ports.claims.allowance_used(sale.user, sale.show).await.expect("allowance");
        assert_eq!(used, u16::from(wins), "the places of buyer {index}");
    }
    let rows = collect(1_000, |page| ports.inspect.outbox(page)).await;
    let told = rows.iter().filter(|row| sets.iter().any(|s| s.id() == row.change_set)).count();
    assert_eq!(told, 1, "only the winner's event is told");
}

/// One user in two windows never has more places than the limit.
pub async fn two_tabs_share_one_allowance(h: &Harness, ports: &StorePorts) {
    for (tabs, limit) in [(2_u32, 1_u16), (2, 1), (2, 1), (2, 1), (12, 5)] {
        let sale = Sale::new(h);
        let sets: Vec<ChangeSet> = (0..tabs)
            .map(|seat| sale.reserve(h, &sale.reservation(h, &seats([seat])), limit))
            .collect();
        let answers = ports.race(h, sets).await;
        let won = answers.iter().filter(|answer| is_done(answer)).count();
        assert_eq!(won, usize::from(limit), "{tabs} tabs under a limit of {limit}: {answers:?}");
        for answer in answers.iter().filter(|answer| !is_done(answer)) {
            assert!(
                matches!(answer, Err(CommitError::AllowanceExceeded { limit: l }) if *l == limit),
                "expected AllowanceExceeded({limit}), got {answer:?}"
            );
        }
        let used = ports.claims.allowance_used(sale.user, sale.show).await.expect("allowance");
        assert_eq!(used, limit, "the places that were taken");
        for (seat, answer) in (0..tabs).zip(&answers) {
            let taken = ports.claim(sale.performance, seat).await.is_some();
            assert_eq!(taken, is_done(answer), "whether the tab has its seat {seat}");
        }
    }
}

/// A wallet of 100 is asked for 30 by twenty at once: three get it.
pub async fn poor_wallet_is_spent_once(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let wallet = sample::wallet(sale.user);
    ports.done(&sample::changes(h).post(sample::top_up(h, sale.user, 100)), "a top-up").await;
    let entries: Vec<JournalEntry> = (0..20)
        .map(|_| sample::points_reserved(h, ReservationId::generate(h.ids()), sale.user, 30))
        .collect();
    let sets = entries.iter().map(|entry| sample::changes(h).post(entry.clone()));
    let answers = ports.race(h, sets).await;

    let won = answers.iter().filter(|answer| is_done(answer)).count();
    assert_eq!(won, 3, "30 out of 100 goes three times: {answers:?}");
    for (entry, answer) in entries.iter().zip(&answers) {
        let poor = matches!(answer, Err(CommitError::InsufficientFunds(w)) if *w == wallet);
        assert!(poor || is_done(answer), "expected InsufficientFunds, got {answer:?}");
        let found = ports.ledger.entry(entry.id()).await.expect("entry").is_some();
        assert_eq!(found, is_done(answer), "whether the entry was booked");
    }
    assert_eq!(ports.balance(wallet).await, 10, "what is left of the wallet");
}

/// Ten save one version at once: one does, the others have to load it again.
pub async fn one_of_ten_saves_a_version(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let reservation = sale.reservation(h, &seats([0]));
    let (id, reference) = (reservation.id(), reservation.reference());
    ports.done(&sale.reserve(h, &reservation, 1), "a reserve").await;
    for version in 1..=3 {
        let loaded = ports.committed_reservation(id).await;
        let changed: Vec<Reservation> = (0..10).map(|_| changed(h, loaded.clone())).collect();
        let sets = changed.iter().map(|one| sample::changes(h).save(one.clone()));
        let answers = ports.race(h, sets).await;
        let conflict =
            |answer: &Answer| matches!(answer, Err(CommitError::Conflict(r)) if *r == reference);
        let won = winner(&answers, conflict, "the save of one version");
        let now = ports.committed_reservation(id).await;
        assert_eq!(now.root().version(), version + 1, "one save came through");
        assert_eq!(now.checkout(), changed[won].checkout(), "the winner's change was written");
    }
}

/// Ten end one pending entry at once: one does.
pub async fn one_of_ten_resolves_an_entry(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    ports.done(&sample::changes(h).post(sample::top_up(h, sale.user, 100)), "a top-up").await;
    let pending = sample::points_reserved(h, ReservationId::generate(h.ids()), sale.user, 60);
    ports.done(&sample::changes(h).post(pending.clone()), "a pending entry").await;
    let ends: Vec<JournalEntry> = (0..10).map(|_| sample::points_given_back(h, &pending)).collect();
    let sets = ends.iter().map(|entry| sample::changes(h).post(entry.clone()));
    let answers = ports.race(h, sets).await;
    let resolved = |answer: &Answer| matches!(answer, Err(CommitError::EntryResolved(entry)) if *entry == pending.id());
    let won = winner(&answers, resolved, "the end of an entry");
    let resolution = ports.ledger.resolution(pending.id()).await.expect("resolution");
    assert_eq!(resolution, Some(ends[won].id()), "the winner's entry ended it");
    assert_eq!(ports.balance(sample::wallet(sale.user)).await, 100, "points came back once");
}

/// One change set sent by ten at once, as after lost answers: all are told Done, it happens once.
pub async fn one_change_set_sent_by_ten_commits_once(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    ports.done(&sample::changes(h).post(sample::top_up(h, sale.user, 100)), "a top-up").await;
    let reservation = sale.reservation(h, &seats([0, 1]));
    let changes = sale
        .reserve(h, &reservation, 2)
        .post(sample::points_reserved(h, reservation.id(), sale.user, 60))
        .caused_by(sample::message(h))
        .receipt(sample::receipt_key(h), fingerprint("a"), answer("a"));
    let answers = ports.race(h, vec![changes.clone(); 10]).await;
    for answer in &answers {
        assert!(is_done(answer), "expected Done for the same change set, got {answer:?}");
    }
    let saved = ports.committed_reservation(reservation.id()).await;
    assert_eq!(saved.root().version(), 1, "it was saved once");
    let used = ports.claims.allowance_used(sale.user, sale.show).await.expect("allowance");
    assert_eq!(used, 2, "its places were taken once");
    assert_eq!(ports.balance(sample::wallet(sale.user)).await, 40, "its entry was booked once");
    assert_eq!(ports.events_of(changes.id()).await.len(), 1, "its event was told once");
}

/// Ten calls under one key at once: one is done, the others get its answer.
pub async fn one_key_is_answered_once_under_a_race(h: &Harness, ports: &StorePorts) {
    let (sale, key) = (Sale::new(h), sample::receipt_key(h));
    let sets = (0..10).map(|seat| {
        let text = seat.to_string();
        sample::changes(h).claim(sale.performance, seats([seat]), sample::owner(h)).receipt(
            key.clone(),
            fingerprint("a"),
            answer(&text),
        )
    });
    let answers = ports.race(h, sets.collect::<Vec<_>>()).await;
    let replayed = |answer: &Answer| matches!(answer, Ok(Committed::Replayed(_)));
    let won = winner(&answers, replayed, "the key");
    let first = ReceiptState::Done(answer(&won.to_string()));
    for (seat, answer) in (0..).zip(&answers) {
        let wins = is_done(answer);
        if let Ok(Committed::Replayed(state)) = answer {
            assert_eq!(*state, first, "a repeated call gets the first answer");
        }
        let taken = ports.claim(sale.performance, seat).await.is_some();
        assert_eq!(taken, wins, "whether the call has its seat {seat}");
    }
}

/// One message handled by ten at once: one does, the others are told so.
pub async fn one_message_is_handled_once_under_a_race(h: &Harness, ports: &StorePorts) {
    let (sale, message) = (Sale::new(h), sample::message(h));
    let sets = (0..10).map(|seat| {
        sample::changes(h)
            .claim(sale.performance, seats([seat]), sample::owner(h))
            .caused_by(message.clone())
    });
    let answers = ports.race(h, sets.collect::<Vec<_>>()).await;
    let duplicate =
        |answer: &Answer| matches!(answer, Ok(Committed::Duplicate(key)) if *key == message);
    let won = winner(&answers, duplicate, "the message");
    for seat in 0..10 {
        let taken = ports.claim(sale.performance, seat).await.is_some();
        assert_eq!(taken, usize::try_from(seat) == Ok(won), "whether seat {seat} was taken");
    }
}
