//! What a `fetch_if` looks at in a record, read without the rest of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use scrape_api::Bytes;
use serde_json::{Map, Value};

use super::record::Look;
use super::split::{self, Firsts};
use crate::plan::{ChildPlan, Env, EvalError, Path, Scope, Step, parse_json, template_value};
use crate::spec::{Diagnostic, Severity};

/// What a `fetch_if` looks at.
#[derive(Debug)]
pub(super) struct Needs {
    /// The parts of `parent` and where they are found, shorter paths first; `None`
    /// for all of it.
    parent: Option<Vec<(Vec<String>, usize)>>,
    inline: InlineNeed,
}

/// What a `fetch_if` needs of the inline list.
#[derive(Debug)]
enum InlineNeed {
    Nothing,
    /// The rest of its path, below a value that is found.
    Below(usize, Vec<Step>),
    /// All that its path selects in the record.
    Path(Path),
}

impl Needs {
    /// Those of a child list; `firsts` is to find them.
    pub(super) fn new(child: &ChildPlan, env: &Env, firsts: &mut Firsts) -> Self {
        let used = child.fetch_if.as_ref().map(|t| env.undeclared(t)).unwrap_or_default();
        let parts: BTreeSet<Vec<String>> = used
            .iter()
            .filter(|name| *name == "parent" || name.starts_with("parent."))
            .map(|name| name.split('.').skip(1).map(str::to_owned).collect())
            .collect();
        let steps =
            |part: &[String]| -> Vec<Step> { part.iter().cloned().map(Step::Name).collect() };
        let parts = parts.into_iter().map(|part| {
            let place = firsts.add(&steps(&part))?;
            (!part.is_empty()).then_some((part, place))
        });
        let parent = parts.collect();
        let uses = used.iter().any(|n| n == "inline" || n.starts_with("inline."));
        let inline = match child.inline.as_ref().filter(|_| uses) {
            None => InlineNeed::Nothing,
            Some(path) => match path.steps() {
                None => InlineNeed::Path(path.clone()),
                Some(steps) => {
                    let named = steps.iter().take_while(|s| matches!(s, Step::Name(_)));
                    let (above, below) = steps.split_at(named.count());
                    match firsts.add(above) {
                        Some(place) => InlineNeed::Below(place, below.to_vec()),
                        None => InlineNeed::Path(path.clone()),
                    }
                }
            },
        };
        Needs { parent, inline }
    }

    /// Whether the list of a record is still to be fetched.
    ///
    /// # Errors
    /// When `fetch_if` fails.
    pub(super) fn is_pending(
        &self,
        env: &Env,
        child: &ChildPlan,
        scope: &Scope,
        look: &Look<'_>,
    ) -> Result<bool, EvalError> {
        let Some(test) = &child.fetch_if else { return Ok(true) };
        let inline = match &self.inline {
            InlineNeed::Nothing => minijinja::Value::from_object(Inline(Vec::new())),
            InlineNeed::Below(place, steps) => {
                let list = look.first(*place).unwrap_or_default();
                let items = split::select(list, steps).unwrap_or_default();
                let items =
                    items.into_iter().map(|place| look.bytes.slice_ref(&list[place])).collect();
                minijinja::Value::from_object(Inline(items))
            }
            InlineNeed::Path(path) => {
                let value = parse_json(look.bytes).unwrap_or_default();
                path.all(&value).into_iter().map(template_value).collect()
            }
        };
        let parent = match &self.parent {
            Some(parts) => part_of(look, parts),
            None => parse_json(look.bytes).unwrap_or_default(),
        };
        let names = [("parent".to_owned(), template_value(&parent)), ("inline".to_owned(), inline)];
        env.test(test, &scope.with_all(names))
    }
}

/// A `fetch_if` that fails, as a finding about the spec.
pub(super) fn doubtful(child: &str, error: &EvalError) -> Diagnostic {
    let mut found = error.finding();
    found.severity = Severity::Warning;
    found.notes.push(format!("`fetch_if` fails, so that `{child}` is fetched for each record"));
    found
}

/// The items of an inline list, as templates see them: most only count them.
#[derive(Debug)]
struct Inline(Vec<Bytes>);

impl Object for Inline {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let text = self.0.get(key.as_usize()?)?;
        let value = parse_json(text).unwrap_or_default();
        Some(template_value(&value))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }
}

/// An object with only some parts of a record, shorter paths first.
fn part_of(look: &Look<'_>, parts: &[(Vec<String>, usize)]) -> Value {
    let mut whole = Map::new();
    for (part, place) in parts {
        let found = look.first(*place).and_then(|raw| parse_json(raw).ok());
        let Some((value, (last, above))) = found.zip(part.split_last()) else { continue };
        insert(&mut whole, above, last, value);
    }
    Value::Object(whole)
}

fn insert(map: &mut Map<String, Value>, above: &[String], name: &str, value: Value) {
    match above.split_first() {
        None => drop(map.insert(name.to_owned(), value)),
        Some((first, rest)) => {
            let next = map.entry(first.as_str()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(next) = next {
                insert(next, rest, name, value);
            }
        }
    }
}
