//! What filters of lists do in the few forms in which templates call them for each
//! record: the same values as from minijinja's own, without the ways that lead to their
//! other forms. Whatever is not as expected (an attribute that is missing, an option,
//! another type) is left to those, messages included.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Value, ValueKind, from_args};
use minijinja::{Error, State};
use xxhash_rust::xxh3::xxh3_64;

use crate::plan::native;

/// What minijinja takes for a step, an item, its place in a list that is made, and a
/// call, in units of which a step has 64.
pub(super) const STEP: usize = 64;
pub(super) const ITEM: usize = 32;
pub(super) const SLOT: usize = 32;
const CALL: usize = 64;

/// Up to as many texts are compared one by one.
const FEW_TEXTS: usize = 8;

/// More are not taken out of what only can be gone through.
const MOST_UNIQUE: usize = 16;

/// What a filter made, and what that costs.
pub(super) struct Made {
    pub(super) value: Value,
    pub(super) units: usize,
}

/// What is asked of an item.
pub(super) enum Test<'t> {
    True,
    Eq(&'t Value),
    Ne(&'t Value),
    /// Whether it stands in a list.
    In(&'t Value),
}

/// The value of a filter that minijinja calls; none where its own way is to be gone.
///
/// # Errors
/// Where it does too much work.
pub fn call(state: &State, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let Some((list, rest)) = args.split_first() else { return Ok(None) };
    let Ok((others, options)) = from_args::<(&[Value], Kwargs)>(rest) else { return Ok(None) };
    let made = match (name, options.args().count(), others) {
        ("map", 1, []) => {
            let attribute = options.peek::<Option<&str>>("attribute").ok().flatten();
            attribute.filter(|name| is_name(name)).and_then(|a| attributes(items_of(list)?, a))
        }
        ("select", 0, test) => chosen(list, None, test, true),
        ("reject", 0, test) => chosen(list, None, test, false),
        ("selectattr", 0, [attribute, test @ ..]) => chosen(list, Some(attribute), test, true),
        ("rejectattr", 0, [attribute, test @ ..]) => chosen(list, Some(attribute), test, false),
        ("join", 0, [separator]) => join(state, list, separator),
        ("unique", 0, []) => different(list, false),
        ("unique", 1, []) if matches!(options.peek("case_sensitive"), Ok(Some(true))) => {
            different(list, true)
        }
        _ => None,
    };
    let Some(Made { value, units }) = made else { return Ok(None) };
    state.consume_fuel(u64::try_from(units / STEP + 1).unwrap_or(u64::MAX))?;
    Ok(Some(value))
}

/// `value is in list`; none where minijinja's own test is to look.
pub fn is_in(state: &State, value: &Value, list: &Value) -> Option<Result<bool, Error>> {
    let items = items_of(list)?;
    let units = ITEM * items.len();
    let fuel = state.consume_fuel(u64::try_from(units / STEP).unwrap_or(u64::MAX));
    Some(fuel.map(|()| stands_in(value, list, items)))
}

fn chosen(list: &Value, attribute: Option<&Value>, test: &[Value], wanted: bool) -> Option<Made> {
    let attribute = match attribute {
        Some(attribute) => Some(text(attribute).filter(|attribute| is_name(attribute))?),
        None => None,
    };
    let test = match test {
        [] => Test::True,
        [test, operand] => match text(test)? {
            "eq" => Test::Eq(operand),
            "ne" => Test::Ne(operand),
            "in" => Test::In(operand),
            _ => return None,
        },
        _ => return None,
    };
    selected(items_of(list)?, attribute, &test, wanted)
}

fn join(state: &State, list: &Value, separator: &Value) -> Option<Made> {
    let (items, separator) = (items_of(list)?, text(separator)?);
    let length = joined_length(items, separator)?;
    let (_, left) = state.fuel_levels()?;
    if u64::try_from(length / STEP).unwrap_or(u64::MAX) >= left {
        return None;
    }
    let value = joined(items, separator, length).into();
    Some(Made { value, units: ITEM * items.len() })
}

fn different(list: &Value, case_sensitive: bool) -> Option<Made> {
    match items_of(list) {
        Some(items) => unique(items, case_sensitive),
        None if list.kind() == ValueKind::Seq && list.len()? <= MOST_UNIQUE => {
            unique(&list.try_iter().ok()?.collect::<Vec<_>>(), case_sensitive)
        }
        None => None,
    }
}

/// The items of a list that is known to have them in memory.
pub(super) fn items_of(list: &Value) -> Option<&[Value]> {
    let made = || list.downcast_object_ref::<Vec<Value>>().map(Vec::as_slice);
    let texts = || list.downcast_object_ref::<Texts>().map(|texts| texts.items.as_slice());
    let cut = || list.downcast_object_ref::<Cut>().map(|cut| cut.0.as_slice());
    native::items(list).or_else(made).or_else(texts).or_else(cut)
}

/// A text, if it is one that no filter has marked as safe.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|_| value.kind() == ValueKind::String && !value.is_safe())
}

/// Whether a value stands in a list of these items.
pub(super) fn stands_in(value: &Value, list: &Value, items: &[Value]) -> bool {
    let Some(wanted) = value.as_str().filter(|_| value.kind() == ValueKind::String) else {
        return items.contains(value);
    };
    if items.len() > FEW_TEXTS
        && let Some(texts) = list.downcast_object_ref::<Texts>()
        && !texts.may_hold(wanted)
    {
        return false;
    }
    items.iter().any(|item| item.kind() == ValueKind::String && item.as_str() == Some(wanted))
}

/// An attribute of an object that has it.
pub(super) fn attribute_of(item: &Value, name: &str) -> Option<Value> {
    if item.kind() != ValueKind::Map {
        return None;
    }
    item.get_attr(name).ok().filter(|value| !value.is_undefined())
}

/// Whether an attribute is a name and no path.
pub(super) fn is_name(attribute: &str) -> bool {
    attribute.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !attribute.contains('.')
}

/// `map(attribute="name")`
pub(super) fn attributes(items: &[Value], attribute: &str) -> Option<Made> {
    let values: Vec<Value> =
        items.iter().map(|item| attribute_of(item, attribute)).collect::<Option<_>>()?;
    Some(Made { value: values.into(), units: ITEM * items.len() })
}

/// `select("eq", value)`, `selectattr("name")`, `selectattr("name", "in", list)` and so on
pub(super) fn selected(
    items: &[Value],
    attribute: Option<&str>,
    test: &Test,
    wanted: bool,
) -> Option<Made> {
    let options = match test {
        Test::In(list) => items_of(list)?,
        _ => &[],
    };
    let passes = |value: &Value| match test {
        Test::True => value.is_true(),
        Test::Eq(other) => value == *other,
        Test::Ne(other) => value != *other,
        Test::In(list) => stands_in(value, list, options),
    };
    let units = (ITEM + CALL + ITEM * options.len()) * items.len();
    let mut left = Vec::new();
    for item in items {
        let passed = match attribute {
            Some(attribute) => passes(&attribute_of(item, attribute)?),
            None => passes(item),
        };
        if passed == wanted {
            left.push(item.clone());
        }
    }
    Some(Made { value: left.into(), units })
}

/// How long texts are, each with a separator; none where not all are texts.
pub(super) fn joined_length(items: &[Value], separator: &str) -> Option<usize> {
    items.iter().map(|item| Some(text(item)?.len() + separator.len())).sum()
}

/// `join(", ")` of texts
pub(super) fn joined(items: &[Value], separator: &str, length: usize) -> String {
    let mut out = String::with_capacity(length);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push_str(separator);
        }
        out.push_str(item.as_str().unwrap_or_default());
    }
    out
}

