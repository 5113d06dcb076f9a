//! Buyers who meet each other on seats, wallets and places, and a seller who changes the hall beneath them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ticketing_core::box_office::{
    BoxOffice, CancelReservation, ConfirmPayment, RefundSeats, ReserveSeats, StartCheckout, TopUp,
};
use ticketing_core::id::UserId;
use ticketing_core::label::Token;
use ticketing_core::memory::SeededRandom;
use ticketing_core::money::{Currency, Money};
use ticketing_core::payment::Method;
use ticketing_core::port::Random;
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::Failure;
use ticketing_core::service::checkout::CheckoutError;
use ticketing_core::service::confirm::ConfirmError;
use ticketing_core::service::reserve::ReserveError;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::ledger::pause;
use crate::shop::{Hall, PRICE, Shop};

/// How long a buyer waits whom the store failed.
const PAUSE: Duration = Duration::from_millis(20);
/// How long any call may take, whatever goes wrong: far beyond what the options of the tests add up to.
const CALL_MAX: Duration = Duration::from_mins(1);

/// A crowd at work, until it is told to stop.
pub(crate) struct Load {
    buyers: JoinSet<()>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_over: AtomicBool,
    sold: AtomicU64,
    failed: AtomicU64,
}

impl Load {
    /// Buyers at one hall, each with a counter of their own.
    pub(crate) fn start(shop: &Shop, hall: Hall, buyers: u64, seed: u64) -> Self {
        println!("{buyers} buyers, seed {seed}");
        let state = Arc::<State>::default();
        let crowd = (0..buyers).map(|number| {
            let random = SeededRandom::new(seed ^ (number + 1).wrapping_mul(0x9e37_79b9));
            let buyer = Buyer { office: shop.counter(), hall, random };
            buyer.buy(Arc::clone(&state))
        });
        Self { buyers: crowd.collect(), state }
    }

    /// How many purchases have come to an end so far.
    pub(crate) fn sold(&self) -> u64 {
        self.state.sold.load(Ordering::Relaxed)
    }

    /// How many calls failed so far, for whatever reason.
    pub(crate) fn failed(&self) -> u64 {
        self.state.failed.load(Ordering::Relaxed)
    }

    /// Waits until so many more purchases have come to an end.
    ///
    /// # Panics
    /// If that takes longer than `within`.
    pub(crate) async fn sells(&self, more: u64, within: Duration) {
        let (goal, began) = (self.sold() + more, Instant::now());
        while self.sold() < goal {
            let (sold, failed) = (self.sold(), self.failed());
            assert!(began.elapsed() < within, "{sold} of {goal} sold, {failed} calls failed");
            pause(PAUSE).await;
        }
    }

    /// Lets every buyer end the call that runs.
    ///
    /// # Panics
    /// If a call does not end, or a buyer panicked.
    pub(crate) async fn end(mut self) -> u64 {
        self.state.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.buyers.join_next().await {
            ended.expect("a buyer does not panic");
        }
        self.sold()
    }
}

/// What a call answers.
///
/// # Panics
/// If it does not.
fn ends<'a, T: Send + 'a>(
    call: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    let ended = tokio::time::timeout(CALL_MAX, call);
    Box::pin(async { ended.await.expect("every call ends") })
}

struct Buyer {
    office: BoxOffice,
    hall: Hall,
    random: SeededRandom,
}

/// The store failed, or a rule stood in the way: the buyer does something else.
struct GaveUp;

impl<E: std::error::Error> From<E> for GaveUp {
    fn from(_: E) -> Self {
        Self
    }
}

impl Buyer {
    async fn buy(self, state: Arc<State>) {
        while !state.is_over.load(Ordering::Relaxed) {
            if let Ok(()) = self.turn().await {
                state.sold.fetch_add(1, Ordering::Relaxed);
            } else {
                state.failed.fetch_add(1, Ordering::Relaxed);
                pause(PAUSE).await;
            }
        }
    }

    fn below(&self, bound: u32) -> u32 {
        u32::try_from(self.random.next_u64() % u64::from(bound)).expect("below a u32")
    }

    /// One of few, whom several buyers act for at once.
    fn user(&self) -> UserId {
        let number = self.below(self.hall.seats.div_ceil(4).max(2));
        UserId::from_uuid(Uuid::from_u128(
            self.hall.performance.as_uuid().as_u128() ^ u128::from(number),
        ))
    }

