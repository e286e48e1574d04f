//! The second expression language: minijinja shapes text and values.

mod budget;
mod calls;
mod memo;
mod sandbox;
mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, State, UndefinedBehavior};
use serde_json::Value;

use super::eval_error::{EvalError, texts, values};
use super::native::{self, Constant};
use super::quick::{self, Got, Quick};
use super::{filters, json};
use crate::spec::Span;

pub use budget::Budget;
use budget::FUEL;
pub(super) use budget::{of_bytes, of_value};
pub use calls::Callee;
pub use memo::forget_long;
pub(super) use sandbox::Level;
pub use sandbox::is_below;
use sandbox::{Asked, Folders};
use scope::SCOPE;
pub use scope::{Name, Scope};

/// Where the native value of `{{ expr }}` is kept while it is evaluated.
const NATIVE: &str = "__value";

/// A compiled template: a handle into [`Env`].
#[derive(Debug, Clone)]
pub struct Template {
    id: Arc<str>,
    source: Arc<str>,
    span: Span,
    kind: Kind,
    /// What can be evaluated without minijinja.
    quick: Option<Arc<Quick>>,
    /// Whether it takes no name from outside: its value can only differ by what
    /// the texts that it renders take.
    steady: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    /// No expression in it.
    Constant(Constant),
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
    /// No other environment of the process has it.
    id: u64,
    folders: Folders,
    asked: Asked,
    files: quick::Files,
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
        let folders = Folders::default();
        let own = folders.clone();
        let asked = Asked::default();
        let asked_for = asked.clone();
        inner.set_loader(move |name| load_text(&own, &asked_for, Path::new(name)));
        filters::register(&mut inner);
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Relaxed);
        // Values that change while a template runs can be put into one another without
        // end, and to drop such a value takes more stack than there is.
        inner.remove_global("namespace");
        inner.add_function("render", move |state: &State, name: String| render(id, state, &name));
        Self { inner, next: 0, id, folders, asked, files: quick::Files::default() }
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
            let kind = Kind::Constant(Value::String(source.to_string()).into());
            return Ok(Template { id: "".into(), source, span, kind, quick: None, steady: false });
        }
        // The folder is part of the name, so that `render` finds its texts.
        let id: Arc<str> = folder.join(format!("\u{1}{}", self.next)).to_string_lossy().into();
        self.next += 1;
        self.folders.add(folder);
        let (text, kind) = match single_expression(&source) {
            Some((start, expression)) => {
                let head = format!("{{% set {NATIVE} = ");
                let shift = head.len().wrapping_sub(start);
                let kind = Kind::Native { shift, start, end: start + expression.len() };
                (format!("{head}{expression} %}}"), kind)
            }
            None => (source.to_string(), Kind::Text),
        };
        let mut template =
            Template { id: id.clone(), source, span, kind, quick: None, steady: false };
        let checked = budget::check_chains(&text);
        if let Err(error) =
            checked.and_then(|()| self.inner.add_template_owned(id.to_string(), text))
        {
            return Err(template.error(&error, None));
        }
        let syntax = self.inner.syntax().clone();
        let quick = match &template.kind {
            Kind::Native { start, end, .. } => {
                let expression = format!("{{{{ {} }}}}", &template.source[*start..*end]);
                Quick::parse(&expression, &id, syntax, &self.files)
            }
            _ => Quick::parse(&template.source, &id, syntax, &self.files),
        };
        template.quick = quick.map(Arc::new);
        template.steady = self.undeclared(&template).iter().all(|name| self.has_global(name));
        Ok(template)
    }

    /// Evaluates a template.
    ///
    /// # Errors
    /// With the place and what was wrong.
    pub fn eval(&self, template: &Template, scope: &Scope) -> Result<Value, EvalError> {
        if let Kind::Constant(value) = &template.kind {
            self.spend(of_value(&value.native()), template)?;
            return Ok(value.json().clone());
        }
        let quickly = self.quickly(template, scope, |got| match got.into_text() {
            Ok(text) => Some((budget::of_text(&text), Value::String(text))),
            Err(got) => {
                let value = native::settled(got.into_value()).ok()?;
                Some((of_value(&value), native::to_json(&value).ok()?))
            }
        })?;
        if let Some((cost, value)) = quickly {
            self.spend(cost, template)?;
            return Ok(value);
        }
        let value = self.settled(self.run_whole(template, scope)?, template)?;
        native::to_json(&value).map_err(|e| template.failed(e.to_string()))
    }

    /// As [`Env::eval`], as templates see the value.
    ///
    /// # Errors
    /// As [`Env::eval`].
    pub fn eval_json(
        &self,
        template: &Template,
        scope: &Scope,
    ) -> Result<minijinja::Value, EvalError> {
        self.settled(self.eval_native(template, scope)?, template)
    }

    /// What JSON holds of a value that was evaluated.
    fn settled(
        &self,
        value: minijinja::Value,
        template: &Template,
    ) -> Result<minijinja::Value, EvalError> {
        let value = native::settled(value).map_err(|e| template.failed(e.to_string()))?;
        self.spend(of_value(&value), template)?;
        Ok(value)
    }

    /// Takes from what may be done for the thing that is being made, of which a
    /// template is a part.
    ///
    /// # Errors
    /// Where too little is left.
    pub fn spend(&self, fuel: u64, template: &Template) -> Result<(), EvalError> {
        budget::spend(fuel).map_err(|e| template.error(&e, None))
    }

    /// As [`Env::eval`], written as JSON on one line.
    ///
    /// # Errors
    /// As [`Env::eval`].
    pub fn write(
        &self,
        template: &Template,
        scope: &Scope,
        out: &mut Vec<u8>,
    ) -> Result<(), EvalError> {
        let before = out.len();
        if let Kind::Constant(value) = &template.kind {
            json::write_value(value.json(), out);
        } else {
            let quickly = self.quickly(template, scope, |got| match got.text() {
                Some(text) => {
                    json::write_text(text, out);
                    Some(())
                }
                None => json::write(&got.value(), out).ok(),
            })?;
            if quickly.is_none() {
                out.truncate(before);
                let value = self.run_whole(template, scope)?;
                json::write(&value, out).map_err(|e| template.failed(e.to_string()))?;
            }
        }
        self.spend(budget::of_bytes(out.len() - before), template)
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
            return Ok(value.native());
        }
        match self.quickly(template, scope, |got| Some(got.into_value()))? {
            Some(value) => Ok(value),
            None => self.run_whole(template, scope),
        }
    }

    /// What `take` makes of the value, evaluated without minijinja; none where that does
    /// not know how.
    fn quickly<T>(
        &self,
        template: &Template,
        scope: &Scope,
        take: impl FnOnce(Got) -> Option<T>,
    ) -> Result<Option<T>, EvalError> {
        let Some(quick) = &template.quick else { return Ok(None) };
        let done = match template.kind {
            Kind::Text => quick.text(self, self.id, scope, FUEL, take),
            _ => quick.value(self, self.id, scope, FUEL, take),
        };
        let Some(done) = done else { return Ok(None) };
        self.spend(done.fuel, template)?;
        Ok(Some(done.made))
    }

    /// Evaluates by minijinja.
    fn run_whole(&self, template: &Template, scope: &Scope) -> Result<minijinja::Value, EvalError> {
        if template.steady {
            return memo::recall(self.id, &template.id, scope, || self.run(template, scope));
        }
        self.run(template, scope)
    }

    /// Runs what was compiled.
    fn run(&self, template: &Template, scope: &Scope) -> Result<minijinja::Value, EvalError> {
        let Kind::Native { start, end, .. } = template.kind else {
            return self.render_text(template, scope).map(minijinja::Value::from);
        };
        let failed = |e| template.error(&e, Some(scope));
        let compiled = self.inner.get_template(&template.id).map_err(failed)?;
        let done = compiled.render_captured(scope.value()).map_err(failed)?;
        self.spend(used(done.state()), template)?;
        let value = done.state().lookup(NATIVE).unwrap_or_default();
        if value.is_undefined() {
            let name = &template.source[start..end];
            let span =
                if template.is_verbatim() { template.span.part(start, end) } else { template.span };
            return Err(EvalError::new(format!("`{name}` is undefined"), span));
        }
        Ok(value)
    }

    fn render_text(&self, template: &Template, scope: &Scope) -> Result<String, EvalError> {
        let failed = |e| template.error(&e, Some(scope));
        let compiled = self.inner.get_template(&template.id).map_err(failed)?;
        let done = compiled.render_captured(scope.value()).map_err(failed)?;
        self.spend(used(done.state()), template)?;
        Ok(done.into_output())
    }

    /// Evaluates a condition: whether the value counts as true.
    ///
    /// # Errors
    /// As [`Env::eval`].
    pub fn test(&self, template: &Template, scope: &Scope) -> Result<bool, EvalError> {
        match self.test_quickly(template, scope)? {
            Some(holds) => Ok(holds),
            None => Ok(counts_as_true(Got::Own(self.eval_native(template, scope)?))),
        }
    }

    /// As [`Env::test`]; none where minijinja is needed to tell, or a name that the scope
    /// does not have.
    ///
    /// # Errors
    /// As [`Env::eval`].
    pub fn test_quickly(
        &self,
        template: &Template,
        scope: &Scope,
    ) -> Result<Option<bool>, EvalError> {
        self.quickly(template, scope, |got| Some(counts_as_true(got)))
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

    /// The files that `render` and its like have asked for so far, with a hash of what
    /// each holds ([`text_hash`](crate::spec::text_hash)); none where there is no file.
    pub fn texts(&self) -> BTreeMap<PathBuf, Option<u64>> {
        self.asked.all()
    }
}

