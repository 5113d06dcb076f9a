//! What every [`WaitingRoom`] must do.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use super::Harness;
use super::suite::suite;
use crate::id::{AdmissionId, PerformanceId, UserId};
use crate::port::{Entered, Joined, LineRules, LineState, Standing, WaitingRoom};

suite! { $ waiting_room: dyn WaitingRoom => waiting_room_conformance {
    numbers_are_given_once,
    joining_twice_keeps_the_place,
    lines_do_not_mix,
    calls_only_who_is_there,
    never_more_inside_than_allowed,
    entry_is_one_time,
    expiry_and_leave_free_the_place,
    a_full_line_refuses,
    early_birds_are_shuffled,
} }

const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_mins(1);

/// One line of its own and the calls on it.
struct Line<'a> {
    h: &'a Harness,
    port: &'a Arc<dyn WaitingRoom>,
    id: PerformanceId,
}

impl<'a> Line<'a> {
    async fn open(h: &'a Harness, port: &'a Arc<dyn WaitingRoom>, rules: LineRules) -> Self {
        let line = Self { h, port, id: PerformanceId::generate(h.ids()) };
        assert_eq!(port.rules(line.id).await.expect("rules"), None, "rules of a line never opened");
        port.configure(line.id, rules).await.expect("configure");
        assert_eq!(port.rules(line.id).await.expect("rules"), Some(rules));
        line
    }

    fn user(&self) -> UserId {
        UserId::generate(self.h.ids())
    }

    /// Whole milliseconds, what every adapter can keep.
    fn after(&self, time: Duration) -> DateTime<Utc> {
        self.h.now().trunc_subsecs(3) + time
    }

    async fn join(&self, user: UserId) -> Joined {
        self.port.join(self.id, user, self.h.now()).await.expect("join")
    }

    /// Lets so many new users join.
    async fn fill(&self, count: u64) -> Vec<UserId> {
        let mut users = Vec::new();
        for _ in 0..count {
            let user = self.user();
            assert!(matches!(self.join(user).await, Joined::Numbered(_)), "the line is open");
            users.push(user);
        }
        users
    }

    async fn standing(&self, user: UserId) -> Standing {
        self.port.standing(self.id, user, self.h.now()).await.expect("standing")
    }

    async fn number(&self, user: UserId) -> u64 {
        match self.standing(user).await {
            Standing::Waiting { number, .. } | Standing::Called { number } => number,
            other @ (Standing::Absent | Standing::Accepted | Standing::Inside { .. }) => {
                panic!("expected a number, got {other:?}")
            }
        }
    }

    async fn call(&self, count: u64) -> LineState {
        self.port.call(self.id, count, self.h.now()).await.expect("call")
    }

    async fn state(&self) -> LineState {
        self.port.state(self.id, self.h.now()).await.expect("state")
    }

    async fn enter(&self, user: UserId, time: Duration) -> Entered {
        let admission = AdmissionId::generate(self.h.ids());
        let expires_at = self.after(time);
        self.port.enter(self.id, user, admission, expires_at, self.h.now()).await.expect("enter")
    }

    async fn leave(&self, user: UserId) -> bool {
        self.port.leave(self.id, user).await.expect("leave")
    }

    async fn enter_at_once(&self, users: impl IntoIterator<Item = UserId>) -> Vec<Entered> {
        let tasks: Vec<_> = users
            .into_iter()
            .map(|user| {
                let (port, line, now) = (Arc::clone(self.port), self.id, self.h.now());
                let (admission, ends) = (AdmissionId::generate(self.h.ids()), self.after(LONG));
                async move { port.enter(line, user, admission, ends, now).await.expect("enter") }
            })
            .collect();
        self.h.race(tasks).await
    }

    async fn join_at_once(&self, users: impl IntoIterator<Item = UserId>) -> Vec<Joined> {
        let tasks: Vec<_> = users
            .into_iter()
            .map(|user| {
                let (port, line, now) = (Arc::clone(self.port), self.id, self.h.now());
                async move { port.join(line, user, now).await.expect("join") }
            })
            .collect();
        self.h.race(tasks).await
    }
}

