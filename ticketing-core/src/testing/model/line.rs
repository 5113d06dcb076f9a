//! The waiting room, beside its model.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::crowd::Explained;
use super::dice::Dice;
use super::subject::{At, Subject, at_once, in_turns};
use crate::id::{AdmissionId, PerformanceId, UserId};
use crate::port::{Entered, Joined, LineRules, LineState, Standing, WaitingRoom};
use crate::testing::Harness;
use crate::testing::linear::Spec;

const ACTIVE_MAX: u64 = 2;
const LINE_MAX: u64 = 4;
const USERS: usize = 6;
/// The first is open from the start, the second is opened later.
const LINES: usize = 2;
const ENTRIES_EACH: usize = 256;
const CLIENTS_MAX: usize = 8;
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_mins(1);

/// Runs sequences of `steps` calls on two lines beside their model: join, call, enter, leave, who stands
/// where, the opening with its shuffle, while time passes.
///
/// # Panics
/// Where an answer is wrong, with the seed and the shortest sequence that was found to show it.
pub async fn waiting_room_matches_model<F, P>(fresh: F, seeds: Range<u64>, steps: usize)
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, Arc<dyn WaitingRoom>)> + Send,
{
    in_turns(|| under_test(fresh()), seeds, steps).await;
}

/// Lets clients join, call, enter and leave at once: some order of their calls explains what they saw.
///
/// # Panics
/// Where no order does, with the seed and all calls.
pub async fn waiting_room_is_linearizable<F, P>(fresh: F, seeds: Range<u64>) -> Explained
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, Arc<dyn WaitingRoom>)> + Send,
{
    at_once(|| under_test(fresh()), seeds).await
}

const fn rules(opens_at: Option<DateTime<Utc>>) -> LineRules {
    LineRules { active_max: ACTIVE_MAX, line_max: LINE_MAX, opens_at }
}

async fn under_test<P>(fresh: P) -> (Harness, Room)
where
    P: Future<Output = (Harness, Arc<dyn WaitingRoom>)> + Send,
{
    let (h, port) = fresh.await;
    let admission = |_| AdmissionId::generate(h.ids());
    let room = Room {
        port,
        lines: std::array::from_fn(|_| PerformanceId::generate(h.ids())),
        users: std::array::from_fn(|_| UserId::generate(h.ids())),
        admissions: (0..ENTRIES_EACH * CLIENTS_MAX).map(admission).collect(),
    };
    let later = h.now().trunc_subsecs(3) + TimeDelta::days(1);
    for (line, opens_at) in room.lines.into_iter().zip([None, Some(later)]) {
        room.port.configure(line, rules(opens_at)).await.expect("configure");
    }
    (h, room)
}

struct Room {
    port: Arc<dyn WaitingRoom>,
    lines: [PerformanceId; LINES],
    users: [UserId; USERS],
    admissions: Vec<AdmissionId>,
}

/// What is asked of one line.
#[derive(Clone, Debug)]
enum Ask {
    Join(usize),
    Standing(usize),
    Call(u64),
    Enter {
        user: usize,
        admission: usize,
        ttl: Duration,
    },
    Leave(usize),
    State,
    /// It opens now, and those who came early are numbered.
    Open {
        seed: u64,
    },
    Wait,
}

#[derive(Clone, Debug)]
struct Call {
    line: usize,
    ask: Ask,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Joined(Joined),
    Standing(Standing),
    State(LineState),
    Entered(Entered),
    Left(bool),
    /// How many were numbered, and the number of everybody who has one.
    Opened(u64, Vec<(usize, u64)>),
    Waited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Early,
    Numbered(u64),
    Inside { number: u64, admission: AdmissionId, expires_at: DateTime<Utc> },
    Over,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Line {
    is_closed: bool,
    users: BTreeMap<usize, Place>,
    numbered: u64,
    serving: u64,
    /// Numbers whose user entered or left.
    done: BTreeSet<u64>,
}

impl Line {
    fn place(&self, user: usize, now: DateTime<Utc>) -> Option<Place> {
        match self.users.get(&user).copied() {
            Some(Place::Inside { expires_at, .. }) if expires_at <= now => Some(Place::Over),
            place => place,
        }
    }

    fn active(&self, now: DateTime<Utc>) -> u64 {
        let is_inside =
            |place: &&Place| matches!(place, Place::Inside { expires_at, .. } if *expires_at > now);
        self.users.values().filter(is_inside).count() as u64
    }

    fn accepted(&self) -> u64 {
        self.users.values().filter(|place| **place == Place::Early).count() as u64
    }

    fn state(&self, now: DateTime<Utc>) -> LineState {
        LineState {
            numbered: self.numbered,
            serving: self.serving,
            entered: self.done.range(..=self.serving).count() as u64,
            active: self.active(now),
            accepted: self.accepted(),
        }
    }

