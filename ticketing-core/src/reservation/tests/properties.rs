//! What holds after any commands in any order, under a clock that also jumps back.

use proptest::prelude::*;

use super::*;
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;

#[derive(Clone, Copy, Debug)]
enum Command {
    BeginCheckout(u8),
    EndCheckout(u8),
    StartPayment(u8),
    AwaitDeposit(u8, i64),
    EndPayment(u8),
    Confirm(u8),
    ConfirmLate(u8),
    Cancel(CancelReason, bool),
    Expire(bool),
    GiveUp(u8, u8),
    Commit,
}

fn commands() -> impl Strategy<Value = Command> {
    let id = 0..3_u8;
    let reason = prop_oneof![
        Just(CancelReason::Buyer),
        Just(CancelReason::CheckoutRefused),
        Just(CancelReason::PerformanceCancelled)
    ];
    prop_oneof![
        4 => id.clone().prop_map(Command::BeginCheckout),
        4 => id.clone().prop_map(Command::EndCheckout),
        4 => id.clone().prop_map(Command::StartPayment),
        3 => (id.clone(), 0..3_000_i64).prop_map(|(id, due)| Command::AwaitDeposit(id, due)),
        3 => id.clone().prop_map(Command::EndPayment),
        2 => id.clone().prop_map(Command::Confirm),
        2 => id.clone().prop_map(Command::ConfirmLate),
        1 => (reason, any::<bool>()).prop_map(|(reason, flight)| Command::Cancel(reason, flight)),
        2 => any::<bool>().prop_map(Command::Expire),
        3 => (1..4_u8, id).prop_map(|(seats, cause)| Command::GiveUp(seats, cause)),
        2 => Just(Command::Commit),
    ]
}

fn payment(id: u8) -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(0x100 + u128::from(id)))
}

fn checkout(id: u8) -> CheckoutId {
    CheckoutId::from_uuid(Uuid::from_u128(0x200 + u128::from(id)))
}

fn cause(id: u8) -> EndCause {
    EndCause::Refund(RefundId::from_uuid(Uuid::from_u128(0x300 + u128::from(id))))
}

/// Bit 0 is the first seat, bit 1 the second; at least one is set.
fn seats(bits: u8) -> Seats {
    let of = |bit: u8, seat| (bits & bit != 0).then_some(seat);
    Seats::new([of(1, FIRST), of(2, SECOND)].into_iter().flatten()).unwrap()
}

fn run(
    reservation: &mut Reservation,
    command: Command,
    now: DateTime<Utc>,
) -> Result<Applied, ReservationRefusal> {
    match command {
        Command::BeginCheckout(id) => reservation.begin_checkout(checkout(id), 5, now),
        Command::EndCheckout(id) => Ok(reservation.end_checkout(checkout(id))),
        Command::StartPayment(id) => reservation.start_payment(payment(id), &policy(), now),
        Command::AwaitDeposit(id, due) => {
            reservation.await_deposit(payment(id), minute(due), &policy(), now)
        }
        Command::EndPayment(id) => Ok(reservation.end_payment(payment(id))),
        Command::Confirm(id) => reservation.confirm(payment(id), now),
        Command::ConfirmLate(id) => reservation.confirm_late(payment(id), now),
        Command::Cancel(reason, in_flight) => reservation.cancel(reason, in_flight, now),
        Command::Expire(in_flight) => reservation.expire(in_flight, now),
        Command::GiveUp(bits, id) => reservation.give_up(&seats(bits), cause(id), now),
        Command::Commit => Ok(Applied::Already),
    }
}

/// What a store and its readers have seen so far.
#[derive(Default)]
struct Store {
    commits: u64,
    events: u64,
}

impl Store {
    fn commit(&mut self, reservation: &Reservation) -> Reservation {
        let id = ChangeSetId::from_uuid(Uuid::from_u128(u128::from(self.commits)));
        let changes = ChangeSet::new(id, minute(0)).save(reservation.clone());
        assert_eq!(changes.check(), Ok(()));
        for event in changes.events() {
            self.events += 1;
            assert_eq!(event.number, self.events, "events are numbered from 1 without gaps");
        }
        assert_eq!(reservation.root().recorded(), self.events);
        assert_eq!(reservation.root().version(), self.commits);
        self.commits += 1;
        let stored = changes.records().next().unwrap().aggregate();
        assert_eq!(stored.root().version(), self.commits);
        let crate::change_set::Record::Reservation(stored) = changes.records().next().unwrap()
        else {
            panic!("a reservation was saved")
        };
        serde_json::from_str(&serde_json::to_string(&**stored).unwrap()).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_sequence_of_commands_breaks_a_rule(
        starts in prop_oneof![Just(43_200_i64), 1..2_000_i64],
        steps in prop::collection::vec((commands(), -15..30_i64), 1..60),
    ) {
        let starts_at = minute(starts);
        let mut it = Reservation::make(new(starts_at), &policy(), minute(0)).unwrap();
        let (mut store, mut now, mut begun, mut graces) = (Store::default(), 0, 0, 0);
        for (command, passed) in steps {
            now += passed;
            let before = it.clone();
            let answer = run(&mut it, command, minute(now));
            if answer == Ok(Applied::Now) {
                let once = it.clone();
                prop_assert_eq!(run(&mut it, command, minute(now)), Ok(Applied::Already));
                assert_unchanged(&once, &it, "a second time");
            } else {
                assert_unchanged(&before, &it, "what was not applied");
            }
            if matches!((command, answer), (Command::BeginCheckout(_), Ok(Applied::Now))) {
                begun += 1;
            }
            prop_assert!(begun <= 5);
            prop_assert!(it.expires_at() <= it.latest());
            prop_assert!(it.latest() <= starts_at);
            if it.expires_at() != before.expires_at() {
                match command {
                    Command::StartPayment(_) => {
                        graces += 1;
                        prop_assert!(it.expires_at() > before.expires_at());
                    }
                    Command::AwaitDeposit(..) => prop_assert_eq!(it.expires_at(), it.latest()),
                    other => prop_assert!(false, "{:?} moved the deadline", other),
                }
            }
            prop_assert!(graces <= 1, "the grace was given twice");
            check_state(&before, &it);
            if matches!(command, Command::Commit) {
                it = store.commit(&it);
            }
        }
        store.commit(&it);
    }
}

/// Where a reservation may come from where it was.
fn check_state(before: &Reservation, after: &Reservation) {
    use ReservationState as S;
    let legal = match (before.state(), after.state()) {
        (S::Pending, S::Pending | S::Confirmed { .. } | S::Cancelled { .. } | S::Expired)
        | (S::Expired, S::Expired | S::Confirmed { .. })
        | (S::Confirmed { .. }, S::Refunded { .. }) => true,
        (S::Confirmed { by, live }, S::Confirmed { by: now_by, live: now_live }) => {
            by == now_by && now_live.is_subset(live)
        }
        (final_state @ (S::Cancelled { .. } | S::Refunded { .. }), state) => final_state == state,
        (S::Pending | S::Expired | S::Confirmed { .. }, _) => false,
    };
    assert!(legal, "{:?} became {:?}", before.state(), after.state());
    if let S::Confirmed { by, live } = after.state() {
        assert_eq!(after.payment(), Some(*by));
        assert!(live.is_subset(&after.seats()));
    }
    assert_eq!(after.total(), before.total());
}
