//! A change set as a line of text: its writes in words, without the content of what it saves.

use std::fmt::{self, Formatter};

use super::Shown;
use crate::change_set::{
    AllowanceChange, AllowanceOp, ChangeSet, ClaimChange, ClaimOp, ReceiptChange, ReceiptOp, Save,
};
use crate::seat::{ClaimOwner, Seats};

/// How many seats of a claim are named.
const SEATS_MAX: usize = 16;

/// `change set 0192..: save reservation 0192.. v1 pending (reservation.made); claim seats 4,5 of 0193.. for ..`
pub(super) fn changes(changes: &ChangeSet, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "change set {}", changes.id)?;
    let mut clauses = Clauses { f, before: ": " };
    for saved in &changes.saves {
        let reference = saved.record.aggregate().reference();
        let mut names = changes.events.iter().filter(|event| event.aggregate == reference);
        match names.next() {
            None => clauses.add(format_args!("{}", Shown(saved)))?,
            Some(first) => {
                clauses.add(format_args!("{} ({}", Shown(saved), first.name))?;
                names.try_for_each(|event| write!(clauses.f, ", {}", event.name))?;
                clauses.f.write_str(")")?;
            }
        }
    }
    for claim in &changes.claims {
        clauses.add(format_args!("{}", Shown(claim)))?;
    }
    for allowance in &changes.allowances {
        clauses.add(format_args!("{}", Shown(allowance)))?;
    }
    for entry in &changes.entries {
        clauses.add(format_args!("post {}", Shown(entry)))?;
    }
    for (reference, version) in &changes.guards {
        clauses.add(format_args!("guard {reference} v{version}"))?;
    }
    if let Some(receipt) = &changes.receipt {
        clauses.add(format_args!("{}", Shown(receipt)))?;
    }
    if let Some(message) = &changes.message {
        clauses.add(format_args!("caused by {message}"))?;
    }
    if changes.settles_money {
        clauses.add(format_args!("settles money"))?;
    }
    if let Some(flaw) = &changes.flaw {
        clauses.add(format_args!("not valid: {flaw}"))?;
    }
    Ok(())
}

/// Puts a separator before each part.
struct Clauses<'a, 'b> {
    f: &'a mut Formatter<'b>,
    before: &'static str,
}

impl Clauses<'_, '_> {
    fn add(&mut self, clause: fmt::Arguments<'_>) -> fmt::Result {
        self.f.write_str(self.before)?;
        self.before = "; ";
        self.f.write_fmt(clause)
    }
}

pub(super) fn save(save: &Save, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "save {}", Shown(&save.record))
}

pub(super) fn claim(claim: &ClaimOp, f: &mut Formatter<'_>) -> fmt::Result {
    let seats = SeatList(&claim.seats);
    let performance = claim.performance;
    match claim.change {
        ClaimChange::Claim(owner) => {
            write!(f, "claim {seats} of {performance} for {}", Owner(owner))
        }
        ClaimChange::Sell(reservation) => {
            write!(f, "sell {seats} of {performance} to reservation {reservation}")
        }
        ClaimChange::Release(owner) => {
            write!(f, "release {seats} of {performance} from {}", Owner(owner))
        }
        ClaimChange::Vacant => write!(f, "demand {seats} of {performance} vacant"),
    }
}

pub(super) fn allowance(op: &AllowanceOp, f: &mut Formatter<'_>) -> fmt::Result {
    let AllowanceOp { user, show, count, .. } = op;
    match op.change {
        AllowanceChange::Take { limit } => {
            write!(f, "allow {count} of {limit} in show {show} to {user}")
        }
        AllowanceChange::GiveBack => write!(f, "give back {count} in show {show} of {user}"),
    }
}

/// Without the answer: it is the caller's.
pub(super) fn receipt(op: &ReceiptOp, f: &mut Formatter<'_>) -> fmt::Result {
    let what = match op.change {
        ReceiptChange::Begin => "begin receipt",
        ReceiptChange::Answer(_) => "receipt",
        ReceiptChange::Fill(_) => "fill receipt",
    };
    write!(f, "{what} {}/{}", op.key.operation, op.key.key)
}

struct Owner(ClaimOwner);

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            ClaimOwner::Reservation(reservation) => write!(f, "reservation {reservation}"),
            ClaimOwner::House => f.write_str("the house"),
        }
    }
}

struct SeatList<'a>(&'a Seats);

impl fmt::Display for SeatList<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seats = self.0;
        f.write_str(if seats.len() == 1 { "seat " } else { "seats " })?;
        for (at, seat) in seats.iter().take(SEATS_MAX).enumerate() {
            let before = if at == 0 { "" } else { "," };
            write!(f, "{before}{seat}")?;
        }
        if seats.len() > SEATS_MAX {
            write!(f, " and {} more", seats.len() - SEATS_MAX)?;
        }
        Ok(())
    }
}
