use super::*;
use crate::aggregate::AggregateKind;
use crate::change_set::{Receipt, ReceiptState};
use crate::flush::{Answer, NeedsFullReads};
use crate::port::{CommitError, Committed};

fn answers(batch: &[ChangeSet], rows: &Rows) -> Vec<Answer> {
    decide(batch, rows).answers
}

fn one(changes: ChangeSet, rows: &Rows) -> Answer {
    answers(&[changes], rows).pop().unwrap()
}

fn kept(fingerprint: Fingerprint, state: ReceiptState) -> Receipt {
    Receipt { fingerprint, state, created_at: now() - TimeDelta::days(1) }
}

fn taken(answer: &Answer) -> &[SeatNo] {
    match answer {
        Err(CommitError::SeatTaken(seats)) => seats.as_slice(),
        other => panic!("expected taken seats, got {other:?}"),
    }
}

/// Rows in which everything that `wrong_in_every_way` wants is gone.
fn hostile_rows() -> Rows {
    let mut rows = Rows::default();
    rows.change_sets.insert(changes(1).id);
    rows.receipts.insert(receipt_key(1), kept(fingerprint(2), ReceiptState::InProgress));
    rows.messages.insert(message(1));
    rows.versions.insert(reference(1), 7);
    rows.claims.insert((performance(0), SeatNo(1)), pending_of(9));
    rows.allowances.insert((user(1), show()), vec![(0, owner(9))]);
    rows.resolutions.insert(entry_id(9));
    rows
}

fn wrong_in_every_way() -> ChangeSet {
    changes(1)
        .save(reservation(1, 1))
        .claim(performance(0), seats(&[1, 2]), of(1))
        .allow(user(1), show(), 1, 1, owner(1))
        .post(entry(1, 1, -10, Some(9)))
        .caused_by(message(1))
        .receipt(receipt_key(1), fingerprint(1), response("mine"))
}

#[test]
fn answers_come_in_the_order_of_the_contract() {
    let mut rows = hostile_rows();
    let mut next = || {
        let answer = one(wrong_in_every_way(), &rows);
        match &answer {
            Ok(Committed::Done) => rows.change_sets.clear(),
            Err(CommitError::KeyReused) => {
                let done = ReceiptState::Done(response("first"));
                rows.receipts.insert(receipt_key(1), kept(fingerprint(1), done));
            }
            Ok(Committed::Replayed(_)) => rows.receipts.clear(),
            Ok(Committed::Duplicate(_)) => rows.messages.clear(),
            Err(CommitError::Conflict(_)) => drop(rows.versions.insert(reference(1), 1)),
            Err(CommitError::SeatTaken(_)) => rows.claims.clear(),
            Err(CommitError::AllowanceExceeded { .. }) => rows.allowances.clear(),
            Err(CommitError::EntryResolved(_)) => rows.resolutions.clear(),
            Err(CommitError::InsufficientFunds(_)) => drop(rows.balances.insert(wallet(1), 10)),
            other => panic!("unexpected {other:?}"),
        }
        answer
    };
    assert!(matches!(next(), Ok(Committed::Done)));
    assert!(matches!(next(), Err(CommitError::KeyReused)));
    let first = ReceiptState::Done(response("first"));
    assert!(matches!(next(), Ok(Committed::Replayed(state)) if state == first));
    assert!(matches!(next(), Ok(Committed::Duplicate(key)) if key == message(1)));
    assert!(matches!(next(), Err(CommitError::Conflict(of)) if of == reference(1)));
    assert_eq!(taken(&next()), [SeatNo(1)]);
    assert!(matches!(next(), Err(CommitError::AllowanceExceeded { limit: 1 })));
    assert!(matches!(next(), Err(CommitError::EntryResolved(of)) if of == entry_id(9)));
    assert!(matches!(next(), Err(CommitError::InsufficientFunds(of)) if of == wallet(1)));
    assert!(matches!(next(), Ok(Committed::Done)));
}

