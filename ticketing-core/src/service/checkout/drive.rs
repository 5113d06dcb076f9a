//! Drives a checkout on from where it stands.

use chrono::TimeDelta;

use super::ask::{Known, ask_fraud, ask_user};
use super::decide::{Stepped, decide};
use super::load::{Loaded, load};
use super::view::{CheckoutError, CheckoutView, view};
use crate::checkout::{CheckoutState, Command, Reply};
use crate::id::CheckoutId;
use crate::page::PageRequest;
use crate::port::{CommitError, Ports};
use crate::service::support::{Attempt, Failure, Swept, Tries, change_set, commit, inconsistent};

/// How long a checkout may stand still before the sweeper drives it on.
pub const STALLED_AFTER: TimeDelta = TimeDelta::seconds(30);
/// The most steps of one drive: four forward, four back, and as many stale reads.
const STEPS_MAX: u32 = 32;

/// Drives a checkout on from where it stands; one that ended is only shown.
///
/// # Errors
/// [`CheckoutError::NoSuchCheckout`], or a failure; the next drive goes on.
pub async fn drive(ports: &Ports, id: CheckoutId) -> Result<CheckoutView, CheckoutError> {
    let loaded = load(ports, id).await?;
    run(ports, loaded, Known::default()).await
}

/// Drives on checkouts whose driver died: a bounded batch.
///
/// # Errors
/// The list could not be read.
pub async fn sweep_stalled(ports: &Ports, page: PageRequest) -> Result<Swept, Failure> {
    let until = ports.clock.now() - STALLED_AFTER;
    let stalled = ports.checkouts.stalled(until, page).await?;
    let mut swept = Swept::until(stalled.next);
    for checkout in stalled.items {
        let before = checkout.state();
        let after = drive(ports, checkout.id()).await;
        swept.count(after.map(|view| view.state != before));
    }
    Ok(swept)
}

/// Goes on to the end. What is known is not asked again.
pub(super) async fn run(
    ports: &Ports,
    mut loaded: Loaded,
    mut known: Known,
) -> Result<CheckoutView, CheckoutError> {
    for _ in 0..STEPS_MAX {
        if !loaded.checkout.is_live() {
            return Ok(view(&loaded.checkout));
        }
        let reply = reply_to(ports, &loaded, &mut known).await;
        let is_poor = std::mem::take(&mut known.is_poor);
        let stepped = step(ports, loaded, reply, is_poor).await?;
        loaded = match stepped.next {
            Some(next) => next,
            None => return Ok(stepped.view),
        };
    }
    Err(Failure::Contended { tries: STEPS_MAX }.into())
}

/// The answer that the saga waits for, asked outside if need be. What is decided inside the commit has no
/// reply yet.
async fn reply_to(ports: &Ports, loaded: &Loaded, known: &mut Known) -> Option<Reply> {
    let reservation = &loaded.reservation;
    let going_back = matches!(loaded.checkout.state(), CheckoutState::Compensating { .. });
    if !reservation.is_pending() && !going_back {
        return Some(Reply::ReservationEnded);
    }
    match loaded.checkout.waiting_for()? {
        Command::CheckUser => match known.user.take() {
            Some(reply) => Some(reply),
            None => Some(ask_user(ports, loaded.checkout.user()).await),
        },
        Command::CheckFraud => match known.fraud.take() {
            Some(reply) => Some(reply),
            None => Some(ask_fraud(ports, reservation).await),
        },
        Command::ReservePoints
        | Command::CreatePayment
        | Command::DeletePayment
        | Command::GivePointsBack
        | Command::CancelReservation => None,
    }
}

/// Decides and commits one step.
async fn step(
    ports: &Ports,
    mut loaded: Loaded,
    reply: Option<Reply>,
    mut is_poor: bool,
) -> Result<Stepped, CheckoutError> {
    let id = loaded.checkout.id();
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let decision = decide(ports, loaded, reply.as_slice(), is_poor, now).await?;
        let (changes, stepped) = decision.into_changes(change_set(ports, now));
        match commit(ports, changes).await? {
            Attempt::Done => {
                stepped.hold.follow(ports, now).await;
                return Ok(stepped);
            }
            Attempt::Stale => {
                tries.again()?;
                is_poor = false;
            }
            Attempt::Refused(CommitError::InsufficientFunds(_)) if !is_poor => is_poor = true,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Replayed(_) | Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
        loaded = load(ports, id).await?;
        if !loaded.checkout.is_live() {
            return Ok(Stepped::ended(&loaded.checkout));
        }
    }
}
