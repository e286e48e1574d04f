//! `transforms:` and `sinks:`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use scrape_api::{Constructor, Kind, OutputDir, Scope as TransformScope, Transform};
use serde_json::{Map, Value};

use super::compiler::Compiler;
use super::names::Attrs;
use crate::plan::{Env, Feed, Path, Scope, SinkPlan, Step, TransformStep};
use crate::spec::decode::Text;
use crate::spec::lang::{FeedKind, SinkSpec, Spec, TransformSpec};
use crate::spec::{Data, Key, Span, Yaml, suggest_hint};

/// Files of the output directory that are the engine's own.
const OWN_FILES: [&str; 5] =
    ["rejected.jsonl", "stats.json", "store.db", "store.db-wal", "store.db-shm"];

impl Compiler<'_> {
    fn transform(&mut self, spec: &TransformSpec) -> Option<Arc<dyn Transform>> {
        let plugin = self.plugin(Kind::Transform, &spec.kind.0, spec.kind.1)?;
        let options = self.options(plugin, &spec.options, &self.config_scope())?;
        let Constructor::Transform(make) = plugin.constructor else { return None };
        match make(options) {
            Ok(made) => Some(Arc::from(made)),
            Err(error) => {
                self.options_error(plugin, &error, &spec.options, spec.kind.1);
                None
            }
        }
    }

    /// A transform in a `map`.
    pub(super) fn value_transform(&mut self, spec: &TransformSpec) -> Option<Arc<dyn Transform>> {
        let transform = self.transform(spec)?;
        if transform.scope() != TransformScope::Value {
            self.diagnostics
                .error(spec.kind.1, format!("`{}` works on whole records", spec.kind.0))
                .hint("put it into the list under `transforms:`");
        }
        if let Some(field) = spec.fields.first() {
            self.diagnostics.error(field.0.span, "in a field, a transform has no `fields`");
        }
        Some(transform)
    }

    pub(super) fn transforms(&mut self, specs: &[TransformSpec]) -> Vec<TransformStep> {
        let mut steps = Vec::new();
        for spec in specs {
            let fields: Vec<Path> = spec.fields.iter().map(|f| self.own_path(f)).collect();
            for path in &fields {
                self.check_field(path);
            }
            let Some(plugin) = self.transform(spec) else { continue };
            let name = &spec.kind.0;
            match plugin.scope() {
                TransformScope::Value if fields.is_empty() => {
                    self.diagnostics
                        .error(
                            spec.kind.1,
                            format!("`{name}` works on single values: it needs `fields`"),
                        )
                        .hint(format!("{{ type: {name}, fields: [body] }}"));
                }
                TransformScope::Record if !fields.is_empty() => {
                    self.diagnostics.error(
                        spec.kind.1,
                        format!("`{name}` works on whole records: it has no `fields`"),
                    );
                }
                _ => {}
            }
            steps.push(TransformStep { name: name.clone(), plugin, fields });
        }
        steps
    }

    /// That `map` makes the field that a path begins with.
    fn check_field(&mut self, path: &Path) {
        let (Some([Step::Name(name), ..]), Attrs::Fields(fields)) = (path.steps(), &self.record)
        else {
            return;
        };
        if !fields.iter().any(|(n, _)| n == name) {
            let hint = suggest_hint(name, fields.iter().map(|(n, _)| n.as_str()));
            self.diagnostics
                .error(path.span(), format!("`map` makes no field `{name}`"))
                .hint(hint);
        }
    }

    pub(super) fn sinks(&mut self, sinks: &[(Key, SinkSpec)], spec: &Spec) -> Vec<SinkPlan> {
        let mut plans = Vec::new();
        let mut files: HashMap<PathBuf, String> = HashMap::new();
        for (key, sink) in sinks {
            self.check_filters(sink, spec);
            let template = sink.template.as_ref();
            if let (Some(node), FeedKind::Raw | FeedKind::RawChildren) = (template, sink.from) {
                let message = format!("`from: {}` is written as it came", sink.from.as_str());
                self.diagnostics.error(node.name, message).hint("leave `template` out");
            }
            let Some(plugin) = self.plugin(Kind::Sink, &sink.kind.name, sink.kind.span) else {
                // The template is checked all the same.
                self.row_template(sink);
                continue;
            };
            let Constructor::Sink(make) = plugin.constructor else { continue };
            let feeds = feeds(sink, spec);
            if feeds.is_empty() && !self.diagnostics.has_errors() {
                let none = match sink.from {
                    FeedKind::Tasks => "the spec has no tasks",
                    FeedKind::RawChildren => "no stream has child lists",
                    _ => "the spec has no streams",
                };
                self.diagnostics.warning(key.span, format!("nothing feeds this sink: {none}"));
            }
            self.row_template(sink);
            for feed in feeds {
                let scope = self.config_scope().with_all(names_of(&feed));
                let Some(options) = self.options(plugin, &sink.options, &scope) else { break };
                match make(options.clone()) {
                    Ok(made) => {
                        for file in made.files() {
                            self.check_file(file, key, sink, &feed, &mut files);
                        }
                    }
                    Err(error) => {
                        self.options_error(plugin, &error, &sink.options, sink.kind.span);
                        break;
                    }
                }
                plans.push(SinkPlan {
                    name: key.text.clone(),
                    feed,
                    template: self.row_template(sink),
                    make: Arc::new(move || make(options.clone())),
                });
            }
        }
        plans
    }

    /// What a row looks like, compiled; `task` and `example` are seen by sinks
    /// over tasks.
    fn row_template(&mut self, sink: &SinkSpec) -> Option<crate::plan::Node> {
        let mut known = self.record_names().with("tasks", Attrs::fields(&self.tasks));
        if sink.from == FeedKind::Tasks {
            known = known.with("task", Attrs::Any).with("example", Attrs::Any);
        }
        sink.template.as_ref().map(|node| self.node(node, &known))
    }

    fn check_filters(&mut self, sink: &SinkSpec, spec: &Spec) {
        if let Some(stream) = &sink.stream {
            if !matches!(sink.from, FeedKind::Raw | FeedKind::RawChildren) {
                self.diagnostics.error(
                    stream.span,
                    format!("`stream` has no meaning with `from: {}`", sink.from.as_str()),
                );
            } else if !spec.streams.0.iter().any(|(k, _)| k.text == stream.name) {
                let names = spec.streams.0.iter().map(|(k, _)| k.text.as_str());
                self.diagnostics
                    .error(stream.span, format!("there is no stream `{}`", stream.name))
                    .hint(suggest_hint(&stream.name, names));
            }
        }
        let Some(tasks) = &sink.tasks else { return };
        for task in tasks {
            if sink.from != FeedKind::Tasks {
                self.diagnostics.error(
                    task.span,
                    format!("`tasks` has no meaning with `from: {}`", sink.from.as_str()),
                );
            } else if !self.tasks.contains(&task.name) {
                let hint = suggest_hint(&task.name, self.tasks.iter().map(String::as_str));
                self.diagnostics
                    .error(task.span, format!("there is no task `{}`", task.name))
                    .hint(hint);
            }
        }
    }

    fn check_file(
        &mut self,
        file: PathBuf,
        key: &Key,
        sink: &SinkSpec,
        feed: &Feed,
        files: &mut HashMap<PathBuf, String>,
    ) {
        let place = option_place(&sink.options, "path").unwrap_or(sink.kind.span);
        let shown = file.to_string_lossy().into_owned();
        if let Err(error) = OutputDir::check(&shown) {
            self.diagnostics.error(place, error.to_string());
            return;
        }
        let plain: PathBuf = crate::spec::simplify(&file);
        if OWN_FILES.iter().any(|own| plain.as_os_str() == *own) {
            self.diagnostics.error(place, format!("{shown} is a file of the engine's own"));
        }
        let what = match feed {
            Feed::Records => format!("`{}`", key.text),
            Feed::Task(task) => format!("`{}` for the task `{task}`", key.text),
            Feed::Raw(stream) => format!("`{}` for the stream `{stream}`", key.text),
            Feed::RawChildren { child, .. } => format!("`{}` for the list `{child}`", key.text),
        };
        if let Some(other) = files.insert(plain, what.clone()) {
            let hint = match feed {
                Feed::Records => "give them different paths",
                Feed::Task(_) => "tasks/{{ task }}.jsonl",
                Feed::Raw(_) => "raw_{{ stream }}.jsonl.zst",
                Feed::RawChildren { .. } => "raw_{{ stream }}.{{ child }}.jsonl.zst",
            };
            self.diagnostics
                .error(place, format!("{shown} would be written twice: by {other} and by {what}"))
                .hint(hint);
        }
    }

    /// The options of a plugin as JSON, with templates evaluated; unknown ones
    /// are reported.
    fn options(
        &mut self,
        plugin: &'static scrape_api::Plugin,
        options: &[(Key, Yaml)],
        scope: &Scope,
    ) -> Option<Value> {
        let before = self.diagnostics.errors();
        let schema = (plugin.schema)().to_value();
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        // A config that takes any other key says so.
        let open =
            schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false));
        if !open {
            for (key, _) in options {
                if !properties.contains_key(&key.text) {
                    let known = properties.keys().map(String::as_str);
                    self.diagnostics
                        .error(key.span, format!("`{}` has no option `{}`", plugin.name, key.text))
                        .hint(suggest_hint(&key.text, known));
                }
            }
        }
        let mut values = Map::new();
        for (key, node) in options {
            let value = self.option(node, scope);
            values.insert(key.text.clone(), value);
        }
        (self.diagnostics.errors() == before).then_some(Value::Object(values))
    }

    fn option(&mut self, node: &Yaml, scope: &Scope) -> Value {
        match &node.data {
            Data::Scalar(scalar) if scalar.is_template() => {
                let names = ["task", "stream", "child"];
                let known = names
                    .into_iter()
                    .filter(|name| scope.get(name).is_some())
                    .fold(self.common.clone(), |known, name| known.with(name, Attrs::Any));
                let text = Text { scalar: scalar.clone(), span: node.span, sound: true };
                let before = self.diagnostics.errors();
                let template = self.template_of(&text, &known);
                if self.diagnostics.errors() > before {
                    return Value::Null;
                }
                Env::eval(&self.env, &template, scope).unwrap_or_else(|error| {
                    self.diagnostics.error(error.span, error.message);
                    Value::Null
                })
            }
            Data::List(items) => items.iter().map(|item| self.option(item, scope)).collect(),
            Data::Map(entries) => {
                let pairs = entries.iter().map(|(k, v)| (k.text.clone(), self.option(v, scope)));
                Value::Object(pairs.collect())
            }
            _ => node.to_json(),
        }
    }
}

