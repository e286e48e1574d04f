//! JSON of servers, read into trees of a bounded size.

use serde::de::Error as _;
use serde_json::Value;

/// The most values of a tree. A value takes some 50 times the bytes of `0,`, so a
/// body within `max_body` could otherwise take gigabytes.
const MOST_VALUES: usize = 2_000_000;

/// Reads a JSON text.
///
/// # Errors
/// Where it is no JSON, or has too many values.
pub fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
    check(text)?;
    serde_json::from_slice(text)
}

/// Refuses a JSON text with too many values.
///
/// # Errors
/// Where it is one.
pub fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    // Each value but the first of a list or an object has a comma before it. Those in
    // strings are told apart only where there are so many.
    let commas = || memchr::memchr_iter(b',', text).count();
    if text.len() > MOST_VALUES
        && commas() > MOST_VALUES
        && outside_strings(text, b',') > MOST_VALUES
    {
        return Err(serde_json::Error::custom(format!("more than {MOST_VALUES} values")));
    }
    Ok(())
}

/// How often a byte stands outside of the strings of a JSON text.
pub fn outside_strings(text: &[u8], wanted: u8) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            byte if *byte == wanted && !in_string => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bounded_and_text_is_not() {
        let many = format!("[{}0]", "0,".repeat(MOST_VALUES + 1));
        assert!(parse(many.as_bytes()).unwrap_err().to_string().contains("more than 2000000"));
        let text = format!("[\"{}\"]", "\\\",".repeat(MOST_VALUES + 1));
        assert!(parse(text.as_bytes()).is_ok());
    }
}
