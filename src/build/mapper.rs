//! The maps of a stream, made ready: which parts of a record they read, and
//! which of them read all of it.

use std::collections::HashMap;

use super::projection::Shape;
use crate::plan::{
    EachSource, FieldPlan, FieldSource, FieldType, MapPlan, Path, Scope, Step, StreamPlan,
    Template, native, template_value,
};

/// How records of one stream are mapped. Made once, used by all workers.
pub struct Mapper<'p> {
    /// The map.
    pub map: FieldSet<'p>,
    /// What is read of a record.
    pub shape: Shape,
    /// Where the key that people read stands.
    pub key: Option<&'p [Step]>,
    /// The variables of each partition, as templates see them.
    vars: HashMap<&'p str, Scope>,
    /// All fields, items' included, in the order of their numbers.
    pub watched: Vec<WatchedField<'p>>,
}

/// A field that should be found somewhere, for a warning where it never is.
pub struct WatchedField<'p> {
    /// As in the spec: `comments.author`.
    pub name: String,
    /// Its first plain path, from the top of the record.
    pub steps: Vec<Step>,
    /// Of these, how many are those of the items' list.
    pub above: usize,
    /// Whether it belongs to the items of a list.
    pub of_item: bool,
    /// The path as it was written; a template or a constant has none.
    pub path: Option<&'p Path>,
}

/// The fields of a map.
pub struct FieldSet<'p> {
    /// Each field.
    pub fields: Vec<Field<'p>>,
    /// Whether some field needs the full tree of the record or item.
    pub whole: bool,
}

/// One field.
pub struct Field<'p> {
    /// What the spec says.
    pub plan: &'p FieldPlan,
    /// Its place in [`Mapper::watched`].
    pub number: usize,
    /// Where its value comes from.
    pub source: Source<'p>,
    /// Its name, as templates see it.
    pub key: minijinja::Value,
    /// What it is where there is no value.
    pub empty: minijinja::Value,
}

