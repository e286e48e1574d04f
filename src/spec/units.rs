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

/// What is wrong with a value, and how it would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// One sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Fault {
    /// With what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self { message, hint: None }
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::from(message.to_owned())
    }
}

/// For messages of one line.
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) if hint.contains(' ') => write!(f, "; {hint}"),
            Some(value) => write!(f, "; did you mean `{value}`?"),
            None => Ok(()),
        }
    }
}

/// A duration: numbers with units, as in `500ms`, `1.5s`, `1m30s`, `24h`; a bare
/// `0` needs none.
///
/// # Errors
/// In words.
pub fn duration(text: &str) -> Result<Duration, Fault> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || {
        let fault = Fault::from(format!("`{text}` is no duration"));
        fault.hint(
            meant(text, long_duration)
                .unwrap_or_else(|| String::from("write it as in `500ms`, `30s`, `10m`, `24h`")),
        )
    };
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest).ok_or_else(wrong)?;
        if unit.is_empty() {
            return Err(Fault::from(format!("`{text}` has no unit")).hint(format!("{text}s")));
        }
        let (_, factor) = DURATIONS.iter().find(|(n, _)| *n == unit).ok_or_else(wrong)?;
        total += number * *factor as f64;
        rest = after;
    }
    if total > 3.2e12 {
        return Err(format!("`{text}` is longer than a hundred years").into());
    }
    Ok(Duration::from_millis(total.round() as u64))
}

/// A number of bytes: `64MiB`, `10kB`, `1048576`.
///
/// # Errors
/// In words.
pub fn size(text: &str) -> Result<u64, Fault> {
    let wrong = || {
        let fault = Fault::from(format!("`{text}` is no size"));
        fault.hint(
            meant(text, long_size)
                .unwrap_or_else(|| String::from("write it as in `64MiB`, `512KiB`, `1048576`")),
        )
    };
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

/// `10 minutes` as it would be right: `10m`.
fn meant(text: &str, unit: fn(&str) -> Option<&'static str>) -> Option<String> {
    let (number, name, after) = number_and_unit(text.trim())?;
    let unit = unit(&name.to_ascii_lowercase())?;
    (after.is_empty() && number >= 0.0).then(|| format!("{number}{unit}"))
}

/// The unit of a duration by what else people call it.
fn long_duration(name: &str) -> Option<&'static str> {
    Some(match name {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return None,
    })
}

/// The unit of a size by what else people call it.
fn long_size(name: &str) -> Option<&'static str> {
    Some(match name {
        "k" | "kib" => "KiB",
        "m" | "mib" => "MiB",
        "g" | "gib" => "GiB",
        "kb" => "kB",
        "mb" => "MB",
        "gb" => "GB",
        "b" | "byte" | "bytes" => "B",
        _ => return None,
    })
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
        assert_eq!(duration("30").unwrap_err().hint.as_deref(), Some("30s"));
        assert_eq!(duration("10 minutes").unwrap_err().hint.as_deref(), Some("10m"));
    }

    #[test]
    fn sizes_are_binary_or_decimal() {
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("10 kB"), Ok(10_000));
        assert_eq!(size("7"), Ok(7));
        for text in ["", "64mib", "MiB", "1 2", "-5B"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(size("64M").unwrap_err().hint.as_deref(), Some("64MiB"));
    }
}
