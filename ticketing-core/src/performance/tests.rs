use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::event::EventBody;
use crate::label::Title;
use crate::layout::{LayoutSpec, SectionSpec};
use crate::seat::SeatNo;
use crate::show::{NewShow, PriceListError, Show};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn grade(text: &str) -> Grade {
    Grade::new(text).unwrap()
}

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::KRW).unwrap()
}

fn seats(numbers: &[u32]) -> Seats {
    Seats::new(numbers.iter().copied().map(SeatNo)).unwrap()
}

fn now() -> DateTime<Utc> {
    at("2026-03-01T00:00:00Z")
}

fn show() -> Show {
    let prices = PriceList::new([(grade("VIP"), won(150_000)), (grade("R"), won(90_000))]);
    let new = NewShow {
        id: ShowId::from_uuid(Uuid::from_u128(1)),
        seller: SellerId::from_uuid(Uuid::from_u128(2)),
        title: Title::new("Swan Lake").unwrap(),
        commission: BasisPoints::percent(5),
        prices: prices.unwrap(),
        policy: SalesPolicy::default(),
    };
    Show::create(new, now()).unwrap()
}

/// Seats 0 to 9 are VIP, 10 to 29 are R.
fn layout() -> Layout {
    let sections = [SectionSpec::grid("A", "VIP", 1, 10), SectionSpec::grid("B", "R", 2, 10)];
    Layout::new(&LayoutSpec::of(sections)).unwrap()
}

fn new<'a>(show: &'a Show, layout: &'a Layout) -> NewPerformance<'a> {
    NewPerformance {
        id: PerformanceId::from_uuid(Uuid::from_u128(3)),
        show,
        layout,
        starts_at: at("2026-04-01T10:00:00Z"),
        zone: Tz::Asia__Seoul,
        sales_open_at: at("2026-03-10T00:00:00Z"),
        prices: None,
        policy: None,
    }
}

fn performance() -> Performance {
    Performance::schedule(new(&show(), &layout()), now()).unwrap()
}

fn cancelled() -> Performance {
    let mut performance = performance();
    assert_eq!(performance.cancel(now()), Ok(Applied::Now));
    performance
}

fn names(performance: &Performance) -> Vec<&'static str> {
    performance.root().pending().map(EventBody::name).collect()
}

#[test]
fn what_makes_no_sense_is_not_scheduled() {
    let (show, layout) = (show(), layout());
    let refused = |change: fn(&mut NewPerformance<'_>)| {
        let mut new = new(&show, &layout);
        change(&mut new);
        Performance::schedule(new, now()).unwrap_err()
    };
    assert_eq!(
        refused(|new| new.starts_at = now()),
        ScheduleError::StartsInPast { starts_at: now(), now: now() }
    );
    let latest = now() + Performance::AHEAD_MAX;
    assert_eq!(
        refused(|new| new.starts_at = DateTime::<Utc>::MAX_UTC),
        ScheduleError::StartsTooFar { latest, got: DateTime::<Utc>::MAX_UTC }
    );
    let at_the_latest = NewPerformance { starts_at: latest, ..new(&show, &layout) };
    assert_eq!(Performance::schedule(at_the_latest, now()).unwrap().starts_at(), latest);
    let closes_at = at("2026-04-01T09:00:00Z");
    assert_eq!(
        refused(|new| new.sales_open_at = at("2026-04-01T09:00:00Z")),
        ScheduleError::NeverOnSale { opens_at: closes_at, closes_at }
    );
    assert_eq!(
        refused(|new| {
            let price = Money::from_minor(100, Currency::USD).unwrap();
            new.prices = Some(PriceList::new([(grade("VIP"), price)]).unwrap());
        }),
        ScheduleError::OtherCurrency { expected: Currency::KRW, got: Currency::USD }
    );
    assert_eq!(
        refused(|new| new.prices = Some(PriceList::new([(grade("S"), won(1))]).unwrap())),
        ScheduleError::Unpriced(vec![grade("R"), grade("VIP")])
    );
    assert!(matches!(
        refused(|new| {
            new.policy = Some(SalesPolicy { checkout_attempts: 0, ..SalesPolicy::default() });
        }),
        ScheduleError::Policy(error) if error.field == "checkout_attempts"
    ));
}

