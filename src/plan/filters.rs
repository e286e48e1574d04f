//! What templates can call beyond minijinja's own filters and tests.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use indexmap::IndexSet;
use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, ErrorKind, State, filters, tests as minijinja_tests};

use regex::Regex;
use wide::u8x32;

use super::phrase::Phrase;
use super::quick;
use crate::spec::{closest, compile_pattern};

/// Adds the engine's filters and tests to an environment.
pub fn register(env: &mut Environment<'static>) {
    env.add_filter("jql", jql);
    env.add_filter("consecutive", consecutive);
    env.add_filter("mentions", mentions);
    env.add_test("mentioning", mentions);
    env.add_filter("words", words);
    env.add_test("in", |state: &State, value: &Value, list: &Value| {
        quick::is_in(state, value, list)
            .unwrap_or_else(|| minijinja_tests::is_in(state, value, list))
    });
    env.add_filter("truncate_words", truncate_words);
    env.add_filter("matches", matches);
    env.add_filter("findall", findall);
    strict(env, "map", None, filters::map);
    strict(env, "select", None, filters::select);
    strict(env, "reject", None, filters::reject);
    strict(env, "selectattr", Some(0), filters::selectattr);
    strict(env, "rejectattr", Some(0), filters::rejectattr);
    strict(env, "sum", Some(0), filters::sum);
    strict(env, "groupby", Some(0), filters::groupby);
    strict(env, "join", Some(1), filters::join);
    strict(env, "sort", None, filters::sort);
    strict(env, "unique", None, filters::unique);
    strict(env, "min", None, filters::min);
    strict(env, "max", None, filters::max);
}

/// Puts a check before a filter of minijinja that takes an attribute's name,
/// after the value at `position` or as `attribute=`: minijinja passes over an
/// attribute that is not there, so a slip would lose values unseen.
fn strict<F, Rv, Args>(
    env: &mut Environment<'static>,
    name: &'static str,
    position: Option<usize>,
    filter: F,
) where
    F: minijinja::functions::Function<Rv, Args>,
    Rv: minijinja::value::FunctionResult,
    Args: for<'a> minijinja::value::FunctionArgs<'a>,
{
    // No template can write this name.
    let own = format!("{name}!");
    env.add_filter(own.clone(), filter);
    env.add_filter(name, move |state: &mut State, args: Rest<ValueOrKwargs>| {
        let mut args = args.into_values();
        if let Some(value) = quick::call(state, name, &args)? {
            return Ok(value);
        }
        check_attribute(name, position, &mut args)?;
        state.apply_filter(&own, &args)
    });
}

fn check_attribute(name: &str, position: Option<usize>, args: &mut [Value]) -> Result<(), Error> {
    let Some((items, rest)) = args.split_first_mut() else { return Ok(()) };
    let (others, options): (&[Value], Kwargs) = from_args(rest)?;
    let attribute = match position.and_then(|at| others.get(at)) {
        Some(attribute) => Some(attribute.clone()),
        None => options.get("attribute")?,
    };
    // `selectattr("body", "defined")` asks just that.
    let asks = name.ends_with("attr")
        && others.get(1).and_then(Value::as_str).is_some_and(|t| t.ends_with("defined"));
    let Some(attribute) = attribute.as_ref().and_then(Value::as_str) else { return Ok(()) };
    if asks
        || options.has("default")
        || !matches!(items.kind(), ValueKind::Seq | ValueKind::Iterable)
    {
        return Ok(());
    }
    // What can be gone through only once must be there for the filter as well.
    let list: Vec<Value> = items.try_iter()?.collect();
    for item in &list {
        has_attribute(name, item, attribute)?;
    }
    *items = Value::from(list);
    Ok(())
}

/// Whether a dotted name leads somewhere, as far as it goes through mappings.
fn has_attribute(filter: &str, item: &Value, attribute: &str) -> Result<(), Error> {
    let mut at = item.clone();
    for part in attribute.split('.') {
        if at.kind() != ValueKind::Map {
            return Ok(());
        }
        let next = match part.parse::<usize>() {
            Ok(index) => at.get_item_by_index(index)?,
            Err(_) => at.get_attr(part)?,
        };
        if next.is_undefined() {
            let keys: Vec<String> = at.try_iter()?.map(|key| key.to_string()).collect();
            let mut message = format!("{filter}: an item has no `{part}`");
            if let Some(meant) = closest(part, keys.iter().map(String::as_str)) {
                message.push_str(&format!("; did you mean `{meant}`?"));
            }
            return Err(Error::new(ErrorKind::UndefinedError, message));
        }
        at = next;
    }
    Ok(())
}

/// `value | jql`: a string of Jira's query language. Reserved words and special
/// characters are harmless inside quotes.
fn jql(value: &Value) -> Result<String, Error> {
    if value.is_none() || value.is_undefined() {
        return Err(Error::new(ErrorKind::InvalidOperation, "jql: there is no value to quote"));
    }
    let text = value.to_string();
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    Ok(out)
}