#[test]
fn within_a_batch_the_first_wins_and_the_refused_leave_no_trace() {
    let mut rows = Rows::default();
    rows.claims.insert((performance(0), SeatNo(9)), pending_of(9));
    let batch = [
        // Takes 1 and 2, but 9 is taken: nothing of it stays.
        changes(1).claim(performance(0), seats(&[1, 2, 9]), of(1)),
        changes(2).claim(performance(0), seats(&[2]), of(2)),
        changes(3).claim(performance(0), seats(&[1, 2]), of(3)),
        changes(4).claim(performance(0), seats(&[1]), of(4)),
        changes(2).claim(performance(0), seats(&[2]), of(2)),
    ];
    let decision = decide(&batch, &rows);
    assert_eq!(taken(&decision.answers[0]), [SeatNo(9)]);
    assert!(decision.answers[1].is_ok());
    assert_eq!(taken(&decision.answers[2]), [SeatNo(2)]);
    assert!(decision.answers[3].is_ok());
    assert!(matches!(decision.answers[4], Ok(Committed::Done)), "the same change set again");
    let inserted: Vec<_> =
        decision.writes.claims_inserted.iter().map(|row| (row.seat, row.claim)).collect();
    assert_eq!(inserted, [(SeatNo(1), pending_of(4)), (SeatNo(2), pending_of(2))]);
    let ids: Vec<_> = decision.writes.change_sets.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [changes(2).id, changes(4).id]);
}

#[test]
fn taken_seats_are_named_over_all_claims_of_one_performance() {
    let mut rows = Rows::default();
    for (performance_no, seat) in [(1, 4), (1, 2), (0, 1)] {
        rows.claims.insert((performance(performance_no), SeatNo(seat)), pending_of(9));
    }
    let wanted = changes(1)
        .claim(performance(1), seats(&[4, 5]), of(1))
        .claim(performance(0), seats(&[1]), of(1))
        .sell(performance(1), seats(&[2, 3]), owner(1));
    assert_eq!(taken(&one(wanted, &rows)), [SeatNo(2), SeatNo(3), SeatNo(4)]);
    let vacant = changes(2).vacant(performance(1), seats(&[2, 3]));
    assert_eq!(taken(&one(vacant, &rows)), [SeatNo(2)]);
}

#[test]
fn a_release_inside_a_change_set_frees_for_its_own_claim() {
    let mut rows = Rows::default();
    rows.claims.insert((performance(0), SeatNo(1)), pending_of(1));
    let swap = changes(1).release(performance(0), seats(&[1]), of(1)).claim(
        performance(0),
        seats(&[1]),
        ClaimOwner::House,
    );
    let decision = decide(&[swap], &rows);
    assert!(decision.answers[0].is_ok());
    let update = decision.writes.claims_updated[0];
    assert_eq!((update.from, update.to.status), (pending_of(1), ClaimStatus::House));
}

#[test]
fn an_existing_aggregate_is_not_inserted_again_nor_an_entry() {
    let mut rows = Rows::default();
    rows.versions.insert(reference(1), 1);
    rows.entries.insert(entry_id(5));
    let again = one(changes(1).save(reservation(1, 0)), &rows);
    assert!(matches!(again, Err(CommitError::Conflict(of)) if of == reference(1)));
    let missing = one(changes(1).save(reservation(2, 1)), &rows);
    assert!(matches!(missing, Err(CommitError::Conflict(of)) if of == reference(2)));
    let guarded = changes(1).caused_by(message(1)).guard(&reservation(1, 2));
    assert!(matches!(one(guarded, &rows), Err(CommitError::Conflict(of)) if of == reference(1)));
    let booked = one(changes(1).post(entry(5, 1, 10, None)), &rows);
    let id = entry_id(5).as_uuid();
    let entry = AggregateRef { kind: AggregateKind::Entry, id };
    assert!(matches!(booked, Err(CommitError::Conflict(of)) if of == entry));
}

