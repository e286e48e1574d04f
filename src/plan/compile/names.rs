//! Which names a template may use, and what was meant by one that it may not.

use serde_json::{Map, Value};

use super::calls::wrong_calls;
use super::code::Finding;
use super::compiler::Compiler;
use super::items::unknown_attributes;
use crate::plan::{Env, Template};
use crate::spec::decode::Text;
use crate::spec::lang::{FieldSpec, FieldType, StreamSpec};
use crate::spec::{Key, suggest_hint};

/// The names that a template sees.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    names: Vec<(String, Attrs)>,
}

/// What is known about the attributes of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attrs {
    /// Nothing.
    Any,
    /// These, and no others.
    Fields(Vec<(String, Attrs)>),
    /// It is a list, whose items have these.
    Items(Box<Attrs>),
}

/// A name that is not known.
pub(super) struct Unknown {
    pub(super) message: String,
    pub(super) hint: String,
    /// The name up to the part that is not known.
    name: String,
    /// How many bytes of it are known.
    sound: usize,
}

impl Known {
    /// What every template sees.
    pub(super) fn common(params: &Map<String, Value>) -> Self {
        Self::default()
            .with("params", Attrs::fields(params.keys()))
            .with("version", Attrs::Any)
            .with("spec", Attrs::fields(["name"]))
    }

    /// These names and one more.
    #[must_use]
    pub(super) fn with(mut self, name: &str, attrs: Attrs) -> Self {
        self.names.push((name.to_owned(), attrs));
        self
    }

    /// The same number for the same names.
    pub(super) fn identity(&self) -> usize {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.names.iter().for_each(|(name, _)| name.hash(&mut hasher));
        hasher.finish() as usize
    }

    /// What is known about a dotted name.
    pub(super) fn attrs(&self, path: &str) -> Option<&Attrs> {
        let mut parts = path.split('.');
        let root = parts.next()?;
        let mut at = &self.names.iter().rev().find(|(n, _)| n == root)?.1;
        for part in parts {
            match at {
                Attrs::Fields(fields) => at = &fields.iter().find(|(n, _)| n == part)?.1,
                _ => return None,
            }
        }
        Some(at)
    }

    /// What is wrong with a dotted name that a template uses, if anything.
    pub(super) fn unknown(&self, env: &Env, path: &str) -> Option<Unknown> {
        let mut parts = path.split('.');
        let root = parts.next()?;
        let Some((_, attrs)) = self.names.iter().rev().find(|(n, _)| n == root) else {
            if env.has_global(root) {
                return None;
            }
            let mut hint = suggest_hint(root, self.names.iter().map(|(n, _)| n.as_str()));
            let field = self.attrs("record").is_some_and(
                |attrs| matches!(attrs, Attrs::Fields(f) if f.iter().any(|(n, _)| n == root)),
            );
            match root {
                "secrets" => hint = String::from("secrets are for `http.auth` only"),
                "namespace" => {
                    hint = String::from("values do not change: use `let`, `$each`, or a filter");
                }
                "null" | "nil" | "undefined" => hint = String::from("did you mean `none`?"),
                "len" | "str" | "int" | "float" | "bool" | "sorted" | "reversed" | "sum"
                | "min" | "max" | "round" | "abs" | "upper" | "lower" | "strip" | "join"
                | "replace" => {
                    let filter = match root {
                        "len" => "length",
                        "str" => "string",
                        "sorted" => "sort",
                        "reversed" => "reverse",
                        "strip" => "trim",
                        other => other,
                    };
                    hint = format!("a filter does it: {{{{ value | {filter} }}}}");
                }
                root if field => hint = format!("did you mean `record.{root}`?"),
                _ => {}
            }
            let message = format!("nothing is named `{root}` here");
            return Some(Unknown { message, hint, name: root.to_owned(), sound: 0 });
        };
        let mut at = attrs;
        let mut walked = root.to_owned();
        for part in parts {
            let Attrs::Fields(fields) = at else { return None };
            let Some((_, next)) = fields.iter().find(|(n, _)| n == part) else {
                let mut hint = suggest_hint(part, fields.iter().map(|(n, _)| n.as_str()));
                if fields.is_empty() {
                    hint = match walked.as_str() {
                        "params" => format!("params: {{ {part}: {{ type: string }} }}"),
                        "secrets" => {
                            format!("secrets: {{ {part}: {{ env: {} }} }}", part.to_uppercase())
                        }
                        _ => hint,
                    };
                }
                let message = match walked.as_str() {
                    "record" => format!("`map` makes no field `{part}`"),
                    "params" => format!("there is no param `{part}`"),
                    "secrets" => format!("there is no secret `{part}`"),
                    "tasks" => format!("there is no task `{part}`"),
                    other => format!("`{other}` has no `{part}`"),
                };
                let sound = walked.len() + 1;
                return Some(Unknown { message, hint, name: format!("{walked}.{part}"), sound });
            };
            walked = format!("{walked}.{part}");
            at = next;
        }
        None
    }
}