/// `items | consecutive("role")`: neighbours with the same attribute, as a list
/// of `{ key, items }`; the order stays.
fn consecutive(items: &Value, attribute: &str) -> Result<Value, Error> {
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in items.try_iter()? {
        has_attribute("consecutive", &item, attribute)?;
        let key = item.get_attr(attribute)?;
        match groups.last_mut() {
            Some((last, members)) if *last == key => members.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    Ok(quick::grouped(groups))
}

/// `text | mentions(phrase)`: whether the words of a phrase stand in a text, in
/// this order, whatever case and punctuation.
fn mentions(text: &str, phrase: &Value) -> bool {
    Phrase::of_words(&phrase.to_string(), 1).is_some_and(|phrase| phrase.is_in(text))
}

/// `text | words`: how many there are.
pub(super) fn words(text: &str) -> usize {
    if !text.is_ascii() {
        return text.split_whitespace().count();
    }
    const BLOCK: usize = 32;
    let (blocks, rest) = text.as_bytes().as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let (mut count, mut within) = (0, false);
    for block in blocks.iter().chain([&last]) {
        let bytes = u8x32::new(*block);
        // The others that are space lie side by side.
        let others = bytes - u8x32::splat(b'\t');
        let most = u8x32::splat(b'\r' - b'\t');
        let space = bytes.simd_eq(u8x32::splat(b' ')) | others.max(most).simd_eq(most);
        let word = !space.to_bitmask();
        count += (word & !(word << 1 | u32::from(within))).count_ones() as usize;
        within = word >> (BLOCK - 1) == 1;
    }
    count
}

/// `text | truncate_words(100, end=" …")`: the first words, with what stands
/// between them.
fn truncate_words(text: &str, count: usize, options: Kwargs) -> Result<String, Error> {
    let end = options.get::<Option<&str>>("end")?.unwrap_or("").to_owned();
    options.assert_all_used()?;
    let mut seen = 0;
    let mut inside = false;
    for (i, c) in text.char_indices() {
        if !c.is_whitespace() && !inside {
            if seen == count {
                return Ok(format!("{}{end}", text[..i].trim_end()));
            }
            seen += 1;
        }
        inside = !c.is_whitespace();
    }
    Ok(text.to_owned())
}

/// `text | matches("^\\[.*\\]")`: whether a regular expression matches anywhere.
fn matches(state: &State, text: &str, pattern: &str) -> Result<bool, Error> {
    state.consume_fuel(search_cost(text, pattern))?;
    Ok(regex(pattern)?.is_match(text))
}

/// What a search costs at worst, in fuel: the length of the text times that of the
/// pattern.
pub(super) fn search_cost(text: &str, pattern: &str) -> u64 {
    let cost = (text.len() / 64).saturating_mul(1 + pattern.len() / 64);
    u64::try_from(cost).unwrap_or(u64::MAX)
}

/// `text | findall("[A-Z]\\w+Exception")`: all matches, each once, in order of
/// first appearance; the first group where there is one.
fn findall(state: &State, text: &str, pattern: &str) -> Result<Vec<String>, Error> {
    state.consume_fuel(search_cost(text, pattern))?;
    let found = all_matches(text, pattern, || state.consume_fuel(1))?;
    Ok(found.into_iter().map(str::to_owned).collect())
}

/// As `findall`; `each` is called for each match.
pub(super) fn all_matches<'t>(
    text: &'t str,
    pattern: &str,
    mut each: impl FnMut() -> Result<(), Error>,
) -> Result<IndexSet<&'t str>, Error> {
    let mut found: IndexSet<&str> = IndexSet::new();
    let mut take = |hit: &'t str| if found.insert(hit) { each() } else { Ok(()) };
    let regex = regex(pattern)?;
    if regex.captures_len() == 1 {
        // Where a match ends costs far less than where its groups do.
        regex.find_iter(text).try_for_each(|hit| take(hit.as_str()))?;
    } else {
        for captures in regex.captures_iter(text) {
            let hit = captures.get(1).or_else(|| captures.get(0));
            hit.map_or(Ok(()), |hit| take(hit.as_str()))?;
        }
    }
    Ok(found)
}

/// Patterns that are kept compiled. Templates have few of their own; those that are
/// made of a record's values must not fill the memory.
const MOST_PATTERNS: usize = 64;

/// A pattern with what it was compiled to. A list of them is searched from its front:
/// lengths differ, so that is quicker than a hash of a long pattern.
type Compiled<R> = Vec<(String, R)>;

/// Compiling costs more than matching, and is done once for all threads. A thread has
/// a clone: what a pattern learns while it matches is shared by nobody else then, and
/// a clone of a clone would begin without.
pub(super) fn regex(pattern: &str) -> Result<Rc<Regex>, Error> {
    static ALL: Mutex<Compiled<Regex>> = Mutex::new(Vec::new());
    thread_local! {
        static OWN: RefCell<Compiled<Rc<Regex>>> = RefCell::default();
    }
    OWN.with_borrow_mut(|own| {
        kept(own, pattern, || {
            let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
            kept(&mut all, pattern, || compile_pattern(pattern)).map(Rc::new)
        })
    })
    .map_err(|e| Error::new(ErrorKind::InvalidOperation, format!("bad pattern: {e}")))
}

fn kept<R: Clone, E>(
    compiled: &mut Compiled<R>,
    pattern: &str,
    compile: impl FnOnce() -> Result<R, E>,
) -> Result<R, E> {
    if let Some((_, regex)) = compiled.iter().find(|(known, _)| known == pattern) {
        return Ok(regex.clone());
    }
    let regex = compile()?;
    if compiled.len() >= MOST_PATTERNS {
        compiled.clear();
    }
    compiled.push((pattern.to_owned(), regex.clone()));
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_what_stands_between_space() {
        let long = "a bc\td  e\n".repeat(20);
        let edge = format!("{}x y", "z".repeat(31));
        let texts = [
            "",
            " ",
            "a",
            " a ",
            &long,
            &edge,
            &edge[1..],
            "é a\u{a0}b\u{2003}c",
            "a\x0b\x0cb\x08c",
        ];
        for text in texts {
            for from in 0..text.len().min(40) {
                let text = text.get(from..).unwrap_or_default();
                assert_eq!(words(text), text.split_whitespace().count(), "{text:?}");
            }
        }
    }
}
