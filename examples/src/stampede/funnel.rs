//! Where the buyers are: for the eye, while the run lasts. No figure of the report comes from here but
//! how the buyers' visits ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ticketing_core::error::PortError;
use ticketing_core::memory::MemoryPublisher;
use ticketing_core::port::{EventPublisher, OutboxRow};

use super::faults::{FaultTally, count};

/// How a buyer's visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    Bought,
    WillDeposit,
    LineFull,
    TiredOfWaiting,
    SoldOut,
    OutOfTime,
    WalkedAway,
    Cancelled,
    HasEnough,
    CalledOff,
    PaidTooLate,
    Declined,
    Refused,
    AnswerPending,
    Defect,
}

impl Ending {
    pub(crate) const ALL: [Self; 15] = [
        Self::Bought,
        Self::WillDeposit,
        Self::AnswerPending,
        Self::Declined,
        Self::Refused,
        Self::PaidTooLate,
        Self::Cancelled,
        Self::WalkedAway,
        Self::CalledOff,
        Self::HasEnough,
        Self::OutOfTime,
        Self::SoldOut,
        Self::TiredOfWaiting,
        Self::LineFull,
        Self::Defect,
    ];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Bought => "bought tickets",
            Self::WillDeposit => "left to pay by deposit",
            Self::AnswerPending => "left before the gateway's answer came",
            Self::Declined => "could not pay: declined too often",
            Self::Refused => "refused by the user or fraud check",
            Self::PaidTooLate => "paid too late",
            Self::Cancelled => "cancelled the reservation",
            Self::CalledOff => "heard that the performance is cancelled",
            Self::HasEnough => "had as many tickets as allowed",
            Self::WalkedAway => "walked away",
            Self::OutOfTime => "gave up looking for seats",
            Self::SoldOut => "found it sold out",
            Self::TiredOfWaiting => "left the line",
            Self::LineFull => "found the line full",
            Self::Defect => "met a defect",
        }
    }
}

/// Counts of buyers and of what they have.
#[derive(Debug, Default)]
pub(crate) struct Funnel {
    pub(crate) arrived: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) admitted: AtomicU64,
    pub(crate) holding: AtomicU64,
    endings: [AtomicU64; Ending::ALL.len()],
    pub(crate) told: Told,
}

impl Funnel {
    pub(crate) fn ended(&self, ending: Ending) {
        count(&self.endings[ending as usize]);
    }

    pub(crate) fn endings(&self) -> Vec<(Ending, u64)> {
        let of = |ending: Ending| self.endings[ending as usize].load(Ordering::Relaxed);
        Ending::ALL.into_iter().map(|ending| (ending, of(ending))).collect()
    }

    pub(crate) fn gone(&self) -> u64 {
        self.endings.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// What the published events told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) reserved: AtomicU64,
    pub(crate) paid: AtomicU64,
    pub(crate) ticketed: AtomicU64,
    pub(crate) voided: AtomicU64,
    pub(crate) refunds_sent: AtomicU64,
    pub(crate) expired: AtomicU64,
}

impl Told {
    fn note(&self, event: &str) {
        match event {
            "reservation.made" => count(&self.reserved),
            "reservation.expired" => count(&self.expired),
            "payment.succeeded" => count(&self.paid),
            "ticket.issued" => count(&self.ticketed),
            "ticket.voided" => count(&self.voided),
            "refund.succeeded" => count(&self.refunds_sent),
            _ => {}
        }
    }
}

/// A consumer in front of the topic: it counts each event once, however often it comes.
pub(crate) struct ReadModel {
    pub(crate) topic: Arc<MemoryPublisher>,
    pub(crate) funnel: Arc<Funnel>,
    pub(crate) tally: Arc<FaultTally>,
    seen: Mutex<BTreeMap<u16, u64>>,
}

impl ReadModel {
    pub(crate) fn new(
        topic: Arc<MemoryPublisher>,
        funnel: Arc<Funnel>,
        tally: Arc<FaultTally>,
    ) -> Self {
        Self { topic, funnel, tally, seen: Mutex::default() }
    }
}

#[async_trait]
impl EventPublisher for ReadModel {
    async fn publish(&self, events: Vec<OutboxRow>) -> Result<(), PortError> {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            for event in &events {
                let last = seen.entry(event.partition).or_default();
                if event.sequence > *last {
                    *last = event.sequence;
                    self.funnel.told.note(&event.name);
                } else {
                    count(&self.tally.events_repeated);
                }
            }
        }
        let answer = self.topic.publish(events).await;
        if answer.is_err() {
            count(&self.tally.publish_failed);
        }
        answer
    }
}