/// The place of an option.
pub(super) fn option_place(options: &[(Key, Yaml)], name: &str) -> Option<Span> {
    options.iter().find(|(key, _)| key.text == name).map(|(_, node)| node.span)
}

fn feeds(sink: &SinkSpec, spec: &Spec) -> Vec<Feed> {
    let streams = || {
        spec.streams
            .0
            .iter()
            .filter(|(key, _)| sink.stream.as_ref().is_none_or(|s| s.name == key.text))
    };
    match sink.from {
        FeedKind::Records => vec![Feed::Records],
        FeedKind::Tasks => spec
            .tasks
            .0
            .iter()
            .map(|(key, _)| key.text.clone())
            .filter(|name| {
                sink.tasks.as_ref().is_none_or(|tasks| tasks.iter().any(|t| t.name == *name))
            })
            .map(Feed::Task)
            .collect(),
        FeedKind::Raw => streams().map(|(key, _)| Feed::Raw(key.text.clone())).collect(),
        FeedKind::RawChildren => streams()
            .flat_map(|(key, stream)| {
                stream.children.0.iter().map(|(child, _)| Feed::RawChildren {
                    stream: key.text.clone(),
                    child: child.text.clone(),
                })
            })
            .collect(),
    }
}

/// The names that the options of an output see.
fn names_of(feed: &Feed) -> Vec<(String, minijinja::Value)> {
    let name = |name: &str, value: &str| (name.to_owned(), minijinja::Value::from(value));
    match feed {
        Feed::Records => Vec::new(),
        Feed::Task(task) => vec![name("task", task)],
        Feed::Raw(stream) => vec![name("stream", stream)],
        Feed::RawChildren { stream, child } => vec![name("stream", stream), name("child", child)],
    }
}
