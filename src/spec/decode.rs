//! From the tree to typed sections.
//!
//! Decoding never stops: a wrong value is reported and a harmless one takes its
//! place, so that everything else is still checked. A spec with errors never
//! becomes a plan, so no such value is ever used.

use serde_json::Value;
use std::borrow::Cow;

use super::forms;
use super::lang::Spec;
pub use super::leaf::{Address, PathText, Period, Positive, Size, TemplateText, Text, url};
use super::section::{Declaration, KeyDeclaration, Shape};
use super::suggest;
use super::units::Fault;
use super::yaml::{Data, Key, Scalar, Style, Yaml};
use super::{Diagnostics, Sources, Span};

/// What decoding needs besides the tree.
pub struct Cx<'a> {
    /// Where findings go.
    pub diagnostics: &'a mut Diagnostics,
    /// Evaluates templates in values that have to be known when the plan is
    /// made.
    pub evaluate: &'a mut dyn Evaluate,
    /// The texts of the files, for what YAML does not hand on.
    pub sources: &'a Sources,
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
        if let Some(hint) = forms::why_nothing(node, self.sources) {
            self.diagnostics.hint(hint);
        }
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

    /// A scalar that `parse` understands. Quoted ones are text, and refused where
    /// the plain one would be taken. `fix` says how else the same would be
    /// written.
    pub fn parsed<T>(
        &mut self,
        node: &Yaml,
        expected: &str,
        parse: impl Fn(&Scalar) -> Option<T>,
        fix: impl Fn(&str) -> Option<String>,
    ) -> Option<T> {
        let resolved = self.resolve(node)?;
        let scalar = resolved.scalar().filter(|s| !s.is_null());
        let value = scalar.and_then(&parse);
        if value.is_none() {
            self.mismatch(&resolved, expected);
            let scalar = scalar?;
            let plain = Scalar { style: Style::Plain, ..scalar.clone() };
            let templated = node.scalar().is_some_and(Scalar::is_template);
            if !templated && scalar.style != Style::Plain && parse(&plain).is_some() {
                self.diagnostics.hint("remove the quotes");
            } else if let Some(better) = fix(&scalar.text) {
                self.diagnostics.hint(better);
            }
        }
        value
    }

    /// A scalar for which `parse` finds a value, or what is wrong.
    pub fn checked<T, F: Into<Fault>>(
        &mut self,
        node: &Yaml,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, F>,
    ) -> Option<T> {
        let text = self.text(node, expected)?;
        parse(&text)
            .map_err(|fault| {
                let Fault { message, hint } = fault.into();
                let diagnostic = self.diagnostics.error(node.span, message);
                if let Some(hint) = hint {
                    diagnostic.hint(hint);
                }
            })
            .ok()
    }

    /// The index of one of `words`. Reports anything else, and goes on with the
    /// word that was probably meant.
    pub fn word(&mut self, node: &Yaml, words: &[&str]) -> Option<usize> {
        let expected = alternatives(words);
        let text = self.text(node, &expected)?;
        let index = |word: &str| words.iter().position(|w| *w == word);
        let at = index(&text);
        if at.is_none() {
            let meant = forms::word(&text, words);
            let diagnostic =
                self.diagnostics.error(node.span, format!("expected {expected}, found `{text}`"));
            if let Some(meant) = meant {
                diagnostic.hint(format!("did you mean `{meant}`?"));
            }
            return meant.and_then(index);
        }
        at
    }

    /// The entries of a section, its unknown keys reported.
    pub fn section<'n>(&mut self, node: &'n Yaml, declaration: &'static Declaration) -> Fields<'n> {
        let mut fields = Fields {
            node,
            kind: None,
            broken: true,
            declaration,
            meant: Vec::new(),
            told: Vec::new(),
        };
        let Data::Map(entries) = &node.data else {
            if !matches!(node.data, Data::Broken) {
                self.no_section(node, declaration);
            }
            return fields;
        };
        fields.broken = false;
        for (key, value) in entries {
            if declaration.key(&key.text).is_none() {
                self.unknown_key(key, value, &mut fields);
            }
        }
        fields.kind = self.kind_of(&fields);
        for (key, _) in entries {
            if let Some(declared) = declaration.key(&key.text) {
                self.check_kind(declared.name, declared.only, fields.kind, key);
            }
        }
        fields
    }

    /// The value of `type`, or the one that was probably meant.
    fn kind_of(&self, fields: &Fields) -> Option<&'static str> {
        let key = fields.declaration.key("type")?;
        let given = fields.value("type").and_then(Yaml::scalar).map(|s| s.text.as_str());
        let Shape::Choice(words) = (key.shape)() else { return None };
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let Some(given) = given else { return key.default };
        let exact = words.iter().copied().find(|w| *w == given);
        exact.or_else(|| forms::word(given, &words))
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

    /// Reports what stands where a section should.
    fn no_section(&mut self, node: &Yaml, declaration: &'static Declaration) {
        if let Some((key, rest)) = node.scalar().and_then(forms::glued)
            && declaration.key(key).is_some()
        {
            self.diagnostics
                .error(
                    node.span.part(0, key.len() + 1),
                    format!("a blank is missing after `{key}:`"),
                )
                .hint(format!("{key}: {rest}"));
            return;
        }
        let keys: Vec<_> =
            declaration.keys.iter().take(3).map(|k| format!("`{}`", k.name)).collect();
        self.mismatch(node, &format!("{} with keys such as {}", declaration.what, keys.join(", ")));
        if let Some(hint) = forms::of_section(node, declaration) {
            self.diagnostics.hint(hint);
        }
    }

    /// A section that has a key of this name.
    fn owner(&self, key: &str) -> Option<&'static str> {
        let mut owners = Spec::DECLARATION.all();
        owners.find(|d| d.keys.iter().any(|k| k.name == key)).map(|d| d.what)
    }

    /// Reports a key that a section does not have. Its value is taken for that of
    /// the key that was probably meant, so that one slip gives one finding.
    fn unknown_key<'n>(&mut self, key: &Key, value: &'n Yaml, fields: &mut Fields<'n>) {
        let declaration = fields.declaration;
        let text = key.text.as_str();
        let free = |name: &str| fields.value(name).is_none();
        let own = || declaration.keys.iter().map(|k| k.name);
        let meant = forms::synonym(declaration.name, text)
            .or_else(|| suggest::closest(text, own().filter(|name| free(name))))
            .or_else(|| suggest::closest(text, own()));
        if declaration.open {
            // An option of the plugin, unless it is all that is left of `type`.
            let needed = meant.and_then(|name| declaration.key(name)).filter(|k| !(k.optional)());
            if needed.is_none_or(|key| key.default.is_some() || !free(key.name)) {
                return;
            }
        }
        let inner = declaration.keys.iter().find(|outer| {
            let Shape::Section(section) = (outer.shape)() else { return false };
            free(outer.name) && section.key(text).is_some()
        });
        let instead = forms::elsewhere(declaration.name, text);
        let hint = match (text, meant, inner) {
            _ if text.starts_with('+') || text.ends_with('+') => match value.data {
                Data::List(_) => {
                    format!("`{text}` adds to a list of the file that is extended")
                }
                _ => format!("it adds items to a list: `{text}: [ … ]`"),
            },
            _ if instead.is_some() => instead.unwrap_or_default().to_owned(),
            _ if text.contains(' ') && meant.is_none() => {
                String::from("inside `{ … }` a comma begins a new key: quote the value before it")
            }
            (_, None, Some(outer)) => {
                fields.told.push(outer.name);
                format!("it belongs under `{0}`: {0}: {{ {text}: … }}", outer.name)
            }
            (_, Some(meant), _) => {
                if free(meant) {
                    fields.meant.push((meant, text.to_owned(), value));
                }
                format!("did you mean `{meant}`?")
            }
            (_, None, None) => match self.owner(text) {
                Some(owner) => format!("`{text}` is a key of {owner}"),
                None => suggest::hint(text, own()),
            },
        };
        self.diagnostics
            .error(key.span, format!("unknown key `{text}` in {}", declaration.what))
            .hint(hint);
    }
}

