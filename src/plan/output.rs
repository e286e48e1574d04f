//! What is made of records: transforms, tasks, sinks.

use std::sync::Arc;

use scrape_api::{Sink, Transform};

use super::template::Name;
use super::{Node, Path, Template};
use crate::spec::Span;
pub use crate::spec::lang::LeakPolicy;

/// One step of `transforms:`.
pub struct TransformStep {
    /// The plugin's name.
    pub name: String,
    /// The plugin.
    pub plugin: Arc<dyn Transform>,
    /// For a value transform, paths into the mapped record whose strings it is
    /// applied to.
    pub fields: Vec<Path>,
}

/// One task: how examples are made of a record.
pub struct TaskPlan {
    /// Its name.
    pub name: String,
    /// Gives a list, one example for each item, which the others see as `item`;
    /// sees `record`.
    pub for_each: Option<Template>,
    /// Values computed for each example, in order; each sees those before it.
    pub bindings: Vec<(Name, Node)>,
    /// Whether the example is made; sees `record`, `item` and the bindings.
    pub when: Option<Template>,
    /// Whether there are bindings that `when` may be asked before: none hides a name.
    pub asks_first: bool,
    /// The example; sees `record`, `item` and the bindings.
    pub example: Node,
    /// Paths into the example: the leaves that a model is to produce.
    pub target: Vec<Path>,
    /// What happens to an example whose target stands in its input.
    pub leak: LeakPolicy,
}

/// What a sink is fed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// A row for each record of all streams.
    Records,
    /// A row for each example of one task.
    Task(String),
    /// A row for each record as the server sent it, of one stream.
    Raw(String),
    /// A row for each item of one child list of one stream that was fetched
    /// apart.
    RawChildren {
        /// The stream.
        stream: String,
        /// The child list.
        child: String,
    },
}

impl Feed {
    /// Whether it is what the server sent, whatever is mapped of it.
    pub fn is_raw(&self) -> bool {
        matches!(self, Self::Raw(_) | Self::RawChildren { .. })
    }
}

/// One sink, ready to be opened. [`SinkTarget`] holds the plugin.
pub struct SinkPlan {
    /// Its name in the spec.
    pub name: String,
    /// Where it is named.
    pub span: Span,
    /// What it is fed with.
    pub feed: Feed,
    /// What a row looks like; without one, a record as it was mapped, an
    /// example as it is. Sees `record` and `tasks`.
    pub template: Option<Node>,
    /// The plugin and its options: what tells one target from another.
    pub target: String,
    /// Makes the plugin, anew for each build.
    pub make: SinkTarget,
}

/// Makes a sink; its options were checked when the plan was made.
pub type SinkTarget =
    Arc<dyn Fn() -> Result<Box<dyn Sink>, scrape_api::OptionsError> + Send + Sync>;