#[test]
fn it_takes_over_what_the_show_has_unless_it_has_its_own() {
    let (show, layout) = (show(), layout());
    let performance = performance();
    assert_eq!(performance.policy(), &**show.policy());
    assert_eq!(performance.prices(), show.prices());
    assert_eq!(performance.commission(), show.commission());
    assert_eq!((performance.seller(), performance.show()), (show.seller(), show.id()));
    assert_eq!((performance.capacity(), &**performance.layout()), (30, &layout));
    assert_eq!(performance.zone(), Tz::Asia__Seoul);
    let mut policy = SalesPolicy::default();
    policy.deadlines.sales_stop = Duration::from_mins(30);
    let own = PriceList::new([(grade("VIP"), won(1)), (grade("R"), won(2))]).unwrap();
    let mut new = new(&show, &layout);
    (new.policy, new.prices) = (Some(policy), Some(own));
    let performance = Performance::schedule(new, now()).unwrap();
    assert_eq!(performance.sales_close_at(), at("2026-04-01T09:30:00Z"));
    let prices: Vec<Money> =
        performance.lines(&seats(&[9, 10])).unwrap().iter().map(|line| line.price).collect();
    assert_eq!(prices, [won(1), won(2)]);
}

#[test]
fn it_is_on_sale_from_the_opening_until_the_sales_stop() {
    let performance = performance();
    let (opens_at, closed_at) = (at("2026-03-10T00:00:00Z"), at("2026-04-01T09:00:00Z"));
    let moment = TimeDelta::microseconds(1);
    assert_eq!(
        performance.must_be_on_sale(opens_at - moment),
        Err(PerformanceRefusal::NotOpen { opens_at })
    );
    assert_eq!(performance.must_be_on_sale(opens_at), Ok(()));
    assert_eq!(performance.must_be_on_sale(closed_at - moment), Ok(()));
    assert_eq!(
        performance.must_be_on_sale(closed_at),
        Err(PerformanceRefusal::Closed { closed_at })
    );
    assert_eq!(cancelled().must_be_on_sale(opens_at), Err(PerformanceRefusal::Cancelled));
    assert_eq!(performance.must_take_place(), Ok(()));
    assert_eq!(cancelled().must_take_place(), Err(PerformanceRefusal::Cancelled));
}

#[test]
fn lines_carry_the_grade_and_price_of_now() {
    let mut performance = performance();
    let line =
        |seat, text, minor| SeatLine { seat: SeatNo(seat), grade: grade(text), price: won(minor) };
    let wanted = seats(&[9, 10, 11]);
    assert_eq!(
        performance.lines(&wanted).unwrap(),
        [line(9, "VIP", 150_000), line(10, "R", 90_000), line(11, "R", 90_000)]
    );
    assert_eq!(performance.reprice(grade("S"), won(60_000), now()), Ok(Applied::Now));
    assert_eq!(performance.reprice(grade("VIP"), won(160_000), now()), Ok(Applied::Now));
    assert_eq!(performance.regrade(&seats(&[9, 11]), grade("S"), now()), Ok(Applied::Now));
    assert_eq!(
        performance.lines(&wanted).unwrap(),
        [line(9, "S", 60_000), line(10, "R", 90_000), line(11, "S", 60_000)]
    );
    assert_eq!(performance.lines(&seats(&[8])).unwrap(), [line(8, "VIP", 160_000)]);
    assert_eq!(performance.layout().grade(SeatNo(9)), Some(&grade("VIP")));
    assert_eq!(
        performance.lines(&seats(&[0, 30, 31])),
        Err(PerformanceRefusal::NoSuchSeat { seat: SeatNo(30), capacity: 30 })
    );
}

#[test]
fn it_has_the_seats_up_to_its_last() {
    let performance = performance();
    assert_eq!(performance.must_have(&seats(&[0, 29])), Ok(()));
    for (wanted, last) in [(seats(&[30]), 30), (seats(&[0, 31]), 31)] {
        let refused = PerformanceRefusal::NoSuchSeat { seat: SeatNo(last), capacity: 30 };
        assert_eq!(performance.must_have(&wanted), Err(refused));
    }
}

#[test]
fn a_command_without_effect_tells_nothing() {
    let mut performance = performance();
    let opens_at = performance.sales_open_at();
    assert_eq!(performance.reprice(grade("R"), won(90_000), now()), Ok(Applied::Already));
    assert_eq!(performance.regrade(&seats(&[0, 9]), grade("VIP"), now()), Ok(Applied::Already));
    assert_eq!(performance.move_sales_window(opens_at, now()), Ok(Applied::Already));
    assert_eq!(names(&performance), ["performance.scheduled"]);
}