const fn rules(active_max: u64, line_max: u64) -> LineRules {
    LineRules { active_max, line_max, opens_at: None }
}

fn is_inside(entered: &Entered) -> bool {
    matches!(entered, Entered::Inside { .. })
}

/// 50 users who join at the same time get the numbers 1 to 50.
pub async fn numbers_are_given_once(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    let line = Line::open(h, port, rules(10, 1_000)).await;
    let joined = line.join_at_once((0..50).map(|_| line.user())).await;
    let mut numbers: Vec<u64> = joined
        .into_iter()
        .map(|joined| match joined {
            Joined::Numbered(number) => number,
            Joined::Accepted | Joined::Full => panic!("expected a number, got {joined:?}"),
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=50).collect::<Vec<u64>>(), "each number once, from 1");
    assert_eq!(line.state().await.numbered, 50);
}

/// A user has one number, whatever others do, also after it was called and however often the page is
/// opened again.
pub async fn joining_twice_keeps_the_place(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    let line = Line::open(h, port, rules(10, 1_000)).await;
    let users = line.fill(3).await;
    assert_eq!(line.join(users[1]).await, Joined::Numbered(2));
    assert!(line.leave(users[0]).await);
    assert_eq!(line.join(users[1]).await, Joined::Numbered(2), "who leaves moves nobody");
    assert_eq!(line.standing(users[2]).await, Standing::Waiting { number: 3, ahead: 2 });
    line.call(2).await;
    assert_eq!(line.join(users[1]).await, Joined::Numbered(2), "a called user keeps the number");
    assert_eq!(line.standing(users[1]).await, Standing::Called { number: 2 });
    assert_eq!(line.standing(users[2]).await, Standing::Waiting { number: 3, ahead: 0 });

    let user = line.user();
    let joined = line.join_at_once([user; 20]).await;
    assert_eq!(joined, [Joined::Numbered(4); 20], "one user at twenty tabs has one number");
    assert_eq!(line.join(line.user()).await, Joined::Numbered(5));
}

/// A user's place, the numbers called and the places inside count one line only.
pub async fn lines_do_not_mix(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    let busy = Line::open(h, port, rules(1, 1_000)).await;
    let quiet = Line::open(h, port, rules(1, 1_000)).await;
    let busy_users = busy.fill(5).await;
    let quiet_user = quiet.fill(1).await[0];
    assert_eq!(quiet.standing(quiet_user).await, Standing::Waiting { number: 1, ahead: 0 });
    let both = busy_users[4];
    assert_eq!(quiet.standing(both).await, Standing::Absent);
    assert_eq!(quiet.join(both).await, Joined::Numbered(2), "a number of the other line");
    assert_eq!(busy.standing(both).await, Standing::Waiting { number: 5, ahead: 4 });
    assert_eq!(quiet.standing(both).await, Standing::Waiting { number: 2, ahead: 1 });

    assert_eq!(busy.call(5).await.serving, 5);
    assert_eq!(quiet.state().await, LineState { numbered: 2, ..LineState::default() });
    assert!(is_inside(&busy.enter(both, LONG).await));
    assert_eq!(quiet.enter(both, LONG).await, Entered::NotCalled);
    quiet.call(1).await;
    assert!(is_inside(&quiet.enter(quiet_user, LONG).await), "the other line's places are taken");
    assert!(quiet.leave(both).await);
    assert!(matches!(busy.standing(both).await, Standing::Inside { .. }));
}

