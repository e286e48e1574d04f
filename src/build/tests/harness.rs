//! Small plans and stores for tests: a plan from YAML, a store from JSON records,
//! a build of both into a folder of its own.

use std::fs;
use std::num::NonZero;
use std::path::Path as FilePath;

use scrape_api::OutputDir;
use serde_json::{Map, Value, json};

use crate::build::run::Error;
use crate::build::{BuildOptions, BuildReport, run};
use crate::plan::{KeyOrder, Path, Plan, compile, order_key};
use crate::spec::{Diagnostics, ParamValues, Span, load};
use crate::store::{
    Body, ChildCommit, ChildItem, ChildKey, NewRecord, PageCommit, Reject, SqliteStore, Stage,
    Store,
};

/// A plan with one stream, `issues`, of the partitions `A` and `B`, from parts of a
/// spec: `map`, `gone`, `transforms`, `tasks`, `sinks`, and `children`, which are
/// paths to what comes inline.
pub(super) fn plan(parts: &str) -> Plan {
    let dir = tempfile::tempdir().unwrap();
    plan_in(dir.path(), parts)
}

/// As [`plan`], from a file in a folder.
pub(super) fn plan_in(folder: &FilePath, parts: &str) -> Plan {
    let parts: Value = serde_yaml::from_str(parts).unwrap();
    let children: Map<String, Value> = parts["children"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, inline)| {
            let child = json!({
                "inline": inline, "request": { "path": "/x" }, "pagination": { "type": "none" },
                "records": "$[*]", "primary_key": "$.id"
            });
            (name.clone(), child)
        })
        .collect();
    let mut stream = json!({
        "for_each": { "project": ["A", "B"] }, "request": { "path": "/x" },
        "pagination": { "type": "none" }, "records": "$.issues[*]", "primary_key": "$.id",
        "sort_key": { "path": "$.key", "order": "natural" }, "map": parts["map"]
    });
    if !children.is_empty() {
        stream["children"] = children.into();
    }
    if let Some(gone) = parts.get("gone") {
        stream["gone"] = gone.clone();
    }
    let mut spec = json!({
        "version": 1, "name": "test", "http": { "base_url": "http://127.0.0.1:1" },
        "streams": { "issues": stream }
    });
    for part in ["transforms", "tasks", "sinks"] {
        if let Some(found) = parts.get(part) {
            spec[part] = found.clone();
        }
    }
    let file = folder.join("spec.yaml");
    fs::write(&file, spec.to_string()).unwrap();
    compiled(&file)
}

/// The plan of a spec, without values for its params.
pub(super) fn compiled(spec: &FilePath) -> Plan {
    let mut found = Diagnostics::default();
    let mut loaded = load(spec, &[]).unwrap_or_else(|e| panic!("{:?}", e.diagnostics));
    let plan = compile(&mut loaded, &ParamValues::stand_ins(), &mut found);
    plan.unwrap_or_else(|| {
        panic!(
            "{}",
            crate::report::diagnostics::render(&found.sorted(), &loaded.sources, false, 140)
        )
    })
}

pub(super) fn path(text: &str) -> Path {
    Path::parse(text, Span { file: 0, start: 0, end: 0 }).unwrap()
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

    /// Commits a reject of collecting, of bytes that are no text.
    pub(super) fn reject(&mut self, partition: &str, key: &str) {
        self.seq += 1;
        let reject = Reject {
            stream: "issues".into(),
            partition: partition.into(),
            key: key.into(),
            child: None,
            stage: Stage::Collect,
            reason: "bad_json".into(),
            message: "it is not JSON".into(),
            pointer: None,
            raw: Some(b"\xff{".to_vec()),
        };
        let page = PageCommit {
            stream: "issues".into(),
            partition: partition.into(),
            seq: self.seq,
            records: Vec::new(),
            rejects: vec![reject],
            cursor: None,
        };
        self.store.commit_page(&page).unwrap();
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
