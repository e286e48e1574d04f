//! Examples: what a task makes of one record.

use std::sync::Arc;

use serde_json::Value;

use super::counts::TaskCounts;
use super::leak::leaks;
use crate::plan::json::Written;
use crate::plan::{Budget, EvalError, LeakPolicy, Node, Plan, Scope, TaskPlan, items_of};

/// What a task made of a record.
pub struct Made {
    /// The examples, with their numbers among those of the record.
    pub examples: Vec<(u32, Arc<Written>)>,
    /// What failed, once for each example.
    pub failures: Vec<EvalError>,
}

impl Made {
    /// What sink templates see as `tasks.NAME`: the example, or the list of them
    /// for a task with `for_each`; null where there is none.
    pub fn as_seen(&self, task: &TaskPlan) -> minijinja::Value {
        let mut examples = self.examples.iter().map(|(_, example)| example.seen());
        if self.examples.is_empty() || task.for_each.is_none() {
            return examples.next().unwrap_or(minijinja::Value::from(()));
        }
        examples.collect()
    }
}

/// Makes the examples of one record. `scope` has the record.
pub fn make(plan: &Plan, task: &TaskPlan, scope: &Scope, counts: &mut TaskCounts) -> Made {
    let _budget = Budget::begin();
    let mut made = Made { examples: Vec::new(), failures: Vec::new() };
    let fail = |made: &mut Made, counts: &mut TaskCounts, error: EvalError| {
        counts.errors += 1;
        made.failures.push(error);
    };
    let items = match items(plan, task, scope) {
        Ok(items) => items,
        Err(error) => {
            fail(&mut made, counts, error);
            return made;
        }
    };
    let mut leaked = 0;
    let cost = task.example.cost();
    for (number, item) in items.into_iter().enumerate() {
        let scope = match item {
            Some(item) => scope.with("item", item),
            None => scope.clone(),
        };
        let repeated =
            task.for_each.as_ref().map_or(Ok(()), |for_each| plan.env.spend(cost, for_each));
        if let Err(error) = repeated {
            fail(&mut made, counts, error);
            break;
        }
        match example(plan, task, scope) {
            Ok(None) => {}
            Ok(Some(example)) => {
                if leaks(&example, &task.target) {
                    match task.leak {
                        LeakPolicy::Drop => {
                            counts.leaks.dropped += 1;
                            leaked += 1;
                            continue;
                        }
                        LeakPolicy::Report => counts.leaks.reported += 1,
                        LeakPolicy::Allow => counts.leaks.allowed += 1,
                    }
                }
                counts.examples += 1;
                let example = Arc::new(Written::new(example));
                made.examples.push((u32::try_from(number).unwrap_or(u32::MAX), example));
            }
            Err(error) => fail(&mut made, counts, error),
        }
    }
    if made.examples.is_empty() && made.failures.is_empty() && leaked == 0 {
        counts.not_applicable += 1;
    }
    made
}

/// One entry for each example: the item of `for_each`, if the task has one.
pub fn items(
    plan: &Plan,
    task: &TaskPlan,
    scope: &Scope,
) -> Result<Vec<Option<minijinja::Value>>, EvalError> {
    let Some(for_each) = &task.for_each else { return Ok(vec![None]) };
    let list = plan.env.eval_native(for_each, scope)?;
    if list.is_none() {
        return Ok(Vec::new());
    }
    Ok(items_of("for_each", &list, for_each.span())?.map(Some).collect())
}

/// One example; `None` where the task does not apply.
pub fn example(plan: &Plan, task: &TaskPlan, scope: Scope) -> Result<Option<Value>, EvalError> {
    if let Some(when) = &task.when
        && task.asks_first
        && plan.env.test_quickly(when, &scope)? == Some(false)
    {
        return Ok(None);
    }
    let scope = bound(plan, task, scope)?;
    if let Some(when) = &task.when
        && !plan.env.test(when, &scope)?
    {
        return Ok(None);
    }
    task.example.eval(&plan.env, &scope).map(|e| Some(e).filter(|e| !e.is_null()))
}

/// A scope with what `let:` computes.
pub fn bound(plan: &Plan, task: &TaskPlan, mut scope: Scope) -> Result<Scope, EvalError> {
    for (name, node) in &task.bindings {
        let value = match node {
            // What one expression gives goes to the next as it is.
            Node::Template(template) => plan.env.eval_native(template, &scope)?,
            node => node.eval_native(&plan.env, &scope)?,
        };
        scope = scope.with(name.clone(), value);
    }
    Ok(scope)
}
