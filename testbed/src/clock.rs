//! The server's clock: it starts at a fixed date and follows tokio's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// 2030-01-01T00:00:00Z, in seconds of the epoch: time stamps are the same in every run.
const START: u64 = 1_893_456_000;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    pub(crate) fn now(self) -> SystemTime {
        UNIX_EPOCH + self.since_epoch()
    }

    /// The time as objects carry it, in whole seconds.
    pub(crate) fn timestamp(self) -> String {
        let seconds = self.since_epoch().as_secs();
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    fn since_epoch(self) -> Duration {
        Duration::from_secs(START) + self.started.elapsed()
    }
}

/// The date of a day of the epoch. Years are counted from 1 March, so that a leap day is the last of its year; an era
/// is 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (21_915, (2030, 1, 1)),
            (11_016, (2000, 2, 29)),
            (22_704, (2032, 2, 29)),
            (22_705, (2032, 3, 1)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil(days), date, "day {days}");
        }
    }
}