/// `unique` of texts, and of null; where case does not count, in ASCII
pub(super) fn unique(items: &[Value], case_sensitive: bool) -> Option<Made> {
    let mut first: Vec<&Value> = Vec::new();
    // Many are not compared with each other.
    let mut many = (items.len() > FEW_TEXTS).then(HashSet::new);
    let mut units = 0;
    for item in items {
        let text = text(item);
        if text.map_or(!item.is_none(), |text| !case_sensitive && !text.is_ascii()) {
            return None;
        }
        units += ITEM + CALL * first.len().min(FEW_TEXTS);
        let is_new = match &mut many {
            Some(known) if case_sensitive => known.insert(text.map(Cow::Borrowed)),
            Some(known) => known.insert(text.map(|text| text.to_ascii_lowercase().into())),
            None => !first.iter().any(|known| same(known, item, case_sensitive)),
        };
        if is_new {
            first.push(item);
        }
    }
    let value = first.into_iter().cloned().collect::<Vec<_>>().into();
    Some(Made { value, units })
}

fn same(one: &Value, other: &Value, case_sensitive: bool) -> bool {
    match (text(one), text(other)) {
        (Some(one), Some(other)) if case_sensitive => one == other,
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// A list of texts, of which it can be asked quickly whether one is among them.
#[derive(Debug)]
struct Texts {
    items: Vec<Value>,
    /// Hashes of all of them, in order, once they are asked for.
    hashes: OnceLock<Vec<u64>>,
}

impl Texts {
    fn may_hold(&self, wanted: &str) -> bool {
        let hashes = self.hashes.get_or_init(|| {
            let texts = self.items.iter().filter_map(Value::as_str);
            let mut hashes: Vec<u64> = texts.map(|text| xxh3_64(text.as_bytes())).collect();
            hashes.sort_unstable();
            hashes
        });
        hashes.binary_search(&xxh3_64(wanted.as_bytes())).is_ok()
    }
}

impl Object for Texts {
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

/// A list of texts.
pub(super) fn texts<'t>(texts: impl Iterator<Item = &'t str>) -> Made {
    let mut units = 0;
    let made = texts.inspect(|text| units += STEP + text.len()).map(Value::from);
    let items: Vec<Value> = made.collect();
    Made { value: Value::from_object(Texts { items, hashes: OnceLock::new() }), units }
}

/// `consecutive("name")`: neighbours with the same attribute, as a list of
/// `{ key, items }`
pub(super) fn consecutive(items: &[Value], attribute: &str) -> Option<Made> {
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in items {
        let key = attribute_of(item, attribute)?;
        match groups.last_mut() {
            Some((last, members)) if *last == key => members.push(item.clone()),
            _ => groups.push((key, vec![item.clone()])),
        }
    }
    Some(Made { value: grouped(groups), units: ITEM * items.len() })
}

/// Groups with what their items have in common.
pub fn grouped(groups: Vec<(Value, Vec<Value>)>) -> Value {
    let group = |(key, items)| Value::from_pairs([("key", key), ("items", Value::from(items))]);
    groups.into_iter().map(group).collect::<Vec<_>>().into()
}

/// What a slice of a list is to minijinja: it can be gone through, and is no list.
#[derive(Debug)]
struct Cut(Vec<Value>);

impl Object for Cut {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let this = self.clone();
        Enumerator::Iter(Box::new((0..self.0.len()).filter_map(move |n| this.0.get(n).cloned())))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.0.len())
    }
}

