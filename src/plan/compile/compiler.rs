//! What compiling needs at every step: the templates so far, the files, the
//! findings; and the compiling of single templates and paths.

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::names::{Attrs, Known};
use super::registry::Registry;
use super::version;
use crate::plan::{Env, EvalError, Path, Scope, Template, template_value};
use crate::spec::decode::{Evaluate, PathText, TemplateText, Text};
use crate::spec::lang::Spec;
use crate::spec::{Diagnostics, Loaded, Scalar, Sources, Span};

/// The state of compiling.
pub(super) struct Compiler<'a> {
    pub(super) env: Env,
    pub(super) registry: &'a Registry,
    pub(super) diagnostics: &'a mut Diagnostics,
    pub(super) sources: Sources,
    pub(super) params: Map<String, Value>,
    pub(super) spec_name: String,
    /// The names that every template sees.
    pub(super) common: Known,
    /// What templates see as `record`.
    pub(super) record: Attrs,
    /// Names of tasks.
    pub(super) tasks: Vec<String>,
    /// Whether a part of the spec could not be read.
    pub(super) partial: bool,
    /// Text templates whose names have been checked, each once for each set of
    /// names.
    pub(super) texts_done: HashSet<(PathBuf, usize)>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        env: Env,
        registry: &'a Registry,
        diagnostics: &'a mut Diagnostics,
        loaded: &Loaded,
        params: Map<String, Value>,
        spec: &Spec,
    ) -> Self {
        let common = Known::common(&params);
        Self {
            env,
            registry,
            diagnostics,
            sources: loaded.sources.as_ref().clone(),
            params,
            spec_name: spec.name.clone(),
            common,
            record: Attrs::of_streams(&spec.streams.0),
            tasks: spec.tasks.0.iter().map(|(key, _)| key.text.clone()).collect(),
            partial: loaded.partial,
            texts_done: HashSet::new(),
        }
    }

    pub(super) fn finish(self) -> (Env, Sources) {
        (self.env, self.sources)
    }

    /// The scope of templates that are evaluated now.
    pub(super) fn config_scope(&self) -> Scope {
        common_scope(&self.params, &self.spec_name)
    }

    /// Compiles a template that sees these names.
    pub(super) fn template(&mut self, text: &TemplateText, known: &Known) -> Template {
        self.template_of(&text.0, known)
    }

    pub(super) fn template_of(&mut self, text: &Text, known: &Known) -> Template {
        if !text.sound {
            return Template::constant(Value::String(String::new()), text.span);
        }
        match compile(&mut self.env, &self.sources, &text.scalar, text.span) {
            Ok(template) => {
                self.check_names(&template, text, known);
                template
            }
            Err(error) => {
                let message = match error.message.as_str() {
                    m if m.contains("unexpected end of input") => {
                        String::from("the template ends too early: `}}` or `%}` is missing")
                    }
                    _ => error.message,
                };
                self.diagnostics.error(error.span, message);
                Template::constant(Value::String(String::new()), text.span)
            }
        }
    }

    /// Compiles a path.
    pub(super) fn path(&mut self, text: &PathText) -> Path {
        self.path_of(&text.0.scalar, text.0.span, text.0.sound)
    }

    pub(super) fn optional_path(&mut self, text: Option<&PathText>) -> Option<Path> {
        text.map(|text| self.path(text))
    }

    pub(super) fn path_of(&mut self, scalar: &Scalar, span: Span, sound: bool) -> Path {
        if sound {
            match Path::parse(&scalar.text, scalar.verbatim.unwrap_or(span)) {
                Ok(path) => return path,
                Err(error) => {
                    self.diagnostics.error(error.span, error.message);
                }
            }
        }
        whole(span)
    }

    /// Compiles a path into something of our own, where `$.` may be left out:
    /// `messages[*].content`.
    pub(super) fn own_path(&mut self, text: &PathText) -> Path {
        let Text { scalar, span, sound } = &text.0;
        if !*sound || scalar.text.starts_with('$') {
            return self.path(text);
        }
        let full = format!("$.{}", scalar.text);
        let place = scalar.verbatim.unwrap_or(*span);
        if let Ok(path) = Path::parse(&full, place) {
            return path;
        }
        // Places in it are two bytes further left in the file.
        let shifted = Span { start: place.start.saturating_sub(2), ..place };
        if let Err(error) = Path::parse(&full, shifted) {
            let start = error.span.start.max(place.start);
            self.diagnostics.error(Span { start, ..error.span }, error.message);
        }
        whole(*span)
    }

    /// Where a part of a scalar stands.
    pub(super) fn place(&self, scalar: &Scalar, span: Span, start: usize, end: usize) -> Span {
        place(&self.sources, scalar, span, start, end)
    }
}