    fn is_full(&self) -> bool {
        let waits =
            |place: &&Place| matches!(place, Place::Numbered(number) if *number > self.serving);
        self.users.values().filter(waits).count() as u64 + self.accepted() >= LINE_MAX
    }

    /// A line may also bound the numbers that it keeps of those who left before they were called.
    fn may_be_full(&self) -> bool {
        self.done.range(self.serving + 1..).count() as u64 >= LINE_MAX
    }

    fn joined(&mut self, user: usize, now: DateTime<Utc>, got: Joined) -> bool {
        match self.place(user, now) {
            Some(Place::Early) => got == Joined::Accepted,
            Some(Place::Numbered(number) | Place::Inside { number, .. }) => {
                got == Joined::Numbered(number)
            }
            Some(Place::Over) | None if got == Joined::Full => self.is_full() || self.may_be_full(),
            Some(Place::Over) | None if self.is_full() => false,
            Some(Place::Over) | None if self.is_closed => {
                self.users.insert(user, Place::Early);
                got == Joined::Accepted
            }
            Some(Place::Over) | None => {
                self.numbered += 1;
                self.users.insert(user, Place::Numbered(self.numbered));
                got == Joined::Numbered(self.numbered)
            }
        }
    }

    fn standing(&self, user: usize, now: DateTime<Utc>) -> Standing {
        match self.place(user, now) {
            None | Some(Place::Over) => Standing::Absent,
            Some(Place::Early) => Standing::Accepted,
            Some(Place::Numbered(number)) if number <= self.serving => Standing::Called { number },
            Some(Place::Numbered(number)) => {
                Standing::Waiting { number, ahead: number - self.serving - 1 }
            }
            Some(Place::Inside { admission, expires_at, .. }) => {
                Standing::Inside { admission, expires_at }
            }
        }
    }

    fn enter(
        &mut self,
        user: usize,
        now: DateTime<Utc>,
        (admission, expires_at): (AdmissionId, DateTime<Utc>),
    ) -> Entered {
        match self.place(user, now) {
            None | Some(Place::Early) => Entered::NotCalled,
            Some(Place::Over) => Entered::Over,
            Some(Place::Inside { admission, expires_at, .. }) => {
                Entered::Inside { admission, expires_at }
            }
            Some(Place::Numbered(number)) if number > self.serving => Entered::NotCalled,
            Some(Place::Numbered(_)) if self.active(now) >= ACTIVE_MAX => Entered::Full,
            Some(Place::Numbered(number)) => {
                self.done.insert(number);
                self.users.insert(user, Place::Inside { number, admission, expires_at });
                Entered::Inside { admission, expires_at }
            }
        }
    }

    /// The port is not told the time: who was inside until now may count as there or not.
    fn left(&mut self, user: usize, now: DateTime<Utc>, got: bool) -> bool {
        let is_over = self.place(user, now) == Some(Place::Over);
        match self.users.get(&user).copied() {
            None | Some(Place::Over) => !got,
            Some(Place::Early) => {
                self.users.remove(&user);
                got
            }
            Some(Place::Numbered(number)) => {
                self.users.remove(&user);
                self.done.insert(number);
                got
            }
            Some(Place::Inside { .. }) => {
                self.users.insert(user, Place::Over);
                got || is_over
            }
        }
    }

    /// Those who came early have the next numbers, each one, in any order.
    fn opened(&mut self, count: u64, numbers: &[(usize, u64)]) -> bool {
        self.is_closed = false;
        let mut given = BTreeSet::new();
        for (user, place) in &mut self.users {
            let number = numbers.iter().find(|(known, _)| known == user).map(|(_, number)| *number);
            match (*place, number) {
                (Place::Early, Some(number)) => {
                    given.insert(number);
                    *place = Place::Numbered(number);
                }
                (Place::Early, None) => return false,
                (Place::Numbered(known), number) if number != Some(known) => return false,
                (Place::Numbered(_) | Place::Inside { .. } | Place::Over, _) => {}
            }
        }
        let first = self.numbered + 1;
        self.numbered += count;
        given.into_iter().eq(first..=self.numbered)
    }
}

impl Room {
    fn admission(&self, at: &At<Call>) -> Option<(AdmissionId, DateTime<Utc>)> {
        let Ask::Enter { admission, ttl, .. } = at.call.ask else { return None };
        Some((self.admissions[admission], at.now.trunc_subsecs(3) + ttl))
    }
}

impl Spec for Room {
    type State = [Line; LINES];
    type Op = At<Call>;
    type Answer = Answer;

