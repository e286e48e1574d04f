//! What templates can call beyond minijinja's own filters and tests.

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind};

use super::phrase;

/// Adds the engine's filters and tests to an environment.
pub fn register(env: &mut Environment<'static>) {
    env.add_filter("jql", jql);
    env.add_filter("consecutive", consecutive);
    env.add_filter("mentions", mentions);
    env.add_test("mentioning", mentions);
    env.add_filter("words", |text: &str| text.split_whitespace().count());
    env.add_filter("truncate_words", truncate_words);
    env.add_filter("matches", matches);
    env.add_filter("findall", findall);
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
        let key = item.get_attr(attribute)?;
        match groups.last_mut() {
            Some((last, members)) if *last == key => members.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    Ok(groups
        .into_iter()
        .map(|(key, items)| Value::from_pairs([("key", key), ("items", Value::from(items))]))
        .collect::<Vec<_>>()
        .into())
}

/// `text | mentions(phrase)`: whether the words of a phrase stand in a text, in
/// this order, whatever case and punctuation.
fn mentions(text: &str, phrase: &Value) -> bool {
    let phrase = phrase::normalise(&phrase.to_string());
    phrase.trim() != "" && phrase::normalise(text).contains(&phrase)
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
fn matches(text: &str, pattern: &str) -> Result<bool, Error> {
    Ok(regex(pattern)?.is_match(text))
}

/// `text | findall("[A-Z]\\w+Exception")`: all matches, each once, in order of
/// first appearance; the first group where there is one.
fn findall(text: &str, pattern: &str) -> Result<Vec<String>, Error> {
    let mut found: Vec<String> = Vec::new();
    for captures in regex(pattern)?.captures_iter(text) {
        let Some(hit) = captures.get(1).or_else(|| captures.get(0)) else { continue };
        if !found.iter().any(|f| f == hit.as_str()) {
            found.push(hit.as_str().to_owned());
        }
    }
    Ok(found)
}

/// Compiling costs more than matching, and templates use few patterns.
fn regex(pattern: &str) -> Result<regex_lite::Regex, Error> {
    use std::cell::RefCell;
    use std::collections::HashMap;
    thread_local! {
        static COMPILED: RefCell<HashMap<String, regex_lite::Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(regex) = compiled.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = regex_lite::Regex::new(pattern)
            .map_err(|e| Error::new(ErrorKind::InvalidOperation, format!("bad pattern: {e}")))?;
        compiled.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    })
}
