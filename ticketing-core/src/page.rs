//! Bounded lists: a limit, a cursor, a page.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Why a page cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The limit is out of bounds.
    #[error("expected a limit of 1 to {}, got {got}", Limit::MAX)]
    Limit {
        /// The limit that was given.
        got: usize,
    },
    /// The cursor was not made by this list.
    #[error("expected a cursor that this list gave out")]
    Cursor,
}

/// How many items a page or a batch has at the most: 1 to [`Limit::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize")]
pub struct Limit(usize);

impl Limit {
    /// The largest limit.
    pub const MAX: usize = 1_000;
    /// One hundred.
    pub const DEFAULT: Self = Self(100);

    /// Checks a limit.
    ///
    /// # Errors
    /// [`PageError::Limit`] outside of 1 to [`Limit::MAX`].
    pub const fn new(limit: usize) -> Result<Self, PageError> {
        if limit == 0 || limit > Self::MAX {
            return Err(PageError::Limit { got: limit });
        }
        Ok(Self(limit))
    }

    /// The number.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<usize> for Limit {
    type Error = PageError;

    fn try_from(limit: usize) -> Result<Self, PageError> {
        Self::new(limit)
    }
}

/// Where the next page starts. Opaque to callers; only the list that gave it out reads it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// Encodes the key of the last item of a page.
    ///
    /// # Panics
    /// If the key's `Serialize` fails, which tuples of ids, times and numbers never do.
    pub fn after<K: Serialize>(key: &K) -> Self {
        let json = serde_json::to_vec(key).expect("keys serialise");
        Self(data_encoding::BASE64URL_NOPAD.encode(&json))
    }

    /// Decodes the key again.
    ///
    /// # Errors
    /// [`PageError::Cursor`] if it is not such a key.
    pub fn key<K: DeserializeOwned>(&self) -> Result<K, PageError> {
        let json = data_encoding::BASE64URL_NOPAD
            .decode(self.0.as_bytes())
            .map_err(|_| PageError::Cursor)?;
        serde_json::from_slice(&json).map_err(|_| PageError::Cursor)
    }

    /// The cursor as it is handed out.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Cursor {
    type Err = PageError;

    fn from_str(text: &str) -> Result<Self, PageError> {
        let fits = text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(PageError::Cursor) }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({})", self.0)
    }
}

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Where it starts; `None` for the first page.
    pub after: Option<Cursor>,
    /// How many items it has at the most.
    pub limit: Limit,
}

impl PageRequest {
    /// The first page.
    pub const fn first(limit: Limit) -> Self {
        Self { after: None, limit }
    }

    /// The page that starts at a cursor.
    pub const fn next(after: Option<Cursor>, limit: Limit) -> Self {
        Self { after, limit }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// At most as many items as the limit.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page with other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_only_by_its_own_kind_of_list() {
        let cursor: Cursor = Cursor::after(&(7_i64, "a")).to_string().parse().unwrap();
        assert_eq!(cursor.key::<(i64, String)>(), Ok((7, "a".to_owned())));
        assert_eq!(cursor.key::<String>(), Err(PageError::Cursor));
        assert_eq!("한글".parse::<Cursor>(), Err(PageError::Cursor));
        assert_eq!(Limit::new(0), Err(PageError::Limit { got: 0 }));
        assert_eq!(Limit::new(1_001), Err(PageError::Limit { got: 1_001 }));
    }
}
