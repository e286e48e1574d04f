//! How long a server asks us to stay away: `Retry-After` in its two forms.

use std::time::{Duration, SystemTime};

/// The wait that a header value asks for: whole seconds, or an HTTP date.
/// `None` where it says nothing: not a number and not a date, 0, or past.
///
/// A date is compared with the reply's own `Date`, where it has one: the two
/// clocks need not agree.
pub(crate) fn parse(value: &str, date: Option<SystemTime>, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let longest = Duration::from_secs(u32::MAX.into());
    let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        value.parse().map_or(longest, Duration::from_secs)
    } else if let Ok(seconds) = value.parse::<f64>() {
        // Not in the standard, but seen.
        match seconds > longest.as_secs_f64() {
            true => longest,
            false => Duration::try_from_secs_f64(seconds).ok()?,
        }
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        until.duration_since(date.unwrap_or(now)).ok()?
    };
    // Longer than anybody waits, and still a time that can be written.
    (!wait.is_zero()).then_some(wait.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_and_what_says_nothing() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        let behind = now - Duration::from_secs(60);
        for (value, date, expected) in [
            ("7", None, Some(7)),
            (" 120 ", None, Some(120)),
            ("0", None, None),
            ("", None, None),
            ("soon", None, None),
            ("-5", None, None),
            ("1.5", None, Some(1)),
            ("99999999999999999999999", None, Some(u64::from(u32::MAX))),
            ("999999999999.5", None, Some(u64::from(u32::MAX))),
            ("1e300", None, Some(u64::from(u32::MAX))),
            ("inf", None, Some(u64::from(u32::MAX))),
            ("nan", None, None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None, Some(u64::from(u32::MAX))),
            ("Wed, 21 Oct 2015 07:28:30 GMT", None, Some(30)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(behind), Some(90)),
            ("Wednesday, 21-Oct-15 07:28:30 GMT", None, Some(30)),
            ("Wed Oct 21 07:28:30 2015", None, Some(30)),
            ("Wed, 21 Oct 2015 07:27:59 GMT", None, None),
            ("Wed, 21 Oct 2015 07:28:00 GMT", None, None),
        ] {
            let wait = parse(value, date, now).map(|w| w.as_secs());
            assert_eq!(wait, expected, "{value}");
        }
    }
}
