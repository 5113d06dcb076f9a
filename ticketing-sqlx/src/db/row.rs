//! What a query gives back.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::fault::Broken;

/// One row, read by the places of its columns.
pub(crate) enum Row {
    #[cfg(feature = "mysql")]
    MySql(sqlx::mysql::MySqlRow),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
}

macro_rules! get {
    ($self:ident, $place:ident, $type:ty) => {{
        let got: Result<Option<$type>, sqlx::Error> = match $self {
            #[cfg(feature = "mysql")]
            Self::MySql(row) => sqlx::Row::try_get_unchecked(row, $place),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => sqlx::Row::try_get_unchecked(row, $place),
        };
        got.map_err(|error| Broken::column($place, error))
    }};
}

impl Row {
    pub(crate) fn int_or_null(&self, place: usize) -> Result<Option<i64>, Broken> {
        get!(self, place, i64)
    }

    pub(crate) fn int(&self, place: usize) -> Result<i64, Broken> {
        self.int_or_null(place)?.ok_or_else(|| Broken::null(place))
    }

    /// A version, number or sequence.
    pub(crate) fn count(&self, place: usize) -> Result<u64, Broken> {
        let got = self.int(place)?;
        u64::try_from(got).map_err(|error| Broken::column(place, error))
    }

    pub(crate) fn bytes_or_null(&self, place: usize) -> Result<Option<&[u8]>, Broken> {
        get!(self, place, &[u8])
    }

    pub(crate) fn bytes(&self, place: usize) -> Result<&[u8], Broken> {
        self.bytes_or_null(place)?.ok_or_else(|| Broken::null(place))
    }

    pub(crate) fn text(&self, place: usize) -> Result<&str, Broken> {
        let got = get!(self, place, &str)?;
        got.ok_or_else(|| Broken::null(place))
    }

    /// A text by the name of its column, which is not at the same place everywhere.
    #[cfg(all(feature = "mysql", any(test, feature = "testing")))]
    pub(crate) fn text_named(&self, name: &'static str) -> Result<Option<&str>, Broken> {
        let got = match self {
            Self::MySql(row) => sqlx::Row::try_get_unchecked(row, name),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => sqlx::Row::try_get_unchecked(row, name),
        };
        got.map_err(|error| Broken::column(0, error))
    }

    pub(crate) fn id_or_null(&self, place: usize) -> Result<Option<Uuid>, Broken> {
        let got = self.bytes_or_null(place)?;
        got.map(|bytes| Uuid::from_slice(bytes).map_err(|error| Broken::column(place, error)))
            .transpose()
    }

    pub(crate) fn id(&self, place: usize) -> Result<Uuid, Broken> {
        self.id_or_null(place)?.ok_or_else(|| Broken::null(place))
    }

    pub(crate) fn time(&self, place: usize) -> Result<DateTime<Utc>, Broken> {
        let micros = self.int(place)?;
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| Broken::column(place, format!("{micros} is no time")))
    }

    /// A text that holds JSON. The error says where it breaks and not what stands there, which may be a
    /// buyer's bank account.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self, place: usize) -> Result<T, Broken> {
        serde_json::from_slice(self.bytes(place)?).map_err(|error| {
            let (kind, at) = (error.classify(), error.column());
            Broken::column(place, format!("the json is wrong at column {at}: {kind:?}"))
        })
    }
}
