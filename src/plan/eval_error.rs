//! Why a template failed: where, through which text templates, and over which
//! values.

use std::ops::Range;
use std::path::PathBuf;

use minijinja::value::ValueKind;

use super::template::Scope;
use crate::spec::{Sources, Span};

/// The most values that are told of.
const MAX_VALUES: usize = 3;

/// How many characters of a value are shown.
const SHOWN: usize = 60;

/// A template that could not be compiled, or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalError {
    /// What is wrong, one sentence.
    pub message: String,
    /// Where in the template; the whole of it where that is not known.
    pub span: Span,
    /// The places in text templates that `render` led through; the last is where
    /// it failed.
    pub texts: Vec<TextPlace>,
    /// The values in use there, one sentence each: `record.votes` is null.
    pub values: Vec<String>,
}

/// A place in a text template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPlace {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// Its bytes in the file.
    pub range: Range<usize>,
}

impl EvalError {
    /// An error of the template at a place itself.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, texts: Vec::new(), values: Vec::new() }
    }

    /// Where it failed, as `file:line:column`, and then what led there.
    pub fn places(&self, sources: &Sources) -> Vec<String> {
        let texts = self.texts.iter().rev();
        let texts = texts.map(|t| format!("{}:{}:{}", t.file.display(), t.line, t.column));
        texts.chain([sources.display(self.span)]).collect()
    }

    /// All of it on one line.
    pub fn told(&self, sources: &Sources) -> String {
        let places = self.places(sources);
        let (place, above) = places.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
        let mut text = format!("{place}: {}", self.message);
        if !self.values.is_empty() {
            text.push_str(&format!(" ({})", self.values.join(", ")));
        }
        for place in above {
            text.push_str(&format!(", rendered at {place}"));
        }
        text
    }
}

/// The items of the list that a key takes. A text has items too, its characters,
/// but nobody wants them.
///
/// # Errors
/// When it is no list.
pub fn items_of(
    key: &str,
    list: &minijinja::Value,
    span: Span,
) -> Result<minijinja::value::ValueIter, EvalError> {
    let wrong = || EvalError {
        values: vec![format!("it is {}", describe(list))],
        ..EvalError::new(format!("{key} needs a list"), span)
    };
    if list.kind() == ValueKind::String {
        return Err(wrong());
    }
    list.try_iter().map_err(|_| wrong())
}

/// The places in text templates among an error and its causes, outermost first.
pub(super) fn texts(error: &minijinja::Error) -> Vec<TextPlace> {
    chain(error).into_iter().filter_map(text_place).collect()
}

/// An error and its causes, as far as they are of templates.
fn chain(error: &minijinja::Error) -> Vec<&minijinja::Error> {
    let mut found = vec![error];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        found.extend(cause.downcast_ref::<minijinja::Error>());
        source = cause.source();
    }
    found
}

fn text_place(error: &minijinja::Error) -> Option<TextPlace> {
    // Templates of the spec have numbers for names.
    let file = error.name().filter(|name| !name.contains('\u{1}'))?;
    let source = error.template_source().unwrap_or_default();
    let range = error.range().unwrap_or_default();
    let before = source.get(..range.start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    Some(TextPlace {
        file: crate::spec::simplify(file.as_ref()),
        line: error.line().unwrap_or(1),
        column: before[line_start..].chars().count() + 1,
        range,
    })
}

/// The values that stand where a template failed.
pub(super) fn values(error: &minijinja::Error, scope: &Scope) -> Vec<String> {
    let chain = chain(error);
    let Some(innermost) = chain.iter().rev().find(|e| e.template_source().is_some()) else {
        return Vec::new();
    };
    let source = innermost.template_source().unwrap_or_default();
    let range = innermost.range().unwrap_or_default();
    let Some(part) = source.get(range.clone()) else { return Vec::new() };
    let mut found = told(part, innermost, scope);
    if found.is_empty() {
        // What is at fault may be no more than the name of a filter.
        let start = source[..range.start].rfind(['{', '%']).map_or(range.start, |i| i + 1);
        let end = source[range.end..].find(['}', '%']).map_or(range.end, |i| range.end + i);
        found = told(&source[start..end], innermost, scope);
    }
    found
}

fn told(part: &str, error: &minijinja::Error, scope: &Scope) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in paths(part) {
        let steps: Vec<&str> = path.split('.').collect();
        let Some((depth, what)) = global(&steps, scope).or_else(|| local(&steps, error)) else {
            continue;
        };
        let sentence = format!("`{}` is {what}", steps[..depth].join("."));
        if !found.contains(&sentence) && found.len() < MAX_VALUES {
            found.push(sentence);
        }
    }
    found
}

