//! The second expression language: minijinja shapes text and values.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, Serde};
use minijinja::{Environment, ErrorKind, State, UndefinedBehavior};
use serde_json::Value;

mod calls;

use super::eval_error::{EvalError, texts, values};
use super::filters;
use crate::spec::Span;

pub use calls::Callee;

/// Steps that one evaluation may take: some hundred thousand characters of
/// output, far from what a runaway loop needs.
const FUEL: u64 = 5_000_000;

/// Where the native value of `{{ expr }}` is kept while it is evaluated.
const NATIVE: &str = "__value";

/// A compiled template: a handle into [`Env`].
#[derive(Debug, Clone)]
pub struct Template {
    id: Arc<str>,
    source: Arc<str>,
    span: Span,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// No expression in it.
    Constant(Value),
    /// Exactly one `{{ expr }}`: the value keeps its type. `shift` is how much
    /// further right the expression stands in what was compiled.
    Native { shift: usize, start: usize, end: usize },
    /// Text.
    Text,
}

/// All compiled templates of a plan, and the functions that they may use.
pub struct Env {
    inner: Environment<'static>,
    next: usize,
}

impl Default for Env {
    fn default() -> Self {
        Self::new()
    }
}

impl Env {
    /// An environment without templates: strict about undefined names, without
    /// escaping, with bounded work.
    pub fn new() -> Self {
        let mut inner = Environment::new();
        inner.set_undefined_behavior(UndefinedBehavior::Strict);
        inner.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        inner.set_fuel(Some(FUEL));
        inner.set_recursion_limit(100);
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true);
        if let Ok(syntax) = syntax.build() {
            inner.set_syntax(syntax);
        }
        // For the places of errors; messages are made without its other uses.
        inner.set_debug(true);
        inner.set_path_join_callback(|name, template| beside(name, template).into());
        inner.set_loader(|name| load_text(Path::new(name)));
        filters::register(&mut inner);
        inner.add_function("render", render);
        Self { inner, next: 0 }
    }

    /// Compiles a template. `span` is the place of exactly this text; where the
    /// text is not verbatim in its file (escapes, folded lines), of the whole
    /// scalar. `folder` is where `render("name")` looks.
    ///
    /// # Errors
    /// With the place of the mistake.
    pub fn compile(
        &mut self,
        source: &str,
        span: Span,
        folder: &Path,
    ) -> Result<Template, EvalError> {
        let source: Arc<str> = source.into();
        if !source.contains("{{") && !source.contains("{%") && !source.contains("{#") {
            let kind = Kind::Constant(Value::String(source.to_string()));
            return Ok(Template { id: "".into(), source, span, kind });
        }
        // The folder is part of the name, so that `render` finds its texts.
        let id: Arc<str> = folder.join(format!("\u{1}{}", self.next)).to_string_lossy().into();
        self.next += 1;
        let (text, kind) = match single_expression(&source) {
            Some((start, expression)) => {
                let head = format!("{{% set {NATIVE} = ");
                let shift = head.len().wrapping_sub(start);
                let kind = Kind::Native { shift, start, end: start + expression.len() };
                (format!("{head}{expression} %}}"), kind)
            }
            None => (source.to_string(), Kind::Text),
        };
        let template = Template { id: id.clone(), source, span, kind };
        match self.inner.add_template_owned(id.to_string(), text) {
            Ok(()) => Ok(template),
            Err(error) => Err(template.error(&error, None)),
        }
    }

    /// Evaluates a template.
    ///
    /// # Errors
    /// With the place and what was wrong.
    pub fn eval(&self, template: &Template, scope: &Scope) -> Result<Value, EvalError> {
        match &template.kind {
            Kind::Constant(value) => Ok(value.clone()),
            _ => {
                let value = self.eval_native(template, scope)?;
                serde_json::to_value(&value).map_err(|e| template.failed(e.to_string()))
            }
        }
    }

    /// As [`Env::eval`], for those who hand the value to another template.
    ///
    /// # Errors
    /// As [`Env::eval`].
    pub fn eval_native(
        &self,
        template: &Template,
        scope: &Scope,
    ) -> Result<minijinja::Value, EvalError> {
        if let Kind::Constant(value) = &template.kind {
            return Ok(minijinja::Value::from(Serde(value)));
        }
        let failed = |e| template.error(&e, Some(scope));
        let compiled = self.inner.get_template(&template.id).map_err(failed)?;
        match template.kind {
            Kind::Native { start, end, .. } => {
                let done = compiled.render_captured(scope.value()).map_err(failed)?;
                let value = done.state().lookup(NATIVE).unwrap_or_default();
                if value.is_undefined() {
                    let name = &template.source[start..end];
                    let span = if template.is_verbatim() {
                        template.span.part(start, end)
                    } else {
                        template.span
                    };
                    return Err(EvalError::new(format!("`{name}` is undefined"), span));
                }
                Ok(value)
            }
            _ => {
                let text = compiled.render(scope.value()).map_err(failed)?;
                Ok(minijinja::Value::from(text))
            }
        }
    }

    /// Evaluates a condition: whether the value counts as true.
    ///
    /// # Errors
    /// As [`Env::eval`].
    pub fn test(&self, template: &Template, scope: &Scope) -> Result<bool, EvalError> {
        let value = self.eval_native(template, scope)?;
        Ok(match value.as_str() {
            // What a text template writes for a condition.
            Some(text) => {
                !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "false" | "none" | "0")
            }
            None => value.is_true(),
        })
    }

    /// Evaluates to text: null is `None`, numbers and booleans as JSON writes
    /// them.
    ///
    /// # Errors
    /// As [`Env::eval`], and for a list or an object.
    pub fn text(&self, template: &Template, scope: &Scope) -> Result<Option<String>, EvalError> {
        match self.eval(template, scope)? {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            value @ (Value::Bool(_) | Value::Number(_)) => Ok(Some(value.to_string())),
            _ => {
                Err(template.failed(String::from("a text is needed here, not a list or an object")))
            }
        }
    }

    /// The names that a template takes from outside, with their attributes as
    /// far as they are fixed: `record.title`, `loop`.
    pub fn undeclared(&self, template: &Template) -> BTreeSet<String> {
        match self.inner.get_template(&template.id) {
            Ok(compiled) => compiled.undeclared_variables(true).into_iter().collect(),
            Err(_) => BTreeSet::new(),
        }
    }

    /// Whether a name is that of a function or a value that all templates see.
    pub fn has_global(&self, name: &str) -> bool {
        matches!(name, "loop" | "self" | "super" | "caller")
            || self.inner.globals().any(|(global, _)| global == name)
    }

    /// As [`Env::undeclared`] for the text template of a file, as
    /// `render("name")` would load it.
    ///
    /// # Errors
    /// When the file is missing or no template; `span` is the place that names it.
    pub fn undeclared_in_text(
        &self,
        file: &Path,
        span: Span,
    ) -> Result<BTreeSet<String>, EvalError> {
        let name = file.to_string_lossy();
        let compiled =
            self.inner.get_template(&name).map_err(|e| EvalError::new(describe(&e), span))?;
        Ok(compiled.undeclared_variables(true).into_iter().collect())
    }
}

