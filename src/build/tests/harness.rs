//! Small plans and stores for tests: a plan from YAML, a store from JSON records,
//! a build of both into a folder of its own.

use std::fs;
use std::num::NonZero;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use scrape_api::{Constructor, OutputDir, Transform, plugins};
use serde_json::{Map, Value, json};

use crate::build::{BuildOptions, BuildReport, Error, run};
use crate::plan::{
    Auth, Backoff, Breaker, ChildPlan, EachSource, Env, Feed, FieldPlan, FieldSource, FieldType,
    HttpPlan, Jitter, KeyOrder, LeakPolicy, MapPlan, Node, Pagination, PaginationKind, Partition,
    Path, Plan, RequestTemplate, Retry, Robots, SinkPlan, SinkTarget, SortKey, StreamPlan,
    TaskPlan, Template, TransformStep, ValueTransform, order_key,
};
use crate::spec::{Sources, Span};
use crate::store::{
    Body, ChildCommit, ChildItem, ChildKey, NewRecord, PageCommit, SqliteStore, Store,
};

/// Transforms of tests, by name.
pub(super) type Transforms = Vec<(&'static str, Arc<dyn Transform>)>;

/// Makes plans.
pub(super) struct Planner {
    env: Env,
    sources: Sources,
    transforms: Transforms,
}

fn nowhere() -> Span {
    Span { file: 0, start: 0, end: 0 }
}

impl Planner {
    pub(super) fn new(transforms: Transforms) -> Self {
        let mut sources = Sources::default();
        sources.add(PathBuf::from("test.yaml"), String::new());
        Self { env: Env::new(), sources, transforms }
    }

    /// A plan with one stream, `issues`, of the partitions `A` and `B`.
    pub(super) fn plan(mut self, spec: &str) -> Plan {
        let spec: Value = serde_yaml::from_str(spec).unwrap();
        let number = self.sources.add(PathBuf::from("spec.yaml"), spec.to_string());
        let file = (number, PathBuf::from("."));
        let tasks = entries(&spec["tasks"])
            .map(|(name, task)| match task["file"].as_str() {
                Some(path) => self.task_file(name, FilePath::new(path)),
                None => self.task(name, task, &file),
            })
            .collect::<Vec<_>>();
        let sinks =
            entries(&spec["sinks"]).flat_map(|(name, sink)| self.sink(name, sink, &tasks, &file));
        let sinks = sinks.collect();
        let children = entries(&spec["children"])
            .map(|(name, inline)| self.child(name, inline.as_str()))
            .collect();
        let transforms = spec["transforms"].as_array().into_iter().flatten();
        let transforms = transforms
            .map(|step| {
                let name = step["type"].as_str().unwrap();
                let fields = step["fields"].as_array().into_iter().flatten();
                TransformStep {
                    name: name.into(),
                    plugin: self.transform(name),
                    fields: fields.map(|p| path(p.as_str().unwrap())).collect(),
                    span: nowhere(),
                }
            })
            .collect();
        let partitions = ["A", "B"]
            .map(|id| Partition {
                id: id.into(),
                vars: Map::from_iter([("project".to_owned(), id.into())]),
            })
            .to_vec();
        let stream = StreamPlan {
            name: "issues".into(),
            partitions,
            request: request(),
            pagination: pagination(),
            records: path("$.issues[*]"),
            primary_key: path("$.id"),
            version: None,
            sort_key: Some(SortKey { path: path("$.key"), order: KeyOrder::Natural }),
            children,
            map: self.map(&spec["map"]),
            drop_gone: spec["gone"] == "drop",
            span: nowhere(),
        };
        Plan {
            name: "test".into(),
            description: String::new(),
            spec_file: PathBuf::from("spec.yaml"),
            params: Map::new(),
            env: Arc::new(self.env),
            http: http(),
            preflight: Vec::new(),
            streams: vec![stream],
            transforms,
            tasks,
            sinks,
            sources: Arc::new(self.sources),
        }
    }

    fn transform(&self, name: &str) -> Arc<dyn Transform> {
        let own = self.transforms.iter().find(|(n, _)| *n == name).map(|(_, t)| t.clone());
        own.unwrap_or_else(|| {
            let plugin = plugins().into_iter().find(|p| p.name == name);
            match plugin.map(|p| p.constructor) {
                Some(Constructor::Transform(make)) => make(json!({})).unwrap().into(),
                _ => panic!("no transform {name}"),
            }
        })
    }

    fn map(&mut self, spec: &Value) -> MapPlan {
        MapPlan { fields: entries(spec).map(|(n, f)| self.field(n, f)).collect() }
    }

    fn field(&mut self, name: &str, spec: &Value) -> FieldPlan {
        let text = |key: &str| spec[key].as_str();
        let source = if let Some(text) = spec.as_str().or(text("path")) {
            FieldSource::Path(path(text))
        } else if let Some(each) = text("each") {
            let each = match each.strip_prefix("$children.") {
                Some(name) => EachSource::Children(name.into()),
                None => EachSource::Path(path(each)),
            };
            FieldSource::Each { each, map: self.map(&spec["map"]) }
        } else if let Some(template) = text("template") {
            FieldSource::Template(self.template(template, &(0, PathBuf::from("."))))
        } else if let Some(paths) = spec["first"].as_array() {
            FieldSource::Coalesce(paths.iter().map(|p| path(p.as_str().unwrap())).collect())
        } else {
            FieldSource::Const(spec["value"].clone())
        };
        let transforms = match &spec["transform"] {
            Value::Array(names) => names.iter().map(|n| n.as_str().unwrap()).collect(),
            Value::String(name) => vec![name.as_str()],
            _ => Vec::new(),
        };
        FieldPlan {
            name: name.into(),
            source,
            ty: field_type(text("type")),
            default: spec.get("default").cloned(),
            required: spec["required"] == true,
            transforms: transforms
                .into_iter()
                .map(|n| ValueTransform { name: n.into(), plugin: self.transform(n) })
                .collect(),
            span: nowhere(),
        }
    }

    fn task_file(&mut self, name: &str, path: &FilePath) -> TaskPlan {
        let (spec, file) = self.file(path);
        self.task(name, &spec, &file)
    }

    /// A YAML file, its number and its folder.
    fn file(&mut self, path: &FilePath) -> (Value, (u32, PathBuf)) {
        let text = fs::read_to_string(path).unwrap();
        let spec = serde_yaml::from_str(&text).unwrap();
        let number = self.sources.add(path.to_owned(), text);
        (spec, (number, path.parent().unwrap().to_owned()))
    }

    fn task(&mut self, name: &str, spec: &Value, file: &(u32, PathBuf)) -> TaskPlan {
        let leak = match spec["leak"].as_str() {
            Some("drop") => LeakPolicy::Drop,
            Some("report") => LeakPolicy::Report,
            Some("allow") => LeakPolicy::Allow,
            other => panic!("{name}: leak: {other:?}"),
        };
        let target = spec["target"].as_array().into_iter().flatten();
        let mut template = |key: &str| spec[key].as_str().map(|t| self.template(t, file));
        TaskPlan {
            name: name.into(),
            description: String::new(),
            when: template("when"),
            for_each: template("for_each"),
            bindings: entries(&spec["let"])
                .map(|(name, node)| (name.clone(), self.node(node, file)))
                .collect(),
            example: self.node(&spec["example"], file),
            target: target.map(|p| path(p.as_str().unwrap())).collect(),
            leak,
            span: nowhere(),
        }
    }

    fn sink(
        &mut self,
        name: &str,
        spec: &Value,
        tasks: &[TaskPlan],
        file: &(u32, PathBuf),
    ) -> Vec<SinkPlan> {
        let feeds = match spec["from"].as_str().unwrap() {
            "records" => vec![(Feed::Records, String::new())],
            "raw" => vec![(Feed::Raw("issues".into()), String::new())],
            "raw_children" => {
                let child = spec["child"].as_str().unwrap();
                let feed = Feed::RawChildren { stream: "issues".into(), child: child.into() };
                vec![(feed, String::new())]
            }
            _ => tasks.iter().map(|t| (Feed::Task(t.name.clone()), t.name.clone())).collect(),
        };
        feeds
            .into_iter()
            .map(|(feed, task)| {
                let template = spec.get("template").map(|t| match t["file"].as_str() {
                    Some(path) => {
                        let (spec, file) = self.file(FilePath::new(path));
                        self.node(&spec, &file)
                    }
                    None => self.node(t, file),
                });
                let plugin = spec["type"].as_str().unwrap_or("jsonl").to_owned();
                let path = spec["path"].as_str().map(|p| p.replace("TASK", &task));
                SinkPlan {
                    name: name.into(),
                    make: sink_target(&plugin, path),
                    plugin,
                    feed,
                    template,
                    span: nowhere(),
                }
            })
            .collect()
    }

    fn child(&mut self, name: &str, inline: Option<&str>) -> ChildPlan {
        ChildPlan {
            name: name.into(),
            inline: inline.map(path),
            fetch_if: None,
            request: request(),
            pagination: pagination(),
            records: path("$[*]"),
            primary_key: path("$.id"),
            span: nowhere(),
        }
    }

    fn template(&mut self, text: &str, (number, folder): &(u32, PathBuf)) -> Template {
        let source = &self.sources.get(*number).unwrap().text;
        let (start, end) = match source.find(text) {
            Some(at) => (at, at + text.len()),
            None => (0, source.len().max(1)),
        };
        let span = Span {
            file: *number,
            start: u32::try_from(start).unwrap(),
            end: u32::try_from(end).unwrap(),
        };
        self.env
            .compile(text, span, folder)
            .unwrap_or_else(|e| panic!("{}: {}", self.sources.display(e.span), e.message))
    }

    fn node(&mut self, spec: &Value, file: &(u32, PathBuf)) -> Node {
        match spec {
            Value::String(text) => Node::Template(self.template(text, file)),
            Value::Array(items) => Node::List(items.iter().map(|n| self.node(n, file)).collect()),
            Value::Object(map) => {
                let text = |key: &str| map.get(key).and_then(Value::as_str);
                if let Some(list) = text("$each") {
                    return Node::Each {
                        list: self.template(list, file),
                        var: text("as").unwrap().into(),
                        when: text("when").map(|t| self.template(t, file)),
                        body: Box::new(self.node(&map["yield"], file)),
                    };
                }
                if let Some(test) = text("$if") {
                    return Node::If {
                        test: self.template(test, file),
                        then: Box::new(self.node(&map["then"], file)),
                        otherwise: map.get("else").map(|n| Box::new(self.node(n, file))),
                    };
                }
                if let Some(inner) = map.get("$splice") {
                    return Node::Splice(Box::new(self.node(inner, file)));
                }
                Node::Object(map.iter().map(|(k, n)| (k.clone(), self.node(n, file))).collect())
            }
            other => Node::Const(other.clone()),
        }
    }
}

pub(super) fn path(text: &str) -> Path {
    Path::parse(text, nowhere()).unwrap()
}

fn entries(spec: &Value) -> impl Iterator<Item = (&String, &Value)> {
    spec.as_object().into_iter().flatten()
}

fn field_type(name: Option<&str>) -> FieldType {
    match name {
        None => FieldType::Any,
        Some("string") => FieldType::String,
        Some("int") => FieldType::Int,
        Some("float") => FieldType::Float,
        Some("bool") => FieldType::Bool,
        Some("datetime") => FieldType::Datetime,
        Some("date") => FieldType::Date,
        Some("list") => FieldType::List,
        Some("object") => FieldType::Object,
        Some(other) => panic!("no type {other}"),
    }
}

fn sink_target(plugin: &str, path: Option<String>) -> SinkTarget {
    let found = plugins().into_iter().find(|p| p.name == plugin);
    let Some(Constructor::Sink(make)) = found.map(|p| p.constructor) else {
        panic!("no sink {plugin}")
    };
    Arc::new(move || make(json!({ "path": path })))
}

fn request() -> RequestTemplate {
    RequestTemplate {
        method: scrape_api::Method::Get,
        path: Template::constant("/".into(), nowhere()),
        query: Vec::new(),
        headers: Vec::new(),
        json: None,
        span: nowhere(),
    }
}

fn pagination() -> Pagination {
    Pagination {
        kind: PaginationKind::None,
        limit: None,
        limit_param: None,
        total: None,
        count: None,
        sweep: None,
        span: nowhere(),
    }
}

fn http() -> HttpPlan {
    let second = Duration::from_secs(1);
    let backoff =
        Backoff { initial: second, max: second, jitter: Jitter::None, exponential: false };
    HttpPlan {
        base_url: "http://127.0.0.1/".parse().unwrap(),
        user_agent: String::new(),
        headers: Vec::new(),
        auth: Auth::None,
        robots: Robots::Ignore,
        connect_timeout: second,
        read_timeout: second,
        concurrency: 1,
        rate_limits: Vec::new(),
        retry: Retry { max_attempts: 1, backoff },
        breaker: Breaker { failures: 1, pause: second },
        max_body: 1,
        on_response: Vec::new(),
    }
}

/// A folder with a store, removed at the end.
pub(super) struct Shop {
    pub(super) dir: tempfile::TempDir,
    pub(super) store: SqliteStore,
    seq: i64,
}

impl Shop {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(&dir.path().join("store.db")).unwrap();
        Self { dir, store, seq: 0 }
    }

    /// A shop with records in partition `A`, each with `id` and `key`.
    pub(super) fn with(records: &[Value]) -> Self {
        let mut shop = Self::new();
        let texts: Vec<String> = records.iter().map(Value::to_string).collect();
        shop.put("A", &texts, &[]);
        shop
    }

    /// Commits a page of records, as JSON texts with `id` and `key`.
    pub(super) fn put(&mut self, partition: &str, records: &[String], pending: &[&str]) {
        self.seq += 1;
        let records = records
            .iter()
            .map(|text| {
                // By hand: some are no JSON, and some too deep for a tree.
                let part = |key: &str| {
                    let text = text.split_once(&format!("\"{key}\":\"")).unwrap().1;
                    text.split_once('"').unwrap().0.to_owned()
                };
                NewRecord {
                    primary_key: part("id"),
                    sort_key: order_key(KeyOrder::Natural, &part("key")),
                    version: String::new(),
                    body: Body::pack(text.as_bytes()).unwrap(),
                    original: None,
                    pending: pending.iter().map(|p| (*p).to_owned()).collect(),
                }
            })
            .collect();
        let page = PageCommit {
            stream: "issues".into(),
            partition: partition.into(),
            seq: self.seq,
            records,
            rejects: Vec::new(),
            cursor: None,
        };
        self.store.commit_page(&page).unwrap();
    }

    /// Fetches a child list of a record of partition `A` that was put last.
    pub(super) fn fetch(&mut self, record: (&str, &str), child: &str, items: &[&str]) {
        let items = items
            .iter()
            .enumerate()
            .map(|(n, text)| ChildItem {
                primary_key: n.to_string(),
                body: Body::pack(text.as_bytes()).unwrap(),
            })
            .collect();
        let commit = ChildCommit {
            key: child_key(record, child),
            parent_seq: self.seq,
            first: true,
            items,
            rejects: Vec::new(),
            position: None,
        };
        self.store.commit_child(&commit).unwrap();
    }

    pub(super) fn build(&mut self, plan: &Plan) -> BuildReport {
        self.build_with(plan, &BuildOptions::default()).unwrap()
    }

    pub(super) fn build_with(
        &mut self,
        plan: &Plan,
        options: &BuildOptions,
    ) -> Result<BuildReport, Error> {
        run(plan, &mut self.store, &OutputDir::new(self.dir.path()), options)
    }

    pub(super) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.dir.path().join(file)).unwrap()
    }

    /// The lines of an output.
    pub(super) fn lines(&self, file: &str) -> Vec<Value> {
        self.text(file).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }
}

pub(super) fn child_key((id, key): (&str, &str), child: &str) -> ChildKey {
    ChildKey {
        stream: "issues".into(),
        partition: "A".into(),
        sort_key: order_key(KeyOrder::Natural, key),
        primary_key: id.into(),
        child: child.into(),
    }
}

pub(super) fn options(workers: usize, batch: usize) -> BuildOptions {
    BuildOptions {
        workers: NonZero::new(workers),
        batch: NonZero::new(batch).unwrap(),
        ..BuildOptions::default()
    }
}
