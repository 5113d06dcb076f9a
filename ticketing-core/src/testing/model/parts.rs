//! From a step to the change set that it sends, as the world is.

use chrono::{DateTime, TimeDelta, Utc};

use super::step::{Action, Call, Owner, Part, Pick, SeatChange, Step};
use super::world::{World, label, loaded};
use crate::aggregate::Applied;
use crate::change_set::{ChangeSet, Fingerprint, Response};
use crate::checkout::{Checkout, Reply, TenderChoice};
use crate::id::{ChangeSetId, CheckoutId, EntryId, HoldToken, PaymentId, ReservationId, TicketId};
use crate::ledger::{Account, Booking, JournalEntry};
use crate::policy::Deadlines;
use crate::reservation::{
    CancelReason, EndCause, NewReservation, Reservation, ReservationRefusal, SeatLine,
};
use crate::seat::{ClaimOwner, SeatNo, Seats};
use crate::testing::sample::won;
use crate::ticket::Ticket;

/// What a reservation is told to do.
#[derive(Clone, Copy)]
enum Command {
    BeginCheckout,
    StartPayment,
    Confirm,
    GiveUp,
    EndPayment,
    EndCheckout,
    Cancel,
    Expire,
}

const COMMANDS: [Command; 8] = [
    Command::StartPayment,
    Command::Confirm,
    Command::GiveUp,
    Command::BeginCheckout,
    Command::EndPayment,
    Command::EndCheckout,
    Command::Cancel,
    Command::Expire,
];

/// The attempts that a reservation of these runs has.
const ATTEMPTS_MAX: u16 = 1_000;

impl World {
    /// The change set of a step; `None` if it sends none.
    pub(super) fn change_set(&self, step: &Step) -> Option<ChangeSet> {
        match &step.action {
            Action::SendAgain { step } => self.sent(*step).cloned(),
            Action::Purge { .. } => None,
            Action::Commit(parts) => {
                let id = ChangeSetId::from_uuid(self.id(step.number, 0));
                let mut writing =
                    Writing { world: self, number: step.number, at: self.at(step.number), ids: 0 };
                let empty = ChangeSet::new(id, writing.at);
                Some(parts.iter().fold(empty, |changes, part| writing.add(changes, part)))
            }
        }
    }
}

/// A change set in the making.
pub(super) struct Writing<'a> {
    pub(super) world: &'a World,
    number: u32,
    pub(super) at: DateTime<Utc>,
    ids: u8,
}