#[test]
fn every_change_is_told_and_its_event_survives_json() {
    let mut performance = performance();
    let some = seats(&[0, 1]);
    let opens_at = at("2026-03-11T00:00:00Z");
    assert_eq!(performance.reprice(grade("R"), won(1), now()), Ok(Applied::Now));
    assert_eq!(performance.regrade(&some, grade("R"), now()), Ok(Applied::Now));
    assert_eq!(performance.block(&some, now()), Ok(Applied::Now));
    assert_eq!(performance.unblock(&some, now()), Ok(Applied::Now));
    assert_eq!(performance.move_sales_window(opens_at, now()), Ok(Applied::Now));
    assert_eq!(performance.sales_open_at(), opens_at);
    assert_eq!(performance.cancel(now()), Ok(Applied::Now));
    assert_eq!(
        names(&performance),
        [
            "performance.scheduled",
            "performance.repriced",
            "performance.regraded",
            "performance.seats_blocked",
            "performance.seats_unblocked",
            "performance.sales_window_moved",
            "performance.cancelled",
        ]
    );
    for event in performance.root().pending() {
        let json = serde_json::to_string(event).unwrap();
        assert_eq!(&serde_json::from_str::<EventBody>(&json).unwrap(), event);
    }
}

type Command = fn(&mut Performance, DateTime<Utc>) -> Result<Applied, PerformanceRefusal>;

const CHANGES: [Command; 5] = [
    |performance, now| performance.reprice(grade("R"), won(1), now),
    |performance, now| performance.regrade(&seats(&[0]), grade("R"), now),
    |performance, now| performance.block(&seats(&[0]), now),
    |performance, now| performance.unblock(&seats(&[0]), now),
    |performance, now| performance.move_sales_window(at("2026-03-11T00:00:00Z"), now),
];

#[test]
fn nothing_changes_once_it_is_cancelled_or_has_started() {
    for change in CHANGES {
        let mut gone = cancelled();
        assert_eq!(change(&mut gone, now()), Err(PerformanceRefusal::Cancelled));
        assert_eq!(gone, cancelled());
        let mut started = performance();
        let starts_at = started.starts_at();
        assert_eq!(change(&mut started, starts_at), Err(PerformanceRefusal::Started { starts_at }));
        assert_eq!(started, performance());
        assert_eq!(change(&mut started, starts_at - TimeDelta::microseconds(1)), Ok(Applied::Now));
    }
}

#[test]
fn a_refused_command_changes_nothing() {
    let mut changed = performance();
    let beyond = PerformanceRefusal::NoSuchSeat { seat: SeatNo(30), capacity: 30 };
    let outside = seats(&[0, 30]);
    assert_eq!(changed.regrade(&outside, grade("R"), now()), Err(beyond.clone()));
    assert_eq!(changed.block(&outside, now()), Err(beyond.clone()));
    assert_eq!(changed.unblock(&outside, now()), Err(beyond));
    assert_eq!(
        changed.regrade(&seats(&[0]), grade("S"), now()),
        Err(PerformanceRefusal::Unpriced(grade("S")))
    );
    assert_eq!(
        changed.reprice(grade("S"), won(0), now()),
        Err(PerformanceRefusal::Price(PriceListError::Free { grade: grade("S") }))
    );
    let dollar = Money::from_minor(100, Currency::USD).unwrap();
    assert!(matches!(
        changed.reprice(grade("R"), dollar, now()),
        Err(PerformanceRefusal::Price(PriceListError::OtherCurrency { .. }))
    ));
    let closes_at = changed.sales_close_at();
    assert_eq!(
        changed.move_sales_window(closes_at, now()),
        Err(PerformanceRefusal::NeverOnSale { opens_at: closes_at, closes_at })
    );
    assert_eq!(changed, performance());
}

#[test]
fn a_cancelled_performance_is_wound_up_once() {
    let mut performance = performance();
    assert_eq!(performance.wind_up(), Err(PerformanceRefusal::NotCancelled));
    assert!(!performance.is_cancelled() && !performance.is_wound_up());
    assert_eq!(performance.cancel(now()), Ok(Applied::Now));
    assert!(performance.is_cancelled() && !performance.is_wound_up());
    assert_eq!(performance.cancel(now() + TimeDelta::days(99)), Ok(Applied::Already));
    assert_eq!(performance.wind_up(), Ok(Applied::Now));
    assert_eq!(performance.wind_up(), Ok(Applied::Already));
    assert_eq!(performance.cancel(now()), Ok(Applied::Already));
    assert_eq!(performance.state(), PerformanceState::Cancelled { at: now(), wound_up: true });
    assert!(performance.is_cancelled() && performance.is_wound_up());
    assert_eq!(names(&performance), ["performance.scheduled", "performance.cancelled"]);
}

