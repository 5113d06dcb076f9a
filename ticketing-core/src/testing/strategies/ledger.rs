//! Ledgers: journal entries in an order in which they may be booked.

use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::value::{
    Origin, PRICE_MAX, amount, currencies, minor_between, origins, part, permille, prices, rates,
};
use crate::allocation::{SeatShare, Tenders, allocate};
use crate::fee::RefundLine;
use crate::id::{EntryId, PaymentId, RefundId, ReservationId, SellerId, UserId};
use crate::ledger::{Account, Booking, JournalEntry, PaidSeats, RefundedSeats};
use crate::memory::ClockIds;
use crate::money::{BasisPoints, Currency, Money};
use crate::seat::SeatNo;

/// How many buyers a ledger has.
const USERS: usize = 3;

/// The entries of one seller and a few buyers, made by the constructors of the flows in an order in
/// which a store books them: at most 40 flows of all kinds, in one currency. Every entry has its own id,
/// a pending one is resolved at most once and by an entry of the same sum, what is refunded was bought,
/// and no wallet is ever below zero. They shrink towards no entry.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(entries in strategies::ledgers())| {
///     let mut balances = BTreeMap::new();
///     for (account, amount) in entries.iter().flat_map(|entry| entry.lines()) {
///         *balances.entry(account).or_insert(0) += amount;
///     }
///     prop_assert_eq!(balances.values().sum::<i64>(), 0);
/// });
/// ```
pub fn ledgers() -> BoxedStrategy<Vec<JournalEntry>> {
    (origins(), currencies(), rates(), vec(flows(), 0..=40))
        .prop_map(|(origin, currency, rate, flows)| {
            let mut books = Books::new(&origin, currency, rate);
            for flow in flows {
                let _ = books.run(flow);
            }
            books.entries
        })
        .boxed()
}

/// What seats cost, and how much of it is paid how.
#[derive(Clone, Debug)]
struct Bill {
    prices: Vec<i64>,
    discount_permille: i64,
    points_permille: i64,
}

/// A flow of money. Which of the sales or refunds it is about is chosen among those that can take it;
/// if there is none, nothing is booked.
#[derive(Clone, Debug)]
enum Flow {
    TopUp { user: usize, minor: i64 },
    Reserve { user: usize, bill: Bill },
    Buy(Index),
    GiveBack(Index),
    BuyLate(Index),
    NotHonoured(Index),
    Refund { which: Index, seats: usize, fee: BasisPoints },
    Send(Index),
    GiveAsPoints(Index),
    Reverse(Index),
    PayOut { permille: i64 },
}

fn flows() -> BoxedStrategy<Flow> {
    let index = any::<Index>;
    let discount = prop_oneof![2 => Just(0), 1 => permille()];
    let bill = (vec(prices(), 1..=4), discount, permille()).prop_map(
        |(prices, discount_permille, points_permille)| Bill {
            prices,
            discount_permille,
            points_permille,
        },
    );
    prop_oneof![
        5 => (0..USERS, minor_between(1..=PRICE_MAX))
            .prop_map(|(user, minor)| Flow::TopUp { user, minor }),
        6 => (0..USERS, bill).prop_map(|(user, bill)| Flow::Reserve { user, bill }),
        6 => index().prop_map(Flow::Buy),
        2 => index().prop_map(Flow::GiveBack),
        2 => index().prop_map(Flow::BuyLate),
        1 => index().prop_map(Flow::NotHonoured),
        4 => (index(), 1..=4_usize, rates())
            .prop_map(|(which, seats, fee)| Flow::Refund { which, seats, fee }),
        2 => index().prop_map(Flow::Send),
        1 => index().prop_map(Flow::GiveAsPoints),
        2 => index().prop_map(Flow::Reverse),
        1 => permille().prop_map(|permille| Flow::PayOut { permille }),
    ]
    .boxed()
}

