//! Points in time as trackers write them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Milliseconds since 1970-01-01 UTC of `2023-01-01`, `2023-01-01T01:02`,
/// `2023-01-01 01:02:03.004567` with no offset (UTC), `Z`, `+0100`, `+01:00` or
/// `+01`. `None` for anything else. Digits beyond milliseconds are cut.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = bytes.get(range)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0i64, |n, d| n * 10 + i64::from(d - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let mut at = 10;
    let (mut hour, mut minute, mut second, mut milli) = (0, 0, 0, 0);
    let mut offset_minutes = 0;
    if at < bytes.len() {
        if !matches!(bytes[at], b'T' | b't' | b' ') || bytes.get(at + 3) != Some(&b':') {
            return None;
        }
        (hour, minute) = (number(at + 1..at + 3)?, number(at + 4..at + 6)?);
        at += 6;
        if bytes.get(at) == Some(&b':') {
            second = number(at + 1..at + 3)?;
            at += 3;
            if matches!(bytes.get(at), Some(b'.' | b',')) {
                let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
                if digits == 0 {
                    return None;
                }
                for i in 0..3 {
                    let digit = if i < digits { i64::from(bytes[at + 1 + i] - b'0') } else { 0 };
                    milli = milli * 10 + digit;
                }
                at += 1 + digits;
            }
        }
        offset_minutes = offset(&text[at..])?;
    }
    let (m, d) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let (h, mi, s) =
        (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second.min(59)).ok()?);
    let civil = DateTime::new(i16::try_from(year).ok()?, m, d, h, mi, s, 0).ok()?;
    let utc = TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond();
    Some(utc + milli - offset_minutes * 60_000)
}

fn offset(text: &str) -> Option<i64> {
    let text = text.trim_start();
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    (hours <= 15 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// `2023-01-01T00:00:00.000Z`, the one form in which outputs carry points in
/// time: readers of JSON Lines that guess types leave it alone.
pub fn format(milliseconds: i64) -> Option<String> {
    let civil = TimeZone::UTC.to_datetime(jiff::Timestamp::from_millisecond(milliseconds).ok()?);
    let mut text = String::with_capacity("2023-01-01T00:00:00.000Z".len());
    let year = civil.year();
    if year < 0 {
        text.push('-');
    }
    // What writes numbers of any kind costs ten times as much.
    let mut push = |number: u32, digits: u32, behind: char| {
        for digit in (0..digits).rev() {
            text.extend(char::from_digit(number / 10_u32.pow(digit) % 10, 10));
        }
        text.push(behind);
    };
    push(year.unsigned_abs().into(), if year < 0 && year > -1000 { 3 } else { 4 }, '-');
    push(civil.month().unsigned_abs().into(), 2, '-');
    push(civil.day().unsigned_abs().into(), 2, 'T');
    push(civil.hour().unsigned_abs().into(), 2, ':');
    push(civil.minute().unsigned_abs().into(), 2, ':');
    push(civil.second().unsigned_abs().into(), 2, '.');
    push(civil.millisecond().unsigned_abs().into(), 3, 'Z');
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn usual_forms_give_the_same_instant() {
        for text in [
            "2023-11-07T05:52:16.650+0000",
            "2023-11-07T05:52:16.650Z",
            "2023-11-07T06:52:16.650+01:00",
            "2023-11-07 04:52:16.6509 -01",
        ] {
            let formatted = parse(text).and_then(format);
            assert_eq!(formatted.as_deref(), Some("2023-11-07T05:52:16.650Z"), "{text}");
        }
        assert_eq!(
            parse("2002-06-13").and_then(format).as_deref(),
            Some("2002-06-13T00:00:00.000Z")
        );
    }

    #[test]
    fn years_have_four_places() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
            (-62_300_000_000_007, "-005-10-17T04:26:39.993Z"),
            (253_402_207_200_000, "9999-12-30T22:00:00.000Z"),
        ] {
            assert_eq!(format(milliseconds).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2023",
            "2023-13-01",
            "2023-02-30",
            "yesterday",
            "2023-01-01T25:00",
            "2023-01-01Tx",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
