use crate::aggregate::{Aggregate, AggregateKind, AggregateRef};
use crate::change_set::ChangeSetError;
use crate::id::{CheckoutId, ReservationId};
use crate::ledger::{Booking, JournalEntry};
use crate::port::{CommitError, Committed};
use crate::reservation::Reservation;
use crate::seat::{ClaimOwner, SeatNo};
use crate::testing::ports::is_done;
use crate::testing::sample::{self, Sale, seats};
use crate::testing::{Harness, StorePorts};

/// The reservation with one more change.
pub(super) fn changed(h: &Harness, mut reservation: Reservation) -> Reservation {
    let (checkout, now) = (CheckoutId::generate(h.ids()), h.now());
    if let Some(before) = reservation.checkout() {
        let _ = reservation.end_checkout(before);
    }
    let _ = reservation.begin_checkout(checkout, 20, now).expect("a fresh reservation is payable");
    reservation
}

/// A change set sent again is answered `Done` as then, and nothing happens twice.
pub async fn same_change_set_commits_once(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    ports
        .done(&sample::changes(h).post(sample::top_up(h, sale.user, 1_000)), "a first top-up")
        .await;
    let reservation = sale.reservation(h, &seats([0, 1]));
    let changes = sale
        .reserve(h, &reservation, 2)
        .post(sample::points_reserved(h, reservation.id(), sale.user, 600))
        .caused_by(sample::message(h))
        .receipt(sample::receipt_key(h), sample::fingerprint("a"), sample::answer("a"));
    ports.done(&changes, "a first commit").await;
    let events = ports.events_of(changes.id()).await;
    for _ in 0..3 {
        ports.done(&changes, "the same change set sent again").await;
    }

    let reservation = ports.committed_reservation(reservation.id()).await;
    assert_eq!(reservation.root().version(), 1, "sent four times, it was saved once");
    let used = ports.claims.allowance_used(sale.user, sale.show).await.expect("allowance");
    assert_eq!(used, 2, "sent four times, two places were taken once");
    assert_eq!(ports.balance(sample::wallet(sale.user)).await, 400, "points were set aside once");
    assert_eq!(ports.events_of(changes.id()).await, events, "no event came twice");

    let later = sample::changes(h).save(changed(h, reservation.clone()));
    ports.done(&later, "a save of the next version").await;
    ports.done(&changes, "the first change set sent again after a later one").await;
    let now = ports.committed_reservation(reservation.id()).await;
    assert_eq!(now.root().version(), 2, "sending the first again left the second in place");
}

/// An aggregate is saved only at the version that the store has.
pub async fn stale_version_conflicts(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let reservation = sale.reservation(h, &seats([0]));
    let (id, reference) = (reservation.id(), reservation.reference());
    ports.done(&sample::changes(h).save(reservation.clone()), "a first save").await;
    let loaded = ports.committed_reservation(id).await;

    let again = ports.commit(&sample::changes(h).save(reservation)).await;
    assert!(
        matches!(&again, Err(CommitError::Conflict(got)) if *got == reference),
        "expected Conflict for a save as new of what is there, got {again:?}"
    );
    let second = sample::changes(h).save(changed(h, loaded.clone()));
    ports.done(&second, "a save at the version it was loaded").await;
    let answer = ports.commit(&sample::changes(h).save(changed(h, loaded.clone()))).await;
    assert!(
        matches!(&answer, Err(CommitError::Conflict(got)) if *got == reference),
        "expected Conflict({reference}) for a save at version 1 over 2, got {answer:?}"
    );
    let there = ports.committed_reservation(id).await;
    assert_eq!(there.root().version(), 2, "two saves came through");

    let unknown = {
        let mut ahead = sale.reservation(h, &seats([1]));
        let _ = ahead.root_mut().committed();
        ahead
    };
    let (id, reference) = (unknown.id(), unknown.reference());
    let answer = ports.commit(&sample::changes(h).save(unknown)).await;
    assert!(
        matches!(&answer, Err(CommitError::Conflict(got)) if *got == reference),
        "expected Conflict for a save at version 1 of what is not there, got {answer:?}"
    );
    assert_eq!(ports.reservation(id).await, None, "it was not inserted");
}

