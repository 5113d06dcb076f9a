//! The net effect of a batch, table by table, in the order of [`Writes`].

mod outbox;

use ticketing_core::change_set::{ChangeSet, ReceiptState};
use ticketing_core::flush::{ClaimUpdate, ReceiptWrite, WalletChange, WalletWrite, Writes};
use ticketing_core::port::{AllowanceRow, ClaimRow};
use ticketing_core::seat::{Claim, ClaimOwner, ClaimStatus};

use super::executor::Session;
use super::{Broken, Failed, records};
use crate::codes;
use crate::db::Value;
use crate::sql::{SIZE_MAX, repeated, size_for, size_within};

/// The most bytes that one statement carries in its values, unless one row alone has more: a quarter of the
/// least `max_allowed_packet` that a server may have.
const STATEMENT_BYTES_MAX: usize = 4 * 1_024 * 1_024;

pub(super) async fn write(
    session: &mut Session,
    batch: &[ChangeSet],
    writes: &Writes,
) -> Result<(), Failed> {
    let ids = writes.change_sets.iter();
    let values = ids.flat_map(|(id, at)| [id.as_uuid().into(), (*at).into()]).collect();
    insert(session, "tk_change_set (id, decided_at)", 2, values).await?;
    save(session, writes).await?;
    claims(session, writes).await?;
    allowances(session, writes).await?;
    receipts(session, &writes.receipts).await?;
    let messages = writes.messages.iter();
    let values = messages.flat_map(|(key, at)| {
        [Value::text(key.consumer.as_ref()), Value::text(key.id.as_ref()), (*at).into()]
    });
    insert(session, "tk_message (consumer, message, handled_at)", 3, values.collect()).await?;
    books(session, writes).await?;
    wallets(session, &writes.wallets).await?;
    accounts(session, writes).await?;
    outbox::write(session, batch, &writes.outbox).await
}

async fn save(session: &mut Session, writes: &Writes) -> Result<(), Failed> {
    let records = &writes.records;
    for of_kind in records.chunk_by(|left, right| left.reference.kind == right.reference.kind) {
        let reference = of_kind[0].reference;
        let table = records::table(reference.kind).ok_or(Broken::unknown(reference))?;
        let mut values = Vec::with_capacity(of_kind.len() * table.columns());
        for write in of_kind {
            records::values(write, &mut values)?;
        }
        let dialect = session.dialect;
        let sql = |rows| table.upsert(dialect, rows);
        in_statements(session, table.columns(), &values, sql).await?;
    }
    Ok(())
}

async fn claims(session: &mut Session, writes: &Writes) -> Result<(), Failed> {
    let same = session.dialect.same();
    let found = |row: &ClaimRow| {
        [
            Value::from(row.performance.as_uuid()),
            Value::Int(i64::from(row.seat.0)),
            Value::Int(codes::status(row.claim.status)),
            owner(row.claim),
        ]
    };
    let each = format!("(performance = ? AND seat = ? AND status = ? AND owner {same} ?)");
    let head = "DELETE FROM tk_seat_claim WHERE ";
    change(session, head, &each, &[], &writes.claims_deleted, found).await?;
    let (sold, moved): (Vec<ClaimUpdate>, Vec<_>) =
        writes.claims_updated.iter().copied().partition(|update| {
            update.from.owner == update.to.owner && update.to.status == ClaimStatus::Sold
        });
    let sell = |update: &ClaimUpdate| {
        let ClaimUpdate { performance, seat, from, .. } = *update;
        found(&ClaimRow { performance, seat, claim: from })
    };
    let head = "UPDATE tk_seat_claim SET status = 2 WHERE ";
    change(session, head, &each, &[], &sold, sell).await?;
    // A seat that one batch frees for another owner: rare, so each alone.
    for update in &moved {
        let to = [Value::Int(codes::status(update.to.status)), owner(update.to)];
        let head = "UPDATE tk_seat_claim SET status = ?, owner = ? WHERE ";
        change(session, head, &each, &to, std::slice::from_ref(update), sell).await?;
    }
    let values = writes.claims_inserted.iter().flat_map(found).collect();
    insert(session, "tk_seat_claim (performance, seat, status, owner)", 4, values).await
}

fn owner(claim: Claim) -> Value<'static> {
    match claim.owner {
        ClaimOwner::Reservation(id) => id.as_uuid().into(),
        ClaimOwner::House => Value::Null,
    }
}

