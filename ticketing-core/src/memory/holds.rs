use std::array;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::lock;
use crate::error::{Fault, PortError};
use crate::id::{HoldToken, PerformanceId, UserId};
use crate::page::{Cursor, Page, PageRequest};
use crate::port::{Held, HeldSeat, HoldChange, HoldOutcome, HoldRequest, SeatHolds};
use crate::seat::{SeatBits, SeatNo, Seats};

const SHARDS: usize = 64;
const SECTION: u32 = 128;
/// Fewer new holds than this never make a shard look for dead sections.
const SWEEP_MIN: usize = 4_096;

/// Holds in this process. A call locks one of 64 shards, chosen by the performance; deadlines are
/// looked at when a seat is, so nothing runs in between. Memory is bounded by the seats that are held
/// at the same time, plus those that ended since the shard was last swept: at most as many again.
#[derive(Debug)]
pub struct MemoryHolds {
    shards: Box<[Mutex<Shard>]>,
}

/// A section is an array, so that the seats of one hold share one look-up.
type Section = Box<[Option<Hold>; SECTION as usize]>;

#[derive(Debug, Default)]
struct Shard {
    performances: FxHashMap<PerformanceId, Sections>,
    held_since_sweep: usize,
    live_at_sweep: usize,
}

#[derive(Debug, Default)]
struct Sections(BTreeMap<u32, Section>);

#[derive(Clone, Copy, Debug)]
struct Hold {
    token: HoldToken,
    holder: UserId,
    expires_at: DateTime<Utc>,
    /// How many seats the hold has, so that a part of it is told from the whole.
    seats: u32,
}

impl Hold {
    fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at > now
    }
}

impl Default for MemoryHolds {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryHolds {
    /// Nothing held.
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Forgets every hold, as a cache that was restarted does.
    pub fn lose_all(&self) {
        for shard in &self.shards {
            *lock(shard) = Shard::default();
        }
    }

    /// Forgets the holds of one performance.
    pub fn lose(&self, performance: PerformanceId) {
        lock(self.shard(performance)).performances.remove(&performance);
    }

    fn shard(&self, performance: PerformanceId) -> &Mutex<Shard> {
        let hash = FxBuildHasher.hash_one(performance);
        let index = usize::try_from(hash >> 32).unwrap_or(0) % SHARDS;
        &self.shards[index]
    }
}

impl Shard {
    /// Drops what has ended, once as many seats were held anew as were live the last time: each hold
    /// pays for a constant part of it.
    fn sweep_if_due(&mut self, seats: usize, now: DateTime<Utc>) {
        self.held_since_sweep += seats;
        if self.held_since_sweep <= self.live_at_sweep.max(SWEEP_MIN) {
            return;
        }
        let mut live = 0;
        self.performances.retain(|_, held| {
            held.0.retain(|_, section| {
                let here = section.iter().flatten().filter(|hold| hold.is_live(now)).count();
                live += here;
                here > 0
            });
            !held.0.is_empty()
        });
        self.live_at_sweep = live;
        self.held_since_sweep = 0;
    }
}

impl Sections {
    fn get(&self, seat: SeatNo) -> Option<&Hold> {
        self.0.get(&(seat.0 / SECTION))?[(seat.0 % SECTION) as usize].as_ref()
    }

    fn slot(&mut self, seat: SeatNo) -> &mut Option<Hold> {
        let section =
            self.0.entry(seat.0 / SECTION).or_insert_with(|| Box::new(array::from_fn(|_| None)));
        &mut section[(seat.0 % SECTION) as usize]
    }

    /// Every hold of a seat from `from` on, in the order of seats.
    fn iter_from(&self, from: SeatNo) -> impl Iterator<Item = (SeatNo, &Hold)> {
        self.0
            .range(from.0 / SECTION..)
            .flat_map(|(&section, holds)| {
                let seats = (0..SECTION).map(move |index| SeatNo(section * SECTION + index));
                seats.zip(holds.iter()).filter_map(|(seat, hold)| Some((seat, hold.as_ref()?)))
            })
            .skip_while(move |(seat, _)| *seat < from)
    }

    /// The hold that has exactly these seats and belongs to `holder`.
    fn same(&self, seats: &Seats, holder: UserId, now: DateTime<Utc>) -> Option<Held> {
        let first = self.get(seats.as_slice()[0])?;
        let mut expires_at = first.expires_at;
        for seat in seats.iter() {
            let hold = self.get(seat)?;
            let same = hold.token == first.token && hold.holder == holder && hold.is_live(now);
            if !same || hold.seats as usize != seats.len() {
                return None;
            }
            expires_at = expires_at.min(hold.expires_at);
        }
        Some(Held { token: first.token, expires_at })
    }