/// What was read but not written must be unchanged at COMMIT.
pub async fn changed_guard_conflicts(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let reservation = sale.reservation(h, &seats([0]));
    let (id, reference) = (reservation.id(), reservation.reference());
    ports.done(&sample::changes(h).save(reservation), "a first save").await;
    let loaded = ports.committed_reservation(id).await;

    let claim = |seat: u32| {
        let seats = seats([seat]);
        sample::changes(h).claim(sale.performance, seats, ClaimOwner::Reservation(id))
    };
    ports.done(&claim(0).guard(&loaded), "a guard at the current version").await;
    ports.done(&claim(1).guard(&loaded), "a second one: a guard changes nothing").await;
    let next = sample::changes(h).save(changed(h, loaded.clone()));
    ports.done(&next, "a save of the guarded aggregate").await;

    let answer = ports.commit(&claim(2).guard(&loaded)).await;
    assert!(
        matches!(&answer, Err(CommitError::Conflict(got)) if *got == reference),
        "expected Conflict({reference}) for a guard at version 1 of 2, got {answer:?}"
    );
    assert_eq!(ports.claim(sale.performance, 2).await, None, "the refused claim stands");
    let fresh = ports.committed_reservation(id).await;
    ports.done(&claim(2).guard(&fresh), "a guard at the version that was loaded again").await;
}

/// An entry is booked once under its id, whatever a second one of that id says.
pub async fn entry_is_booked_once(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let wallet = sample::wallet(sale.user);
    let first = sample::top_up(h, sale.user, 100);
    let booking = Booking { id: first.id(), at: h.now() };
    let second = JournalEntry::top_up(booking, sale.user, sample::won(30)).expect("an amount");
    let reference = AggregateRef { kind: AggregateKind::Entry, id: first.id().as_uuid() };
    let conflicts = |answer: &Result<Committed, CommitError>| matches!(answer, Err(CommitError::Conflict(got)) if *got == reference);

    let twice = sample::changes(h).post(first.clone()).post(second.clone());
    let answer = ports.commit(&twice).await;
    assert!(
        conflicts(&answer),
        "expected Conflict({reference}) for it twice at once, got {answer:?}"
    );
    assert_eq!(ports.balance(wallet).await, 0, "a refused entry was booked");

    let mut sets = Vec::new();
    for _ in 0..10 {
        sets.push(sample::changes(h).post(first.clone()));
    }
    let answers = ports.race(h, sets).await;
    let booked = answers.iter().filter(|answer| is_done(answer)).count();
    assert_eq!(booked, 1, "expected one of ten to book {}, got {answers:?}", first.id());
    assert!(
        answers.iter().all(|answer| is_done(answer) || conflicts(answer)),
        "expected Conflict({reference}) for all but one, got {answers:?}"
    );

    for again in [first.clone(), second] {
        let claim =
            sample::changes(h).post(again).claim(sale.performance, seats([0]), sample::owner(h));
        let answer = ports.commit(&claim).await;
        assert!(conflicts(&answer), "expected Conflict({reference}), got {answer:?}");
    }
    assert_eq!(ports.claim(sale.performance, 0).await, None, "the refused claim stands");
    assert_eq!(ports.balance(wallet).await, 100, "the entry moved money more than once");
    let entry = ports.ledger.entry(first.id()).await.expect("entry");
    assert_eq!(entry.as_deref(), Some(&first), "the first of the id stays");
}

