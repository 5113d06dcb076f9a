//! What a store holds, compared with what the model says it must hold.

use std::future::Future;

use super::store::{ModelStore, claim_text};
use crate::aggregate::{Aggregate, AggregateKind};
use crate::error::{Fault, PortError};
use crate::id::EntryId;
use crate::page::{Limit, Page, PageRequest};
use crate::port::Inspect;

/// The most texts: a store that differs in more is wrong enough.
const TEXTS_MAX: usize = 20;
/// The most pages of one list: a list that goes on is one that never ends.
const PAGES_MAX: usize = 10_000_000;
const PAGE: Limit = match Limit::new(Limit::MAX) {
    Ok(limit) => limit,
    Err(_) => Limit::DEFAULT,
};

impl ModelStore {
    /// Reads a whole store, in which nothing may be written meanwhile, and says where it differs from
    /// the model: claims, places, entries, resolutions, balances, versions and event counts, at most
    /// 20 texts. Each names what it is about by its ids. None means that they are the same.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn differences(&self, inspect: &dyn Inspect) -> Result<Vec<String>, PortError> {
        let mut found = Differences(Vec::new());
        self.compare_seats(inspect, &mut found).await?;
        self.compare_books(inspect, &mut found).await?;
        self.compare_aggregates(inspect, &mut found).await?;
        Ok(found.0)
    }

    async fn compare_seats(
        &self,
        inspect: &dyn Inspect,
        found: &mut Differences,
    ) -> Result<(), PortError> {
        let stored =
            all(|page| inspect.claims(page), |row| ((row.performance, row.seat), row.claim));
        found.compare(
            self.claims.iter().map(|(seat, claim)| (*seat, *claim)).collect(),
            stored.await?,
            |(performance, seat)| format!("seat {seat} of performance {performance}"),
            |claim| claim_text(Some(*claim)),
        );
        let places = self.places.iter().flat_map(|(&(user, show), places)| {
            places.iter().map(move |&(slot, of)| ((user, show, slot), of))
        });
        let stored = all(
            |page| inspect.allowances(page),
            |row| ((row.user, row.show, row.slot), row.reservation),
        );
        found.compare(
            places.collect(),
            stored.await?,
            |(user, show, slot)| format!("place {slot} of user {user} in show {show}"),
            |reservation| format!("reservation {reservation}"),
        );
        Ok(())
    }

    async fn compare_books(
        &self,
        inspect: &dyn Inspect,
        found: &mut Differences,
    ) -> Result<(), PortError> {
        let stored = all(|page| inspect.entries(page), |entry| (entry.id(), ()));
        found.compare(
            self.entries.iter().map(|id| (*id, ())).collect(),
            stored.await?,
            |id| format!("entry {id}"),
            |()| "booked".to_owned(),
        );
        let stored = all(|page| inspect.resolutions(page), |row: (EntryId, EntryId)| row);
        found.compare(
            self.resolutions.iter().map(|(pending, by)| (*pending, *by)).collect(),
            stored.await?,
            |pending| format!("entry {pending}"),
            |by| format!("resolved by {by}"),
        );
        let mut stored =
            all(|page| inspect.balances(page), |row| (row.account, i128::from(row.amount))).await?;
        // An account may have several rows, and one of zero says what no row says.
        stored.sort_unstable();
        stored.dedup_by(|next, sum| {
            let same = next.0 == sum.0;
            sum.1 += if same { next.1 } else { 0 };
            same
        });
        stored.retain(|(_, amount)| *amount != 0);
        found.compare(
            self.balances.iter().map(|(account, amount)| (*account, (*amount).into())).collect(),
            stored,
            |account| format!("{account}"),
            |amount| format!("{amount} minor units"),
        );
        Ok(())
    }

    async fn compare_aggregates(
        &self,
        inspect: &dyn Inspect,
        found: &mut Differences,
    ) -> Result<(), PortError> {
        fn version(of: &dyn Aggregate) -> (crate::aggregate::AggregateRef, u64) {
            (of.reference(), of.root().version())
        }
        let mut stored = all(|page| inspect.performances(page), |row| version(&*row)).await?;
        stored.extend(all(|page| inspect.reservations(page), |row| version(&row)).await?);
        stored.extend(all(|page| inspect.checkouts(page), |row| version(&row)).await?);
        stored.extend(all(|page| inspect.payments(page), |row| version(&row)).await?);
        stored.extend(all(|page| inspect.refunds(page), |row| version(&row)).await?);
        stored.extend(all(|page| inspect.tickets(page), |row| version(&row)).await?);
        let listed = self.aggregates.iter().filter(|(of, _)| match of.kind {
            AggregateKind::Performance
            | AggregateKind::Reservation
            | AggregateKind::Checkout
            | AggregateKind::Payment
            | AggregateKind::Refund
            | AggregateKind::Ticket => true,
            AggregateKind::Venue | AggregateKind::Show | AggregateKind::Entry => false,
        });
        found.compare(
            listed.map(|(of, counted)| (*of, counted.version)).collect(),
            stored,
            |of| format!("{of}"),
            |version| format!("version {version}"),
        );
        let stored = all(|page| inspect.event_counts(page), |row| (row.aggregate, row.recorded));
        found.compare(
            self.aggregates.iter().map(|(of, counted)| (*of, counted.recorded)).collect(),
            stored.await?,
            |of| format!("{of}"),
            |recorded| format!("{recorded} events"),
        );
        Ok(())
    }
}

struct Differences(Vec<String>);

impl Differences {
    /// Goes through both lists in the order of their keys.
    fn compare<K: Ord, V: PartialEq>(
        &mut self,
        mut expected: Vec<(K, V)>,
        mut stored: Vec<(K, V)>,
        name: impl Fn(&K) -> String,
        text: impl Fn(&V) -> String,
    ) {
        expected.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        stored.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut expected = expected.into_iter().peekable();
        for (key, got) in stored {
            while let Some((missing, value)) = expected.next_if(|(known, _)| *known < key) {
                self.add(|| (name(&missing), text(&value), "nothing".to_owned()));
            }
            match expected.next_if(|(known, _)| *known == key) {
                Some((_, value)) if value == got => {}
                Some((_, value)) => self.add(|| (name(&key), text(&value), text(&got))),
                None => self.add(|| (name(&key), "nothing more".to_owned(), text(&got))),
            }
        }
        for (missing, value) in expected {
            self.add(|| (name(&missing), text(&value), "nothing".to_owned()));
        }
    }

    fn add(&mut self, difference: impl FnOnce() -> (String, String, String)) {
        if self.0.len() < TEXTS_MAX {
            let (name, expected, got) = difference();
            self.0.push(format!("{name}: expected {expected}, the store has {got}"));
        }
    }
}

/// What `item` makes of every row of a list.
async fn all<T, U, F>(
    list: impl Fn(PageRequest) -> F + Send,
    item: impl Fn(T) -> U + Send,
) -> Result<Vec<U>, PortError>
where
    T: Send,
    U: Send,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    let mut items = Vec::new();
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = list(PageRequest::next(after, PAGE)).await?;
        items.extend(page.items.into_iter().map(&item));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(items),
        }
    }
    Err(PortError::new("inspect", "list", Fault::Permanent).because("the list has no end"))
}
