//! Durations and sizes as people write them.

use std::time::Duration;

const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZES: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// A duration: numbers with units, as in `500ms`, `1.5s`, `1m30s`, `24h`; a bare
/// `0` needs none.
///
/// # Errors
/// In words.
pub fn duration(text: &str) -> Result<Duration, String> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || format!("`{text}` is no duration; write it as in `500ms`, `30s`, `10m`, `24h`");
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest).ok_or_else(wrong)?;
        if unit.is_empty() {
            return Err(format!("`{text}` has no unit; is `{text}s` meant?"));
        }
        let (_, factor) = DURATIONS.iter().find(|(n, _)| *n == unit).ok_or_else(wrong)?;
        total += number * *factor as f64;
        rest = after;
    }
    if total > 3.2e12 {
        return Err(format!("`{text}` is longer than a hundred years"));
    }
    Ok(Duration::from_millis(total.round() as u64))
}

/// A number of bytes: `64MiB`, `10kB`, `1048576`.
///
/// # Errors
/// In words.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write it as in `64MiB`, `512KiB`, `1048576`");
    let (number, unit, after) = number_and_unit(text.trim()).ok_or_else(wrong)?;
    let factor = match unit {
        "" => 1,
        unit => SIZES.iter().find(|(n, _)| *n == unit).ok_or_else(wrong)?.1,
    };
    let bytes = number * factor as f64;
    if !after.is_empty() || bytes > 9e15 {
        return Err(wrong());
    }
    Ok(bytes.round() as u64)
}

fn number_and_unit(text: &str) -> Option<(f64, &str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].parse().ok()?;
    let rest = text[end..].trim_start();
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    Some((number, &rest[..end], rest[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, millis) in
            [("500ms", 500), ("120s", 120_000), ("1m30s", 90_000), ("1.5h", 5_400_000), ("0", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "abc", "10 minutes", "-1s", "s", "1..5s", "99999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("30").unwrap_err().contains("`30s`"));
    }

    #[test]
    fn sizes_are_binary_or_decimal() {
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("10 kB"), Ok(10_000));
        assert_eq!(size("7"), Ok(7));
        for text in ["", "64mib", "MiB", "1 2", "-5B"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
