//! From the text of a JSON value to a value of the type that a field asks for.

use memchr::memchr2;
use serde_json::{Number, Value};

use crate::plan::{FieldType, datetime};

/// Numbers below this are seconds since 1970, not milliseconds: the year 5138 as
/// seconds, March 1973 as milliseconds.
const SECONDS_BELOW: f64 = 1e11;

/// How many characters of a value a message shows.
const SHOWN: usize = 60;

/// A value that cannot be made into what is asked for: what it is, in words that
/// read well after "is".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// A fixed word that is counted by.
    pub reason: &'static str,
    /// `not a date: "soon"`
    pub message: String,
}

/// Makes a value of a type. Null, and an empty text where no text is asked for,
/// is `None`.
///
/// # Errors
/// When it cannot be made; nothing is guessed, cut or rounded.
pub fn convert(text: &str, ty: FieldType) -> Result<Option<Value>, Mismatch> {
    if text == "null" {
        return Ok(None);
    }
    let value = match ty {
        FieldType::Any => parse(text)?,
        FieldType::String => string(text)?,
        FieldType::List => match parse(text)? {
            list @ Value::Array(_) => list,
            single => Value::Array(vec![single]),
        },
        FieldType::Object => match parse(text)? {
            object @ Value::Object(_) => object,
            _ => return Err(mismatch("an object", text)),
        },
        FieldType::Int | FieldType::Float | FieldType::Bool => {
            let inner = unquoted(text)?;
            let inner = inner.trim();
            if inner.is_empty() {
                return Ok(None);
            }
            let made = match ty {
                FieldType::Int => int(inner),
                FieldType::Float => float(inner),
                _ => bool(inner),
            };
            made.ok_or_else(|| mismatch(name(ty), text))?
        }
        FieldType::Datetime | FieldType::Date => {
            let inner = unquoted(text)?;
            if inner.trim().is_empty() {
                return Ok(None);
            }
            let instant = if text.starts_with('"') { datetime::parse(&inner) } else { epoch(text) };
            let formatted = instant.and_then(datetime::format);
            let mut formatted = formatted.ok_or_else(|| mismatch(name(ty), text))?;
            if ty == FieldType::Date {
                formatted.truncate("2023-01-01".len());
            }
            Value::String(formatted)
        }
    };
    Ok(Some(value))
}

/// As [`convert`] for a value that is already there.
///
/// # Errors
/// As [`convert`].
pub fn convert_value(value: Value, ty: FieldType) -> Result<Option<Value>, Mismatch> {
    match (ty, &value) {
        (_, Value::Null) => Ok(None),
        (FieldType::Any, _)
        | (FieldType::String, Value::String(_))
        | (FieldType::List, Value::Array(_))
        | (FieldType::Object, Value::Object(_)) => Ok(Some(value)),
        _ => convert(&value.to_string(), ty),
    }
}

/// A value in a message: on one line and not too long.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn mismatch(wanted: &str, text: &str) -> Mismatch {
    Mismatch { reason: "wrong_type", message: format!("not {wanted}: {}", shown(text)) }
}

fn name(ty: FieldType) -> &'static str {
    match ty {
        FieldType::Any => "a value",
        FieldType::String => "a text",
        FieldType::Int => "a whole number",
        FieldType::Float => "a number",
        FieldType::Bool => "true or false",
        FieldType::Datetime => "a point in time",
        FieldType::Date => "a date",
        FieldType::List => "a list",
        FieldType::Object => "an object",
    }
}

fn parse(text: &str) -> Result<Value, Mismatch> {
    if let Some(inner) = unescaped(text) {
        return Ok(Value::String(inner.to_owned()));
    }
    serde_json::from_str(text).map_err(|e| Mismatch {
        // The text was read before: what is left to fail is its depth.
        reason: "too_deep",
        message: format!("not readable ({e}): {}", shown(text)),
    })
}

/// What stands between the quotes of a text in which nothing is escaped: most are such,
/// and need no parser.
pub fn unescaped(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    memchr2(b'"', b'\\', inner.as_bytes()).is_none().then_some(inner)
}

fn string(text: &str) -> Result<Value, Mismatch> {
    match text.as_bytes().first() {
        Some(b'"') => parse(text),
        Some(b'{' | b'[') => Err(mismatch("a text", text)),
        // Numbers and booleans as they are written.
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// What stands between quotes; for numbers and booleans, their own text.
fn unquoted(text: &str) -> Result<std::borrow::Cow<'_, str>, Mismatch> {
    if let Some(inner) = unescaped(text) {
        return Ok(inner.into());
    }
    if text.starts_with('"') {
        return match parse(text)? {
            Value::String(inner) => Ok(inner.into()),
            _ => Ok("".into()),
        };
    }
    Ok(text.into())
}

fn int(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    // `3.0` and `1e3` are whole; beyond 2^53 a float no longer says which number.
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0)
        .then(|| Value::from(number as i64))
}

fn float(text: &str) -> Option<Value> {
    // JSON knows neither infinity nor NaN, which `from_f64` refuses.
    Number::from_f64(text.parse().ok()?).map(Value::Number)
}

