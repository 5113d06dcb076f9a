use std::collections::VecDeque;

use super::*;
use crate::error::{Fault, PortError};
use crate::flush::{ExecError, FlushExecutor, TRIES_MAX, Writes, flush};
use crate::port::{CommitError, Committed};

/// An executor of fixed rows whose writes fail as told.
#[derive(Default)]
struct Scripted {
    rows: Rows,
    write_errors: VecDeque<ExecError>,
    bad: Option<ChangeSetId>,
    log: Vec<String>,
}

impl FlushExecutor for Scripted {
    type Rows = Rows;

    async fn lock_and_read(&mut self, reads: &Reads) -> Result<Rows, ExecError> {
        let mode = if reads.change_sets.is_empty() { "optimistic" } else { "full" };
        self.log.push(format!("read {mode}"));
        Ok(self.rows.clone())
    }

    async fn write(&mut self, batch: &[ChangeSet], writes: Writes) -> Result<(), ExecError> {
        if let Some(error) = self.write_errors.pop_front() {
            self.log.push("fail".to_owned());
            return Err(error);
        }
        if batch.iter().any(|changes| Some(changes.id) == self.bad) {
            self.log.push("refuse".to_owned());
            let error = PortError::new("store", "commit", Fault::Permanent);
            return Err(ExecError::Refused(error));
        }
        self.log.push(format!("write {}", writes.change_sets.len()));
        Ok(())
    }

    async fn rollback(&mut self) {
        self.log.push("rollback".to_owned());
    }
}

fn run(executor: &mut Scripted, batch: &[ChangeSet], first: ReadMode) -> Vec<crate::flush::Answer> {
    let mut planner = Planner::new(4);
    pollster::block_on(flush(executor, &mut planner, batch, first))
}

fn claims(count: u8) -> Vec<ChangeSet> {
    (0..count).map(|n| changes(n).claim(performance(0), seats(&[u32::from(n)]), of(n))).collect()
}

#[test]
fn a_duplicate_key_runs_again_with_every_key_read() {
    let mut executor = Scripted::default();
    executor.write_errors.push_back(ExecError::Raced);
    let answers = run(&mut executor, &claims(2), ReadMode::Optimistic);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(executor.log, ["read optimistic", "fail", "rollback", "read full", "write 2"]);
}

#[test]
fn a_refusal_reads_the_rest_under_the_same_locks() {
    let mut executor = Scripted::default();
    executor.rows.claims.insert((performance(0), SeatNo(0)), pending_of(9));
    let answers = run(&mut executor, &claims(2), ReadMode::Optimistic);
    assert!(matches!(answers[0], Err(CommitError::SeatTaken(_))));
    assert!(matches!(answers[1], Ok(Committed::Done)));
    assert_eq!(executor.log, ["read optimistic", "read full", "write 1"]);
}

#[test]
fn a_batch_without_writes_is_rolled_back() {
    let mut executor = Scripted::default();
    executor.rows.claims.insert((performance(0), SeatNo(0)), pending_of(9));
    let answers = run(&mut executor, &claims(1), ReadMode::Full);
    assert!(answers[0].is_err());
    assert_eq!(executor.log, ["read full", "rollback"]);
}

#[test]
fn halves_find_the_change_set_that_the_database_refuses() {
    let batch = claims(9);
    let mut executor = Scripted { bad: Some(batch[6].id), ..Scripted::default() };
    let answers = run(&mut executor, &batch, ReadMode::Full);
    for (place, answer) in answers.iter().enumerate() {
        match answer {
            Err(CommitError::Port(error)) if place == 6 => {
                assert_eq!(error.fault(), Fault::Permanent);
            }
            Ok(Committed::Done) if place != 6 => {}
            other => panic!("change set {place} got {other:?}"),
        }
    }
    let written = executor.log.iter().filter(|line| line.starts_with("write")).count();
    let refused = executor.log.iter().filter(|line| *line == "refuse").count();
    assert!(written + refused <= 17, "{:?}", executor.log);
    let rollbacks = executor.log.iter().filter(|line| *line == "rollback").count();
    assert_eq!(rollbacks, refused);
}

#[test]
fn a_deadlock_is_tried_again_and_then_told_to_everybody() {
    let lost = || ExecError::Retry(PortError::new("store", "commit", Fault::Transient));
    let mut executor = Scripted::default();
    executor.write_errors.extend([lost(), lost()]);
    assert!(run(&mut executor, &claims(2), ReadMode::Optimistic).iter().all(Result::is_ok));
    let reads: Vec<_> = executor.log.iter().filter(|line| line.starts_with("read")).collect();
    assert_eq!(reads, ["read optimistic", "read full", "read full"]);

    let mut executor = Scripted::default();
    executor.write_errors.extend((0..TRIES_MAX).map(|_| lost()));
    let answers = run(&mut executor, &claims(2), ReadMode::Full);
    for answer in answers {
        let Err(CommitError::Port(error)) = answer else { panic!("got {answer:?}") };
        assert_eq!(error.fault(), Fault::Transient);
    }
    let tries = executor.log.iter().filter(|line| *line == "fail").count();
    assert_eq!(u32::try_from(tries), Ok(TRIES_MAX));
}

#[test]
fn a_lost_answer_is_unknown_for_all_and_not_tried_again() {
    let mut executor = Scripted::default();
    executor.write_errors.push_back(ExecError::Unknown);
    let batch = claims(2);
    let answers = run(&mut executor, &batch, ReadMode::Full);
    for (changes, answer) in batch.iter().zip(&answers) {
        assert!(matches!(answer, Err(CommitError::Unknown(id)) if *id == changes.id));
    }
    assert_eq!(executor.log, ["read full", "fail"]);
}
