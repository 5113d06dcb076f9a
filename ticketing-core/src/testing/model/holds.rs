//! Holds, beside their model.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, Utc};

use super::crowd::Explained;
use super::dice::Dice;
use super::subject::{At, Subject, at_once, in_turns};
use crate::id::{HoldToken, PerformanceId, UserId};
use crate::page::{Limit, PageRequest};
use crate::port::{HeldSeat, HoldChange, HoldOutcome, HoldRequest, SeatHolds};
use crate::seat::{SeatNo, Seats};
use crate::testing::Harness;
use crate::testing::linear::Spec;
use crate::testing::sample::seats;

/// Few seats, on both sides of borders at which an adapter may cut a hall.
const SEATS: [u32; 8] = [0, 1, 2, 127, 128, 129, 255, 399];
const CAPACITY: u32 = 400;
const HOLDERS: usize = 4;
/// The holds that one client takes at the most; each has a token of its own.
const TOKENS_EACH: usize = 256;
const CLIENTS_MAX: usize = 8;
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_mins(1);

/// Runs sequences of `steps` calls on holds beside their model: hold, extend, release and the two lists,
/// while time passes.
///
/// # Panics
/// Where an answer is wrong, with the seed and the shortest sequence that was found to show it.
pub async fn holds_match_model<F, P>(fresh: F, seeds: Range<u64>, steps: usize)
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, Arc<dyn SeatHolds>)> + Send,
{
    in_turns(|| under_test(fresh()), seeds, steps).await;
}

/// Lets clients hold, extend, release and list seats at once: some order of their calls explains what
/// they saw.
///
/// # Panics
/// Where no order does, with the seed and all calls.
pub async fn holds_are_linearizable<F, P>(fresh: F, seeds: Range<u64>) -> Explained
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, Arc<dyn SeatHolds>)> + Send,
{
    at_once(|| under_test(fresh()), seeds).await
}

async fn under_test<P>(fresh: P) -> (Harness, Holds)
where
    P: Future<Output = (Harness, Arc<dyn SeatHolds>)> + Send,
{
    let (h, port) = fresh.await;
    let holds = Holds {
        port,
        performance: PerformanceId::generate(h.ids()),
        holders: std::array::from_fn(|_| UserId::generate(h.ids())),
        tokens: (0..TOKENS_EACH * CLIENTS_MAX).map(|_| HoldToken::generate(h.ids())).collect(),
    };
    (h, holds)
}

struct Holds {
    port: Arc<dyn SeatHolds>,
    performance: PerformanceId,
    holders: [UserId; HOLDERS],
    tokens: Vec<HoldToken>,
}

/// Holders and tokens by their numbers.
#[derive(Clone, Debug)]
enum Call {
    Hold {
        holder: usize,
        token: usize,
        seats: Vec<u32>,
        ttl: Duration,
    },
    Extend {
        token: usize,
        seats: Vec<u32>,
        ttl: Duration,
    },
    Release {
        token: usize,
        seats: Vec<u32>,
    },
    Held,
    /// Those that end later than `ttl` from now, in pages of so many.
    EndingAfter {
        ttl: Duration,
        page: usize,
    },
    Wait,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Hold(HoldOutcome),
    Extend(HoldChange),
    Release(usize),
    Held(Vec<SeatNo>),
    EndingAfter(Vec<HeldSeat>),
    Waited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Hold {
    token: HoldToken,
    holder: UserId,
    expires_at: DateTime<Utc>,
}

type Held = BTreeMap<SeatNo, Hold>;

/// A hold as its client knows it.
#[derive(Clone, Debug)]
struct Own {
    token: usize,
    holder: usize,
    seats: Vec<u32>,
}

/// What a client knows.
#[derive(Debug, Default)]
struct Client {
    used: usize,
    own: Vec<Own>,
}

/// Whole milliseconds, what every adapter can keep.
fn after(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    now.trunc_subsecs(3) + ttl
}

fn live(state: &Held, now: DateTime<Utc>) -> Held {
    state
        .iter()
        .filter(|(_, hold)| hold.expires_at > now)
        .map(|(seat, hold)| (*seat, *hold))
        .collect()
}

impl Holds {
    fn held(&self, state: &Held, call: &At<Call>, got: &HoldOutcome) -> Option<Held> {
        let Call::Hold { holder, token, seats: wanted, ttl } = &call.call else { return None };
        let (wanted, holder) = (seats(wanted.iter().copied()), self.holders[*holder]);
        let live = live(state, call.now);
        let mut state = state.clone();
        let taken: Vec<SeatNo> = wanted.iter().filter(|seat| live.contains_key(seat)).collect();
        match got {
            HoldOutcome::Taken(got) => {
                let refused = taken == got.as_slice() && !is_own(&live, &wanted, holder);
                refused.then_some(state)
            }
            HoldOutcome::Held(got) if taken.is_empty() => {
                let given = self.tokens[*token];
                let hold = Hold { token: given, holder, expires_at: after(call.now, *ttl) };
                state.extend(wanted.iter().map(|seat| (seat, hold)));
                (got.token == given && got.expires_at == hold.expires_at).then_some(state)
            }
            HoldOutcome::Held(got) => {
                let first = live.get(&wanted.as_slice()[0])?;
                let same = first.token == got.token && first.expires_at == got.expires_at;
                (same && is_own(&live, &wanted, holder)).then_some(state)
            }
        }
    }

