//! What every process does by itself: sweeps, the line's caller, the relay, dropping what was kept.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ticketing_core::box_office::BoxOffice;
use ticketing_core::page::Limit;
use ticketing_core::testing::sim::{Group, Handle};
use ticketing_core::waiting_line::AdmissionPolicy;

use super::calendar::Calendar;
use crate::stampede::defect::Defects;
use crate::stampede::failure::CallError;
use crate::stampede::sweep::{Sweep, publish};

const RELAY_EVERY: Duration = Duration::from_secs(5);
const HOUSEKEEPING_EVERY: Duration = Duration::from_hours(1);
/// How much longer an idle chore waits while buyers are there.
const IDLE_BUSY: u32 = 4;
/// The longest that an idle chore waits once they are gone.
const IDLE_QUIET: Duration = Duration::from_mins(30);

/// What the chores need to know of the run.
#[derive(Clone)]
pub(crate) struct Chores {
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) admission: AdmissionPolicy,
    pub(crate) defects: Arc<Defects>,
    /// Set once the last buyer is gone.
    pub(crate) quiet: Arc<AtomicBool>,
}

impl Chores {
    /// Starts all chores of one process.
    pub(super) fn start(&self, handle: &Handle, group: Group, office: &BoxOffice, process: u16) {
        let spawn = |chore: Chore| {
            let (chores, office) = (self.clone(), office.clone());
            drop(handle.spawn(group, async move { chores.run(chore, &office, process).await }));
        };
        for sweep in Sweep::ALL {
            spawn(Chore::Sweep(sweep));
        }
        spawn(Chore::Relay);
        spawn(Chore::CallNumbers);
        spawn(Chore::Housekeeping);
    }

    async fn run(&self, chore: Chore, office: &BoxOffice, process: u16) {
        let owner = format!("process-{process}");
        match chore {
            Chore::Sweep(Sweep::Holds) => {
                self.again(office, Sweep::Holds.pause(), || self.sweep_holds(office)).await;
            }
            Chore::Sweep(sweep) => {
                let any = self.calendar.any();
                let job = || sweep.run_through(office, any, &self.defects);
                self.again(office, sweep.pause(), job).await;
            }
            Chore::Relay => {
                self.again(office, RELAY_EVERY, || publish(office, &owner, &self.defects)).await;
            }
            Chore::CallNumbers => self.call_numbers(office).await,
            Chore::Housekeeping => {
                self.again(office, HOUSEKEEPING_EVERY, || self.keep_house(office)).await;
            }
        }
    }

    /// Does a job again and again, less often while there is nothing to do. Ends with its process.
    async fn again<F: Future<Output = usize> + Send>(
        &self,
        office: &BoxOffice,
        pause: Duration,
        job: impl Fn() -> F + Send,
    ) {
        let (clock, timer) = (&office.ports().clock, &office.ports().timer);
        let mut wait = pause;
        loop {
            timer.sleep_until(clock.now() + wait).await;
            let longest =
                if self.quiet.load(Ordering::Relaxed) { IDLE_QUIET } else { IDLE_BUSY * pause };
            wait = if job().await > 0 { pause } else { (2 * wait).min(longest.max(pause)) };
        }
    }

    async fn sweep_holds(&self, office: &BoxOffice) -> usize {
        let mut released = 0;
        for performance in self.calendar.open(office.ports().clock.now()) {
            released += Sweep::Holds.run_through(office, performance, &self.defects).await;
        }
        released
    }

    async fn call_numbers(&self, office: &BoxOffice) {
        let (clock, timer) = (&office.ports().clock, &office.ports().timer);
        let mut last = std::collections::BTreeMap::new();
        while !self.quiet.load(Ordering::Relaxed) {
            timer.sleep_until(clock.now() + self.admission.interval / 2).await;
            for performance in self.calendar.open(clock.now()) {
                let before = last.get(&performance).copied();
                match office.call_next(performance, &self.admission, before).await {
                    Ok(called) => {
                        if let Some(at) = called.last_called_at {
                            last.insert(performance, at);
                        }
                    }
                    Err(error) if error.is_called_off() => {}
                    Err(error) => self.defects.note_unless_transient("line", &error),
                }
            }
        }
    }

    async fn keep_house(&self, office: &BoxOffice) -> usize {
        let limit = Limit::new(Limit::MAX).unwrap_or(Limit::DEFAULT);
        let mut dropped = 0;
        for done in [office.drop_published(limit).await, office.purge_kept(limit).await] {
            match done {
                Ok(done) => dropped += done.rows,
                Err(error) => self.defects.note_unless_transient("housekeeping", &error),
            }
        }
        dropped
    }
}

#[derive(Clone, Copy)]
enum Chore {
    Sweep(Sweep),
    Relay,
    CallNumbers,
    Housekeeping,
}
