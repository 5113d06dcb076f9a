//! The net effect of a batch, table by table, in the order of [`Writes`].

mod outbox;

use ticketing_core::aggregate::{AggregateKind, AggregateRef};
use ticketing_core::change_set::{ChangeSet, ReceiptState};
use ticketing_core::flush::{ClaimUpdate, ReceiptWrite, WalletChange, WalletWrite, Writes};
use ticketing_core::port::{AllowanceRow, ClaimRow};
use ticketing_core::seat::{Claim, ClaimOwner, ClaimStatus};

use super::executor::Session;
use super::records::{self, Table};
use super::script::Script;
use super::{Broken, Failed};
use crate::codes;
use crate::db::{Dialect, Statement, Value};

/// Writes all but the events, which are what is left to be written together with COMMIT.
pub(super) async fn write(
    session: &mut Session,
    batch: &[ChangeSet],
    writes: &Writes,
) -> Result<Vec<Statement<'static>>, Failed> {
    let mut script = Script::new(session.dialect);
    wallets(&mut script, &writes.wallets);
    let ids = writes.change_sets.iter();
    let values = ids.flat_map(|(id, at)| [id.as_uuid().into(), (*at).into()]).collect();
    script.insert("tk_change_set (id, decided_at)", 2, values);
    aggregates(&mut script, writes)?;
    claims(&mut script, writes);
    allowances(&mut script, writes);
    receipts(&mut script, &writes.receipts)?;
    let messages = writes.messages.iter();
    let values = messages.flat_map(|(key, at)| {
        [Value::text(key.consumer.as_ref()), Value::text(key.id.as_ref()), (*at).into()]
    });
    script.insert("tk_message (consumer, message, handled_at)", 3, values.collect());
    books(&mut script, writes)?;
    accounts(&mut script, session.slot, writes)?;
    let numbered = outbox::number(&mut script, batch, &writes.outbox);
    let answers = session.ask(script.statements()).await?;
    script.check(&answers)?;
    outbox::events(session.dialect, batch, &writes.outbox, &numbered.first(&answers)?)
}

/// Kind by kind: what is saved, then what is guarded.
fn aggregates<'a>(script: &mut Script<'a>, writes: &'a Writes) -> Result<(), Broken> {
    let saved = writes.records.iter().map(|write| write.reference.kind);
    let mut kinds: Vec<AggregateKind> =
        saved.chain(writes.guards.iter().map(|(of, _)| of.kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let dialect = script.dialect();
    for kind in kinds {
        let records = of_kind(&writes.records, kind, |write| write.reference);
        let guards = of_kind(&writes.guards, kind, |(of, _)| *of);
        let one = records.first().map(|write| write.reference);
        let Some(of) = one.or_else(|| guards.first().map(|(of, _)| *of)) else { continue };
        let table = records::table(kind).ok_or(Broken::unknown(of))?;
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for write in records {
            let values = if write.stored == 0 { &mut new } else { &mut known };
            records::values(write, values)?;
        }
        save(script, &table, new, known);
        let tail = format!("){}", dialect.shared());
        script.guard(&table.versions(dialect), &tail, kind, guards);
    }
    Ok(())
}

/// New rows and known ones. MySQL's upsert takes both: it has no version that another's row can have for one that
/// is new.
fn save<'a>(
    script: &mut Script<'a>,
    table: &Table,
    mut new: Vec<Value<'a>>,
    mut known: Vec<Value<'a>>,
) {
    let (dialect, columns) = (script.dialect(), table.columns());
    let each = dialect.counts_for_update();
    if dialect.upserts() && !known.is_empty() {
        let counts = (new.len() / columns) as u64 + each * (known.len() / columns) as u64;
        let fresh = new.len();
        new.append(&mut known);
        match script.one_of(columns, new, |rows| table.update(dialect, rows), counts) {
            Ok(()) => return,
            Err(mut values) => {
                known = values.split_off(fresh);
                new = values;
            }
        }
    }
    script.rows(columns, new, |rows| table.insert(rows), None);
    script.rows(columns, known, |rows| table.update(dialect, rows), Some(each));
}

/// Those of a kind, in a list that is ascending.
fn of_kind<T>(list: &[T], kind: AggregateKind, of: impl Fn(&T) -> AggregateRef) -> &[T] {
    let from = list.partition_point(|item| of(item).kind < kind);
    let to = list.partition_point(|item| of(item).kind <= kind);
    &list[from..to]
}