async fn allowances(session: &mut Session, writes: &Writes) -> Result<(), Failed> {
    let row = |row: &AllowanceRow| {
        [
            Value::from(row.user.as_uuid()),
            Value::from(row.show.as_uuid()),
            Value::Int(i64::from(row.slot)),
            Value::from(row.reservation.as_uuid()),
        ]
    };
    let each = "(user_id = ? AND show_id = ? AND slot = ? AND reservation = ?)";
    let head = "DELETE FROM tk_allowance WHERE ";
    change(session, head, each, &[], &writes.allowances_deleted, row).await?;
    let values = writes.allowances_inserted.iter().flat_map(row).collect();
    insert(session, "tk_allowance (user_id, show_id, slot, reservation)", 4, values).await
}

/// Inserts new receipts. One that is to be filled is there: the upsert only updates it, and writes null,
/// which no fingerprint may be, where another filled it.
async fn receipts(session: &mut Session, receipts: &[ReceiptWrite]) -> Result<(), Failed> {
    let (filled, new): (Vec<_>, Vec<_>) = receipts.iter().partition(|write| write.fills);
    let table = "tk_receipt (caller, operation, client_key, fingerprint, answer, created_at)";
    insert(session, table, 6, receipt_values(&new)?).await?;
    let dialect = session.dialect;
    let tail = format!(
        "{}fingerprint = CASE WHEN tk_receipt.answer IS NULL THEN tk_receipt.fingerprint ELSE NULL END, \
         answer = {}",
        dialect.upsert("caller, operation, client_key"),
        dialect.inserted("answer"),
    );
    insert_with(session, table, 6, receipt_values(&filled)?, &tail).await
}

fn receipt_values<'a>(writes: &[&'a ReceiptWrite]) -> Result<Vec<Value<'a>>, Failed> {
    let mut values = Vec::with_capacity(writes.len() * 6);
    for ReceiptWrite { key, receipt, .. } in writes {
        let answer = match &receipt.state {
            ReceiptState::InProgress => Value::Null,
            ReceiptState::Done(answer) => Value::text(utf8(answer.as_bytes())?),
        };
        values.extend([
            Value::from(key.caller.as_uuid()),
            Value::text(key.operation.as_ref()),
            Value::text(key.key.as_ref()),
            Value::bytes(&receipt.fingerprint.0[..]),
            answer,
            Value::from(receipt.created_at),
        ]);
    }
    Ok(values)
}

async fn books(session: &mut Session, writes: &Writes) -> Result<(), Failed> {
    let mut entries = Vec::with_capacity(writes.entries.len() * 3);
    let mut postings = Vec::with_capacity(writes.entries.len() * 20);
    for entry in &writes.entries {
        let id = entry.id().as_uuid();
        let body = serde_json::to_string(&**entry).map_err(Broken::json)?;
        entries.extend([id.into(), entry.at().into(), Value::text(body)]);
        for (key, amount) in entry.lines() {
            let (account, owner) =
                codes::account(key.account).ok_or_else(|| unknown_account(id))?;
            postings.extend([
                Value::Int(account),
                owner.into(),
                Value::text(key.currency.code()),
                id.into(),
                Value::Int(amount),
            ]);
        }
    }
    insert(session, "tk_entry (id, booked_at, body)", 3, entries).await?;
    insert(session, "tk_posting (account, owner, currency, entry, amount)", 5, postings).await?;
    let ends = writes.resolutions.iter();
    let values =
        ends.flat_map(|(pending, entry)| [pending.as_uuid().into(), entry.as_uuid().into()]);
    insert(session, "tk_resolution (pending, entry)", 2, values.collect()).await
}

fn unknown_account(entry: uuid::Uuid) -> Broken {
    use ticketing_core::aggregate::{AggregateKind, AggregateRef};
    Broken::unknown(AggregateRef { kind: AggregateKind::Entry, id: entry })
}

/// A wallet that is debited is locked; what is added to it is therefore what was decided.
async fn wallets(session: &mut Session, wallets: &[WalletWrite]) -> Result<(), Failed> {
    let values = wallets.iter().flat_map(|WalletWrite { account, change }| {
        let (_, owner) = codes::account(account.account).unwrap_or_default();
        let amount = match change {
            WalletChange::Set { from, to } => to - from.unwrap_or(0),
            WalletChange::Add(amount) => *amount,
        };
        [owner.into(), Value::text(account.currency.code()), Value::Int(amount)]
    });
    let dialect = session.dialect;
    let tail = format!(
        "{}balance = tk_wallet.balance + {}",
        dialect.upsert("user_id, currency"),
        dialect.inserted("balance"),
    );
    insert_with(session, "tk_wallet (user_id, currency, balance)", 3, values.collect(), &tail).await
}

