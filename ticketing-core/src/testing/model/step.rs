//! What a run does, as small numbers: each means something whatever happened before it, so that a
//! sequence that lost some of its steps is still one.

use std::fmt;

/// How many performances, seats of each, shows and users there are: few, so that they meet often.
pub(super) const PERFORMANCES: usize = 3;
pub(super) const SEATS: u32 = 12;
pub(super) const SHOWS: usize = 2;
pub(super) const USERS: usize = 4;

/// One of the things of a kind that were committed, counted from the newest; `stale` means as it was
/// before its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) back: usize,
    pub(super) stale: bool,
}

/// Who owns claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Of(Pick),
    House,
}

/// What happens to seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeatChange {
    Claim(Owner),
    Sell(Pick),
    Release(Owner),
    Vacant,
}

/// What sellers make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Venue,
    Show,
    Performance,
}

/// What may be read without being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guarded {
    Made(Made),
    Reservation,
    Checkout,
    Payment,
    Refund,
    Ticket,
}

/// What a receipt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Begin,
    Answer,
    Fill,
}

/// A part of a change set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A new reservation with its claims and places.
    Reserve {
        user: usize,
        performance: usize,
        seats: Vec<u32>,
        limit: u16,
    },
    /// A reservation goes on, by the first command from this one on that it takes, with what a use case
    /// writes along.
    Change {
        of: Pick,
        command: usize,
    },
    /// A checkout of a reservation begins.
    Checkout {
        of: Pick,
    },
    /// A checkout goes on, by the first reply from this one on that it takes.
    Reply {
        of: Pick,
        reply: usize,
    },
    /// A payment of a reservation is created.
    Pay {
        of: Pick,
    },
    /// A payment goes on: it is sent, then its money comes in.
    Settle {
        of: Pick,
    },
    /// A refund of a payment is requested, which saves both.
    Refund {
        of: Pick,
    },
    /// A refund is sent, then done.
    SendBack {
        of: Pick,
    },
    /// A performance is of the newest show.
    Create(Made),
    /// One that was made is changed.
    Manage(Made, Pick),
    /// Somebody enters with a ticket.
    Admit {
        of: Pick,
    },
    /// Of the performance whose seats the change set already changes, if it does.
    Seats {
        performance: usize,
        seats: Vec<u32>,
        change: SeatChange,
    },
    /// The house takes the seats of a reservation, if they are free, and the reservation is as it was seen.
    TakeOver {
        of: Pick,
    },
    Take {
        by: Pick,
        count: u16,
        limit: u16,
    },
    GiveBack {
        of: Pick,
        count: u16,
    },
    TopUp {
        user: usize,
        amount: i64,
    },
    /// Points are set aside, to be resolved.
    SetAside {
        user: usize,
        amount: i64,
        by: Pick,
    },
    /// What was set aside goes back.
    PointsBack {
        of: Pick,
    },
    /// An entry that is booked is posted again.
    PostAgain {
        of: Pick,
    },
    Guard {
        what: Guarded,
        of: Pick,
    },
    Message {
        n: u32,
    },
    Receipt {
        key: u32,
        request: u8,
        call: Call,
    },
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Commit(Vec<Part>),
    /// The change set of an earlier step is sent again.
    SendAgain {
        step: u32,
    },
    /// What is kept of the steps before this one is dropped.
    Purge {
        before: u32,
    },
}

/// A step with its number, from which its ids and its time come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) number: u32,
    pub(super) action: Action,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.number)?;
        match &self.action {
            Action::Commit(parts) => {
                for (place, part) in parts.iter().enumerate() {
                    write!(f, "{}{part:?}", if place > 0 { " + " } else { "" })?;
                }
                Ok(())
            }
            Action::SendAgain { step } => write!(f, "send step {step} again"),
            Action::Purge { before } => write!(f, "purge what is from before step {before}"),
        }
    }
}