/// The value of a key of the spec itself, or of one that was probably meant for
/// it; for those who look before the whole is decoded.
pub fn top_level<'n>(root: &'n Yaml, name: &str) -> Option<&'n Yaml> {
    root.get(name).or_else(|| {
        let known = || Spec::DECLARATION.keys.iter().map(|k| k.name);
        let meant =
            |key: &str| !known().any(|k| k == key) && suggest::closest(key, known()) == Some(name);
        root.entries().iter().find(|(key, _)| meant(&key.text)).map(|(_, value)| value)
    })
}

/// The entries of one section.
pub struct Fields<'n> {
    node: &'n Yaml,
    kind: Option<&'static str>,
    broken: bool,
    declaration: &'static Declaration,
    /// Keys that are misspelt: what was meant, what stands there, the value.
    meant: Vec<(&'static str, String, &'n Yaml)>,
    /// Keys whose absence has been explained.
    told: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    fn value(&self, name: &str) -> Option<&'n Yaml> {
        let misspelt = || self.meant.iter().find(|(meant, ..)| *meant == name);
        self.node.get(name).or_else(|| misspelt().map(|(.., value)| *value))
    }

    /// Whether there is a map.
    pub fn is_sound(&self) -> bool {
        !self.broken
    }

    /// The value of the key at this place of the declaration.
    pub fn take<T: Decode>(&self, index: usize, cx: &mut Cx) -> T {
        let key = &self.declaration.keys[index];
        if let Some(node) = self.value(key.name) {
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
        let told = self.broken || cx.partial || self.told.contains(&key.name);
        if applies && !told {
            cx.diagnostics
                .error(place, format!("{} needs `{}`", self.declaration.what, key.name))
                .hint(key.hint(self.declaration.name));
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
        let misspelt = |key: &Key| self.meant.iter().any(|(_, text, _)| *text == key.text);
        let known = |key: &Key| self.declaration.key(&key.text).is_some() || misspelt(key);
        self.node.entries().iter().filter(|(k, _)| !known(k)).cloned().collect()
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
    /// What to write for it, as a line to paste with its meaning behind it.
    fn hint(&self, section: &str) -> String {
        let doc = self.doc.concat().trim().trim_end_matches('.').to_owned();
        format!("{}: {}   # {doc}", self.name, forms::example(section, self))
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
                if !resolved.is_null() {
                    cx.diagnostics.hint(forms::of_list(&resolved, T::shape()));
                }
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
                if let Some(hint) = forms::of_names(node) {
                    cx.diagnostics.hint(hint);
                }
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