/// `SeatTaken` names every wanted seat that is taken, whoever has it, and no other.
pub async fn taken_seats_are_all_named(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let perf = sale.performance;
    let claim = |numbers: &[u32], owner| {
        sample::changes(h).claim(perf, seats(numbers.iter().copied()), owner)
    };
    let buyer = ReservationId::generate(h.ids());
    ports.done(&claim(&[1, 3], ClaimOwner::Reservation(buyer)), "a claim").await;
    ports.done(&sample::changes(h).sell(perf, seats([3]), buyer), "a sale of seat 3").await;
    ports.done(&claim(&[5], ClaimOwner::House), "a claim of the house").await;

    let answer = ports.commit(&claim(&[0, 1, 2, 3, 4, 5, 6], sample::owner(h))).await;
    assert!(
        matches!(&answer, Err(CommitError::SeatTaken(taken)) if *taken == seats([1, 3, 5])),
        "expected SeatTaken([#1, #3, #5]) for a claim on seats 0 to 6, got {answer:?}"
    );
    let two_claims = claim(&[1, 2], sample::owner(h)).claim(perf, seats([4, 5]), sample::owner(h));
    let answer = ports.commit(&two_claims).await;
    assert!(
        matches!(&answer, Err(CommitError::SeatTaken(taken)) if *taken == seats([1, 5])),
        "expected SeatTaken([#1, #5]) over both claims of one change set, got {answer:?}"
    );
    for free in [0, 2, 4, 6] {
        assert_eq!(ports.claim(perf, free).await, None, "a refused claim stands on seat {free}");
    }

    let vacant = |numbers: [u32; 2]| {
        sample::changes(h).save(sale.reservation(h, &seats([9]))).vacant(perf, seats(numbers))
    };
    let answer = ports.commit(&vacant([0, 3])).await;
    assert!(
        matches!(&answer, Err(CommitError::SeatTaken(taken)) if *taken == seats([3])),
        "expected SeatTaken([#3]) where seats 0 and 3 must be vacant, got {answer:?}"
    );
    ports.done(&vacant([0, 2]), "a demand for vacant seats").await;
    assert_eq!(ports.claim(perf, 0).await, None, "a demand for a vacant seat takes nothing");

    let elsewhere =
        sample::changes(h).claim(Sale::new(h).performance, seats([1]), sample::owner(h));
    ports.done(&elsewhere, "the same seat number of another performance").await;
}

/// A user never has more places in a show than the limit; places given back are free again.
pub async fn allowance_is_bounded(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let (user, show) = (sale.user, sale.show);
    let [first, second, third] = [(); 3].map(|()| ReservationId::generate(h.ids()));
    let allow = |count, limit, id| sample::changes(h).allow(user, show, count, limit, id);
    let places = async || ports.claims.allowance_used(user, show).await.expect("allowance");

    assert_eq!(places().await, 0, "a new user has no place");
    ports.done(&allow(2, 3, first), "two places of three").await;
    let answer = ports.commit(&allow(2, 3, second)).await;
    assert!(
        matches!(answer, Err(CommitError::AllowanceExceeded { limit: 3 })),
        "expected AllowanceExceeded(3) for four places of three, got {answer:?}"
    );
    assert_eq!(places().await, 2, "a refused place was taken");
    ports.done(&allow(1, 3, second), "the third place").await;
    let answer = ports.commit(&allow(1, 2, third)).await;
    assert!(
        matches!(answer, Err(CommitError::AllowanceExceeded { limit: 2 })),
        "expected AllowanceExceeded(2) under a limit that was lowered, got {answer:?}"
    );

    let give_back = |count, id| sample::changes(h).give_back(user, show, count, id);
    ports.done(&give_back(2, third), "places given back by one who has none").await;
    assert_eq!(places().await, 3, "a reservation gave back the places of another");
    ports.done(&give_back(1, first), "one of two places given back").await;
    assert_eq!(places().await, 2, "one place is free again");
    ports.done(&allow(1, 3, third), "the place that is free again").await;
    ports.done(&give_back(9, first), "more places given back than are left").await;
    assert_eq!(places().await, 2, "the places of the two others stay");

    let other = sample::changes(h).allow(sale.another_buyer(h).user, show, 3, 3, first);
    ports.done(&other, "places of another user").await;
    let elsewhere = sample::changes(h).allow(user, Sale::new(h).show, 3, 3, first);
    ports.done(&elsewhere, "places of another show").await;
}

