//! Sequences of steps in which every answer of a commit comes up often.

use super::dice::Dice;
use super::step::{
    Action, Call, Guarded, Made, Owner, PERFORMANCES, Part, Pick, SEATS, SeatChange, Step, USERS,
};

/// Makes one step after another from a seed.
#[derive(Debug)]
pub(super) struct Generator {
    dice: Dice,
    next: u32,
    /// The limits of places. Where several are in use, it counts which of the places a user has; where
    /// one is, only how many.
    limits: &'static [u16],
    /// How far back things are picked at the most: what runs at once shall meet.
    reach_max: usize,
}

/// What a change set is mainly about.
#[derive(Clone, Copy)]
enum Subject {
    Reserve,
    Change,
    Checkout,
    Reply,
    Admit,
    Seats,
    TakeOver,
    Places,
    TopUp,
    SetAside,
    PointsBack,
    PostAgain,
    Pay,
    Settle,
    Refund,
    SendBack,
    Create,
    Manage,
    Nothing,
}

const SUBJECTS: &[(usize, Subject)] = &[
    (26, Subject::Reserve),
    (22, Subject::Change),
    (5, Subject::Checkout),
    (6, Subject::Reply),
    (3, Subject::Admit),
    (16, Subject::Seats),
    (5, Subject::TakeOver),
    (6, Subject::Places),
    (9, Subject::TopUp),
    (9, Subject::SetAside),
    (7, Subject::PointsBack),
    (2, Subject::PostAgain),
    (5, Subject::Pay),
    (6, Subject::Settle),
    (4, Subject::Refund),
    (3, Subject::SendBack),
    (4, Subject::Create),
    (4, Subject::Manage),
    (3, Subject::Nothing),
];

const MADE: &[Made] = &[Made::Venue, Made::Show, Made::Performance, Made::Performance];

const GUARDED: &[Guarded] = &[
    Guarded::Made(Made::Venue),
    Guarded::Made(Made::Show),
    Guarded::Made(Made::Performance),
    Guarded::Made(Made::Performance),
    Guarded::Checkout,
    Guarded::Payment,
    Guarded::Refund,
    Guarded::Ticket,
];

