//! Cleaning and filtering, between mapping and rendering.

use crate::Result;
use serde_json::Value;

/// What a transform is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// One value at a time: in a `map` as `transform: NAME`, or in the list of
    /// `transforms:` with `fields:` that say which values.
    Value,
    /// The whole mapped record.
    Record,
}

/// What becomes of a record after a transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It is left out, and counted under the transform and this reason, which
    /// is a fixed word such as `bot` or `too_short`.
    Drop(&'static str),
}

/// A pure function over values or records: the same input gives the same
/// output, on any thread, in any order.
pub trait Transform: Send + Sync {
    /// What it is applied to.
    fn scope(&self) -> Scope;

    /// Changes `item` in place: one value or one record, by [`Transform::scope`].
    ///
    /// With [`Scope::Value`] anything but [`Verdict::Keep`] drops the record
    /// that holds the value. Values of a type that it does not handle are left
    /// as they are.
    ///
    /// # Errors
    /// An error rejects the record, with its message, into `rejected.jsonl`.
    fn apply(&self, item: &mut Value) -> Result<Verdict>;
}
