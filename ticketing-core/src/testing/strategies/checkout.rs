//! Checkouts in every state.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::value::{Origin, amount, currencies, minor_between, origins, refund_accounts};
use crate::checkout::{Abort, Checkout, CheckoutState, Command, Reply, Step, TenderChoice};
use crate::id::{CheckoutId, EntryId, PaymentId, ReservationId, UserId};
use crate::memory::ClockIds;
use crate::money::Money;
use crate::payment::Method;

/// Where a drawn checkout stands: its state without what the state carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CheckoutAt {
    /// [`CheckoutState::Started`], at any step.
    Started,
    /// [`CheckoutState::Compensating`], from any step that leaves something to undo.
    Compensating,
    /// [`CheckoutState::Compensated`], from any step and for every cause.
    Compensated,
    /// [`CheckoutState::Completed`].
    Completed,
}

impl CheckoutAt {
    /// All of them, the simplest first.
    pub const ALL: [Self; 4] =
        [Self::Started, Self::Compensating, Self::Compensated, Self::Completed];

    /// Where a checkout stands.
    pub const fn of(checkout: &Checkout) -> Self {
        match checkout.state() {
            CheckoutState::Started => Self::Started,
            CheckoutState::Compensating { .. } => Self::Compensating,
            CheckoutState::Compensated { .. } => Self::Compensated,
            CheckoutState::Completed { .. } => Self::Completed,
        }
    }
}

/// Checkouts in every state, with and without points: new to a store, with all their events. They
/// shrink to one that was just started.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(checkout in strategies::checkouts())| {
///     prop_assert_eq!(checkout.is_live(), checkout.waiting_for().is_some());
/// });
/// ```
pub fn checkouts() -> BoxedStrategy<Checkout> {
    (select(CheckoutAt::ALL.to_vec()), lives()).prop_map(|(at, life)| life.bring(at)).boxed()
}

/// The checkouts of [`checkouts`] that stand at `at`.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies::{self, CheckoutAt};
///
/// let completed = strategies::checkouts_in(CheckoutAt::Completed);
/// proptest!(|(checkout in completed)| prop_assert!(!checkout.is_live()));
/// ```
pub fn checkouts_in(at: CheckoutAt) -> BoxedStrategy<Checkout> {
    lives().prop_map(move |life| life.bring(at)).boxed()
}

/// After how many steps a checkout may turn back for which cause, where points are to be given back.
const TURNS: [(usize, Abort); 8] = [
    (1, Abort::TimedOut),
    (1, Abort::ReservationEnded),
    (2, Abort::TimedOut),
    (2, Abort::FraudSuspected),
    (2, Abort::ReservationEnded),
    (3, Abort::TimedOut),
    (3, Abort::PaymentRefused),
    (3, Abort::ReservationEnded),
];

/// The same where nothing is to be undone.
const STOPS: [(usize, Abort); 4] = [
    (0, Abort::TimedOut),
    (0, Abort::UserRefused),
    (0, Abort::ReservationEnded),
    (1, Abort::InsufficientPoints),
];

/// The raw choices of a checkout's life. A state takes of them what it needs.
#[derive(Clone, Debug)]
struct Life {
    origin: Origin,
    choice: TenderChoice,
    steps: usize,
    turn: (usize, Abort),
    stop: Option<(usize, Abort)>,
    /// Whether a payment that may exist was deleted already.
    is_halfway: bool,
}

fn lives() -> BoxedStrategy<Life> {
    let method = prop_oneof![Just(Method::Card), Just(Method::BankTransfer)];
    let minor = prop_oneof![1 => Just(0), 2 => minor_between(0..=Money::MAX_MINOR)];
    let points = (currencies(), minor).prop_map(|(currency, minor)| amount(minor, currency));
    let choice = (points, option::of(method), option::of(refund_accounts()));
    let ways = (0..4_usize, select(TURNS.to_vec()), option::of(select(STOPS.to_vec())));
    (origins(), choice, ways, any::<bool>())
        .prop_map(|(origin, (points, method, refund_account), (steps, turn, stop), is_halfway)| {
            Life {
                origin,
                choice: TenderChoice { points, method, refund_account },
                steps,
                turn,
                stop,
                is_halfway,
            }
        })
        .boxed()
}

impl Life {
    fn bring(&self, at: CheckoutAt) -> Checkout {
        let ids = self.origin.ids();
        let (mut it, _) = Checkout::start(
            CheckoutId::generate(&ids),
            ReservationId::generate(&ids),
            UserId::generate(&ids),
            self.choice.clone(),
            self.origin.at,
        );
        match at {
            CheckoutAt::Started => self.go(&mut it, &ids, self.steps),
            CheckoutAt::Completed => self.go(&mut it, &ids, Step::ALL.len()),
            CheckoutAt::Compensating => {
                self.turn_back(&mut it, &ids, self.turn);
                if self.is_halfway && it.waiting_for() == Some(Command::DeletePayment) {
                    self.tell(&mut it, Reply::PaymentDeleted);
                }
            }
            CheckoutAt::Compensated => {
                self.turn_back(&mut it, &ids, self.stop.unwrap_or(self.turn));
                self.undo(&mut it);
            }
        }
        it
    }

    /// Takes so many steps forward.
    fn go(&self, it: &mut Checkout, ids: &ClockIds, steps: usize) {
        let points = !self.choice.points.is_zero();
        let replies = [
            Reply::UserActive,
            Reply::PointsReserved(points.then(|| EntryId::generate(ids))),
            Reply::FraudClear,
            Reply::PaymentCreated(PaymentId::generate(ids)),
        ];
        for reply in replies.into_iter().take(steps) {
            self.tell(it, reply);
        }
    }

    fn turn_back(&self, it: &mut Checkout, ids: &ClockIds, (steps, abort): (usize, Abort)) {
        self.go(it, ids, steps);
        self.tell(
            it,
            match abort {
                Abort::UserRefused => Reply::UserRefused,
                Abort::FraudSuspected => Reply::FraudSuspected,
                Abort::InsufficientPoints => Reply::PointsRefused,
                Abort::PaymentRefused => Reply::PaymentRefused,
                Abort::TimedOut => Reply::TimedOut(Step::ALL[steps]),
                Abort::ReservationEnded => Reply::ReservationEnded,
            },
        );
    }

    /// Does all that is asked for, until nothing is.
    fn undo(&self, it: &mut Checkout) {
        for _ in Step::ALL {
            match it.waiting_for() {
                Some(Command::DeletePayment) => self.tell(it, Reply::PaymentDeleted),
                Some(Command::GivePointsBack) => self.tell(it, Reply::PointsBack),
                Some(command) => panic!("expected an undo, got {command:?}"),
                None => return,
            }
        }
    }

    fn tell(&self, it: &mut Checkout, reply: Reply) {
        it.handle(reply, self.origin.at).expect("it asked for that");
    }
}
