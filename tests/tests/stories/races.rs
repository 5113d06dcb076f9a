//! Many at once, on threads, over every way in which the store flushes.

use std::sync::Arc;

use chrono::TimeDelta;
use pollster::block_on;
use ticketing_core::id::{PaymentId, ReservationId, UserId};
use ticketing_core::ledger::Account;
use ticketing_core::memory::{CallAct, MemoryStoreOptions, NoticeAct, Race, Step};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::{Method, PaymentState};
use ticketing_core::port::Ports;
use ticketing_core::reservation::ReservationState;
use ticketing_core::seat::Seats;
use ticketing_core::service::cancel::{self, CancelReservation};
use ticketing_core::service::checkout::{self, CheckoutError, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::notice::{self, Notice};
use ticketing_core::service::refund::{self, RefundError, RefundSeats};
use ticketing_core::service::reserve::{self, ReserveError};
use ticketing_core::service::tickets::{self, AdmitTicket};
use ticketing_core::service::{Failure, PaymentView, expire, reconcile};
use ticketing_core::testing::{Harness, Task};
use ticketing_core::ticket::TicketState;

use crate::world::{PRICE, World, message, policy, seat, seats, token, won};

/// A world for each way in which the store flushes, several times over.
fn worlds(rounds: usize) -> impl Iterator<Item = World> {
    let plain = MemoryStoreOptions::default();
    let ways = [
        plain,
        MemoryStoreOptions { gather: true, ..plain },
        MemoryStoreOptions { race: Some(Race::default()), ..plain },
        MemoryStoreOptions { race: Some(Race { lanes: 4, ..Race::default() }), ..plain },
    ];
    (0..rounds)
        .flat_map(move |_| ways)
        .map(|options| World::over(options, policy(), TimeDelta::days(30)))
}

fn storm(tasks: Vec<Task<()>>) {
    Harness::storm(tasks);
}

fn page() -> PageRequest {
    PageRequest::first(Limit::DEFAULT)
}

fn card(user: UserId, payment: PaymentId, key: Option<&str>) -> ConfirmPayment {
    ConfirmPayment {
        user,
        payment,
        amount: won(PRICE),
        provider_key: Some(token("card")),
        key: key.map(token),
    }
}

fn about_to_pay(world: &World) -> (UserId, ReservationId, PaymentId) {
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    (user, id, world.checkout(user, id, 0, Some(Method::Card)))
}

async fn reserve(ports: Arc<Ports>, ask: reserve::ReserveSeats) -> Result<(), ReserveError> {
    reserve::reserve(&ports, ask).await.map(drop)
}

#[test]
fn one_of_fifty_wins_a_seat_with_and_without_holds() {
    for holds_fail in [false, true] {
        for world in worlds(2) {
            let ports = Arc::new(world.ports.clone());
            let buyers: Vec<_> = (0..50).map(|_| world.ask(world.user(), &seat(7))).collect();
            let answers = Harness::storm(
                buyers
                    .into_iter()
                    .map(|ask| {
                        let (ports, holds) = (Arc::clone(&ports), Arc::clone(&world.holds));
                        async move {
                            if holds_fail {
                                holds.lose_all();
                            }
                            reserve(ports, ask).await
                        }
                    })
                    .collect(),
            );
            let won = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(won, 1);
            for error in answers.into_iter().filter_map(Result::err) {
                let fits =
                    matches!(error, ReserveError::SeatTaken(_) | ReserveError::HeldByOthers(_));
                assert!(fits, "{error:?}");
            }
            world.check();
        }
    }
}

#[test]
fn buyers_of_overlapping_seats_get_all_or_none() {
    for world in worlds(3) {
        let ports = Arc::new(world.ports.clone());
        let tasks = (0..16).map(|no| {
            let ask = world.ask(world.user(), &seats([no, no + 1, no + 2]));
            reserve(Arc::clone(&ports), ask)
        });
        let answers = Harness::storm(tasks.collect());
        assert!(answers.iter().any(Result::is_ok));
        world.check();
    }
}

#[test]
fn two_tabs_of_one_buyer_share_one_allowance() {
    for options in [None, Some(Race::default())] {
        for _ in 0..5 {
            let options = MemoryStoreOptions { race: options, ..MemoryStoreOptions::default() };
            let one = ticketing_core::policy::SalesPolicy::default();
            let world = World::over(options, one, TimeDelta::days(30));
            let user = world.user();
            let ports = Arc::new(world.ports.clone());
            let tasks =
                (0..4).map(|no| reserve(Arc::clone(&ports), world.ask(user, &seat(no)))).collect();
            let answers = Harness::storm(tasks);
            assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
            for error in answers.into_iter().filter_map(Result::err) {
                assert!(matches!(error, ReserveError::AllowanceExceeded { limit: 1 }), "{error:?}");
            }
            assert_eq!((world.places(user), world.claimed(&seats(0..4))), (1, 1));
            let free = (0..4).filter(|no| world.claimed(&seat(*no)) == 0);
            for no in free {
                block_on(reserve(Arc::clone(&ports), world.ask(world.user(), &seat(no)))).unwrap();
            }
            world.check();
        }
    }
}

#[test]
fn one_call_made_by_ten_threads_is_one_reservation() {
    for world in worlds(2) {
        let mut ask = world.ask(world.user(), &seats([0, 1]));
        ask.key = Some(token("tap"));
        let ports = Arc::new(world.ports.clone());
        let tasks = (0..10).map(|_| {
            let (ports, ask) = (Arc::clone(&ports), ask.clone());
            async move { reserve::reserve(&ports, ask).await }
        });
        let answers = Harness::storm(tasks.collect());
        let first = answers[0].as_ref().unwrap();
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap() == first));
        world.check();
    }
}

