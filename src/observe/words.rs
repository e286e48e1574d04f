//! Numbers and texts as people read them.

use std::borrow::Cow;
use std::time::Duration;

use super::board::Spacing;

/// A text of others as a terminal may show it: line ends and tabs stay; other control
/// characters, which a terminal obeys, and those that turn the order of what is read
/// around become signs that can be seen (`␛`).
pub fn printable(text: &str) -> Cow<'_, str> {
    let sign = |c: char| match c {
        '\n' | '\t' => None,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)),
        '\x7f' => Some('␡'),
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(char::REPLACEMENT_CHARACTER)
        }
        _ => None,
    };
    match text.chars().any(|c| sign(c).is_some()) {
        true => text.chars().map(|c| sign(c).unwrap_or(c)).collect::<String>().into(),
        false => text.into(),
    }
}

/// A duration: `7 s`, `1 min 30 s`, `2 h 5 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{} s", (duration.as_millis() as f64 / 100.0).round() / 10.0),
        10..60 => format!("{seconds} s"),
        60..3600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A duration that is a guess, or that is counted down: no more precise than a
/// second, and than a minute from ten minutes on.
pub fn about(duration: Duration) -> String {
    let seconds = duration.as_millis().div_ceil(1000) as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 => self::duration(Duration::from_secs(seconds)),
        600..3600 => format!("{} min", seconds / 60),
        3600..172_800 if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A number with its thousands set apart: `14,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with the noun that it counts: `1 record`, `2,000 records`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// How far something is: `4,200 of 14,000`, or `4,200` where the end is unknown.
pub fn so_far(got: u64, expected: Option<u64>) -> String {
    match expected {
        Some(expected) => format!("{} of {}", count(got), count(expected)),
        None => count(got),
    }
}

/// A rate: `87/s`, `0.4/s`.
pub fn rate(per_second: f64) -> String {
    if per_second < 9.95 {
        format!("{per_second:.1}/s")
    } else {
        format!("{}/s", count(per_second.round() as u64))
    }
}

/// A pace of requests: `4 requests/s`, `1 request every 2 s`.
pub fn pace(spacing: Spacing) -> String {
    let per_second = 1.0 / spacing.between.as_secs_f64().max(1e-6);
    let pace = if per_second < 0.95 {
        format!("1 request every {}", duration(spacing.between))
    } else {
        // Requests are spaced a little wider than they need to be.
        counted(per_second.round() as u64, "request") + "/s"
    };
    if spacing.slowed { pace + " (the server asked for less)" } else { pace }
}

/// Bytes in the unit that people would choose.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.2} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_a_text() {
        assert_eq!(
            printable("\x1b[2J\ra\u{9b}b\u{202e}c\x7f\n\td"),
            "␛[2J␍a\u{fffd}b\u{fffd}c␡\n\td"
        );
        assert!(matches!(printable("é…\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0, 12, 999, 1000, 1_234_567].map(count),
            ["0", "12", "999", "1,000", "1,234,567"]
        );
        assert_eq!([1, 2].map(|n| counted(n, "record")), ["1 record", "2 records"]);
        assert_eq!([0.04, 9.94, 9.96, 1234.4].map(rate), ["0.0/s", "9.9/s", "10/s", "1,234/s"]);
        let spacing = |millis, slowed| Spacing { between: Duration::from_millis(millis), slowed };
        let pace_of = |millis| pace(spacing(millis, false));
        assert_eq!(
            [10, 250, 1020, 2000].map(pace_of),
            ["100 requests/s", "4 requests/s", "1 request/s", "1 request every 2 s"]
        );
        assert_eq!(pace(spacing(2000, true)), "1 request every 2 s (the server asked for less)");
        let about_of = |millis| about(Duration::from_millis(millis));
        assert_eq!(
            [1, 6_001, 65_000, 754_000, 7_500_000, 600_000_000].map(about_of),
            ["1 s", "7 s", "1 min 5 s", "12 min", "2 h 5 min", "6 days"]
        );
        assert_eq!(
            [500, 2048, 5 << 20, 3 << 30].map(size),
            ["500 B", "2.0 KiB", "5.0 MiB", "3.00 GiB"]
        );
    }
}
