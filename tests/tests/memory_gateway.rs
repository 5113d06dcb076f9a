//! The in-memory gateway and publisher, alone and behind the limiter, against the contract of their ports.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use ticketing_core::id::PaymentId;
use ticketing_core::label::Token;
use ticketing_core::limiter::{LimitedGateway, LimiterOptions};
use ticketing_core::memory::{
    CallAct, FakeGateway, ManualClock, MemoryPublisher, PublishAct, PublisherFaults, SeededRandom,
    Step,
};
use ticketing_core::money::Money;
use ticketing_core::port::{EventPublisher, PaymentGateway};
use ticketing_core::testing::Harness;
use ticketing_core::testing::gateway::{self, Breakage, GatewayStage};
use ticketing_core::testing::publisher::{self, Consumer, Delivery};

fn clock() -> ManualClock {
    ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).expect("a time"))
}

struct FakeStage(Arc<FakeGateway>);

#[async_trait]
impl GatewayStage for FakeStage {
    async fn authenticate(&self, payment: PaymentId, amount: Money) -> Token {
        self.0.authenticate(payment, amount)
    }

    async fn deposit(&self, payment: PaymentId, amount: Money) {
        self.0.deposit(payment, amount).expect("the account is open");
    }

    async fn break_next(&self, payment: PaymentId, breakage: Breakage) -> bool {
        let act = match breakage {
            Breakage::LostBefore => CallAct::LostBefore,
            Breakage::LostAfter => CallAct::LostAfter,
            Breakage::Busy => CallAct::Refuse { retry_after: Some(Duration::from_millis(50)) },
            Breakage::Declined => CallAct::Decline,
            _ => return false,
        };
        self.0.script(payment, [Step::AnyCall(act)]);
        true
    }
}

fn fake(clock: &ManualClock) -> Arc<FakeGateway> {
    Arc::new(FakeGateway::new(Arc::new(clock.clone()), Arc::new(clock.clone())))
}

#[test]
fn the_memory_gateway_keeps_the_contract() {
    let clock = clock();
    let fake = fake(&clock);
    let gateway: Arc<dyn PaymentGateway> = fake.clone();
    pollster::block_on(gateway::all(&Harness::threads(clock), &gateway, &FakeStage(fake)));
}

#[test]
fn the_limiter_keeps_the_contract_of_what_it_limits() {
    let clock = clock();
    let fake = fake(&clock);
    let options = LimiterOptions {
        in_flight_max: 2,
        per_second_max: 1_000,
        burst: 100_000,
        ..LimiterOptions::default()
    };
    let (time, timer) = (Arc::new(clock.clone()), Arc::new(clock.clone()));
    let limited = LimitedGateway::new(fake.clone(), time, timer, options).expect("good options");
    let gateway: Arc<dyn PaymentGateway> = Arc::new(limited);
    pollster::block_on(gateway::all(&Harness::threads(clock), &gateway, &FakeStage(fake)));
}

fn consumer(publisher: &Arc<MemoryPublisher>) -> Consumer {
    let publisher = Arc::clone(publisher);
    Arc::new(move || {
        let deliveries = publisher
            .events()
            .into_iter()
            .map(|row| Delivery {
                stream: row.stream,
                event_id: row.event_id(),
                payload: row.payload,
            })
            .collect();
        Box::pin(std::future::ready(deliveries))
    })
}

#[test]
fn the_memory_publisher_keeps_the_contract() {
    let memory = Arc::new(MemoryPublisher::default());
    memory.script([PublishAct::FailHalfway, PublishAct::Twice]);
    let port: Arc<dyn EventPublisher> = memory.clone();
    let harness = Harness::threads(clock());
    pollster::block_on(publisher::all(&harness, &port, &consumer(&memory)));
}

#[test]
fn the_memory_publisher_keeps_the_contract_on_a_bad_day() {
    for seed in 0..20 {
        let faults =
            PublisherFaults { fail_before: 150, fail_halfway: 150, fail_after: 150, twice: 150 };
        let random = Arc::new(SeededRandom::new(seed));
        let memory = MemoryPublisher::seeded(10_000, random, faults).expect("good rates");
        let memory = Arc::new(memory);
        let port: Arc<dyn EventPublisher> = memory.clone();
        let (h, read) = (Harness::threads(clock()), consumer(&memory));
        pollster::block_on(publisher::ok_means_all_arrived(&h, &port, &read));
        pollster::block_on(publisher::streams_keep_their_order(&h, &port, &read));
        pollster::block_on(publisher::partitions_go_side_by_side(&h, &port, &read));
    }
}
