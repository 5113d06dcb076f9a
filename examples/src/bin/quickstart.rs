//! Two buyers, one seat: the way of a sale from the hall to the door, a refund, and what the store says
//! about it. All in memory, on a clock that is moved by hand.

use std::time::Duration;

use ticketing_core::aggregate::StreamKey;
use ticketing_core::box_office::{
    AdmitTicket, BoxOffice, ConfirmPayment, CreateShow, CreateVenue, HoldSeats, RefundSeats,
    RelayOptions, ReserveSeats, SchedulePerformance, StartCheckout,
};
use ticketing_core::id::{PerformanceId, ReservationId, SellerId, UserId};
use ticketing_core::label::{Grade, Label, Title};
use ticketing_core::layout::{Layout, LayoutSpec, SectionSpec};
use ticketing_core::memory::Memory;
use ticketing_core::money::{Currency, Money};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::Method;
use ticketing_core::port::Clock;
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::hold::HoldError;
use ticketing_core::show::PriceList;
use ticketing_core::verify::{GatewayTruth, VerifyOptions, verify};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let memory = Memory::new();
    let office = BoxOffice::new(memory.ports());
    let (anna, ben) = (UserId::generate(&*memory.ids), UserId::generate(&*memory.ids));

    let (evening, seat) = stage(&memory, &office).await?;
    println!("on sale: performance {evening}, seat {seat} among 200");

    let reservation = buy(&memory, &office, anna, evening, seat).await?;
    for ticket in office.tickets_of(anna, reservation).await? {
        println!("anna has ticket {} for seat {}", ticket.id(), ticket.seat());
        println!("  its code: {}", office.ticket_code(&ticket).as_str());
    }

    match office.hold(HoldSeats::new(ben, evening, Seats::one(seat))).await {
        Err(HoldError::Taken(seats)) => println!("ben comes too late for {seats:?}"),
        other => return Err(format!("expected the seat to be taken, got {other:?}").into()),
    }

    memory.clock.advance(Duration::from_hours(2));
    let request = RefundSeats { user: anna, reservation, seats: None, key: None };
    let refund = office.refund(request).await?;
    println!("anna gives it back for {} at a fee of {}", refund.external, refund.fee);
    let _ = office.sweep_refunds(PageRequest::first(Limit::DEFAULT)).await?;
    println!("  the money is on its way: {:?}", office.refund_status(anna, refund.refund).await?);

    let bens = buy(&memory, &office, ben, evening, seat).await?;
    for ticket in office.tickets_of(ben, bens).await? {
        let code = office.ticket_code(&ticket);
        let door = AdmitTicket { performance: evening, code, gate: Label::new("north")? };
        let used = office.admit(door).await?;
        println!("ben shows ticket {} at the door: {}", used.id(), used.state().name());
    }

    let relayed = office.relay(&Label::new("quickstart")?, &RelayOptions::default()).await?;
    println!("{} events were published; those of anna's reservation:", relayed.published);
    for event in memory.publisher.stream(StreamKey(reservation.as_uuid())) {
        println!("  {}", event.name);
    }

    let truth = GatewayTruth::from(&memory.gateway.money());
    let options = VerifyOptions { gateway: Some(truth), ..VerifyOptions::at(memory.clock.now()) };
    let report = verify(&memory.store, &options).await?;
    print!("{report}");
    if report.is_sound() { Ok(()) } else { Err("an invariant is broken".into()) }
}

/// A hall of 10 rows of 20 seats, a show at 50,000 won, a performance in 30 days.
async fn stage(memory: &Memory, office: &BoxOffice) -> Result<(PerformanceId, SeatNo)> {
    let seller = SellerId::generate(&*memory.ids);
    let hall = Layout::new(&LayoutSpec::of([SectionSpec::grid("Stalls", "R", 10, 20)]))?;
    let seat = hall.find("Stalls", "1", "7").ok_or("no such seat")?;
    let venue = office.create_venue(CreateVenue::new(seller, Title::new("Opera")?, hall)).await?;
    let prices = PriceList::new([(Grade::new("R")?, Money::from_minor(50_000, Currency::KRW)?)])?;
    let show = office.create_show(CreateShow::new(seller, Title::new("Carmen")?, prices)).await?;
    let starts_at = memory.clock.now() + Duration::from_hours(30 * 24);
    let evening = SchedulePerformance::new(seller, show, venue, starts_at);
    Ok((office.schedule(evening).await?, seat))
}

/// Holds a seat, reserves it, pays by card.
async fn buy(
    memory: &Memory,
    office: &BoxOffice,
    buyer: UserId,
    evening: PerformanceId,
    seat: SeatNo,
) -> Result<ReservationId> {
    let seats = Seats::one(seat);
    let total = office.quote(evening, &seats).await?.total;
    let held = office.hold(HoldSeats::new(buyer, evening, seats.clone())).await?;
    let wanted = ReserveSeats::new(buyer, evening, seats, total).with_hold(held.token);
    let reservation = office.reserve(wanted).await?.reservation;
    let by_card = StartCheckout::by(buyer, reservation, Method::Card, Currency::KRW);
    let payment = office.checkout(by_card).await?.payment().ok_or("the checkout turned back")?;
    // In a browser, the buyer proves to the gateway who they are.
    let card = memory.gateway.authenticate(payment, total);
    let paid = ConfirmPayment::new(buyer, payment, total).with_provider_key(card);
    let view = office.confirm(paid).await?;
    if view.is_paid() { Ok(reservation) } else { Err(format!("not paid: {view:?}").into()) }
}
