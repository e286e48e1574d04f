//! Instants in epoch milliseconds (UTC): Jira's text form, and the forms JQL accepts.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds of a day.
pub(crate) const DAY: i64 = 86_400_000;

/// Now, in epoch milliseconds.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years counted from March, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Jira's form, `2023-11-07T05:52:16.650+0000`.
pub(crate) fn jira_time(ms: i64) -> String {
    let (year, month, day) = date_of(ms.div_euclid(DAY));
    let rest = ms.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}+0000",
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000
    )
}

/// `2023-11-07`.
pub(crate) fn date_only(ms: i64) -> String {
    jira_time(ms)[..10].to_owned()
}

/// Reads `yyyy-MM-ddTHH:mm:ss.SSSZ` with any offset (`+0000`, `+01:00`, `Z`).
pub(crate) fn parse_jira_time(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once('T')?;
    let offset_at = clock.rfind(['+', '-', 'Z'])?;
    let (clock, offset) = clock.split_at(offset_at);
    let (hms, millis) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut ms = parse_date(date, '-')?;
    let mut unit = 3_600_000;
    for part in hms.split(':') {
        ms += part.parse::<i64>().ok()? * unit;
        unit /= 60;
    }
    ms += millis.get(..3).unwrap_or(millis).parse::<i64>().ok()?;
    let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
    let shift = match digits.len() {
        0 => 0,
        4 => digits[..2].parse::<i64>().ok()? * 60 + digits[2..].parse::<i64>().ok()?,
        _ => return None,
    };
    Some(if offset.starts_with('-') { ms + shift * 60_000 } else { ms - shift * 60_000 })
}

/// Reads a JQL date: epoch milliseconds, `yyyy-MM-dd[ HH:mm]` or with slashes
/// (UTC), or relative to `now` (`-30m`, `-1d`, `2w`).
pub(crate) fn parse_jql_date(text: &str, now: i64) -> Option<i64> {
    let text = text.trim();
    if let Ok(ms) = text.parse::<i64>() {
        return Some(ms);
    }
    let unit = match text.chars().last()? {
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => DAY,
        'w' => 7 * DAY,
        _ => 0,
    };
    if unit > 0 {
        return text[..text.len() - 1].parse::<i64>().ok().map(|n| now + n * unit);
    }
    let (date, clock) = text.split_once(' ').unwrap_or((text, "00:00"));
    let separator = if date.contains('/') { '/' } else { '-' };
    let (hours, minutes) = clock.split_once(':')?;
    Some(
        parse_date(date, separator)?
            + hours.parse::<i64>().ok()? * 3_600_000
            + minutes.parse::<i64>().ok()? * 60_000,
    )
}

fn parse_date(text: &str, separator: char) -> Option<i64> {
    let mut parts = text.split(separator).map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let whole = parts.next().is_none() && (1..=12).contains(&month) && (1..=31).contains(&day);
    whole.then(|| days_of(year, month, day) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_jira_times() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000+0000"),
            (1_002_736_207_000, "2001-10-10T17:50:07.000+0000"),
            (1_709_164_800_650, "2024-02-29T00:00:00.650+0000"),
            (-1, "1969-12-31T23:59:59.999+0000"),
        ] {
            assert_eq!(jira_time(ms), text);
            assert_eq!(parse_jira_time(text), Some(ms));
        }
        assert_eq!(parse_jira_time("1970-01-01T01:00:00.000+0100"), Some(0));
        assert_eq!(parse_jira_time("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_jira_time("soon"), None);
    }

    #[test]
    fn reads_every_form_of_a_jql_date() {
        assert_eq!(parse_jql_date("1420070400000", 0), Some(1_420_070_400_000));
        assert_eq!(parse_jql_date("2015-01-01", 0), Some(1_420_070_400_000));
        assert_eq!(parse_jql_date("2015/01/01 00:01", 0), Some(1_420_070_460_000));
        assert_eq!(parse_jql_date("-2w", 14 * DAY), Some(0));
        assert_eq!(parse_jql_date("-30m", 1_800_000), Some(0));
        assert_eq!(parse_jql_date("yesterday", 0), None);
        assert_eq!(parse_jql_date("2015-13-01", 0), None);
    }
}
