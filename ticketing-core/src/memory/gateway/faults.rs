//! Misbehaviour by chance.

use std::sync::Arc;
use std::time::Duration;

use super::super::by_name::rates_by_name;
use super::script::{CallAct, FindAct, GatewayCall, NoticeAct};
use crate::policy::PolicyError;
use crate::port::Random;

/// How often the fake misbehaves by chance. Rates are in thousandths: those of calls together at
/// most 1,000, those of notices likewise. All zero by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayFaults {
    /// Calls declined; never a close, whose `Declined` means that the account was paid.
    pub decline: u16,
    /// Calls and finds not taken, to be sent again.
    pub refuse_retryable: u16,
    /// Calls and finds that never arrive.
    pub lost_before: u16,
    /// Calls done whose answer is lost; for a find the same as `lost_before`.
    pub lost_after: u16,
    /// Calls and finds answered slowly.
    pub slow: u16,
    /// Calls that end as unknown and are done later.
    pub late: u16,
    /// The longest a slow answer takes; default 3 s, 1 us to 1 h.
    pub slow_max: Duration,
    /// The longest until a late call is done; default 5 min, 1 us to 24 h.
    pub late_max: Duration,
    /// Notices that come twice.
    pub notice_twice: u16,
    /// Notices that come late.
    pub notice_late: u16,
    /// Notices that never come.
    pub notice_lost: u16,
    /// The longest that a notice takes; default 10 min, 1 us to 7 days.
    pub notice_late_max: Duration,
}

impl Default for GatewayFaults {
    fn default() -> Self {
        Self {
            decline: 0,
            refuse_retryable: 0,
            lost_before: 0,
            lost_after: 0,
            slow: 0,
            late: 0,
            slow_max: Duration::from_secs(3),
            late_max: Duration::from_mins(5),
            notice_twice: 0,
            notice_late: 0,
            notice_lost: 0,
            notice_late_max: Duration::from_mins(10),
        }
    }
}

rates_by_name! {
    GatewayFaults, "gateway":
    decline, refuse_retryable, lost_before, lost_after, slow, late,
    notice_twice, notice_late, notice_lost,
}

impl GatewayFaults {
    /// A bad day: about one call in eight goes wrong in one of the ways.
    pub fn rough() -> Self {
        Self {
            decline: 20,
            refuse_retryable: 20,
            lost_before: 20,
            lost_after: 20,
            slow: 30,
            late: 20,
            notice_twice: 50,
            notice_late: 50,
            notice_lost: 50,
            ..Self::default()
        }
    }

    /// Refuses what is out of bounds.
    ///
    /// # Errors
    /// [`PolicyError`] with the first field, or group of fields, that is.
    pub fn check(&self) -> Result<(), PolicyError> {
        let calls = [self.decline, self.refuse_retryable, self.lost_before];
        let calls = calls.into_iter().chain([self.lost_after, self.slow, self.late]);
        let notices = [self.notice_twice, self.notice_late, self.notice_lost];
        let sums = [
            ("rates of calls", calls.map(u32::from).sum::<u32>()),
            ("rates of notices", notices.into_iter().map(u32::from).sum()),
        ];
        for (field, sum) in sums {
            if sum > 1_000 {
                let expected = "at most 1000 thousandths in all".to_owned();
                return Err(PolicyError { field, expected, got: sum.to_string() });
            }
        }
        let hour = Duration::from_hours(1);
        let times = [
            ("slow_max", self.slow_max, hour),
            ("late_max", self.late_max, 24 * hour),
            ("notice_late_max", self.notice_late_max, 7 * 24 * hour),
        ];
        for (field, value, most) in times {
            if value < Duration::from_micros(1) || value > most {
                let expected = format!("1 us to {} s", most.as_secs());
                return Err(PolicyError { field, expected, got: format!("{value:?}") });
            }
        }
        Ok(())
    }
}

/// A source of chance and what it may do.
pub(super) struct Chance {
    random: Arc<dyn Random>,
    faults: GatewayFaults,
}

impl Chance {
    pub(super) fn new(random: Arc<dyn Random>, faults: GatewayFaults) -> Self {
        Self { random, faults }
    }

    /// Picks from `rates` (thousandths) and gives a number for a duration besides.
    fn draw<T: Copy>(&self, rates: impl IntoIterator<Item = (u16, T)>) -> (Option<T>, u64) {
        let draw = self.random.next_u64();
        let mut left = draw % 1_000;
        for (rate, item) in rates {
            if left < u64::from(rate) {
                return (Some(item), draw / 1_000);
            }
            left -= u64::from(rate);
        }
        (None, draw / 1_000)
    }

    pub(super) fn call(&self, call: GatewayCall) -> CallAct {
        let faults = &self.faults;
        let declined = match call {
            GatewayCall::Close => CallAct::Answer,
            GatewayCall::Confirm | GatewayCall::Issue | GatewayCall::Cancel => CallAct::Decline,
        };
        let (act, number) = self.draw([
            (faults.decline, declined),
            (faults.refuse_retryable, CallAct::Refuse { retry_after: None }),
            (faults.lost_before, CallAct::LostBefore),
            (faults.lost_after, CallAct::LostAfter),
            (faults.slow, CallAct::Slow(faults.slow_max)),
            (faults.late, CallAct::Late(faults.late_max)),
        ]);
        match act {
            Some(CallAct::Slow(most)) => CallAct::Slow(up_to(most, number)),
            Some(CallAct::Late(most)) => CallAct::Late(up_to(most, number)),
            Some(act) => act,
            None => CallAct::Answer,
        }
    }

