//! The whole of a spec.

use super::{
    HttpSpec, ParamSpec, PreflightSpec, SecretSpec, SinkSpec, StreamSpec, TaskSpec, TransformSpec,
};
use crate::spec::decode::{Cx, Decode, Named};
use crate::spec::section::{Shape, section};
use crate::spec::{Span, Yaml};

section! {
    /// A spec: where the data is, how to read it, what to make of it.
    "a spec" pub struct Spec {
        /// Version of the language: 1.
        version: Version,
        /// Name of the spec, which templates see as `spec.name`.
        name: String,
        /// One sentence on what it collects.
        description: Option<String>,
        /// A spec that this one is laid over.
        extends: Option<String>,
        /// Values that can be given on the command line.
        params: Named<ParamSpec>,
        /// Credentials, from the environment or from files.
        secrets: Named<SecretSpec>,
        /// How requests are sent.
        http: HttpSpec,
        /// Checks before the first page.
        preflight: Vec<PreflightSpec>,
        /// What is collected.
        streams: Named<StreamSpec>,
        /// What is done to mapped records, in order.
        transforms: Vec<TransformSpec>,
        /// What a training example looks like.
        tasks: Named<TaskSpec>,
        /// Where rows go.
        sinks: Named<SinkSpec>,
    }
}

/// The version of the language: 1.
#[derive(Debug, Clone, Copy)]
pub struct Version;

impl Decode for Version {
    fn shape() -> Shape {
        Shape::Positive
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        if let Some(text) = cx.text(node, "`1`")
            && text != "1"
        {
            cx.diagnostics
                .error(node.span, format!("version {text} of the language is not known here"))
                .hint("version: 1");
        }
        Self
    }
    fn fallback(_: Span) -> Self {
        Self
    }
}
