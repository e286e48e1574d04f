//! A record and its examples as text.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::view::Shown;
use crate::build::{Attempt, Fate, LeakShown};
use crate::observe::words::counted;
use crate::plan::{LeakPolicy, Plan, TaskPlan};
use crate::report::outline::{Extent, outline};

/// Characters of a leaked target that are shown.
const LEAKED: usize = 60;

/// The whole of a record.
pub(super) fn page(shown: &Shown, extent: Extent) -> String {
    let stream = &shown.plan.streams[shown.stream].name;
    let place = format!("{stream} {}", shown.stored.partition);
    let mut out = format!("── {} · {}\n", shown.key, place.trim_end());
    match shown.record {
        Ok(record) => fields(&mut out, record, shown.attempts, extent),
        Err(reason) => {
            let _ = writeln!(out, "  not used: {reason}");
        }
    }
    for (task, attempt) in shown.attempts {
        for fate in &attempt.fates {
            told(&mut out, shown.plan, task, fate, extent);
        }
    }
    out.push('\n');
    out
}

/// The fields; with a task those that it looked at, unless all are wanted.
fn fields(out: &mut String, record: &Value, attempts: &[(&TaskPlan, Attempt)], extent: Extent) {
    let all = Map::new();
    let all = record.as_object().unwrap_or(&all);
    let used = |name: &String| attempts.iter().any(|(_, attempt)| attempt.fields.contains(name));
    if attempts.is_empty() || extent == Extent::Full {
        return out.push_str(&outline(record, 2, extent));
    }
    let some: Map<String, Value> =
        all.iter().filter(|(name, _)| used(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    let others = all.len() - some.len();
    out.push_str(&outline(&Value::Object(some), 2, extent));
    if others > 0 {
        let others = counted(others as u64, "field");
        let _ = writeln!(out, "  … {others} not looked at (--full)");
    }
}

/// What became of an example.
fn told(out: &mut String, plan: &Plan, task: &TaskPlan, fate: &Fate, extent: Extent) {
    let name = &task.name;
    match fate {
        Fate::Made { example, leak } => {
            let _ = match leak {
                None => writeln!(out, "  → {name}"),
                Some(leak) => writeln!(out, "  → {name}: {}", of_leak(leak)),
            };
            out.push_str(&outline(example, 4, extent));
        }
        Fate::NotApplicable { because: None, .. } => {
            let _ = writeln!(out, "  → {name}: not made, the example is null");
        }
        Fate::NotApplicable { because: Some((key, expression)), looked_at } => {
            let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
            let what = if *key == "when" { "is false" } else { "gives nothing" };
            let _ = writeln!(out, "  → {name}: not made, `{key}` {what}: {expression}");
            for (value, found) in looked_at {
                let size = match found {
                    Value::String(text) => counted(text.chars().count() as u64, "character"),
                    Value::Array(items) => counted(items.len() as u64, "item"),
                    _ => String::new(),
                };
                let value =
                    if size.is_empty() { value.clone() } else { format!("{value} ({size})") };
                out.push_str(&outline(&json!({ value: found }), 4, extent));
            }
        }
        Fate::Failed(error) => {
            let _ = writeln!(out, "  → {name}: failed, {}", error.message);
            let places = error.places(&plan.sources);
            for (number, place) in places.iter().enumerate() {
                let how = if number == 0 { "at" } else { "rendered at" };
                let _ = writeln!(out, "    {how} {place}");
            }
            for value in &error.values {
                let _ = writeln!(out, "    {value}");
            }
        }
    }
}

fn of_leak(leak: &LeakShown) -> String {
    let LeakShown { policy, target, input, text } = leak;
    let fate = match policy {
        LeakPolicy::Drop => "left out",
        LeakPolicy::Report => "kept and counted",
        LeakPolicy::Allow => "kept",
    };
    let mut part: String = text.chars().take(LEAKED).collect();
    if part.len() < text.len() {
        part.push('…');
    }
    let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{fate} (leak: {}), {target} stands in {input}: “{part}”", policy.as_str())
}
