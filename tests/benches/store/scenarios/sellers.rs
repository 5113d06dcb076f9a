//! One seller under all buyers: what everybody books to one account costs.

use std::sync::Arc;

use async_trait::async_trait;
use ticketing_core::allocation::SeatShare;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, EntryId, PaymentId, SellerId};
use ticketing_core::ledger::{Booking, JournalEntry, PaidSeats};
use ticketing_core::money::BasisPoints;

use crate::link::{Bound as Value, Link, Links};
use crate::measure::{Side, Turns, in_turns, median_rate};
use crate::report::{Bound, Report};
use crate::server::Kind;
use crate::town::{Halls, Town};
use crate::{Bench, Failed};

const BUYERS: usize = 256;
const TASKS: usize = 64;

pub(crate) async fn run(bench: &Bench, report: &mut Report) -> Result<(), Failed> {
    report.title("one seller under all buyers");
    let (server, args) = (&bench.server, &bench.args);
    let one = Town::build(
        &server.create("one_seller").await?,
        "one seller",
        Halls::ONE,
        &bench.args.options(),
    )
    .await?;
    let many = Town::build(
        &server.create("sellers").await?,
        "1,000 sellers",
        Halls::MANY,
        &bench.args.options(),
    )
    .await?;
    let (one, many) = (Arc::new(one), Arc::new(many));
    let sides: [Arc<dyn Side>; 2] = [Arc::clone(&one) as _, Arc::clone(&many) as _];
    let turns = Turns { tasks: BUYERS, rounds: args.rounds, lasts: args.lasts };
    let came = in_turns(server, &sides, turns).await?;
    for (side, came) in sides.iter().zip(&came) {
        let name = format!("{BUYERS} buyers, {}", side.name());
        report.figure(&name, median_rate(came), "/s", Bound::None);
    }
    let cost = median_rate(&came[1]) / median_rate(&came[0]);
    report.figure("what one seller costs", cost, "x", Bound::AtMost(1.1));
    many.close().await?;

    let naive = Naive::open(&server.create("naive").await?, server.kind).await?;
    let booker = Booker {
        town: Arc::clone(&one),
        shares: bench.sample.shares.clone(),
        seller: SellerId::generate(&*one.ports.ids),
    };
    let sides: [Arc<dyn Side>; 2] = [Arc::new(booker), Arc::new(naive)];
    let turns = Turns { tasks: TASKS, ..turns };
    let came = in_turns(server, &sides, turns).await?;
    for (side, came) in sides.iter().zip(&came) {
        let name = format!("{TASKS} at once, {}", side.name());
        report.figure(&name, median_rate(came), "/s", Bound::None);
    }
    let ratio = median_rate(&came[0]) / median_rate(&came[1]);
    report.figure("against the hot row", ratio, "x", Bound::at_least(20.0));
    one.close().await?;
    drop((sides, one, many));
    for name in ["one_seller", "sellers", "naive"] {
        server.drop(name).await?;
    }
    Ok(())
}

/// Books one purchase after another to one seller: a change set with its entry, postings and event.
struct Booker {
    town: Arc<Town>,
    shares: Vec<SeatShare>,
    seller: SellerId,
}

#[async_trait]
impl Side for Booker {
    fn name(&self) -> String {
        "ours, an entry with its postings and event".to_owned()
    }

    async fn stock(&self, _: u32) -> Result<(), Failed> {
        Ok(())
    }

    async fn call(&self) -> Result<bool, Failed> {
        let ports = &self.town.ports;
        let now = ports.clock.now();
        let booking = Booking { id: EntryId::generate(&*ports.ids), at: now };
        let seats = PaidSeats {
            payment: PaymentId::generate(&*ports.ids),
            seller: self.seller,
            rate: BasisPoints::percent(3),
            lines: &self.shares,
        };
        let entry = JournalEntry::purchase(booking, &seats, None)?;
        let entry = entry.ok_or("expected an entry of a purchase")?;
        let changes = ChangeSet::new(ChangeSetId::generate(&*ports.ids), now).post(entry);
        let _ = ports.store.commit(changes).await?;
        Ok(true)
    }
}

/// Adds to one row, and nothing else.
struct Naive {
    links: Links,
}

impl Naive {
    async fn open(url: &str, kind: Kind) -> Result<Self, Failed> {
        let mut link = Link::open(url).await?;
        let engine = if kind == Kind::Sqlite { "" } else { " ENGINE=InnoDB" };
        let table = format!(
            "CREATE TABLE balance (seller INTEGER PRIMARY KEY, amount BIGINT NOT NULL){engine}"
        );
        link.plain(&table).await?;
        link.plain("INSERT INTO balance VALUES (1, 0)").await?;
        Ok(Self { links: Links::open(url, TASKS).await? })
    }
}

#[async_trait]
impl Side for Naive {
    fn name(&self) -> String {
        "UPDATE of a hot row".to_owned()
    }

    async fn stock(&self, _: u32) -> Result<(), Failed> {
        Ok(())
    }

    async fn call(&self) -> Result<bool, Failed> {
        let mut lent = self.links.take().await?;
        let sql = "UPDATE balance SET amount = amount + ? WHERE seller = ?";
        lent.link().run(sql, &[Value::Int(9_700), Value::Int(1)]).await?;
        Ok(true)
    }
}
