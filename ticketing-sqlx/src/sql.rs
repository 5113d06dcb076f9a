//! Statements of many rows, put together from constants.
//!
//! A prepared statement for every number of keys would fill a session that reads with them, so there are only
//! [`SIZES`]: a list of keys is padded by repeating its last one. What a flush sends is prepared for that once.

/// The numbers of keys that reads are prepared for.
pub(crate) const SIZES: [usize; 16] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];
/// The most keys of one statement.
pub(crate) const SIZE_MAX: usize = 256;

/// The least size that holds so many keys, at most [`SIZE_MAX`].
pub(crate) fn size_for(keys: usize) -> usize {
    SIZES.into_iter().find(|size| *size >= keys).unwrap_or(SIZE_MAX)
}

/// `head`, then `each` as often as told with `between` in between, then `tail`.
pub(crate) fn repeated(head: &str, each: &str, between: &str, times: usize, tail: &str) -> String {
    let length = head.len() + times * (each.len() + between.len()) + tail.len();
    let mut sql = String::with_capacity(length);
    sql.push_str(head);
    for time in 0..times {
        if time > 0 {
            sql.push_str(between);
        }
        sql.push_str(each);
    }
    sql.push_str(tail);
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_holds_its_keys_and_is_less_than_twice_as_large() {
        for count in 1..=SIZE_MAX {
            assert!(size_for(count) >= count && size_for(count) < count.max(2) * 2, "{count}");
        }
        assert_eq!(size_for(1_000), SIZE_MAX);
    }

    #[test]
    fn text_is_repeated_with_what_stands_between() {
        assert_eq!(repeated("a IN (", "?", ", ", 3, ")"), "a IN (?, ?, ?)");
        assert_eq!(repeated("x", "(?)", ",", 1, ""), "x(?)");
    }
}