    fn extended(&self, state: &Held, call: &At<Call>, got: HoldChange) -> Option<Held> {
        let Call::Extend { token, seats, ttl } = &call.call else { return None };
        let (live, mut state) = (live(state, call.now), state.clone());
        let ours = |seat: &u32| {
            live.get(&SeatNo(*seat)).is_some_and(|hold| hold.token == self.tokens[*token])
        };
        match (seats.iter().all(ours), got) {
            (true, HoldChange::Done) => {
                for seat in seats.iter().map(|seat| SeatNo(*seat)) {
                    state.entry(seat).and_modify(|hold| hold.expires_at = after(call.now, *ttl));
                }
                Some(state)
            }
            (false, HoldChange::Lost) => Some(state),
            (true, HoldChange::Lost) | (false, HoldChange::Done) => None,
        }
    }

    /// The port is not told the time: what ended by itself may count as released or not.
    fn released(&self, state: &Held, call: &At<Call>, got: usize) -> Option<Held> {
        let Call::Release { token, seats } = &call.call else { return None };
        let token = self.tokens[*token];
        let count = |state: &Held| {
            let ours = |seat: &&u32| state.get(&SeatNo(**seat)).is_some_and(|h| h.token == token);
            seats.iter().filter(ours).count()
        };
        let range = count(&live(state, call.now))..=count(state);
        let mut state = state.clone();
        state.retain(|seat, hold| hold.token != token || !seats.contains(&seat.0));
        range.contains(&got).then_some(state)
    }
}

/// Whether a hold of this holder has exactly these seats.
fn is_own(state: &Held, wanted: &Seats, holder: UserId) -> bool {
    let Some(first) = state.get(&wanted.as_slice()[0]) else { return false };
    let of_hold = state.iter().filter(|(_, hold)| hold.token == first.token);
    first.holder == holder && of_hold.map(|(seat, _)| *seat).eq(wanted.iter())
}

impl Spec for Holds {
    type State = Held;
    type Op = At<Call>;
    type Answer = Answer;

    fn step(&self, state: &Held, call: &At<Call>, answer: Option<&Answer>) -> Option<Held> {
        match answer? {
            Answer::Hold(got) => self.held(state, call, got),
            Answer::Extend(got) => self.extended(state, call, *got),
            Answer::Release(got) => self.released(state, call, *got),
            Answer::Held(got) => live(state, call.now).keys().eq(got).then(|| state.clone()),
            Answer::EndingAfter(got) => {
                let Call::EndingAfter { ttl, .. } = call.call else { return None };
                let expected = live(state, after(call.now, ttl)).into_iter().map(|(seat, hold)| {
                    let Hold { token, holder, expires_at } = hold;
                    HeldSeat { seat, token, holder, expires_at }
                });
                expected.eq(got.iter().copied()).then(|| state.clone())
            }
            Answer::Waited => Some(state.clone()),
        }
    }

    fn only_reads(&self, _: &At<Call>, answer: &Answer) -> bool {
        matches!(answer, Answer::Held(_) | Answer::EndingAfter(_) | Answer::Waited)
    }
}

#[async_trait]
impl Subject for Holds {
    type Call = Call;
    type Client = Client;

    fn initial(&self) -> Held {
        Held::new()
    }

