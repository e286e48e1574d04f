//! Values of templates as JSON text.

use std::borrow::Borrow;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object, ValueKind};
use scrape_api::Bytes;
use serde_json::Value;
use wide::u8x32;

use super::native::{self, of_json as template_value};

/// Texts up to this size are kept beside the value that they were written from, in bytes;
/// from a greater one it is read again, should a template ask for a part of it.
const MOST_TWICE: usize = 64 << 10;

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
    let mut text = Vec::with_capacity(1024);
    write_value(value, &mut text);
    text
}

/// The text of a value that is known to be JSON, on one line.
pub fn text_of_native(value: &minijinja::Value) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    // Memory does not fail to be written to.
    drop(write(value, &mut text));
    text
}

/// Writes a JSON value on one line, as `serde_json` does.
pub fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        // Memory does not fail to be written to.
        Value::Number(_) => drop(serde_json::to_writer(out, value)),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            out.push(b'{');
            for (i, (key, item)) in map.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_text(key, out);
                out.push(b':');
                write_value(item, out);
            }
            out.push(b'}');
        }
    }
}

/// Writes a text as a JSON string, as `serde_json` does, but in long pieces.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    // One more byte for a line end in some thirty bytes: a long text should not have to
    // move for the last of them.
    out.reserve(bytes.len() + bytes.len() / 16 + 2);
    out.push(b'"');
    // Up to where it is written.
    let mut from = 0;
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (n, block) in blocks.iter().enumerate() {
        let special = specials(*block);
        if special != 0 {
            escape(bytes, &mut from, n * BLOCK, special, out);
        }
    }
    let mut last = [b' '; BLOCK];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    escape(bytes, &mut from, blocks.len() * BLOCK, specials(last), out);
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// How many bytes are looked at at once.
const BLOCK: usize = 32;

/// The bytes of a block that cannot stand in a JSON string as they are, by the bits of
/// their places.
fn specials(block: [u8; BLOCK]) -> u32 {
    let bytes = u8x32::new(block);
    let last_control = u8x32::splat(b' ' - 1);
    let control = bytes.max(last_control).simd_eq(last_control);
    let special = control | bytes.simd_eq(u8x32::splat(b'"')) | bytes.simd_eq(u8x32::splat(b'\\'));
    special.to_bitmask()
}

/// Writes what is `from` one place up to the last byte of a block that is special, which
/// begins at `start`.
fn escape(bytes: &[u8], from: &mut usize, start: usize, special: u32, out: &mut Vec<u8>) {
    let mut special = special;
    while special != 0 {
        let at = start + special.trailing_zeros() as usize;
        special &= special - 1;
        out.extend_from_slice(&bytes[*from..at]);
        *from = at + 1;
        let short = match bytes[at] {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            byte => byte,
        };
        if short < b' ' {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let digits = [HEX[usize::from(short >> 4)], HEX[usize::from(short & 15)]];
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&digits);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
    }
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
        ValueKind::String => write_text(value.as_str()?, out),
        ValueKind::Number => {
            let number = serde_json::to_value(value).ok()?;
            serde_json::to_writer(out, &number).ok()?;
        }
        ValueKind::Seq => match native::items(value) {
            Some(items) => write_list(items.iter(), out)?,
            None => write_list(value.try_iter().ok()?, out)?,
        },
        ValueKind::Map => {
            if let Some(written) = value.downcast_object_ref::<Written>() {
                out.extend_from_slice(&written.text);
                return Some(());
            }
            out.push(b'{');
            if let Some(entries) = native::entries(value) {
                for (i, (key, item)) in entries.enumerate() {
                    write_entry(i, key, item, out)?;
                }
            } else {
                for (i, (key, item)) in value.as_object()?.try_iter_pairs()?.enumerate() {
                    if key.kind() != ValueKind::String {
                        return None;
                    }
                    write_entry(i, key.as_str()?, &item, out)?;
                }
            }
            out.push(b'}');
        }
        _ => return None,
    }
    Some(())
}

fn write_list(
    items: impl Iterator<Item = impl Borrow<minijinja::Value>>,
    out: &mut Vec<u8>,
) -> Option<()> {
    out.push(b'[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_plain(item.borrow(), out)?;
    }
    out.push(b']');
    Some(())
}

fn write_entry(place: usize, key: &str, value: &minijinja::Value, out: &mut Vec<u8>) -> Option<()> {
    if place > 0 {
        out.push(b',');
    }
    write_text(key, out);
    out.push(b':');
    write_plain(value, out)
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
    fn texts_are_written_as_serde_json_writes_them() {
        let all: String = (0..0x250).filter_map(char::from_u32).collect();
        let long = format!("{}\"{}\u{7f}é", "a".repeat(31), "b".repeat(64));
        for text in ["", "\n", &all, &long, &all.repeat(3)] {
            let value = json!({ text: [text, null, true, false, 1, -2.5, {}] });
            assert_eq!(String::from_utf8(text_of(&value)).unwrap(), value.to_string());
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
