//! One partition of an outbox, beside its model.

use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::crowd::Explained;
use super::dice::Dice;
use super::subject::{At, Subject, at_once, in_turns};
use super::world::label;
use crate::aggregate::Aggregate;
use crate::change_set::ChangeSet;
use crate::id::PaymentId;
use crate::label::Label;
use crate::policy::Deadlines;
use crate::port::{OutboxError, OutboxLease, OutboxRow};
use crate::testing::linear::Spec;
use crate::testing::ports::{is_done, limit};
use crate::testing::sample::{self, Sale, seats};
use crate::testing::{Harness, StorePorts};

const PARTITION: u16 = 0;
/// The change sets that one client writes at the most.
const WRITES_EACH: usize = 64;
const CLIENTS_MAX: usize = 6;
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_mins(1);

/// Runs sequences of `steps` calls on one partition beside its model: writes, leases that are renewed, run
/// out and are taken over, reads in small pages, cursors right and wrong, drops. A cursor repeats no row
/// and skips none.
///
/// `fresh` gives a store in which nothing was ever written.
///
/// # Panics
/// Where an answer is wrong, with the seed and the shortest sequence that was found to show it.
pub async fn outbox_matches_model<F, P>(fresh: F, seeds: Range<u64>, steps: usize)
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, StorePorts)> + Send,
{
    in_turns(|| under_test(fresh(), true), seeds, steps).await;
}

/// Lets clients write, lease, read and move the cursor of one partition at once: some order of their calls
/// explains what they saw.
///
/// # Panics
/// Where no order does, with the seed and all calls.
pub async fn outbox_is_linearizable<F, P>(fresh: F, seeds: Range<u64>) -> Explained
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, StorePorts)> + Send,
{
    at_once(|| under_test(fresh(), false), seeds).await
}

async fn under_test<P>(fresh: P, in_turns: bool) -> (Harness, Outbox)
where
    P: Future<Output = (Harness, StorePorts)> + Send,
{
    let (h, ports) = fresh.await;
    let partitions = ports.outbox.partitions().await.expect("partitions");
    let drafts = (0..WRITES_EACH * CLIENTS_MAX).map(|n| draft(&h, partitions, n)).collect();
    (h, Outbox { ports, drafts, in_turns })
}

/// A change set of one or two events that belong to the partition.
fn draft(h: &Harness, partitions: u16, n: usize) -> ChangeSet {
    let sale = Sale::new(h);
    for _ in 0..100 * usize::from(partitions) {
        let mut made = sale.reservation(h, &seats([0]));
        if made.stream().partition(partitions) != PARTITION {
            continue;
        }
        if n.is_multiple_of(2) {
            let payment = PaymentId::generate(h.ids());
            let started = made.start_payment(payment, &Deadlines::default(), h.now());
            let _ = started.expect("a fresh reservation is payable");
        }
        return sample::changes(h).save(made);
    }
    panic!("no stream of partition {PARTITION} of {partitions} was found");
}

struct Outbox {
    ports: StorePorts,
    drafts: Vec<ChangeSet>,
    in_turns: bool,
}

#[derive(Clone, Debug)]
enum Call {
    Write(usize),
    Lease { owner: usize, ttl: Duration },
    GiveUp(OutboxLease),
    Read(OutboxLease, usize),
    Advance(OutboxLease, u64),
    Drop(usize),
    Waiting,
    Wait,
}

/// A row as its number in the partition, its draft, and its number in that aggregate.
type Row = (u64, Option<usize>, u64);

#[derive(Clone, Debug, PartialEq)]
enum Refused {
    Fenced { epoch: u64 },
    Cursor { from: u64, to: u64, got: u64 },
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Written(bool),
    Leased(Option<OutboxLease>),
    GivenUp(Result<(), Refused>),
    Rows(Result<Vec<Row>, Refused>),
    Moved(Result<(), Refused>),
    Dropped(usize),
    Waiting(u64),
    Waited,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Partition {
    /// The drafts, in the order of their commits.
    written: Vec<usize>,
    cursor: u64,
    dropped: u64,
    epoch: u64,
    /// Who has it and until when.
    lease: Option<(usize, DateTime<Utc>)>,
    /// Who had it last.
    last_owner: Option<usize>,
}

/// How a shown lease stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Valid,
    /// Its end has come, or it was given up, and nobody took it over: the port may still serve it.
    Over,
    TakenOver,
}

fn owner_label(owner: usize) -> Label<64> {
    label(&format!("owner-{owner}"))
}

