//! How buyers pay: kinds of tender and the weights they are drawn by.

use std::fmt;
use std::str::FromStr;

/// Points of a buyer who pays the rest by card, in won.
pub(crate) const POINTS_OF_MIXED: i64 = 50_000;

/// How one buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tender {
    /// By card.
    Card,
    /// By transfer to a deposit account.
    Bank,
    /// With points alone.
    Points,
    /// With points, and the rest by card.
    Mixed,
}

impl Tender {
    const ALL: [Self; 4] = [Self::Card, Self::Bank, Self::Points, Self::Mixed];

    const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Bank => "bank",
            Self::Points => "points",
            Self::Mixed => "mixed",
        }
    }

    /// Whether the buyer needs a wallet.
    pub const fn uses_points(self) -> bool {
        matches!(self, Self::Points | Self::Mixed)
    }
}

/// The weight of each tender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenderMix([u32; 4]);

/// The text is not a mix of tenders.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenderMixError {
    /// A part is not a tender with a weight.
    #[error("expected card, bank, points or mixed with a weight of 0 to 1000, got {0:?}")]
    Part(String),
    /// A tender has two weights.
    #[error("{0} is named twice")]
    Repeated(&'static str),
    /// Nothing has a weight.
    #[error("expected at least one weight above zero")]
    Empty,
}

impl Default for TenderMix {
    fn default() -> Self {
        Self([70, 15, 10, 5])
    }
}

impl TenderMix {
    /// The tender that a number from 0 on draws.
    pub fn draw(&self, number: u64) -> Tender {
        let total: u64 = self.0.iter().copied().map(u64::from).sum();
        let mut left = number % total.max(1);
        for (tender, weight) in Tender::ALL.into_iter().zip(self.0) {
            if left < u64::from(weight) {
                return tender;
            }
            left -= u64::from(weight);
        }
        Tender::Card
    }
}

impl FromStr for TenderMix {
    type Err = TenderMixError;

    fn from_str(text: &str) -> Result<Self, TenderMixError> {
        let mut weights = [None; 4];
        for part in text.split(',') {
            let refused = || TenderMixError::Part(part.to_owned());
            let (name, weight) = part.trim().split_once('=').ok_or_else(refused)?;
            let at = Tender::ALL.iter().position(|tender| tender.name() == name);
            let at = at.ok_or_else(refused)?;
            let weight = weight.parse().ok().filter(|weight| *weight <= 1_000);
            if weights[at].replace(weight.ok_or_else(refused)?).is_some() {
                return Err(TenderMixError::Repeated(Tender::ALL[at].name()));
            }
        }
        let mix = weights.map(Option::unwrap_or_default);
        if mix == [0; 4] { Err(TenderMixError::Empty) } else { Ok(Self(mix)) }
    }
}

impl fmt::Display for TenderMix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = Tender::ALL.iter().zip(self.0).filter(|(_, weight)| *weight > 0);
        for (place, (tender, weight)) in parts.enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}={weight}", tender.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_reads_back_what_it_shows() {
        let mix = TenderMix::default();
        assert_eq!(mix.to_string(), "card=70,bank=15,points=10,mixed=5");
        assert_eq!(mix.to_string().parse(), Ok(mix));
        assert_eq!("bank=1".parse::<TenderMix>().unwrap().to_string(), "bank=1");
    }

    #[test]
    fn what_is_no_mix_is_refused() {
        assert_eq!("card".parse::<TenderMix>(), Err(TenderMixError::Part("card".to_owned())));
        assert_eq!("cash=1".parse::<TenderMix>(), Err(TenderMixError::Part("cash=1".to_owned())));
        assert!("card=1001".parse::<TenderMix>().is_err());
        assert_eq!("card=1,card=2".parse::<TenderMix>(), Err(TenderMixError::Repeated("card")));
        assert_eq!("card=0".parse::<TenderMix>(), Err(TenderMixError::Empty));
    }

    #[test]
    fn tenders_are_drawn_by_weight() {
        let mix: TenderMix = "card=3,points=1".parse().unwrap();
        let drawn: Vec<Tender> = (0..8).map(|number| mix.draw(number)).collect();
        assert_eq!(drawn.iter().filter(|tender| **tender == Tender::Card).count(), 6);
        assert_eq!(drawn.iter().filter(|tender| **tender == Tender::Points).count(), 2);
    }
}
