//! The transactions of one purchase: reserve, checkout with its payment, intent, outcome.

use ticketing_core::aggregate::AggregateKind;
use ticketing_core::memory::SystemClock;
use ticketing_core::port::Clock;
use uuid::Uuid;

use super::{Balance, Textbook};
use crate::Failed;
use crate::link::{Bound, Link};
use crate::sample::Step;

/// What a user may have of one show.
const ALLOWED: i64 = 1;
const PENDING: i64 = 1;
const SOLD: i64 = 2;
const FINGERPRINT: [u8; 32] = [7; 32];

/// A read that locks, as each dialect has it; SQLite has one writer anyway.
macro_rules! locking {
    ($sql:literal) => {
        [concat!($sql, " FOR UPDATE"), $sql]
    };
}

const SEAT: [&str; 2] = locking!("SELECT status FROM seat WHERE performance = ? AND seat = ?");
const USED: &str = "SELECT COUNT(*) FROM allowance WHERE user_id = ? AND show_id = ?";
const TAKE_SEAT: &str =
    "UPDATE seat SET status = ?, reservation = ? WHERE performance = ? AND seat = ?";
const RESERVE: &str = "INSERT INTO reservation (id, version, user_id, live_in, due_at, body) VALUES (?, 1, ?, ?, ?, ?)";
const ALLOW: &str =
    "INSERT INTO allowance (user_id, show_id, slot, reservation) VALUES (?, ?, 0, ?)";
const RECEIPT: &str = "INSERT INTO receipt (caller, operation, client_key, fingerprint, answer, created_at) \
    VALUES (?, ?, ?, ?, ?, ?)";
const RESERVATION: [&str; 2] = locking!("SELECT version, body FROM reservation WHERE id = ?");
const SAVE_RESERVATION: &str =
    "UPDATE reservation SET version = version + 1, due_at = ?, body = ? WHERE id = ?";
const CHECKOUT: &str =
    "INSERT INTO checkout (id, version, reservation, live_since, body) VALUES (?, 1, ?, ?, ?)";
const PAYMENT: &str = "INSERT INTO payment (id, version, reservation, unsettled_since, body) VALUES (?, 1, ?, NULL, ?)";
const PAID: [&str; 2] = locking!(
    "SELECT p.version, p.body, r.version, r.body FROM payment p JOIN reservation r ON r.id = p.reservation \
     WHERE p.id = ?"
);
const SAVE_PAYMENT: &str =
    "UPDATE payment SET version = version + 1, unsettled_since = ?, body = ? WHERE id = ?";
const TICKET: &str =
    "INSERT INTO ticket (id, reservation, seat, user_id, body) VALUES (?, ?, ?, ?, ?)";
const ENTRY: &str = "INSERT INTO entry (id, booked_at, body) VALUES (?, ?, ?)";
const BALANCE: [&str; 2] = locking!("SELECT amount FROM balance WHERE seller = ?");
const SAVE_BALANCE: &str = "UPDATE balance SET amount = ? WHERE seller = ?";
const ANSWER: &str =
    "UPDATE receipt SET answer = ? WHERE caller = ? AND operation = ? AND client_key = ?";

/// Writes so many events.
pub(super) fn tell(events: usize) -> String {
    let rows = vec!["(?, ?, ?, ?, ?, ?)"; events].join(", ");
    format!(
        "INSERT INTO outbox (stream, aggregate, number, name, occurred_at, payload) VALUES {rows}"
    )
}

/// Writes so many lines of an entry.
pub(super) fn post(lines: usize) -> String {
    let rows = vec!["(?, ?, ?, ?)"; lines].join(", ");
    format!("INSERT INTO posting (account, owner, entry, amount) VALUES {rows}")
}

pub(super) struct Purchase<'a> {
    side: &'a Textbook,
    seat: i64,
    user: Uuid,
    reservation: Uuid,
    checkout: Uuid,
    payment: Uuid,
    ticket: Uuid,
    entry: Uuid,
    keys: [String; 3],
    now: i64,
}

