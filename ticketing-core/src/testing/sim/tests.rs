use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::memory::ManualClock;
use crate::port::{Clock, Timer};
use crate::sync::{lock, yield_now};

fn begin() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// Three tasks that each write their letter three times, with a yield in between.
fn letters(seed: u64) -> String {
    let mut simulator = Simulator::new(seed, begin());
    let (handle, text) = (simulator.handle(), Arc::new(Mutex::new(String::new())));
    let written = Arc::clone(&text);
    simulator
        .block_on(async move {
            let group = handle.new_group();
            let tasks = ['a', 'b', 'c'].map(|letter| {
                let text = Arc::clone(&text);
                handle.spawn(group, async move {
                    for _ in 0..3 {
                        lock(&text).push(letter);
                        yield_now().await;
                    }
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
        })
        .unwrap();
    lock(&written).clone()
}

#[test]
fn a_seed_gives_one_order_and_seeds_give_many() {
    assert_eq!(letters(1), letters(1));
    let orders: std::collections::BTreeSet<String> = (0..50).map(letters).collect();
    assert!(orders.len() > 20, "{} orders of 50 seeds", orders.len());
    assert!(orders.iter().all(|order| order.matches('b').count() == 3));
}

#[test]
fn time_moves_only_when_nobody_is_ready_and_then_to_the_next_instant() {
    let mut simulator = Simulator::new(1, begin());
    let (handle, clock) = (simulator.handle(), simulator.clock());
    let woke = simulator
        .block_on(async move {
            let group = handle.new_group();
            let sleeper = |seconds: i64, clock: ManualClock| async move {
                clock.sleep_until(begin() + TimeDelta::seconds(seconds)).await;
                (clock.now() - begin()).num_seconds()
            };
            let sleepers = [30, 10, 20].map(|s| handle.spawn(group, sleeper(s, clock.clone())));
            for _ in 0..1_000 {
                yield_now().await;
                assert_eq!(clock.now(), begin());
            }
            let mut woke = Vec::new();
            for sleeper in sleepers {
                woke.push(sleeper.await.unwrap());
            }
            woke
        })
        .unwrap();
    assert_eq!(woke, [30, 10, 20]);
    assert_eq!(simulator.clock().now(), begin() + Duration::from_secs(30));
}

/// Says so when it is dropped.
struct Tells(Arc<Mutex<Vec<&'static str>>>, &'static str);

impl Drop for Tells {
    fn drop(&mut self) {
        lock(&self.0).push(self.1);
    }
}

#[test]
fn a_killed_group_ends_where_it_waits_and_others_live_on() {
    let mut simulator = Simulator::new(1, begin());
    let (handle, clock) = (simulator.handle(), simulator.clock());
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&dropped);
    let live = simulator
        .block_on(async move {
            let (dies, lives) = (handle.new_group(), handle.new_group());
            let sleep = |name, clock: ManualClock| {
                let tells = Tells(Arc::clone(&dropped), name);
                async move {
                    clock.sleep_until(begin() + Duration::from_hours(1)).await;
                    drop(tells);
                    7
                }
            };
            let one = handle.spawn(dies, sleep("one", clock.clone()));
            let two = handle.spawn(dies, sleep("two", clock.clone()));
            let other = handle.spawn(lives, sleep("other", clock.clone()));
            yield_now().await;
            handle.kill(dies);
            assert_eq!((one.await, two.await), (Err(Killed), Err(Killed)));
            assert_eq!((clock.now(), lock(&dropped).clone()), (begin(), vec!["one", "two"]));
            assert_eq!(other.await, Ok(7));
            handle.live_tasks()
        })
        .unwrap();
    assert_eq!((live, lock(&seen).len()), (1, 3));
    assert_eq!(simulator.clock().next_wake(), None, "a killed sleep leaves nothing behind");
}

#[test]
fn a_task_that_kills_its_own_group_ends_at_its_next_await() {
    let mut simulator = Simulator::new(1, begin());
    let handle = simulator.handle();
    let reached = Arc::new(Mutex::new(Vec::new()));
    let steps = Arc::clone(&reached);
    let result = simulator.block_on(async move {
        let group = handle.new_group();
        let killer = handle.clone();
        let own = handle.spawn(group, async move {
            killer.kill(group);
            lock(&steps).push("before");
            yield_now().await;
            lock(&steps).push("after");
        });
        own.await
    });
    assert_eq!((result, lock(&reached).clone()), (Ok(Err(Killed)), vec!["before"]));
}

#[test]
fn who_waits_for_nothing_is_a_deadlock() {
    let mut simulator = Simulator::new(1, begin());
    let never = poll_fn(|_| Poll::<()>::Pending);
    assert_eq!(simulator.block_on(never), Err(Stopped::Deadlock { at: begin() }));
}

#[test]
fn who_spins_while_time_stands_still_is_a_livelock() {
    let mut simulator = Simulator::new(1, begin()).with_steps_max(1_000);
    let clock = simulator.clock();
    let spin = async move {
        // As many steps at another instant do not count.
        for instant in 1..3 {
            for _ in 0..900 {
                yield_now().await;
            }
            clock.sleep_until(begin() + TimeDelta::seconds(instant)).await;
        }
        loop {
            yield_now().await;
        }
    };
    let at = begin() + Duration::from_secs(2);
    let stopped = simulator.block_on::<(), _>(spin);
    assert_eq!(stopped, Err(Stopped::Livelock { at, steps: 1_000 }));
}

#[test]
#[should_panic(expected = "at most 3 tasks")]
fn more_tasks_than_allowed_are_refused() {
    let simulator = Simulator::new(1, begin()).with_tasks_max(3);
    let handle = simulator.handle();
    for _ in 0..4 {
        drop(handle.spawn(handle.new_group(), async {}));
    }
}

#[test]
fn a_result_that_nobody_waits_for_is_let_go() {
    let mut simulator = Simulator::new(1, begin());
    let handle = simulator.handle();
    let done = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&done);
    simulator
        .block_on(async move {
            drop(handle.spawn(handle.new_group(), async move {
                yield_now().await;
                *lock(&done) = true;
            }));
            while handle.live_tasks() > 1 {
                yield_now().await;
            }
        })
        .unwrap();
    assert!(*lock(&seen));
}
