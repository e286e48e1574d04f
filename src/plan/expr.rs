//! The first expression language: JSONPath (RFC 9535) selects data.

use jsonpath_rust::parser::model::{JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

use super::slips;
use crate::spec::Span;

/// A JSONPath, parsed once. One that is only names, indices and wildcards is
/// walked directly; filters, slices and descendants go through `jsonpath-rust`,
/// which is slower.
#[derive(Debug, Clone)]
pub struct Path {
    source: String,
    span: Span,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Plain(Vec<Step>),
    Query(Box<JpQuery>),
}

/// One step of a plain path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// `.name` or `['name']`
    Name(String),
    /// `[3]`
    Index(usize),
    /// `[*]`: all items of a list, or all values of an object.
    All,
}

/// A text that is no JSONPath.
#[derive(Debug, Clone)]
pub struct PathError {
    /// What is wrong, one sentence.
    pub message: String,
    /// Where in the path.
    pub span: Span,
    /// The path that was probably meant, or what else to write.
    pub hint: Option<String>,
}

impl Path {
    /// Parses a path. `span` is the place of exactly this text.
    ///
    /// # Errors
    /// With the place inside the path.
    pub fn parse(text: &str, span: Span) -> Result<Self, PathError> {
        if let Some(slip) = slips::path::find(text) {
            let span = span.part(slip.start, slip.end);
            return Err(PathError { message: slip.message, span, hint: slip.hint });
        }
        let query = parse_json_path(text).map_err(|e| syntax_error(text, span, &e.to_string()))?;
        let form = match plain_steps(&query) {
            Some(steps) => Form::Plain(steps),
            None => Form::Query(Box::new(query)),
        };
        Ok(Self { source: text.to_owned(), span, form })
    }

    /// The path as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Its steps, where it is plain.
    pub fn steps(&self) -> Option<&[Step]> {
        match &self.form {
            Form::Plain(steps) => Some(steps),
            Form::Query(_) => None,
        }
    }

    /// Whether it can select more than one value.
    pub fn is_plural(&self) -> bool {
        match &self.form {
            Form::Plain(steps) => steps.contains(&Step::All),
            Form::Query(_) => true,
        }
    }

    /// The first value that it selects. Null counts as a value.
    pub fn first<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match &self.form {
            Form::Plain(steps) if !steps.contains(&Step::All) => {
                steps.iter().try_fold(value, |at, step| match step {
                    Step::Name(name) => at.get(name),
                    Step::Index(index) => at.get(index),
                    Step::All => None,
                })
            }
            _ => self.all(value).into_iter().next(),
        }
    }

    /// All values that it selects, in order.
    pub fn all<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match &self.form {
            Form::Plain(steps) => {
                let mut found = Vec::new();
                walk(value, steps, &mut found);
                found
            }
            // Evaluation only fails on queries that the parser refuses.
            Form::Query(query) => js_path_process(query, value)
                .map(|refs| refs.into_iter().map(|r| r.val()).collect())
                .unwrap_or_default(),
        }
    }

    /// The path without its last wildcard and what follows, which must be there
    /// for "selects nothing" to mean "there is nothing" and not "it is misspelt".
    /// `None` where that cannot be said.
    pub fn container(&self) -> Option<&[Step]> {
        let steps = self.steps()?;
        let end = steps.iter().rposition(|s| *s == Step::All).unwrap_or(steps.len());
        Some(&steps[..end])
    }
}

fn walk<'v>(value: &'v Value, steps: &[Step], found: &mut Vec<&'v Value>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(value);
        return;
    };
    match (step, value) {
        (Step::Name(name), Value::Object(map)) => {
            if let Some(next) = map.get(name) {
                walk(next, rest, found);
            }
        }
        (Step::Index(index), Value::Array(items)) => {
            if let Some(next) = items.get(*index) {
                walk(next, rest, found);
            }
        }
        (Step::All, Value::Array(items)) => items.iter().for_each(|i| walk(i, rest, found)),
        (Step::All, Value::Object(map)) => map.values().for_each(|i| walk(i, rest, found)),
        _ => {}
    }
}

fn plain_steps(query: &JpQuery) -> Option<Vec<Step>> {
    query
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Selector(Selector::Name(name)) => Some(Step::Name(unquote(name))),
            Segment::Selector(Selector::Wildcard) => Some(Step::All),
            Segment::Selector(Selector::Index(index)) => {
                usize::try_from(*index).ok().map(Step::Index)
            }
            _ => None,
        })
        .collect()
}

/// The parser keeps the quotes of `['name']`.
fn unquote(name: &str) -> String {
    for quote in ['\'', '"'] {
        if let Some(inner) = name.strip_prefix(quote).and_then(|n| n.strip_suffix(quote)) {
            return inner.replace(&format!("\\{quote}"), &quote.to_string()).replace("\\\\", "\\");
        }
    }
    name.to_owned()
}

/// The parser's message holds the column after ` --> 1:`; everything else in it
/// is a drawing that the diagnostic makes better.
fn syntax_error(text: &str, span: Span, report: &str) -> PathError {
    let column = report.split_once("--> 1:").and_then(|(_, rest)| {
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
    });
    let at =
        column.map(|c| text.char_indices().nth(c.saturating_sub(1)).map_or(text.len(), |(i, _)| i));
    let message = match at.and_then(|i| text[i..].chars().next()) {
        Some(c) => format!("not a JSONPath: `{c}` is not expected here"),
        None => String::from("not a JSONPath: it ends too early"),
    };
    let span = at.map_or(span, |i| {
        let next = text[i..].chars().next().map_or(1, char::len_utf8);
        span.part(i.min(text.len().saturating_sub(1)), i + next)
    });
    PathError { message, span, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> Result<Path, PathError> {
        let end = 100 + u32::try_from(text.len()).unwrap();
        Path::parse(text, Span { file: 0, start: 100, end })
    }

    #[test]
    fn plain_paths_and_queries_select_the_same() {
        let value = json!({ "a": { "b c": [ { "n": 1 }, { "n": null }, {} ] } });
        for (text, plain, expected) in [
            ("$.a['b c'][*].n", true, json!([1, null])),
            ("$.a[\"b c\"][0].n", true, json!([1])),
            ("$", true, json!([value])),
            ("$.a.x[*]", true, json!([])),
            ("$..n", false, json!([1, null])),
            ("$.a['b c'][?@.n == 1].n", false, json!([1])),
            ("$.a['b c'][-1]", false, json!([{}])),
        ] {
            let path = path(text).unwrap();
            assert_eq!(path.steps().is_some(), plain, "{text}");
            assert_eq!(json!(path.all(&value)), expected, "{text}");
            assert_eq!(json!(path.first(&value)), expected[0], "{text}");
        }
    }

    #[test]
    fn a_mistake_has_its_place() {
        let error = path("$.a[?]").unwrap_err();
        assert!((104..=106).contains(&error.span.start), "{error:?}");
        assert_eq!(path("fields.x").unwrap_err().hint.as_deref(), Some("$.fields.x"));
    }
}
