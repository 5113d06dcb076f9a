use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, Weak};
use std::task::Wake;
use std::time::Duration;

use pollster::block_on;
use uuid::Uuid;

use super::*;
use crate::id::RefundId;
use crate::label::Token;
use crate::memory::ManualClock;
use crate::money::{Currency, Money};

const SECOND: Duration = Duration::from_secs(1);
const ROOMY: LimiterOptions = LimiterOptions {
    in_flight_max: 1_000,
    per_second_max: 100_000,
    burst: 100_000,
    waiting_max: 1_000,
    settling_in_row_max: 8,
    wait_max: Duration::from_mins(10),
    call_max: Duration::from_mins(10),
};

/// Every call takes the same time; writes down what started when.
struct Probe {
    clock: ManualClock,
    takes: Duration,
    started: Mutex<Vec<(DateTime<Utc>, String)>>,
    in_flight: AtomicUsize,
    in_flight_most: AtomicUsize,
}

impl Probe {
    async fn serve(&self, call: &str, payment: PaymentId) {
        let name = format!("{call} {}", payment.as_uuid().as_u128());
        lock(&self.started).push((self.clock.now(), name));
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.in_flight_most.fetch_max(now, Ordering::SeqCst);
        if !self.takes.is_zero() {
            self.clock.sleep_until(self.clock.now() + self.takes).await;
        }
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    fn names(&self) -> Vec<String> {
        lock(&self.started).iter().map(|(_, name)| name.clone()).collect()
    }
}

#[async_trait]
impl PaymentGateway for Probe {
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError> {
        self.serve("confirm", request.payment).await;
        Ok(Captured { amount: request.amount, at: self.clock.now() })
    }

    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError> {
        self.serve("issue", request.payment).await;
        Err(GatewayError::Unknown(None))
    }

    async fn close_account(&self, payment: PaymentId, _: GatewayKey) -> Result<(), GatewayError> {
        self.serve("close", payment).await;
        Ok(())
    }

    async fn cancel(&self, request: CancelRequest) -> Result<(), GatewayError> {
        self.serve("cancel", request.payment).await;
        Ok(())
    }

    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError> {
        self.serve("find", payment).await;
        Ok(Found::NotFound)
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Call = Pin<Box<dyn Future<Output = Result<(), GatewayError>> + Send>>;

/// Runs calls on one thread, each polled only when it was woken.
struct Bench {
    clock: ManualClock,
    probe: Arc<Probe>,
    gateway: Arc<LimitedGateway>,
    calls: Vec<(Option<Call>, Arc<Flag>)>,
    answers: Vec<Option<Result<(), GatewayError>>>,
}

impl Bench {
    fn new(options: LimiterOptions, takes: Duration) -> Self {
        let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let probe = Arc::new(Probe {
            clock: clock.clone(),
            takes,
            started: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            in_flight_most: AtomicUsize::new(0),
        });
        let (time, timer) = (Arc::new(clock.clone()), Arc::new(clock.clone()));
        let gateway = LimitedGateway::new(probe.clone(), time, timer, options).unwrap();
        Self { clock, probe, gateway: Arc::new(gateway), calls: Vec::new(), answers: Vec::new() }
    }

    fn start(&mut self, call: Call) -> usize {
        self.calls.push((Some(call), Arc::new(Flag(AtomicBool::new(true)))));
        self.answers.push(None);
        self.run();
        self.calls.len() - 1
    }

    fn confirm(&mut self, n: u128) -> usize {
        let gateway = Arc::clone(&self.gateway);
        self.start(Box::pin(async move { gateway.confirm(confirm(n)).await.map(drop) }))
    }

    fn find(&mut self, n: u128) -> usize {
        let gateway = Arc::clone(&self.gateway);
        self.start(Box::pin(async move { gateway.find(payment(n)).await.map(drop) }))
    }

    fn cancel(&mut self, n: u128) -> usize {
        let gateway = Arc::clone(&self.gateway);
        let refund = RefundId::from_uuid(Uuid::from_u128(n));
        let key = GatewayKey::cancel(refund, 1);
        let request =
            CancelRequest { payment: payment(n), refund, amount: won(), account: None, key };
        self.start(Box::pin(async move { gateway.cancel(request).await }))
    }

    fn run(&mut self) {
        loop {
            let mut idle = true;
            for (n, (call, flag)) in self.calls.iter_mut().enumerate() {
                let Some(running) = call else { continue };
                if !flag.0.swap(false, Ordering::SeqCst) {
                    continue;
                }
                idle = false;
                let waker = Waker::from(Arc::clone(flag));
                if let Poll::Ready(answer) = running.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    self.answers[n] = Some(answer);
                    *call = None;
                }
            }
            if idle {
                return;
            }
        }
    }

    fn give_up(&mut self, call: usize) {
        self.calls[call].0 = None;
        self.run();
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.run();
    }
}

fn payment(n: u128) -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(n))
}

