use super::*;
use crate::flush::WalletChange;

#[test]
fn an_aggregate_saved_in_sequence_is_written_once_with_all_its_events() {
    let batch = [
        changes(1).save(reservation(1, 0)),
        changes(2).save(reservation(1, 1)),
        changes(3).save(reservation(1, 1)),
        changes(4).save(reservation(1, 2)),
    ];
    let decision = decide(&batch, &Rows::default());
    let accepted: Vec<bool> = decision.answers.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, false, true]);
    let [write] = &decision.writes.records[..] else { panic!("one write") };
    assert_eq!((write.stored, write.record.aggregate().root().version()), (0, 3));
    // Only the first has an event.
    let told: Vec<usize> = decision.writes.outbox.iter().map(|write| write.place).collect();
    assert_eq!(told, [0]);
}

#[test]
fn claims_that_come_and_go_are_not_written() {
    let mut rows = Rows::default();
    rows.claims.insert((performance(0), SeatNo(1)), pending_of(1));
    rows.claims.insert((performance(0), SeatNo(2)), pending_of(1));
    rows.claims.insert((performance(0), SeatNo(3)), pending_of(1));
    let batch = [
        changes(1).claim(performance(0), seats(&[7]), of(2)),
        changes(2).release(performance(0), seats(&[7]), of(2)),
        changes(3).release(performance(0), seats(&[1, 2, 3, 4]), of(1)),
        changes(4).claim(performance(0), seats(&[1]), of(1)),
        changes(5).claim(performance(0), seats(&[2]), of(2)).sell(
            performance(0),
            seats(&[2]),
            owner(2),
        ),
        // Not the owner any more: skipped in silence.
        changes(6).release(performance(0), seats(&[2]), of(1)),
    ];
    let decision = decide(&batch, &rows);
    assert!(decision.answers.iter().all(Result::is_ok), "{:?}", decision.answers);
    let writes = decision.writes;
    assert!(writes.claims_inserted.is_empty());
    let deleted: Vec<SeatNo> = writes.claims_deleted.iter().map(|row| row.seat).collect();
    assert_eq!(deleted, [SeatNo(3)]);
    let [update] = writes.claims_updated[..] else { panic!("one update") };
    assert_eq!((update.seat, update.from, update.to), (SeatNo(2), pending_of(1), sold_to(2)));
}

#[test]
fn allowances_take_the_lowest_free_slots_and_give_back_the_highest() {
    let mut rows = Rows::default();
    rows.allowances.insert((user(1), show()), vec![(1, owner(8)), (3, owner(9))]);
    let take = |n, count, limit| changes(n).allow(user(1), show(), count, limit, owner(n));
    let batch = [
        take(1, 2, 4),
        take(2, 1, 4),
        changes(3).give_back(user(1), show(), 1, owner(1)),
        changes(4).give_back(user(1), show(), 5, owner(8)),
        take(5, 1, 4),
    ];
    let decision = decide(&batch, &rows);
    let accepted: Vec<bool> = decision.answers.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, false, true, true, true]);
    let slots = |rows: &[crate::port::AllowanceRow]| -> Vec<(u16, ReservationId)> {
        rows.iter().map(|row| (row.slot, row.reservation)).collect()
    };
    // Slot 0 stays with the first, 2 was taken and given back, 1 changes hands.
    assert_eq!(slots(&decision.writes.allowances_deleted), [(1, owner(8))]);
    assert_eq!(slots(&decision.writes.allowances_inserted), [(0, owner(1)), (1, owner(5))]);
}

#[test]
fn a_debited_wallet_gets_its_balance_and_a_credited_one_a_sum() {
    let mut rows = Rows::default();
    rows.balances.insert(wallet(1), 100);
    let batch = [
        changes(1).post(entry(1, 1, -40, None)),
        changes(2).post(entry(2, 1, 5, None)),
        changes(3).post(entry(3, 2, 7, None)),
        changes(4).post(entry(4, 2, 8, None)),
        changes(5).post(entry(5, 3, 9, None)).post(entry(6, 3, -9, None)),
    ];
    let decision = decide(&batch, &rows);
    assert!(decision.answers.iter().all(Result::is_ok), "{:?}", decision.answers);
    let wallets: Vec<_> =
        decision.writes.wallets.iter().map(|write| (write.account, write.change)).collect();
    let set = WalletChange::Set { from: Some(100), to: 65 };
    assert_eq!(wallets, [(wallet(1), set), (wallet(2), WalletChange::Add(15))]);
    let held = AccountKey { account: Account::PointsHeld, currency: Currency::KRW };
    assert_eq!(decision.writes.accounts, [(held, 20)]);
    assert_eq!(decision.writes.entries.len(), 6);
}

#[test]
fn the_outbox_keeps_the_queue_order_inside_a_partition() {
    let batch: Vec<ChangeSet> = (0..40).map(|n| changes(n).save(reservation(39 - n, 0))).collect();
    let writes = decide(&batch, &Rows::default()).writes;
    assert_eq!(writes.outbox.len(), 40);
    let partitions: Vec<u16> = writes.outbox.iter().map(|write| write.partition).collect();
    assert!(partitions.is_sorted() && partitions[0] != partitions[39]);
    for pair in writes.outbox.windows(2) {
        assert!(pair[0].partition < pair[1].partition || pair[0].place < pair[1].place);
        assert_eq!(pair[0].partition, batch[pair[0].place].stream().partition(4));
    }
}

#[test]
fn a_planner_forgets_the_batch_before() {
    let mut planner = Planner::new(4);
    let first =
        planner.decide(&[changes(1).claim(performance(0), seats(&[1]), of(1))], &Rows::default());
    assert_eq!(first.writes.claims_inserted.len(), 1);
    let refused = changes(2).claim(performance(0), seats(&[2, 2 + 1]), of(1));
    let mut rows = Rows::default();
    rows.claims.insert((performance(0), SeatNo(3)), pending_of(9));
    assert!(planner.decide(&[refused], &rows).writes.is_empty());
    let second =
        planner.decide(&[changes(1).claim(performance(0), seats(&[1]), of(1))], &Rows::default());
    assert!(second.answers[0].is_ok());
    assert_eq!(second.writes.claims_inserted.len(), 1);
}