    fn key(&self) -> Result<Token, GaveUp> {
        Ok(Token::new(&format!("{:x}", self.random.next_u64()))?)
    }

    async fn turn(&self) -> Result<(), GaveUp> {
        match self.below(20) {
            0 => self.top_up(self.user()).await,
            1 => self.keep_back().await,
            2..=6 => self.purchase(PRICE / 2).await,
            _ => self.purchase(0).await,
        }
    }

    async fn top_up(&self, user: UserId) -> Result<(), GaveUp> {
        let key = self.key()?;
        let amount = Money::from_minor(PRICE, Currency::KRW)?;
        ends(self.office.top_up(TopUp { user, amount, key })).await?;
        Ok(())
    }

    /// The seller keeps a seat back for a while: that changes the performance which every sale guards.
    async fn keep_back(&self) -> Result<(), GaveUp> {
        let Hall { performance, seller, seats } = self.hall;
        let seat = Seats::one(SeatNo(self.below(seats)));
        ends(self.office.block(seller, performance, seat.clone())).await?;
        ends(self.office.unblock(seller, performance, seat)).await?;
        Ok(())
    }

    async fn purchase(&self, points: i64) -> Result<(), GaveUp> {
        let (user, Hall { performance, seats, .. }) = (self.user(), self.hall);
        if points > 0 {
            self.top_up(user).await?;
        }
        let expected_total = Money::from_minor(PRICE, Currency::KRW)?;
        let seats = Seats::one(SeatNo(self.below(seats)));
        let wanted = ReserveSeats {
            user,
            performance,
            seats,
            expected_total,
            hold: None,
            admission: None,
            key: Some(self.key()?),
        };
        let reserve = || ends(self.office.reserve(wanted.clone()));
        let reserved = match reserve().await {
            Err(ReserveError::Failed(failure)) if failure.is_transient() => reserve().await?,
            answer => answer?,
        };
        let reservation = reserved.reservation;
        if self.below(8) == 0 {
            match reserve().await {
                Ok(again) => assert_eq!(again, reserved, "the same call"),
                Err(ReserveError::Failed(failure)) if failure.is_transient() => {}
                Err(error) => panic!("the same call again: {error:?}"),
            }
        }
        if self.below(8) == 0 {
            ends(self.office.cancel_reservation(CancelReservation::new(user, reservation))).await?;
            return Ok(());
        }
        let points = Money::from_minor(points, Currency::KRW)?;
        let tender = StartCheckout {
            user,
            reservation,
            points,
            method: Some(Method::Card),
            refund_account: None,
            key: Some(self.key()?),
        };
        let checkout = || ends(self.office.checkout(tender.clone()));
        let view = match checkout().await {
            Err(CheckoutError::Failed(failure)) if failure.is_transient() => checkout().await?,
            answer => answer?,
        };
        if self.below(8) == 0 {
            match checkout().await {
                Ok(again) => assert_eq!(again.checkout, view.checkout, "the same call"),
                Err(CheckoutError::Failed(failure)) if failure.is_transient() => {}
                Err(error) => panic!("the same call again: {error:?}"),
            }
        }
        let Some(payment) = view.payment() else {
            return Err(GaveUp);
        };
        let paid = ConfirmPayment {
            user,
            payment,
            amount: Money::from_minor(PRICE - points.minor(), Currency::KRW)?,
            provider_key: Some(Token::new("authenticated")?),
            key: Some(self.key()?),
        };
        let confirm = || ends(self.office.confirm(paid.clone()));
        let view = match confirm().await {
            Err(ConfirmError::Failed(failure)) if failure.is_transient() => confirm().await?,
            answer => answer?,
        };
        if view.is_paid() && self.below(8) == 0 {
            match confirm().await {
                Ok(again) => assert!(again.is_paid() && again.payment == view.payment, "{again:?}"),
                Err(ConfirmError::Failed(failure))
                    if failure.is_transient() && !matches!(failure, Failure::InProgress { .. }) => {
                }
                Err(error) => panic!("the same call again: {error:?}"),
            }
        }
        // So that the hall does not run out.
        if self.below(4) > 0 {
            ends(self.office.refund(RefundSeats::all(user, reservation))).await?;
        }
        Ok(())
    }
}
