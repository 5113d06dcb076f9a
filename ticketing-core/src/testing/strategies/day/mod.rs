//! What a store is given to commit while a box office is open.

mod office;

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use self::office::Day;
use super::layout::{grades, priced_layouts, seats};
use super::policy::refund_policies;
use super::value::{PRICE_MAX, labels, minor_between, origins, permille, rates, refund_accounts};
use crate::bank::RefundAccount;
use crate::change_set::ChangeSet;
use crate::label::{Grade, Label, Title};
use crate::layout::Layout;
use crate::memory::CallAct;
use crate::money::BasisPoints;
use crate::payment::Method;
use crate::policy::{LatePayment, RefundPolicy};
use crate::seat::Seats;
use crate::show::PriceList;

/// How many buyers come.
const BUYERS: usize = 3;

/// Sequences of change sets that a store which was empty accepts one after another, in their order: all
/// that the use cases committed for a performance of one show while at most 30 things happened to it,
/// among them sales by card, deposit and points, refusals, lost answers, late money, refunds, reversals,
/// entries at the door and the end of the performance. They shrink towards a performance that nobody
/// visits.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::memory::Memory;
/// use ticketing_core::port::{Committed, Store};
/// use ticketing_core::testing::{block_on, strategies};
///
/// let few = ProptestConfig::with_cases(16);
/// proptest!(few, |(history in strategies::histories())| {
///     let store = Memory::new().store;
///     for changes in history {
///         prop_assert_eq!(block_on(store.commit(changes)).unwrap(), Committed::Done);
///     }
/// });
/// ```
pub fn histories() -> BoxedStrategy<Vec<ChangeSet>> {
    (origins(), stages(), vec(acts(), 0..=30))
        .prop_map(|(origin, stage, acts)| {
            let mut day = Day::open(&origin, stage);
            for (act, minutes) in acts {
                day.happens(act, Duration::from_mins(minutes));
            }
            day.history()
        })
        .boxed()
}

/// What is sold, and how.
#[derive(Clone, Debug)]
struct Stage {
    layout: Layout,
    prices: PriceList,
    commission: BasisPoints,
    late_payment: LatePayment,
    refunds: RefundPolicy,
    tickets_per_user: u16,
}

fn stages() -> BoxedStrategy<Stage> {
    let late = select(vec![LatePayment::TakeIfFree, LatePayment::Refund]);
    let ways = (rates(), late, refund_policies(), select(vec![20_u16, 3]));
    (priced_layouts(), ways)
        .prop_map(|((layout, prices), (commission, late_payment, refunds, tickets_per_user))| {
            Stage { layout, prices, commission, late_payment, refunds, tickets_per_user }
        })
        .boxed()
}

/// How a reservation is to be paid.
#[derive(Clone, Debug)]
struct Tender {
    points_permille: i64,
    method: Method,
    account: Option<RefundAccount>,
}

fn tenders() -> BoxedStrategy<Tender> {
    let method = select(vec![Method::Card, Method::BankTransfer]);
    (permille(), method, option::of(refund_accounts()))
        .prop_map(|(points_permille, method, account)| Tender { points_permille, method, account })
        .boxed()
}

fn gateway() -> BoxedStrategy<CallAct> {
    let wrong = vec![
        CallAct::Decline,
        CallAct::LostBefore,
        CallAct::LostAfter,
        CallAct::Refuse { retry_after: None },
        CallAct::Slow(Duration::from_secs(3)),
        CallAct::Late(Duration::from_mins(5)),
        CallAct::Late(Duration::from_mins(45)),
    ];
    prop_oneof![Just(CallAct::Answer), select(wrong)].boxed()
}

/// What the program does again and again.
#[derive(Clone, Copy, Debug)]
enum Chore {
    TakeNotices,
    SweepDue,
    SweepCheckouts,
    SweepUnsettled,
    SweepAccounts,
    SweepCancelled,
    SweepRefunds,
}

