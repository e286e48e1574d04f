//! What is made of single records, step by step, for people who look at them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object};
use serde_json::Value;

use super::keep::Mapped;
use super::leak::{leak, place_of};
use super::map::{Left, Mapping, text_of, unreadable};
use super::mapper::Mapper;
use super::tasks;
use super::worker::{Done, Worker, display_key};
use crate::plan::{EvalError, LeakPolicy, Plan, Scope, TaskPlan, native, template_value};
use crate::store::StoredRecord;

/// What a task made of one record.
#[derive(Debug)]
pub struct Attempt {
    /// The fields of the record that it looked at, by name.
    pub fields: BTreeSet<String>,
    /// The fate of each example.
    pub fates: Vec<Fate>,
}

/// What became of one example.
#[derive(Debug)]
pub enum Fate {
    /// It was made.
    Made {
        /// The example.
        example: Value,
        /// The target that stands in its input.
        leak: Option<LeakShown>,
    },
    /// `when` was false, or there was nothing to make it of.
    NotApplicable {
        /// The key that decided, and its expression; none where the example is null.
        because: Option<(&'static str, String)>,
        /// The values that it looked at, by name.
        looked_at: Vec<(String, Value)>,
    },
    /// A template failed.
    Failed(EvalError),
}

/// A target that stands in the input of its example.
#[derive(Debug)]
pub struct LeakShown {
    /// What the task says of that.
    pub policy: LeakPolicy,
    /// The place of the target in the example: `$.completion[0].content`.
    pub target: String,
    /// The place of the text that it stands in.
    pub input: String,
    /// The target.
    pub text: String,
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
    /// The key of a record that people read, else its primary key.
    pub fn key(&self, stream: usize, record: &StoredRecord) -> String {
        let mapper = &self.worker.mappers[stream];
        let bytes = record.body.unpack();
        let tree = text_of(&bytes).ok().and_then(|text| mapper.shape.project(text).ok());
        let key = tree.and_then(|tree| display_key(mapper, &tree));
        key.unwrap_or_else(|| record.primary_key.clone())
    }

    /// The fields of a record.
    ///
    /// # Errors
    /// Why there are none, in one sentence.
    pub fn record(&self, stream: usize, record: &StoredRecord) -> Result<Value, String> {
        let worker = &self.worker;
        let mapper = &worker.mappers[stream];
        let bytes = record.body.unpack();
        let text = text_of(&bytes).map_err(|rejected| rejected.message)?;
        let tree = mapper.shape.project(text).map_err(|error| unreadable(&error).message)?;
        if let Some((list, reason)) = record.missing.first() {
            let why = reason.as_deref().unwrap_or("it is still to be fetched: --resume");
            return Err(format!("its list `{list}` is not there: {why}"));
        }
        let vars = mapper.vars(&record.partition);
        let children = &record.children;
        let mapping = Mapping { plan: worker.plan, mapper, vars: &vars, children, seen: None };
        let mapped = mapping.record(&tree).and_then(|record| worker.transform(record));
        mapped.map(|record| native::json_of(&record)).map_err(|left| match left {
            Left::Rejected(rejected) => match rejected.pointer {
                Some(pointer) => format!("{} (at {pointer})", rejected.message),
                None => rejected.message,
            },
            Left::Dropped { transform, reason } => {
                format!("the transform {transform} leaves it out: {reason}")
            }
        })
    }