fn won() -> Money {
    Money::from_minor(1_000, Currency::KRW).unwrap()
}

fn confirm(n: u128) -> ConfirmRequest {
    ConfirmRequest {
        payment: payment(n),
        provider_key: Token::new("key").unwrap(),
        amount: won(),
        key: GatewayKey::confirm(payment(n)),
    }
}

#[test]
fn no_more_calls_are_in_flight_than_allowed_and_all_get_their_turn() {
    let mut bench = Bench::new(LimiterOptions { in_flight_max: 2, ..ROOMY }, SECOND);
    for n in 0..5 {
        bench.confirm(n);
    }
    assert_eq!(bench.probe.names().len(), 2);
    let load = GatewayLoad { in_flight: 2, waiting_settling: 0, waiting_new: 3 };
    assert_eq!(bench.gateway.load(), load);
    bench.advance(SECOND);
    assert_eq!(bench.probe.names().len(), 4);
    bench.advance(SECOND);
    bench.advance(SECOND);
    assert!(bench.answers.iter().all(|answer| matches!(answer, Some(Ok(())))));
    assert_eq!(bench.probe.in_flight_most.load(Ordering::SeqCst), 2);
    let names = ["confirm 0", "confirm 1", "confirm 2", "confirm 3", "confirm 4"];
    assert_eq!(bench.probe.names(), names);
    assert_eq!(bench.clock.next_wake(), None, "nothing sleeps when nothing waits");
}

#[test]
fn calls_start_at_the_rate_after_the_first_burst_and_one_sleeper_is_enough() {
    let options = LimiterOptions { per_second_max: 10, burst: 2, ..ROOMY };
    let mut bench = Bench::new(options, Duration::ZERO);
    let begin = bench.clock.now();
    for n in 0..6 {
        bench.confirm(n);
    }
    for _ in 0..4 {
        let next = bench.clock.next_wake().expect("a waiting call watches the clock");
        bench.clock.set(next);
        bench.run();
    }
    let started: Vec<_> =
        lock(&bench.probe.started).iter().map(|(at, _)| (*at - begin).num_milliseconds()).collect();
    assert_eq!(started, [0, 0, 100, 200, 300, 400]);
    bench.advance(10 * SECOND);
    for n in 6..9 {
        bench.confirm(n);
    }
    assert_eq!(bench.probe.names().len(), 8, "rest saves up one burst and no more");
}

#[test]
fn what_settles_money_goes_first_and_each_class_in_order() {
    let mut bench = Bench::new(LimiterOptions { in_flight_max: 1, ..ROOMY }, SECOND);
    bench.confirm(0);
    bench.confirm(1);
    bench.confirm(2);
    bench.find(3);
    bench.cancel(4);
    for _ in 0..5 {
        bench.advance(SECOND);
    }
    let names = ["confirm 0", "find 3", "cancel 4", "confirm 1", "confirm 2"];
    assert_eq!(bench.probe.names(), names);
}

#[test]
fn new_money_waits_for_a_bounded_number_of_settling_calls() {
    let options = LimiterOptions { in_flight_max: 1, settling_in_row_max: 2, ..ROOMY };
    let mut bench = Bench::new(options, SECOND);
    bench.find(0);
    bench.confirm(1);
    bench.confirm(2);
    for n in 3..9 {
        bench.find(n);
    }
    for _ in 0..9 {
        bench.advance(SECOND);
    }
    let order: String = bench.probe.names().iter().map(|name| &name[..1]).collect();
    assert_eq!(order, "fffcffcff");
}

