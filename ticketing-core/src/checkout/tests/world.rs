//! The saga driven by messages that come late, twice, out of order or never.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;

/// What a driver keeps of points or of a payment: the same effect once, and nothing after its undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Nothing,
    Refused,
    Done,
    Undone,
}

/// A driver that obeys, and the messages on their way.
#[derive(Debug)]
struct World {
    checkout: Checkout,
    commands: Vec<Command>,
    replies: Vec<Reply>,
    points: Thing,
    payment: Thing,
    set_aside: u32,
    given_back: u32,
    cancelled: bool,
    /// Which of the four steps answer no.
    refuses: [bool; 4],
}

impl World {
    fn new(refuses: [bool; 4]) -> Self {
        Self {
            checkout: start(),
            commands: vec![Command::CheckUser],
            replies: Vec::new(),
            points: Thing::Nothing,
            payment: Thing::Nothing,
            set_aside: 0,
            given_back: 0,
            cancelled: false,
            refuses,
        }
    }

    fn obey(&mut self, command: Command) -> Option<Reply> {
        let [user, poor, fraud, unpayable] = self.refuses;
        Some(match command {
            Command::CheckUser if user => Reply::UserRefused,
            Command::CheckUser => Reply::UserActive,
            Command::CheckFraud if fraud => Reply::FraudSuspected,
            Command::CheckFraud => Reply::FraudClear,
            Command::ReservePoints => {
                self.points = do_once(self.points, poor);
                self.set_aside += u32::from(self.points == Thing::Done && self.set_aside == 0);
                match self.points {
                    Thing::Done => Reply::PointsReserved(Some(ENTRY)),
                    Thing::Nothing | Thing::Refused | Thing::Undone => Reply::PointsRefused,
                }
            }
            Command::CreatePayment => {
                self.payment = do_once(self.payment, unpayable);
                match self.payment {
                    Thing::Done => Reply::PaymentCreated(PAYMENT),
                    Thing::Nothing | Thing::Refused | Thing::Undone => Reply::PaymentRefused,
                }
            }
            Command::GivePointsBack => {
                self.given_back += u32::from(self.points == Thing::Done);
                self.points = Thing::Undone;
                Reply::PointsBack
            }
            Command::DeletePayment => {
                self.payment = Thing::Undone;
                Reply::PaymentDeleted
            }
            Command::CancelReservation => {
                self.cancelled = true;
                return None;
            }
        })
    }

    fn tell(&mut self, reply: Reply) {
        // A refused reply changes nothing; a consumer puts it aside.
        let asked = self.checkout.handle(reply, minute(1)).unwrap_or_default();
        self.commands.extend(asked);
    }

    fn happens(&mut self, event: Happening) {
        let nth = |len: usize, which: u8| (len > 0).then(|| usize::from(which) % len);
        match event {
            Happening::Deliver { which, again } => {
                if let Some(at) = nth(self.commands.len(), which) {
                    let command = self.commands[at];
                    if !again {
                        self.commands.remove(at);
                    }
                    let reply = self.obey(command);
                    self.replies.extend(reply);
                }
            }
            Happening::Answer { which, again } => {
                if let Some(at) = nth(self.replies.len(), which) {
                    let reply = self.replies[at].clone();
                    if !again {
                        self.replies.remove(at);
                    }
                    self.tell(reply);
                }
            }
            Happening::LoseReply { which } => {
                if let Some(at) = nth(self.replies.len(), which) {
                    self.replies.remove(at);
                }
            }
            Happening::TimeOut { which } => {
                self.tell(Reply::TimedOut(Step::ALL[usize::from(which) % 4]));
            }
            Happening::ReservationEnds => self.tell(Reply::ReservationEnded),
            Happening::DriverStartsAnew => self.commands.extend(self.checkout.waiting_for()),
        }
    }

