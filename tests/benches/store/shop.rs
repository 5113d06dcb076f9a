//! The purchase that is measured, through the services.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, CheckoutId, PerformanceId, SellerId, ShowId, UserId};
use ticketing_core::label::{Grade, Title, Token};
use ticketing_core::layout::{Layout, LayoutSpec, SectionSpec};
use ticketing_core::memory::{Memory, SystemClock};
use ticketing_core::money::{BasisPoints, Currency, Money};
use ticketing_core::payment::Method;
use ticketing_core::performance::{NewPerformance, Performance};
use ticketing_core::policy::SalesPolicy;
use ticketing_core::port::{Clock, Ports, Timer};
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::PaymentView;
use ticketing_core::service::checkout::{self, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmPayment};
use ticketing_core::service::reserve::{self, ReserveSeats, Reserved};
use ticketing_core::show::{NewShow, PriceList, Show};

use crate::Failed;

const PRICE: i64 = 10_000;
/// Seats in a row of the hall.
const ROW: u32 = 100;

/// The machine's clock and the runtime's timer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealTime;

impl Clock for RealTime {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }
}

#[async_trait]
impl Timer for RealTime {
    #[expect(clippy::disallowed_methods, reason = "this is the timer that others wait with")]
    async fn sleep_until(&self, at: DateTime<Utc>) {
        tokio::time::sleep((at - SystemClock.now()).to_std().unwrap_or_default()).await;
    }
}

/// Every port in memory; the gateway answers at once.
pub(crate) fn memory() -> Ports {
    Memory::at(RealTime).build().ports()
}

/// What the three calls of a purchase answered.
pub(crate) struct Sold {
    pub(crate) reserved: Reserved,
    pub(crate) checkout: CheckoutId,
    pub(crate) paid: PaymentView,
}

fn price() -> Money {
    Money::from_minor(PRICE, Currency::KRW).expect("a price")
}

/// Sells one seat the whole way, each call with a client's key.
pub(crate) async fn sell(
    ports: &Ports,
    performance: PerformanceId,
    seat: SeatNo,
) -> Result<Sold, Failed> {
    let user = UserId::generate(&*ports.ids);
    let key = || Token::new(&ports.ids.next_id().to_string());
    let wanted = ReserveSeats::new(user, performance, Seats::one(seat), price()).with_key(key()?);
    let reserved = reserve::reserve(ports, wanted).await?;
    let tender = StartCheckout::by(user, reserved.reservation, Method::Card, Currency::KRW);
    let checkout = checkout::start(ports, tender.with_key(key()?)).await?;
    let payment = checkout.payment().ok_or("the checkout turned back")?;
    let paid = ConfirmPayment::new(user, payment, price())
        .with_provider_key(Token::new("authenticated")?)
        .with_key(key()?);
    let paid = confirm::confirm(ports, paid).await?;
    if !paid.is_paid() {
        return Err(format!("expected a paid ticket, got {:?}", paid.status).into());
    }
    Ok(Sold { reserved, checkout: checkout.checkout, paid })
}

/// A performance of a new show of the seller, on sale.
pub(crate) async fn stage(
    ports: &Ports,
    seller: SellerId,
    seats: u32,
) -> Result<PerformanceId, Failed> {
    let now = ports.clock.now();
    let new = NewShow {
        id: ShowId::generate(&*ports.ids),
        seller,
        title: Title::new("A Night")?,
        commission: BasisPoints::percent(3),
        prices: PriceList::new([(Grade::new("R")?, price())])?,
        policy: SalesPolicy::default(),
    };
    let show = Show::create(new, now)?;
    let rows = seats.div_ceil(ROW).max(1);
    let layout = Layout::new(&LayoutSpec::of([SectionSpec::grid("A", "R", rows, ROW)]))?;
    let new = NewPerformance {
        id: PerformanceId::generate(&*ports.ids),
        show: &show,
        layout: &layout,
        starts_at: now + TimeDelta::days(30),
        zone: "Asia/Seoul".parse()?,
        sales_open_at: now,
        prices: None,
        policy: None,
    };
    let performance = Performance::schedule(new, now)?;
    let id = performance.id();
    for changes in [
        ChangeSet::new(ChangeSetId::generate(&*ports.ids), now).save(show),
        ChangeSet::new(ChangeSetId::generate(&*ports.ids), now).save(performance),
    ] {
        let _ = ports.store.commit(changes).await?;
    }
    Ok(id)
}

/// Over ports of one store.
pub(crate) fn over<S>(store: &Arc<S>) -> Ports
where
    S: ticketing_core::port::Store
        + ticketing_core::port::Layouts
        + ticketing_core::port::Reservations
        + ticketing_core::port::Checkouts
        + ticketing_core::port::Payments
        + ticketing_core::port::Refunds
        + ticketing_core::port::Tickets
        + ticketing_core::port::Ledger
        + ticketing_core::port::Claims
        + ticketing_core::port::Receipts
        + ticketing_core::port::Retention
        + ticketing_core::port::OutboxReader
        + 'static,
{
    Ports {
        store: Arc::clone(store) as _,
        layouts: Arc::clone(store) as _,
        reservations: Arc::clone(store) as _,
        checkouts: Arc::clone(store) as _,
        payments: Arc::clone(store) as _,
        refunds: Arc::clone(store) as _,
        tickets: Arc::clone(store) as _,
        ledger: Arc::clone(store) as _,
        claims: Arc::clone(store) as _,
        receipts: Arc::clone(store) as _,
        retention: Arc::clone(store) as _,
        outbox: Arc::clone(store) as _,
        ..memory()
    }
}