#[test]
fn ten_confirms_of_one_payment_are_one_capture_and_one_set_of_tickets() {
    for world in worlds(2) {
        let (user, id, payment) = about_to_pay(&world);
        let ports = Arc::new(world.ports.clone());
        let tasks = (0..10).map(|no| {
            let ports = Arc::clone(&ports);
            let request = card(user, payment, Some(if no % 2 == 0 { "tap" } else { "tip" }));
            async move { confirm::confirm(&ports, request).await }
        });
        let answers = Harness::storm(tasks.collect());
        assert!(answers.iter().any(Result::is_ok));
        for error in answers.into_iter().filter_map(Result::err) {
            let fits = matches!(error, ConfirmError::Failed(Failure::InProgress { .. }));
            assert!(fits, "{error:?}");
        }
        assert_eq!(world.tickets(id).len(), 1);
        assert_eq!(world.gateway.money().captured(payment), Some(won(PRICE)));
        assert_eq!(world.told("payment.succeeded"), 1);
        assert!(world.confirm(user, payment).is_paid());
        world.check_at_rest();
    }
}

#[test]
fn notices_the_reconciler_and_repeated_calls_apply_one_outcome_once() {
    for world in worlds(3) {
        let (user, id, payment) = about_to_pay(&world);
        let steps = [Step::confirm(CallAct::LostAfter), Step::Notice(NoticeAct::Twice)];
        world.gateway.script(payment, steps);
        world.confirm(user, payment);
        world.minutes(2);
        let mut tasks: Vec<Task<()>> = Vec::new();
        for told in world.gateway.take_notices() {
            let ports = world.ports.clone();
            let notice = Notice { message: message(told.id), payment, secret: None };
            tasks.push(Box::pin(async move { drop(notice::take(&ports, notice).await.unwrap()) }));
        }
        for _ in 0..2 {
            let ports = world.ports.clone();
            tasks.push(Box::pin(async move {
                let swept = reconcile::sweep_unsettled(&ports, page()).await.unwrap();
                assert_eq!(swept.failed, 0, "{:?}", swept.errors);
            }));
            let ports = world.ports.clone();
            tasks.push(Box::pin(async move {
                drop(confirm::confirm(&ports, card(user, payment, None)).await);
            }));
        }
        storm(tasks);
        assert_eq!(world.tickets(id).len(), 1);
        assert_eq!(world.told("payment.succeeded"), 1);
        assert_eq!(world.balance(Account::Clearing), -PRICE);
        world.check_at_rest();
    }
}

#[test]
fn confirm_cancel_and_expiry_at_once_end_in_one_way() {
    for (round, world) in worlds(6).enumerate() {
        let (user, id, payment) = about_to_pay(&world);
        if round % 2 == 0 {
            world.minutes(10);
        }
        let mut tasks: Vec<Task<()>> = Vec::new();
        let ports = world.ports.clone();
        tasks.push(Box::pin(async move {
            drop(confirm::confirm(&ports, card(user, payment, None)).await);
        }));
        let ports = world.ports.clone();
        tasks.push(Box::pin(async move {
            let request = CancelReservation { user, reservation: id, key: None };
            drop(cancel::cancel(&ports, request).await);
        }));
        for _ in 0..2 {
            let ports = world.ports.clone();
            tasks.push(Box::pin(async move {
                let swept = expire::sweep_due(&ports, page()).await.unwrap();
                assert_eq!(swept.failed, 0, "{:?}", swept.errors);
            }));
        }
        storm(tasks);
        world.check();
        world.check_at_rest();
        let (reservation, payment) = (world.reservation(id), world.payment(payment));
        match reservation.state() {
            ReservationState::Confirmed { .. } => {
                assert!(matches!(payment.state(), PaymentState::Succeeded { .. }));
            }
            ReservationState::Cancelled { .. } | ReservationState::Expired => {
                assert_eq!(*payment.state(), PaymentState::Cancelled);
                assert_eq!(world.gateway.money().captured(payment.id()), None);
            }
            state => panic!("it ended as {state:?}"),
        }
    }
}