impl quick::Loader for Env {
    fn source(&self, name: &str) -> Option<(String, SyntaxConfig)> {
        let text = self.inner.get_template(name).ok()?;
        Some((text.source().to_owned(), self.inner.syntax().clone()))
    }

    fn files(&self) -> &quick::Files {
        &self.files
    }
}

impl Template {
    /// A value that is no template.
    pub fn constant(value: Value, span: Span) -> Self {
        let (id, source) = ("".into(), "".into());
        Self { id, source, span, kind: Kind::Constant(value.into()), quick: None, steady: false }
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
            Kind::Constant(value) => Some(value.json()),
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

/// Whether a condition holds.
fn counts_as_true(value: Got) -> bool {
    let value = value.value();
    match value.as_str() {
        // What a text template writes for a condition.
        Some(text) => {
            !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "false" | "none" | "0")
        }
        None => value.is_true(),
    }
}

fn load_text(
    folders: &Folders,
    asked: &Asked,
    file: &Path,
) -> Result<Option<String>, minijinja::Error> {
    if let Some(name) = file.to_string_lossy().strip_prefix(OUTSIDE) {
        return Err(minijinja::Error::new(
            ErrorKind::InvalidOperation,
            format!("{name}: only files below the folder of this template can be used"),
        ));
    }
    if !folders.hold(file) {
        return Err(minijinja::Error::new(
            ErrorKind::InvalidOperation,
            format!("{}: a link that leads out of the folder of templates", file.display()),
        ));
    }
    let text = std::fs::read_to_string(file);
    asked.note(file, text.as_deref().ok());
    match text {
        Ok(text) => budget::check_chains(&text).map(|()| Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(minijinja::Error::new(
            ErrorKind::TemplateNotFound,
            format!("cannot read {}: {e}", file.display()),
        )),
    }
}

/// What an evaluation has cost.
fn used(state: &State) -> u64 {
    state.fuel_levels().map_or(0, |(used, _)| used)
}

/// `render("name")`: a text template below the folder of the file that calls,
/// with what that file sees.
fn render(env: u64, state: &State, name: &str) -> Result<minijinja::Value, minijinja::Error> {
    let _level = Level::enter(name)?;
    let text = state.get_template(name)?;
    let root = state.lookup(SCOPE).unwrap_or_default();
    let render = |root| {
        // Wrapped, so that the place of this call is kept beside that of the failure.
        let done = text.render_captured(root).map_err(|error| {
            minijinja::Error::new(ErrorKind::InvalidOperation, format!("{name} failed"))
                .with_source(error)
        })?;
        // It had fuel of its own.
        state.consume_fuel(used(done.state()))?;
        Ok(minijinja::Value::from(done.into_output()))
    };
    match Scope::from_value(&root) {
        Some(scope) => memo::recall(env, text.name(), &scope, || render(root)),
        None => render(root),
    }
}

/// The file that a name means in a template: below that template's folder. What
/// would leave the folder is a name that no file has.
pub(super) fn beside(name: &str, template: &str) -> String {
    // Nearly all are no more than the name of a file.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.bytes().all(is_plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && let Some(end) = template.rfind(std::path::is_separator)
    {
        return format!("{}{name}", &template[..=end]);
    }
    let relative = Path::new(name);
    if !relative.components().all(|c| matches!(c, std::path::Component::Normal(_))) {
        return format!("{OUTSIDE}{name}");
    }
    let folder = Path::new(template).parent().unwrap_or(Path::new(""));
    folder.join(relative).to_string_lossy().into_owned()
}

/// Marks a name that leaves its folder.
const OUTSIDE: &str = "\u{2}";

#[cfg(test)]
mod quick_tests;
#[cfg(test)]
mod tests;