fn claims<'a>(script: &mut Script<'a>, writes: &'a Writes) {
    let same = script.dialect().same();
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
    script.change(head, &each, &[], &writes.claims_deleted, found);
    let (sold, moved): (Vec<ClaimUpdate>, Vec<_>) =
        writes.claims_updated.iter().copied().partition(|update| {
            update.from.owner == update.to.owner && update.to.status == ClaimStatus::Sold
        });
    let sell = |update: &ClaimUpdate| {
        let ClaimUpdate { performance, seat, from, .. } = *update;
        found(&ClaimRow { performance, seat, claim: from })
    };
    match script.dialect() {
        // Many rows by their keys: `status` is null, which no claim may have, where one is not as it was read.
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            let tail = " ON DUPLICATE KEY UPDATE status = \
                        IF(status = VALUES(status) AND owner <=> VALUES(owner), 2, NULL)";
            let values = sold.iter().flat_map(sell).collect();
            script.update_with("tk_seat_claim (performance, seat, status, owner)", 4, values, tail);
        }
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {
            let head = "UPDATE tk_seat_claim SET status = 2 WHERE ";
            script.change(head, &each, &[], &sold, sell);
        }
    }
    // A seat that one batch frees for another owner: rare, so each alone.
    for update in &moved {
        let to = [Value::Int(codes::status(update.to.status)), owner(update.to)];
        let head = "UPDATE tk_seat_claim SET status = ?, owner = ? WHERE ";
        script.change(head, &each, &to, std::slice::from_ref(update), sell);
    }
    let values = writes.claims_inserted.iter().flat_map(found).collect();
    script.insert("tk_seat_claim (performance, seat, status, owner)", 4, values);
}

fn owner(claim: Claim) -> Value<'static> {
    match claim.owner {
        ClaimOwner::Reservation(id) => id.as_uuid().into(),
        ClaimOwner::House => Value::Null,
    }
}

fn allowances<'a>(script: &mut Script<'a>, writes: &'a Writes) {
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
    script.change(head, each, &[], &writes.allowances_deleted, row);
    let values = writes.allowances_inserted.iter().flat_map(row).collect();
    script.insert("tk_allowance (user_id, show_id, slot, reservation)", 4, values);
}

/// Inserts new receipts. One that is to be filled is there, but for a call that points alone pay: the upsert writes
/// null, which no fingerprint may be, where another filled it or it is of another request.
fn receipts<'a>(script: &mut Script<'a>, receipts: &'a [ReceiptWrite]) -> Result<(), Broken> {
    let (filled, new): (Vec<_>, Vec<_>) = receipts.iter().partition(|write| write.fills);
    let table = "tk_receipt (caller, operation, client_key, fingerprint, answer, created_at)";
    script.insert(table, 6, receipt_values(&new)?);
    let dialect = script.dialect();
    let tail = format!(
        "{}fingerprint = CASE WHEN tk_receipt.answer IS NULL AND tk_receipt.fingerprint = {} \
         THEN tk_receipt.fingerprint ELSE NULL END, answer = {}",
        dialect.upsert("caller, operation, client_key"),
        dialect.inserted("fingerprint"),
        dialect.inserted("answer"),
    );
    script.insert_with(table, 6, receipt_values(&filled)?, &tail);
    Ok(())
}

fn receipt_values<'a>(writes: &[&'a ReceiptWrite]) -> Result<Vec<Value<'a>>, Broken> {
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

fn books<'a>(script: &mut Script<'a>, writes: &'a Writes) -> Result<(), Broken> {
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
    script.insert("tk_entry (id, booked_at, body)", 3, entries);
    script.insert("tk_posting (account, owner, currency, entry, amount)", 5, postings);
    let ends = writes.resolutions.iter();
    let values =
        ends.flat_map(|(pending, entry)| [pending.as_uuid().into(), entry.as_uuid().into()]);
    script.insert("tk_resolution (pending, entry)", 2, values.collect());
    Ok(())
}

fn unknown_account(entry: uuid::Uuid) -> Broken {
    Broken::unknown(AggregateRef { kind: AggregateKind::Entry, id: entry })
}

/// A wallet that is debited is locked; what is added to it is therefore what was decided.
fn wallets<'a>(script: &mut Script<'a>, wallets: &'a [WalletWrite]) {
    let values = wallets.iter().flat_map(|WalletWrite { account, change }| {
        let (_, owner) = codes::account(account.account).unwrap_or_default();
        let amount = match change {
            WalletChange::Set { from, to } => to - from.unwrap_or(0),
            WalletChange::Add(amount) => *amount,
        };
        [owner.into(), Value::text(account.currency.code()), Value::Int(amount)]
    });
    let dialect = script.dialect();
    let tail = format!(
        "{}balance = tk_wallet.balance + {}",
        dialect.upsert("user_id, currency"),
        dialect.inserted("balance"),
    );
    let table = "tk_wallet (user_id, currency, balance)";
    script.insert_with(table, 3, values.collect(), &tail);
}

fn accounts<'a>(script: &mut Script<'a>, slot: i64, writes: &'a Writes) -> Result<(), Broken> {
    let mut values = Vec::with_capacity(writes.accounts.len() * 5);
    for (key, amount) in &writes.accounts {
        let known = codes::account(key.account);
        let (account, owner) = known.ok_or_else(|| unknown_account(uuid::Uuid::nil()))?;
        let currency = Value::text(key.currency.code());
        values.extend([Value::Int(account), owner.into(), currency]);
        values.extend([Value::Int(slot), Value::Int(*amount)]);
    }
    let dialect = script.dialect();
    let tail = format!(
        "{}balance = tk_balance.balance + {}",
        dialect.upsert("account, owner, currency, slot"),
        dialect.inserted("balance"),
    );
    let table = "tk_balance (account, owner, currency, slot, balance)";
    script.insert_with(table, 5, values, &tail);
    Ok(())
}

fn utf8(bytes: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(bytes)
        .map_err(|error| Broken::from(crate::db::fault::Broken::column(0, error)))
}
