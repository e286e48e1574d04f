//! The node language: a tree of templates that gives a JSON value.

use serde_json::Value;

use super::eval_error::{EvalError, items_of};
use super::json;
use super::native::{self, Constant};
use super::template::{Budget, Env, Name, Scope, Template, of_bytes, of_value};

/// What a part of a tree costs that is made once more, in steps of a template.
const STEP: u64 = 4;

/// A tree of templates: the language of task files, of sinks' `template:` and of
/// request bodies.
pub enum Node {
    /// A value without templates in it.
    Const(Constant),
    /// A template; exactly one `{{ expr }}` keeps its native type.
    Template(Template),
    /// A list; an `Each` among its items is spliced in, an `If` that gives
    /// nothing leaves no item.
    List(Vec<Node>),
    /// An object with its keys in order. A value that is an `If` that gives
    /// nothing leaves its key out.
    Object(Vec<(String, Node)>),
    /// `{ $each: expr, as: name, when: expr, yield: node }`
    Each {
        /// Gives the list.
        list: Template,
        /// The name of an item in `body`; `NAME_index` counts from 0.
        var: Name,
        /// The name of its place.
        index: Name,
        /// Items for which it is false are left out.
        when: Option<Template>,
        /// What is made of an item.
        body: Box<Node>,
    },
    /// `{ $if: expr, then: node, else: node }`
    If {
        /// The condition.
        test: Template,
        /// When it is true.
        then: Box<Node>,
        /// When it is false; without it nothing is made.
        otherwise: Option<Box<Node>>,
    },
    /// `{ $splice: node }`: the items of the list that the node gives, put into
    /// the list around it.
    Splice(Box<Node>),
}

impl Node {
    /// Evaluates the tree.
    ///
    /// # Errors
    /// Those of its templates; and for `$each` or `$splice` over what is no list.
    pub fn eval(&self, env: &Env, scope: &Scope) -> Result<Value, EvalError> {
        self.eval_as(env, scope)
    }

    /// Evaluates the tree, for templates that are to see the value.
    ///
    /// # Errors
    /// As [`Node::eval`].
    pub fn eval_native(&self, env: &Env, scope: &Scope) -> Result<minijinja::Value, EvalError> {
        self.eval_as(env, scope)
    }

    fn eval_as<F: Form>(&self, env: &Env, scope: &Scope) -> Result<F, EvalError> {
        let _budget = Budget::begin();
        Ok(self.eval_optional(env, scope)?.unwrap_or_else(F::null))
    }

    /// As [`Node::eval`], written as JSON on one line.
    ///
    /// # Errors
    /// As [`Node::eval`]; then a part may be written.
    pub fn write(&self, env: &Env, scope: &Scope, out: &mut Vec<u8>) -> Result<(), EvalError> {
        let _budget = Budget::begin();
        match self {
            Self::Template(template) => env.write(template, scope, out),
            Self::Object(entries) => {
                out.push(b'{');
                let mut first = true;
                for (key, node) in entries {
                    let length = out.len();
                    if !first {
                        out.push(b',');
                    }
                    json::write_text(key, out);
                    out.push(b':');
                    if node.write_optional(env, scope, out)? {
                        first = false;
                    } else {
                        out.truncate(length);
                    }
                }
                out.push(b'}');
                Ok(())
            }
            Self::Const(value) => {
                json::write_value(value.json(), out);
                Ok(())
            }
            _ => {
                write_native(&self.eval_native(env, scope)?, out);
                Ok(())
            }
        }
    }

    /// Writes the value, if there is one; false for an `$if` that gives nothing.
    fn write_optional(
        &self,
        env: &Env,
        scope: &Scope,
        out: &mut Vec<u8>,
    ) -> Result<bool, EvalError> {
        if let Self::If { .. } = self {
            let value = self.eval_optional(env, scope)?;
            value.iter().for_each(|value| write_native(value, out));
            return Ok(value.is_some());
        }
        self.write(env, scope, out).map(|()| true)
    }