fn bool(text: &str) -> Option<Value> {
    [("true", true), ("false", false)]
        .into_iter()
        .find(|(word, _)| text.eq_ignore_ascii_case(word))
        .map(|(_, value)| value.into())
}

/// Milliseconds of a number that is a point in time.
fn epoch(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    let milliseconds = if number.abs() < SECONDS_BELOW { number * 1000.0 } else { number };
    // Half of what i64 can hold is far beyond any year that can be written.
    (milliseconds.abs() < 4e18).then_some(milliseconds.floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn made(text: &str, ty: FieldType) -> Value {
        convert(text, ty).unwrap().unwrap_or(Value::Null)
    }

    #[test]
    fn points_in_time_of_all_forms_become_one() {
        for (text, expected) in [
            (r#""2023-11-07T05:52:16.650+0000""#, "2023-11-07T05:52:16.650Z"),
            (r#""2023-11-07T05:52:16.650+00:00""#, "2023-11-07T05:52:16.650Z"),
            (r#""2023-11-07T05:52:16.650Z""#, "2023-11-07T05:52:16.650Z"),
            (r#""2023-11-07T05:52:16Z""#, "2023-11-07T05:52:16.000Z"),
            (r#""2023-11-07T05:52:16.650123456Z""#, "2023-11-07T05:52:16.650Z"),
            (r#""2023-11-07T05:52Z""#, "2023-11-07T05:52:00.000Z"),
            (r#""2023-11-07 05:52:16 +0530""#, "2023-11-07T00:22:16.000Z"),
            (r#""2023-12-31T23:30:00.000-0500""#, "2024-01-01T04:30:00.000Z"),
            (r#""2024-02-29T23:59:59.999+0100""#, "2024-02-29T22:59:59.999Z"),
            (r#""2023-11-07T05:52:16""#, "2023-11-07T05:52:16.000Z"),
            (r#""2023-11-07""#, "2023-11-07T00:00:00.000Z"),
            (r#""0010-03-01T00:00:00.000+0000""#, "0010-03-01T00:00:00.000Z"),
            ("1699336336650", "2023-11-07T05:52:16.650Z"),
            ("1699336336", "2023-11-07T05:52:16.000Z"),
            ("1699336336.65", "2023-11-07T05:52:16.650Z"),
            ("0", "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(made(text, FieldType::Datetime), expected, "{text}");
            assert_eq!(made(text, FieldType::Date), expected[..10], "{text}");
        }
        for text in [r#""soon""#, r#""2023-02-30""#, r#""07/11/2023""#, "true", "[]", "1e300"] {
            let error = convert(text, FieldType::Datetime).unwrap_err();
            assert_eq!(error.reason, "wrong_type", "{text}");
            assert!(error.message.contains(text), "{error:?}");
        }
    }

    #[test]
    fn text_keeps_what_was_written() {
        for (text, expected) in [
            ("1.10", "1.10"),
            ("1.0", "1.0"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("1E5", "1E5"),
            ("true", "true"),
            (r#""012""#, "012"),
            (r#""a\u00e9\n""#, "aé\n"),
        ] {
            assert_eq!(made(text, FieldType::String), expected);
        }
        assert!(convert("{}", FieldType::String).is_err());
    }

    #[test]
    fn types_are_made_or_refused() {
        use FieldType::{Any, Bool, Float, Int, List, Object};
        for (text, ty, expected) in [
            ("7", Int, json!(7)),
            ("-7.0", Int, json!(-7)),
            (r#"" 7 ""#, Int, json!(7)),
            ("18446744073709551615", Int, json!(u64::MAX)),
            ("7", Float, json!(7.0)),
            (r#""2.5""#, Float, json!(2.5)),
            (r#""False""#, Bool, json!(false)),
            (r#""""#, Int, json!(null)),
            ("null", Bool, json!(null)),
            (r#""a""#, List, json!(["a"])),
            (r#"["a",1]"#, List, json!(["a", 1])),
            (r#"{"a":1.5}"#, Object, json!({"a": 1.5})),
            (r#"{"a":[]}"#, Any, json!({"a": []})),
        ] {
            assert_eq!(made(text, ty), expected, "{text} as {ty:?}");
        }
        for (text, ty) in [
            ("7.5", Int),
            ("1e300", Int),
            ("true", Int),
            (r#""seven""#, Float),
            (r#""inf""#, Float),
            ("1", Bool),
            ("[]", Object),
            (r#"{"a":1}"#, Int),
        ] {
            assert_eq!(convert(text, ty).unwrap_err().reason, "wrong_type", "{text} as {ty:?}");
        }
    }

    #[test]
    fn depth_is_a_mismatch_and_long_values_are_cut() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let error = convert(&deep, FieldType::Any).unwrap_err();
        assert_eq!(error.reason, "too_deep");
        assert!(error.message.len() < 200, "{error:?}");
        let long = format!("\"{}\"", "é".repeat(500));
        assert!(convert(&long, FieldType::Int).unwrap_err().message.len() < 200);
    }
}