    fn hold(&mut self, request: &HoldRequest, now: DateTime<Utc>) -> HoldOutcome {
        let is_live = |hold: Option<&Hold>| hold.is_some_and(|hold| hold.is_live(now));
        if request.seats.iter().any(|seat| is_live(self.get(seat))) {
            if let Some(held) = self.same(&request.seats, request.holder, now) {
                return HoldOutcome::Held(held);
            }
            let taken = request.seats.iter().filter(|&seat| is_live(self.get(seat)));
            let taken = Seats::new(taken).expect("a part of a list of seats that is not empty");
            return HoldOutcome::Taken(taken);
        }
        let hold = Hold {
            token: request.token,
            holder: request.holder,
            expires_at: request.expires_at,
            seats: u32::try_from(request.seats.len()).unwrap_or(u32::MAX),
        };
        for seat in request.seats.iter() {
            *self.slot(seat) = Some(hold);
        }
        HoldOutcome::Held(Held { token: hold.token, expires_at: hold.expires_at })
    }

    fn release(&mut self, seats: &Seats, token: HoldToken) -> usize {
        let mut released = 0;
        let mut left = 0;
        for seat in seats.iter() {
            let Some(section) = self.0.get_mut(&(seat.0 / SECTION)) else { continue };
            let slot = &mut section[(seat.0 % SECTION) as usize];
            if let Some(hold) = slot.take_if(|hold| hold.token == token) {
                released += 1;
                left = hold.seats;
            }
        }
        left = left.saturating_sub(released);
        if left > 0 {
            let rest = self.0.values_mut().flat_map(|section| section.iter_mut().flatten());
            rest.filter(|hold| hold.token == token).for_each(|hold| hold.seats = left);
        }
        released as usize
    }
}

#[async_trait]
impl SeatHolds for MemoryHolds {
    async fn hold(
        &self,
        request: HoldRequest,
        now: DateTime<Utc>,
    ) -> Result<HoldOutcome, PortError> {
        let mut shard = lock(self.shard(request.performance));
        let outcome =
            shard.performances.entry(request.performance).or_default().hold(&request, now);
        shard.sweep_if_due(request.seats.len(), now);
        Ok(outcome)
    }

    async fn extend(
        &self,
        performance: PerformanceId,
        seats: Seats,
        token: HoldToken,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<HoldChange, PortError> {
        let mut shard = lock(self.shard(performance));
        let Some(held) = shard.performances.get_mut(&performance) else {
            return Ok(HoldChange::Lost);
        };
        let is_ours = |hold: &Hold| hold.token == token && hold.is_live(now);
        if !seats.iter().all(|seat| held.get(seat).is_some_and(is_ours)) {
            return Ok(HoldChange::Lost);
        }
        for seat in seats.iter() {
            if let Some(hold) = held.slot(seat) {
                hold.expires_at = expires_at;
            }
        }
        Ok(HoldChange::Done)
    }

    async fn release(
        &self,
        performance: PerformanceId,
        seats: Seats,
        token: HoldToken,
    ) -> Result<usize, PortError> {
        let mut shard = lock(self.shard(performance));
        let held = shard.performances.get_mut(&performance);
        Ok(held.map_or(0, |held| held.release(&seats, token)))
    }

    async fn held(
        &self,
        performance: PerformanceId,
        capacity: u32,
        now: DateTime<Utc>,
    ) -> Result<SeatBits, PortError> {
        let mut bits = SeatBits::new(capacity);
        let shard = lock(self.shard(performance));
        if let Some(held) = shard.performances.get(&performance) {
            let live = held.iter_from(SeatNo(0)).filter(|(_, hold)| hold.is_live(now));
            live.for_each(|(seat, _)| bits.insert(seat));
        }
        Ok(bits)
    }

    async fn ending_after(
        &self,
        performance: PerformanceId,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<HeldSeat>, PortError> {
        let bad =
            |error| PortError::new("holds", "list of held seats", Fault::Permanent).because(error);
        let after = page.after.map(|cursor| cursor.key::<SeatNo>()).transpose().map_err(bad)?;
        let from = after.map_or(SeatNo(0), |seat| SeatNo(seat.0.saturating_add(1)));
        let shard = lock(self.shard(performance));
        let Some(held) = shard.performances.get(&performance) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let mut rest = held.iter_from(from).filter(|(_, hold)| hold.is_live(until));
        let items: Vec<HeldSeat> = rest
            .by_ref()
            .take(page.limit.get())
            .map(|(seat, hold)| HeldSeat {
                seat,
                token: hold.token,
                holder: hold.holder,
                expires_at: hold.expires_at,
            })
            .collect();
        let next = rest.next().and(items.last()).map(|last| Cursor::after(&last.seat));
        Ok(Page { items, next })
    }
}
