//! Pages over ordered tables.

use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Fault, PortError};
use crate::page::{Cursor, Page, PageRequest};

/// The range after a key.
pub(super) const fn beyond<K>(key: K) -> (Bound<K>, Bound<K>) {
    (Bound::Excluded(key), Bound::Unbounded)
}

/// The range from a cursor's key, or from the start of the list.
pub(super) fn from<K>(after: Option<K>, start: K, end: Bound<K>) -> (Bound<K>, Bound<K>) {
    (after.map_or(Bound::Included(start), Bound::Excluded), end)
}

/// The key of a cursor.
pub(super) fn after<K: DeserializeOwned>(page: &PageRequest) -> Result<Option<K>, PortError> {
    let key = page.after.as_ref().map(Cursor::key).transpose();
    key.map_err(|error| PortError::new("store", "list", Fault::Permanent).because(error))
}

/// Takes one page from rows that start after the cursor.
pub(super) fn take<K: Serialize, T>(
    page: &PageRequest,
    mut rows: impl Iterator<Item = (K, T)>,
) -> Page<T> {
    let limit = page.limit.get();
    let mut items = Vec::with_capacity(limit.min(64));
    let mut last = None;
    while items.len() < limit {
        let Some((key, item)) = rows.next() else { return Page { items, next: None } };
        last = Some(key);
        items.push(item);
    }
    let more = rows.next().is_some();
    let next = if more { last.as_ref().map(Cursor::after) } else { None };
    Page { items, next }
}
