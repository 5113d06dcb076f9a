//! Locks first, then everything else, in one go.

use ticketing_core::aggregate::{AggregateKind, AggregateRef};
use ticketing_core::change_set::{MessageKey, ReceiptKey};
use ticketing_core::flush::{Lock, Reads, Rows};
use ticketing_core::id::{ChangeSetId, EntryId, PerformanceId, ReservationId, ShowId, UserId};
use ticketing_core::ledger::AccountKey;
use uuid::Uuid;

use super::executor::Session;
use super::{Broken, Failed, records};
use crate::codes;
use crate::db::{Dialect, Row, Statement, Value};
use crate::reads::{claim, receipt, seat};
use crate::sql::{SIZE_MAX, repeated};

/// What the rows of a statement are.
#[derive(Clone, Copy)]
enum What {
    Wallets,
    Aggregates(AggregateKind),
    ChangeSets,
    Receipts,
    Messages,
    Claims,
    Allowances,
    Entries,
    Resolutions,
}

pub(super) async fn lock_and_read(session: &mut Session, reads: &Reads) -> Result<Rows, Failed> {
    let asked = Asked::of(session.dialect, reads);
    let answers = session.ask(&asked.statements).await?;
    let mut rows = Rows::default();
    for (what, answer) in asked.what.iter().zip(&answers) {
        for row in &answer.rows {
            what.keep(row, &mut rows)?;
        }
    }
    rows.allowances.values_mut().for_each(|slots| slots.sort_unstable());
    Ok(rows)
}

struct Asked<'a> {
    dialect: Dialect,
    what: Vec<What>,
    statements: Vec<Statement<'a>>,
}

impl<'a> Asked<'a> {
    fn of(dialect: Dialect, reads: &'a Reads) -> Self {
        let mut asked = Self { dialect, what: Vec::new(), statements: Vec::new() };
        asked.lock_wallets(&reads.wallets);
        asked.lock_aggregates(&reads.aggregates);
        let head = "SELECT id FROM tk_change_set WHERE id IN (";
        asked.ids(What::ChangeSets, head, &reads.change_sets, ChangeSetId::as_uuid, ")");
        asked.receipts(&reads.receipts);
        asked.messages(&reads.messages);
        let head = "SELECT performance, seat, status, owner FROM tk_seat_claim WHERE ";
        let each = "(performance = ? AND seat = ?)";
        asked.keys(What::Claims, head, each, &reads.claims, "", |(performance, seat)| {
            [Value::from(performance.as_uuid()), Value::Int(i64::from(seat.0))]
        });
        let head = "SELECT user_id, show_id, slot, reservation FROM tk_allowance WHERE ";
        let each = "(user_id = ? AND show_id = ?)";
        asked.keys(What::Allowances, head, each, &reads.allowances, "", |(user, show)| {
            [Value::from(user.as_uuid()), Value::from(show.as_uuid())]
        });
        let head = "SELECT id FROM tk_entry WHERE id IN (";
        asked.ids(What::Entries, head, &reads.entries, EntryId::as_uuid, ")");
        let head = "SELECT pending FROM tk_resolution WHERE pending IN (";
        asked.ids(What::Resolutions, head, &reads.resolutions, EntryId::as_uuid, ")");
        asked
    }

    fn lock_wallets(&mut self, wallets: &'a [AccountKey]) {
        let (index, tail) = (self.dialect.by_primary_key(), self.dialect.exclusive());
        let head = format!("SELECT user_id, currency, balance FROM tk_wallet{index} WHERE ");
        let each = "(user_id = ? AND currency = ?)";
        self.keys(What::Wallets, &head, each, wallets, tail, |wallet| {
            let (_, owner) = codes::account(wallet.account).unwrap_or_default();
            [Value::from(owner), Value::text(wallet.currency.code())]
        });
    }

    fn lock_aggregates(&mut self, aggregates: &'a [(AggregateRef, Lock)]) {
        for of_kind in aggregates.chunk_by(|(left, _), (right, _)| left.kind == right.kind) {
            let kind = of_kind[0].0.kind;
            let Some(table) = records::table(kind) else { continue };
            let head = table.versions(self.dialect);
            for (lock, tail) in
                [(Lock::Exclusive, self.dialect.exclusive()), (Lock::Shared, self.dialect.shared())]
            {
                let ids = of_kind.iter().filter(|(_, how)| *how == lock).map(|(of, _)| of.id);
                let (ids, tail) = (ids.collect::<Vec<Uuid>>(), format!("){tail}"));
                self.ids(What::Aggregates(kind), &head, &ids, |id| *id, &tail);
            }
        }
    }

