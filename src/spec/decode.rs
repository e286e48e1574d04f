//! From the tree to typed sections.
//!
//! Decoding never stops: a wrong value is reported and a harmless one takes its
//! place, so that everything else is still checked. A spec with errors never
//! becomes a plan, so no such value is ever used.

use serde_json::Value;
use std::borrow::Cow;

use super::lang::Spec;
pub use super::leaf::{Address, PathText, Period, Positive, Size, TemplateText, Text, url};
use super::section::{Declaration, KeyDeclaration, Shape};
use super::suggest;
use super::yaml::{Data, Key, Scalar, Style, Yaml};
use super::{Diagnostics, Span};

/// What decoding needs besides the tree.
pub struct Cx<'a> {
    /// Where findings go.
    pub diagnostics: &'a mut Diagnostics,
    /// Evaluates templates in values that have to be known when the plan is
    /// made.
    pub evaluate: &'a mut dyn Evaluate,
    /// Whether a part of the spec could not be read, so that nothing can be said
    /// about what is missing.
    pub partial: bool,
}

/// Evaluates templates over `params`, `version` and `spec`.
pub trait Evaluate {
    /// The value of a template.
    ///
    /// # Errors
    /// One sentence, and the bytes of the text that it is about, where known.
    fn evaluate(
        &mut self,
        text: &Scalar,
        span: Span,
    ) -> Result<Value, (Span, String, Option<String>)>;
}

/// A type of the language.
pub trait Decode: Sized {
    /// What it may look like, for `scrape schema` and `scrape explain`.
    fn shape() -> Shape;

    /// Reads a node; reports what is wrong with it.
    fn decode(node: &Yaml, cx: &mut Cx) -> Self;

    /// What takes the place of a wrong value.
    fn fallback(span: Span) -> Self;

    /// The value of a key that is left out; `None` when it must not be.
    fn absent() -> Option<Self> {
        None
    }
}