/// Only numbers that were given are called, and only who has one of them enters.
pub async fn calls_only_who_is_there(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    let line = Line::open(h, port, rules(10, 1_000)).await;
    assert_eq!(line.call(10).await, LineState::default(), "nobody is there");
    let users = line.fill(3).await;
    assert_eq!(line.call(0).await.serving, 0);
    assert_eq!(line.call(1).await.serving, 1);
    assert_eq!(line.standing(users[0]).await, Standing::Called { number: 1 });
    assert_eq!(line.enter(users[1], LONG).await, Entered::NotCalled);
    let state = line.call(u64::MAX).await;
    assert_eq!((state.numbered, state.serving), (3, 3), "called beyond the last number");

    let late = line.fill(1).await[0];
    assert_eq!(line.standing(late).await, Standing::Waiting { number: 4, ahead: 0 });
    assert_eq!(line.enter(late, LONG).await, Entered::NotCalled);
    let stranger = line.user();
    assert_eq!(line.enter(stranger, LONG).await, Entered::NotCalled);
    assert_eq!(line.standing(stranger).await, Standing::Absent);
    assert!(is_inside(&line.enter(users[0], LONG).await), "a number called long ago still counts");
}

/// 50 called users who enter at the same time: as many as allowed get in, the others keep their place.
pub async fn never_more_inside_than_allowed(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    let line = Line::open(h, port, rules(10, 1_000)).await;
    let users = line.fill(50).await;
    line.call(50).await;
    let entered = line.enter_at_once(users.iter().copied()).await;
    assert_eq!(entered.iter().filter(|entered| is_inside(entered)).count(), 10);
    assert_eq!(entered.iter().filter(|entered| **entered == Entered::Full).count(), 40);
    assert_eq!(line.state().await.active, 10);

    let outside = entered.iter().position(|entered| *entered == Entered::Full).expect("one of 40");
    let inside = entered.iter().position(is_inside).expect("one of 10");
    assert!(matches!(line.standing(users[outside]).await, Standing::Called { .. }));
    assert!(line.leave(users[inside]).await);
    assert!(is_inside(&line.enter(users[outside], LONG).await), "the place was kept");
    assert_eq!(line.state().await.active, 10);
}

/// Entering again gives the first admission until it ends, never a second one.
pub async fn entry_is_one_time(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    let line = Line::open(h, port, rules(10, 1_000)).await;
    let users = line.fill(2).await;
    line.call(2).await;
    let admission = AdmissionId::generate(h.ids());
    let expires_at = line.after(LONG);
    let first = port.enter(line.id, users[0], admission, expires_at, h.now()).await;
    assert_eq!(first.expect("enter"), Entered::Inside { admission, expires_at });
    let again = line.enter(users[0], LONG + SHORT).await;
    assert_eq!(again, Entered::Inside { admission, expires_at }, "the same admission and end");
    assert_eq!(line.standing(users[0]).await, Standing::Inside { admission, expires_at });
    let state = line.state().await;
    assert_eq!((state.active, state.entered), (1, 1), "counted once");

    let entered = line.enter_at_once([users[1]; 20]).await;
    assert!(is_inside(&entered[0]), "{entered:?}");
    assert!(entered.iter().all(|got| *got == entered[0]), "two admissions: {entered:?}");
    let state = line.state().await;
    assert_eq!((state.active, state.entered), (2, 2), "counted once under a race");
}

/// An admission that expired or was given back makes room for the next one, and ends for good.
pub async fn expiry_and_leave_free_the_place(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    let line = Line::open(h, port, rules(1, 1_000)).await;
    let users = line.fill(3).await;
    line.call(3).await;
    assert!(is_inside(&line.enter(users[0], SHORT).await));
    assert_eq!(line.enter(users[1], LONG).await, Entered::Full);
    h.advance(SHORT).await;
    assert_eq!(line.state().await.active, 0, "an expired admission takes a place");
    assert!(is_inside(&line.enter(users[1], LONG).await));
    assert_eq!(line.enter(users[0], LONG).await, Entered::Over);
    assert_eq!(line.standing(users[0]).await, Standing::Absent);

    assert!(line.leave(users[1]).await);
    assert_eq!(line.state().await.active, 0, "who left takes a place");
    assert_eq!(line.enter(users[1], LONG).await, Entered::Over);
    assert!(!line.leave(users[1]).await, "left twice");
    assert!(!line.leave(line.user()).await, "left without having joined");
    assert!(line.leave(users[2]).await, "a called user may leave");
    assert_eq!(line.enter(users[2], LONG).await, Entered::NotCalled);

    assert_eq!(line.join(users[0]).await, Joined::Numbered(4), "a new place at the end");
    assert_eq!(line.enter(users[0], LONG).await, Entered::NotCalled);
    line.call(1).await;
    assert!(is_inside(&line.enter(users[0], LONG).await));
}

