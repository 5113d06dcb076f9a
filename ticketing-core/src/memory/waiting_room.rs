use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::{SeededRandom, lock};
use crate::error::{Fault, PortError};
use crate::id::{AdmissionId, PerformanceId, UserId};
use crate::port::{Entered, Joined, LineRules, LineState, Random, Standing, WaitingRoom};

const SHARDS: usize = 16;

/// Lines in this process. A line is one counter of numbers given and one of numbers called: calling
/// touches no user, and a user's standing is one look-up. Admissions end when the line is next looked
/// at. A line keeps one small entry per user who came.
#[derive(Debug)]
pub struct MemoryWaitingRoom {
    shards: Box<[Mutex<FxHashMap<PerformanceId, Line>>]>,
}

#[derive(Debug)]
struct Line {
    rules: LineRules,
    users: FxHashMap<UserId, Place>,
    /// Whose admission ended, and who did not join again since. Apart, for that is nearly everybody in the
    /// end, and an id is a quarter of a place.
    over: FxHashSet<UserId>,
    state: LineState,
    /// Users in line with a number that was not called.
    waiting: u64,
    /// Numbers not called yet whose user left.
    left: BTreeSet<u64>,
    inside: BTreeSet<(DateTime<Utc>, UserId)>,
    early: Early,
}

/// Who came before the numbering, in the order of coming.
#[derive(Debug, Default)]
struct Early {
    users: BTreeMap<u64, UserId>,
    next: u64,
    /// The first that came after the opening: from here on the order stays.
    opened_at: Option<u64>,
    is_numbered: bool,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Early(u64),
    Numbered(u64),
    Inside { number: u64, admission: AdmissionId, expires_at: DateTime<Utc> },
}

/// Fewer places than this are never given back.
const PLACES_KEPT: usize = 64;

impl Default for MemoryWaitingRoom {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryWaitingRoom {
    /// No line at all.
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Forgets every line, as a cache that was restarted does.
    pub fn lose_all(&self) {
        for shard in &self.shards {
            lock(shard).clear();
        }
    }

    /// Runs `f` on a line; `None` if it was never configured.
    fn with<T>(&self, line: PerformanceId, f: impl FnOnce(&mut Line) -> T) -> Option<T> {
        lock(self.shard(line)).get_mut(&line).map(f)
    }

    fn shard(&self, line: PerformanceId) -> &Mutex<FxHashMap<PerformanceId, Line>> {
        let hash = FxBuildHasher.hash_one(line);
        &self.shards[usize::try_from(hash >> 32).unwrap_or(0) % SHARDS]
    }
}

impl Line {
    fn new(rules: LineRules) -> Self {
        Self {
            rules,
            users: FxHashMap::default(),
            over: FxHashSet::default(),
            state: LineState::default(),
            waiting: 0,
            left: BTreeSet::new(),
            inside: BTreeSet::new(),
            early: Early::default(),
        }
    }

    /// Ends the admissions that are due.
    fn expire(&mut self, now: DateTime<Utc>) {
        while let Some(&(expires_at, user)) = self.inside.first() {
            if expires_at > now {
                break;
            }
            self.inside.pop_first();
            self.end(user);
        }
    }

    /// Ends an admission.
    fn end(&mut self, user: UserId) {
        self.forget(user);
        self.over.insert(user);
    }

    /// Takes a user's place away, and gives back the room of a crowd that has gone: a line outlives it.
    fn forget(&mut self, user: UserId) {
        self.users.remove(&user);
        let left = self.users.len();
        if self.users.capacity() > 4 * left.max(PLACES_KEPT) {
            self.users.shrink_to(2 * left);
        }
    }

    fn state(&self) -> LineState {
        LineState {
            active: self.inside.len() as u64,
            accepted: self.early.users.len() as u64,
            ..self.state
        }
    }

    fn join(&mut self, user: UserId, now: DateTime<Utc>) -> Joined {
        self.expire(now);
        match self.users.get(&user) {
            Some(Place::Early(_)) => return Joined::Accepted,
            Some(Place::Numbered(number) | Place::Inside { number, .. }) => {
                return Joined::Numbered(*number);
            }
            None => {}
        }
        let in_line = self.waiting + self.early.users.len() as u64;
        // Numbers that were left are kept until they are called; without a bound, one user who joins
        // and leaves for ever would fill the memory.
        if in_line >= self.rules.line_max || self.left.len() as u64 >= self.rules.line_max {
            return Joined::Full;
        }
        self.over.remove(&user);
        let is_open = self.rules.opens_at.is_none_or(|opens_at| now >= opens_at);
        if self.early.is_numbered || (is_open && self.early.users.is_empty()) {
            return Joined::Numbered(self.give_number(user));
        }
        let order = self.early.next;
        self.early.next += 1;
        if is_open {
            self.early.opened_at.get_or_insert(order);
        }
        self.early.users.insert(order, user);
        self.users.insert(user, Place::Early(order));
        Joined::Accepted
    }

    fn give_number(&mut self, user: UserId) -> u64 {
        self.state.numbered += 1;
        self.waiting += 1;
        self.users.insert(user, Place::Numbered(self.state.numbered));
        self.state.numbered
    }

