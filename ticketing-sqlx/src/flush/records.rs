//! The rows of aggregates.

use ticketing_core::aggregate::AggregateKind;
use ticketing_core::change_set::Record;
use ticketing_core::flush::RecordWrite;
use ticketing_core::reservation::{Reservation, ReservationState};

use super::Broken;
use crate::db::{Dialect, Value};
use crate::sql::repeated;

/// The table of one kind, and its columns besides those that all have.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    own: &'static [&'static str],
}

const COMMON: [&str; 5] = ["id", "version", "replaced", "events", "saved_at"];

/// The table of a kind; a journal entry is no aggregate that is saved again.
pub(super) const fn table(kind: AggregateKind) -> Option<Table> {
    let (name, own): (_, &[&str]) = match kind {
        AggregateKind::Venue => ("tk_venue", &[]),
        AggregateKind::Show => ("tk_show", &["seller"]),
        AggregateKind::Performance => ("tk_performance", &["show_id", "winding_up"]),
        AggregateKind::Reservation => ("tk_reservation", &["user_id", "live_in", "due_at"]),
        AggregateKind::Checkout => ("tk_checkout", &["reservation", "live_since"]),
        AggregateKind::Payment => ("tk_payment", &["reservation", "unsettled_since", "to_close"]),
        AggregateKind::Refund => ("tk_refund", &["payment", "due_at"]),
        AggregateKind::Ticket => ("tk_ticket", &["reservation", "seat", "user_id"]),
        _ => return None,
    };
    Some(Table { name, own })
}

impl Table {
    pub(super) const fn columns(&self) -> usize {
        COMMON.len() + self.own.len() + 1
    }

    /// The head of a read of versions by ids, which locks no row but those it names.
    pub(super) fn versions(&self, dialect: Dialect) -> String {
        let (name, index) = (self.name, dialect.by_primary_key());
        format!("SELECT id, version FROM {name}{index} WHERE id IN (")
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        COMMON.iter().chain(self.own).chain(&["body"]).copied()
    }

    /// Inserts rows.
    pub(super) fn insert(&self, rows: usize) -> String {
        let names: Vec<&str> = self.names().collect();
        let head = format!("INSERT INTO {} ({}) VALUES ", self.name, names.join(", "));
        repeated(&head, &repeated("(", "?", ", ", names.len(), ")"), ", ", rows, "")
    }

    /// Updates rows that have the version that each replaces.
    pub(super) fn update(&self, dialect: Dialect, rows: usize) -> String {
        match dialect {
            // An upsert, for no other statement of both servers updates many rows by their keys. `version` is
            // null, which no row may have, where a row is not as it was read.
            #[cfg(feature = "mysql")]
            Dialect::MySql => {
                let version = "IF(version = VALUES(replaced), VALUES(version), NULL)";
                let set = self.names().skip(2).map(|name| format!(", {name} = VALUES({name})"));
                let tail = set.collect::<String>();
                self.insert(rows) + " ON DUPLICATE KEY UPDATE version = " + version + &tail
            }
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => {
                let name = self.name;
                let set = self.names().zip(1..).skip(1);
                let set: Vec<String> =
                    set.map(|(name, place)| format!("{name} = new.column{place}")).collect();
                let head = format!("UPDATE {name} SET {} FROM (VALUES ", set.join(", "));
                let tail = format!(
                    ") AS new WHERE {name}.id = new.column1 AND {name}.version = new.column3"
                );
                let row = repeated("(", "?", ", ", self.columns(), ")");
                repeated(&head, &row, ", ", rows, &tail)
            }
        }
    }
}

/// The values of one row, in the order of its table's columns.
pub(super) fn values(write: &RecordWrite, into: &mut Vec<Value<'_>>) -> Result<(), Broken> {
    let aggregate = write.record.aggregate();
    let root = aggregate.root();
    into.extend([
        Value::from(write.reference.id),
        Value::count(root.version()),
        Value::count(write.stored),
        Value::count(root.recorded()),
        Value::from(write.at),
    ]);
    let flag = |is_set: bool| if is_set { Value::Int(1) } else { Value::Null };
    let body = match &write.record {
        Record::Venue(of) => json(&**of)?,
        Record::Show(of) => {
            into.push(of.seller().as_uuid().into());
            json(&**of)?
        }
        Record::Performance(of) => {
            let is_winding_up = of.is_cancelled() && !of.is_wound_up();
            into.extend([of.show().as_uuid().into(), flag(is_winding_up)]);
            json(&**of)?
        }
        Record::Reservation(of) => {
            let live_in = is_live(of).then(|| of.performance().as_uuid());
            let due_at = of.is_pending().then(|| of.expires_at());
            into.push(of.user().as_uuid().into());
            into.extend([Value::or_null(live_in), Value::or_null(due_at)]);
            json(&**of)?
        }
        Record::Checkout(of) => {
            let live_since = of.is_live().then(|| of.moved_at());
            into.extend([of.reservation().as_uuid().into(), Value::or_null(live_since)]);
            json(&**of)?
        }
        Record::Payment(of) => {
            let unsettled_since = of.is_unsettled().then(|| of.asked_at());
            into.extend([of.reservation().as_uuid().into(), Value::or_null(unsettled_since)]);
            into.push(flag(of.needs_closing()));
            json(&**of)?
        }
        Record::Refund(of) => {
            let due_at = of.is_open().then(|| of.next_try_at());
            into.extend([of.payment().as_uuid().into(), Value::or_null(due_at)]);
            json(&**of)?
        }
        Record::Ticket(of) => {
            into.push(of.reservation().as_uuid().into());
            into.extend([Value::Int(i64::from(of.seat().0)), of.user().as_uuid().into()]);
            json(&**of)?
        }
        other => return Err(Broken::unknown(other.aggregate().reference())),
    };
    into.push(Value::text(body));
    Ok(())
}

const fn is_live(reservation: &Reservation) -> bool {
    match reservation.state() {
        ReservationState::Pending | ReservationState::Confirmed { .. } => true,
        ReservationState::Cancelled { .. }
        | ReservationState::Expired
        | ReservationState::Refunded { .. } => false,
    }
}

fn json<T: serde::Serialize>(of: &T) -> Result<String, Broken> {
    serde_json::to_string(of).map_err(Broken::json)
}