/// A line with `line_max` users in it takes no other until one is called or leaves.
pub async fn a_full_line_refuses(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    let line = Line::open(h, port, rules(10, 3)).await;
    let users = line.fill(3).await;
    let late = line.user();
    assert_eq!(line.join(late).await, Joined::Full);
    assert_eq!(line.standing(late).await, Standing::Absent);
    assert_eq!(line.join(users[2]).await, Joined::Numbered(3), "who is in line stays");
    line.call(1).await;
    assert_eq!(line.join(late).await, Joined::Numbered(4));
    assert_eq!(line.join(line.user()).await, Joined::Full);
    assert!(line.leave(users[1]).await);
    assert_eq!(line.join(line.user()).await, Joined::Numbered(5));

    let joined = {
        let line = Line::open(h, port, rules(10, 10)).await;
        line.join_at_once((0..50).map(|_| line.user())).await
    };
    assert_eq!(joined.iter().filter(|joined| **joined == Joined::Full).count(), 40, "under a race");
}

/// Who comes before the opening gets no number; then all of them are numbered in an order that the
/// seed decides, before anyone who came later, once.
pub async fn early_birds_are_shuffled(h: &Harness, port: &Arc<dyn WaitingRoom>) {
    const EARLY: u64 = 50;
    let opens_at = h.now().trunc_subsecs(3) + LONG;
    let rules = LineRules { opens_at: Some(opens_at), ..rules(10, 1_000) };
    let users: Vec<UserId> = (0..EARLY).map(|_| UserId::generate(h.ids())).collect();
    let mut lines = Vec::new();
    for seed in [11, 11, 12] {
        let line = Line::open(h, port, rules).await;
        for &user in &users {
            assert_eq!(line.join(user).await, Joined::Accepted);
        }
        assert_eq!(line.join(users[0]).await, Joined::Accepted, "registered once");
        assert_eq!(line.standing(users[0]).await, Standing::Accepted);
        let state = line.state().await;
        assert_eq!((state.accepted, state.numbered), (EARLY, 0));
        assert_eq!(line.call(10).await.serving, 0, "nobody has a number yet");
        lines.push((line, seed));
    }
    // The same rules with an opening that is past: nothing has to wait for the real one.
    let mut orders: Vec<Vec<u64>> = Vec::new();
    for (line, seed) in &lines {
        let opened = LineRules { opens_at: Some(h.now().trunc_subsecs(3)), ..rules };
        port.configure(line.id, opened).await.expect("configure");
        let late = line.user();
        let _number_or_not = line.join(late).await;
        assert!(port.number_early(line.id, *seed).await.expect("number") >= EARLY);
        let mut order = Vec::new();
        for &user in &users {
            order.push(line.number(user).await);
        }
        assert!(
            line.number(late).await > EARLY,
            "who came after the opening is before early birds"
        );
        assert_eq!(port.number_early(line.id, seed + 1).await.expect("number"), 0, "only once");
        assert_eq!(line.number(users[0]).await, order[0]);
        assert_eq!(line.state().await.accepted, 0);
        assert_eq!(line.join(line.user()).await, Joined::Numbered(EARLY + 2));
        let mut numbers = order.clone();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=EARLY).collect::<Vec<_>>(), "each number once");
        assert_ne!(order, numbers, "first come, first served is no shuffle");
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1], "one seed, one order");
    assert_ne!(orders[0], orders[2], "another seed, another order");
}
