//! Smooths bursts towards a payment gateway.

mod line;
mod options;
#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::line::{Class, Line, Place};
pub use self::options::LimiterOptions;
use crate::id::PaymentId;
use crate::policy::PolicyError;
use crate::port::{
    CancelRequest, Captured, Clock, ConfirmRequest, DepositAccount, Found, GatewayError,
    GatewayKey, IssueRequest, PaymentGateway, Timer,
};
use crate::sync::lock;
use crate::timeout::timeout;

/// A gateway that lets only so many calls through: a bounded number in flight, a bounded rate, a
/// bounded number waiting. The rest gets `Retryable` with a time to come back, as does a call whose turn
/// did not come in [`LimiterOptions::wait_max`]; neither was sent.
///
/// What settles money that may have moved goes first: `find`, `cancel` and `close_account` before
/// `confirm` and `issue_deposit_account`, each in the order of their coming.
/// [`LimiterOptions::settling_in_row_max`] says how long new money can be kept waiting by that.
///
/// Dropping a waiting call frees its place. Dropping a call that was sent frees its place too, though
/// the gateway may still work on it: its outcome is unknown, and the next call goes.
pub struct LimitedGateway {
    inner: Arc<dyn PaymentGateway>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    options: LimiterOptions,
    line: Mutex<Line>,
}

impl std::fmt::Debug for LimitedGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LimitedGateway")
            .field("options", &self.options)
            .field("load", &self.load())
            .finish_non_exhaustive()
    }
}

/// How busy a limiter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLoad {
    /// Calls at the gateway.
    pub in_flight: usize,
    /// Waiting calls that settle money.
    pub waiting_settling: usize,
    /// Waiting calls that move new money.
    pub waiting_new: usize,
}

impl LimitedGateway {
    /// Puts a limiter in front of a gateway.
    ///
    /// # Errors
    /// Those of [`LimiterOptions::check`].
    pub fn new(
        inner: Arc<dyn PaymentGateway>,
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        options: LimiterOptions,
    ) -> Result<Self, PolicyError> {
        options.check()?;
        Ok(Self { inner, clock, timer, options, line: Mutex::new(Line::new(options)) })
    }

    /// How busy it is.
    pub fn load(&self) -> GatewayLoad {
        let line = lock(&self.line);
        let (waiting_settling, waiting_new) = line.waiting();
        GatewayLoad { in_flight: line.in_flight() as usize, waiting_settling, waiting_new }
    }

    async fn limited<T: Send>(
        &self,
        class: Class,
        call: impl Future<Output = Result<T, GatewayError>> + Send,
    ) -> Result<T, GatewayError> {
        let pass = self.pass(class).await?;
        let answer = timeout(&*self.timer, pass.since + self.options.call_max, call).await;
        drop(pass);
        answer.unwrap_or_else(|elapsed| Err(GatewayError::Unknown(Some(Box::new(elapsed)))))
    }

    /// Time is read while the line is locked: an older time than the line has seen would count as a clock
    /// that was set back, and let more calls start than allowed.
    fn line_now<T>(&self, f: impl FnOnce(&mut Line, DateTime<Utc>) -> T) -> T {
        let mut line = lock(&self.line);
        f(&mut line, self.clock.now())
    }

    async fn pass(&self, class: Class) -> Result<Pass<'_>, GatewayError> {
        let (entered, now) = self.line_now(|line, now| (line.enter(now), now));
        if entered {
            return Ok(Pass { gateway: self, since: now });
        }
        let mut turn = Turn { gateway: self, class, place: None, sleep: None };
        let called_up = poll_fn(|context| turn.poll(context));
        match timeout(&*self.timer, now + self.options.wait_max, called_up).await {
            Ok(Ok(pass)) => Ok(pass),
            Ok(Err(retry_after)) => Err(GatewayError::Retryable { retry_after: Some(retry_after) }),
            Err(_) => {
                let retry_after = lock(&self.line).come_back();
                Err(GatewayError::Retryable { retry_after: Some(retry_after) })
            }
        }
    }
}

fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

/// A call in flight; ends when dropped.
struct Pass<'a> {
    gateway: &'a LimitedGateway,
    since: DateTime<Utc>,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let wakers = self.gateway.line_now(|line, now| {
            let took = (now - self.since).to_std().unwrap_or_default();
            line.done(took, now)
        });
        wake(wakers);
    }
}

type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A call that waits for its turn; leaves the line when dropped.
struct Turn<'a> {
    gateway: &'a LimitedGateway,
    class: Class,
    place: Option<Place>,
    sleep: Option<(DateTime<Utc>, Sleep<'a>)>,
}

impl<'a> Turn<'a> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Pass<'a>, std::time::Duration>> {
        loop {
            let mut line = lock(&self.gateway.line);
            let now = self.gateway.clock.now();
            let place = match self.place {
                Some(place) => place,
                None => match line.join(self.class, context.waker().clone()) {
                    Ok(place) => *self.place.insert(place),
                    Err(retry_after) => return Poll::Ready(Err(retry_after)),
                },
            };
            let wakers = line.call_up(now);
            let called_up = line.collect(place);
            let sleep_until =
                if called_up { None } else { line.wait(self.class, place, context.waker(), now) };
            drop(line);
            wake(wakers);
            if called_up {
                self.place = None;
                return Poll::Ready(Ok(Pass { gateway: self.gateway, since: now }));
            }
            let Some(at) = sleep_until else {
                self.sleep = None;
                return Poll::Pending;
            };
            let sleep = match &mut self.sleep {
                Some((until, sleep)) if *until == at => sleep,
                kept => &mut kept.insert((at, self.gateway.timer.sleep_until(at))).1,
            };
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let class = self.class;
            wake(self.gateway.line_now(|line, now| line.leave(class, place, now)));
        }
    }
}

#[async_trait]
impl PaymentGateway for LimitedGateway {
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError> {
        self.limited(Class::New, self.inner.confirm(request)).await
    }

    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError> {
        self.limited(Class::New, self.inner.issue_deposit_account(request)).await
    }

    async fn close_account(&self, payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError> {
        self.limited(Class::Settling, self.inner.close_account(payment, key)).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<(), GatewayError> {
        self.limited(Class::Settling, self.inner.cancel(request)).await
    }

    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError> {
        self.limited(Class::Settling, self.inner.find(payment)).await
    }
}
