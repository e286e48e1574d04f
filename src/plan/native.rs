//! JSON values as templates see them.
//!
//! minijinja's own maps are made for any key, and what its filters give is no JSON
//! before it is converted. Here a value is known to be JSON by its type, so it goes
//! from template to template, and into the output, without a copy of its texts.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectExt, ObjectRepr, Serde, ValueKind};
use serde_json::Value as Json;

/// What counts for a value beside the bytes of its texts: as much as it takes.
pub const VALUE_BYTES: usize = 96;

/// From how many keys on an object is searched by hash.
const MANY_KEYS: usize = 32;

/// A JSON object.
#[derive(Debug)]
struct Fields {
    entries: Vec<(Value, Value)>,
    /// The places of the keys, where there are many.
    places: Option<HashMap<Box<str>, usize>>,
    bytes: usize,
}

/// A JSON list.
#[derive(Debug)]
struct Items {
    items: Vec<Value>,
    bytes: usize,
}

/// A JSON value that does not change, ready for templates too.
#[derive(Debug, Clone)]
pub struct Constant {
    json: Json,
    native: Value,
}

impl From<Json> for Constant {
    fn from(json: Json) -> Self {
        let native = of_json(&json);
        Self { json, native }
    }
}

impl Constant {
    /// The value.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// As templates see it.
    pub fn native(&self) -> Value {
        self.native.clone()
    }
}

impl Fields {
    fn place_of(&self, key: &str) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(key).copied(),
            None => self.entries.iter().position(|(own, _)| own.as_str() == Some(key)),
        }
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.entries.get(self.place_of(key)?).map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_rev_key_value_enumerator(|this| Box::new(this.entries.iter().cloned()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries.len())
    }
}

impl Object for Items {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }
}

/// A JSON value as templates see it.
pub fn of_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => Value::from(Serde(number)),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => list(items.iter().map(of_json).collect()),
        Json::Object(map) => object(map.iter().map(|(key, value)| (key.as_str(), of_json(value)))),
    }
}

/// A list of JSON values.
pub fn list(items: Vec<Value>) -> Value {
    let bytes = VALUE_BYTES + items.iter().map(bytes).sum::<usize>();
    Value::from_object(Items { items, bytes })
}

/// An object of JSON values; no key comes twice.
pub fn object<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    object_of(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

/// As [`object`], for keys that are there as values: texts, each of them.
pub fn object_of(entries: Vec<(Value, Value)>) -> Value {
    let key = |key: &Value| key.as_str().map_or(0, str::len);
    let bytes = VALUE_BYTES + entries.iter().map(|(k, v)| key(k) + bytes(v)).sum::<usize>();
    let places = (entries.len() >= MANY_KEYS).then(|| {
        let keys = entries.iter().enumerate();
        keys.filter_map(|(place, (key, _))| Some((key.as_str()?.into(), place))).collect()
    });
    Value::from_object(Fields { entries, places, bytes })
}

/// What JSON holds of a value.
///
/// # Errors
/// For what it cannot hold: a list as a key, a number that is too great.
pub fn settled(value: Value) -> serde_json::Result<Value> {
    match plain(&value) {
        Some(value) => Ok(value),
        None => Ok(of_json(&serde_json::to_value(&value)?)),
    }
}

/// What JSON holds of a value that is nothing out of the ordinary.
fn plain(value: &Value) -> Option<Value> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Some(Value::from(())),
        ValueKind::Bool => Some(value.clone()),
        ValueKind::String if value.is_safe() => value.as_str().map(Value::from),
        ValueKind::String => Some(value.clone()),
        ValueKind::Number if value.is_integer() => value.as_i64().map(Value::from),
        ValueKind::Seq if value.downcast_object_ref::<Items>().is_some() => Some(value.clone()),
        ValueKind::Seq => {
            let items: Option<Vec<_>> = value.try_iter().ok()?.map(|item| plain(&item)).collect();
            items.map(list)
        }
        ValueKind::Map if value.downcast_object_ref::<Fields>().is_some() => Some(value.clone()),
        ValueKind::Map => {
            let pairs = value.as_object()?.try_iter_pairs()?;
            let pairs = pairs.map(|(key, item)| {
                let is_text = key.kind() == ValueKind::String;
                is_text.then_some(())?;
                Some((key, plain(&item)?))
            });
            let pairs: Vec<(Value, Value)> = pairs.collect::<Option<_>>()?;
            Some(object(pairs.iter().filter_map(|(key, item)| Some((key.as_str()?, item.clone())))))
        }
        _ => None,
    }
}

/// A value as JSON.
///
/// # Errors
/// For what JSON cannot hold: a list as a key, a number that is too great.
pub fn to_json(value: &Value) -> serde_json::Result<Json> {
    if let Some(text) = value.as_str().filter(|_| value.kind() == ValueKind::String) {
        return Ok(Json::from(text));
    }
    if let Some(items) = items(value) {
        return items.iter().map(to_json).collect();
    }
    if let Some(entries) = entries(value) {
        let pair = |(key, value)| Ok((String::from(key), to_json(value)?));
        return entries.map(pair).collect::<serde_json::Result<_>>().map(Json::Object);
    }
    serde_json::to_value(value)
}

