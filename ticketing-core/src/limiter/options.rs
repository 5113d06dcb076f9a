use std::time::Duration;

use crate::policy::PolicyError;

/// How much reaches the gateway at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimiterOptions {
    /// Calls in flight; default 32, 1 to 10,000.
    pub in_flight_max: u32,
    /// Calls started per second in the long run; default 100, 1 to 100,000.
    pub per_second_max: u32,
    /// Calls that may start at once after a rest; default 10, 1 to 100,000. In any time `t` at most
    /// `burst + per_second_max * t` calls start.
    pub burst: u32,
    /// Calls that wait; default 1,000, 0 to 100,000. A quarter, rounded up, is kept for calls that
    /// settle money.
    pub waiting_max: u32,
    /// How many calls that settle money may go in a row while a new one waits; default 8, 1 to 1,000.
    /// So a new call with `n` new calls before it waits for at most `(n + 1) * settling_in_row_max`
    /// settling ones.
    pub settling_in_row_max: u32,
    /// How long a call waits for its turn; default 10 s, 1 ms to 10 min. Then it was never sent.
    pub wait_max: Duration,
    /// How long a call is waited for once it is sent; default 30 s, 1 ms to 10 min. Then its outcome
    /// is unknown.
    pub call_max: Duration,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self {
            in_flight_max: 32,
            per_second_max: 100,
            burst: 10,
            waiting_max: 1_000,
            settling_in_row_max: 8,
            wait_max: Duration::from_secs(10),
            call_max: Duration::from_secs(30),
        }
    }
}

impl LimiterOptions {
    /// Refuses what is out of bounds.
    ///
    /// # Errors
    /// [`PolicyError`] with the first field that is.
    pub fn check(&self) -> Result<(), PolicyError> {
        let counts = [
            ("in_flight_max", self.in_flight_max, 1, 10_000),
            ("per_second_max", self.per_second_max, 1, 100_000),
            ("burst", self.burst, 1, 100_000),
            ("waiting_max", self.waiting_max, 0, 100_000),
            ("settling_in_row_max", self.settling_in_row_max, 1, 1_000),
        ];
        for (field, value, least, most) in counts {
            if value < least || value > most {
                let expected = format!("{least} to {most}");
                return Err(PolicyError { field, expected, got: value.to_string() });
            }
        }
        for (field, value) in [("wait_max", self.wait_max), ("call_max", self.call_max)] {
            if value < Duration::from_millis(1) || value > Duration::from_mins(10) {
                let expected = "1 ms to 10 min".to_owned();
                return Err(PolicyError { field, expected, got: format!("{value:?}") });
            }
        }
        Ok(())
    }
}