    /// `None` for an `$if` that gives nothing.
    fn eval_optional<F: Form>(&self, env: &Env, scope: &Scope) -> Result<Option<F>, EvalError> {
        Ok(Some(match self {
            Self::Const(value) => F::constant(value),
            Self::Template(template) => F::evaluated(env, template, scope)?,
            Self::List(nodes) => {
                let mut items = Vec::with_capacity(nodes.len());
                for node in nodes {
                    node.eval_into(env, scope, &mut items)?;
                }
                F::list(items)
            }
            Self::Object(entries) => {
                let mut made = Vec::with_capacity(entries.len());
                for (key, node) in entries {
                    if let Some(value) = node.eval_optional(env, scope)? {
                        made.push((key.as_str(), value));
                    }
                }
                F::object(made)
            }
            Self::Each { .. } => {
                let mut items = Vec::new();
                self.eval_into(env, scope, &mut items)?;
                F::list(items)
            }
            Self::If { test, then, otherwise } => {
                if env.test(test, scope)? {
                    return then.eval_optional(env, scope);
                }
                return match otherwise {
                    Some(node) => node.eval_optional(env, scope),
                    None => Ok(None),
                };
            }
            Self::Splice(node) => node.eval_as(env, scope)?,
        }))
    }

    /// Evaluates as an item of a list.
    fn eval_into<F: Form>(
        &self,
        env: &Env,
        scope: &Scope,
        items: &mut Vec<F>,
    ) -> Result<(), EvalError> {
        match self {
            Self::Each { list, var, index, when, body } => {
                let values = env.eval_native(list, scope)?;
                if values.is_none() {
                    return Ok(());
                }
                let values = items_of("$each", &values, list.span())?;
                let cost = body.cost();
                for (i, value) in values.enumerate() {
                    env.spend(cost, list)?;
                    let scope = scope
                        .with(var.clone(), value)
                        .with(index.clone(), minijinja::Value::from(i));
                    if let Some(when) = when
                        && !env.test(when, &scope)?
                    {
                        continue;
                    }
                    body.eval_into(env, &scope, items)?;
                }
            }
            Self::Splice(node) => node.eval_as::<F>(env, scope)?.splice(items),
            Self::If { test, then, otherwise } => {
                if env.test(test, scope)? {
                    then.eval_into(env, scope, items)?;
                } else if let Some(node) = otherwise {
                    node.eval_into(env, scope, items)?;
                }
            }
            _ => items.extend(self.eval_optional(env, scope)?),
        }
        Ok(())
    }

    /// What it costs to make the tree, without its templates.
    pub fn cost(&self) -> u64 {
        match self {
            Self::Const(value) => STEP + of_value(&value.native()),
            Self::Template(_) => STEP,
            Self::List(nodes) => STEP + nodes.iter().map(Self::cost).sum::<u64>(),
            Self::Object(entries) => {
                let keys: usize = entries.iter().map(|(key, _)| key.len()).sum();
                of_bytes(keys) + entries.iter().map(|(_, node)| node.cost()).sum::<u64>()
            }
            // What they repeat or choose costs when it is made.
            Self::Each { .. } => STEP,
            Self::If { then, otherwise, .. } => {
                then.cost().max(otherwise.as_ref().map_or(0, |node| node.cost()))
            }
            Self::Splice(node) => node.cost(),
        }
    }

    /// All templates of the tree, outermost first, each with the names that the
    /// `$each` around it add.
    pub fn templates(&self) -> Vec<(&Template, Vec<&str>)> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect<'n>(
        &'n self,
        names: &mut Vec<&'n str>,
        found: &mut Vec<(&'n Template, Vec<&'n str>)>,
    ) {
        match self {
            Self::Const(_) => {}
            Self::Template(template) => found.push((template, names.clone())),
            Self::List(nodes) => nodes.iter().for_each(|n| n.collect(names, found)),
            Self::Object(entries) => entries.iter().for_each(|(_, n)| n.collect(names, found)),
            Self::Each { list, var, when, body, .. } => {
                found.push((list, names.clone()));
                names.push(var);
                if let Some(when) = when {
                    found.push((when, names.clone()));
                }
                body.collect(names, found);
                names.pop();
            }
            Self::If { test, then, otherwise } => {
                found.push((test, names.clone()));
                then.collect(names, found);
                if let Some(node) = otherwise {
                    node.collect(names, found);
                }
            }
            Self::Splice(node) => node.collect(names, found),
        }
    }
}