/// A value that is known to be JSON, as such.
pub fn json_of(value: &Value) -> Json {
    // What `of_json`, `list` and `object` make holds nothing that JSON does not.
    to_json(value).unwrap_or_default()
}

/// The items of a list that is known to be JSON.
pub fn items(value: &Value) -> Option<&[Value]> {
    value.downcast_object_ref::<Items>().map(|list| list.items.as_slice())
}

/// The entries of an object that is known to be JSON.
pub fn entries(value: &Value) -> Option<impl Iterator<Item = (&str, &Value)>> {
    let entries = &value.downcast_object_ref::<Fields>()?.entries;
    Some(entries.iter().map(|(key, value)| (key.as_str().unwrap_or_default(), value)))
}

/// The value under a key of an object that is known to be JSON, with its place, which
/// is often the `known` one of another such object.
pub fn field<'v>(value: &'v Value, key: &str, known: usize) -> Option<(usize, &'v Value)> {
    let fields = value.downcast_object_ref::<Fields>()?;
    let is_there = |(own, _): &&(Value, Value)| own.as_str() == Some(key);
    let place = match fields.entries.get(known).filter(is_there) {
        Some(_) => known,
        None => fields.place_of(key)?,
    };
    fields.entries.get(place).map(|(_, value)| (place, value))
}

/// How much a JSON value takes.
pub fn bytes(value: &Value) -> usize {
    if let Some(list) = value.downcast_object_ref::<Items>() {
        return list.bytes;
    }
    if let Some(object) = value.downcast_object_ref::<Fields>() {
        return object.bytes;
    }
    VALUE_BYTES + value.as_str().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::{Environment, UndefinedBehavior, context};
    use serde_json::json;

    fn value_of(expression: &str, of: Value) -> Result<Value, minijinja::Error> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Lenient);
        let compiled = env.compile_expression_owned(expression.to_owned()).unwrap();
        compiled.eval(context! { v => of })
    }

    #[test]
    fn templates_see_no_difference_to_values_of_minijinja() {
        let many: serde_json::Map<_, _> = (0..50).map(|n| (format!("k{n}"), json!(n))).collect();
        let value = json!({
            "b": [1, -2, 2.5, "x", null, true, [], {}], "a": { "x": "y", "é": null },
            "many": many, "long": "a".repeat(100), "big": u64::MAX
        });
        for expression in [
            "v",
            "v.a.x ~ v['b'][-1] ~ v.b[3] ~ v.c ~ v.b[9] ~ v.many.k49 ~ v.many.k50",
            "v.b[1:3]",
            "v.b + v.b",
            "v.b | reverse | list",
            "v | reverse | list",
            "v | items | list",
            "v.a | dictsort",
            "v | length ~ v.many | length ~ v.b | length",
            "v is mapping ~ v.b is sequence ~ ('x' in v.b) ~ ('a' in v) ~ (1 in v)",
            "v == {'b': v.b, 'a': v.a, 'many': v.many, 'long': v.long, 'big': v.big}",
            "v.b == [1, -2, 2.5, 'x', none, true, [], {}]",
            "[[2], v.b, [1]] | sort",
            "v | tojson",
            "v.a | string",
            "v.b | map('string') | join('-')",
            "'yes' if v.b[6] or v.b[7] else 'no'",
            "[v.a, v.a] | map(attribute='x') | list",
            "v.big + 1",
            "v.nothing()",
        ] {
            let shown = |of| value_of(expression, of).map(|v| format!("{v}")).map_err(|e| e.kind());
            let expected = shown(Value::from(Serde(&value)));
            assert_eq!(shown(of_json(&value)), expected, "{expression}");
        }
        assert_eq!(to_json(&of_json(&value)).unwrap(), value);
    }

    #[test]
    fn of_any_value_there_is_what_json_holds() {
        for expression in [
            "[1, [2.5, none, missing], {'a': ('x', 1)}]",
            "{'b': 1, 'a': range(3)}",
            "{1: 'x', true: 2}",
            "[3, 4] | map('string')",
            "v.items",
            "[v, v]",
            "'<b>' | safe",
            "1e300 * 1e300",
            "99999999999999999999999 * 10",
            "{[1]: 2}",
            "18446744073709551615",
        ] {
            let of = of_json(&json!({ "a": [1], "items": "x" }));
            let value = value_of(expression, of).unwrap();
            let expected = serde_json::to_value(&value).map_err(|e| e.to_string());
            let settled = settled(value).map(|settled| to_json(&settled).unwrap());
            assert_eq!(settled.map_err(|e| e.to_string()), expected, "{expression}");
        }
    }
}