impl Unknown {
    /// The bytes of the name that are not known.
    pub(super) fn part(&self) -> (usize, usize) {
        (self.sound, self.name.len())
    }

    /// Where the part that is not known stands in the text of a template.
    pub(super) fn find(&self, text: &str) -> Option<(usize, usize)> {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        text.match_indices(&self.name)
            .find(|(at, name)| {
                let before = text[..*at].chars().next_back();
                let after = text[at + name.len()..].chars().next();
                let inside = text[..*at].rfind(['{', '%']).is_some();
                inside && !before.is_some_and(|c| word(c) || c == '.') && !after.is_some_and(word)
            })
            .map(|(at, name)| (at + self.sound, at + name.len()))
    }
}

impl Attrs {
    /// Names whose own attributes are not known.
    pub(super) fn fields<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Fields(names.into_iter().map(|n| (n.as_ref().to_owned(), Self::Any)).collect())
    }

    /// The fields that the maps of all streams make.
    pub(super) fn of_streams(streams: &[(Key, StreamSpec)]) -> Self {
        let fields = streams.iter().flat_map(|(_, stream)| stream.map.0.iter()).map(Self::field);
        Self::Fields(fields.collect())
    }

    fn field((key, field): &(Key, FieldSpec)) -> (String, Self) {
        let long = &field.long;
        let attrs = if long.each.is_some() && matches!(long.ty, FieldType::Any | FieldType::List) {
            Self::Items(Box::new(Self::Fields(long.map.0.iter().map(Self::field).collect())))
        } else {
            Self::Any
        };
        (key.text.clone(), attrs)
    }

    /// What is known about its items.
    pub(super) fn items(&self) -> Self {
        match self {
            Self::Items(items) => (**items).clone(),
            _ => Self::Any,
        }
    }
}

impl Compiler<'_> {
    /// Reports names and filters that a template uses and does not have, its
    /// text templates included.
    pub(super) fn check_names(&mut self, template: &Template, text: &Text, known: &Known) {
        if template.as_constant().is_some() {
            return;
        }
        for name in self.env.undeclared(template) {
            if let Some(unknown) = known.unknown(&self.env, &name) {
                let source = &text.scalar.text;
                let (start, end) = unknown.find(source).unwrap_or((0, source.len()));
                let place = self.place(&text.scalar, text.span, start, end);
                // `render(issue.md.j2)`: a name of a file without its quotes.
                let file = source[end..].find(')').map(|length| &source[start..end + length]);
                let file = file.filter(|_| source[..start].ends_with("render("));
                let hint = file.map_or(unknown.hint, |file| format!("render(\"{file}\")"));
                self.diagnostics.error(place, unknown.message).hint(hint);
            }
        }
        let mut found = wrong_calls(&self.env, &text.scalar.text, known);
        found.extend(unknown_attributes(&self.env, &text.scalar.text, known));
        for Finding { start, end, message, hint } in found {
            let place = self.place(&text.scalar, text.span, start, end);
            self.diagnostics.error(place, message).hint(hint);
        }
        self.check_texts(text, known);
    }
}