    pub(super) fn find(&self) -> FindAct {
        let faults = &self.faults;
        let (act, number) = self.draw([
            (faults.decline, FindAct::Answer),
            (faults.refuse_retryable, FindAct::Refuse),
            (faults.lost_before, FindAct::Lost),
            (faults.lost_after, FindAct::Lost),
            (faults.slow, FindAct::Slow(faults.slow_max)),
        ]);
        match act {
            Some(FindAct::Slow(most)) => FindAct::Slow(up_to(most, number)),
            Some(act) => act,
            None => FindAct::Answer,
        }
    }

    pub(super) fn notice(&self) -> NoticeAct {
        let faults = &self.faults;
        let (act, number) = self.draw([
            (faults.notice_twice, NoticeAct::Twice),
            (faults.notice_late, NoticeAct::Late(faults.notice_late_max)),
            (faults.notice_lost, NoticeAct::Lost),
        ]);
        match act {
            Some(NoticeAct::Late(most)) => NoticeAct::Late(up_to(most, number)),
            Some(act) => act,
            None => NoticeAct::Send,
        }
    }
}

impl CallAct {
    /// The name of the rate that brings it about.
    pub(super) const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Answer => None,
            Self::Decline => Some("gateway.decline"),
            Self::Refuse { .. } => Some("gateway.refuse_retryable"),
            Self::LostBefore => Some("gateway.lost_before"),
            Self::LostAfter => Some("gateway.lost_after"),
            Self::Slow(_) => Some("gateway.slow"),
            Self::Late(_) => Some("gateway.late"),
        }
    }
}

impl FindAct {
    /// The name of the rate that brings it about; lost before or after is the same for a find.
    pub(super) const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Answer | Self::InProgress | Self::NotFound => None,
            Self::Refuse => Some("gateway.refuse_retryable"),
            Self::Lost => Some("gateway.find_lost"),
            Self::Slow(_) => Some("gateway.slow"),
        }
    }
}

impl NoticeAct {
    /// The name of the rate that brings it about.
    pub(super) const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Send => None,
            Self::Twice => Some("gateway.notice_twice"),
            Self::Late(_) => Some("gateway.notice_late"),
            Self::Lost => Some("gateway.notice_lost"),
        }
    }
}

/// A time of 1 us to `most`.
fn up_to(most: Duration, number: u64) -> Duration {
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
    Duration::from_micros(1 + number % most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededRandom;

    #[test]
    fn rates_beyond_the_whole_and_times_beyond_their_bounds_are_refused() {
        GatewayFaults::default().check().unwrap();
        GatewayFaults::rough().check().unwrap();
        let faults = GatewayFaults { decline: 600, late: 401, ..GatewayFaults::default() };
        let text = faults.check().unwrap_err().to_string();
        assert_eq!(text, "rates of calls: expected at most 1000 thousandths in all, got 1001");
        let faults = GatewayFaults { late_max: Duration::ZERO, ..GatewayFaults::default() };
        assert_eq!(faults.check().unwrap_err().field, "late_max");
    }

    #[test]
    fn chance_keeps_to_its_rates_and_bounds() {
        let faults = GatewayFaults { slow: 250, lost_after: 100, ..GatewayFaults::default() };
        let chance = Chance::new(Arc::new(SeededRandom::new(3)), faults);
        let (mut slow, mut lost) = (0, 0);
        for _ in 0..10_000 {
            match chance.call(GatewayCall::Confirm) {
                CallAct::Slow(time) => {
                    assert!(!time.is_zero() && time <= faults.slow_max);
                    slow += 1;
                }
                CallAct::LostAfter => lost += 1,
                CallAct::Answer => {}
                CallAct::Decline
                | CallAct::Refuse { .. }
                | CallAct::LostBefore
                | CallAct::Late(_) => panic!("a fault whose rate is zero"),
            }
        }
        assert!((2_300..2_700).contains(&slow), "{slow} of 10,000 calls were slow");
        assert!((850..1_150).contains(&lost), "{lost} of 10,000 answers were lost");
    }

    #[test]
    fn every_rate_brings_about_what_is_counted_by_its_name() {
        for name in GatewayFaults::NAMES {
            let mut faults = GatewayFaults::default();
            faults.set(name, 1_000).unwrap();
            let chance = Chance::new(Arc::new(SeededRandom::new(3)), faults);
            let acts = [chance.call(GatewayCall::Confirm).fault(), chance.notice().fault()];
            assert!(acts.contains(&Some(*name)), "{name}: {acts:?}");
            assert!(acts.contains(&None), "{name}: {acts:?}");
        }
    }

    #[test]
    fn a_close_is_never_declined_by_chance() {
        let faults = GatewayFaults { decline: 1_000, ..GatewayFaults::default() };
        let chance = Chance::new(Arc::new(SeededRandom::new(3)), faults);
        assert_eq!(chance.call(GatewayCall::Close), CallAct::Answer);
        assert_eq!(chance.call(GatewayCall::Cancel), CallAct::Decline);
    }
}
