//! Transforms at work on values.

use scrape_api::{Transform, Verdict};
use serde_json::Value;

use super::convert::shown;
use super::map::{Left, Rejected};
use crate::plan::{Path, ValueTransform};
use crate::store::Stage;

/// Applies a value transform to the texts of all values that a path selects.
///
/// # Errors
/// When the transform fails or leaves the record out.
pub fn at_path(record: &mut Value, path: &Path, transform: &ValueTransform) -> Result<(), Left> {
    // By their addresses: nothing moves between the look and the change.
    let places: Vec<usize> =
        path.all(record).into_iter().map(|v| std::ptr::from_ref(v).addr()).collect();
    if places.is_empty() { Ok(()) } else { at_places(record, &places, transform) }
}

fn at_places(value: &mut Value, places: &[usize], transform: &ValueTransform) -> Result<(), Left> {
    if places.contains(&std::ptr::from_ref::<Value>(value).addr()) {
        return transform_texts(value, transform);
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|v| at_places(v, places, transform)),
        Value::Object(map) => map.values_mut().try_for_each(|v| at_places(v, places, transform)),
        _ => Ok(()),
    }
}

/// Applies a value transform to each text of a value.
///
/// # Errors
/// When the transform fails or leaves the record out.
pub fn transform_texts(value: &mut Value, step: &ValueTransform) -> Result<(), Left> {
    match value {
        Value::String(_) => apply(value, &step.name, step.plugin.as_ref()),
        Value::Array(items) => items.iter_mut().try_for_each(|v| transform_texts(v, step)),
        Value::Object(map) => map.values_mut().try_for_each(|v| transform_texts(v, step)),
        _ => Ok(()),
    }
}

/// Applies a transform to what it is made for.
///
/// # Errors
/// When the transform fails or leaves the record out.
pub fn apply(value: &mut Value, name: &str, plugin: &dyn Transform) -> Result<(), Left> {
    match plugin.apply(value) {
        Ok(Verdict::Keep) => Ok(()),
        Ok(Verdict::Drop(reason)) => Err(Left::Dropped { transform: name.to_owned(), reason }),
        Err(error) => Err(Left::Rejected(Rejected {
            stage: Stage::Transform,
            reason: "transform_failed",
            message: format!("the transform {name} failed: {}", shown(&error.to_string())),
            pointer: None,
            child: None,
            failure: None,
        })),
    }
}
