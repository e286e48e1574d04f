//! `streams:`.

use serde_json::{Map, Value};

use super::compiler::Compiler;
use super::names::{Attrs, Known};
use crate::plan::{ChildPlan, Partition, Path, SortKey, StreamPlan};
use crate::spec::decode::PathText;
use crate::spec::lang::{
    ChildSpec, FeedKind, Gone, PaginationSpec, PaginationType, SinkSpec, Spec, StreamSpec, Values,
};
use crate::spec::{Key, Span};

/// The names that `page` has.
const PAGE: [&str; 5] = ["after", "cursor", "offset", "number", "limit"];

/// The most partitions of a stream: a slip in `for_each` multiplies.
const MAX_PARTITIONS: usize = 100_000;

impl Compiler<'_> {
    pub(super) fn streams(&mut self, spec: &Spec) -> Vec<StreamPlan> {
        if spec.streams.0.is_empty() && self.streams_known && spec.sound && !self.partial {
            self.diagnostics
                .error(spec.span, "the spec has no `streams`: there is nothing to collect");
        }
        let no_fields = spec.streams.0.iter().all(|(_, stream)| stream.map.0.is_empty());
        if let Some((key, stream)) = spec.streams.0.first()
            && no_fields
            && self.streams_known
            && stream.sound
            && uses_fields(spec)
        {
            self.diagnostics
                .error(key.span, "the stream has no `map`, so that a record has no fields")
                .hint("map: { title: $.fields.summary }");
        }
        spec.streams.0.iter().map(|(key, stream)| self.stream(key, stream)).collect()
    }

    fn stream(&mut self, key: &Key, spec: &StreamSpec) -> StreamPlan {
        self.file_name(key, "a stream");
        let mut vars = self.common.clone();
        for (variable, _) in &spec.for_each.0 {
            self.identifier(variable, "a variable");
            if vars.attrs(&variable.text).is_some() || variable.text == "page" {
                let message =
                    format!("`{}` is the name of something else in templates", variable.text);
                self.diagnostics.error(variable.span, message);
            }
            vars = vars.with(&variable.text, Attrs::Any);
        }
        let known = vars.clone().with("page", Attrs::fields(PAGE));
        let (request, sound) = self.request_and_soundness(&spec.request, &known);
        let paging = spec.pagination.as_ref();
        let pagination = self.pagination(paging, &request, sound, &known);
        let records = self.path(&spec.records);
        self.selects_items(&spec.records, &records, spec.pagination.as_ref());
        let children: Vec<&str> = spec.children.0.iter().map(|(k, _)| k.text.as_str()).collect();
        StreamPlan {
            name: key.text.clone(),
            partitions: self.partitions(&spec.for_each.0),
            pagination,
            request,
            records,
            primary_key: self.path(&spec.primary_key),
            version: self.optional_path(spec.version.as_ref()),
            sort_key: spec
                .sort_key
                .as_ref()
                .map(|sort| SortKey { path: self.path(&sort.path), order: sort.order }),
            map: self.map(&spec.map.0, &children, &vars, true),
            children: spec.children.0.iter().map(|(k, c)| self.child(k, c, &vars)).collect(),
            drop_gone: spec.gone == Gone::Drop,
        }
    }

    fn child(&mut self, key: &Key, spec: &ChildSpec, vars: &Known) -> ChildPlan {
        self.file_name(key, "a child list");
        let vars = vars.clone().with("parent", Attrs::Any);
        let known = vars.clone().with("page", Attrs::fields(PAGE));
        let (request, sound) = self.request_and_soundness(&spec.request, &known);
        let paging = spec.pagination.as_ref();
        let pagination = self.pagination(paging, &request, sound, &known);
        let records = self.path(&spec.records);
        self.selects_items(&spec.records, &records, spec.pagination.as_ref());
        if spec.fetch_if.is_some() && spec.inline.is_none() {
            self.diagnostics
                .warning(key.span, "without `inline`, records whose list is not fetched have none");
        }
        let condition = vars.with("inline", Attrs::Any);
        ChildPlan {
            name: key.text.clone(),
            inline: self.optional_path(spec.inline.as_ref()),
            fetch_if: spec
                .fetch_if
                .as_ref()
                .map(|t| self.expression_template(t, "fetch_if", &condition)),
            request,
            pagination,
            records,
            primary_key: self.path(&spec.primary_key),
        }
    }

    /// `$.issues` selects one value, a list; its items are `$.issues[*]`.
    fn selects_items(&mut self, text: &PathText, path: &Path, pagination: Option<&PaginationSpec>) {
        let paged = pagination.is_some_and(|p| p.kind != PaginationType::None);
        // A text that is no path has been reported, and another stands for it.
        let parsed = text.0.scalar.text == path.source();
        if paged && parsed && !path.is_plural() {
            self.diagnostics
                .error(path.span(), "`records` selects a single value, not the items of a list")
                .hint(format!("\"{}[*]\"", path.source()));
        }
    }

    fn partitions(&mut self, for_each: &[(Key, Values)]) -> Vec<Partition> {
        let mut partitions = vec![Map::new()];
        for (variable, Values(values)) in for_each {
            if partitions.len().saturating_mul(values.len()) > MAX_PARTITIONS {
                let message = format!("more than {MAX_PARTITIONS} partitions");
                self.diagnostics.error(variable.span, message);
                return Vec::new();
            }
            let add = |vars: &Map<String, Value>, value: &String| {
                let mut vars = vars.clone();
                vars.insert(variable.text.clone(), Value::from(value.as_str()));
                vars
            };
            partitions = partitions
                .iter()
                .flat_map(|vars| values.iter().map(move |value| add(vars, value)))
                .collect();
        }
        let mut seen = std::collections::HashSet::new();
        partitions
            .into_iter()
            .map(|vars| {
                let values: Vec<_> = vars.values().filter_map(Value::as_str).collect();
                Partition { id: values.join("/"), vars }
            })
            // A project that is given twice is collected once.
            .filter(|partition| seen.insert(partition.id.clone()))
            .collect()
    }

    /// A name that templates use after a dot.
    pub(super) fn identifier(&mut self, key: &Key, what: &str) {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if key.text.is_empty()
            || !key.text.chars().all(good)
            || key.text.starts_with(|c: char| c.is_ascii_digit())
        {
            self.bad_name(key.span, &key.text, what, &key.text.replace(|c| !good(c), "_"));
        }
    }

    /// A name that becomes part of a file's name.
    pub(super) fn file_name(&mut self, key: &Key, what: &str) {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if key.text.is_empty() || !key.text.chars().all(good) {
            self.bad_name(key.span, &key.text, what, &key.text.replace(|c| !good(c), "_"));
        }
    }

    fn bad_name(&mut self, span: Span, name: &str, what: &str, better: &str) {
        self.diagnostics
            .error(span, format!("`{name}` is no name for {what}: letters, digits and `_` only"))
            .hint(format!("{better}:"));
    }
}

/// Whether anything is made of the fields of records.
fn uses_fields(spec: &Spec) -> bool {
    let rows = |from: FeedKind| matches!(from, FeedKind::Records | FeedKind::Tasks);
    let templates = |sink: &SinkSpec| rows(sink.from) && sink.template.is_some();
    !spec.tasks.0.is_empty() || spec.sinks.0.iter().any(|(_, sink)| templates(sink))
}