async fn accounts(session: &mut Session, writes: &Writes) -> Result<(), Failed> {
    let slot = session.slot;
    let mut values = Vec::with_capacity(writes.accounts.len() * 5);
    for (key, amount) in &writes.accounts {
        let known = codes::account(key.account);
        let (account, owner) = known.ok_or_else(|| unknown_account(uuid::Uuid::nil()))?;
        let currency = Value::text(key.currency.code());
        values.extend([Value::Int(account), owner.into(), currency]);
        values.extend([Value::Int(slot), Value::Int(*amount)]);
    }
    let dialect = session.dialect;
    let tail = format!(
        "{}balance = tk_balance.balance + {}",
        dialect.upsert("account, owner, currency, slot"),
        dialect.inserted("balance"),
    );
    let table = "tk_balance (account, owner, currency, slot, balance)";
    insert_with(session, table, 5, values, &tail).await
}

fn utf8(bytes: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(bytes)
        .map_err(|error| Broken::from(crate::db::fault::Broken::column(0, error)))
}

/// Inserts rows; a key that is there already is another's.
async fn insert(
    session: &mut Session,
    table: &str,
    columns: usize,
    values: Vec<Value<'_>>,
) -> Result<(), Failed> {
    insert_with(session, table, columns, values, "").await
}

async fn insert_with(
    session: &mut Session,
    table: &str,
    columns: usize,
    values: Vec<Value<'_>>,
    tail: &str,
) -> Result<(), Failed> {
    let head = format!("INSERT INTO {table} VALUES ");
    let row = repeated("(", "?", ", ", columns, ")");
    let sql = |rows| repeated(&head, &row, ", ", rows, tail);
    in_statements(session, columns, &values, sql).await
}

/// Writes rows in as few statements as their sizes and [`STATEMENT_BYTES_MAX`] allow.
async fn in_statements(
    session: &mut Session,
    columns: usize,
    values: &[Value<'_>],
    sql: impl Fn(usize) -> String + Send,
) -> Result<(), Failed> {
    let mut rest = values;
    while !rest.is_empty() {
        let rows = size_within(rows_within(rest, columns));
        let (now, after) = rest.split_at(rows * columns);
        session.execute(&sql(rows), now).await?;
        rest = after;
    }
    Ok(())
}

/// How many of the first rows one statement may carry: at least one, for a row alone is the server's to
/// refuse.
fn rows_within(values: &[Value<'_>], columns: usize) -> usize {
    let mut bytes = 0;
    let fits = |row: &&[Value<'_>]| {
        bytes += row.iter().map(Value::size).sum::<usize>();
        bytes <= STATEMENT_BYTES_MAX
    };
    values.chunks(columns).take(SIZE_MAX).take_while(fits).count().max(1)
}

/// Changes rows, each of which must be as it was read.
async fn change<K: Sync, const N: usize>(
    session: &mut Session,
    head: &str,
    each: &str,
    to: &[Value<'static>],
    rows: &[K],
    values: impl Fn(&K) -> [Value<'static>; N] + Send + Sync,
) -> Result<(), Failed> {
    for chunk in rows.chunks(SIZE_MAX) {
        let size = size_for(chunk.len());
        let padded = chunk.iter().chain(std::iter::repeat(&chunk[chunk.len() - 1])).take(size);
        let values: Vec<Value<'_>> = to.iter().cloned().chain(padded.flat_map(&values)).collect();
        let done = session.execute(&repeated(head, each, " OR ", size, ""), &values).await?;
        if done.rows != chunk.len() as u64 {
            return Err(Failed::Raced);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_as_many_rows_as_its_size_and_its_bytes_allow() {
        let rows = |count: usize, bytes: usize| -> Vec<Value<'static>> {
            let row = || [Value::Int(1), Value::text("x".repeat(bytes))];
            (0..count).flat_map(|_| row()).collect()
        };
        assert_eq!(rows_within(&rows(300, 10), 2), SIZE_MAX);
        assert_eq!(rows_within(&rows(5, 1_024 * 1_024 - 8), 2), 4);
        assert_eq!(rows_within(&rows(5, 1_024 * 1_024 - 7), 2), 3);
        assert_eq!(rows_within(&rows(2, STATEMENT_BYTES_MAX + 1), 2), 1, "alone");
    }
}
