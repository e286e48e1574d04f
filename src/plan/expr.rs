//! The two expression languages: JSONPath selects data, minijinja shapes text.

use jsonpath_rust::parser::model::JpQuery;
use minijinja::Environment;
use serde_json::Value;

use crate::spec::Span;

/// A JSONPath (RFC 9535), parsed once. One that is only names and a last
/// wildcard is walked directly.
pub struct Path {
    source: String,
    span: Span,
    form: Form,
}

enum Form {
    Plain(Vec<Step>),
    Query(Box<JpQuery>),
}

/// One step of a plain path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `.name` or `['name']`
    Name(String),
    /// `[3]`
    Index(usize),
    /// `[*]`
    All,
}

/// A compiled template: a handle into [`Env`].
#[derive(Debug, Clone)]
pub struct Template {
    id: String,
    source: String,
    span: Span,
    constant: Option<Value>,
    native: bool,
}

/// All compiled templates of a plan, and the filters that they may use.
pub struct Env {
    inner: Environment<'static>,
}

/// A template that failed.
#[derive(Debug, Clone)]
pub struct EvalError {
    /// What is wrong, one sentence.
    pub message: String,
    /// Where in the template; the whole of it where the engine does not know.
    pub span: Span,
}
