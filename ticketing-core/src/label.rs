//! Short texts with a stated length.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// Nothing but white space.
    #[error("expected 1 to {max} characters, got none")]
    Empty {
        /// The longest text allowed, in characters.
        max: usize,
    },
    /// More characters than allowed.
    #[error("expected 1 to {max} characters, got {got}")]
    TooLong {
        /// The longest text allowed, in characters.
        max: usize,
        /// How many there were.
        got: usize,
    },
    /// A control character, such as a line break.
    #[error("expected no control characters, got {got:?}")]
    Control {
        /// The first one found.
        got: char,
    },
}

/// A text of 1 to `MAX` characters, without control characters and without white space at its ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Label<const MAX: usize>(Arc<str>);

/// The name of a venue or the title of a show.
pub type Title = Label<200>;
/// The name of a section, such as `1F-A`.
pub type SectionName = Label<40>;
/// The name of a row or the number of a seat inside a row.
pub type SeatLabel = Label<16>;
/// The code of a price grade, such as `VIP`.
pub type Grade = Label<16>;
/// An opaque key chosen by a caller: an idempotency key, a message id, a gateway's reference.
pub type Token = Label<200>;

impl<const MAX: usize> Label<MAX> {
    /// Checks a text; white space at its ends is dropped.
    ///
    /// # Errors
    /// [`LabelError`], with the longest length allowed.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        let text = text.trim();
        let got = text.chars().count();
        if got == 0 {
            return Err(LabelError::Empty { max: MAX });
        }
        if got > MAX {
            return Err(LabelError::TooLong { max: MAX, got });
        }
        if let Some(got) = text.chars().find(|c| c.is_control()) {
            return Err(LabelError::Control { got });
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<&str> for Label<MAX> {
    type Error = LabelError;

    fn try_from(text: &str) -> Result<Self, LabelError> {
        Self::new(text)
    }
}

impl<const MAX: usize> std::str::FromStr for Label<MAX> {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        Self::new(text)
    }
}

impl<const MAX: usize> AsRef<str> for Label<MAX> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Label<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> fmt::Debug for Label<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Label<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_characters_not_bytes() {
        assert_eq!(Label::<2>::new(" 가나 ").unwrap().as_str(), "가나");
        assert_eq!(Label::<2>::new("가나다"), Err(LabelError::TooLong { max: 2, got: 3 }));
        assert_eq!(Label::<2>::new("  "), Err(LabelError::Empty { max: 2 }));
        assert_eq!(Label::<9>::new("a\nb"), Err(LabelError::Control { got: '\n' }));
    }
}
