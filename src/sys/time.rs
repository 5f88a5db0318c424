//! Points in time as text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 86_400;

/// In UTC and to the millisecond, such as `2026-11-22T08:30:00.125Z` (RFC 3339).
/// Before 1970 it is 1970.
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}Z", seconds(since), since.subsec_millis())
}

/// The same to the nanosecond, such as `2026-11-22T08:30:00.125000000Z`.
pub fn rfc3339_nanoseconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:09}Z", seconds(since), since.subsec_nanos())
}

/// Up to the seconds.
fn seconds(since: Duration) -> String {
    let (days, seconds) = (since.as_secs() / SECONDS_A_DAY, since.as_secs() % SECONDS_A_DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Seconds since 1970 of a time such as `2026-11-22T08:30:00.125Z` or one with
/// an offset such as `+02:00` (RFC 3339); none before 1970, or if it is no time.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let clock = time.get(..8)?;
    let fraction = time.get(8..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let date: Vec<u64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let clock: Vec<u64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let ([year, month, day], [hour, minute, second]) =
        (date[..].try_into().ok()?, clock[..].try_into().ok()?);
    let days = days_since_1970(year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second;
    seconds.checked_add_signed(-offset(fraction)?)
}

/// Seconds that a zone's clocks are ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
    match zone.get(..1)? {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

/// The inverse of [`date`].
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    (365 * year + leap_days + day_of_year).checked_sub(719_468)
}

/// Year, month and day of the month, by the Gregorian calendar.
///
/// Counted in years that begin in March, so that a leap day is a year's last,
/// and in eras of 400 years, which are all equally long.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_AN_ERA: u64 = 146_097;
    const DAYS_TO_1970: u64 = 719_468; // From the first of March of the year 0.
    let days = days_since_1970 + DAYS_TO_1970;
    let (era, day_of_era) = (days / DAYS_AN_ERA, days % DAYS_AN_ERA);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / (DAYS_AN_ERA - 1);
    let year_of_era = (day_of_era - leap_days) / 365;
    let first_of_year = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
    let day_of_year = day_of_era - first_of_year;
    let month = (5 * day_of_year + 2) / 153; // From March.
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_right() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ];
        for (seconds, text) in cases {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        for (seconds, text) in cases {
            assert_eq!(parse_rfc3339(text), Some(seconds), "{text}");
        }
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_millis(1)), "1970-01-01T00:00:00.001Z");
    }

    #[test]
    fn a_time_has_a_zone() {
        let cases = [
            ("1970-01-01T02:00:00+02:00", Some(0)),
            ("1969-12-31T22:00:00.5-02:00", None),
            ("1970-01-01T00:00:00-00:30", Some(1800)),
            ("1970-01-01 00:00:07Z", Some(7)),
            ("0001-01-01T00:00:00Z", None),
            ("1970-13-01T00:00:00Z", None),
            ("1970-01-01T25:00:00Z", None),
            ("1970-01-01T00:00:00", None),
            ("now", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse_rfc3339(text), seconds, "{text}");
        }
    }
}