impl Cx<'_> {
    /// A value with its template evaluated, where it is one. `None` when that
    /// failed, or the value is broken already.
    pub fn resolve<'n>(&mut self, node: &'n Yaml) -> Option<Cow<'n, Yaml>> {
        match &node.data {
            Data::Broken => None,
            Data::Scalar(scalar) if scalar.is_template() => {
                match self.evaluate.evaluate(scalar, node.span) {
                    Ok(value) => Some(Cow::Owned(node.with_value(&value))),
                    Err((span, message, hint)) => {
                        let diagnostic = self.diagnostics.error(span, message);
                        if let Some(hint) = hint {
                            diagnostic.hint(hint);
                        }
                        None
                    }
                }
            }
            _ => Some(Cow::Borrowed(node)),
        }
    }

    /// Reports a value of a wrong type.
    pub fn mismatch(&mut self, node: &Yaml, expected: &str) {
        // A block is best pointed at by its key.
        let place = match node.data {
            Data::List(_) | Data::Map(_) => node.name,
            _ if node.span.start == node.span.end => node.name,
            _ => node.span,
        };
        self.diagnostics.error(place, format!("expected {expected}, found {}", node.describe()));
    }

    /// A scalar of any style, evaluated: its text. Reports anything else.
    pub fn text(&mut self, node: &Yaml, expected: &str) -> Option<String> {
        let resolved = self.resolve(node)?;
        match resolved.scalar() {
            Some(scalar) if !scalar.is_null() => Some(scalar.text.clone()),
            _ => {
                self.mismatch(&resolved, expected);
                None
            }
        }
    }

    /// A scalar that `parse` understands. Quoted ones are text, and refused when
    /// `plain` is asked for.
    pub fn parsed<T>(
        &mut self,
        node: &Yaml,
        expected: &str,
        parse: impl FnOnce(&Scalar) -> Option<T>,
    ) -> Option<T> {
        let resolved = self.resolve(node)?;
        let value = resolved.scalar().filter(|s| !s.is_null()).and_then(parse);
        if value.is_none() {
            self.mismatch(&resolved, expected);
            let quoted = resolved.scalar().is_some_and(|s| {
                s.style != Style::Plain
                    && !s.text.is_empty()
                    && !matches!(s.to_plain(), Value::String(_))
            });
            if quoted && !node.scalar().is_some_and(Scalar::is_template) {
                self.diagnostics.hint("remove the quotes");
            }
        }
        value
    }

    /// A scalar for which `parse` finds a value or the words of what is wrong.
    pub fn checked<T>(
        &mut self,
        node: &Yaml,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(node, expected)?;
        parse(&text).map_err(|message| self.diagnostics.error(node.span, message)).ok()
    }

    /// The index of one of `words`. Reports anything else.
    pub fn word(&mut self, node: &Yaml, words: &[&str]) -> Option<usize> {
        let expected = alternatives(words);
        let text = self.text(node, &expected)?;
        let at = words.iter().position(|w| *w == text);
        if at.is_none() {
            let diagnostic =
                self.diagnostics.error(node.span, format!("expected {expected}, found `{text}`"));
            if let Some(meant) = suggest::closest(&text, words.iter().copied()) {
                diagnostic.hint(format!("did you mean `{meant}`?"));
            }
        }
        at
    }

    /// The entries of a section, its unknown keys reported.
    pub fn section<'n>(&mut self, node: &'n Yaml, declaration: &'static Declaration) -> Fields<'n> {
        let Data::Map(entries) = &node.data else {
            if !matches!(node.data, Data::Broken) {
                let keys: Vec<_> =
                    declaration.keys.iter().take(3).map(|k| format!("`{}`", k.name)).collect();
                self.mismatch(
                    node,
                    &format!("{} with keys such as {}", declaration.what, keys.join(", ")),
                );
            }
            return Fields { node, kind: None, broken: true, declaration };
        };
        let kind = declaration.keys.iter().find(|k| k.name == "type").and_then(|key| {
            let given = node.get("type").and_then(Yaml::scalar).map(|s| s.text.as_str());
            given.or(key.default)
        });
        for (key, _) in entries {
            match declaration.keys.iter().find(|k| k.name == key.text) {
                Some(declared) => self.check_kind(declared.name, declared.only, kind, key),
                None if declaration.open => {}
                None => self.unknown_key(key, declaration),
            }
        }
        Fields { node, kind, broken: false, declaration }
    }

    fn check_kind(&mut self, name: &str, only: &[&str], kind: Option<&str>, key: &Key) {
        let Some(kind) = kind else { return };
        if only.is_empty() || only.contains(&kind) {
            return;
        }
        let kinds: Vec<_> = only.iter().map(|k| format!("`type: {k}`")).collect();
        self.diagnostics
            .error(key.span, format!("`{name}` has no meaning with `type: {kind}`"))
            .hint(format!("it belongs to {}", kinds.join(" and ")));
    }

    /// A section that has a key of this name.
    fn owner(&self, key: &str) -> Option<&'static str> {
        let mut owners = Spec::DECLARATION.all();
        owners.find(|d| d.keys.iter().any(|k| k.name == key)).map(|d| d.what)
    }

    /// Reports a key that a section does not have.
    pub fn unknown_key(&mut self, key: &Key, declaration: &Declaration) {
        let hint = match key.text.as_str() {
            "<<" => String::from("merge keys are not part of the language; use `extends`"),
            text if text.starts_with('+') || text.ends_with('+') => {
                format!("`{text}` adds to a list of the file that is extended")
            }
            text if text.contains(' ') => {
                String::from("inside `{ … }` a comma begins a new key: quote the value before it")
            }
            text => {
                let own = || declaration.keys.iter().map(|k| k.name);
                match self.owner(text).filter(|_| suggest::closest(text, own()).is_none()) {
                    Some(owner) => format!("`{text}` is a key of {owner}"),
                    None => suggest::hint(text, own()),
                }
            }
        };
        self.diagnostics
            .error(key.span, format!("unknown key `{}` in {}", key.text, declaration.what))
            .hint(hint);
    }
}

/// The entries of one section.
pub struct Fields<'n> {
    node: &'n Yaml,
    kind: Option<&'n str>,
    broken: bool,
    declaration: &'static Declaration,
}