impl Writing<'_> {
    pub(super) fn id(&mut self) -> uuid::Uuid {
        self.ids += 1;
        self.world.id(self.number, self.ids)
    }

    /// A part that means nothing in this world adds nothing.
    fn add(&mut self, changes: ChangeSet, part: &Part) -> ChangeSet {
        self.try_add(changes.clone(), part).unwrap_or(changes)
    }

    fn try_add(&mut self, changes: ChangeSet, part: &Part) -> Option<ChangeSet> {
        let world = self.world;
        Some(match part {
            Part::Reserve { user, performance, seats, limit } => {
                self.reserve(changes, (*user, *performance), seats, *limit)
            }
            Part::Change { of, command } => self.change(changes, world.reservation(*of)?, *command),
            Part::Checkout { of } => {
                let id = CheckoutId::from_uuid(self.id());
                let reservation = world.reservation(*of)?;
                let choice = TenderChoice { points: won(0), method: None, refund_account: None };
                let (of, user) = (reservation.id(), reservation.user());
                changes.save(Checkout::start(id, of, user, choice, self.at).0)
            }
            Part::Reply { of, reply } => self.reply(changes, world.checkout(*of)?.clone(), *reply),
            Part::Admit { of } => {
                let mut ticket = world.ticket(*of)?.clone();
                // One that was used is saved as it is.
                let _ = ticket.admit(label("gate"), self.at);
                changes.save(ticket)
            }
            Part::Seats { performance, seats, change } => {
                let seats = Seats::new(seats.iter().copied().map(SeatNo)).ok()?;
                let performance = changes.performance().unwrap_or(world.performances[*performance]);
                match *change {
                    SeatChange::Claim(owner) => {
                        changes.claim(performance, seats, self.owner(owner))
                    }
                    SeatChange::Sell(of) => changes.sell(performance, seats, world.owner(of)),
                    SeatChange::Release(owner) => {
                        changes.release(performance, seats, self.owner(owner))
                    }
                    SeatChange::Vacant => changes.vacant(performance, seats),
                }
            }
            Part::TakeOver { of } => {
                let of = world.reservation(*of)?;
                changes.claim(of.performance(), of.seats(), ClaimOwner::House).guard(of)
            }
            Part::Take { by, count, limit } => {
                let by = world.reservation(*by)?;
                changes.allow(by.user(), by.show(), *count, *limit, by.id())
            }
            Part::GiveBack { of, count } => {
                let of = world.reservation(*of)?;
                changes.give_back(of.user(), of.show(), *count, of.id())
            }
            Part::TopUp { user, amount } => {
                let entry = JournalEntry::top_up(self.booking(), world.users[*user], won(*amount));
                changes.post(entry.ok()?)
            }
            Part::SetAside { user, amount, by } => {
                changes.post(self.set_aside(*user, *amount, *by)?)
            }
            Part::PointsBack { of } => changes.post(self.points_back(world.set_aside(*of)?)?),
            Part::PostAgain { of } => changes.post(world.entry(*of)?.clone()),
            Part::Guard { what, of } => changes.guard(world.guarded(*what, *of)?),
            Part::Pay { of } => self.pay(changes, world.reservation(*of)?)?,
            Part::Settle { of } => self.settle(changes, loaded(&world.payments, *of)?.clone()),
            Part::Refund { of } => self.refund(changes, loaded(&world.payments, *of)?.clone())?,
            Part::SendBack { of } => self.send_back(changes, loaded(&world.refunds, *of)?.clone()),
            Part::Create(made) => self.create(changes, *made)?,
            Part::Manage(made, of) => self.manage(changes, *made, *of)?,
            Part::Message { n } => changes.caused_by(World::message(*n)),
            Part::Receipt { key, request, call } => {
                let (key, print) = (world.receipt_key(*key), Fingerprint([*request; 32]));
                let answer = Response::of(&self.number).ok()?;
                match call {
                    Call::Begin => changes.begin_receipt(key, print),
                    Call::Answer => changes.receipt(key, print, answer),
                    Call::Fill => changes.fill_receipt(key, print, answer),
                }
            }
        })
    }

    fn owner(&self, owner: Owner) -> ClaimOwner {
        match owner {
            Owner::House => ClaimOwner::House,
            Owner::Of(pick) => ClaimOwner::Reservation(self.world.owner(pick)),
        }
    }

    fn booking(&mut self) -> Booking {
        Booking { id: EntryId::from_uuid(self.id()), at: self.at }
    }

    fn reserve(
        &mut self,
        changes: ChangeSet,
        (user, performance): (usize, usize),
        seats: &[u32],
        limit: u16,
    ) -> ChangeSet {
        let world = self.world;
        let line =
            |seat: &u32| SeatLine { seat: SeatNo(*seat), grade: label("R"), price: won(50_000) };
        let new = NewReservation {
            id: ReservationId::from_uuid(self.id()),
            performance: world.performances[performance],
            show: world.show_of(performance),
            starts_at: world.at(0) + TimeDelta::days(30),
            user: world.users[user],
            lines: seats.iter().map(line).collect(),
            hold: HoldToken::from_uuid(self.id()),
        };
        let made = Reservation::make(new, &Deadlines::default(), self.at);
        let made = made.expect("prices that add up");
        let (id, count) = (made.id(), made.seat_count());
        let (user, show, seats) = (made.user(), made.show(), made.seats());
        changes
            .save(made)
            .claim(world.performances[performance], seats, ClaimOwner::Reservation(id))
            .allow(user, show, count, limit, id)
    }

    /// The first command that the reservation takes, or a save of it as it is.
    fn change(&mut self, changes: ChangeSet, loaded: &Reservation, first: usize) -> ChangeSet {
        for command in COMMANDS.into_iter().cycle().skip(first).take(COMMANDS.len()) {
            let mut next = loaded.clone();
            if let Ok(Applied::Now) = self.obey(&mut next, command) {
                return self.written_along(changes.save(next.clone()), &next, command);
            }
        }
        changes.save(loaded.clone())
    }

    fn obey(
        &mut self,
        of: &mut Reservation,
        command: Command,
    ) -> Result<Applied, ReservationRefusal> {
        let at = self.at;
        let current = of.payment().unwrap_or(PaymentId::from_uuid(self.id()));
        match command {
            Command::BeginCheckout => {
                of.begin_checkout(CheckoutId::from_uuid(self.id()), ATTEMPTS_MAX, at)
            }
            Command::EndCheckout => {
                let current = of.checkout().unwrap_or(CheckoutId::from_uuid(self.id()));
                Ok(of.end_checkout(current))
            }
            Command::StartPayment => {
                of.start_payment(PaymentId::from_uuid(self.id()), &Deadlines::default(), at)
            }
            Command::EndPayment => Ok(of.end_payment(current)),
            Command::Confirm => of.confirm(current, at),
            Command::Cancel => of.cancel(CancelReason::Buyer, false, at),
            Command::Expire => of.expire(false, at),
            Command::GiveUp => match of.live_seats().cloned() {
                Some(live) => of.give_up(&live, EndCause::Reversal(current), at),
                None => Ok(Applied::Already),
            },
        }
    }

    /// What a use case writes with such a change.
    fn written_along(
        &mut self,
        changes: ChangeSet,
        after: &Reservation,
        command: Command,
    ) -> ChangeSet {
        let (performance, seats) = (after.performance(), after.seats());
        match command {
            Command::Confirm => {
                let tickets: Vec<Ticket> = seats
                    .iter()
                    .map(|seat| Ticket::issue(TicketId::from_uuid(self.id()), after, seat, self.at))
                    .collect();
                let sold = changes.sell(performance, seats, after.id());
                tickets.into_iter().fold(sold, ChangeSet::save)
            }
            Command::GiveUp | Command::Cancel | Command::Expire => {
                let (user, show, count) = (after.user(), after.show(), after.seat_count());
                changes.release(performance, seats, ClaimOwner::Reservation(after.id())).give_back(
                    user,
                    show,
                    count,
                    after.id(),
                )
            }
            Command::BeginCheckout
            | Command::StartPayment
            | Command::EndPayment
            | Command::EndCheckout => changes,
        }
    }

    /// The first reply that the checkout takes, or a save of it as it is.
    fn reply(&mut self, changes: ChangeSet, checkout: Checkout, first: usize) -> ChangeSet {
        let replies = [
            Reply::UserActive,
            Reply::PointsReserved(None),
            Reply::FraudClear,
            Reply::PaymentCreated(PaymentId::from_uuid(self.id())),
            Reply::PointsBack,
            Reply::UserRefused,
            Reply::PaymentDeleted,
            Reply::FraudSuspected,
        ];
        let len = replies.len();
        for reply in replies.into_iter().cycle().skip(first).take(len) {
            let mut moved = checkout.clone();
            if moved.handle(reply, self.at).is_ok() {
                return changes.save(moved);
            }
        }
        changes.save(checkout)
    }

    fn set_aside(&mut self, user: usize, amount: i64, by: Pick) -> Option<JournalEntry> {
        let (by, user) = (self.world.owner(by), self.world.users[user]);
        JournalEntry::points_reserved(self.booking(), by, user, won(amount)).ok()
    }

    fn points_back(&mut self, pending: &JournalEntry) -> Option<JournalEntry> {
        let taken = pending.postings().iter().find_map(|posting| match posting.account {
            Account::Wallet(user) => Some((user, -posting.amount)),
            _ => None,
        });
        let (user, amount) = taken?;
        let (booking, by) = (self.booking(), self.world.owner(Pick { back: 0, stale: false }));
        JournalEntry::points_given_back(booking, pending.id(), by, user, won(amount)).ok()
    }
}