impl Template {
    /// A value that is no template.
    pub fn constant(value: Value, span: Span) -> Self {
        Self { id: "".into(), source: "".into(), span, kind: Kind::Constant(value) }
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The value of a template without expressions.
    pub fn as_constant(&self) -> Option<&Value> {
        match &self.kind {
            Kind::Constant(value) => Some(value),
            _ => None,
        }
    }

    fn failed(&self, message: String) -> EvalError {
        EvalError::new(message, self.span)
    }

    /// Whether the text stands in its file as it is, so that places in it are
    /// places in the file.
    fn is_verbatim(&self) -> bool {
        (self.span.end - self.span.start) as usize == self.source.len()
    }

    /// With a scope, the values in it that are at fault are told of.
    fn error(&self, error: &minijinja::Error, scope: Option<&Scope>) -> EvalError {
        let own = error.name().is_none_or(|name| *name == *self.id);
        let span = match error.range().filter(|_| own && self.is_verbatim()) {
            Some(range) => {
                let shift = if let Kind::Native { shift, .. } = self.kind { shift } else { 0 };
                self.span.part(range.start.wrapping_sub(shift), range.end.wrapping_sub(shift))
            }
            None => self.span,
        };
        EvalError {
            message: describe(error),
            span,
            texts: texts(error),
            values: scope.map_or_else(Vec::new, |scope| values(error, scope)),
        }
    }
}

/// One sentence for an error: what the innermost cause says.
fn describe(error: &minijinja::Error) -> String {
    let mut innermost = error;
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        innermost = cause.downcast_ref().unwrap_or(innermost);
        source = cause.source();
    }
    match (innermost.kind(), innermost.detail()) {
        (ErrorKind::UndefinedError, None) => String::from("a name in it is undefined"),
        (ErrorKind::OutOfFuel, _) => {
            String::from("it does too much work; is there a loop without end?")
        }
        (kind, None) => kind.to_string(),
        (_, Some(detail)) => detail.to_owned(),
    }
}