/// The dotted names in an expression, outside of strings; filters and functions
/// are left out.
fn paths(expression: &str) -> Vec<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut quote = None;
    let mut before = ' ';
    let mut chars = expression.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_alphabetic() || c == '_' => {
                let rest = &expression[start..];
                let length = rest.find(|c| !word(c) && c != '.').unwrap_or(rest.len());
                while chars.next_if(|(at, _)| *at < start + length).is_some() {}
                let call = rest[length..].starts_with('(');
                if before != '|' && before != '.' && !call {
                    found.push(rest[..length].trim_end_matches('.'));
                }
                before = ' ';
                continue;
            }
            None => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    found
}

/// How far a dotted name leads from the names of a scope, and to what. The whole
/// of a record tells nobody anything.
fn global(steps: &[&str], scope: &Scope) -> Option<(usize, String)> {
    let mut at = scope.get(steps.first()?)?;
    let mut depth = 1;
    for step in &steps[1..] {
        match at.get_attr(step) {
            Ok(next) if !next.is_undefined() => at = next,
            _ => break,
        }
        depth += 1;
    }
    if depth < steps.len() && at.kind() == ValueKind::Map {
        return None;
    }
    Some((depth, describe(&at)))
}

/// As [`global`] for a name that the template made itself: an item of a loop, a
/// `set`. minijinja tells of those in text alone, one a line, indented by depth.
fn local(steps: &[&str], error: &minijinja::Error) -> Option<(usize, String)> {
    let text = error.display_debug_info().to_string();
    let mut lines = text.lines().skip_while(|line| !line.starts_with("Referenced variables:"));
    let mut found = None;
    for (depth, step) in steps.iter().enumerate() {
        let indent = " ".repeat(4 * (depth + 1));
        let keys = [format!("{indent}{step}: "), format!("{indent}'{step}': ")];
        let value = lines
            .by_ref()
            // What is less indented belongs to something else.
            .take_while(|line| depth == 0 || line.starts_with(&indent))
            .find_map(|line| keys.iter().find_map(|key| line.strip_prefix(key.as_str())));
        let Some(value) = value else { break };
        found = Some((depth + 1, described(value.trim_end_matches(','))));
    }
    found.filter(|(depth, what)| *depth == steps.len() || what != "an object")
}

/// What minijinja's text for a value says; it writes values as Python does.
fn described(text: &str) -> String {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    match text {
        "None" => "null".to_owned(),
        "True" => "true".to_owned(),
        "False" => "false".to_owned(),
        _ if text.starts_with('{') => "an object".to_owned(),
        _ if text.starts_with('[') => "a list".to_owned(),
        _ => match inside('\'').or_else(|| inside('"')) {
            Some(text) => format!("a string: {}", shortened(&format!("\"{text}\""))),
            None => text.to_owned(),
        },
    }
}

/// A value with its type and its beginning.
fn describe(value: &minijinja::Value) -> String {
    let json = || shortened(&serde_json::to_value(value).unwrap_or_default().to_string());
    match value.kind() {
        ValueKind::None => "null".to_owned(),
        ValueKind::Bool | ValueKind::Number => value.to_string(),
        ValueKind::String => format!("a string: {}", json()),
        ValueKind::Map => format!("an object: {}", json()),
        ValueKind::Seq => format!("a list of {}: {}", value.len().unwrap_or(0), json()),
        // It may be there to be gone through only once.
        ValueKind::Iterable => "a list".to_owned(),
        kind => kind.to_string(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_outside_strings_filters_and_calls() {
        for (expression, expected) in [
            ("record.a.b | words >= 3", vec!["record.a.b"]),
            ("'x.y' ~ item | join(sep, 'z') ~ f(a.b)", vec!["item", "sep", "a.b"]),
            // Words of the language are names of nothing.
            ("a[0].b and not c", vec!["a", "and", "not", "c"]),
        ] {
            assert_eq!(paths(expression), expected, "{expression}");
        }
    }
}