#[test]
fn a_full_line_says_when_to_come_back_and_keeps_places_for_settling_calls() {
    let options =
        LimiterOptions { in_flight_max: 1, per_second_max: 2, burst: 1, waiting_max: 4, ..ROOMY };
    let mut bench = Bench::new(options, SECOND);
    for n in 0..4 {
        bench.confirm(n);
    }
    let refused = bench.confirm(4);
    let Some(Err(GatewayError::Retryable { retry_after: Some(wait) })) = &bench.answers[refused]
    else {
        panic!("expected a full line, got {:?}", bench.answers[refused]);
    };
    assert_eq!(*wait, Duration::from_secs(2), "three wait before it, two go per second");
    let settling = bench.find(5);
    assert!(bench.answers[settling].is_none(), "a quarter is kept for it");
    let refused = bench.find(6);
    assert!(matches!(bench.answers[refused], Some(Err(GatewayError::Retryable { .. }))));
    assert_eq!(bench.probe.names(), ["confirm 0"], "refused calls were not sent");
}

#[test]
fn a_caller_that_gives_up_frees_its_place() {
    let options = LimiterOptions { in_flight_max: 1, waiting_max: 2, ..ROOMY };
    let mut bench = Bench::new(options, SECOND);
    let in_flight = bench.confirm(0);
    let waiting = bench.confirm(1);
    bench.give_up(waiting);
    assert_eq!(bench.gateway.load().waiting_new, 0);
    bench.confirm(2);
    bench.give_up(in_flight);
    assert_eq!(bench.probe.names(), ["confirm 0", "confirm 2"]);
}

#[test]
fn the_watch_over_the_clock_is_handed_on_when_its_holder_gives_up() {
    let options = LimiterOptions { per_second_max: 1, burst: 1, ..ROOMY };
    let mut bench = Bench::new(options, Duration::ZERO);
    bench.confirm(0);
    let watching = bench.confirm(1);
    bench.confirm(2);
    bench.give_up(watching);
    bench.advance(SECOND);
    assert_eq!(bench.probe.names(), ["confirm 0", "confirm 2"]);
}

#[test]
fn a_turn_that_came_but_was_not_used_goes_to_the_next() {
    let mut bench = Bench::new(LimiterOptions { in_flight_max: 1, ..ROOMY }, SECOND);
    let first = bench.confirm(0);
    let second = bench.confirm(1);
    bench.confirm(2);
    bench.calls[first].0 = None;
    bench.calls[second].0 = None;
    bench.run();
    assert_eq!(bench.probe.names(), ["confirm 0", "confirm 2"]);
    assert_eq!(bench.gateway.load().in_flight, 1);
}

#[test]
fn a_turn_that_does_not_come_in_time_was_never_sent() {
    let options = LimiterOptions { in_flight_max: 1, wait_max: SECOND, ..ROOMY };
    let mut bench = Bench::new(options, 5 * SECOND);
    bench.confirm(0);
    let late = bench.confirm(1);
    bench.advance(SECOND);
    let answer = &bench.answers[late];
    assert!(matches!(answer, Some(Err(GatewayError::Retryable { retry_after: Some(_) }))));
    bench.advance(5 * SECOND);
    assert_eq!(bench.probe.names(), ["confirm 0"]);
}

#[test]
fn a_call_without_an_answer_ends_as_unknown_and_frees_its_place() {
    let options = LimiterOptions { in_flight_max: 1, call_max: SECOND, ..ROOMY };
    let mut bench = Bench::new(options, 5 * SECOND);
    let stuck = bench.confirm(0);
    bench.confirm(1);
    bench.advance(SECOND);
    assert!(matches!(bench.answers[stuck], Some(Err(GatewayError::Unknown(Some(_))))));
    assert_eq!(bench.probe.names(), ["confirm 0", "confirm 1"]);
}

#[test]
fn a_clock_that_is_set_back_delays_by_one_burst_at_most() {
    let options = LimiterOptions { per_second_max: 10, burst: 2, ..ROOMY };
    let mut bench = Bench::new(options, Duration::ZERO);
    bench.confirm(0);
    bench.clock.set(bench.clock.now() - Duration::from_hours(1));
    bench.confirm(1);
    bench.advance(Duration::from_millis(200));
    assert_eq!(bench.probe.names().len(), 2);
}

