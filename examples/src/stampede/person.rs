//! Who a buyer is: drawn from the seed and the buyer's index, so that the same run has the same people.

use std::time::Duration;

use ticketing_core::id::UserId;
use ticketing_core::memory::SeededRandom;
use ticketing_core::money::Money;
use ticketing_core::port::Random;
use uuid::Uuid;

use super::hall::{GRADES, won};
use super::tenders::{POINTS_OF_MIXED, Tender, TenderMix};

/// Chance with the shapes that people need.
#[derive(Debug)]
pub(crate) struct Dice(SeededRandom);

impl Dice {
    /// The dice of one buyer.
    pub(crate) fn of(seed: u64, index: u32) -> Self {
        let mixed = SeededRandom::new(seed ^ (u64::from(index) << 32)).next_u64();
        Self(SeededRandom::new(mixed))
    }

    /// Dice that go on where others stopped.
    pub(crate) fn resumed(state: u64) -> Self {
        Self(SeededRandom::new(state))
    }

    /// Where the dice are, to go on from there.
    pub(crate) fn state(&self) -> u64 {
        self.0.state()
    }

    /// A number below `bound`, which is above zero.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    pub(crate) fn happens(&self, thousandths: u16) -> bool {
        self.below(1_000) < u64::from(thousandths)
    }

    /// A time from `least` to `most`.
    pub(crate) fn time(&self, least: Duration, most: Duration) -> Duration {
        let width = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX - 1);
        least + Duration::from_millis(self.below(width + 1))
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.next_u64()
    }
}

/// At which point a buyer walks away without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WalksAway {
    Never,
    AfterHold,
    AfterReserve,
    AfterCheckout,
}

/// How soon a buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payer {
    Prompt,
    /// Just before the deadline.
    LastMinute,
    /// Just after it.
    TooLate,
}

/// What a buyer does with a deposit account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depositor {
    /// Pays after this time.
    After(Duration),
    /// Never pays.
    Never,
}

/// What a buyer gives back of what was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivesBack {
    pub(crate) after: Duration,
    /// One seat, or all.
    pub(crate) one_seat: bool,
}

/// One buyer.
#[expect(clippy::struct_excessive_bools, reason = "habits that go with each other as they like")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) index: u32,
    pub(crate) user: UserId,
    /// How long after the opening this buyer comes.
    pub(crate) comes_after: Duration,
    /// How long this buyer stands in line.
    pub(crate) patience: Duration,
    /// Seats wanted.
    pub(crate) party: u16,
    pub(crate) tender: Tender,
    /// Where this buyer wants to sit, in thousandths: of the rows from the front, of a row from the left.
    pub(crate) favourite: (u16, u16),
    /// How often this buyer looks for seats.
    pub(crate) looks_max: u16,
    /// How often this buyer looks again where nothing is free.
    pub(crate) hopes: u16,
    pub(crate) clicks_twice: bool,
    /// Reserves without holding first.
    pub(crate) skips_hold: bool,
    /// Opens more windows to get more than allowed.
    pub(crate) greedy: bool,
    pub(crate) cancels: bool,
    pub(crate) walks_away: WalksAway,
    pub(crate) payer: Payer,
    pub(crate) depositor: Depositor,
    pub(crate) gives_back: Option<GivesBack>,
    /// Bought, or tried to, from the sale before.
    pub(crate) comes_again: bool,
    /// Names an account for refunds of a deposit: at once, later, or never.
    pub(crate) names_account_after: Option<Duration>,
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

impl Person {
    pub(crate) fn draw(seed: u64, index: u32, tenders: &TenderMix, party_max: u16) -> Self {
        let dice = Dice::of(seed, index);
        Self {
            index,
            user: user(&dice, index),
            comes_after: comes_after(&dice),
            patience: dice.time(10 * MINUTE, 3 * HOUR),
            party: party(&dice, party_max),
            tender: tenders.draw(dice.number()),
            favourite: favourite(&dice),
            looks_max: u16::try_from(3 + dice.below(8)).unwrap_or(3),
            hopes: if dice.happens(100) { u16::MAX } else { 1 },
            clicks_twice: dice.happens(80),
            skips_hold: dice.happens(100),
            greedy: dice.happens(100),
            cancels: dice.happens(30),
            walks_away: match dice.below(1_000) {
                0..40 => WalksAway::AfterHold,
                40..80 => WalksAway::AfterReserve,
                80..110 => WalksAway::AfterCheckout,
                _ => WalksAway::Never,
            },
            payer: match dice.below(1_000) {
                0..40 => Payer::LastMinute,
                40..65 => Payer::TooLate,
                _ => Payer::Prompt,
            },
            depositor: depositor(&dice),
            gives_back: gives_back(&dice),
            comes_again: dice.happens(200),
            names_account_after: match dice.below(10) {
                0..5 => Some(Duration::ZERO),
                5..9 => Some(dice.time(MINUTE, 12 * HOUR)),
                _ => None,
            },
        }
    }

