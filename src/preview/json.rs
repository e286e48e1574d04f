//! A record and its examples as data.

use serde_json::{Map, Value, json};

use super::view::Shown;
use crate::build::Fate;
use crate::plan::Plan;

/// One line: the record, and by task the fields that went in and what came out.
pub(super) fn line(shown: &Shown) -> String {
    let tasks: Map<String, Value> = shown
        .attempts
        .iter()
        .map(|(task, attempt)| {
            let examples: Vec<_> = attempt.fates.iter().map(|f| fate(shown.plan, f)).collect();
            let made = json!({ "fields": attempt.fields, "examples": examples });
            (task.name.clone(), made)
        })
        .collect();
    let mut line = json!({
        "key": shown.key,
        "primary_key": shown.stored.primary_key,
        "stream": shown.plan.streams[shown.stream].name,
        "partition": shown.stored.partition,
        "record": shown.record.as_ref().ok(),
        "error": shown.record.as_ref().err(),
        "tasks": tasks,
    })
    .to_string();
    line.push('\n');
    line
}

/// Every example has every key.
fn fate(plan: &Plan, fate: &Fate) -> Value {
    let (mut example, mut leak, mut because, mut error) =
        (&Value::Null, Value::Null, Value::Null, Value::Null);
    match fate {
        Fate::Made { example: made, leak: found } => {
            example = made;
            if let Some(found) = found {
                leak = json!({
                    "policy": found.policy.as_str(),
                    "target": found.target,
                    "input": found.input,
                });
            }
        }
        Fate::NotApplicable { because: found, looked_at } => {
            if let Some((key, expression)) = found {
                let looked_at: Map<String, Value> = looked_at.iter().cloned().collect();
                because = json!({ "key": key, "expression": expression, "values": looked_at });
            }
        }
        Fate::Failed(found) => {
            error = json!({
                "message": found.message,
                "places": found.places(&plan.sources),
                "values": found.values,
            });
        }
    }
    json!({ "example": example, "leak": leak, "not_made_because": because, "error": error })
}