impl<'a> Purchase<'a> {
    pub(super) fn new(side: &'a Textbook, seat: u32) -> Self {
        let id = || side.ids.next_id();
        let key = || id().to_string();
        Self {
            side,
            seat: i64::from(seat),
            user: id(),
            reservation: id(),
            checkout: id(),
            payment: id(),
            ticket: id(),
            entry: id(),
            keys: [key(), key(), key()],
            now: SystemClock.now().timestamp_micros(),
        }
    }

    /// One transaction.
    pub(super) async fn step(&self, link: &mut Link, step: usize) -> Result<(), Failed> {
        let of = &self.side.sample.steps[step];
        link.begin().await?;
        match step {
            0 => self.reserve(link, of).await?,
            1 => self.check_out(link, of).await?,
            2 => self.intend(link, of).await?,
            3 => self.settle(link, of).await?,
            _ => return Err("expected four steps".into()),
        }
        self.tell(link, of, &self.side.tell[step]).await?;
        // A seller's row is held as short as can be: from here to the COMMIT.
        if let (Balance::Row, Some(entry)) = (self.side.balance, &of.entry) {
            let seller = Bound::Id(self.side.seller);
            let has = number(link, BALANCE, &[seller]).await?;
            let gets: i64 = entry.lines.iter().filter(|(own, _)| *own).map(|(_, sum)| sum).sum();
            link.run(SAVE_BALANCE, &[Bound::Int(has + gets), seller]).await?;
        }
        Ok(link.plain("COMMIT").await?)
    }

    async fn reserve(&self, link: &mut Link, of: &Step) -> Result<(), Failed> {
        let (user, reservation) = (Bound::Id(self.user), Bound::Id(self.reservation));
        let (performance, show) = (Bound::Id(self.side.performance), Bound::Id(self.side.show));
        let seat = Bound::Int(self.seat);
        if number(link, SEAT, &[performance, seat]).await? != 0 {
            return Err("the seat is taken".into());
        }
        let places = link.number(USED, &[user, show]).await?;
        if places.is_none_or(|places| places >= ALLOWED) {
            return Err("the user has enough".into());
        }
        let taken = [Bound::Int(PENDING), reservation, performance, seat];
        link.run(TAKE_SEAT, &taken).await?;
        let body = Bound::Text(of.body(AggregateKind::Reservation));
        let due_at = Bound::Int(self.now + 600_000_000);
        link.run(RESERVE, &[reservation, user, performance, due_at, body]).await?;
        link.run(ALLOW, &[user, show, reservation]).await?;
        self.keep(link, 0, Some(&self.side.sample.answers[0])).await
    }

    async fn check_out(&self, link: &mut Link, of: &Step) -> Result<(), Failed> {
        let reservation = Bound::Id(self.reservation);
        number(link, RESERVATION, &[reservation]).await?;
        self.save_reservation(link, of, true).await?;
        let body = Bound::Text(of.body(AggregateKind::Checkout));
        // It has ended already: nobody has to drive it on.
        let live_since = Bound::Null;
        link.run(CHECKOUT, &[Bound::Id(self.checkout), reservation, live_since, body]).await?;
        let body = Bound::Text(of.body(AggregateKind::Payment));
        link.run(PAYMENT, &[Bound::Id(self.payment), reservation, body]).await?;
        self.keep(link, 1, Some(&self.side.sample.answers[1])).await
    }

    async fn intend(&self, link: &mut Link, of: &Step) -> Result<(), Failed> {
        number(link, PAID, &[Bound::Id(self.payment)]).await?;
        self.save_payment(link, of, Bound::Int(self.now)).await?;
        self.keep(link, 2, None).await
    }

