//! A stand-in server, a spec and a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use scrape_api::Fetch;
use scrape_standin::{Config, Standin};
use serde_json::Value;

use crate::collect::record::find;

use crate::collect::{CollectOptions, CollectReport, Error, PartitionReport, run};
use crate::http::{Client, ClientOptions, Stop};
use crate::observe::{Observer, Voice};
use crate::plan::{Plan, compile};
use crate::spec::{Diagnostics, ParamValues, load};
use crate::store::{Reject, STORE_FILE, SqliteStore, Store, StoredRecord, Writer};

/// A spec like the one for Apache, with short waits and small pages.
pub(super) const JIRA: &str = r#"
version: 1
name: test
http:
  base_url: BASE
  user_agent: test
  robots: obey
  timeout: { connect: 5s, read: 1s }
  concurrency: 8
  retry: { max_attempts: 6, backoff: { type: exponential, initial: 1ms, max: 20ms, jitter: none } }
  on_response:
    - { if: { status: [429, 503] }, do: retry, pause: host, wait: [{ header: Retry-After, max: 10m }, 5ms] }
    - { if: { status: [400], body: "*does not exist for field 'issueKey'*" }, do: previous_key }
preflight:
  - name: serverInfo
    request: { path: /rest/api/2/serverInfo }
    fail_if:
      - { if: { json: { $.deploymentType: Cloud } }, say: "This is a Cloud site." }
streams:
  issues:
    for_each: { project: PROJECTS }
    request:
      path: /rest/api/2/search
      query:
        jql: 'project = {{ project | jql }}{% if page.after %} AND key > {{ page.after | jql }}{% endif %} ORDER BY key ASC'
        fields: "*all"
    pagination:
      type: keyset
      after: $.key
      order: natural
      limit_param: maxResults
      limit: 20
      total: $.total
      ranges:
        max: 16
        min_records: 100
        probe: { query: { startAt: "{{ probe.offset }}", maxResults: "{{ probe.count }}", fields: key } }
      count: { query: { maxResults: 0, fields: key } }
      sweep: { limit: 200, query: { fields: key } }
    records: "$.issues[*]"
    primary_key: $.id
    version: $.fields.updated
    sort_key: { path: $.key, order: natural }
    children:
      comments:
        inline: "$.fields.comment.comments[*]"
        fetch_if: "{{ parent.fields.comment.total > (inline | length) }}"
        request: { path: "/rest/api/2/issue/{{ parent.id }}/comment", query: { orderBy: created } }
        pagination: { type: offset, offset_param: startAt, limit_param: maxResults, limit: 5, total: $.total }
        records: "$.comments[*]"
        primary_key: $.id
    map:
      key: { path: $.key, required: true }
"#;

/// The same server, by position.
pub(super) fn by_offset() -> String {
    let (start, end) =
        (JIRA.find("      type: keyset").unwrap(), JIRA.find("    records: \"$.issues").unwrap());
    let pagination = r#"      type: offset
      offset_param: startAt
      limit_param: maxResults
      limit: 20
      total: $.total
      count: { query: { maxResults: 0, fields: key } }
      sweep: { limit: 200, query: { fields: key } }
"#;
    format!("{}{pagination}{}", &JIRA[..start], &JIRA[end..])
        .replace("{% if page.after %} AND key > {{ page.after | jql }}{% endif %}", "")
}