#[test]
fn a_performance_broken_off_is_cancelled_within_a_day() {
    let mut performance = performance();
    let until = performance.starts_at() + TimeDelta::hours(24);
    assert_eq!(
        performance.clone().cancel(until + TimeDelta::microseconds(1)),
        Err(PerformanceRefusal::Over { until })
    );
    assert_eq!(performance.cancel(until), Ok(Applied::Now));
}

fn starting(starts_at: &str, zone: Tz) -> Performance {
    let (show, layout) = (show(), layout());
    let mut new = new(&show, &layout);
    (new.starts_at, new.zone) = (at(starts_at), zone);
    new.sales_open_at = new.starts_at - TimeDelta::days(60);
    let long_before = new.sales_open_at;
    Performance::schedule(new, long_before).unwrap()
}

#[test]
fn days_left_are_calendar_days_of_the_zone() {
    let seoul = starting("2026-04-01T10:00:00Z", Tz::Asia__Seoul);
    assert_eq!(seoul.days_left(at("2026-03-31T14:59:59Z")), 1);
    assert_eq!(seoul.days_left(at("2026-03-31T15:00:00Z")), 0);
    assert_eq!(seoul.days_left(at("2026-03-22T14:59:59Z")), 10);
    assert_eq!(seoul.days_left(at("2026-04-01T15:00:00Z")), -1);
    let new_york = starting("2026-04-01T03:30:00Z", Tz::America__New_York);
    assert_eq!(new_york.days_left(at("2026-03-31T03:59:59Z")), 1, "23:59 of the day before");
    assert_eq!(new_york.days_left(at("2026-03-31T04:00:00Z")), 0, "midnight of the same day");
}

#[test]
fn days_left_do_not_care_about_clock_changes() {
    let short_day = starting("2026-03-09T00:00:00Z", Tz::America__New_York);
    assert_eq!(short_day.days_left(at("2026-03-08T04:59:59Z")), 1);
    assert_eq!(short_day.days_left(at("2026-03-08T05:00:00Z")), 0);
    assert_eq!(short_day.days_left(at("2026-03-09T03:59:59Z")), 0, "the day has 23 hours");
    assert_eq!(short_day.days_left(at("2026-03-09T04:00:00Z")), -1);
    let long_day = starting("2026-11-02T00:00:00Z", Tz::America__New_York);
    assert_eq!(long_day.days_left(at("2026-11-01T03:59:59Z")), 1);
    assert_eq!(long_day.days_left(at("2026-11-01T04:00:00Z")), 0);
    assert_eq!(long_day.days_left(at("2026-11-02T04:59:59Z")), 0, "the day has 25 hours");
    assert_eq!(long_day.days_left(at("2026-11-02T05:00:00Z")), -1);
}

#[test]
fn a_performance_survives_storage() {
    let mut stored = performance();
    assert_eq!(stored.regrade(&seats(&[3]), grade("R"), now()), Ok(Applied::Now));
    let json = serde_json::to_string(&stored).unwrap();
    let read: Performance = serde_json::from_str(&json).unwrap();
    assert_eq!(read, stored);
    assert_eq!(read.lines(&seats(&[2, 3])), stored.lines(&seats(&[2, 3])));
}

#[test]
fn a_stored_performance_is_checked_again() {
    let mut stored = performance();
    assert_eq!(stored.regrade(&seats(&[3]), grade("R"), now()), Ok(Applied::Now));
    let json = serde_json::to_string(&stored).unwrap();
    for (sound, broken, answer) in [
        (r#""len":30"#, r#""len":31"#, "expected grades of 30 seats, got 31"),
        (r#""VIP":{"currency""#, r#""S":{"currency""#, "grades [\"VIP\"] have no price"),
        (r#""name":"B""#, r#""name":"A""#, "\"A\" is there twice"),
    ] {
        assert!(json.contains(sound), "{json} has no {sound}");
        let error = serde_json::from_str::<Performance>(&json.replace(sound, broken));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(answer), "{error}");
    }
}

#[test]
fn clones_share_a_large_layout_and_events_leave_it_out() {
    let sections = (0..10).map(|name| SectionSpec::grid(format!("{name}F"), "R", 100, 100));
    let layout = Layout::new(&LayoutSpec::of(sections)).unwrap();
    let performance = Performance::schedule(new(&show(), &layout), now()).unwrap();
    let clones = vec![performance.clone(); 1_000];
    assert_eq!(Arc::strong_count(performance.layout()), 1 + clones.len());
    assert!(clones.iter().all(|clone| Arc::ptr_eq(clone.layout(), performance.layout())));
    for event in performance.root().pending() {
        assert!(serde_json::to_vec(event).unwrap().len() < 1_000);
    }
}