/// `list[start:stop]`
pub(super) fn slice(items: &[Value], start: Option<i64>, stop: Option<i64>) -> Option<Value> {
    let length = i64::try_from(items.len()).ok()?;
    let bound = |bound: i64| {
        let at = if bound < 0 { length + bound } else { bound };
        usize::try_from(at.clamp(0, length)).ok()
    };
    let (start, stop) = (bound(start.unwrap_or(0))?, bound(stop.unwrap_or(length))?);
    let cut = items.get(start..stop).unwrap_or_default().to_vec();
    Some(Value::from_object(Cut(cut)))
}

#[cfg(test)]
mod tests {
    use minijinja::{Environment, UndefinedBehavior, context};
    use serde_json::json;

    use super::*;

    /// What minijinja makes of an expression, and what it makes with the filters here.
    fn both(expression: &str) -> [Result<String, String>; 2] {
        let list = json!([
            { "n": "a", "x": 1, "e": "" },
            { "n": "B", "x": 2, "e": null },
            { "n": "b", "x": 1.0, "e": ["x"] },
            { "n": "é", "x": "1", "e": "a" },
            { "n": null, "x": null, "e": "É" }
        ]);
        [false, true].map(|strict| {
            let mut env = Environment::new();
            env.set_undefined_behavior(UndefinedBehavior::Strict);
            env.set_fuel(Some(10_000));
            if strict {
                crate::plan::filters::register(&mut env);
            }
            let of = context! { l => native::of_json(&list), n => native::of_json(&json!(["a", "é", 1, null])) };
            let compiled = env.compile_expression(expression).unwrap();
            let shown = |value: Value| format!("{}{value}", value.kind());
            compiled.eval(of).map(shown).map_err(|error| error.kind().to_string())
        })
    }

    #[test]
    fn the_values_are_those_of_minijinja() {
        for expression in [
            "l | map(attribute='n')",
            "l | list | map(attribute='x') | list",
            "l | map(attribute='e.0', default=1)",
            "l | map('string')",
            "[] | map(attribute='n')",
            "l | selectattr('n')",
            "l | selectattr('e')",
            "l | rejectattr('e')",
            "l | selectattr('n', 'in', n)",
            "l | rejectattr('x', 'in', n)",
            "l | rejectattr('n', 'in', 'abc')",
            "l | selectattr('x', 'eq', 1)",
            "l | rejectattr('x', 'eq', '1')",
            "l | selectattr('x', 'ne', 1)",
            "l | selectattr('n', 'string')",
            "l | selectattr('n', 'in', n | reverse)",
            "['a', 'b'] | join(', ')",
            "['a', 1, none] | join(', ')",
            "[] | join('x')",
            "'a b  c' | split | join(' ')",
            "['a', 'b'] | join",
            "['a', 'b'] | join(d='-')",
            "'abc' | join('-')",
            "n | join('-' * 1000000)",
            "['a'] * 2 | join('-' * 300000)",
            "['a', 'A', 'b', none, none, 'a'] | unique",
            "['a', 'A', 'b', none, 'a'] | unique(case_sensitive=true)",
            "['a', 'A', 'É', 'é'] | unique",
            "['1', 1, 1.0] | unique(case_sensitive=true)",
            "l | unique(attribute='x')",
            "['a'] | chain(l | map(attribute='n')) | unique(case_sensitive=true)",
            "range(40) | map('string') | unique",
            "'a' is in n",
            "'b' is in n or 1.0 is in n or none is in n",
            "'b' is not in 'abc'",
            "1 is in l",
            "1 is in 5",
            "['a', 'x', 1] | select('in', n)",
            "n | reject('in', ['a', none])",
            "n | select('ne', 'a')",
            "n | reject('eq', 'a') | list",
            "n | select",
            "n | reject('string')",
            "'x' is in missing",
        ] {
            let [expected, found] = both(expression);
            assert_eq!(found, expected, "{expression}");
        }
    }
}
