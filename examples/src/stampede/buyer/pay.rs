//! Payment: choose a tender, check out, confirm, wait for the gateway.

use std::time::Duration;

use ticketing_core::box_office::{ConfirmPayment, StartCheckout};
use ticketing_core::checkout::{Abort, CheckoutState};
use ticketing_core::id::PaymentId;
use ticketing_core::money::Money;
use ticketing_core::payment::{Honoured, Method};
use ticketing_core::seat::Seats;
use ticketing_core::service::checkout::{CheckoutError, CheckoutView};
use ticketing_core::service::confirm::ConfirmError;
use ticketing_core::service::{PaymentStatus, PaymentView};

use super::{Basket, Visit};
use crate::stampede::errand::{Errand, account};
use crate::stampede::faults::count;
use crate::stampede::funnel::Ending;
use crate::stampede::hall::won;
use crate::stampede::measure::Step;
use crate::stampede::person::{Depositor, Payer, WalksAway};
use crate::stampede::tenders::{POINTS_OF_MIXED, Tender};

/// How often a buyer tries to pay: one less than the policy would refuse.
const ATTEMPTS: u32 = 4;
/// How often a buyer presses the button while nothing was sent.
const PRESSES: u32 = 3;
/// How often a buyer looks whether the gateway has answered.
const LOOKS: u32 = 30;

const MINUTE: Duration = Duration::from_mins(1);

/// What one attempt to pay came to.
enum Paid {
    Yes,
    Again,
    By(Tender),
}

impl Visit {
    pub(super) async fn pay(&self, basket: &Basket) -> Result<Ending, Ending> {
        let mut tender = self.person.tender;
        for number in 0..ATTEMPTS {
            match self.pay_once(basket, tender, number).await? {
                Paid::Yes => {
                    if self.dice.happens(30) {
                        self.let_others_refund(basket.reservation).await;
                    }
                    self.plan_to_give_back(basket, Duration::ZERO);
                    return Ok(Ending::Bought);
                }
                Paid::Again => {}
                Paid::By(other) => tender = other,
            }
            self.think(Duration::from_secs(5), Duration::from_secs(30)).await;
        }
        Ok(Ending::Declined)
    }

    async fn pay_once(&self, basket: &Basket, tender: Tender, number: u32) -> Result<Paid, Ending> {
        let points = points_of(tender, basket.total);
        let payment = match self.check_out(basket, tender, points, number).await?.state {
            CheckoutState::Completed { payment } => payment,
            CheckoutState::Compensating { abort } | CheckoutState::Compensated { abort } => {
                return match abort {
                    Abort::UserRefused | Abort::FraudSuspected => Err(Ending::Refused),
                    Abort::ReservationEnded => Err(Ending::PaidTooLate),
                    Abort::InsufficientPoints => Ok(Paid::By(Tender::Card)),
                    _ => Ok(Paid::Again),
                };
            }
            CheckoutState::Started => return Ok(Paid::Again),
        };
        self.before_paying(basket).await?;
        let external = basket.total.sub(points).expect("points are at most the total");
        let view = self.confirm(payment, external, tender, number).await?;
        self.read(basket, view, external).await
    }

    async fn check_out(
        &self,
        basket: &Basket,
        tender: Tender,
        points: Money,
        number: u32,
    ) -> Result<CheckoutView, Ending> {
        let request = StartCheckout {
            user: self.person.user,
            reservation: basket.reservation,
            points,
            method: match tender {
                Tender::Points => None,
                Tender::Bank => Some(Method::BankTransfer),
                Tender::Mixed if points == basket.total => None,
                Tender::Card | Tender::Mixed => Some(Method::Card),
            },
            refund_account: (self.person.names_account_after == Some(Duration::ZERO)).then(account),
            key: self.key(&format!("checkout-{number}")),
        };
        let call = || {
            let request = request.clone();
            self.world.call(|office| async move { office.checkout(request).await })
        };
        match self.attempt(Step::Checkout, call, |one, two| one.checkout == two.checkout).await {
            Ok(view) => Ok(view),
            Err(CheckoutError::Reservation(_)) => Err(Ending::PaidTooLate),
            Err(error) => Err(self.gives_up(&error)),
        }
    }

    /// Between the checkout and the button: some find another use for the money, some take their time.
    async fn before_paying(&self, basket: &Basket) -> Result<(), Ending> {
        const SECOND: Duration = Duration::from_secs(1);
        if self.person.walks_away == WalksAway::AfterCheckout {
            return Err(Ending::WalkedAway);
        }
        if self.person.cancels {
            return Err(self.cancel(basket).await.unwrap_or_else(|ending| ending));
        }
        match self.person.payer {
            Payer::Prompt => self.think(10 * SECOND, 90 * SECOND).await,
            Payer::LastMinute => self.think(500 * SECOND, 599 * SECOND).await,
            Payer::TooLate => self.think(601 * SECOND, 720 * SECOND).await,
        }
        Ok(())
    }

