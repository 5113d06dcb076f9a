//! A hold that outlasts what a buyer may take has a claim behind it.

use rustc_hash::FxHashSet;

use super::options::VerifyOptions;
use super::report::Invariant;
use super::snapshot::Snapshot;

pub(super) fn check(all: &Snapshot, options: &VerifyOptions) -> Invariant {
    let mut found = Invariant::new("holds_leaked");
    let Some(holds) = &options.holds else { return found };
    let claimed: FxHashSet<_> = all.claims.iter().map(|row| (row.performance, row.seat)).collect();
    for (performance, held) in holds {
        let longest = all.halls.get(performance).map(|hall| hall.deadlines.hold_longest());
        for hold in held {
            let short = longest.is_some_and(|longest| hold.expires_at <= options.now + longest);
            let fine = short || claimed.contains(&(*performance, hold.seat));
            found.look(fine, || {
                let (seat, until) = (hold.seat, hold.expires_at);
                format!("seat {seat} of performance {performance}: held until {until}, unclaimed")
            });
        }
    }
    found
}
