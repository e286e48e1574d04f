//! What is made of single records, step by step, for people who look at them.

use serde_json::Value;

use super::leak::leaks;
use super::map::{Left, Mapping, text_of, unreadable};
use super::mapper::Mapper;
use super::tasks;
use super::worker::{Worker, display_key};
use crate::plan::{LeakPolicy, Plan, Scope, TaskPlan, template_value};
use crate::store::StoredRecord;

/// What became of one record.
#[derive(Debug)]
pub struct Shown {
    /// The key that people read, else the primary key.
    pub key: String,
    /// Its fields; else why there are none.
    pub record: Result<Value, String>,
    /// By task, in the plan's order: the fate of each example. Empty without fields.
    pub tasks: Vec<Vec<Fate>>,
}

/// What became of one example.
#[derive(Debug)]
pub enum Fate {
    /// It was made.
    Made {
        /// The example.
        example: Value,
        /// Whether its target stands in its input, and what the task says of that.
        leak: Option<LeakPolicy>,
    },
    /// `when` was false, or there was nothing to make it of.
    NotApplicable {
        /// The condition, as it was written, where there is one.
        when: Option<String>,
        /// The values that it looked at, by name.
        looked_at: Vec<(String, Value)>,
    },
    /// A template failed: one sentence with its place.
    Failed(String),
}

/// Shows records of a plan's streams.
pub struct Show<'p> {
    worker: Worker<'p>,
}

/// Calls `look` with something that shows records.
pub fn show<R>(plan: &Plan, look: impl FnOnce(&Show) -> R) -> R {
    let common = plan.scope();
    let mappers: Vec<Mapper> = plan.streams.iter().map(|s| Mapper::new(s, &common)).collect();
    look(&Show { worker: Worker::new(plan, &mappers, common) })
}

impl Show<'_> {
    /// What is made of a record of a stream.
    pub fn record(&self, stream: usize, record: &StoredRecord) -> Shown {
        let worker = &self.worker;
        let mut key = record.primary_key.clone();
        let mapped = self.mapped(stream, record, &mut key);
        let tasks = match &mapped {
            Ok(value) => {
                let scope = worker.common.with("record", template_value(value));
                worker.plan.tasks.iter().map(|task| self.fates(task, &scope)).collect()
            }
            Err(_) => Vec::new(),
        };
        Shown { key, record: mapped, tasks }
    }

    fn mapped(
        &self,
        stream: usize,
        record: &StoredRecord,
        key: &mut String,
    ) -> Result<Value, String> {
        let worker = &self.worker;
        let mapper = &worker.mappers[stream];
        let text = text_of(record.body.unpack()).map_err(|rejected| rejected.message)?;
        let tree = mapper.shape.project(&text).map_err(|error| unreadable(&error).message)?;
        if let Some(found) = display_key(mapper, &tree) {
            *key = found;
        }
        if let Some((list, reason)) = record.missing.first() {
            let why = reason.as_deref().unwrap_or("it is still to be fetched: --resume");
            return Err(format!("its list `{list}` is not there: {why}"));
        }
        let vars = mapper.vars(&record.partition);
        let children = &record.children;
        let mapping = Mapping { plan: worker.plan, mapper, vars: &vars, children, seen: None };
        let mapped = mapping.record(&tree).and_then(|map| worker.transform(Value::Object(map)));
        mapped.map_err(|left| match left {
            Left::Rejected(rejected) => match rejected.pointer {
                Some(pointer) => format!("{} (at {pointer})", rejected.message),
                None => rejected.message,
            },
            Left::Dropped { transform, reason } => {
                format!("the transform {transform} leaves it out: {reason}")
            }
        })
    }

    fn fates(&self, task: &TaskPlan, scope: &Scope) -> Vec<Fate> {
        let plan = self.worker.plan;
        let failed = |error: &crate::plan::EvalError| {
            Fate::Failed(format!("{}: {}", plan.sources.display(error.span), error.message))
        };
        let items = match tasks::items(plan, task, scope) {
            Ok(items) => items,
            Err(error) => return vec![failed(&error)],
        };
        if items.is_empty() {
            let list = task.for_each.as_ref().map(|t| format!("for_each: {}", t.source()));
            return vec![Fate::NotApplicable { when: list, looked_at: Vec::new() }];
        }
        let fates = items.into_iter().map(|item| {
            let scope = item.map_or_else(|| scope.clone(), |item| scope.with("item", item));
            match tasks::example(plan, task, scope.clone()) {
                Ok(Some(example)) => {
                    let leak = leaks(&example, &task.target).then_some(task.leak);
                    Fate::Made { example, leak }
                }
                Ok(None) => self.not_applicable(task, scope),
                Err(error) => failed(&error),
            }
        });
        fates.collect()
    }

    /// Why a task makes nothing here: its condition, and what it looked at.
    fn not_applicable(&self, task: &TaskPlan, scope: Scope) -> Fate {
        let env = &self.worker.plan.env;
        let Some(when) = &task.when else {
            return Fate::NotApplicable { when: None, looked_at: Vec::new() };
        };
        let scope = tasks::bound(self.worker.plan, task, scope.clone()).unwrap_or(scope);
        let looked_at = env.undeclared(when).into_iter().filter_map(|name| {
            let mut parts = name.split('.');
            let mut value = scope.get(parts.next()?)?;
            for part in parts {
                value = value.get_attr(part).ok()?;
            }
            Some((name.clone(), serde_json::to_value(&value).ok()?))
        });
        let looked_at = looked_at.collect();
        Fate::NotApplicable { when: Some(when.source().to_owned()), looked_at }
    }
}