    /// Presses the button, again where it is certain that nothing was sent.
    async fn confirm(
        &self,
        payment: PaymentId,
        amount: Money,
        tender: Tender,
        number: u32,
    ) -> Result<PaymentView, Ending> {
        let by_card = tender != Tender::Bank && !amount.is_zero();
        let gateway = &self.world.memory.gateway;
        for _ in 0..PRESSES {
            let request = ConfirmPayment {
                user: self.person.user,
                payment,
                amount,
                provider_key: by_card.then(|| gateway.authenticate(payment, amount)),
                key: self.key(&format!("confirm-{number}")),
            };
            let call = || {
                let request = request.clone();
                self.world.call(|office| async move { office.confirm(request).await })
            };
            match self.attempt(Step::Confirm, call, |_, _| true).await {
                Ok(view) => return Ok(view),
                Err(ConfirmError::Payment(_) | ConfirmError::Reservation(_)) => {
                    return Err(Ending::PaidTooLate);
                }
                // It may have been sent: the page is loaded again.
                Err(ConfirmError::Failed(failure)) if failure.is_transient() => {
                    let view = self.status(payment).await?;
                    if view.status != PaymentStatus::Created {
                        return Ok(view);
                    }
                }
                Err(error) => return Err(self.gives_up(&error)),
            }
        }
        Err(Ending::AnswerPending)
    }

    async fn status(&self, payment: PaymentId) -> Result<PaymentView, Ending> {
        let user = self.person.user;
        let call =
            self.world.call(|office| async move { office.payment_status(user, payment).await });
        let status = call.await;
        status.map_err(|error| self.gives_up(&error))
    }

    /// What the page shows after the button, looked at again while the gateway is silent.
    async fn read(
        &self,
        basket: &Basket,
        mut view: PaymentView,
        external: Money,
    ) -> Result<Paid, Ending> {
        for _ in 0..LOOKS {
            match view.status {
                PaymentStatus::Succeeded { honoured: Honoured::InTime | Honoured::Late } => {
                    return Ok(Paid::Yes);
                }
                PaymentStatus::AwaitingDeposit { due_at, .. } => {
                    return Err(self.plan_deposit(basket, view.payment, external, due_at));
                }
                PaymentStatus::Failed { .. } => return Ok(Paid::Again),
                PaymentStatus::Created | PaymentStatus::Processing => {}
                _ => return Err(Ending::PaidTooLate),
            }
            self.think(Duration::from_secs(20), Duration::from_mins(1)).await;
            view = self.status(view.payment).await?;
        }
        Err(Ending::AnswerPending)
    }

    fn plan_deposit(
        &self,
        basket: &Basket,
        payment: PaymentId,
        amount: Money,
        due_at: chrono::DateTime<chrono::Utc>,
    ) -> Ending {
        let (world, now) = (&self.world, self.world.now());
        let deposit = |after: Duration, amount| {
            let at = (now + after).min(due_at);
            world.errands.add(at, Errand::Deposit { payment, amount });
        };
        let after = match self.person.depositor {
            Depositor::Never => return Ending::WillDeposit,
            Depositor::After(after) => after,
        };
        let plan = &world.plan;
        if self.dice.happens(plan.deposits_short) {
            count(&world.around.deposits_short);
            deposit(after / 2, amount.sub(won(1_000)).unwrap_or(amount));
        }
        // At the last moment that the bank takes it: its notice comes when the deadline is past.
        let last =
            (due_at - now).to_std().unwrap_or(after).saturating_sub(Duration::from_millis(1));
        let after = if self.dice.happens(plan.deposits_late) {
            count(&world.around.deposits_late);
            last
        } else {
            after
        };
        deposit(after, amount);
        self.plan_to_give_back(basket, after);
        // Some change their mind while the money is on its way.
        if self.dice.happens(80) {
            let at = now + after.saturating_sub(self.dice.time(Duration::ZERO, 2 * MINUTE));
            let (person, reservation) = (self.person, basket.reservation);
            world.errands.add(at, Errand::CallOff { person, reservation });
        }
        if self.dice.happens(plan.deposits_reversed) {
            let at = now + after + Duration::from_hours(2);
            world.errands.add(at, Errand::TakeBack { payment });
        }
        Ending::WillDeposit
    }

    fn plan_to_give_back(&self, basket: &Basket, paid_after: Duration) {
        let Some(plan) = self.person.gives_back else { return };
        let one = plan.one_seat.then(|| basket.seats.as_slice()[0]).map(Seats::one);
        let errand = Errand::GiveBack {
            person: self.person,
            reservation: basket.reservation,
            seats: one,
            again: false,
        };
        self.world.errands.add(self.world.now() + paid_after + plan.after, errand);
    }
}

fn points_of(tender: Tender, total: Money) -> Money {
    match tender {
        Tender::Card | Tender::Bank => total.currency().zero(),
        Tender::Points => total,
        Tender::Mixed => won(POINTS_OF_MIXED.min(total.minor())),
    }
}
