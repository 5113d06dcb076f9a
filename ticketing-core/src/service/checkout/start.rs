//! Start a checkout: in the usual case the whole saga is one commit.

use std::mem::take;

use super::ask::Known;
use super::decide::{HoldAfter, Stepped, decide};
use super::drive::{drive, run};
use super::load::{Loaded, load_performance, owned};
use super::request::StartCheckout;
use super::view::{CheckoutError, CheckoutView, view};
use crate::aggregate::Aggregate;
use crate::change_set::ChangeSet;
use crate::id::CheckoutId;
use crate::port::{CommitError, Ports};
use crate::service::support::{
    Attempt, Call, Failure, Tries, answer_of, change_set, commit, inconsistent, once_saved,
};

/// Starts the checkout of a reservation and drives it as far as it goes: to a created payment, or back.
/// The checks outside have no effect here, so nothing is written before they answered; if they let the
/// buyer go on, one commit has it all. Else the checkout is committed as started, and turns back step by step.
///
/// # Errors
/// [`CheckoutError`]; no checkout was started, or it stands where [`drive`] goes on.
pub async fn start(ports: &Ports, request: StartCheckout) -> Result<CheckoutView, CheckoutError> {
    let asked = (request.reservation, request.points, request.method);
    let call = Call::of(request.user, "checkout", request.key.as_ref(), &asked);
    let mut start = Start {
        ports,
        request: &request,
        call: call.as_ref(),
        known: Known::default(),
        by_steps: false,
    };
    let mut tries = Tries::new();
    loop {
        if let Some(view) = start.attempt().await? {
            return Ok(view);
        }
        tries.again()?;
    }
}

struct Start<'a> {
    ports: &'a Ports,
    request: &'a StartCheckout,
    call: Option<&'a Call>,
    /// Asked once, however often the rest is read again.
    known: Known,
    /// It cannot be done at once.
    by_steps: bool,
}

impl Start<'_> {
    /// One try. `None` means that it must be decided anew.
    async fn attempt(&mut self) -> Result<Option<CheckoutView>, CheckoutError> {
        let (ports, request) = (self.ports, self.request);
        let reservation = owned(ports, request.reservation, request.user).await?;
        // The receipt of a checkout is written with it: where there was none, none is looked for.
        if reservation.checkouts() > 0
            && let Some(first) = Call::replay::<CheckoutId>(self.call, ports).await?
        {
            return drive(ports, first).await.map(Some);
        }
        let performance = load_performance(ports, reservation.performance()).await?;
        if let Err(refusal) = request.must_fit(&reservation, &performance, ports.clock.now()) {
            // The same call, made twice at the same moment, may have been faster: then it is looked for.
            let now = owned(ports, request.reservation, request.user).await?;
            let is_same = now.root().version() == reservation.root().version();
            return if is_same { Err(refusal) } else { Ok(None) };
        }
        if self.known.user.is_none() {
            self.known = Known::about(ports, &reservation).await;
        }
        // The answers took their time. What is refused by now is refused of what is there by now.
        let now = ports.clock.now();
        if request.must_fit(&reservation, &performance, now).is_err() {
            return Ok(None);
        }
        let begun = request.begin(ports, reservation, performance, now)?;
        let id = begun.checkout.id();
        let at_once = self.known.is_clear() && !self.by_steps;
        let (changes, stepped) = if at_once {
            let decision = decide(ports, begun, &Known::CLEAR, false, now).await?;
            if !decision.is_completed() {
                self.by_steps = true;
                return Ok(None);
            }
            decision.into_changes(change_set(ports, now))
        } else {
            started(begun, change_set(ports, now))
        };
        let changes = Call::keep(self.call, changes, &id)?;
        match commit(ports, changes).await? {
            Attempt::Done => {
                stepped.hold.follow(ports, now).await;
                match stepped.next {
                    Some(next) => run(ports, next, take(&mut self.known)).await.map(Some),
                    None => Ok(Some(stepped.view)),
                }
            }
            Attempt::Stale => {
                (self.known.is_poor, self.by_steps) = (false, false);
                Ok(None)
            }
            Attempt::Refused(CommitError::InsufficientFunds(_)) if at_once => {
                self.known.is_poor = true;
                Ok(None)
            }
            Attempt::Replayed(state) => drive(ports, answer_of(&state)?).await.map(Some),
            Attempt::Refused(refusal) => Err(inconsistent(refusal).into()),
            Attempt::Duplicate => Err(Failure::KeyReused.into()),
        }
    }
}

/// A checkout that is committed before its steps.
fn started(begun: Loaded, changes: ChangeSet) -> (ChangeSet, Stepped) {
    let Loaded { checkout, reservation, performance } = begun;
    let next = Loaded {
        checkout: once_saved(&checkout),
        reservation: once_saved(&reservation),
        performance,
    };
    let stepped = Stepped { view: view(&checkout), hold: HoldAfter::Stays, next: Some(next) };
    (changes.save(reservation).save(checkout), stepped)
}