#[test]
fn late_money_and_another_buyer_never_share_a_seat() {
    for world in worlds(4) {
        let (user, id, payment) = about_to_pay(&world);
        world.gateway.script(payment, [Step::confirm(CallAct::LostAfter)]);
        world.confirm(user, payment);
        world.minutes(40);
        let _ = block_on(expire::sweep_due(&world.ports, page())).unwrap();
        let mut tasks: Vec<Task<()>> = Vec::new();
        for told in world.gateway.take_notices() {
            let ports = world.ports.clone();
            let notice = Notice { message: message(told.id), payment, secret: None };
            tasks.push(Box::pin(async move { drop(notice::take(&ports, notice).await.unwrap()) }));
        }
        let (ports, ask) = (Arc::new(world.ports.clone()), world.ask(world.user(), &seat(0)));
        tasks.push(Box::pin(async move { drop(reserve(ports, ask).await) }));
        storm(tasks);
        world.check();
        assert_eq!(world.claimed(&seat(0)), 1);
        assert_eq!(world.tickets(id).len() + world.refunds(payment).len(), 1);
        world.check_at_rest();
    }
}

#[test]
fn one_seat_is_refunded_once() {
    for world in worlds(3) {
        let user = world.user();
        let (id, payment, _) = world.buy(user, &seats([0, 1]), 0, Some(Method::Card));
        let wanted = [Some(seat(0)), Some(seat(0)), None, Some(seat(1)), None, Some(seats([0, 1]))];
        let ports = Arc::new(world.ports.clone());
        let tasks = wanted.map(|seats: Option<Seats>| {
            let ports = Arc::clone(&ports);
            let request = RefundSeats { user, reservation: id, seats, key: None };
            async move { refund::request(&ports, request).await }
        });
        let answers = Harness::storm(tasks.into());
        let back: usize = answers.iter().flatten().map(|refund| refund.seats.len()).sum();
        assert_eq!(back, 2);
        for error in answers.into_iter().filter_map(Result::err) {
            let fits = matches!(error, RefundError::Reservation(_) | RefundError::NotPaid);
            assert!(fits, "{error:?}");
        }
        world.check_at_rest();
        assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
    }
}