    /// Delivers all that is on its way, and asks again for what was lost, until nothing is left.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            if let Some(command) = self.commands.pop() {
                let reply = self.obey(command);
                self.replies.extend(reply);
            } else if let Some(reply) = self.replies.pop() {
                self.tell(reply);
            } else if let Some(command) = self.checkout.waiting_for() {
                self.commands.push(command);
            } else {
                return;
            }
        }
        panic!("it never ends: {self:?}");
    }
}

fn do_once(thing: Thing, is_refused: bool) -> Thing {
    match thing {
        Thing::Nothing if is_refused => Thing::Refused,
        Thing::Nothing => Thing::Done,
        Thing::Refused | Thing::Done | Thing::Undone => thing,
    }
}

#[derive(Clone, Copy, Debug)]
enum Happening {
    Deliver { which: u8, again: bool },
    Answer { which: u8, again: bool },
    LoseReply { which: u8 },
    TimeOut { which: u8 },
    ReservationEnds,
    DriverStartsAnew,
}

fn happenings() -> impl Strategy<Value = Happening> {
    let message = || (any::<u8>(), prop::bool::weighted(0.3));
    prop_oneof![
        8 => message().prop_map(|(which, again)| Happening::Deliver { which, again }),
        8 => message().prop_map(|(which, again)| Happening::Answer { which, again }),
        2 => any::<u8>().prop_map(|which| Happening::LoseReply { which }),
        2 => any::<u8>().prop_map(|which| Happening::TimeOut { which }),
        1 => Just(Happening::ReservationEnds),
        2 => Just(Happening::DriverStartsAnew),
    ]
}

/// How one run of the world ended, for the sake of knowing that all ends occur.
fn run(refuses: [bool; 4], happenings: &[Happening]) -> Result<String, TestCaseError> {
    let mut world = World::new(refuses);
    for happening in happenings {
        world.happens(*happening);
    }
    world.settle();
    prop_assert!(world.set_aside <= 1 && world.given_back <= world.set_aside, "{:?}", world);
    match world.checkout.state() {
        CheckoutState::Completed { payment } => {
            prop_assert_eq!(payment, PAYMENT);
            prop_assert_eq!((world.points, world.payment), (Thing::Done, Thing::Done));
            prop_assert_eq!((world.set_aside, world.given_back), (1, 0), "used, not given back");
            prop_assert!(!world.cancelled);
        }
        CheckoutState::Compensated { abort } => {
            prop_assert_eq!(world.given_back, world.set_aside, "{:?}", world);
            prop_assert_ne!(world.points, Thing::Done);
            prop_assert_ne!(world.payment, Thing::Done);
            prop_assert_eq!(world.cancelled, abort.cancels_reservation());
        }
        CheckoutState::Started | CheckoutState::Compensating { .. } => {
            prop_assert!(false, "it did not end: {:?}", world);
        }
    }
    Ok(format!("{:?} with {} given back", world.checkout.state(), world.given_back))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn points_set_aside_are_used_or_given_back_exactly_once(
        refuses in prop::array::uniform4(prop::bool::weighted(0.15)),
        happenings in prop::collection::vec(happenings(), 0..60),
    ) {
        run(refuses, &happenings)?;
    }
}

#[test]
fn the_random_world_reaches_every_kind_of_end() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let worlds = (
        prop::array::uniform4(prop::bool::weighted(0.15)),
        prop::collection::vec(happenings(), 0..60),
    );
    let mut ends = BTreeSet::new();
    for _ in 0..2_000 {
        let (refuses, happenings) = worlds.new_tree(&mut runner).unwrap().current();
        ends.insert(run(refuses, &happenings).unwrap());
    }
    for given_back in [0, 1] {
        for abort in [Abort::TimedOut, Abort::FraudSuspected, Abort::ReservationEnded] {
            let end = format!("{:?}", CheckoutState::Compensated { abort });
            let end = format!("{end} with {given_back} given back");
            let possible = abort != Abort::FraudSuspected || given_back == 1;
            assert_eq!(ends.contains(&end), possible, "{end} of {ends:?}");
        }
    }
    let completed = CheckoutState::Completed { payment: PAYMENT };
    assert!(ends.contains(&format!("{completed:?} with 0 given back")));
}