/// The path to the whole value, in place of one that is wrong.
fn whole(span: Span) -> Path {
    match Path::parse("$", span) {
        Ok(path) => path,
        Err(_) => unreachable!("`$` is a path"),
    }
}

fn place(sources: &Sources, scalar: &Scalar, span: Span, start: usize, end: usize) -> Span {
    match sources.get(span.file) {
        Some(source) => scalar.place(span, &source.text, start, end),
        None => span,
    }
}

/// Compiles a template; the place of a mistake is exact wherever the text can be
/// followed back to its file.
fn compile(
    env: &mut Env,
    sources: &Sources,
    scalar: &Scalar,
    span: Span,
) -> Result<Template, EvalError> {
    let folder = sources.folder(span.file);
    let place_of_text = scalar.verbatim.unwrap_or(span);
    env.compile(&scalar.text, place_of_text, folder).map_err(|error| {
        if scalar.verbatim.is_some() {
            return error;
        }
        // Once more with places counted from the start of the text.
        let end = u32::try_from(scalar.text.len()).unwrap_or(u32::MAX);
        let counted = Span { file: span.file, start: 0, end };
        match env.compile(&scalar.text, counted, folder) {
            Err(again) => {
                let (start, end) = (again.span.start as usize, again.span.end as usize);
                EvalError { span: place(sources, scalar, span, start, end), ..again }
            }
            Ok(_) => error,
        }
    })
}

/// What every template sees.
pub(in crate::plan) fn common_scope(params: &Map<String, Value>, spec_name: &str) -> Scope {
    Scope::new([
        ("params".to_owned(), template_value(&Value::Object(params.clone()))),
        ("version".to_owned(), template_value(&version())),
        ("spec".to_owned(), template_value(&serde_json::json!({ "name": spec_name }))),
    ])
}

/// Evaluates the templates of values that have to be known when the plan is
/// made.
pub(super) struct ConfigTime<'a> {
    env: Env,
    sources: &'a Sources,
    scope: Scope,
    known: Known,
}

impl<'a> ConfigTime<'a> {
    pub(super) fn new(
        env: Env,
        sources: &'a Sources,
        params: &Map<String, Value>,
        spec_name: &str,
    ) -> Self {
        let scope = common_scope(params, spec_name);
        Self { env, sources, scope, known: Known::common(params) }
    }

    pub(super) fn into_env(self) -> Env {
        self.env
    }
}

impl Evaluate for ConfigTime<'_> {
    fn evaluate(
        &mut self,
        text: &Scalar,
        span: Span,
    ) -> Result<Value, (Span, String, Option<String>)> {
        let plain = |e: EvalError| (e.span, e.message, None);
        let template = compile(&mut self.env, self.sources, text, span).map_err(plain)?;
        for name in self.env.undeclared(&template) {
            if let Some(unknown) = self.known.unknown(&self.env, &name) {
                let (start, end) = unknown.find(&text.text).unwrap_or((0, text.text.len()));
                let at = place(self.sources, text, span, start, end);
                return Err((at, unknown.message, Some(unknown.hint)));
            }
        }
        self.env.eval(&template, &self.scope).map_err(plain)
    }
}
