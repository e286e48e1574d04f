//! The effective spec as YAML: what `extends`, params and the engine's defaults
//! make of it, with the place that each value comes from.

use std::path::Path;

use serde_json::Value;

use super::{ENGINE_RULES, Env, Plan};
use crate::spec::lang::Spec;
use crate::spec::section::{Declaration, Shape};
use crate::spec::{Data, Loaded, Scalar, Sources, Span, Style, Yaml};

/// The column from which comments stand, where a line leaves room.
const COLUMN: usize = 60;

/// Where a value comes from, as a comment says it.
const DEFAULT: &str = "default";

/// Writes the effective spec. `given` are the params that were given on the
/// command line or by an earlier run.
pub fn explain(loaded: &Loaded, plan: &Plan) -> String {
    let mut writer = Writer {
        sources: &loaded.sources,
        plan,
        env: Env::new(),
        out: String::new(),
        path: Vec::new(),
    };
    writer.section(&loaded.root, Spec::DECLARATION, 0);
    writer.out
}

struct Writer<'a> {
    sources: &'a Sources,
    plan: &'a Plan,
    /// For values that need nothing but params.
    env: Env,
    out: String,
    /// The keys that led here.
    path: Vec<String>,
}

impl Writer<'_> {
    /// The keys that are there, then those that have a default.
    fn section(&mut self, node: &Yaml, declaration: &'static Declaration, indent: usize) {
        let declared = |name: &str| declaration.keys.iter().find(|key| key.name == name);
        for (key, value) in node.entries() {
            let shape = declared(&key.text).map_or(Shape::Any, |key| (key.shape)());
            self.entry(&key.text, value, shape, indent);
        }
        let kind = node.get("type").and_then(Yaml::scalar).map(|scalar| scalar.text.clone());
        for key in declaration.keys.iter().filter(|key| node.get(key.name).is_none()) {
            let applies =
                key.only.is_empty() || kind.as_deref().is_some_and(|kind| key.only.contains(&kind));
            match key.default.filter(|_| applies) {
                Some("[]") | None => {}
                Some("{}") => {
                    if let Shape::Section(inner) = (key.shape)() {
                        self.defaults(key.name, inner, indent);
                    }
                }
                Some(default) => self.line(indent, &format!("{}: {default}", key.name), DEFAULT),
            }
        }
        if self.path == ["http"] && node.get("on_response").is_none() {
            self.line(indent, "on_response:", "the engine's rules");
            self.engine_rules(indent + 2);
        }
    }

    /// A section that is not there.
    fn defaults(&mut self, name: &str, declaration: &'static Declaration, indent: usize) {
        let empty = Yaml {
            span: Span { file: 0, start: 0, end: 0 },
            name: Span { file: 0, start: 0, end: 0 },
            data: Data::Map(Vec::new()),
        };
        let begun = self.out.len();
        self.line(indent, &format!("{name}:"), "");
        let inside = self.out.len();
        self.path.push(name.to_owned());
        self.section(&empty, declaration, indent + 2);
        self.path.pop();
        if self.out.len() == inside {
            self.out.truncate(begun);
        }
    }

    fn entry(&mut self, name: &str, value: &Yaml, shape: Shape, indent: usize) {
        self.path.push(name.to_owned());
        let name = quoted(name, Style::Plain);
        if let Some(given) = self.given(value) {
            let place = self.place(value);
            self.line(indent, &format!("{name}: {given}"), &format!("{place}, given"));
            self.path.pop();
            return;
        }
        match &value.data {
            Data::Map(entries) if !entries.is_empty() => {
                self.line(indent, &format!("{name}:"), "");
                self.inside(value, shape, indent + 2);
            }
            Data::List(items) if !items.is_empty() => {
                self.line(indent, &format!("{name}:"), "");
                self.inside(value, shape, indent + 2);
            }
            _ => {
                let place = self.place(value);
                let (text, note) = self.scalar(value);
                self.line(indent, &format!("{name}: {text}"), &format!("{place}{note}"));
            }
        }
        self.path.pop();
    }

    fn inside(&mut self, value: &Yaml, shape: Shape, indent: usize) {
        match &value.data {
            Data::Map(entries) => match self.section_of(shape) {
                Some(declaration) => self.section(value, declaration, indent),
                None => {
                    let inner = match shape {
                        Shape::Named(inner) => inner(),
                        _ => Shape::Any,
                    };
                    for (key, value) in entries {
                        self.entry(&key.text, value, inner, indent);
                    }
                }
            },
            Data::List(items) => {
                let inner = match shape {
                    Shape::List(inner) | Shape::OneOrList(inner) => inner(),
                    _ => Shape::Any,
                };
                for item in items {
                    let start = self.out.len();
                    match &item.data {
                        Data::Map(entries) if !entries.is_empty() => {
                            self.inside(item, inner, indent + 2);
                            // Its first key stands beside the dash.
                            self.out.replace_range(start + indent..=start + indent, "-");
                        }
                        Data::List(_) => {
                            self.line(indent, "-", "");
                            self.inside(item, inner, indent + 2);
                        }
                        _ => {
                            let place = self.place(item);
                            let (text, note) = self.scalar(item);
                            self.line(indent, &format!("- {text}"), &format!("{place}{note}"));
                        }
                    }
                }
                if self.path == ["http", "on_response"] {
                    self.engine_rules(indent);
                }
            }
            Data::Scalar(_) | Data::Broken => {}
        }
    }

    /// The section of a map, where its shape is one or has one.
    fn section_of(&self, shape: Shape) -> Option<&'static Declaration> {
        match shape {
            Shape::Section(declaration) => Some(declaration),
            Shape::List(inner) | Shape::OneOrList(inner) => self.section_of(inner()),
            Shape::OneOf(shapes) => shapes.iter().find_map(|shape| self.section_of(shape())),
            _ => None,
        }
    }

    /// A single value as it takes effect, and a note where that is not how it was
    /// written.
    fn scalar(&mut self, node: &Yaml) -> (String, String) {
        let Some(scalar) = node.scalar() else {
            return (node.to_json().to_string(), String::new());
        };
        if scalar.is_template()
            && self.path.first().is_some_and(|key| key == "http" || key == "streams")
            && let Some(value) = self.evaluated(scalar, node.span)
        {
            return (yaml(&value), format!(": {}", scalar.text.replace('\n', " ")));
        }
        (quoted(&scalar.text, scalar.style), String::new())
    }

    /// The value of a param that was given in place of its default.
    fn given(&self, default: &Yaml) -> Option<String> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let ["params", name, "default"] = path[..] else { return None };
        let value = self.plan.params.get(name)?;
        (*value != default.to_json()).then(|| yaml(value))
    }

    /// The value of a template that needs nothing but params.
    fn evaluated(&mut self, scalar: &Scalar, span: Span) -> Option<Value> {
        let template = self.env.compile(&scalar.text, span, Path::new("")).ok()?;
        self.env.eval(&template, &self.plan.scope()).ok()
    }

    fn place(&self, node: &Yaml) -> String {
        match self.sources.locate(node.name) {
            Some((path, line, _)) => format!("{}:{line}", path.display()),
            None => String::new(),
        }
    }

    fn engine_rules(&mut self, indent: usize) {
        self.line(indent, &format!("# {}", "-".repeat(40)), "");
        for line in ENGINE_RULES.lines() {
            self.line(indent, line, "");
        }
    }

    fn line(&mut self, indent: usize, text: &str, comment: &str) {
        let start = self.out.len();
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(text);
        if !comment.is_empty() {
            let width = self.out[start..].chars().count();
            self.out.push_str(&" ".repeat(COLUMN.saturating_sub(width).max(2)));
            self.out.push_str("# ");
            self.out.push_str(comment);
        }
        self.out.push('\n');
    }
}

fn yaml(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text, Style::Other),
        other => other.to_string(),
    }
}

/// A text as YAML reads it back: plain where it was plain and still is, else in
/// quotes; the escapes of double ones are those of JSON.
fn quoted(text: &str, style: Style) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./$".contains(c);
    let number = Scalar { text: text.to_owned(), style: Style::Plain, verbatim: None };
    let word = !text.is_empty()
        && text.chars().all(plain)
        && !text.starts_with(['-', '.'])
        && (style == Style::Plain || number.to_plain().is_string());
    if word || style == Style::Plain && text.is_empty() {
        return text.to_owned();
    }
    if text.contains('"') && !text.contains(['\n', '\t', '\r']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    Value::from(text).to_string()
}