/// What a tree is made into.
trait Form: Sized {
    fn null() -> Self;

    fn constant(value: &Constant) -> Self;

    fn evaluated(env: &Env, template: &Template, scope: &Scope) -> Result<Self, EvalError>;

    fn list(items: Vec<Self>) -> Self;

    fn object(entries: Vec<(&str, Self)>) -> Self;

    /// Puts the items of a list into another, nothing for null.
    fn splice(self, items: &mut Vec<Self>);
}

impl Form for Value {
    fn null() -> Self {
        Self::Null
    }

    fn constant(value: &Constant) -> Self {
        value.json().clone()
    }

    fn evaluated(env: &Env, template: &Template, scope: &Scope) -> Result<Self, EvalError> {
        env.eval(template, scope)
    }

    fn list(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn object(entries: Vec<(&str, Self)>) -> Self {
        Self::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    fn splice(self, items: &mut Vec<Self>) {
        match self {
            Self::Array(values) => items.extend(values),
            Self::Null => {}
            other => items.push(other),
        }
    }
}

impl Form for minijinja::Value {
    fn null() -> Self {
        Self::from(())
    }

    fn constant(value: &Constant) -> Self {
        value.native()
    }

    fn evaluated(env: &Env, template: &Template, scope: &Scope) -> Result<Self, EvalError> {
        env.eval_json(template, scope)
    }

    fn list(items: Vec<Self>) -> Self {
        native::list(items)
    }

    fn object(entries: Vec<(&str, Self)>) -> Self {
        native::object(entries)
    }

    fn splice(self, items: &mut Vec<Self>) {
        match native::items(&self) {
            Some(values) => items.extend_from_slice(values),
            None if self.is_none() => {}
            None => items.push(self),
        }
    }
}

/// Memory does not fail to be written to, and the value is JSON.
fn write_native(value: &minijinja::Value, out: &mut Vec<u8>) {
    let _ = json::write(value, out);
}

/// A scope with one JSON value under a name.
#[cfg(test)]
pub fn scope_of(name: &str, value: &Value) -> Scope {
    Scope::new([(name.to_owned(), native::of_json(value))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Span;
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn lists_are_spliced_and_empty_branches_leave_nothing() {
        let mut env = Env::new();
        let mut t =
            |s: &str| env.compile(s, Span { file: 0, start: 0, end: 0 }, Path::new("")).unwrap();
        let say = |t: Template| Node::Template(t);
        let node = Node::Object(vec![
            (
                "messages".into(),
                Node::List(vec![
                    say(t("first")),
                    Node::Each {
                        list: t("{{ record.items }}"),
                        var: "item".into(),
                        index: "item_index".into(),
                        when: Some(t("{{ item > 1 }}")),
                        body: Box::new(Node::List(vec![
                            say(t("{{ item }}")),
                            say(t("#{{ item_index }}")),
                        ])),
                    },
                    Node::Splice(Box::new(say(t("{{ record.items }}")))),
                    Node::If {
                        test: t("{{ false }}"),
                        then: Box::new(Node::Const(json!(9).into())),
                        otherwise: None,
                    },
                ]),
            ),
            (
                "gone".into(),
                Node::If {
                    test: t("{{ false }}"),
                    then: Box::new(Node::Const(json!(9).into())),
                    otherwise: None,
                },
            ),
            (
                "kept".into(),
                Node::If {
                    test: t("{{ true }}"),
                    then: Box::new(Node::Const(json!(9).into())),
                    otherwise: None,
                },
            ),
        ]);
        let scope = scope_of("record", &json!({ "items": [1, 2, 3] }));
        let value = node.eval(&env, &scope).unwrap();
        assert_eq!(
            value,
            json!({ "messages": ["first", [2, "#1"], [3, "#2"], 1, 2, 3], "kept": 9 })
        );
        let mut text = Vec::new();
        node.write(&env, &scope, &mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), value.to_string());
    }
}