pub(super) struct Bench {
    pub(super) standin: Standin,
    pub(super) dir: tempfile::TempDir,
    spec: String,
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        Self::with(config, JIRA)
    }

    /// `BASE` and `PROJECTS` of the spec are filled in.
    pub(super) fn with(config: Config, spec: &str) -> Self {
        let projects = format!("{:?}", config.projects);
        let standin = Standin::start(config).unwrap();
        let spec = spec.replace("BASE", standin.url()).replace("PROJECTS", &projects);
        Self { standin, dir: tempfile::tempdir().unwrap(), spec }
    }

    pub(super) fn edit(&mut self, from: &str, to: &str) {
        assert!(self.spec.contains(from), "{from}");
        self.spec = self.spec.replace(from, to);
    }

    fn plan(&self) -> Arc<Plan> {
        let file = self.dir.path().join("spec.yaml");
        std::fs::write(&file, &self.spec).unwrap();
        let mut loaded =
            load(&file, &[]).unwrap_or_else(|e| panic!("{:?}", e.diagnostics.sorted()));
        let mut found = Diagnostics::default();
        let plan = compile(&mut loaded, &ParamValues::default(), &mut found);
        Arc::new(plan.unwrap_or_else(|| panic!("{:?}", found.sorted())))
    }

    /// Collects; what was there already is gone on with.
    pub(super) fn run(&self, options: CollectOptions) -> Result<CollectReport, Error> {
        self.run_until(options, Stop::default(), |_| {})
    }

    pub(super) fn run_until(
        &self,
        options: CollectOptions,
        stop: Stop,
        beside: impl FnOnce(&Stop) + Send + 'static,
    ) -> Result<CollectReport, Error> {
        self.go(transport(&self.plan()), options, ClientOptions::default(), stop, beside)
    }

    /// Collects over another transport.
    pub(super) fn run_over(
        &self,
        transport: Arc<dyn Fetch>,
        options: CollectOptions,
    ) -> Result<CollectReport, Error> {
        self.go(transport, options, ClientOptions::default(), Stop::default(), |_| {})
    }

    /// Collects, recording or replaying.
    pub(super) fn run_with(
        &self,
        options: CollectOptions,
        client: ClientOptions,
    ) -> Result<CollectReport, Error> {
        self.go(transport(&self.plan()), options, client, Stop::default(), |_| {})
    }

    fn go(
        &self,
        transport: Arc<dyn Fetch>,
        options: CollectOptions,
        client: ClientOptions,
        stop: Stop,
        beside: impl FnOnce(&Stop) + Send + 'static,
    ) -> Result<CollectReport, Error> {
        let plan = self.plan();
        let observer = Arc::new(Observer::new(Voice::Quiet));
        let store: Box<dyn Store> = Box::new(self.store());
        let client_options = ClientOptions {
            concurrency: Some(options.concurrency),
            rate_limit: Some(0.0),
            state_dir: self.dir.path().join("state"),
            first_seq: store.last_seq().unwrap() + 1,
            ..client
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = Client::new(
                plan.clone(),
                transport,
                client_options,
                stop.clone(),
                observer.clone(),
            )
            .unwrap();
            let writer = Writer::start(store).unwrap();
            let ending = stop.clone();
            let thread = std::thread::spawn(move || beside(&ending));
            let work = run(plan, writer.clone(), client.clone(), options, stop, observer);
            let report = tokio::time::timeout(Duration::from_secs(60), work).await;
            client.finish().unwrap();
            writer.close().await.unwrap();
            thread.join().unwrap();
            report.expect("it hangs")
        })
    }

    pub(super) fn store(&self) -> SqliteStore {
        let path = self.dir.path().join(STORE_FILE);
        if path.exists() { SqliteStore::open(&path) } else { SqliteStore::create(&path) }.unwrap()
    }

    /// All records, by partition and key, in the order of a build.
    pub(super) fn records(&self, partition: &str) -> Vec<StoredRecord> {
        let mut records = Vec::new();
        let store = self.store();
        store
            .reader()
            .unwrap()
            .records("issues", &[partition.to_owned()], &mut |record| {
                records.push(record);
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        records
    }

    pub(super) fn keys(&self, partition: &str) -> Vec<String> {
        let span = crate::spec::Span { file: 0, start: 0, end: 0 };
        let path = crate::plan::Path::parse("$.key", span).unwrap();
        let key = |record: &StoredRecord| {
            find(&path, &record.body.unpack().unwrap()).text().unwrap_or_default()
        };
        self.records(partition).iter().map(key).collect()
    }

    pub(super) fn rejects(&self) -> Vec<Reject> {
        let mut rejects = Vec::new();
        self.store()
            .reader()
            .unwrap()
            .rejects(&mut |reject| {
                rejects.push(reject);
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        rejects
    }

    /// Every record is there as the server has it now, its comments as well.
    pub(super) fn assert_whole(&self, partition: &str) {
        assert_eq!(self.keys(partition), self.standin.keys(partition), "{partition}");
        for record in self.records(partition) {
            let body = String::from_utf8(record.body.unpack().unwrap().to_vec()).unwrap();
            let value: Value = serde_json::from_str(&body).unwrap();
            let key = value["key"].as_str().unwrap();
            assert_eq!(body, self.standin.record(key).unwrap(), "{key}");
            assert_eq!(record.missing, [], "{key}");
            let inline = value["fields"]["comment"]["comments"].as_array().map_or(0, Vec::len);
            let comments = self.standin.comments(key).unwrap();
            if comments.len() > inline {
                let items: Vec<String> = record.children[0]
                    .items
                    .iter()
                    .map(|item| String::from_utf8(item.body.unpack().unwrap().to_vec()).unwrap())
                    .collect();
                assert_eq!(items, comments, "{key}");
            } else {
                assert!(record.children.is_empty(), "{key}");
            }
        }
    }

    /// Requests by what they were for.
    pub(super) fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.standin.stats().by_route
    }
}

pub(super) fn project(name: &str, issues: u32) -> Config {
    Config { projects: vec![name.into()], issues_per_project: issues, ..Config::default() }
}

pub(super) fn at(concurrency: usize) -> CollectOptions {
    CollectOptions { concurrency, ..CollectOptions::default() }
}

pub(super) fn limited(limit: u64) -> CollectOptions {
    CollectOptions { limit: Some(limit), ..at(4) }
}

pub(super) fn part<'r>(report: &'r CollectReport, id: &str) -> &'r PartitionReport {
    report.partitions.iter().find(|p| p.partition == id).unwrap()
}

fn transport(plan: &Plan) -> Arc<dyn Fetch> {
    let transport = plan.http.transport.as_ref().unwrap();
    (transport.make)().unwrap().into()
}