impl Generator {
    /// Steps one after another.
    pub(super) const fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), next: 1, limits: &[2, 3, 4, 4, 6], reach_max: usize::MAX }
    }

    /// Steps some of which run at once.
    pub(super) const fn at_once(seed: u64) -> Self {
        Self { dice: Dice::new(seed), next: 1, limits: &[3], reach_max: usize::MAX }
    }

    /// The next step: a change set, one that was sent before, or a purge.
    pub(super) fn step(&mut self) -> Step {
        let number = self.number();
        let action = match self.dice.below(100) {
            0..8 => Action::SendAgain { step: self.earlier(number, 12) },
            8..10 => Action::Purge { before: self.earlier(number, 20) },
            _ => Action::Commit(self.parts(number)),
        };
        Step { number, action }
    }

    /// The next step that may run at once with others: a change set, or one that was sent before.
    pub(super) fn concurrent_step(&mut self) -> Step {
        let number = self.number();
        let action = match self.dice.below(100) {
            0..6 => Action::SendAgain { step: self.earlier(number, 12) },
            _ => Action::Commit(self.parts(number)),
        };
        Step { number, action }
    }

    /// From here on things are picked from so many of a kind.
    pub(super) const fn pick_from(&mut self, reach_max: usize) {
        self.reach_max = reach_max;
    }

    /// The choices that belong to the steps.
    pub(super) const fn dice(&self) -> &Dice {
        &self.dice
    }

    const fn number(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// The number of one of the last steps.
    fn earlier(&self, number: u32, reach: usize) -> u32 {
        number.saturating_sub(u32::try_from(self.dice.between(1, reach)).unwrap_or(1))
    }

    fn parts(&self, number: u32) -> Vec<Part> {
        let dice = &self.dice;
        let mut parts = match dice.weighted(SUBJECTS) {
            Subject::Reserve => {
                let (user, performance) = (dice.below(USERS), dice.below(PERFORMANCES));
                let seats = dice.some_of(dice.between(1, 2), SEATS);
                vec![Part::Reserve { user, performance, seats, limit: self.limit() }]
            }
            Subject::Change => {
                vec![Part::Change { of: self.pick(6, 15), command: dice.below(8) }]
            }
            Subject::Checkout => vec![Part::Checkout { of: self.pick(4, 0) }],
            Subject::Reply => vec![Part::Reply { of: self.pick(3, 15), reply: dice.below(8) }],
            Subject::Admit => vec![Part::Admit { of: self.pick(4, 20) }],
            Subject::Seats => (0..dice.between(1, 2)).map(|_| self.seats()).collect(),
            Subject::TakeOver => vec![Part::TakeOver { of: self.pick(4, 10) }],
            Subject::Places => vec![self.places()],
            Subject::TopUp => vec![Part::TopUp { user: dice.below(USERS), amount: self.amount() }],
            Subject::SetAside => vec![self.set_aside()],
            Subject::PointsBack => vec![Part::PointsBack { of: self.pick(4, 0) }],
            Subject::PostAgain => vec![Part::PostAgain { of: self.pick(4, 0) }],
            Subject::Pay => vec![Part::Pay { of: self.pick(4, 0) }],
            Subject::Settle => vec![Part::Settle { of: self.pick(3, 15) }],
            Subject::Refund => vec![Part::Refund { of: self.pick(3, 15) }],
            Subject::SendBack => vec![Part::SendBack { of: self.pick(3, 15) }],
            Subject::Create => vec![Part::Create(dice.pick(MADE))],
            Subject::Manage => vec![Part::Manage(dice.pick(MADE), self.pick(2, 15))],
            Subject::Nothing => Vec::new(),
        };
        if dice.chance(8) {
            parts.push(self.seats());
        }
        if dice.chance(8) {
            parts.push(self.set_aside());
        }
        if dice.chance(12) {
            parts.push(Part::Guard { what: Guarded::Reservation, of: self.pick(5, 40) });
        }
        if dice.chance(12) {
            parts.push(Part::Guard { what: dice.pick(GUARDED), of: self.pick(2, 40) });
        }
        if parts.is_empty() || dice.chance(20) {
            parts.push(Part::Message { n: self.key(number) });
        }
        if dice.chance(30) {
            let call = dice.pick(&[Call::Begin, Call::Answer, Call::Fill, Call::Fill]);
            let request = u8::from(dice.chance(25));
            parts.push(Part::Receipt { key: self.key(number), request, call });
        }
        parts
    }

    /// A key of its own, or one that may have been used.
    fn key(&self, number: u32) -> u32 {
        if self.dice.chance(30) { number } else { self.earlier(number, 6) }
    }

    fn pick(&self, reach: usize, stale_percent: usize) -> Pick {
        Pick {
            back: self.dice.below(reach.min(self.reach_max)),
            stale: self.dice.chance(stale_percent),
        }
    }

    fn owner(&self) -> Owner {
        if self.dice.chance(20) { Owner::House } else { Owner::Of(self.pick(6, 0)) }
    }

    fn limit(&self) -> u16 {
        self.dice.pick(self.limits)
    }

    fn amount(&self) -> i64 {
        self.dice.pick(&[10, 50, 100])
    }

    fn seats(&self) -> Part {
        let dice = &self.dice;
        let change = match dice.below(10) {
            0..4 => SeatChange::Claim(self.owner()),
            4..6 => SeatChange::Sell(self.pick(4, 0)),
            6..9 => SeatChange::Release(self.owner()),
            _ => SeatChange::Vacant,
        };
        let most = if matches!(change, SeatChange::Release(_)) { 8 } else { 3 };
        let seats = dice.some_of(dice.between(1, most), SEATS);
        Part::Seats { performance: dice.below(PERFORMANCES), seats, change }
    }

    fn places(&self) -> Part {
        let dice = &self.dice;
        let (of, count) = (self.pick(6, 0), dice.pick(&[0, 1, 1, 2, 3]));
        if dice.chance(50) {
            Part::Take { by: of, count, limit: self.limit() }
        } else {
            Part::GiveBack { of, count }
        }
    }

    fn set_aside(&self) -> Part {
        let user = self.dice.below(USERS);
        Part::SetAside { user, amount: self.amount(), by: self.pick(4, 0) }
    }
}