    fn number_early(&mut self, seed: u64) -> u64 {
        if self.early.users.is_empty() {
            return 0;
        }
        let mut users = std::mem::take(&mut self.early.users);
        let late = self.early.opened_at.map(|first| users.split_off(&first)).unwrap_or_default();
        let mut order: Vec<UserId> = users.into_values().collect();
        shuffle(&mut order, seed);
        order.extend(late.into_values());
        self.early.is_numbered = true;
        for &user in &order {
            self.give_number(user);
        }
        order.len() as u64
    }

    fn call(&mut self, count: u64) {
        let to = self.state.serving.saturating_add(count).min(self.state.numbered);
        let not_called = self.left.split_off(&(to + 1));
        let left = std::mem::replace(&mut self.left, not_called).len() as u64;
        self.waiting -= to - self.state.serving - left;
        self.state.entered += left;
        self.state.serving = to;
    }

    fn standing(&self, user: UserId) -> Standing {
        match self.users.get(&user) {
            None => Standing::Absent,
            Some(Place::Early(_)) => Standing::Accepted,
            Some(&Place::Numbered(number)) if number <= self.state.serving => {
                Standing::Called { number }
            }
            Some(&Place::Numbered(number)) => {
                Standing::Waiting { number, ahead: number - self.state.serving - 1 }
            }
            Some(&Place::Inside { admission, expires_at, .. }) => {
                Standing::Inside { admission, expires_at }
            }
        }
    }

    fn enter(
        &mut self,
        user: UserId,
        admission: AdmissionId,
        expires_at: DateTime<Utc>,
    ) -> Entered {
        let number = match self.users.get(&user) {
            None if self.over.contains(&user) => return Entered::Over,
            None | Some(Place::Early(_)) => return Entered::NotCalled,
            Some(&Place::Inside { admission, expires_at, .. }) => {
                return Entered::Inside { admission, expires_at };
            }
            Some(&Place::Numbered(number)) if number > self.state.serving => {
                return Entered::NotCalled;
            }
            Some(&Place::Numbered(number)) => number,
        };
        if self.inside.len() as u64 >= self.rules.active_max {
            return Entered::Full;
        }
        self.state.entered += 1;
        self.inside.insert((expires_at, user));
        self.users.insert(user, Place::Inside { number, admission, expires_at });
        Entered::Inside { admission, expires_at }
    }

    fn leave(&mut self, user: UserId) -> bool {
        match self.users.get(&user) {
            None => return false,
            Some(Place::Early(order)) => {
                self.early.users.remove(order);
            }
            Some(&Place::Numbered(number)) if number <= self.state.serving => {
                self.state.entered += 1;
            }
            Some(&Place::Numbered(number)) => {
                self.waiting -= 1;
                self.left.insert(number);
            }
            Some(&Place::Inside { expires_at, .. }) => {
                self.inside.remove(&(expires_at, user));
                self.end(user);
                return true;
            }
        }
        self.forget(user);
        true
    }
}

/// Fisher-Yates. The remainder's bias is below 2^-32 for any line that fits in memory.
fn shuffle(users: &mut [UserId], seed: u64) {
    let random = SeededRandom::new(seed);
    for last in (1..users.len()).rev() {
        let other = random.next_u64() % (last as u64 + 1);
        users.swap(last, usize::try_from(other).unwrap_or(last));
    }
}

#[async_trait]
impl WaitingRoom for MemoryWaitingRoom {
    async fn configure(&self, line: PerformanceId, rules: LineRules) -> Result<(), PortError> {
        let mut lines = lock(self.shard(line));
        lines.entry(line).or_insert_with(|| Line::new(rules)).rules = rules;
        Ok(())
    }

    async fn rules(&self, line: PerformanceId) -> Result<Option<LineRules>, PortError> {
        Ok(self.with(line, |line| line.rules))
    }

    async fn join(
        &self,
        line: PerformanceId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Joined, PortError> {
        self.with(line, |line| line.join(user, now)).ok_or_else(|| {
            PortError::new("waiting room", "join", Fault::Permanent)
                .because(format!("line {line} was never configured"))
        })
    }

    async fn standing(
        &self,
        line: PerformanceId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Standing, PortError> {
        let standing = self.with(line, |line| {
            line.expire(now);
            line.standing(user)
        });
        Ok(standing.unwrap_or(Standing::Absent))
    }

    async fn number_early(&self, line: PerformanceId, seed: u64) -> Result<u64, PortError> {
        Ok(self.with(line, |line| line.number_early(seed)).unwrap_or(0))
    }

    async fn call(
        &self,
        line: PerformanceId,
        count: u64,
        now: DateTime<Utc>,
    ) -> Result<LineState, PortError> {
        let state = self.with(line, |line| {
            line.expire(now);
            line.call(count);
            line.state()
        });
        Ok(state.unwrap_or_default())
    }

    async fn enter(
        &self,
        line: PerformanceId,
        user: UserId,
        admission: AdmissionId,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Entered, PortError> {
        let entered = self.with(line, |line| {
            line.expire(now);
            line.enter(user, admission, expires_at)
        });
        Ok(entered.unwrap_or(Entered::NotCalled))
    }

    async fn leave(&self, line: PerformanceId, user: UserId) -> Result<bool, PortError> {
        Ok(self.with(line, |line| line.leave(user)).unwrap_or(false))
    }

    async fn state(&self, line: PerformanceId, now: DateTime<Utc>) -> Result<LineState, PortError> {
        let state = self.with(line, |line| {
            line.expire(now);
            line.state()
        });
        Ok(state.unwrap_or_default())
    }
}