impl Fields<'_> {
    /// The value of the key at this place of the declaration.
    pub fn take<T: Decode>(&self, index: usize, cx: &mut Cx) -> T {
        let key = &self.declaration.keys[index];
        if let Some(node) = self.node.get(key.name) {
            // `key: null` and `key:` are as if it were not there.
            let left_out = node.is_null() && (key.default.is_some() || T::absent().is_some());
            if !left_out {
                return T::decode(node, cx);
            }
        }
        let place = self.place();
        if let Some(default) = key.default {
            return T::decode(&default_node(default, place), cx);
        }
        if let Some(absent) = T::absent() {
            return absent;
        }
        let applies = key.only.is_empty() || self.kind.is_some_and(|kind| key.only.contains(&kind));
        if applies && !self.broken && !cx.partial {
            cx.diagnostics
                .error(place, format!("{} needs `{}`", self.declaration.what, key.name))
                .hint(key.hint());
        }
        T::fallback(place)
    }

    /// Where something is missing: by the section's name, or at the start of the
    /// file that it came from.
    fn place(&self) -> Span {
        let Yaml { span, name, .. } = *self.node;
        if name.file == span.file { name } else { span.part(0, 1) }
    }

    /// The entries whose keys the section does not declare.
    pub fn rest(&self) -> Vec<(Key, Yaml)> {
        let declared = |key: &Key| self.declaration.keys.iter().any(|k| k.name == key.text);
        self.node.entries().iter().filter(|(k, _)| !declared(k)).cloned().collect()
    }
}

/// `a`, `b` or `c`, for messages.
fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|w| format!("`{w}`")).collect();
    match quoted.as_slice() {
        [head @ .., last] if !head.is_empty() => format!("{} or {last}", head.join(", ")),
        few => few.concat(),
    }
}

impl KeyDeclaration {
    /// What to write for it.
    fn hint(&self) -> String {
        let doc = self.doc.concat().trim().to_owned();
        match (self.shape)() {
            Shape::Choice(words) => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("{}: {}", doc.trim_end_matches('.'), alternatives(&words))
            }
            _ => doc,
        }
    }
}

fn default_node(text: &str, place: Span) -> Yaml {
    let data = match text {
        "{}" => Data::Map(Vec::new()),
        "[]" => Data::List(Vec::new()),
        text => Data::Scalar(Scalar { text: text.to_owned(), style: Style::Plain, verbatim: None }),
    };
    Yaml { span: place, name: place, data }
}

impl<T: Decode> Decode for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Some(T::decode(node, cx))
    }
    fn fallback(_: Span) -> Self {
        None
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Box<T> {
    fn shape() -> Shape {
        T::shape()
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Self::new(T::decode(node, cx))
    }
    fn fallback(span: Span) -> Self {
        Self::new(T::fallback(span))
    }
}

/// A list. It may be left out, and come from a template as a whole.
impl<T: Decode> Decode for Vec<T> {
    fn shape() -> Shape {
        Shape::List(T::shape)
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        let Some(resolved) = cx.resolve(node) else { return Self::new() };
        match &resolved.data {
            Data::List(items) => items.iter().map(|item| T::decode(item, cx)).collect(),
            _ => {
                cx.mismatch(&resolved, "a list");
                cx.diagnostics.hint("write it as `[a, b]`, or as lines that begin with `- `");
                Self::new()
            }
        }
    }
    fn fallback(_: Span) -> Self {
        Self::new()
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone)]
pub struct Many<T>(pub Vec<T>);

impl<T: Decode> Decode for Many<T> {
    fn shape() -> Shape {
        Shape::OneOrList(T::shape)
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        match &node.data {
            Data::List(items) => Self(items.iter().map(|item| T::decode(item, cx)).collect()),
            _ => Self(vec![T::decode(node, cx)]),
        }
    }
    fn fallback(_: Span) -> Self {
        Self(Vec::new())
    }
    fn absent() -> Option<Self> {
        Some(Self(Vec::new()))
    }
}

/// A map whose keys are the spec's own names, in order. It may be left out.
#[derive(Debug, Clone)]
pub struct Named<T>(pub Vec<(Key, T)>);

impl<T: Decode> Decode for Named<T> {
    fn shape() -> Shape {
        Shape::Named(T::shape)
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        match &node.data {
            Data::Map(entries) => {
                Self(entries.iter().map(|(k, v)| (k.clone(), T::decode(v, cx))).collect())
            }
            Data::Broken => Self(Vec::new()),
            _ => {
                cx.mismatch(node, "a map of names to values");
                Self(Vec::new())
            }
        }
    }
    fn fallback(_: Span) -> Self {
        Self(Vec::new())
    }
    fn absent() -> Option<Self> {
        Some(Self(Vec::new()))
    }
}
