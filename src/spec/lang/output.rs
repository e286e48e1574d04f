//! `tasks:` and `sinks:`.

use crate::spec::Span;
use crate::spec::Yaml;
use crate::spec::decode::{Cx, Decode, Many, Named, PathText, TemplateText};
use crate::spec::section::{Shape, choice, section};

section! {
    /// How training examples are made of a record.
    "a task" pub struct TaskSpec {
        /// One sentence on what it teaches.
        description: Option<String>,
        /// Gives a list: an example for each item, which the others see as `item`.
        for_each: Option<TemplateText>,
        /// Values computed for each example, in order; each sees those before it.
        bindings as "let": Named<Yaml>,
        /// Whether the example is made; sees `record`, `item` and what `let` gives.
        when: Option<TemplateText>,
        /// The parts of the example that a model is to produce.
        target: Many<PathText>,
        /// What happens to an example whose target stands in its input.
        leak: LeakPolicy,
        /// The example.
        example: Yaml,
    }
}

choice! {
    /// What happens to an example whose target stands in its input.
    pub enum LeakPolicy {
        /// It stays: spans of the input are what is wanted.
        Allow = "allow",
        /// It is left out, and counted: for generated text.
        Drop = "drop",
        /// It stays, and is counted: closed labels.
        Report = "report",
    }
}

section! {
    /// Where rows go. Other keys are options of the plugin.
    "a sink" pub struct SinkSpec {
        /// Name of the plugin.
        kind as "type": SinkName,
        /// What it is fed with.
        from: FeedKind,
        /// The only stream that it is fed from.
        stream: Option<Place>,
        /// The only tasks that it is fed from.
        tasks: Option<Vec<Place>>,
        /// What a row looks like; sees `record` and `tasks`.
        template: Option<Yaml>,
        ..options
    }
}

choice! {
    /// What a sink is fed with.
    pub enum FeedKind {
        /// A row for each record.
        Records = "records",
        /// A row for each example; one output for each task.
        Tasks = "tasks",
        /// A row for each record as the server sent it; one output for each stream.
        Raw = "raw",
        /// A row for each item of a child list that was fetched apart; one output for each list.
        RawChildren = "raw_children",
    }
}

/// The name of a sink.
#[derive(Debug, Clone)]
pub struct SinkName {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Decode for SinkName {
    fn shape() -> Shape {
        Shape::Plugin(scrape_api::Kind::Sink)
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Self { name: cx.text(node, "the name of a sink").unwrap_or_default(), span: node.span }
    }
    fn fallback(span: Span) -> Self {
        Self { name: String::new(), span }
    }
}

/// A name of something else in the spec.
#[derive(Debug, Clone)]
pub struct Place {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Decode for Place {
    fn shape() -> Shape {
        Shape::Text
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Self { name: cx.text(node, "a name").unwrap_or_default(), span: node.span }
    }
    fn fallback(span: Span) -> Self {
        Self { name: String::new(), span }
    }
}
