//! Published events that are old leave the outbox: whole blocks, and of the next one as many as are still
//! asked for.

use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::page::Limit;

use super::{PORT, broken_port, size};
use crate::Store;
use crate::db::fault::{Broken, read_failed};
use crate::db::{Row, Value};

/// The oldest blocks that were published to their ends.
pub(super) const OLDEST: &str = "SELECT o.sequence, o.events, o.occurred_at, r.dropped \
    FROM tk_outbox_reader r JOIN tk_outbox o \
    ON o.part = r.part AND o.sequence > r.dropped AND o.sequence <= r.published \
    WHERE r.part = ? ORDER BY o.sequence LIMIT ?";

pub(super) const DROP: &str =
    "DELETE FROM tk_outbox WHERE part = ? AND sequence >= ? AND sequence <= ?";

/// Leaves the last events of a block, unless another was faster.
pub(super) const SHORTEN: &str =
    "UPDATE tk_outbox SET events = ? WHERE part = ? AND sequence = ? AND events = ?";

/// How many dropped events may be looked at again. MySQL keeps deleted rows until no reader is older than
/// they are, which can be long, and would walk over all of them; but to write down each step costs a sync.
const DROPPED_STEP: i64 = 8_192;

pub(super) const DROPPED: &str =
    "UPDATE tk_outbox_reader SET dropped = ? WHERE part = ? AND dropped < ?";

const OPERATION: &str = "drop_published";

/// The number of a block's last event, and how many it has.
#[derive(Clone, Copy)]
struct Old {
    sequence: i64,
    events: usize,
}

/// What goes.
struct Oldest {
    whole: Vec<Old>,
    /// A block that is shortened, and by how many.
    part: Option<(Old, usize)>,
    /// Up to where events were dropped before.
    dropped: i64,
}

impl Oldest {
    fn of(rows: &[Row], before: DateTime<Utc>, limit: usize) -> Result<Self, Broken> {
        let mut oldest = Self { whole: Vec::new(), part: None, dropped: 0 };
        let mut left = limit;
        for row in rows {
            let events = row.count(1)?;
            let events = usize::try_from(events).map_err(|error| Broken::column(1, error))?;
            if row.int(2)? >= before.timestamp_micros() || left == 0 {
                break;
            }
            let old = Old { sequence: row.int(0)?, events };
            oldest.dropped = row.int(3)?;
            if events > left {
                oldest.part = Some((old, left));
                break;
            }
            left -= events;
            oldest.whole.push(old);
        }
        Ok(oldest)
    }
}

pub(super) async fn published(
    store: &Store,
    partition: u16,
    before: DateTime<Utc>,
    limit: Limit,
) -> Result<usize, PortError> {
    let failed = read_failed(PORT, OPERATION);
    let part = || Value::Int(partition.into());
    let rows = store.database().fetch(OLDEST, &[part(), size(limit.get())]).await;
    let oldest = Oldest::of(&rows.map_err(&failed)?, before, limit.get());
    let Oldest { whole, part: rest, dropped } =
        oldest.map_err(|error| broken_port(OPERATION, error))?;
    let mut count = 0;
    if let (Some(first), Some(last)) = (whole.first(), whole.last()) {
        let values = [part(), Value::Int(first.sequence), Value::Int(last.sequence)];
        let done = store.database().execute(DROP, &values).await.map_err(&failed)?;
        // What is missing was dropped by another, who also began with the oldest.
        let own = usize::try_from(done.rows).unwrap_or(usize::MAX);
        count += whole.iter().rev().take(own).map(|old| old.events).sum::<usize>();
        if last.sequence - dropped >= DROPPED_STEP {
            let values = [Value::Int(last.sequence), part(), Value::Int(last.sequence)];
            store.database().execute(DROPPED, &values).await.map_err(&failed)?;
        }
    }
    if let Some((Old { sequence, events }, by)) = rest {
        let values = [size(events - by), part(), Value::Int(sequence), size(events)];
        let done = store.database().execute(SHORTEN, &values).await.map_err(&failed)?;
        count += if done.rows > 0 { by } else { 0 };
    }
    Ok(count)
}