#[test]
fn a_guard_sees_what_was_saved_before_it_in_the_batch() {
    let mut rows = Rows::default();
    rows.versions.insert(reference(1), 1);
    let guard = |n| changes(n).caused_by(message(n)).guard(&reservation(1, 1));
    let batch = [guard(1), changes(2).save(reservation(1, 1)), guard(3)];
    let answers = answers(&batch, &rows);
    assert!(answers[0].is_ok() && answers[1].is_ok());
    assert!(matches!(answers[2], Err(CommitError::Conflict(_))));
}

#[test]
fn receipts_begin_fill_and_replay() {
    let fill = |n, text| changes(n).fill_receipt(receipt_key(1), fingerprint(1), response(text));
    let begin = |n| changes(n).begin_receipt(receipt_key(1), fingerprint(1));
    let other = changes(4).begin_receipt(receipt_key(1), fingerprint(2));
    let batch = [begin(1), begin(2), fill(3, "a"), other, fill(5, "b"), begin(6)];
    let decision = decide(&batch, &Rows::default());
    let done = ReceiptState::Done(response("a"));
    let [first, second, third, fourth, fifth, sixth] = &decision.answers[..] else { panic!() };
    assert!(matches!(first, Ok(Committed::Done)));
    assert!(matches!(second, Ok(Committed::Replayed(ReceiptState::InProgress))));
    assert!(matches!(third, Ok(Committed::Done)));
    assert!(matches!(fourth, Err(CommitError::KeyReused)));
    assert!(matches!(fifth, Ok(Committed::Replayed(state)) if *state == done));
    assert!(matches!(sixth, Ok(Committed::Replayed(state)) if *state == done));
    let write = &decision.writes.receipts[0];
    assert_eq!((&write.receipt.state, write.fills), (&done, false));

    let purged = decide(&[fill(1, "late")], &Rows::default());
    assert!(purged.answers[0].is_ok() && !purged.writes.receipts[0].fills);
    let mut rows = Rows::default();
    let open = kept(fingerprint(1), ReceiptState::InProgress);
    rows.receipts.insert(receipt_key(1), open.clone());
    let filled = decide(&[fill(1, "now")], &rows);
    assert!(filled.writes.receipts[0].fills);
    assert_eq!(filled.writes.receipts[0].receipt.created_at, open.created_at);
}

#[test]
fn a_wallet_counts_by_the_whole_change_set_in_queue_order() {
    let mut rows = Rows::default();
    rows.balances.insert(wallet(1), 50);
    let batch = [
        changes(1).post(entry(1, 1, -60, None)),
        changes(2).post(entry(2, 1, -30, None)),
        changes(3).post(entry(3, 1, -30, None)),
        changes(4).post(entry(4, 1, 25, None)),
        changes(5).post(entry(5, 1, -60, None)).post(entry(6, 1, 20, None)),
    ];
    let decision = decide(&batch, &rows);
    let poor = |answer: &Answer| matches!(answer, Err(CommitError::InsufficientFunds(of)) if *of == wallet(1));
    let refused: Vec<bool> = decision.answers.iter().map(poor).collect();
    assert_eq!(refused, [true, false, true, false, false]);
}

#[test]
fn a_sum_out_of_range_is_a_permanent_failure() {
    let mut rows = Rows::default();
    rows.balances.insert(wallet(1), i64::MAX - 5);
    let answer = one(changes(1).post(entry(1, 1, 10, None)), &rows);
    let Err(CommitError::Port(error)) = answer else { panic!("got {answer:?}") };
    assert_eq!(error.fault(), crate::error::Fault::Permanent);
}

#[test]
fn an_optimistic_run_ends_at_the_first_refusal() {
    let free = [changes(1).claim(performance(0), seats(&[1]), of(1))];
    let mut planner = Planner::new(4);
    assert!(planner.decide_optimistically(&free, &Rows::default()).is_ok());
    let twice = [free[0].clone(), changes(2).claim(performance(0), seats(&[1]), of(2))];
    let refused = planner.decide_optimistically(&twice, &Rows::default());
    assert_eq!(refused.unwrap_err(), NeedsFullReads);
}