/// A pending entry is ended once.
pub async fn entry_is_resolved_once(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let pending = sample::points_reserved(h, ReservationId::generate(h.ids()), sale.user, 70);
    let top_up = sample::changes(h).post(sample::top_up(h, sale.user, 100));
    ports.done(&top_up, "a top-up").await;
    ports.done(&sample::changes(h).post(pending.clone()), "a pending entry").await;
    let resolution = async || ports.ledger.resolution(pending.id()).await.expect("resolution");
    assert_eq!(resolution().await, None, "the entry is pending");

    let first = sample::points_given_back(h, &pending);
    ports.done(&sample::changes(h).post(first.clone()), "the end of a pending entry").await;
    let second = sample::points_given_back(h, &pending);
    let answer = ports.commit(&sample::changes(h).post(second.clone())).await;
    assert!(
        matches!(&answer, Err(CommitError::EntryResolved(entry)) if *entry == pending.id()),
        "expected EntryResolved({}) for a second end, got {answer:?}",
        pending.id()
    );
    assert_eq!(resolution().await, Some(first.id()), "the first end counts");
    assert_eq!(ports.ledger.entry(second.id()).await.expect("entry"), None, "it was inserted");
    assert_eq!(ports.balance(sample::wallet(sale.user)).await, 100, "points came back once");
}

/// A wallet is spent down to zero and no further.
pub async fn wallet_never_goes_below_zero(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let wallet = sample::wallet(sale.user);
    let spend = |amount| {
        let reservation = ReservationId::generate(h.ids());
        sample::changes(h).post(sample::points_reserved(h, reservation, sale.user, amount))
    };
    let poor = |answer: &Result<Committed, CommitError>| matches!(answer, Err(CommitError::InsufficientFunds(account)) if *account == wallet);

    let answer = ports.commit(&spend(1)).await;
    assert!(poor(&answer), "expected InsufficientFunds of a wallet never used, got {answer:?}");
    let top_up = sample::changes(h).post(sample::top_up(h, sale.user, 100));
    ports.done(&top_up, "a top-up").await;
    let answer = ports.commit(&spend(101)).await;
    assert!(poor(&answer), "expected InsufficientFunds for 101 of 100, got {answer:?}");
    ports.done(&spend(100), "all that is there").await;
    let answer = ports.commit(&spend(1)).await;
    assert!(poor(&answer), "expected InsufficientFunds for 1 of 0, got {answer:?}");
    assert_eq!(ports.balance(wallet).await, 0, "100 came in and 100 was set aside");

    ports.done(&sample::changes(h).post(sample::top_up(h, sale.user, 50)), "a top-up").await;
    let split = [30, 30].map(|amount| {
        sample::points_reserved(h, ReservationId::generate(h.ids()), sale.user, amount)
    });
    let twice = split.into_iter().fold(sample::changes(h), crate::change_set::ChangeSet::post);
    let answer = ports.commit(&twice).await;
    assert!(poor(&answer), "expected InsufficientFunds for 30 and 30 of 50, got {answer:?}");
    assert_eq!(ports.balance(wallet).await, 50, "a refused spend took points");
}

/// What no store may write is refused before anything else.
pub async fn invalid_change_set_is_refused(h: &Harness, ports: &StorePorts) {
    let answer = ports.commit(&sample::changes(h)).await;
    assert!(
        matches!(answer, Err(CommitError::Invalid(ChangeSetError::Empty))),
        "expected Invalid(Empty) for an empty change set, got {answer:?}"
    );
    let sale = Sale::new(h);
    let [first, second] = [0, 1].map(|seat| sale.reservation(h, &seats([seat])));
    let ids = [first.id(), second.id()];
    let mixed = sample::changes(h).save(first).save(second);
    let answer = ports.commit(&mixed).await;
    assert!(
        matches!(answer, Err(CommitError::Invalid(ChangeSetError::MixedStreams(_)))),
        "expected Invalid(MixedStreams) for two reservations, got {answer:?}"
    );
    for id in ids {
        assert_eq!(ports.reservation(id).await, None, "an invalid change set wrote {id}");
    }
    let seat = sample::changes(h).claim(sale.performance, seats([0]), sample::owner(h));
    ports.done(&seat, "a valid change set after an invalid one").await;
    assert!(ports.claim(sale.performance, SeatNo(0).0).await.is_some(), "the claim stands");
}
