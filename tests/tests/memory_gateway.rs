//! The in-memory gateway and publisher, alone and behind the limiter, against the contract of their ports.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use ticketing_core::error::PortError;
use ticketing_core::id::PaymentId;
use ticketing_core::label::Token;
use ticketing_core::limiter::{LimitedGateway, LimiterOptions};
use ticketing_core::memory::{
    CallAct, FakeGateway, ManualClock, MemoryPublisher, PublishAct, PublisherFaults, SeededRandom,
    Step,
};
use ticketing_core::money::Money;
use ticketing_core::port::{
    CancelRequest, Captured, ConfirmRequest, DepositAccount, EventPublisher, Found, GatewayError,
    GatewayKey, IssueRequest, OutboxRow, PaymentGateway,
};
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
            Breakage::Delayed => CallAct::Late(Duration::from_secs(30)),
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

/// What a broken adapter gets wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    GuessesThatNothingMoved,
    SendsAnotherKeyEachTime,
    DoesNotNameRefunds,
}

struct Flawed {
    inner: Arc<FakeGateway>,
    flaw: Flaw,
    calls: AtomicU32,
}

impl Flawed {
    fn answer<T>(&self, answer: Result<T, GatewayError>) -> Result<T, GatewayError> {
        match answer {
            Err(GatewayError::Unknown(_)) if self.flaw == Flaw::GuessesThatNothingMoved => {
                Err(GatewayError::Retryable { retry_after: None })
            }
            answer => answer,
        }
    }
}

#[async_trait]
impl PaymentGateway for Flawed {
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError> {
        self.answer(self.inner.confirm(request).await)
    }

    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError> {
        self.answer(self.inner.issue_deposit_account(request).await)
    }

    async fn close_account(&self, payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError> {
        self.answer(self.inner.close_account(payment, key).await)
    }

    async fn cancel(&self, mut request: CancelRequest) -> Result<(), GatewayError> {
        if self.flaw == Flaw::SendsAnotherKeyEachTime {
            let attempt = self.calls.fetch_add(1, Ordering::Relaxed);
            request.key = GatewayKey::cancel(request.refund, attempt);
        }
        self.answer(self.inner.cancel(request).await)
    }

    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError> {
        match self.inner.find(payment).await {
            Ok(Found::Captured { amount, .. }) if self.flaw == Flaw::DoesNotNameRefunds => {
                Ok(Found::Captured { amount, cancels: Vec::new() })
            }
            answer => answer,
        }
    }
}

fn flawed(flaw: Flaw) -> (Harness, Arc<dyn PaymentGateway>, FakeStage) {
    let clock = clock();
    let inner = fake(&clock);
    let stage = FakeStage(inner.clone());
    let calls = AtomicU32::new(0);
    (Harness::threads(clock), Arc::new(Flawed { inner, flaw, calls }), stage)
}

#[test]
#[should_panic(expected = "nothing moved after LostAfter")]
fn a_gateway_that_guesses_is_found_out() {
    let (h, gateway, stage) = flawed(Flaw::GuessesThatNothingMoved);
    pollster::block_on(gateway::definite_answers_are_true(&h, &gateway, &stage));
}

#[test]
#[should_panic(expected = "refunds of")]
fn a_gateway_that_changes_its_keys_is_found_out() {
    let (h, gateway, stage) = flawed(Flaw::SendsAnotherKeyEachTime);
    pollster::block_on(gateway::repeated_key_moves_nothing_twice(&h, &gateway, &stage));
}

#[test]
#[should_panic(expected = "refunds of")]
fn a_gateway_that_does_not_name_refunds_is_found_out() {
    let (h, gateway, stage) = flawed(Flaw::DoesNotNameRefunds);
    pollster::block_on(gateway::find_names_our_refunds(&h, &gateway, &stage));
}

/// Says Ok whatever happened, or turns each batch around.
struct FlawedPublisher {
    inner: Arc<MemoryPublisher>,
    turns: bool,
}

#[async_trait]
impl EventPublisher for FlawedPublisher {
    async fn publish(&self, mut events: Vec<OutboxRow>) -> Result<(), PortError> {
        if self.turns {
            events.reverse();
            return self.inner.publish(events).await;
        }
        let _ = self.inner.publish(events).await;
        Ok(())
    }
}

#[test]
#[should_panic(expected = "publish said Ok, but")]
fn a_publisher_that_does_not_look_at_the_answer_is_found_out() {
    let inner = Arc::new(MemoryPublisher::default());
    inner.script([PublishAct::FailHalfway]);
    let read = consumer(&inner);
    let port: Arc<dyn EventPublisher> = Arc::new(FlawedPublisher { inner, turns: false });
    pollster::block_on(publisher::ok_means_all_arrived(&Harness::threads(clock()), &port, &read));
}

#[test]
#[should_panic(expected = "is not at its place in its stream")]
fn a_publisher_that_loses_the_order_is_found_out() {
    let inner = Arc::new(MemoryPublisher::default());
    let read = consumer(&inner);
    let port: Arc<dyn EventPublisher> = Arc::new(FlawedPublisher { inner, turns: true });
    let h = Harness::threads(clock());
    pollster::block_on(publisher::streams_keep_their_order(&h, &port, &read));
}
