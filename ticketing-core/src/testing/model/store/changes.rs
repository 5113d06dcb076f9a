//! What is taken as it is looked at: seats, places, money.

use super::{Checked, ModelStore, Place, Seat, Undo, claim_text, owner_text, refuse, unsound};
use crate::change_set::{AllowanceChange, AllowanceOp, ChangeSet, ClaimChange};
use crate::ledger::AccountKey;
use crate::port::CommitError;
use crate::seat::{Claim, ClaimOwner, ClaimStatus, SeatNo, Seats};

impl ModelStore {
    /// Changes claims and places, and says what stands in the way of it.
    pub(super) fn change(&mut self, changes: &ChangeSet, undo: &mut Undo) -> Checked {
        self.change_claims(changes, undo)?;
        for op in &changes.allowances {
            let pair = (op.user, op.show);
            let mut places = self.places.get(&pair).cloned().unwrap_or_default();
            match op.change {
                AllowanceChange::Take { limit } => take_places(&mut places, op, limit)?,
                AllowanceChange::GiveBack => give_back_places(&mut places, op),
            }
            undo.places.push((pair, self.set_places(pair, places)));
        }
        Ok(())
    }

    fn change_claims(&mut self, changes: &ChangeSet, undo: &mut Undo) -> Checked {
        let mut taken: Vec<(Seat, Option<Claim>, ClaimChange)> = Vec::new();
        for op in &changes.claims {
            for seat in op.seats.iter().map(|seat| (op.performance, seat)) {
                let before = self.claims.get(&seat).copied();
                let is_free = before.is_none();
                let is_of = |owner| before.is_some_and(|claim| claim.owner == owner);
                let (may, after) = match op.change {
                    ClaimChange::Claim(owner @ ClaimOwner::Reservation(_)) => {
                        (is_free, Some(Claim { owner, status: ClaimStatus::Pending }))
                    }
                    ClaimChange::Claim(owner @ ClaimOwner::House) => {
                        (is_free, Some(Claim { owner, status: ClaimStatus::House }))
                    }
                    ClaimChange::Sell(reservation) => {
                        let owner = ClaimOwner::Reservation(reservation);
                        (is_of(owner), Some(Claim { owner, status: ClaimStatus::Sold }))
                    }
                    ClaimChange::Release(owner) if is_of(owner) => (true, None),
                    ClaimChange::Release(_) => (true, before),
                    ClaimChange::Vacant => (is_free, None),
                };
                if may {
                    undo.claims.push((seat, self.set_claim(seat, after)));
                } else {
                    taken.push((seat, before, op.change));
                }
            }
        }
        let Some(&((performance, seat), claim, wanted)) = taken.first() else { return Ok(()) };
        let mut seats: Vec<SeatNo> = taken
            .iter()
            .filter(|((of, _), ..)| *of == performance)
            .map(|((_, seat), ..)| *seat)
            .collect();
        seats.sort_unstable();
        seats.dedup();
        seats.truncate(Seats::MAX);
        let text = format_args!(
            "seat {seat} of performance {performance} is {}, asked to {}",
            claim_text(claim),
            wanted_text(wanted)
        );
        match Seats::new(seats) {
            Ok(seats) => refuse(CommitError::SeatTaken(seats), text),
            Err(_) => unsound(text),
        }
    }

    /// Books all entries, or none: a wallet is looked at after all of them.
    pub(super) fn post(&mut self, changes: &ChangeSet) -> Checked {
        let mut sums: Vec<(AccountKey, i128)> = Vec::with_capacity(4);
        for (account, amount) in changes.entries.iter().flat_map(|entry| entry.lines()) {
            match sums.iter_mut().find(|(known, _)| *known == account) {
                Some((_, sum)) => *sum += i128::from(amount),
                None => sums.push((account, amount.into())),
            }
        }
        let after = |(account, sum): &(AccountKey, i128)| i128::from(self.balance(*account)) + sum;
        let poor = |moved: &&(AccountKey, i128)| {
            moved.0.account.is_checked() && moved.1 < 0 && after(moved) < 0
        };
        if let Some(moved) = sums.iter().find(poor) {
            let text = format_args!("{} would stand at {}", moved.0, after(moved));
            return refuse(CommitError::InsufficientFunds(moved.0), text);
        }
        if let Some(moved) = sums.iter().find(|moved| i64::try_from(after(moved)).is_err()) {
            return unsound(format_args!("{} would stand at {}", moved.0, after(moved)));
        }
        for (account, sum) in sums {
            let balance = i128::from(self.balance(account)) + sum;
            match i64::try_from(balance) {
                Ok(0) | Err(_) => drop(self.balances.remove(&account)),
                Ok(balance) => drop(self.balances.insert(account, balance)),
            }
        }
        Ok(())
    }
}

/// The lowest free places below the limit.
fn take_places(places: &mut Vec<Place>, op: &AllowanceOp, limit: u16) -> Checked {
    let AllowanceOp { user, show, reservation, count, .. } = *op;
    let is_free = |slot: &u16| places.iter().all(|(taken, _)| taken != slot);
    let free: Vec<u16> = (0..limit).filter(is_free).take(count.into()).collect();
    if free.len() < usize::from(count) {
        let used = places.len();
        let text = format_args!(
            "user {user} has {used} places in show {show} and wants {count} more of {limit}"
        );
        return refuse(CommitError::AllowanceExceeded { limit }, text);
    }
    places.extend(free.into_iter().map(|slot| (slot, reservation)));
    places.sort_unstable();
    Ok(())
}

/// The highest places of the reservation.
fn give_back_places(places: &mut Vec<Place>, op: &AllowanceOp) {
    for _ in 0..op.count {
        let Some(highest) = places.iter().rposition(|(_, of)| *of == op.reservation) else {
            return;
        };
        places.remove(highest);
    }
}

fn wanted_text(wanted: ClaimChange) -> String {
    match wanted {
        ClaimChange::Claim(owner) => format!("claim it for {}", owner_text(owner)),
        ClaimChange::Sell(reservation) => format!("sell it to reservation {reservation}"),
        ClaimChange::Release(owner) => format!("release it for {}", owner_text(owner)),
        ClaimChange::Vacant => "find it vacant".to_owned(),
    }
}
