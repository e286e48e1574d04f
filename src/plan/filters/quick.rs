//! Filters in the few forms in which templates call them for each record: the same
//! values as from minijinja's own, without the ways that lead to their other forms.
//! Whatever is not as expected (an attribute that is missing, an option, another type)
//! is left to those, messages included.

use minijinja::value::{Kwargs, Value, ValueKind, from_args};
use minijinja::{Error, State};

use crate::plan::native;

/// What minijinja takes for an item, and for a call, in units of which a step has 64.
const ITEM: usize = 32;
const CALL: usize = 64;

/// More are not compared with each other.
const MOST_UNIQUE: usize = 16;

/// The value of a filter; none where its own way is to be gone.
///
/// # Errors
/// Where it does too much work.
pub(super) fn call(state: &State, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let Some((list, rest)) = args.split_first() else { return Ok(None) };
    let Ok((others, options)) = from_args::<(&[Value], Kwargs)>(rest) else { return Ok(None) };
    let made = match (name, options.args().count(), others) {
        ("map", 1, []) => options
            .peek::<Option<&str>>("attribute")
            .ok()
            .flatten()
            .and_then(|attribute| attributes(list, attribute)),
        ("selectattr", 0, [attribute, test @ ..]) => selected(list, attribute, test, true),
        ("rejectattr", 0, [attribute, test @ ..]) => selected(list, attribute, test, false),
        ("join", 0, [separator]) => joined(state, list, separator),
        ("unique", 0, []) => unique(list, str::eq_ignore_ascii_case, str::is_ascii),
        ("unique", 1, []) if matches!(options.peek("case_sensitive"), Ok(Some(true))) => {
            unique(list, str::eq, |_| true)
        }
        _ => None,
    };
    let Some(Made { value, units }) = made else { return Ok(None) };
    state.consume_fuel(u64::try_from(units / 64 + 1).unwrap_or(u64::MAX))?;
    Ok(Some(value))
}

/// `value is in list`; none where minijinja's own test is to look.
pub(super) fn is_in(state: &State, value: &Value, list: &Value) -> Option<Result<bool, Error>> {
    let items = items_of(list)?;
    let place = place(value, items);
    let units = ITEM * place.map_or(items.len(), |place| place + 1);
    let fuel = state.consume_fuel(u64::try_from(units / 64).unwrap_or(u64::MAX));
    Some(fuel.map(|()| place.is_some()))
}

struct Made {
    value: Value,
    units: usize,
}

fn items_of(list: &Value) -> Option<&[Value]> {
    let made = || list.downcast_object_ref::<Vec<Value>>().map(Vec::as_slice);
    native::items(list).or_else(made)
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|_| value.kind() == ValueKind::String)
}

fn place(value: &Value, items: &[Value]) -> Option<usize> {
    match text(value) {
        Some(wanted) => items.iter().position(|item| text(item) == Some(wanted)),
        None => items.iter().position(|item| item == value),
    }
}

/// An attribute of an object that has it.
fn attribute_of(item: &Value, name: &str) -> Option<Value> {
    if item.kind() != ValueKind::Map {
        return None;
    }
    item.get_attr(name).ok().filter(|value| !value.is_undefined())
}

/// A name that is no path.
fn is_name(attribute: &str) -> bool {
    attribute.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !attribute.contains('.')
}

/// `map(attribute="name")`
fn attributes(list: &Value, attribute: &str) -> Option<Made> {
    let items = items_of(list).filter(|_| is_name(attribute))?;
    let values: Vec<Value> =
        items.iter().map(|item| attribute_of(item, attribute)).collect::<Option<_>>()?;
    Some(Made { value: values.into(), units: ITEM * items.len() })
}

/// `selectattr("name")`, `selectattr("name", "eq", value)`, `selectattr("name", "in", list)`
fn selected(list: &Value, attribute: &Value, test: &[Value], wanted: bool) -> Option<Made> {
    let items = items_of(list)?;
    let attribute = text(attribute).filter(|attribute| is_name(attribute))?;
    let mut units = (ITEM + CALL) * items.len();
    let mut passes = |value: &Value| match test {
        [] => Some(value.is_true()),
        [test, operand] => match text(test)? {
            "eq" => Some(value == operand),
            "in" => {
                let options = items_of(operand)?;
                units += ITEM * options.len();
                Some(place(value, options).is_some())
            }
            _ => None,
        },
        _ => None,
    };
    let mut left = Vec::new();
    for item in items {
        if passes(&attribute_of(item, attribute)?)? == wanted {
            left.push(item.clone());
        }
    }
    Some(Made { value: left.into(), units })
}

/// `join(", ")` of texts
fn joined(state: &State, list: &Value, separator: &Value) -> Option<Made> {
    let items = items_of(list)?;
    let separator = text(separator)?;
    let texts: Vec<&str> = items.iter().map(text).collect::<Option<_>>()?;
    let length = texts.iter().map(|text| text.len() + separator.len()).sum::<usize>();
    let (_, left) = state.fuel_levels()?;
    if u64::try_from(length / 64).unwrap_or(u64::MAX) >= left {
        return None;
    }
    Some(Made { value: texts.join(separator).into(), units: ITEM * items.len() })
}

/// `unique` of texts, and of null
fn unique(list: &Value, same: fn(&str, &str) -> bool, is_plain: fn(&str) -> bool) -> Option<Made> {
    if list.kind() != ValueKind::Seq || list.len()? > MOST_UNIQUE {
        return None;
    }
    let mut first: Vec<Value> = Vec::new();
    let mut units = 0;
    for item in list.try_iter().ok()? {
        if !item.is_none() && !text(&item).is_some_and(is_plain) {
            return None;
        }
        units += ITEM + CALL * first.len();
        let known = first.iter().any(|known| match (text(known), text(&item)) {
            (Some(one), Some(other)) => same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        });
        if !known {
            first.push(item);
        }
    }
    Some(Made { value: first.into(), units })
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
            "'x' is in missing",
        ] {
            let [expected, found] = both(expression);
            assert_eq!(found, expected, "{expression}");
        }
    }
}
