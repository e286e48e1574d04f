//! From a raw record to named fields.

use std::sync::Arc;

use scrape_api::Transform;
use serde_json::Value;

use super::{Path, Template};
pub use crate::spec::lang::FieldType;

/// The fields of a mapped record, in the spec's order.
pub struct MapPlan {
    /// Each field.
    pub fields: Vec<FieldPlan>,
}

/// One field.
pub struct FieldPlan {
    /// Its name, which templates see as `record.NAME`.
    pub name: String,
    /// Where its value comes from.
    pub source: FieldSource,
    /// What it is made into.
    pub ty: FieldType,
    /// The value where the source gives none; else null, or an empty list.
    pub default: Option<Value>,
    /// Whether a record without it is rejected.
    pub required: bool,
    /// Value transforms, in order; each string of a list or an object is
    /// transformed.
    pub transforms: Vec<ValueTransform>,
}

/// A value transform in use.
#[derive(Clone)]
pub struct ValueTransform {
    /// The plugin's name.
    pub name: String,
    /// The plugin.
    pub plugin: Arc<dyn Transform>,
}

/// Where a field's value comes from.
pub enum FieldSource {
    /// A path into the record: the first value, or all of them in a list when
    /// the path can select several.
    Path(Path),
    /// The first of several paths that gives a value.
    Coalesce(Vec<Path>),
    /// A template over the raw record (`record`) and the partition's variables.
    Template(Template),
    /// A list: a map applied to each value that `each` selects.
    Each {
        /// Selects the values, in the record or in a child list.
        each: EachSource,
        /// The fields of one item.
        map: MapPlan,
    },
    /// A fixed value.
    Const(Value),
}

/// What an `each:` goes over.
pub enum EachSource {
    /// Values of the record.
    Path(Path),
    /// The items of a child list, by its name: the fetched ones, else those
    /// that came inline.
    Children(String),
}