/// Counts how often the time is read while the line is free for others.
struct Watch {
    clock: ManualClock,
    gateway: OnceLock<Weak<LimitedGateway>>,
    reads: AtomicUsize,
    early_reads: AtomicUsize,
}

impl Clock for Watch {
    fn now(&self) -> DateTime<Utc> {
        if let Some(gateway) = self.gateway.get().and_then(Weak::upgrade) {
            self.reads.fetch_add(1, Ordering::SeqCst);
            if gateway.line.try_lock().is_ok() {
                self.early_reads.fetch_add(1, Ordering::SeqCst);
            }
        }
        self.clock.now()
    }
}

/// A time that was read before another call went on would give tokens back that are spent.
#[test]
fn no_call_brings_a_time_that_is_older_than_the_lines() {
    let options = LimiterOptions { in_flight_max: 1, ..ROOMY };
    let mut bench = Bench::new(options, SECOND);
    let watch = Arc::new(Watch {
        clock: bench.clock.clone(),
        gateway: OnceLock::new(),
        reads: AtomicUsize::new(0),
        early_reads: AtomicUsize::new(0),
    });
    let timer = Arc::new(bench.clock.clone());
    let gateway = LimitedGateway::new(bench.probe.clone(), watch.clone(), timer, options).unwrap();
    bench.gateway = Arc::new(gateway);
    watch.gateway.set(Arc::downgrade(&bench.gateway)).unwrap();
    bench.confirm(0);
    bench.confirm(1);
    let left = bench.confirm(2);
    bench.give_up(left);
    bench.advance(SECOND);
    bench.advance(SECOND);
    assert_eq!(bench.probe.names().len(), 2);
    let [reads, early_reads] =
        [&watch.reads, &watch.early_reads].map(|count| count.load(Ordering::SeqCst));
    assert!(reads >= 6 && early_reads == 0, "{early_reads} of {reads} reads were early");
}

#[test]
fn bounds_hold_under_threads() {
    let options = LimiterOptions { in_flight_max: 3, per_second_max: 500, burst: 5, ..ROOMY };
    let bench = Bench::new(options, Duration::from_millis(3));
    let begin = bench.clock.now();
    let done = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let (gateway, done) = (Arc::clone(&bench.gateway), Arc::clone(&done));
            std::thread::spawn(move || {
                for call in 0..50 {
                    match (n + call) % 3 {
                        0 => block_on(gateway.find(payment(n))).map(drop).unwrap(),
                        _ => block_on(gateway.confirm(confirm(n))).map(drop).unwrap(),
                    }
                }
                done.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    let mut steps = 0;
    while done.load(Ordering::SeqCst) < 8 {
        match bench.clock.next_wake() {
            // Time moves only for what is due soon, never past a limit of ten minutes.
            Some(at) if at < bench.clock.now() + SECOND => {
                bench.clock.set(at.max(bench.clock.now()));
            }
            Some(_) | None => std::thread::yield_now(),
        }
        steps += 1;
        assert!(steps < 50_000_000, "a call waits for ever: {:?}", bench.gateway.load());
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(bench.probe.in_flight_most.load(Ordering::SeqCst) <= 3);
    let idle = GatewayLoad { in_flight: 0, waiting_settling: 0, waiting_new: 0 };
    assert_eq!(bench.gateway.load(), idle);
    let started = lock(&bench.probe.started);
    assert_eq!(started.len(), 400);
    let least = Duration::from_millis((400 - 5) * 2);
    assert!(started.iter().any(|(at, _)| *at >= begin + least), "500 per second after a burst");
}

#[test]
fn options_out_of_bounds_are_refused() {
    LimiterOptions::default().check().unwrap();
    let options = LimiterOptions { burst: 0, ..LimiterOptions::default() };
    assert_eq!(options.check().unwrap_err().to_string(), "burst: expected 1 to 100000, got 0");
    let options = LimiterOptions { call_max: Duration::ZERO, ..LimiterOptions::default() };
    assert_eq!(options.check().unwrap_err().field, "call_max");
}