    /// What a task or a sink makes of a mapped record, by the place of its
    /// [print](super::keep::prints): a list where it may make several.
    pub(super) fn part(&self, stream: usize, mapped: &Mapped, part: usize) -> Option<Value> {
        let plan = self.worker.plan;
        let mut done = Done::new(0, plan);
        let made = self.worker.make(stream, mapped, |_| None, &mut done);
        let (texts, several): (Vec<&[u8]>, bool) = match plan.tasks.get(part) {
            Some(task) => {
                let examples = made.get(part)?.examples.iter();
                (examples.map(|(_, example)| example.text()).collect(), task.for_each.is_some())
            }
            None => {
                let rows = done.rows.get(part - plan.tasks.len())?;
                (rows.iter().map(|row| &row.bytes[..]).collect(), rows.len() > 1)
            }
        };
        let mut values: Vec<Value> =
            texts.into_iter().filter_map(|text| serde_json::from_slice(text).ok()).collect();
        if several && !values.is_empty() { Some(Value::Array(values)) } else { values.pop() }
    }

    /// What a task makes of the fields of a record.
    pub fn task(&self, task: &TaskPlan, record: &Value) -> Attempt {
        let watched = Arc::new(Watched { record: template_value(record), seen: Mutex::default() });
        let value = minijinja::Value::from_dyn_object(watched.clone());
        let fates = self.fates(task, &self.worker.common.with("record", value));
        let fields = watched.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Attempt { fields, fates }
    }

    fn fates(&self, task: &TaskPlan, scope: &Scope) -> Vec<Fate> {
        let plan = self.worker.plan;
        let items = match tasks::items(plan, task, scope) {
            Ok(items) => items,
            Err(error) => return vec![Fate::Failed(error)],
        };
        if items.is_empty() {
            let because = task.for_each.as_ref().map(|list| ("for_each", list));
            return vec![self.not_applicable(because, scope)];
        }
        let fates = items.into_iter().map(|item| {
            let scope = item.map_or_else(|| scope.clone(), |item| scope.with("item", item));
            match tasks::example(plan, task, scope.clone()) {
                Ok(Some(example)) => {
                    let leak = leaked(&example, task);
                    Fate::Made { example, leak }
                }
                Ok(None) => {
                    let scope = tasks::bound(plan, task, scope.clone()).unwrap_or(scope);
                    let applies = |when| plan.env.test(when, &scope).unwrap_or(false);
                    let because = task.when.as_ref().filter(|when| !applies(when));
                    self.not_applicable(because.map(|when| ("when", when)), &scope)
                }
                Err(error) => Fate::Failed(error),
            }
        });
        fates.collect()
    }

    /// Why a task makes nothing here: the expression, and the values it looked at.
    fn not_applicable(
        &self,
        because: Option<(&'static str, &crate::plan::Template)>,
        scope: &Scope,
    ) -> Fate {
        let env = &self.worker.plan.env;
        let Some((key, template)) = because else {
            return Fate::NotApplicable { because: None, looked_at: Vec::new() };
        };
        let looked_at = env.undeclared(template).into_iter().filter_map(|name| {
            let mut parts = name.split('.');
            let mut value = scope.get(parts.next()?)?;
            for part in parts {
                value = value.get_attr(part).ok()?;
            }
            Some((name.clone(), serde_json::to_value(&value).ok()?))
        });
        let looked_at = looked_at.collect();
        Fate::NotApplicable { because: Some((key, template.source().to_owned())), looked_at }
    }
}

fn leaked(example: &Value, task: &TaskPlan) -> Option<LeakShown> {
    let found = leak(example, &task.target)?;
    Some(LeakShown {
        policy: task.leak,
        target: place_of(example, found.target)?,
        input: place_of(example, found.input)?,
        text: found.target.as_str().unwrap_or_default().to_owned(),
    })
}

/// A record that notes which of its fields are looked at.
#[derive(Debug)]
struct Watched {
    record: minijinja::Value,
    seen: Mutex<BTreeSet<String>>,
}

impl Object for Watched {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let value = self.record.get_item(key).ok().filter(|value| !value.is_undefined())?;
        if let Some(name) = key.as_str() {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(name.to_owned());
        }
        Some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.record.try_iter() {
            Ok(keys) => Enumerator::Values(keys.collect()),
            Err(_) => Enumerator::Empty,
        }
    }
}