impl Partition {
    fn shown(&self, lease: &OutboxLease, now: DateTime<Utc>) -> Shown {
        let last = self.last_owner.map(owner_label);
        if lease.epoch != self.epoch || last.as_ref() != Some(&lease.owner) {
            return Shown::TakenOver;
        }
        match self.lease {
            Some((_, until)) if until > now => Shown::Valid,
            Some(_) | None => Shown::Over,
        }
    }

    fn leased(&mut self, owner: usize, now: DateTime<Utc>, got: Option<&OutboxLease>) -> bool {
        let Some(got) = got else {
            return self.lease.is_some_and(|(other, until)| other != owner && until > now);
        };
        let fits = match self.lease {
            Some((holder, until)) if holder != owner && until > now => false,
            Some((holder, until)) if holder == owner && until > now => got.epoch == self.epoch,
            Some(_) | None if self.last_owner == Some(owner) => got.epoch >= self.epoch,
            Some(_) | None => got.epoch > self.epoch,
        };
        self.epoch = got.epoch;
        self.lease = Some((owner, got.expires_at));
        self.last_owner = Some(owner);
        fits && got.owner == owner_label(owner)
            && got.partition == PARTITION
            && got.expires_at > now
    }
}

impl Outbox {
    fn rows(&self, state: &Partition) -> Vec<Row> {
        let events = state.written.iter().flat_map(|draft| {
            self.drafts[*draft].events().iter().map(|event| (Some(*draft), event.number))
        });
        (1..).zip(events).map(|(sequence, (draft, number))| (sequence, draft, number)).collect()
    }

    /// The rows after the cursor, at most so many; none only if there are none.
    fn are_next(&self, state: &Partition, most: usize, got: &[Row]) -> bool {
        let rows = self.rows(state);
        let rest = rows.get(usize::try_from(state.cursor).unwrap_or(usize::MAX)..).unwrap_or(&[]);
        got.len() <= most && rest.starts_with(got) && got.is_empty() == rest.is_empty()
    }

    fn last(&self, state: &Partition) -> u64 {
        state.written.iter().map(|draft| self.drafts[*draft].events().len() as u64).sum()
    }

    fn moved(&self, state: &mut Partition, to: u64, got: &Result<(), Refused>) -> bool {
        let (from, last) = (state.cursor, self.last(state));
        match got {
            Ok(()) => {
                state.cursor = to;
                (from..=last).contains(&to)
            }
            Err(refused) => {
                !(from..=last).contains(&to)
                    && *refused == Refused::Cursor { from, to: last, got: to }
            }
        }
    }

    /// A store may keep events that were written together with one that waits, and of two that drop at once
    /// one may find nothing left to do.
    fn dropped(&self, state: &mut Partition, most: usize, got: usize) -> bool {
        let mut end = 0;
        let oldest = state.written.iter().find_map(|draft| {
            end += self.drafts[*draft].events().len() as u64;
            (end > state.dropped).then_some(end)
        });
        let must_drop = self.in_turns && oldest.is_some_and(|end| end <= state.cursor);
        state.dropped += got as u64;
        got <= most && state.dropped <= state.cursor && !(must_drop && got == 0)
    }

    fn row(&self, row: &OutboxRow) -> Row {
        let draft = self.drafts.iter().position(|draft| draft.id() == row.change_set);
        (row.sequence, draft, row.number)
    }
}

fn refused(error: OutboxError) -> Refused {
    match error {
        OutboxError::Fenced { partition: PARTITION, epoch } => Refused::Fenced { epoch },
        OutboxError::Cursor { from, to, got } => Refused::Cursor { from, to, got },
        other => panic!("expected the outbox to answer, got {other:?}"),
    }
}

impl Spec for Outbox {
    type State = Partition;
    type Op = At<Call>;
    type Answer = Answer;

