//! What a user has of a show is what the user's reservations have.

use rustc_hash::FxHashSet;

use super::report::Invariant;
use super::snapshot::Snapshot;

/// A reservation has as many places as seats: then the places of a user in a show are those of all the
/// user's reservations in it.
pub(super) fn check(all: &Snapshot) -> Invariant {
    let mut found = Invariant::new("allowances");
    let mut taken = FxHashSet::default();
    let mut having = vec![0; all.sales.len()];
    for row in &all.places {
        let (user, show, slot, id) = (row.user, row.show, row.slot, row.reservation);
        let first = taken.insert((user, show, slot));
        found.look(first, || format!("place {slot} of user {user} in show {show}: taken twice"));
        let sale = all.sales.get(&id);
        let fits = sale.is_some_and(|sale| sale.user == user && sale.show == show);
        found.must(fits, || {
            format!("place {slot} of user {user} in show {show}: {id} is no reservation of it")
        });
        if let Some(place) = all.sales.place(&id) {
            having[place] += 1;
        }
    }
    for (sale, having) in all.sales.iter().zip(having) {
        found.look(having == sale.seats.len(), || {
            let (id, state, must) = (sale.id, sale.state, sale.seats.len());
            format!("reservation {id} is {state}: expected {must} places, got {having}")
        });
    }
    found
}
