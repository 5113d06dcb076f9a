//! What became of a COMMIT whose answer was lost.

use chrono::{DateTime, Utc};
use ticketing_core::flush::Writes;
use ticketing_core::id::ChangeSetId;

use super::Failed;
use super::executor::Session;
use super::script::Script;
use crate::db::Value;
use crate::db::fault::Wrong;

pub(super) enum Outcome {
    Committed,
    RolledBack,
}

/// Inserts the id of a change set that the transaction wrote. That waits for the transaction if it still
/// runs; a SELECT would not, and would prove nothing.
pub(super) async fn look(session: &mut Session, writes: &Writes) -> Result<Outcome, Failed> {
    let Some((id, at)) = writes.change_sets.first() else { return Ok(Outcome::RolledBack) };
    session.begin().await?;
    let values = vec![Value::from(id.as_uuid()), Value::from(*at)];
    let sql = "INSERT INTO tk_change_set (id, decided_at) VALUES (?, ?)";
    let inserted = session.ask_one(sql, values).await;
    let outcome = match inserted {
        Ok(_) => Outcome::RolledBack,
        // Decided by now. But it may be another flush that committed this one change set, sent again.
        Err(failed) if failed.wrong() == Wrong::Raced => {
            if are_there(session, writes).await? {
                Outcome::Committed
            } else {
                Outcome::RolledBack
            }
        }
        Err(failed) => return Err(failed),
    };
    session.rollback().await?;
    Ok(outcome)
}

/// Whether all change sets of a flush are there.
async fn are_there(session: &mut Session, writes: &Writes) -> Result<bool, Failed> {
    let mut script = Script::new(session.dialect);
    let head = "SELECT id FROM tk_change_set WHERE id IN (";
    let ids = |(id, _): &(ChangeSetId, DateTime<Utc>)| Value::from(id.as_uuid());
    let told = script.select(head, ")", &writes.change_sets, ids);
    let answers = session.ask(script.statements()).await?;
    let found: usize = answers[told].iter().map(|answer| answer.rows.len()).sum();
    Ok(found == writes.change_sets.len())
}
