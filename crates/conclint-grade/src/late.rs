//! Lateness, from the time of submission and never from the clock: a regrade changes nothing.

use serde::{Deserialize, Serialize};

/// What lateness costs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Late {
    /// Until then nothing, RFC 3339 with an offset.
    pub due: String,
    /// Nothing either for so many minutes more.
    #[serde(default)]
    pub grace_minutes: u64,
    /// Per cent of the points for each day begun.
    pub per_day: f64,
    /// Per cent at most.
    #[serde(default = "everything")]
    pub at_most: f64,
}

fn everything() -> f64 {
    100.0
}

impl Late {
    /// Per cent to take off something submitted at `time`; `None` where a time is unreadable.
    #[must_use]
    pub fn penalty(&self, time: &str) -> Option<f64> {
        let over = seconds(time)? - seconds(&self.due)?;
        let over = over - i64::try_from(self.grace_minutes).ok()?.checked_mul(60)?;
        if over <= 0 {
            return Some(0.0);
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of days")]
        let days = (over as u64).div_ceil(86_400) as f64;
        Some((days * self.per_day).min(self.at_most).clamp(0.0, 100.0))
    }
}

/// Seconds since 1970 of an RFC 3339 time with an offset.
#[must_use]
pub fn seconds(text: &str) -> Option<i64> {
    let time: toml::value::Datetime = text.trim().parse().ok()?;
    let (date, clock) = (time.date?, time.time?);
    let offset = match time.offset? {
        toml::value::Offset::Z => 0,
        toml::value::Offset::Custom { minutes } => i64::from(minutes),
    };
    // Days since the epoch; years begin in March (Hinnant, "chrono-compatible low-level date
    // algorithms").
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let clock = i64::from(clock.hour) * 3600
        + i64::from(clock.minute) * 60
        + i64::from(clock.second.unwrap_or(0));
    Some(days * 86_400 + clock - offset * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-03-01T00:00:00Z"), Some(951_868_800));
        assert_eq!(
            seconds("2026-11-21T07:00:00+01:00"),
            seconds("2026-11-21T06:00:00Z")
        );
        assert_eq!(seconds("2026-11-21T06:00:00"), None, "no offset");
        assert_eq!(seconds("yesterday"), None);
    }

    #[test]
    fn days_begun_count() {
        let late = Late {
            due: "2026-11-20T23:59:00Z".to_owned(),
            grace_minutes: 5,
            per_day: 10.0,
            at_most: 30.0,
        };
        assert_eq!(late.penalty("2026-11-21T00:03:00Z"), Some(0.0));
        assert_eq!(late.penalty("2026-11-21T00:05:00Z"), Some(10.0));
        assert_eq!(late.penalty("2026-11-22T00:05:00Z"), Some(20.0));
        assert_eq!(late.penalty("2027-01-01T00:00:00Z"), Some(30.0));
    }
}