/// Where a sale stands.
#[derive(Clone, Debug, PartialEq)]
enum At {
    /// Not paid; the entry that set its points aside, if it has any.
    Open(Option<EntryId>),
    /// Ended unpaid; its points are back.
    Lapsed,
    /// Paid; so many of its seats, the last ones, are not refunded.
    Sold { live: usize },
    /// Nothing more can happen.
    Over,
}

#[derive(Clone, Debug)]
struct Purchase {
    user: usize,
    reservation: ReservationId,
    payment: PaymentId,
    shares: Vec<SeatShare>,
    at: At,
}

impl Purchase {
    fn sum(&self, part: fn(&SeatShare) -> Money) -> Money {
        sum(&self.shares, part)
    }
}

/// A refund that was accepted and has not left.
#[derive(Clone, Copy, Debug)]
struct Owed {
    id: RefundId,
    payment: PaymentId,
    user: usize,
    external: Money,
}

struct Books {
    ids: ClockIds,
    origin: Origin,
    currency: Currency,
    rate: BasisPoints,
    seller: SellerId,
    users: [UserId; USERS],
    sales: Vec<Purchase>,
    owed: Vec<Owed>,
    entries: Vec<JournalEntry>,
}

impl Books {
    fn new(origin: &Origin, currency: Currency, rate: BasisPoints) -> Self {
        let ids = origin.ids();
        Self {
            seller: SellerId::generate(&ids),
            users: std::array::from_fn(|_| UserId::generate(&ids)),
            ids,
            origin: *origin,
            currency,
            rate,
            sales: Vec::new(),
            owed: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// `None` where nothing can take the flow.
    fn run(&mut self, flow: Flow) -> Option<()> {
        match flow {
            Flow::TopUp { user, minor } => self.top_up(user, minor),
            Flow::Reserve { user, bill } => self.reserve(user, &bill),
            Flow::Buy(which) => self.buy(which)?,
            Flow::GiveBack(which) => self.give_back(which)?,
            Flow::BuyLate(which) => self.buy_late(which)?,
            Flow::NotHonoured(which) => self.not_honoured(which)?,
            Flow::Refund { which, seats, fee } => self.refund(which, seats, fee)?,
            Flow::Send(which) => self.send(which)?,
            Flow::GiveAsPoints(which) => self.give_as_points(which)?,
            Flow::Reverse(which) => self.reverse(which)?,
            Flow::PayOut { permille } => self.pay_out(permille)?,
        }
        Some(())
    }

    fn top_up(&mut self, user: usize, minor: i64) {
        let amount = amount(minor, self.currency);
        let entry = JournalEntry::top_up(self.booking(), self.users[user], amount);
        self.book(entry.expect("an amount above zero"));
    }

    fn reserve(&mut self, user: usize, bill: &Bill) {
        let total: i64 = bill.prices.iter().sum();
        let discount = part(total, bill.discount_permille);
        let most = part(total - discount, bill.points_permille);
        let points = most.min(self.balance(Account::Wallet(self.users[user])));
        let money = |minor| amount(minor, self.currency);
        let external = money(total - discount - points);
        let tenders = Tenders { discount: money(discount), points: money(points), external };
        let lines = (0..).map(SeatNo).zip(bill.prices.iter().copied().map(money));
        let shares = allocate(&lines.collect::<Vec<_>>(), &tenders).expect("they pay the prices");
        let reservation = ReservationId::generate(&self.ids);
        let mut reserved = None;
        if points > 0 {
            let (booking, user) = (self.booking(), self.users[user]);
            let entry = JournalEntry::points_reserved(booking, reservation, user, tenders.points);
            reserved = Some(booking.id);
            self.book(entry.expect("an amount above zero"));
        }
        let (payment, at) = (PaymentId::generate(&self.ids), At::Open(reserved));
        self.sales.push(Purchase { user, reservation, payment, shares, at });
    }

    fn buy(&mut self, which: Index) -> Option<()> {
        let place = self.pick(which, |it| matches!(it.at, At::Open(_)))?;
        let sale = self.sales[place].clone();
        let At::Open(reserved) = sale.at else { return None };
        let entry = JournalEntry::purchase(self.booking(), &self.paid(&sale), reserved);
        self.sales[place].at = At::Sold { live: sale.shares.len() };
        self.book_if_any(entry.expect("its points are set aside"));
        Some(())
    }

    fn give_back(&mut self, which: Index) -> Option<()> {
        let place = self.pick(which, |it| matches!(it.at, At::Open(_)))?;
        let sale = self.sales[place].clone();
        let At::Open(reserved) = sale.at else { return None };
        self.sales[place].at = At::Lapsed;
        let (booking, user) = (self.booking(), self.users[sale.user]);
        let points = sale.sum(SeatShare::points);
        let entry =
            JournalEntry::points_given_back(booking, reserved?, sale.reservation, user, points);
        self.book(entry.expect("an amount above zero"));
        Some(())
    }

    fn buy_late(&mut self, which: Index) -> Option<()> {
        let place = self.pick(which, |it| it.at == At::Lapsed)?;
        let sale = self.sales[place].clone();
        let user = self.users[sale.user];
        if self.balance(Account::Wallet(user)) < sale.sum(SeatShare::points).minor() {
            return None;
        }
        let entry = JournalEntry::purchase_late(self.booking(), &self.paid(&sale), user);
        self.sales[place].at = At::Sold { live: sale.shares.len() };
        self.book_if_any(entry.expect("seats of one currency"));
        Some(())
    }

    fn not_honoured(&mut self, which: Index) -> Option<()> {
        let brings = |it: &Purchase| !it.sum(SeatShare::external).is_zero();
        let place = self.pick(which, |it| it.at == At::Lapsed && brings(it))?;
        let sale = &mut self.sales[place];
        sale.at = At::Over;
        let (payment, user, external) = (sale.payment, sale.user, sale.sum(SeatShare::external));
        let entry = JournalEntry::not_honoured(self.booking(), payment, external);
        self.owed.push(Owed { id: RefundId::generate(&self.ids), payment, user, external });
        self.book(entry.expect("an amount above zero"));
        Some(())
    }

    fn refund(&mut self, which: Index, seats: usize, fee: BasisPoints) -> Option<()> {
        let place = self.pick(which, is_live)?;
        let sale = self.sales[place].clone();
        let At::Sold { live } = sale.at else { return None };
        let first = sale.shares.len() - live;
        let lines: Vec<RefundLine> =
            sale.shares[first..].iter().take(seats).map(line(fee)).collect();
        let (id, user) = (RefundId::generate(&self.ids), self.users[sale.user]);
        let refunded =
            RefundedSeats { refund: id, seller: self.seller, user, rate: self.rate, lines: &lines };
        let entry = JournalEntry::refund_accepted(self.booking(), &refunded);
        self.sales[place].at = At::Sold { live: live - lines.len() };
        let external = sum(&lines, RefundLine::to_external);
        if !external.is_zero() {
            self.owed.push(Owed { id, payment: sale.payment, user: sale.user, external });
        }
        self.book_if_any(entry.expect("seats of one currency"));
        Some(())
    }

    fn send(&mut self, which: Index) -> Option<()> {
        let owed = self.take_owed(which)?;
        let entry = JournalEntry::refund_sent(self.booking(), owed.id, owed.external);
        self.book(entry.expect("an amount above zero"));
        Some(())
    }

    fn give_as_points(&mut self, which: Index) -> Option<()> {
        let owed = self.take_owed(which)?;
        let (booking, user) = (self.booking(), self.users[owed.user]);
        let entry = JournalEntry::refund_as_points(booking, owed.id, user, owed.external);
        self.book(entry.expect("an amount above zero"));
        Some(())
    }

    /// The bank takes the deposit back: live seats are undone, for the others it is lost, and what was
    /// not sent is stopped.
    fn reverse(&mut self, which: Index) -> Option<()> {
        let place = self.pick(which, |it| {
            matches!(it.at, At::Sold { .. }) && !it.sum(SeatShare::external).is_zero()
        })?;
        let sale = self.sales[place].clone();
        let At::Sold { live } = sale.at else { return None };
        self.sales[place].at = At::Over;
        let (gone, live) = sale.shares.split_at(sale.shares.len() - live);
        if !live.is_empty() {
            let seats = PaidSeats { lines: live, ..self.paid(&sale) };
            let user = self.users[sale.user];
            let entry = JournalEntry::deposit_reversed(self.booking(), &seats, user);
            self.book_if_any(entry.expect("seats of one currency"));
        }
        let gone = gone.iter().map(SeatShare::external);
        let gone = Money::sum(self.currency, gone).expect("no more than was paid");
        if !gone.is_zero() {
            let entry = JournalEntry::deposit_lost(self.booking(), sale.payment, gone);
            self.book(entry.expect("an amount above zero"));
        }
        let is_its = |owed: &Owed| owed.payment == sale.payment;
        let stopped: Vec<Owed> = self.owed.iter().copied().filter(is_its).collect();
        self.owed.retain(|owed| !is_its(owed));
        for owed in stopped {
            let entry = JournalEntry::refund_stopped(self.booking(), owed.id, owed.external);
            self.book(entry.expect("an amount above zero"));
        }
        Some(())
    }

    fn pay_out(&mut self, permille: i64) -> Option<()> {
        let owed = self.balance(Account::Seller(self.seller));
        let minor = part(owed.min(Money::MAX_MINOR), 1_000 - permille);
        if minor <= 0 {
            return None;
        }
        let amount = amount(minor, self.currency);
        let entry = JournalEntry::payout(self.booking(), self.seller, amount);
        self.book(entry.expect("an amount above zero"));
        Some(())
    }

    fn pick(&self, which: Index, fits: impl Fn(&Purchase) -> bool) -> Option<usize> {
        let fitting: Vec<usize> =
            (0..self.sales.len()).filter(|place| fits(&self.sales[*place])).collect();
        (!fitting.is_empty()).then(|| *which.get(&fitting))
    }

    fn take_owed(&mut self, which: Index) -> Option<Owed> {
        let count = self.owed.len();
        (count > 0).then(|| self.owed.remove(which.index(count)))
    }

    fn paid<'a>(&self, sale: &'a Purchase) -> PaidSeats<'a> {
        let (payment, seller, rate) = (sale.payment, self.seller, self.rate);
        PaidSeats { payment, seller, rate, lines: &sale.shares }
    }

    fn balance(&self, account: Account) -> i64 {
        let postings = self.entries.iter().flat_map(JournalEntry::postings);
        postings.filter(|posting| posting.account == account).map(|posting| posting.amount).sum()
    }

    fn booking(&self) -> Booking {
        let minutes = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        let at = self.origin.at + TimeDelta::minutes(minutes);
        Booking { id: EntryId::generate(&self.ids), at }
    }

    fn book(&mut self, entry: JournalEntry) {
        self.entries.push(entry);
    }

    fn book_if_any(&mut self, entry: Option<JournalEntry>) {
        self.entries.extend(entry);
    }
}

fn is_live(sale: &Purchase) -> bool {
    matches!(sale.at, At::Sold { live } if live > 0)
}

fn line(fee: BasisPoints) -> impl Fn(&SeatShare) -> RefundLine {
    move |share| {
        let fee = share.paid().portion(fee);
        RefundLine::new(*share, fee).expect("a fee of no more than was paid")
    }
}

/// The sum of a part of all lines, of which there is at least one.
fn sum<L>(lines: &[L], part: fn(&L) -> Money) -> Money {
    let currency = part(&lines[0]).currency();
    Money::sum(currency, lines.iter().map(part)).expect("no more than was paid")
}
