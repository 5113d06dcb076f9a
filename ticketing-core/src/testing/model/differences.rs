//! What a store holds, compared with what the model says it must hold.

use super::dump::{self, Dump, Rows};
use super::store::{ModelStore, claim_text};
use crate::aggregate::{AggregateKind, AggregateRef, Version};
use crate::error::PortError;
use crate::id::{EntryId, PerformanceId, ReservationId, ShowId, UserId};
use crate::ledger::AccountKey;
use crate::port::Inspect;
use crate::seat::{Claim, SeatNo};

/// The most texts: a store that differs in more is wrong enough.
const TEXTS_MAX: usize = 20;

impl ModelStore {
    /// Reads a whole store, in which nothing may be written meanwhile, and says where it differs from
    /// the model: claims, places, entries, resolutions, balances, versions and event counts, at most
    /// 20 texts. Each names what it is about by its ids. None means that they are the same.
    ///
    /// Of the places of a user it counts those of each reservation and leaves out their numbers: where a
    /// place is given back while another is taken, either may come first for all that a caller sees.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn differences(&self, inspect: &dyn Inspect) -> Result<Vec<String>, PortError> {
        // A list at a time: a whole dump is a copy of the store.
        let mut found = Differences(Vec::new());
        self.compare_claims(&dump::claims(inspect).await?, &mut found);
        self.compare_counts_of_places(&dump::places(inspect).await?, &mut found);
        self.compare_entries(&dump::entries(inspect).await?, &mut found);
        self.compare_resolutions(&dump::resolutions(inspect).await?, &mut found);
        self.compare_balances(&dump::balances(inspect).await?, &mut found);
        self.compare_versions(&dump::versions(inspect).await?, &mut found);
        self.compare_recorded(&dump::recorded(inspect).await?, &mut found);
        Ok(found.0)
    }

    pub(super) fn differences_from(&self, stored: &Dump) -> Vec<String> {
        let mut found = Differences(Vec::new());
        self.compare_claims(&stored.claims, &mut found);
        self.compare_counts_of_places(&stored.places, &mut found);
        self.compare_entries(&stored.entries, &mut found);
        self.compare_resolutions(&stored.resolutions, &mut found);
        self.compare_balances(&stored.balances, &mut found);
        self.compare_versions(&stored.versions, &mut found);
        self.compare_recorded(&stored.recorded, &mut found);
        found.0
    }

    /// Where the numbers of places differ, which they cannot if one change set came after another.
    pub(super) fn differences_of_places(&self, stored: &Dump) -> Vec<String> {
        let mut found = Differences(Vec::new());
        let (places, name) =
            (self.rows_of_places(), |(user, show, slot): &(UserId, ShowId, u16)| {
                format!("place {slot} of user {user} in show {show}")
            });
        found.compare(places, &stored.places, name, |of| format!("reservation {of}"));
        found.0
    }

    fn rows_of_places(&self) -> Rows<(UserId, ShowId, u16), ReservationId> {
        let rows = self.places.iter().flat_map(|(&(user, show), places)| {
            places.iter().map(move |&(slot, of)| ((user, show, slot), of))
        });
        rows.collect()
    }

    fn compare_claims(
        &self,
        stored: &Rows<(PerformanceId, SeatNo), Claim>,
        found: &mut Differences,
    ) {
        found.compare(
            self.claims.iter().map(|(seat, claim)| (*seat, *claim)).collect(),
            stored,
            |(performance, seat)| format!("seat {seat} of performance {performance}"),
            |claim| claim_text(Some(*claim)),
        );
    }

    fn compare_counts_of_places(
        &self,
        stored: &Rows<(UserId, ShowId, u16), ReservationId>,
        found: &mut Differences,
    ) {
        let repeated = stored.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        for ((user, show, slot), _) in repeated.map(|pair| pair[1]) {
            let name = format!("place {slot} of user {user} in show {show}");
            found.add(|| (name, "it once".to_owned(), "it twice".to_owned()));
        }
        found.compare(
            counted(&self.rows_of_places()),
            &counted(stored),
            |(user, show, of)| format!("reservation {of} of user {user} in show {show}"),
            |count| format!("{count} places"),
        );
    }

    fn compare_entries(&self, stored: &Rows<EntryId, ()>, found: &mut Differences) {
        found.compare(
            self.entries.iter().map(|id| (*id, ())).collect(),
            stored,
            |id| format!("entry {id}"),
            |()| "booked".to_owned(),
        );
    }

    fn compare_resolutions(&self, stored: &Rows<EntryId, EntryId>, found: &mut Differences) {
        found.compare(
            self.resolutions.iter().map(|(pending, by)| (*pending, *by)).collect(),
            stored,
            |pending| format!("entry {pending}"),
            |by| format!("resolved by {by}"),
        );
    }

    fn compare_balances(&self, stored: &Rows<AccountKey, i128>, found: &mut Differences) {
        found.compare(
            self.balances.iter().map(|(account, amount)| (*account, (*amount).into())).collect(),
            stored,
            |account| format!("{account}"),
            |amount| format!("{amount} minor units"),
        );
    }

    fn compare_versions(&self, stored: &Rows<AggregateRef, Version>, found: &mut Differences) {
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
    }

    fn compare_recorded(&self, stored: &Rows<AggregateRef, u64>, found: &mut Differences) {
        found.compare(
            self.aggregates.iter().map(|(of, counted)| (*of, counted.recorded)).collect(),
            stored,
            |of| format!("{of}"),
            |recorded| format!("{recorded} events"),
        );
    }
}

/// How many places each reservation has.
fn counted(
    places: &Rows<(UserId, ShowId, u16), ReservationId>,
) -> Rows<(UserId, ShowId, ReservationId), u32> {
    let mut rows: Rows<_, u32> =
        places.iter().map(|((user, show, _), of)| ((*user, *show, *of), 1)).collect();
    rows.sort_unstable();
    rows.dedup_by(|next, sum| {
        let same = next.0 == sum.0;
        sum.1 += u32::from(same);
        same
    });
    rows
}

struct Differences(Vec<String>);

impl Differences {
    /// Goes through both lists in the order of their keys.
    fn compare<K: Ord, V: PartialEq>(
        &mut self,
        mut expected: Rows<K, V>,
        stored: &Rows<K, V>,
        name: impl Fn(&K) -> String,
        text: impl Fn(&V) -> String,
    ) {
        expected.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut expected = expected.into_iter().peekable();
        for (key, got) in stored {
            while let Some((missing, value)) = expected.next_if(|(known, _)| known < key) {
                self.add(|| (name(&missing), text(&value), "nothing".to_owned()));
            }
            match expected.next_if(|(known, _)| known == key) {
                Some((_, value)) if value == *got => {}
                Some((_, value)) => self.add(|| (name(key), text(&value), text(got))),
                None => self.add(|| (name(key), "nothing more".to_owned(), text(got))),
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
