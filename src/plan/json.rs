//! Values of templates as JSON text.

use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object, ValueKind};
use scrape_api::Bytes;
use serde_json::Value;

use super::template::template_value;

/// Texts up to this size are kept beside the value that they were written from, in bytes;
/// from a greater one it is read again, should a template ask for a part of it.
const MOST_TWICE: usize = 64 << 10;

/// What texts may have of memory that they do not need, in bytes.
const MOST_SPARE: usize = 64 << 10;

/// A JSON object with its text. A template sees the object; where it is written
/// as a whole, the text is copied.
#[derive(Debug)]
pub struct Written {
    value: OnceLock<Value>,
    text: Bytes,
    native: OnceLock<minijinja::Value>,
}

impl Written {
    /// Writes a value.
    pub fn new(value: Value) -> Self {
        let text = Bytes::from(text_of(&value));
        let value = if text.len() <= MOST_TWICE { value.into() } else { OnceLock::new() };
        Self { value, text, native: OnceLock::new() }
    }

    /// Takes the text of a value as [`Written::new`] wrote it.
    pub fn from_text(text: String) -> Self {
        Self { value: OnceLock::new(), text: text.into(), native: OnceLock::new() }
    }

    fn value(&self) -> &Value {
        // What was written as JSON can be read.
        self.value.get_or_init(|| serde_json::from_slice(&self.text).unwrap_or_default())
    }

    /// Its text, on one line.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Its text, without a copy.
    pub fn shared(&self) -> Bytes {
        self.text.clone()
    }

    /// As templates see it.
    pub fn seen(self: &Arc<Self>) -> minijinja::Value {
        if self.text.starts_with(b"{") {
            minijinja::Value::from_dyn_object(self.clone())
        } else {
            template_value(self.value())
        }
    }

    fn native(&self) -> &minijinja::Value {
        self.native.get_or_init(|| template_value(self.value()))
    }
}

impl Object for Written {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
        self.native().get_attr(key).ok().filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = self.value().as_object().into_iter().flat_map(serde_json::Map::keys);
        Enumerator::Values(keys.map(|key| minijinja::Value::from(key.as_str())).collect())
    }
}

/// The text of a JSON value, on one line.
pub fn text_of(value: &Value) -> Vec<u8> {
    let mut text = Vec::with_capacity(room_for(value));
    // Values have text keys, and memory does not fail to be written to.
    let _ = serde_json::to_writer(&mut text, value);
    fitted(text)
}

/// About how many bytes a value takes as text: it is better to ask once for some more than
/// to move a long text from place to place while it grows.
fn room_for(value: &Value) -> usize {
    // Quotes, a comma, and what is escaped: a line end in some thirty bytes.
    let text = |text: &str| 4 + text.len() + text.len() / 16;
    match value {
        Value::String(value) => text(value),
        Value::Array(items) => 2 + items.iter().map(|item| 1 + room_for(item)).sum::<usize>(),
        Value::Object(map) => {
            2 + map.iter().map(|(key, value)| text(key) + 1 + room_for(value)).sum::<usize>()
        }
        _ => 8,
    }
}

/// Bytes that wait to be written, without room that they do not need, where that is much.
pub fn fitted(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.capacity() - bytes.len() > MOST_SPARE {
        bytes.shrink_to_fit();
    }
    bytes
}

/// Writes a value as JSON on one line, as `serde_json` would.
///
/// # Errors
/// For what JSON cannot hold: a list as a key, a number that is too great.
pub fn write(value: &minijinja::Value, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let length = out.len();
    if write_plain(value, out).is_some() {
        return Ok(());
    }
    out.truncate(length);
    serde_json::to_writer(out, &serde_json::to_value(value)?)
}

/// Writes what is nothing out of the ordinary; `None` leaves half of it.
fn write_plain(value: &minijinja::Value, out: &mut Vec<u8>) -> Option<()> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => out.extend_from_slice(b"null"),
        ValueKind::Bool => {
            out.extend_from_slice(if value.is_true() { b"true" } else { b"false" });
        }
        ValueKind::String => serde_json::to_writer(out, value.as_str()?).ok()?,
        ValueKind::Number => {
            let number = serde_json::to_value(value).ok()?;
            serde_json::to_writer(out, &number).ok()?;
        }
        ValueKind::Seq => {
            out.push(b'[');
            for (i, item) in value.try_iter().ok()?.enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_plain(&item, out)?;
            }
            out.push(b']');
        }
        ValueKind::Map => {
            if let Some(written) = value.downcast_object_ref::<Written>() {
                out.extend_from_slice(&written.text);
                return Some(());
            }
            out.push(b'{');
            for (i, (key, item)) in value.as_object()?.try_iter_pairs()?.enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                if key.kind() != ValueKind::String {
                    return None;
                }
                serde_json::to_writer(&mut *out, key.as_str()?).ok()?;
                out.push(b':');
                write_plain(&item, out)?;
            }
            out.push(b'}');
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(value: &minijinja::Value) -> Result<String, String> {
        let mut out = b"> ".to_vec();
        write(value, &mut out).map_err(|e| e.to_string())?;
        Ok(String::from_utf8(out.split_off(2)).unwrap())
    }

    #[test]
    fn values_are_written_as_serde_json_writes_them() {
        let mut env = minijinja::Environment::new();
        env.set_undefined_behavior(minijinja::UndefinedBehavior::Lenient);
        let object = Arc::new(Written::new(json!({ "b": [1, "é\n"], "a": { "x": null } })));
        let context = || minijinja::context! { object => object.seen() };
        for expression in [
            "none",
            "true",
            "18446744073709551615",
            "-1.0",
            "1e300 * 1e300",
            "'\"\\\\ \\u2028 \\u0001 é'",
            "[1, 2.5, 'x', [], {}]",
            "{'b': 1, 'a': [missing]}",
            "{1: 'x', true: 2}",
            "(1, 2)",
            "[3, 4] | map('string')",
            "range(3)",
            "object",
            "{'o': object, 'l': [object]}",
            "object.a",
            "object | items",
            "99999999999999999999999 * 10",
            "{[1]: 2}",
        ] {
            let value = |of: &str| env.compile_expression(of).unwrap().eval(context()).unwrap();
            let expected = serde_json::to_value(value(expression)).map(|v| v.to_string());
            let expected = expected.map_err(|e| e.to_string());
            assert_eq!(written(&value(expression)), expected, "{expression}");
        }
    }

    #[test]
    fn an_object_with_its_text_is_an_object() {
        let env = minijinja::Environment::new();
        let json = json!({ "b": [1], "a": { "x": "y" } });
        let object = Arc::new(Written::new(json.clone())).seen();
        let plain = template_value(&json);
        for expression in [
            "o.b[0] ~ o['a'].x ~ (o.c is defined) ~ ('b' in o)",
            "o | length",
            "o | items | list",
            "o is mapping",
            "o | tojson",
            "o ~ ''",
            "o == p",
        ] {
            let value = |o: &minijinja::Value| {
                let compiled = env.compile_expression(expression).unwrap();
                compiled.eval(minijinja::context! { o, p => plain.clone() }).unwrap().to_string()
            };
            assert_eq!(value(&object), value(&plain), "{expression}");
        }
    }
}