    async fn settle(&self, link: &mut Link, of: &Step) -> Result<(), Failed> {
        let (reservation, seat) = (Bound::Id(self.reservation), Bound::Int(self.seat));
        number(link, PAID, &[Bound::Id(self.payment)]).await?;
        self.save_payment(link, of, Bound::Null).await?;
        self.save_reservation(link, of, false).await?;
        let performance = Bound::Id(self.side.performance);
        link.run(TAKE_SEAT, &[Bound::Int(SOLD), reservation, performance, seat]).await?;
        let body = Bound::Text(of.body(AggregateKind::Ticket));
        let ticket = [Bound::Id(self.ticket), reservation, seat, Bound::Id(self.user), body];
        link.run(TICKET, &ticket).await?;
        let entry = of.entry.as_ref().ok_or("expected an entry of the outcome")?;
        let id = Bound::Id(self.entry);
        link.run(ENTRY, &[id, Bound::Int(self.now), Bound::Text(&entry.body)]).await?;
        let mut lines = Vec::with_capacity(entry.lines.len() * 4);
        for (account, (own, amount)) in (1..).zip(&entry.lines) {
            let owner = if *own { self.side.seller } else { Uuid::nil() };
            lines.extend([Bound::Int(account), Bound::Id(owner), id, Bound::Int(*amount)]);
        }
        link.run(&self.side.post, &lines).await?;
        let answer = Bound::Text(&self.side.sample.answers[2]);
        let (caller, operation) = (Bound::Id(self.user), Bound::Text(OPERATIONS[2]));
        link.run(ANSWER, &[answer, caller, operation, Bound::Text(&self.keys[2])]).await?;
        Ok(())
    }

    async fn save_reservation(
        &self,
        link: &mut Link,
        of: &Step,
        is_due: bool,
    ) -> Result<(), Failed> {
        let due_at = if is_due { Bound::Int(self.now + 900_000_000) } else { Bound::Null };
        let body = Bound::Text(of.body(AggregateKind::Reservation));
        let values = [due_at, body, Bound::Id(self.reservation)];
        link.run(SAVE_RESERVATION, &values).await?;
        Ok(())
    }

    async fn save_payment(
        &self,
        link: &mut Link,
        of: &Step,
        unsettled_since: Bound<'_>,
    ) -> Result<(), Failed> {
        let body = Bound::Text(of.body(AggregateKind::Payment));
        let values = [unsettled_since, body, Bound::Id(self.payment)];
        link.run(SAVE_PAYMENT, &values).await?;
        Ok(())
    }

    /// The receipt of a call, with its answer once there is one.
    async fn keep(&self, link: &mut Link, call: usize, answer: Option<&str>) -> Result<(), Failed> {
        let values = [
            Bound::Id(self.user),
            Bound::Text(OPERATIONS[call]),
            Bound::Text(&self.keys[call]),
            Bound::Bytes(&FINGERPRINT),
            answer.map_or(Bound::Null, Bound::Text),
            Bound::Int(self.now),
        ];
        link.run(RECEIPT, &values).await?;
        Ok(())
    }

    async fn tell(&self, link: &mut Link, of: &Step, sql: &str) -> Result<(), Failed> {
        let mut values = Vec::with_capacity(of.events.len() * 6);
        for event in &of.events {
            let aggregate = match event.aggregate {
                AggregateKind::Reservation => self.reservation,
                AggregateKind::Checkout => self.checkout,
                AggregateKind::Payment => self.payment,
                AggregateKind::Ticket => self.ticket,
                AggregateKind::Entry => self.entry,
                other => return Err(format!("a purchase tells nothing of a {other}").into()),
            };
            values.extend([
                Bound::Id(self.reservation),
                Bound::Id(aggregate),
                Bound::Int(event.number),
                Bound::Text(event.name),
                Bound::Int(self.now),
                Bound::Text(&event.payload),
            ]);
        }
        if !values.is_empty() {
            link.run(sql, &values).await?;
        }
        Ok(())
    }
}

const OPERATIONS: [&str; 3] = ["reserve", "checkout", "confirm"];

async fn number(
    link: &mut Link,
    sql: [&'static str; 2],
    values: &[Bound<'_>],
) -> Result<i64, Failed> {
    let found = link.number(link.choose(sql), values).await?;
    found.ok_or_else(|| "a row is not there".into())
}