/// Where a value comes from.
pub enum Source<'p> {
    /// The first of these paths that gives a value.
    Paths(Vec<Selector<'p>>),
    /// A template over the whole record.
    Template(&'p Template),
    /// A map over items.
    Each(Items<'p>, FieldSet<'p>),
    /// A fixed value.
    Const(&'p serde_json::Value),
}

/// A path, by how it is evaluated.
#[derive(Clone, Copy)]
pub enum Selector<'p> {
    /// On the projection.
    Plain(&'p [Step]),
    /// On the full tree.
    Query(&'p Path),
}

/// What a map over items goes over.
pub struct Items<'p> {
    /// The child list whose fetched items come first.
    pub child: Option<&'p str>,
    /// The items in the record.
    pub inline: Option<Selector<'p>>,
    /// What is read of an item that is read apart from its record.
    pub shape: Shape,
}

impl<'p> Selector<'p> {
    fn new(path: &'p Path) -> Self {
        path.steps().map_or(Self::Query(path), Self::Plain)
    }

    /// Whether it can select more than one value.
    pub fn is_plural(self) -> bool {
        match self {
            Self::Plain(steps) => steps.contains(&Step::All),
            Self::Query(path) => path.is_plural(),
        }
    }
}

impl<'p> Field<'p> {
    fn new(plan: &'p FieldPlan, number: usize, source: Source<'p>) -> Self {
        let empty = match &plan.default {
            Some(default) => template_value(default),
            None if is_list(plan, &source) => native::list(Vec::new()),
            None => minijinja::Value::from(()),
        };
        Self { plan, number, source, key: plan.name.as_str().into(), empty }
    }
}

/// Whether a field gives a list.
fn is_list(plan: &FieldPlan, source: &Source) -> bool {
    plan.ty == FieldType::List
        || match source {
            Source::Paths(selectors) => selectors.iter().any(|s| s.is_plural()),
            Source::Each(..) => true,
            Source::Template(_) | Source::Const(_) => false,
        }
}

impl<'p> Mapper<'p> {
    /// Makes a stream's map ready.
    ///
    /// `common` is what every template sees.
    pub fn new(stream: &'p StreamPlan, common: &Scope) -> Self {
        let mut watched = Vec::new();
        let map = field_set(stream, &stream.map, &mut Above::default(), &mut watched);
        let key = stream.sort_key.as_ref().and_then(|k| k.path.steps());
        let mut shape = Shape::default();
        lay(&map, &mut shape);
        if let Some(key) = key {
            shape.at(key).keep();
        }
        shape.close();
        let vars = stream
            .partitions
            .iter()
            .map(|partition| {
                let vars = partition.vars.iter().map(|(k, v)| (k.clone(), template_value(v)));
                (partition.id.as_str(), common.with_all(vars))
            })
            .collect();
        Self { map, shape, key, vars, watched }
    }

    /// The variables of a partition.
    pub fn vars(&self, partition: &str) -> Scope {
        self.vars.get(partition).cloned().unwrap_or_default()
    }
}

/// Where the items of a map stand, for names and paths in warnings.
#[derive(Default, Clone)]
struct Above {
    name: String,
    steps: Vec<Step>,
    inside: bool,
}

fn field_set<'p>(
    stream: &'p StreamPlan,
    map: &'p MapPlan,
    above: &mut Above,
    watched: &mut Vec<WatchedField<'p>>,
) -> FieldSet<'p> {
    let mut whole = false;
    let mut fields = Vec::with_capacity(map.fields.len());
    for plan in &map.fields {
        let number = watched.len();
        let name = format!("{}{}", above.name, plan.name);
        let first = first_path(stream, &plan.source);
        let steps = first.and_then(Path::steps).unwrap_or_default();
        let here = Above {
            name: format!("{name}."),
            steps: above.steps.iter().chain(steps).cloned().collect(),
            inside: true,
        };
        watched.push(WatchedField {
            name,
            steps: here.steps.clone(),
            above: above.steps.len(),
            of_item: above.inside,
            path: first,
        });
        let source = match &plan.source {
            FieldSource::Path(path) => Source::Paths(vec![Selector::new(path)]),
            FieldSource::Coalesce(paths) => {
                Source::Paths(paths.iter().map(Selector::new).collect())
            }
            FieldSource::Template(template) => Source::Template(template),
            FieldSource::Const(value) => Source::Const(value),
            FieldSource::Each { each, map } => {
                let map = field_set(stream, map, &mut here.clone(), watched);
                let mut shape = Shape::default();
                lay(&map, &mut shape);
                shape.close();
                let inline = first.map(Selector::new);
                let child = match each {
                    EachSource::Children(name) => Some(name.as_str()),
                    EachSource::Path(_) => None,
                };
                Source::Each(Items { child, inline, shape }, map)
            }
        };
        whole |= match &source {
            Source::Paths(selectors) => selectors.iter().any(|s| matches!(s, Selector::Query(_))),
            Source::Template(_) => true,
            Source::Each(items, _) => matches!(items.inline, Some(Selector::Query(_))),
            Source::Const(_) => false,
        };
        fields.push(Field::new(plan, number, source));
    }
    FieldSet { fields, whole }
}

/// The path that a field reads first; of a child list, that of its inline items.
fn first_path<'p>(stream: &'p StreamPlan, source: &'p FieldSource) -> Option<&'p Path> {
    match source {
        FieldSource::Path(path) | FieldSource::Each { each: EachSource::Path(path), .. } => {
            Some(path)
        }
        FieldSource::Coalesce(paths) => paths.first(),
        FieldSource::Each { each: EachSource::Children(name), .. } => {
            stream.children.iter().find(|c| c.name == *name)?.inline.as_ref()
        }
        FieldSource::Template(_) | FieldSource::Const(_) => None,
    }
}

/// Lays the plain paths of a map into a shape.
fn lay(map: &FieldSet, shape: &mut Shape) {
    if map.whole {
        shape.keep();
    }
    for field in &map.fields {
        match &field.source {
            Source::Paths(selectors) => {
                for selector in selectors {
                    if let Selector::Plain(steps) = selector {
                        shape.at(steps).keep();
                    }
                }
            }
            Source::Each(Items { inline: Some(Selector::Plain(steps)), .. }, map) => {
                lay(map, shape.at(steps));
            }
            Source::Each(..) | Source::Template(_) | Source::Const(_) => {}
        }
    }
}
