//! What became of a COMMIT whose answer was lost.

use ticketing_core::flush::Writes;

use super::Failed;
use super::executor::Session;
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
        Err(failed) if failed.wrong() == Wrong::Raced => Outcome::Committed,
        Err(failed) => return Err(failed),
    };
    session.rollback().await?;
    Ok(outcome)
}