#[test]
fn calls_with_one_key_made_at_once_get_one_answer() {
    for world in worlds(5) {
        let user = world.rich(1_000);
        let reservation = world.reserve(user, &seats([0, 1])).reservation;
        let ports = Arc::new(world.ports.clone());
        let start = StartCheckout {
            user,
            reservation,
            points: won(1_000),
            method: Some(Method::Card),
            refund_account: None,
            key: Some(token("checkout")),
        };
        let tasks = (0..4).map(|_| {
            let (ports, start) = (Arc::clone(&ports), start.clone());
            async move { checkout::start(&ports, start).await }
        });
        for view in Harness::storm(tasks.collect()) {
            match view {
                Ok(_) | Err(CheckoutError::Failed(Failure::Contended { .. })) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        let payment = block_on(checkout::start(&ports, start)).unwrap().payment().unwrap();
        assert_eq!(world.balance(Account::PointsHeld), 1_000);
        world.check();
        assert!(world.confirm(user, payment).is_paid());
        let request =
            RefundSeats { user, reservation, seats: Some(seat(0)), key: Some(token("refund")) };
        let tasks = (0..4).map(|_| {
            let (ports, request) = (Arc::clone(&ports), request.clone());
            async move { refund::request(&ports, request).await.unwrap() }
        });
        let answers = Harness::storm(tasks.collect());
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        assert_eq!(world.refunds(payment).len(), 1);
        world.check_at_rest();
    }
}

#[test]
fn points_alone_are_spent_once_however_often_they_are_confirmed() {
    for world in worlds(3) {
        let user = world.rich(PRICE);
        let reservation = world.reserve(user, &seat(0)).reservation;
        let payment = world.checkout(user, reservation, PRICE, None);
        let ports = Arc::new(world.ports.clone());
        let tasks = (0..6).map(|_| {
            let ports = Arc::clone(&ports);
            let mut request = card(user, payment, None);
            request.amount = won(0);
            async move { confirm::confirm(&ports, request).await.unwrap() }
        });
        let answers = Harness::storm(tasks.collect());
        assert!(answers.iter().all(PaymentView::is_paid), "{answers:?}");
        assert_eq!(world.wallet(user), 0);
        world.check_at_rest();
    }
}

#[test]
fn a_poor_wallet_is_spent_once_by_two_checkouts() {
    for world in worlds(3) {
        let user = world.rich(6_000);
        let reservations = [0, 1, 2].map(|no| world.reserve(user, &seat(no)).reservation);
        let ports = Arc::new(world.ports.clone());
        let tasks = reservations.map(|reservation| {
            let ports = Arc::clone(&ports);
            let request = StartCheckout {
                user,
                reservation,
                points: won(5_000),
                method: Some(Method::Card),
                refund_account: None,
                key: None,
            };
            async move { checkout::start(&ports, request).await.unwrap() }
        });
        let views = Harness::storm(tasks.into());
        let completed: Vec<_> = views.iter().filter_map(checkout::CheckoutView::payment).collect();
        assert_eq!(completed.len(), 1, "{views:?}");
        assert_eq!((world.wallet(user), world.balance(Account::PointsHeld)), (1_000, 5_000));
        world.check();
        let view = world.confirm(user, completed[0]);
        assert!(view.is_paid());
        world.check_at_rest();
    }
}

#[test]
fn two_checkouts_of_one_reservation_make_one_payment() {
    for world in worlds(3) {
        let user = world.rich(6_000);
        let reservation = world.reserve(user, &seat(0)).reservation;
        let ports = Arc::new(world.ports.clone());
        let tasks = (0..4).map(|_| {
            let ports = Arc::clone(&ports);
            let request = StartCheckout {
                user,
                reservation,
                points: won(1_000),
                method: Some(Method::Card),
                refund_account: None,
                key: None,
            };
            async move { checkout::start(&ports, request).await }
        });
        let answers = Harness::storm(tasks.collect());
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(world.wallet(user), 5_000);
        world.check();
    }
}

#[test]
fn a_ticket_is_used_or_refunded_not_both() {
    for world in worlds(5) {
        let user = world.user();
        let (id, _, _) = world.buy(user, &seat(0), 0, Some(Method::Card));
        let code = tickets::code(&*world.ports.signer, &world.tickets(id)[0]);
        let mut tasks: Vec<Task<bool>> = Vec::new();
        for gate in ["north", "south"] {
            let ports = world.ports.clone();
            let gate = ticketing_core::label::Label::new(gate).unwrap();
            let shown = AdmitTicket { performance: world.performance, code: code.clone(), gate };
            tasks.push(Box::pin(async move { tickets::admit(&ports, shown).await.is_ok() }));
        }
        let ports = world.ports.clone();
        let request = RefundSeats { user, reservation: id, seats: None, key: None };
        tasks.push(Box::pin(async move { refund::request(&ports, request).await.is_ok() }));
        let done = Harness::storm(tasks);
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
        let is_refunded = done[2];
        let ticket = world.tickets(id).remove(0);
        assert_eq!(matches!(ticket.state(), TicketState::Used { .. }), !is_refunded);
        world.check_at_rest();
    }
}

#[test]
fn many_sales_at_once_all_add_up() {
    for world in worlds(2) {
        let mut tasks: Vec<Task<()>> = Vec::new();
        for buyer in 0..24_u32 {
            let user = world.rich(3_000);
            let (ports, ask) = (world.ports.clone(), world.ask(user, &seat(buyer % 20)));
            tasks.push(Box::pin(async move {
                let Ok(reserved) = reserve::reserve(&ports, ask).await else { return };
                let request = StartCheckout {
                    user,
                    reservation: reserved.reservation,
                    points: won(3_000),
                    method: Some(Method::Card),
                    refund_account: None,
                    key: None,
                };
                let view = checkout::start(&ports, request).await.unwrap();
                let mut request = card(user, view.payment().unwrap(), None);
                request.amount = won(7_000);
                assert!(confirm::confirm(&ports, request).await.unwrap().is_paid());
                if buyer % 3 == 0 {
                    let reservation = reserved.reservation;
                    let request = RefundSeats { user, reservation, seats: None, key: None };
                    refund::request(&ports, request).await.unwrap();
                }
            }));
        }
        storm(tasks);
        world.check_at_rest();
        assert_eq!(world.balance(Account::PointsHeld), 0);
    }
}