const CHORES: [Chore; 7] = [
    Chore::TakeNotices,
    Chore::SweepDue,
    Chore::SweepUnsettled,
    Chore::SweepCheckouts,
    Chore::SweepAccounts,
    Chore::SweepCancelled,
    Chore::SweepRefunds,
];

/// Something that happens. What is about one of the reservations or payments is about one that was
/// made before; where there is none, nothing happens.
#[derive(Clone, Debug)]
enum Act {
    TopUp {
        buyer: usize,
        minor: i64,
    },
    Reserve {
        buyer: usize,
        seats: Seats,
    },
    CheckOut {
        which: Index,
        tender: Tender,
    },
    Pay {
        which: Index,
        gateway: CallAct,
    },
    /// The three before at once.
    Buy {
        buyer: usize,
        seats: Seats,
        tender: Tender,
        gateway: CallAct,
    },
    Deposit {
        which: Index,
        is_right: bool,
    },
    TakeDepositBack(Index),
    Cancel(Index),
    Refund {
        which: Index,
        seats: usize,
        gateway: CallAct,
    },
    Admit {
        which: Index,
        gate: Label<64>,
    },
    Suspect {
        buyer: usize,
        is_cleared: bool,
    },
    Block {
        seats: Seats,
        is_free_again: bool,
    },
    Price {
        grade: Grade,
        minor: i64,
        of: Option<Seats>,
    },
    Rename(Title),
    CancelPerformance,
    /// So many of [`CHORES`], from one on.
    Work {
        first: usize,
        count: usize,
    },
}

/// Each with the minutes that pass before it.
fn acts() -> BoxedStrategy<(Act, u64)> {
    let (index, buyer, seats) = (any::<Index>, || 0..BUYERS, || seats(24, 4));
    let buy = (buyer(), seats(), tenders(), gateway())
        .prop_map(|(buyer, seats, tender, gateway)| Act::Buy { buyer, seats, tender, gateway });
    let refund = (index(), 1..=4_usize, gateway())
        .prop_map(|(which, seats, gateway)| Act::Refund { which, seats, gateway });
    let price = (grades(), minor_between(1..=PRICE_MAX), option::of(seats()))
        .prop_map(|(grade, minor, of)| Act::Price { grade, minor, of });
    let deposit = (index(), prop::bool::weighted(0.8))
        .prop_map(|(which, is_right)| Act::Deposit { which, is_right });
    let act = prop_oneof![
        4 => (buyer(), minor_between(1..=PRICE_MAX))
            .prop_map(|(buyer, minor)| Act::TopUp { buyer, minor }),
        4 => (buyer(), seats()).prop_map(|(buyer, seats)| Act::Reserve { buyer, seats }),
        4 => (index(), tenders()).prop_map(|(which, tender)| Act::CheckOut { which, tender }),
        4 => (index(), gateway()).prop_map(|(which, gateway)| Act::Pay { which, gateway }),
        12 => buy,
        6 => deposit,
        2 => index().prop_map(Act::TakeDepositBack),
        2 => index().prop_map(Act::Cancel),
        5 => refund,
        3 => (index(), labels()).prop_map(|(which, gate)| Act::Admit { which, gate }),
        2 => (buyer(), any::<bool>())
            .prop_map(|(buyer, is_cleared)| Act::Suspect { buyer, is_cleared }),
        1 => (seats(), any::<bool>())
            .prop_map(|(seats, is_free_again)| Act::Block { seats, is_free_again }),
        1 => price,
        1 => labels().prop_map(Act::Rename),
        1 => Just(Act::CancelPerformance),
        6 => Just(Act::Work { first: 0, count: CHORES.len() }),
        6 => (0..CHORES.len(), 1..3_usize).prop_map(|(first, count)| Act::Work { first, count }),
    ];
    // A lull may be longer than a reservation lasts.
    let minutes = prop_oneof![8 => Just(0), 4 => 0..=12_u64, 3 => 16..=60_u64, 1 => 0..=6_000_u64];
    (act, minutes).boxed()
}
