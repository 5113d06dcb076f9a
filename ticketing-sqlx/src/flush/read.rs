//! Locks first, then everything else.

use ticketing_core::aggregate::{AggregateKind, AggregateRef};
use ticketing_core::change_set::{MessageKey, ReceiptKey};
use ticketing_core::flush::{Lock, Reads, Rows, Slot};
use ticketing_core::id::{ChangeSetId, EntryId, PerformanceId, ReservationId, ShowId, UserId};
use ticketing_core::ledger::AccountKey;
use ticketing_core::seat::SeatNo;
use uuid::Uuid;

use super::executor::Session;
use super::{Broken, Failed, records};
use crate::codes;
use crate::db::{Row, Value};
use crate::reads::{claim, receipt, seat};
use crate::sql::{SIZE_MAX, repeated, size_for};

pub(super) async fn lock_and_read(session: &mut Session, reads: &Reads) -> Result<Rows, Failed> {
    let mut rows = Rows::default();
    lock_aggregates(session, &reads.aggregates, &mut rows).await?;
    lock_wallets(session, &reads.wallets, &mut rows).await?;
    let ids = |ids: &[ChangeSetId]| ids.iter().map(ChangeSetId::as_uuid).collect::<Vec<_>>();
    for row in
        by_ids(session, "SELECT id FROM tk_change_set WHERE id IN (", &ids(&reads.change_sets))
            .await?
    {
        rows.change_sets.insert(ChangeSetId::from_uuid(row.id(0)?));
    }
    read_receipts(session, reads, &mut rows).await?;
    read_messages(session, reads, &mut rows).await?;
    read_claims(session, &reads.claims, &mut rows).await?;
    read_allowances(session, &reads.allowances, &mut rows).await?;
    let ids = |ids: &[EntryId]| ids.iter().map(EntryId::as_uuid).collect::<Vec<_>>();
    for row in
        by_ids(session, "SELECT id FROM tk_entry WHERE id IN (", &ids(&reads.entries)).await?
    {
        rows.entries.insert(EntryId::from_uuid(row.id(0)?));
    }
    let head = "SELECT pending FROM tk_resolution WHERE pending IN (";
    for row in by_ids(session, head, &ids(&reads.resolutions)).await? {
        rows.resolutions.insert(EntryId::from_uuid(row.id(0)?));
    }
    Ok(rows)
}

async fn lock_aggregates(
    session: &mut Session,
    aggregates: &[(AggregateRef, Lock)],
    rows: &mut Rows,
) -> Result<(), Failed> {
    for of_kind in aggregates.chunk_by(|(left, _), (right, _)| left.kind == right.kind) {
        let kind = of_kind[0].0.kind;
        for lock in [Lock::Exclusive, Lock::Shared] {
            let ids = of_kind.iter().filter(|(_, how)| *how == lock).map(|(of, _)| of.id);
            lock_kind(session, kind, lock, &ids.collect::<Vec<_>>(), rows).await?;
        }
    }
    Ok(())
}

async fn lock_kind(
    session: &mut Session,
    kind: AggregateKind,
    lock: Lock,
    ids: &[Uuid],
    rows: &mut Rows,
) -> Result<(), Failed> {
    let Some(table) = records::table(kind) else { return Ok(()) };
    let dialect = session.dialect;
    let (name, index) = (table.name, dialect.by_primary_key());
    let head = format!("SELECT id, version FROM {name}{index} WHERE id IN (");
    let tail = match lock {
        Lock::Shared => dialect.shared(),
        Lock::Exclusive => dialect.exclusive(),
    };
    for row in by_ids_with(session, &head, ids, &format!("){tail}")).await? {
        rows.versions.insert(AggregateRef { kind, id: row.id(0)? }, row.count(1)?);
    }
    Ok(())
}

async fn lock_wallets(
    session: &mut Session,
    wallets: &[AccountKey],
    rows: &mut Rows,
) -> Result<(), Failed> {
    let dialect = session.dialect;
    let index = dialect.by_primary_key();
    let head = format!("SELECT user_id, currency, balance FROM tk_wallet{index} WHERE ");
    let keys = |wallet: &AccountKey| {
        let (_, owner) = codes::account(wallet.account).unwrap_or_default();
        [Value::from(owner), Value::text(wallet.currency.code().to_owned())]
    };
    let each = "(user_id = ? AND currency = ?)";
    for row in by_keys(session, &head, each, wallets, keys, dialect.exclusive()).await? {
        let account = codes::account_of(1, row.id(0)?).ok_or_else(|| unreadable("wallet"))?;
        let currency = row.text(1)?.parse().map_err(|_| unreadable("currency"))?;
        rows.balances.insert(AccountKey { account, currency }, row.int(2)?);
    }
    Ok(())
}

