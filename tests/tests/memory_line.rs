//! The conformance suites over the in-memory adapters of the line: holds, waiting room, rate limit,
//! users, fraud, signatures, time, ids and chance. An adapter of your own is tested in the same way.

use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ticketing_core::id::UserId;
use ticketing_core::memory::{
    ClockIds, ManualClock, MemoryFraud, MemoryHolds, MemoryRateLimit, MemoryUsers,
    MemoryWaitingRoom, SeededRandom, SystemClock,
};
use ticketing_core::port::{
    Clock, FraudCheck, IdGenerator, Random, RateLimit, SeatHolds, Timer, TokenSigner,
    UserDirectory, UserStatus, WaitingRoom,
};
use ticketing_core::signing::{HmacSigner, KeyRing, SigningKey};
use ticketing_core::testing::{self, Harness};
use uuid::Uuid;

fn clock() -> ManualClock {
    ManualClock::at(DateTime::<Utc>::from_timestamp(1_800_000_000, 123_456_789).unwrap())
}

mod holds {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn SeatHolds>) -> F) {
        pollster::block_on(test(Harness::threads(clock()), Arc::new(MemoryHolds::new())));
    }
    ticketing_core::holds_conformance!(run);

    #[test]
    fn all_on_one_adapter() {
        run(async |h, port| ticketing_core::testing::holds::all(&h, &port).await);
    }
}

mod waiting_room {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn WaitingRoom>) -> F) {
        pollster::block_on(test(Harness::threads(clock()), Arc::new(MemoryWaitingRoom::new())));
    }
    ticketing_core::waiting_room_conformance!(run);

    #[test]
    fn all_on_one_adapter() {
        run(async |h, port| ticketing_core::testing::waiting_room::all(&h, &port).await);
    }
}

mod rate_limit {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn RateLimit>) -> F) {
        pollster::block_on(test(Harness::threads(clock()), Arc::new(MemoryRateLimit::new())));
    }
    ticketing_core::rate_limit_conformance!(run);
}

mod users {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn UserDirectory>) -> F) {
        let users = MemoryUsers::new();
        users.set_failing(true);
        pollster::block_on(test(Harness::threads(clock()), Arc::new(users)));
    }
    ticketing_core::users_conformance!(run);

    #[test]
    fn status_is_of_the_user() {
        let [active, inactive] = [1, 2].map(|id| UserId::from_uuid(Uuid::from_u128(id)));
        let users = MemoryUsers::empty();
        users.set(active, UserStatus::Active);
        users.set(inactive, UserStatus::Inactive);
        let users: Arc<dyn UserDirectory> = Arc::new(users);
        let harness = Harness::threads(clock());
        pollster::block_on(testing::users::status_is_of_the_user(
            &harness, &users, active, inactive,
        ));
    }
}

mod fraud {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn FraudCheck>) -> F) {
        let fraud = MemoryFraud::new();
        fraud.set_failing(true);
        pollster::block_on(test(Harness::threads(clock()), Arc::new(fraud)));
    }
    ticketing_core::fraud_conformance!(run);

    #[test]
    fn verdict_is_of_the_query() {
        let suspected = UserId::from_uuid(Uuid::from_u128(1));
        let fraud = MemoryFraud::new();
        fraud.suspect(suspected);
        let fraud: Arc<dyn FraudCheck> = Arc::new(fraud);
        let harness = Harness::threads(clock());
        pollster::block_on(testing::fraud::verdict_is_of_the_query(&harness, &fraud, suspected));
    }
}

mod signer {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn TokenSigner>) -> F) {
        let [current, older] = [[1; 32], [2; 32]].map(|key| SigningKey::new(&key).unwrap());
        let ring = KeyRing::new(current).trusting(older).unwrap();
        pollster::block_on(test(Harness::threads(clock()), Arc::new(HmacSigner::new(ring))));
    }
    ticketing_core::signer_conformance!(run);
}

mod manual_clock {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn Clock>) -> F) {
        let clock = clock();
        pollster::block_on(test(Harness::threads(clock.clone()), Arc::new(clock)));
    }
    ticketing_core::clock_conformance!(run);
}

mod system_clock {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn Clock>) -> F) {
        pollster::block_on(test(Harness::threads(clock()), Arc::new(SystemClock)));
    }
    ticketing_core::clock_conformance!(run);
}

mod timer {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn Timer>) -> F) {
        let clock = clock();
        pollster::block_on(test(Harness::threads(clock.clone()), Arc::new(clock)));
    }
    ticketing_core::timer_conformance!(run);
}

mod ids {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn IdGenerator>) -> F) {
        let clock = clock();
        let ids = ClockIds::new(Arc::new(clock.clone()), Arc::new(SeededRandom::new(1)));
        pollster::block_on(test(Harness::threads(clock), Arc::new(ids)));
    }
    ticketing_core::ids_conformance!(run);
}

mod random {
    use super::*;

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn Random>) -> F) {
        pollster::block_on(test(Harness::threads(clock()), Arc::new(SeededRandom::new(1))));
    }
    ticketing_core::random_conformance!(run);
}