    fn receipts(&mut self, receipts: &'a [ReceiptKey]) {
        let head = "SELECT caller, operation, client_key, fingerprint, answer, created_at FROM tk_receipt WHERE ";
        let each = "(caller = ? AND operation = ? AND client_key = ?)";
        self.keys(What::Receipts, head, each, receipts, "", |key| {
            let (operation, client_key) = (key.operation.as_ref(), key.key.as_ref());
            [key.caller.as_uuid().into(), Value::text(operation), Value::text(client_key)]
        });
    }

    fn messages(&mut self, messages: &'a [MessageKey]) {
        let head = "SELECT consumer, message FROM tk_message WHERE ";
        let each = "(consumer = ? AND message = ?)";
        self.keys(What::Messages, head, each, messages, "", |key| {
            [Value::text(key.consumer.as_ref()), Value::text(key.id.as_ref())]
        });
    }

    fn ids<K>(&mut self, what: What, head: &str, keys: &[K], id: impl Fn(&K) -> Uuid, tail: &str) {
        for chunk in keys.chunks(SIZE_MAX) {
            let values = chunk.iter().map(|key| id(key).into()).collect();
            self.push(what, repeated(head, "?", ", ", chunk.len(), tail), values);
        }
    }

    /// Rows by keys of several columns, each as a condition of its own: the range of an index on both
    /// dialects, which a row constructor is not everywhere.
    fn keys<K, const N: usize>(
        &mut self,
        what: What,
        head: &str,
        each: &str,
        keys: &'a [K],
        tail: &str,
        values: impl Fn(&'a K) -> [Value<'a>; N],
    ) {
        for chunk in keys.chunks(SIZE_MAX) {
            let values = chunk.iter().flat_map(&values).collect();
            self.push(what, repeated(head, each, " OR ", chunk.len(), tail), values);
        }
    }

    fn push(&mut self, what: What, sql: String, values: Vec<Value<'a>>) {
        self.what.push(what);
        self.statements.push(Statement { sql, values });
    }
}

/// The statements that read so much within a flush.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn all_queries(dialect: Dialect, reads: &Reads) -> Vec<String> {
    let asked = Asked::of(dialect, reads);
    asked.statements.into_iter().map(|statement| statement.sql).collect()
}

impl What {
    fn keep(self, row: &Row, rows: &mut Rows) -> Result<(), Broken> {
        match self {
            Self::Wallets => {
                let account =
                    codes::account_of(1, row.id(0)?).ok_or_else(|| unreadable("wallet"))?;
                let currency = row.text(1)?.parse().map_err(|_| unreadable("currency"))?;
                rows.balances.insert(AccountKey { account, currency }, row.int(2)?);
            }
            Self::Aggregates(kind) => {
                rows.versions.insert(AggregateRef { kind, id: row.id(0)? }, row.count(1)?);
            }
            Self::ChangeSets => {
                rows.change_sets.insert(ChangeSetId::from_uuid(row.id(0)?));
            }
            Self::Receipts => {
                let key = ReceiptKey {
                    caller: UserId::from_uuid(row.id(0)?),
                    operation: row.text(1)?.parse().map_err(|_| unreadable("operation"))?,
                    key: row.text(2)?.parse().map_err(|_| unreadable("client key"))?,
                };
                rows.receipts.insert(key, receipt(row, 3)?);
            }
            Self::Messages => {
                rows.messages.insert(MessageKey {
                    consumer: row.text(0)?.parse().map_err(|_| unreadable("consumer"))?,
                    id: row.text(1)?.parse().map_err(|_| unreadable("message"))?,
                });
            }
            Self::Claims => {
                let seat = (PerformanceId::from_uuid(row.id(0)?), seat(row, 1)?);
                rows.claims.insert(seat, claim(row, 2)?);
            }
            Self::Allowances => {
                let pair = (UserId::from_uuid(row.id(0)?), ShowId::from_uuid(row.id(1)?));
                let slot = u16::try_from(row.int(2)?).map_err(|_| unreadable("slot"))?;
                let slot = (slot, ReservationId::from_uuid(row.id(3)?));
                rows.allowances.entry(pair).or_default().push(slot);
            }
            Self::Entries => {
                rows.entries.insert(EntryId::from_uuid(row.id(0)?));
            }
            Self::Resolutions => {
                rows.resolutions.insert(EntryId::from_uuid(row.id(0)?));
            }
        }
        Ok(())
    }
}

fn unreadable(what: &'static str) -> Broken {
    Broken::from(crate::db::fault::Broken::column(0, format!("expected a {what}")))
}
