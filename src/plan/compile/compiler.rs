//! What compiling needs at every step: the templates so far, the files, the
//! findings; and the compiling of single templates and paths.

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::calls::wrong_calls;
use super::code::Finding;
use super::names::{Attrs, Known};
use super::registry::Registry;
use super::version;
use crate::plan::slips;
use crate::plan::{Env, EvalError, Path, PathError, Scope, Template, template_value};
use crate::spec::decode::{Evaluate, PathText, TemplateText, Text, top_level};
use crate::spec::lang::Spec;
use crate::spec::{Data, Diagnostics, Loaded, Scalar, Sources, Span, Style, Yaml, quoted};

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
    /// Whether the spec says what its streams and their fields are.
    pub(super) streams_known: bool,
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
        let streams_known = streams_are_known(&loaded.root);
        let mut record = Attrs::of_streams(&spec.streams.0);
        if !streams_known || record == Attrs::Fields(Vec::new()) {
            record = Attrs::Any;
        }
        Self {
            env,
            registry,
            diagnostics,
            sources: loaded.sources.as_ref().clone(),
            params,
            spec_name: spec.name.clone(),
            common,
            record,
            streams_known,
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

    /// Compiles a template that is one expression: `when: record.body` would
    /// always hold, and so would `{{ a }} and {{ b }}`.
    pub(super) fn expression_template(
        &mut self,
        text: &TemplateText,
        key: &str,
        known: &Known,
    ) -> Template {
        let source = text.0.scalar.text.trim();
        let fixed = matches!(source, "true" | "false");
        if text.0.sound && !fixed {
            let quotes = ['“', '”', '„', '‘', '’'];
            let plain = source.trim_matches(quotes).replace("{{", "").replace("}}", "");
            let hint = quoted(&format!(
                "{{{{ {} }}}}",
                plain.split_whitespace().collect::<Vec<_>>().join(" ")
            ));
            if !text.0.scalar.is_template() {
                self.diagnostics
                    .error(text.0.span, format!("`{key}` takes an expression"))
                    .hint(hint);
            } else if !source.contains("{%") && has_text_around(source) {
                let message =
                    format!("`{key}` is one expression: with text around it, it is always true");
                // Typographic quotes around it have been told of.
                self.diagnostics.retract(text.0.span.file, text.0.span.start);
                self.diagnostics.error(text.0.span, message).hint(hint);
            }
        }
        self.template(text, known)
    }

    /// Warns of `{ record.title }`, which is text.
    pub(super) fn check_braces(&mut self, scalar: &Scalar, span: Span, known: &Known) {
        for (at, _) in scalar.text.match_indices('{') {
            let rest = &scalar.text[at + 1..];
            let inner = rest.trim_start();
            let Some(end) = inner.find('}') else { return };
            let name = inner[..end].split(['.', '|']).next().unwrap_or_default().trim();
            let dotted = inner[..end].contains('.') && !inner[..end].contains([':', '\n', '"']);
            if dotted && known.attrs(name).is_some() {
                let length = rest.len() - inner.len() + end + 2;
                let place = self.place(scalar, span, at, at + length);
                self.diagnostics
                    .warning(place, "this is text: a template stands between `{{` and `}}`")
                    .hint(format!("{{{{ {} }}}}", inner[..end].trim()));
            }
        }
    }

    /// Warns of `${project}`, which is text, where there is such a name.
    fn check_dollars(&mut self, scalar: &Scalar, span: Span, known: &Known) {
        for (at, _) in scalar.text.match_indices("${") {
            let Some(length) = scalar.text[at + 2..].find('}') else { return };
            let name = scalar.text[at + 2..at + 2 + length].trim();
            let names = [name.to_owned(), format!("params.{name}")];
            let is_known = |name: &String| known.unknown(&self.env, name).is_none();
            let Some(meant) = names.iter().find(|name| is_known(name)) else { continue };
            let hint = format!("{{{{ {meant} }}}}");
            let place = self.place(scalar, span, at, at + length + 3);
            self.diagnostics
                .warning(place, "this is text: a template stands between `{{` and `}}`")
                .hint(hint);
        }
    }

    pub(super) fn template_of(&mut self, text: &Text, known: &Known) -> Template {
        if !text.sound {
            return Template::constant(Value::String(String::new()), text.span);
        }
        if !text.scalar.is_template() {
            self.check_braces(&text.scalar, text.span, known);
        }
        self.check_dollars(&text.scalar, text.span, known);
        match compile(&mut self.env, &self.sources, &text.scalar, text.span) {
            Ok(template) => {
                self.check_names(&template, text, known);
                template
            }
            Err(error) => {
                let (place, message, hint) = explain(&self.sources, &text.scalar, text.span, error);
                let diagnostic = self.diagnostics.error(place, message);
                if let Some(hint) = hint {
                    diagnostic.hint(hint);
                }
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
                Err(error) => self.path_error(error),
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
            let hint = error.hint.map(|hint| hint.trim_start_matches("$.").to_owned());
            self.path_error(PathError { span: Span { start, ..error.span }, hint, ..error });
        }
        whole(*span)
    }

    fn path_error(&mut self, error: PathError) {
        let diagnostic = self.diagnostics.error(error.span, error.message);
        if let Some(hint) = error.hint {
            // With brackets it must be quoted, at least inside `{ … }`.
            let path = hint.starts_with('$') && hint.contains('[');
            diagnostic.hint(if path { quoted(&hint) } else { hint });
        }
    }

    /// Where a part of a scalar stands.
    pub(super) fn place(&self, scalar: &Scalar, span: Span, start: usize, end: usize) -> Span {
        place(&self.sources, scalar, span, start, end)
    }
}

/// Whether streams and their maps are what they should be, or simply not there.
fn streams_are_known(root: &Yaml) -> bool {
    let Some(streams) = top_level(root, "streams") else { return true };
    let is_map = |node: &Yaml| matches!(node.data, Data::Map(_));
    let fields = |stream: &Yaml| stream.get("map").is_none_or(|m| is_map(m) || m.is_null());
    is_map(streams) && streams.entries().iter().all(|(_, s)| is_map(s) && fields(s))
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

/// Whether `''` stands where a template would have an empty string.
fn has_empty_string(raw: &str) -> bool {
    raw.match_indices("''").any(|(at, _)| {
        raw[..at].ends_with(['(', ',', '=', ' '])
            && raw[at + 2..].starts_with([')', ',', ']', '}', ' '])
    })
}

/// What minijinja says of a token, the right way round.
pub(super) fn plain_words(message: &str) -> String {
    match message.strip_prefix("unexpected ").and_then(|m| m.split_once(", expected ")) {
        Some((found, expected)) if expected.starts_with("end of") => {
            format!("{found} does not belong here")
        }
        Some((found, "in")) => format!("expected `in` here, found {found}"),
        Some((found, expected)) => format!("expected {expected} here, found {found}"),
        None => message.to_owned(),
    }
}

/// Whether there is more in a template than expressions and blanks.
fn has_text_around(source: &str) -> bool {
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        if !before.trim().is_empty() {
            return true;
        }
        match after.split_once("}}") {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    !rest.trim().is_empty() && !rest.trim().starts_with("{#")
}

/// Why a template does not compile: the slip, where it is a frequent one, else
/// what minijinja says.
fn explain(
    sources: &Sources,
    scalar: &Scalar,
    span: Span,
    error: EvalError,
) -> (Span, String, Option<String>) {
    let Some(slip) = slips::template::find(&scalar.text) else {
        return (error.span, plain_words(&error.message), None);
    };
    let at = place(sources, scalar, span, slip.start, slip.end);
    let raw =
        sources.get(span.file).and_then(|s| s.text.get(span.start as usize..span.end as usize));
    let doubled = scalar.style == Style::Single && raw.is_some_and(has_empty_string);
    let hint = match raw {
        Some(raw) if doubled && slip.message.starts_with("a quote is opened") => {
            let inner = raw.trim_matches('\'').replace('"', "'");
            Some(format!("between single quotes YAML reads `''` as one: \"{inner}\""))
        }
        _ => slip.hint,
    };
    (at, slip.message, hint)
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
        let template = compile(&mut self.env, self.sources, text, span)
            .map_err(|error| explain(self.sources, text, span, error))?;
        for name in self.env.undeclared(&template) {
            if let Some(unknown) = self.known.unknown(&self.env, &name) {
                let (start, end) = unknown.find(&text.text).unwrap_or((0, text.text.len()));
                let at = place(self.sources, text, span, start, end);
                return Err((at, unknown.message, Some(unknown.hint)));
            }
        }
        if let Some(Finding { start, end, message, hint }) =
            wrong_calls(&self.env, &text.text, &self.known).into_iter().next()
        {
            return Err((place(self.sources, text, span, start, end), message, Some(hint)));
        }
        self.env.eval(&template, &self.scope).map_err(plain)
    }
}
