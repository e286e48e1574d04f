//! Cleaning and filtering, between mapping and rendering.

use crate::Result;
use serde_json::Value;

/// What a transform is applied to.
///
/// Not exhaustive: one that sees the whole data set (near-duplicates, splits) is
/// to come. It will be a trait and a [`Constructor`](crate::Constructor) of its
/// own beside this one, since it has state, an order, and a second pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// One value at a time: in a `map` as `transform: NAME`, or in the list of
    /// `transforms:` with `fields:` that say which values. The engine walks into
    /// lists and objects and gives each text in them.
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
///
/// ```
/// use scrape_api::{Result, Scope, Transform, Value, Verdict};
///
/// /// Leaves out records with hardly any text.
/// struct MinLength(usize);
///
/// impl Transform for MinLength {
///     fn scope(&self) -> Scope {
///         Scope::Record
///     }
///
///     fn apply(&self, item: &mut Value) -> Result<Verdict> {
///         let length = item["body"].as_str().map_or(0, |body| body.chars().count());
///         Ok(if length < self.0 { Verdict::Drop("too_short") } else { Verdict::Keep })
///     }
/// }
///
/// let mut record = scrape_api::serde_json::json!({ "body": "+1" });
/// assert_eq!(MinLength(20).apply(&mut record)?, Verdict::Drop("too_short"));
/// # Ok::<(), scrape_api::Error>(())
/// ```
pub trait Transform: Send + Sync {
    /// What it is applied to.
    fn scope(&self) -> Scope;

    /// Changes `item` in place: one value or one record, by [`Transform::scope`].
    ///
    /// With [`Scope::Value`] anything but [`Verdict::Keep`] drops the record
    /// that holds the value. Values of a type that it does not handle are left
    /// as they are. It does not panic, whatever comes: texts are what people
    /// wrote, of any length.
    ///
    /// # Errors
    /// An error rejects the record, with its message, into `rejected.jsonl`.
    fn apply(&self, item: &mut Value) -> Result<Verdict>;
}