    fn step(&self, state: &Partition, at: &At<Call>, answer: Option<&Answer>) -> Option<Partition> {
        let (mut state, now) = (state.clone(), at.now);
        let is_fenced = |lease: &OutboxLease, refused: &Refused| {
            *refused == Refused::Fenced { epoch: lease.epoch }
        };
        let is_right = match (&at.call, answer?) {
            (Call::Write(draft), Answer::Written(done)) => {
                state.written.push(*draft);
                *done
            }
            (Call::Lease { owner, .. }, Answer::Leased(got)) => {
                state.leased(*owner, now, got.as_ref())
            }
            (Call::GiveUp(lease), Answer::GivenUp(got)) => {
                let shown = state.shown(lease, now);
                if shown != Shown::TakenOver {
                    state.lease = None;
                }
                match got {
                    Ok(()) => true,
                    Err(refused) => shown != Shown::Valid && is_fenced(lease, refused),
                }
            }
            (Call::Read(lease, most), Answer::Rows(got)) => match (state.shown(lease, now), got) {
                (Shown::Valid | Shown::Over, Ok(rows)) => self.are_next(&state, *most, rows),
                (Shown::Over | Shown::TakenOver, Err(refused)) => is_fenced(lease, refused),
                (Shown::Valid, Err(_)) | (Shown::TakenOver, Ok(_)) => false,
            },
            (Call::Advance(lease, to), Answer::Moved(got)) => {
                match (state.shown(lease, now), got) {
                    (Shown::Over | Shown::TakenOver, Err(refused @ Refused::Fenced { .. })) => {
                        is_fenced(lease, refused)
                    }
                    (Shown::Valid | Shown::Over, got) => self.moved(&mut state, *to, got),
                    (Shown::TakenOver, _) => false,
                }
            }
            (Call::Drop(most), Answer::Dropped(got)) => self.dropped(&mut state, *most, *got),
            (Call::Waiting, Answer::Waiting(got)) => self.last(&state) - state.cursor == *got,
            (Call::Wait, Answer::Waited) => true,
            _ => false,
        };
        is_right.then_some(state)
    }

    fn only_reads(&self, at: &At<Call>, _: &Answer) -> bool {
        matches!(at.call, Call::Read(..) | Call::Waiting | Call::Wait)
    }
}

/// What a reader of the outbox knows.
#[derive(Debug, Default)]
struct Client {
    writes: usize,
    lease: Option<OutboxLease>,
    read_to: u64,
}

#[async_trait]
impl Subject for Outbox {
    type Call = Call;
    type Client = Client;

    fn initial(&self) -> Partition {
        Partition::default()
    }

    fn next(&self, (who, client): (usize, &Client), dice: &Dice, is_alone: bool) -> Call {
        let ttl = if is_alone { dice.pick(&[SHORT, SHORT, LONG]) } else { LONG };
        let lease = Call::Lease { owner: who, ttl };
        match (dice.below(100), &client.lease) {
            (0..6, _) if is_alone => Call::Wait,
            (0..26, _) => Call::Write(who * WRITES_EACH + client.writes % WRITES_EACH),
            (26..32, _) => Call::Drop(dice.between(1, 3)),
            (32..38, _) => Call::Waiting,
            (38..48, _) | (_, None) => lease,
            (48..54, Some(lease)) => Call::GiveUp(lease.clone()),
            (54..76, Some(lease)) => Call::Read(lease.clone(), dice.between(1, 4)),
            (76..92, Some(lease)) => Call::Advance(lease.clone(), client.read_to),
            (_, Some(lease)) => {
                let wrong = [client.read_to.saturating_sub(1), client.read_to + 1, 0, 1_000_000];
                Call::Advance(lease.clone(), dice.pick(&wrong))
            }
        }
    }

    async fn ask(&self, h: &Harness, at: &At<Call>) -> Answer {
        let outbox = &self.ports.outbox;
        match &at.call {
            Call::Write(draft) => {
                Answer::Written(is_done(&self.ports.commit(&self.drafts[*draft]).await))
            }
            Call::Lease { owner, ttl } => {
                let leased = outbox.lease(PARTITION, owner_label(*owner), *ttl).await;
                Answer::Leased(leased.expect("leasing"))
            }
            Call::GiveUp(lease) => {
                Answer::GivenUp(outbox.give_up(lease.clone()).await.map_err(refused))
            }
            Call::Read(lease, most) => {
                let rows = outbox.read(lease.clone(), limit(*most)).await.map_err(refused);
                Answer::Rows(rows.map(|rows| rows.iter().map(|row| self.row(row)).collect()))
            }
            Call::Advance(lease, to) => {
                Answer::Moved(outbox.advance(lease.clone(), *to).await.map_err(refused))
            }
            Call::Drop(most) => {
                let before = at.now + TimeDelta::days(1);
                let dropped = outbox.drop_published(PARTITION, before, limit(*most)).await;
                Answer::Dropped(dropped.expect("dropping events"))
            }
            Call::Waiting => Answer::Waiting(outbox.waiting().await.expect("waiting")),
            Call::Wait => {
                h.advance(SHORT).await;
                Answer::Waited
            }
        }
    }

    fn learn(&self, client: &mut Client, call: &Call, answer: &Answer) {
        match (call, answer) {
            (Call::Write(_), _) => client.writes += 1,
            (_, Answer::Leased(Some(lease))) => client.lease = Some(lease.clone()),
            (Call::GiveUp(_), _) => client.lease = None,
            (_, Answer::Rows(Ok(rows))) => {
                client.read_to = rows.last().map_or(client.read_to, |(sequence, ..)| *sequence);
            }
            _ => {}
        }
    }
}