    fn step(
        &self,
        state: &[Line; LINES],
        at: &At<Call>,
        answer: Option<&Answer>,
    ) -> Option<[Line; LINES]> {
        let mut state = state.clone();
        let (line, now) = (&mut state[at.call.line], at.now);
        let is_right = match (&at.call.ask, answer?) {
            (Ask::Join(user), Answer::Joined(got)) => line.joined(*user, now, *got),
            (Ask::Standing(user), Answer::Standing(got)) => line.standing(*user, now) == *got,
            (Ask::Call(count), Answer::State(got)) => {
                line.serving = line.serving.saturating_add(*count).min(line.numbered);
                line.state(now) == *got
            }
            (Ask::Enter { user, .. }, Answer::Entered(got)) => {
                line.enter(*user, now, self.admission(at)?) == *got
            }
            (Ask::Leave(user), Answer::Left(got)) => line.left(*user, now, *got),
            (Ask::State, Answer::State(got)) => line.state(now) == *got,
            (Ask::Open { .. }, Answer::Opened(count, numbers)) => line.opened(*count, numbers),
            (Ask::Wait, Answer::Waited) => true,
            _ => false,
        };
        is_right.then_some(state)
    }

    fn only_reads(&self, at: &At<Call>, answer: &Answer) -> bool {
        let asks = matches!(at.call.ask, Ask::Standing(_) | Ask::State | Ask::Wait);
        let refused = matches!(
            answer,
            Answer::Joined(Joined::Full)
                | Answer::Entered(Entered::NotCalled | Entered::Full | Entered::Over)
                | Answer::Left(false)
        );
        asks || refused
    }
}

#[async_trait]
impl Subject for Room {
    type Call = Call;
    /// How often the client asked to enter.
    type Client = usize;

    fn initial(&self) -> [Line; LINES] {
        [Line::default(), Line { is_closed: true, ..Line::default() }]
    }

    fn next(&self, (who, entries): (usize, &usize), dice: &Dice, is_alone: bool) -> Call {
        let user = dice.below(USERS);
        let ask = match dice.below(100) {
            0..5 if is_alone => Ask::Wait,
            5..7 if is_alone => Ask::Open { seed: dice.below(1_000) as u64 },
            0..32 => Ask::Join(user),
            32..48 => Ask::Standing(user),
            48..60 => Ask::Call(dice.pick(&[0, 1, 1, 2, 3, u64::MAX])),
            60..80 => {
                let admission = who * ENTRIES_EACH + entries % ENTRIES_EACH;
                Ask::Enter { user, admission, ttl: dice.pick(&[SHORT, LONG, LONG]) }
            }
            80..92 => Ask::Leave(user),
            _ => Ask::State,
        };
        Call { line: usize::from(dice.chance(40)), ask }
    }

    async fn ask(&self, h: &Harness, at: &At<Call>) -> Answer {
        let (port, now) = (&self.port, at.now);
        let line = self.lines[at.call.line];
        let user = |user: &usize| self.users[*user];
        match &at.call.ask {
            Ask::Join(who) => Answer::Joined(port.join(line, user(who), now).await.expect("join")),
            Ask::Standing(who) => {
                Answer::Standing(port.standing(line, user(who), now).await.expect("standing"))
            }
            Ask::Call(count) => Answer::State(port.call(line, *count, now).await.expect("call")),
            Ask::Enter { user: who, admission, ttl } => {
                let admission = self.admissions[*admission];
                let until = now.trunc_subsecs(3) + *ttl;
                let entered = port.enter(line, user(who), admission, until, now).await;
                Answer::Entered(entered.expect("enter"))
            }
            Ask::Leave(who) => Answer::Left(port.leave(line, user(who)).await.expect("leave")),
            Ask::State => Answer::State(port.state(line, now).await.expect("state")),
            Ask::Open { seed } => {
                let opened = rules(Some(now.trunc_subsecs(3)));
                port.configure(line, opened).await.expect("configure");
                let count = port.number_early(line, *seed).await.expect("number");
                let again = port.number_early(line, seed + 1).await.expect("number");
                assert_eq!(again, 0, "those who came early were numbered twice");
                let mut numbers = Vec::new();
                for (who, user) in self.users.into_iter().enumerate() {
                    match port.standing(line, user, now).await.expect("standing") {
                        Standing::Waiting { number, .. } | Standing::Called { number } => {
                            numbers.push((who, number));
                        }
                        Standing::Absent | Standing::Accepted | Standing::Inside { .. } => {}
                    }
                }
                Answer::Opened(count, numbers)
            }
            Ask::Wait => {
                h.advance(SHORT).await;
                Answer::Waited
            }
        }
    }

    fn learn(&self, entries: &mut usize, call: &Call, _: &Answer) {
        *entries += usize::from(matches!(call.ask, Ask::Enter { .. }));
    }
}
