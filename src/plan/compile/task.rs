//! `tasks:`.

use super::compiler::Compiler;
use super::names::{Attrs, Known};
use super::nodes::items_of;
use crate::plan::{LeakPolicy, Node, Path, Step, TaskPlan};
use crate::spec::lang::TaskSpec;
use crate::spec::{Key, suggest_hint};

/// Each value can hold those before it: so many levels are walked on the stack.
const MOST_BINDINGS: usize = 500;

impl Compiler<'_> {
    /// The names that templates over mapped records see.
    pub(super) fn record_names(&self) -> Known {
        self.common.clone().with("record", self.record.clone())
    }

    pub(super) fn tasks(&mut self, tasks: &[(Key, TaskSpec)]) -> Vec<TaskPlan> {
        tasks.iter().map(|(key, task)| self.task(key, task)).collect()
    }

    fn task(&mut self, key: &Key, spec: &TaskSpec) -> TaskPlan {
        self.file_name(key, "a task");
        let mut known = self.record_names();
        let for_each =
            spec.for_each.as_ref().map(|t| self.expression_template(t, "for_each", &known));
        if let Some(list) = &for_each {
            let items = items_of(list, &known);
            known = known.with("item", items);
        }
        let mut bindings = Vec::new();
        if let Some((name, _)) = spec.bindings.0.get(MOST_BINDINGS) {
            let message = format!("more than {MOST_BINDINGS} values in `let`");
            self.diagnostics
                .error(name.span, message)
                .hint("put them into one, as a list or a map");
        }
        let mut asks_first = !spec.bindings.0.is_empty();
        for (name, node) in spec.bindings.0.iter().take(MOST_BINDINGS) {
            self.identifier(name, "a value");
            asks_first &= known.attrs(&name.text).is_none();
            bindings.push((name.text.as_str().into(), self.node(node, &known)));
            known = known.with(&name.text, Attrs::Any);
        }
        let when = spec.when.as_ref().map(|t| self.expression_template(t, "when", &known));
        let example = self.node(&spec.example, &known);
        let target: Vec<Path> = spec.target.0.iter().map(|t| self.own_path(t)).collect();
        // One that is missing has been told of.
        for path in target
            .iter()
            .filter(|_| !matches!(&example, Node::Const(value) if value.json().is_null()))
        {
            self.check_target(path, &example);
        }
        if target.is_empty() && spec.leak != LeakPolicy::Allow {
            self.diagnostics
                .error(key.span, format!("`leak: {}` needs `target`", spec.leak.as_str()))
                .hint("target: the parts of the example that a model is to produce");
        }
        TaskPlan {
            name: key.text.clone(),
            when,
            asks_first,
            for_each,
            bindings,
            example,
            target,
            leak: spec.leak,
        }
    }

    /// Follows a path into the example as far as its shape is fixed.
    fn check_target(&mut self, path: &Path, example: &Node) {
        let Some(steps) = path.steps() else { return };
        let mut at = vec![example];
        for step in steps {
            let mut next = Vec::new();
            let mut keys: Vec<String> = Vec::new();
            for node in at {
                match (node, step) {
                    (Node::Object(entries), Step::Name(name)) => {
                        keys.extend(entries.iter().map(|(k, _)| k.clone()));
                        next.extend(entries.iter().filter(|(k, _)| k == name).map(|(_, n)| n));
                    }
                    (Node::List(items), Step::All | Step::Index(_)) => next.extend(items),
                    (Node::Const(value), Step::Name(name)) => {
                        let value = value.json();
                        if value.get(name).is_some() {
                            return;
                        }
                        keys.extend(value.as_object().into_iter().flat_map(|m| m.keys().cloned()));
                    }
                    // What these give is known only when they are evaluated.
                    _ => return,
                }
            }
            if next.is_empty() {
                let Step::Name(name) = step else { return };
                self.diagnostics
                    .error(path.span(), format!("the example has no `{name}`"))
                    .hint(suggest_hint(name, keys.iter().map(String::as_str)));
                return;
            }
            at = next;
        }
    }
}
