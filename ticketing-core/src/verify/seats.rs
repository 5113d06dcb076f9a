//! A seat has one owner: claims and reservations agree, row by row.

use rustc_hash::FxHashSet;

use super::report::Invariant;
use super::snapshot::{Snapshot, Standing};
use crate::port::ClaimRow;
use crate::seat::{ClaimOwner, ClaimStatus};

pub(super) fn check(all: &Snapshot) -> Invariant {
    let mut found = Invariant::new("seats_with_two_owners");
    let mut owned = FxHashSet::default();
    for sale in all.sales.iter() {
        for &seat in &sale.seats {
            let first = owned.insert((sale.performance, seat));
            found.look(first, || {
                let (performance, id) = (sale.performance, sale.id);
                format!("seat {seat} of performance {performance}: reservation {id} is not alone")
            });
        }
    }
    let mut claimed = FxHashSet::default();
    let mut having = vec![0; all.sales.len()];
    for row in &all.claims {
        let first = claimed.insert((row.performance, row.seat));
        found.look(first, || format!("{}: claimed twice", name(row)));
        claim(all, row, &mut having, &mut found);
    }
    for (sale, having) in all.sales.iter().zip(having) {
        found.look(having == sale.seats.len(), || {
            let (id, state, must) = (sale.id, sale.state, sale.seats.len());
            format!("reservation {id} is {state}: expected claims on {must} seats, got {having}")
        });
    }
    found
}

fn name(row: &ClaimRow) -> String {
    format!("seat {} of performance {}", row.seat, row.performance)
}

/// One claim, held against its owner.
fn claim(all: &Snapshot, row: &ClaimRow, having: &mut [usize], found: &mut Invariant) {
    let exists = all.halls.get(&row.performance).is_some_and(|hall| row.seat.0 < hall.capacity);
    found.must(exists, || format!("{}: there is no such seat", name(row)));
    let status = row.claim.status;
    let id = match row.claim.owner {
        ClaimOwner::House => {
            let fits = status == ClaimStatus::House;
            found.must(fits, || format!("{}: the house's claim is {status:?}", name(row)));
            return;
        }
        ClaimOwner::Reservation(id) => id,
    };
    let (Some(sale), Some(place)) = (all.sales.get(&id), all.sales.place(&id)) else {
        found.must(false, || format!("{}: owned by {id}, which is not there", name(row)));
        return;
    };
    let expected = match sale.standing {
        Standing::Pending => Some(ClaimStatus::Pending),
        Standing::Confirmed { .. } => Some(ClaimStatus::Sold),
        Standing::Ended => None,
    };
    if sale.performance != row.performance || !sale.owns(row.seat) {
        found.must(false, || {
            format!("{}: owned by reservation {id}, {} without that seat", name(row), sale.state)
        });
        return;
    }
    found.must(expected == Some(status), || {
        format!("{}: {status:?}, but reservation {id} is {}", name(row), sale.state)
    });
    having[place] += 1;
}