async fn read_receipts(
    session: &mut Session,
    reads: &Reads,
    rows: &mut Rows,
) -> Result<(), Failed> {
    let head = "SELECT caller, operation, client_key, fingerprint, answer, created_at FROM tk_receipt WHERE ";
    let each = "(caller = ? AND operation = ? AND client_key = ?)";
    let keys = |key: &ReceiptKey| {
        [
            Value::from(key.caller.as_uuid()),
            Value::text(key.operation.as_ref().to_owned()),
            Value::text(key.key.as_ref().to_owned()),
        ]
    };
    for row in by_keys(session, head, each, &reads.receipts, keys, "").await? {
        let key = ReceiptKey {
            caller: UserId::from_uuid(row.id(0)?),
            operation: row.text(1)?.parse().map_err(|_| unreadable("operation"))?,
            key: row.text(2)?.parse().map_err(|_| unreadable("client key"))?,
        };
        rows.receipts.insert(key, receipt(&row, 3)?);
    }
    Ok(())
}

async fn read_messages(
    session: &mut Session,
    reads: &Reads,
    rows: &mut Rows,
) -> Result<(), Failed> {
    let keys = |key: &MessageKey| {
        [Value::text(key.consumer.as_ref().to_owned()), Value::text(key.id.as_ref().to_owned())]
    };
    let head = "SELECT consumer, message FROM tk_message WHERE ";
    let each = "(consumer = ? AND message = ?)";
    for row in by_keys(session, head, each, &reads.messages, keys, "").await? {
        rows.messages.insert(MessageKey {
            consumer: row.text(0)?.parse().map_err(|_| unreadable("consumer"))?,
            id: row.text(1)?.parse().map_err(|_| unreadable("message"))?,
        });
    }
    Ok(())
}

async fn read_claims(
    session: &mut Session,
    claims: &[(PerformanceId, SeatNo)],
    rows: &mut Rows,
) -> Result<(), Failed> {
    let head = "SELECT performance, seat, status, owner FROM tk_seat_claim WHERE ";
    let keys = |(performance, seat): &(PerformanceId, SeatNo)| {
        [Value::from(performance.as_uuid()), Value::Int(i64::from(seat.0))]
    };
    for row in by_keys(session, head, "(performance = ? AND seat = ?)", claims, keys, "").await? {
        let seat = (PerformanceId::from_uuid(row.id(0)?), seat(&row, 1)?);
        rows.claims.insert(seat, claim(&row, 2)?);
    }
    Ok(())
}

async fn read_allowances(
    session: &mut Session,
    pairs: &[(UserId, ShowId)],
    rows: &mut Rows,
) -> Result<(), Failed> {
    let head = "SELECT user_id, show_id, slot, reservation FROM tk_allowance WHERE ";
    let keys = |(user, show): &(UserId, ShowId)| {
        [Value::from(user.as_uuid()), Value::from(show.as_uuid())]
    };
    let each = "(user_id = ? AND show_id = ?)";
    for row in by_keys(session, head, each, pairs, keys, "").await? {
        let pair = (UserId::from_uuid(row.id(0)?), ShowId::from_uuid(row.id(1)?));
        let slot = u16::try_from(row.int(2)?).map_err(|_| unreadable("slot"))?;
        let slot: Slot = (slot, ReservationId::from_uuid(row.id(3)?));
        rows.allowances.entry(pair).or_default().push(slot);
    }
    rows.allowances.values_mut().for_each(|slots| slots.sort_unstable());
    Ok(())
}

async fn by_ids(session: &mut Session, head: &str, ids: &[Uuid]) -> Result<Vec<Row>, Failed> {
    by_ids_with(session, head, ids, ")").await
}

async fn by_ids_with(
    session: &mut Session,
    head: &str,
    ids: &[Uuid],
    tail: &str,
) -> Result<Vec<Row>, Failed> {
    let mut rows = Vec::new();
    for chunk in ids.chunks(SIZE_MAX) {
        let size = size_for(chunk.len());
        let last = chunk[chunk.len() - 1];
        let padded = chunk.iter().copied().chain(std::iter::repeat(last)).take(size);
        let values: Vec<Value<'_>> = padded.map(Value::from).collect();
        let sql = repeated(head, "?", ", ", size, tail);
        rows.append(&mut session.fetch(&sql, &values).await?);
    }
    Ok(rows)
}

/// Rows by keys of several columns, each as a condition of its own: the range of an index on both
/// dialects, which a row constructor is not everywhere.
async fn by_keys<'a, K: Sync, const N: usize>(
    session: &mut Session,
    head: &str,
    each: &str,
    keys: &'a [K],
    values: impl Fn(&'a K) -> [Value<'a>; N] + Send + Sync,
    tail: &str,
) -> Result<Vec<Row>, Failed> {
    let mut rows = Vec::new();
    for chunk in keys.chunks(SIZE_MAX) {
        let size = size_for(chunk.len());
        let padded = chunk.iter().chain(std::iter::repeat(&chunk[chunk.len() - 1])).take(size);
        let values: Vec<Value<'_>> = padded.flat_map(&values).collect();
        let sql = repeated(head, each, " OR ", size, tail);
        rows.append(&mut session.fetch(&sql, &values).await?);
    }
    Ok(rows)
}

fn unreadable(what: &'static str) -> Broken {
    Broken::from(crate::db::fault::Broken::column(0, format!("expected a {what}")))
}
