//! The same purchase as it is written by hand: one transaction per step, which locks what it changes.

mod steps;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use ticketing_core::port::IdGenerator;
use uuid::Uuid;

use crate::Failed;
use crate::link::{Link, Links};
use crate::measure::Side;
use crate::report::progress;
use crate::sample::Sample;
use crate::server::{Kind, Server};

/// How often a transaction is made again that the database chose as a victim.
const TRIES_MAX: u32 = 10;
/// Seats that one statement makes.
const SEATS_AT_ONCE: u32 = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balance {
    /// The seller's balance is kept in a row, as most would.
    Row,
    /// Nobody keeps it; it is summed up when asked for.
    Summed,
}

pub(crate) struct Textbook {
    name: String,
    links: Links,
    balance: Balance,
    sample: Arc<Sample>,
    ids: Arc<dyn IdGenerator>,
    /// For each step the statement that writes its events.
    tell: Vec<String>,
    /// The statement that writes the postings of the last.
    post: String,
    performance: Uuid,
    show: Uuid,
    seller: Uuid,
    next: AtomicU32,
    stocked: AtomicU32,
}

impl Textbook {
    /// With a database of its own.
    pub(crate) async fn open(
        server: &Server,
        sample: &Arc<Sample>,
        balance: Balance,
        sessions: usize,
    ) -> Result<Self, Failed> {
        let what = if balance == Balance::Row { "" } else { ", no balance row" };
        let name = format!("textbook{what}, sessions: {sessions}");
        let url = server.create(&database(balance, sessions)).await?;
        let ids = crate::shop::memory().ids;
        let (performance, show, seller) = (ids.next_id(), ids.next_id(), ids.next_id());
        let mut session = Link::open(&url).await?;
        let schema = if server.kind == Kind::Sqlite {
            include_str!("sqlite.sql")
        } else {
            include_str!("mysql.sql")
        };
        session.plain(schema).await?;
        let seller_row = format!("INSERT INTO balance VALUES ({}, 0)", hex(seller));
        session.plain(&seller_row).await?;
        let tell = sample.steps.iter().map(|step| steps::tell(step.events.len())).collect();
        let entries = sample.steps.iter().filter_map(|step| step.entry.as_ref());
        let post = steps::post(entries.map(|entry| entry.lines.len()).sum());
        let links = Links::open(&url, sessions).await?;
        let sample = Arc::clone(sample);
        let (next, stocked) = (AtomicU32::new(0), AtomicU32::new(0));
        Ok(Self {
            name,
            links,
            balance,
            sample,
            ids,
            tell,
            post,
            performance,
            show,
            seller,
            next,
            stocked,
        })
    }

    pub(crate) async fn drop(
        server: &Server,
        balance: Balance,
        sessions: usize,
    ) -> Result<(), Failed> {
        server.drop(&database(balance, sessions)).await
    }
}

fn database(balance: Balance, sessions: usize) -> String {
    let kind = if balance == Balance::Row { "row" } else { "summed" };
    format!("textbook_{kind}_{sessions}")
}

fn hex(id: Uuid) -> String {
    format!("x'{}'", id.simple())
}

#[async_trait]
impl Side for Textbook {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn stock(&self, calls: u32) -> Result<(), Failed> {
        let wanted = self.next.load(Ordering::Relaxed).saturating_add(calls);
        let mut lent = self.links.take().await?;
        while self.stocked.load(Ordering::Relaxed) < wanted {
            let from = self.stocked.fetch_add(SEATS_AT_ONCE, Ordering::Relaxed);
            let id = hex(self.performance);
            let seats = from..from + SEATS_AT_ONCE;
            let rows: Vec<String> = seats.map(|seat| format!("({id}, {seat}, 0, NULL)")).collect();
            let sql = format!("INSERT INTO seat VALUES {}", rows.join(", "));
            lent.link().plain(&sql).await?;
        }
        Ok(())
    }

    async fn call(&self) -> Result<bool, Failed> {
        let seat = self.next.fetch_add(1, Ordering::Relaxed);
        if seat >= self.stocked.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let purchase = steps::Purchase::new(self, seat);
        for step in 0..self.sample.steps.len() {
            let mut tries = 0;
            loop {
                tries += 1;
                let mut lent = self.links.take().await?;
                let link = lent.link();
                let Err(error) = purchase.step(link, step).await else { break };
                // Fails where the statement was a transaction of its own.
                drop(link.plain("ROLLBACK").await);
                if tries == TRIES_MAX || !is_victim(&error) {
                    return Err(error);
                }
                progress(&format!("{}: again, for {error}", self.name));
            }
        }
        Ok(true)
    }
}

/// A deadlock, or a lock that was waited for too long.
fn is_victim(error: &Failed) -> bool {
    let driver = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    driver.is_some_and(|error| matches!(error.code().as_deref(), Some("40001" | "HY000" | "5")))
}