    /// The account of a buyer.
    pub(crate) fn account_of(seed: u64, index: u32) -> UserId {
        user(&Dice::of(seed, index), index)
    }

    /// What this buyer has in the wallet before the sale, if anything; one in twenty has too little.
    pub(crate) fn wallet(&self) -> Option<Money> {
        let dearest = GRADES.iter().map(|(_, _, price)| *price).max().unwrap_or(0);
        let needed = match self.tender {
            Tender::Points => dearest * i64::from(self.party),
            Tender::Mixed => POINTS_OF_MIXED,
            Tender::Card | Tender::Bank => return None,
        };
        Some(won(if self.index.is_multiple_of(20) { needed / 10 } else { needed }))
    }

    /// The dice for what this buyer has not decided yet.
    pub(crate) fn dice(&self, seed: u64) -> Dice {
        Dice::of(!seed, self.index)
    }
}

fn user(dice: &Dice, index: u32) -> UserId {
    UserId::from_uuid(Uuid::from_u128((u128::from(dice.number()) << 64) | u128::from(index)))
}

/// Most come with the opening, the rest over the next half hour.
fn comes_after(dice: &Dice) -> Duration {
    match dice.below(10) {
        0..6 => dice.time(Duration::ZERO, MINUTE),
        6..9 => dice.time(MINUTE, 10 * MINUTE),
        _ => dice.time(10 * MINUTE, 30 * MINUTE),
    }
}

/// Pairs are the most frequent.
fn party(dice: &Dice, party_max: u16) -> u16 {
    let wanted = match dice.below(10) {
        0..3 => 1,
        3..7 => 2,
        _ => u16::try_from(3 + dice.below(u64::from(party_max))).unwrap_or(party_max),
    };
    wanted.min(party_max)
}

/// In front, and in the middle: the smaller of two draws, and the mean of two.
fn favourite(dice: &Dice) -> (u16, u16) {
    let draw = || u16::try_from(dice.below(1_000)).unwrap_or(0);
    let row = draw().min(draw());
    (row, u16::midpoint(draw(), draw()))
}

fn depositor(dice: &Dice) -> Depositor {
    match dice.below(100) {
        0..60 => Depositor::After(dice.time(MINUTE, 40 * MINUTE)),
        60..84 => Depositor::After(dice.time(HOUR, 71 * HOUR)),
        _ => Depositor::Never,
    }
}

fn gives_back(dice: &Dice) -> Option<GivesBack> {
    let after = match dice.below(100) {
        0..4 => dice.time(MINUTE, 20 * MINUTE),
        4..10 => dice.time(HOUR, 10 * 24 * HOUR),
        _ => return None,
    };
    Some(GivesBack { after, one_seat: dice.happens(400) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_people_and_another_draws_others() {
        let people = |seed| -> Vec<Person> {
            (0..200).map(|index| Person::draw(seed, index, &TenderMix::default(), 4)).collect()
        };
        assert_eq!(people(1), people(1));
        let other = people(2);
        assert!(people(1).iter().zip(&other).filter(|(one, two)| one == two).count() < 5);
    }

    #[test]
    fn people_differ_and_keep_to_the_bounds() {
        let people: Vec<Person> =
            (0..2_000).map(|index| Person::draw(1, index, &TenderMix::default(), 4)).collect();
        assert!(people.iter().all(|person| (1..=4).contains(&person.party)));
        for party in 1..=4 {
            assert!(people.iter().any(|person| person.party == party), "nobody wants {party}");
        }
        let count = |of: fn(&Person) -> bool| people.iter().filter(|person| of(person)).count();
        assert!((100..250).contains(&count(|person| person.clicks_twice)));
        assert!((1_700..1_900).contains(&count(|person| person.walks_away == WalksAway::Never)));
        assert!(
            people.iter().all(|person| person.favourite.0 < 1_000 && person.favourite.1 < 1_000)
        );
        let single = Person::draw(1, 7, &TenderMix::default(), 1);
        assert_eq!(single.party, 1);
    }
}
