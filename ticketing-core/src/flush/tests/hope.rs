//! What is not read is taken as the change set expects it, and left to the write to find out.

use super::{
    Rows, changes, fingerprint, of, owner, pending_of, performance, receipt_key, reference,
    reservation, response, seats, show, sold_to, user,
};
use crate::change_set::ChangeSet;
use crate::flush::{Decision, NeedsFullReads, Planner};
use crate::seat::SeatNo;

fn hope(batch: &[ChangeSet], rows: &Rows) -> Result<Decision, NeedsFullReads> {
    Planner::new(4).decide_optimistically(batch, rows)
}

#[test]
fn a_save_is_left_to_find_its_version() {
    let batch = [changes(1).save(reservation(1, 4)), changes(2).save(reservation(1, 5))];
    let decision = hope(&batch, &Rows::default()).unwrap();
    let [write] = &decision.writes.records[..] else { panic!("{:?}", decision.writes.records) };
    assert_eq!((write.reference, write.stored), (reference(1), 4));
    let skips = [changes(1).save(reservation(1, 4)), changes(2).save(reservation(1, 6))];
    assert_eq!(hope(&skips, &Rows::default()).unwrap_err(), NeedsFullReads);
}

#[test]
fn a_guard_is_left_to_find_its_version_unless_the_batch_knows_it() {
    let guard = |n, version| changes(n).guard(&reservation(1, version));
    let guards = |batch: &[ChangeSet]| hope(batch, &Rows::default()).unwrap().writes.guards;
    assert_eq!(guards(&[guard(1, 4), guard(2, 4)]), [(reference(1), 4)]);
    let save = changes(3).save(reservation(1, 4));
    assert_eq!(guards(&[guard(1, 4), save.clone()]), [], "the save finds it");
    assert_eq!(guards(&[save.clone(), guard(2, 5)]), [], "saved before");
    assert_eq!(guards(&[guard(1, 3), save]), [(reference(1), 3)], "the save finds another");
    let mut rows = Rows::default();
    rows.versions.insert(reference(1), 4);
    assert_eq!(hope(&[guard(1, 4)], &rows).unwrap().writes.guards, [], "read under its lock");
    assert!(hope(&[guard(1, 3)], &rows).is_err());
}

#[test]
fn a_sale_is_left_to_find_its_claim() {
    let sell = changes(1).sell(performance(1), seats(&[7]), owner(1));
    let decision = hope(std::slice::from_ref(&sell), &Rows::default()).unwrap();
    let [update] = decision.writes.claims_updated[..] else { panic!() };
    assert_eq!((update.from, update.to), (pending_of(1), sold_to(1)));
    let mut rows = Rows::default();
    rows.claims.insert((performance(1), SeatNo(7)), pending_of(2));
    assert!(hope(std::slice::from_ref(&sell), &rows).is_err(), "what was read counts");
    let release = changes(2).release(performance(1), seats(&[7]), of(1));
    assert!(hope(&[release], &Rows::default()).unwrap().writes.claims_deleted.is_empty());
}

#[test]
fn a_receipt_is_left_to_be_open_under_the_same_request() {
    let fill = changes(1).fill_receipt(receipt_key(1), fingerprint(1), response("a"));
    let decision = hope(std::slice::from_ref(&fill), &Rows::default()).unwrap();
    let [write] = &decision.writes.receipts[..] else { panic!() };
    assert!(write.fills && write.receipt.fingerprint == fingerprint(1));
    let again = changes(2).fill_receipt(receipt_key(1), fingerprint(1), response("b"));
    assert!(hope(&[fill, again], &Rows::default()).is_err());
}

#[test]
fn places_that_are_given_back_are_read() {
    let give_back = changes(1).give_back(user(2), show(), 1, owner(2));
    let mut rows = Rows::default();
    rows.allowances.insert((user(2), show()), vec![(0, owner(2))]);
    let decision = hope(&[give_back], &rows).unwrap();
    assert_eq!(decision.writes.allowances_deleted.len(), 1);
}
