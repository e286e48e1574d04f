//! A checked spec made runnable: params applied, paths and templates compiled,
//! plugins made (but nothing opened).

mod bounded;
mod compile;
pub mod datetime;
mod engine_rules;
mod eval_error;
mod explain;
mod expr;
mod filters;
mod http;
pub mod json;
mod map;
mod marks;
pub mod names;
pub mod native;
mod nearest;
mod nesting;
mod node;
mod order;
mod origin;
mod origins;
mod outline;
mod output;
pub mod phrase;
mod quick;
mod scan;
mod slips;
mod stream;
mod template;

#[cfg(any(test, fuzzing))]
pub use bounded::outside_strings;
pub use bounded::{check as check_json, parse as parse_json};
pub use compile::compile;
pub use engine_rules::{ENGINE_RULES, engine_rules};
pub use eval_error::{EvalError, items_of};
pub use explain::explain;
pub use expr::{Path, PathError, Step};
pub use http::{
    Action, Auth, Backoff, Breaker, Condition, HttpPlan, Jitter, Pause, RateLimit, ReplyKind,
    Retry, Robots, Rule, Secret, Transport, Wait,
};
pub use map::{EachSource, FieldPlan, FieldSource, FieldType, MapPlan, ValueTransform};
pub use names::Names;
pub use native::of_json as template_value;
pub use nearest::{Nearest, nearest};
pub use node::Node;
#[cfg(test)]
pub use node::scope_of;
pub use order::{order_key, original_key, version_key};
pub use origin::differences;
pub use output::{Feed, LeakPolicy, SinkPlan, TaskPlan, TransformStep};
#[cfg(test)]
pub use scan::DEEPEST;
pub use scan::{ScanError, Scanner, is_json};
pub use stream::{
    Check, ChildPlan, Gaps, KeyOrder, Overlay, Pagination, PaginationKind, Partition, Preflight,
    Probe, Ranges, RequestTemplate, SortKey, StreamPlan, Sweep,
};
pub use template::{Budget, Callee, Env, Scope, Template, forget_long};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::spec::Sources;

/// Everything that a run needs to know, read only.
pub struct Plan {
    /// The spec's `name`.
    pub name: String,
    /// The spec's `description`.
    pub description: String,
    /// The file that was given on the command line.
    pub spec_file: PathBuf,
    /// Effective params: defaults, then stored ones, then the command line's.
    pub params: Map<String, Value>,
    /// Compiled templates live here; [`Template`] is a handle into it.
    pub env: Arc<Env>,
    /// How requests are sent.
    pub http: HttpPlan,
    /// Checks before the first page.
    pub preflight: Vec<Preflight>,
    /// Streams in the spec's order.
    pub streams: Vec<StreamPlan>,
    /// The steps of `transforms:`, in order.
    pub transforms: Vec<TransformStep>,
    /// Tasks in the spec's order.
    pub tasks: Vec<TaskPlan>,
    /// Sinks in the spec's order; a sink over tasks or children is already
    /// multiplied, one for each.
    pub sinks: Vec<SinkPlan>,
    /// The texts of the spec and of all files that it names, for messages.
    pub sources: Arc<Sources>,
    /// What tells two plans apart, part by part.
    pub fingerprints: Fingerprints,
}

/// Fingerprints of the parts of a plan. Two parts that have the same make the same of
/// the same, and tell of the same places where that fails.
#[derive(Debug, Clone, Default)]
pub struct Fingerprints {
    /// All but the tasks and the templates of sinks: what decides which records there
    /// are and how they are mapped. None where that cannot be known before it is run.
    pub reading: Option<u64>,
    /// Tasks by name, those that can be known.
    pub tasks: BTreeMap<String, u64>,
}

impl Plan {
    /// What every template sees: `params`, `version` and `spec`.
    pub fn scope(&self) -> Scope {
        compile::common_scope(&self.params, &self.name)
    }
}