/// `{{ expr }}` and nothing else: where the expression starts, and it.
fn single_expression(source: &str) -> Option<(usize, &str)> {
    let inner = source.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let inner = inner.strip_suffix(['-', '+']).unwrap_or(inner);
    if inner.contains("{{") || inner.contains("}}") || inner.contains("{%") {
        return None;
    }
    let expression = inner.trim();
    Some((source.find(expression)?, expression))
}

fn load_text(file: &Path) -> Result<Option<String>, minijinja::Error> {
    if let Some(name) = file.to_string_lossy().strip_prefix(OUTSIDE) {
        return Err(minijinja::Error::new(
            ErrorKind::InvalidOperation,
            format!("{name}: only files below the folder of this template can be used"),
        ));
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(minijinja::Error::new(
            ErrorKind::TemplateNotFound,
            format!("cannot read {}: {e}", file.display()),
        )),
    }
}

/// `render("name")`: a text template below the folder of the file that calls,
/// with what that file sees.
fn render(state: &State, name: String) -> Result<String, minijinja::Error> {
    let scope = state.lookup(SCOPE).unwrap_or_default();
    let text = state.get_template(&name)?;
    // Wrapped, so that the place of this call is kept beside that of the failure.
    text.render(scope).map_err(|error| {
        minijinja::Error::new(ErrorKind::InvalidOperation, format!("{name} failed"))
            .with_source(error)
    })
}

/// The file that a name means in a template: below that template's folder. What
/// would leave the folder is a name that no file has.
fn beside(name: &str, template: &str) -> String {
    let relative = Path::new(name);
    if !relative.components().all(|c| matches!(c, std::path::Component::Normal(_))) {
        return format!("{OUTSIDE}{name}");
    }
    let folder = Path::new(template).parent().unwrap_or(Path::new(""));
    folder.join(relative).to_string_lossy().into_owned()
}

/// Marks a name that leaves its folder.
const OUTSIDE: &str = "\u{2}";

/// The name under which a scope finds itself, for `render`.
const SCOPE: &str = "__scope";

/// The names that a template sees. Cheap to extend and to clone: the values are
/// shared.
#[derive(Debug, Clone, Default)]
pub struct Scope(Arc<Layer>);

#[derive(Debug, Default)]
struct Layer {
    names: Vec<(String, minijinja::Value)>,
    below: Option<Scope>,
}

impl Scope {
    /// A scope of its own.
    pub fn new(names: impl IntoIterator<Item = (String, minijinja::Value)>) -> Self {
        Self(Arc::new(Layer { names: names.into_iter().collect(), below: None }))
    }

    /// This scope with one more name, which hides one of the same name.
    #[must_use]
    pub fn with(&self, name: &str, value: minijinja::Value) -> Self {
        self.with_all([(name.to_owned(), value)])
    }

    /// This scope with more names.
    #[must_use]
    pub fn with_all(&self, names: impl IntoIterator<Item = (String, minijinja::Value)>) -> Self {
        Self(Arc::new(Layer { names: names.into_iter().collect(), below: Some(self.clone()) }))
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<minijinja::Value> {
        let own = self.0.names.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        own.or_else(|| self.0.below.as_ref()?.get(name))
    }

    fn value(&self) -> minijinja::Value {
        minijinja::Value::from_dyn_object(self.0.clone())
    }
}

impl Object for Layer {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
        let scope = Scope(self.clone());
        if key == SCOPE { Some(scope.value()) } else { scope.get(key) }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut layer = Some(self);
        while let Some(at) = layer {
            names.extend(at.names.iter().map(|(n, _)| n.clone()));
            layer = at.below.as_ref().map(|s| &s.0);
        }
        Enumerator::Values(names.into_iter().map(minijinja::Value::from).collect())
    }
}

/// A JSON value as templates see it.
pub fn template_value(value: &Value) -> minijinja::Value {
    minijinja::Value::from(Serde(value))
}

#[cfg(test)]
mod tests;