    fn next(&self, (who, client): (usize, &Client), dice: &Dice, is_alone: bool) -> Call {
        let ttl = dice.pick(&[SHORT, LONG, LONG, LONG + SHORT]);
        let some = |most| -> Vec<u32> {
            let places = dice.some_of(dice.between(1, most), 8);
            places.into_iter().map(|place| SEATS[place as usize]).collect()
        };
        let token = who * TOKENS_EACH + client.used % TOKENS_EACH;
        let another = (who + 1) % CLIENTS_MAX * TOKENS_EACH + dice.below(4);
        let unknown = || Own { token: another, holder: dice.below(HOLDERS), seats: some(3) };
        let place = dice.below(client.own.len().max(1));
        let own = client.own.get(place).cloned();
        // To extend a part of a hold is not in the contract: what is not one's own, with more than it has.
        let whole = own.as_ref().map_or_else(|| SEATS.to_vec(), |own| own.seats.clone());
        let own = own.unwrap_or_else(unknown);
        match dice.below(100) {
            0..6 if is_alone => Call::Wait,
            0..8 => Call::Hold { holder: own.holder, token, seats: own.seats, ttl },
            8..40 => Call::Hold { holder: dice.below(HOLDERS), token, seats: some(3), ttl },
            40..52 => Call::Extend { token: own.token, seats: whole, ttl },
            52..56 => Call::Extend { token: own.token, seats: with(whole, &some(1)), ttl },
            56..60 => Call::Extend { token: another, seats: SEATS.to_vec(), ttl },
            60..70 => Call::Release { token: own.token, seats: own.seats },
            70..75 => Call::Release { token: own.token, seats: some(4) },
            75..80 => Call::Release { token: another, seats: own.seats },
            80..92 => Call::Held,
            _ => {
                let page = if is_alone { 2 } else { Limit::MAX };
                Call::EndingAfter { ttl: dice.pick(&[Duration::ZERO, SHORT, LONG]), page }
            }
        }
    }

    async fn ask(&self, h: &Harness, At { call, now }: &At<Call>) -> Answer {
        let (port, performance) = (&self.port, self.performance);
        let no = |numbers: &[u32]| seats(numbers.iter().copied());
        match call {
            Call::Hold { holder, token, seats, ttl } => {
                let request = HoldRequest {
                    performance,
                    seats: no(seats),
                    holder: self.holders[*holder],
                    token: self.tokens[*token],
                    expires_at: after(*now, *ttl),
                };
                Answer::Hold(port.hold(request, *now).await.expect("hold"))
            }
            Call::Extend { token, seats, ttl } => {
                let (token, until) = (self.tokens[*token], after(*now, *ttl));
                let extended = port.extend(performance, no(seats), token, until, *now).await;
                Answer::Extend(extended.expect("extend"))
            }
            Call::Release { token, seats } => {
                let released = port.release(performance, no(seats), self.tokens[*token]).await;
                Answer::Release(released.expect("release"))
            }
            Call::Held => {
                let held = port.held(performance, CAPACITY, *now).await.expect("held");
                Answer::Held(held.iter().collect())
            }
            Call::EndingAfter { ttl, page } => {
                let limit = Limit::new(*page).expect("a page size");
                let (mut found, mut next) = (Vec::new(), PageRequest::first(limit));
                for _ in 0..=SEATS.len() {
                    let until = after(*now, *ttl);
                    let got = port.ending_after(performance, until, next).await.expect("list");
                    found.extend(got.items);
                    let Some(cursor) = got.next else { break };
                    next = PageRequest::next(Some(cursor), limit);
                }
                Answer::EndingAfter(found)
            }
            Call::Wait => {
                h.advance(SHORT).await;
                Answer::Waited
            }
        }
    }

    fn learn(&self, client: &mut Client, call: &Call, answer: &Answer) {
        match (call, answer) {
            (Call::Hold { holder, seats, .. }, Answer::Hold(outcome)) => {
                client.used += 1;
                let HoldOutcome::Held(held) = outcome else { return };
                let token = self.tokens.iter().position(|token| *token == held.token);
                let own = |token| Own { token, holder: *holder, seats: seats.clone() };
                client.own.extend(token.map(own));
            }
            // Only a whole hold is extended.
            (Call::Release { token, .. }, _) => client.own.retain(|own| own.token != *token),
            _ => {}
        }
    }
}

fn with(mut seats: Vec<u32>, more: &[u32]) -> Vec<u32> {
    seats.extend(more.iter().filter(|seat| !seats.contains(seat)).copied().collect::<Vec<_>>());
    seats
}
