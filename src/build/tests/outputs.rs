//! Outputs as a whole: rows, counts, order, and what happens when something
//! breaks.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use scrape_api::{Delivery, JsonSchema, OptionsError, OutputDir, Row, Sink, register_sink};
use serde_json::{Value, json};

use super::harness::{Shop, child_key, options, plan};
use crate::build::BuildReport;
use crate::build::mapper::Mapper;
use crate::build::run::Error;
use crate::build::worker::{Batch, Records, Worker};
use crate::plan::Plan;
use crate::store::{Body, Store, StoredRecord};

/// Every kind of feed, tasks of every kind, some of which fail.
const SPEC: &str = r#"
children: { comments: "$.comments[*]" }
map:
  key: { path: $.key, required: true }
  title: { path: $.title, type: string, required: true }
  body: { path: $.body, default: "" }
  comments: { each: $children.comments, map: { who: $.who, text: $.text } }
tasks:
  titles:
    when: "{{ record.body | length > 3 }}"
    target: [$.out]
    leak: drop
    example: { in: "{{ record.body }}", out: "{{ record.title }}" }
  words:
    for_each: "{{ record.body | split(' ') | list }}"
    target: [$.word]
    leak: allow
    let: { upper: "{{ item | upper }}" }
    example: { word: "{{ upper }}", n: "{{ 12 // (item | length - 3) }}" }
  odd:
    target: [$.out]
    leak: report
    example: { $if: "{{ record.comments }}", then: { out: "{{ record.title }}", all: "{{ record.comments }}" } }
sinks:
  plain: { type: jsonl, from: records, path: records.jsonl }
  shaped: { type: jsonl, from: records, path: shaped.jsonl.gz, template: { k: "{{ record.key }}", tasks: "{{ tasks }}" } }
  tasks: { type: jsonl, from: tasks, path: "tasks/{{ task }}.jsonl" }
  wrapped: { type: jsonl, from: tasks, path: "wrapped/{{ task }}.jsonl", template: { t: "{{ task }} of {{ spec.name }}", e: "{{ example }}", k: "{{ record.key }}" } }
  raw: { type: jsonl, from: raw, path: raw.jsonl }
  children: { type: jsonl, from: raw_children, path: raw.comments.jsonl.zst }
"#;

fn full_plan() -> Plan {
    plan(SPEC)
}

fn record(n: usize, title: &str, body: &str) -> Value {
    json!({ "id": (1000 + n).to_string(), "key": format!("A-{n}"), "title": title, "body": body })
}

#[test]
fn a_row_does_not_hold_the_pack_that_its_record_is_in() {
    let plan = full_plan();
    let texts: Vec<String> = (0..3).map(|n| record(n, "one", "long").to_string()).collect();
    let bytes: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
    let stored = |(n, body): (usize, std::io::Result<Body>)| StoredRecord {
        primary_key: n.to_string(),
        partition: "A".into(),
        body: body.unwrap(),
        children: Vec::new(),
        missing: Vec::new(),
        gone: false,
    };
    let records: Vec<_> = Body::pack_all(&bytes).into_iter().enumerate().map(stored).collect();
    assert!(records.iter().all(|record| record.body.part().is_some()), "they are in a pack");
    let common = plan.scope();
    let mappers = [Mapper::new(&plan.streams[0], &common)];
    let batch = Batch { number: 0, records: Records::Stored { stream: 0, first: 0, records } };
    let stands = vec![false; plan.sinks.len()];
    let done = Worker::new(&plan, &mappers, common).again(false, &stands).batch(batch);
    let rows: Vec<&Row> = done.rows.iter().flatten().collect();
    let raw: Vec<_> = rows.iter().filter(|row| bytes.contains(&&row.bytes[..])).collect();
    assert_eq!(raw.len(), 3);
    assert!(raw.iter().all(|row| row.bytes.is_unique()));
}

#[test]
fn let_is_not_computed_where_when_is_false_without_it() {
    let spec = r#"
map: { body: { path: $.body } }
tasks:
  shares:
    leak: allow
    let: { share: "{{ 12 // (record.body | length - 3) }}" }
    when: "{{ record.body | length > 3 and share > 2 }}"
    example: { share: "{{ share }}" }
  hidden:
    leak: allow
    for_each: "{{ [record.body] }}"
    let: { item: "{{ item ~ '!' }}" }
    when: "{{ item | length > 4 }}"
    example: { item: "{{ item }}" }
sinks: { tasks: { type: jsonl, from: tasks, path: "{{ task }}.jsonl" } }
"#;
    // No share can be made of the first, that of the last is too small.
    let mut shop = Shop::with(&[
        record(1, "one", "ten"),
        record(2, "two", "four"),
        record(3, "three", "twenty-four"),
    ]);
    let report = shop.build(&plan(spec));
    assert_eq!(shop.text("rejected.jsonl"), "");
    assert_eq!(shop.text("shares.jsonl"), "{\"share\":12}\n");
    assert_eq!(report.counts.tasks["shares"].not_applicable, 2);
    // What hides another name counts from the beginning.
    let items = "{\"item\":\"four!\"}\n{\"item\":\"twenty-four!\"}\n";
    assert_eq!(shop.text("hidden.jsonl"), items);
}

#[test]
fn each_feed_gets_its_rows() {
    let mut shop = Shop::new();
    let mut first = record(2, "Broker fails to start", "We saw that: broker FAILS to start!");
    first["comments"] = json!([{ "who": "x", "text": "inline" }]);
    let pretty =
        serde_json::to_string_pretty(&record(1, "Slow", "")).unwrap().replace("\": ", "\":");
    shop.put("A", &[first.to_string(), pretty], &[]);
    shop.put("A", &[record(10, "Later", "one three").to_string()], &["comments"]);
    shop.fetch(("1010", "A-10"), "comments", &["{ \"who\" : \"y\", \"text\":\"1.0\" }", "{}"]);
    let report = shop.build(&full_plan());

    let keys: Vec<_> = shop.lines("records.jsonl").iter().map(|r| r["key"].clone()).collect();
    assert_eq!(json!(keys), json!(["A-1", "A-2", "A-10"]));
    assert_eq!(
        shop.text("raw.jsonl").lines().next(),
        Some(r#"{"id":"1001","key":"A-1","title":"Slow","body":""}"#)
    );
    // A list that was fetched replaces what came inline; its raw items name their parent.
    assert_eq!(
        json!(
            shop.lines("records.jsonl").iter().map(|r| r["comments"].clone()).collect::<Vec<_>>()
        ),
        json!([[], [{ "who": "x", "text": "inline" }], [{ "who": "y", "text": "1.0" }, { "who": null, "text": null }]])
    );
    let children = fs::read(shop.dir.path().join("raw.comments.jsonl.zst")).unwrap();
    assert_eq!(
        String::from_utf8(zstd::decode_all(&children[..]).unwrap()).unwrap(),
        "{\"parent_id\":\"1010\",\"parent_key\":\"A-10\",\"item\":{\"who\":\"y\",\"text\":\"1.0\"}}\n\
         {\"parent_id\":\"1010\",\"parent_key\":\"A-10\",\"item\":{}}\n"
    );
    // A-2 leaks, A-1 is too short.
    assert_eq!(shop.lines("tasks/titles.jsonl"), [json!({ "in": "one three", "out": "Later" })]);
    assert_eq!(
        shop.lines("wrapped/titles.jsonl"),
        [json!({ "t": "titles of test", "e": { "in": "one three", "out": "Later" }, "k": "A-10" })]
    );
    // `12 // 0` fails for words of three letters, the other words stay.
    assert_eq!(
        shop.lines("tasks/words.jsonl").iter().map(|r| r["word"].clone()).collect::<Vec<_>>(),
        ["", "WE", "THAT:", "BROKER", "FAILS", "TO", "START!", "THREE"]
    );
    let failed = shop.lines("rejected.jsonl");
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert_eq!((&failed[0]["stage"], &failed[0]["key"]), (&json!("task"), &json!("1002")));
    let message = failed[0]["message"].as_str().unwrap();
    assert!(message.starts_with("task words, ") && message.contains("spec.yaml:1:"), "{message}");
    assert!(message.ends_with("(record A-2)"), "{message}");

    let shaped = fs::read(shop.dir.path().join("shaped.jsonl.gz")).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate(&shaped), &mut text).unwrap();
    let shaped: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(
        shaped[0],
        json!({ "k": "A-1", "tasks": { "titles": null, "words": [{ "word": "", "n": -4 }], "odd": null } })
    );
    assert_eq!(shaped[1]["tasks"]["odd"]["out"], "Broker fails to start");

    assert_eq!(
        json!(report.counts),
        json!({
            "streams": { "issues": { "read": 3, "mapped": 3, "dropped": 0, "rejected": 0, "pending": 0, "failed": 0, "gone": 0, "gone_left_out": 0 } },
            "transforms": {},
            "tasks": {
                "titles": { "examples": 1, "not_applicable": 1, "leaks": { "dropped": 1, "reported": 0, "allowed": 0 }, "errors": 0 },
                "words": { "examples": 8, "not_applicable": 0, "leaks": { "dropped": 0, "reported": 0, "allowed": 0 }, "errors": 2 },
                "odd": { "examples": 2, "not_applicable": 1, "leaks": { "dropped": 0, "reported": 0, "allowed": 0 }, "errors": 0 }
            },
            "sinks": report.counts.sinks,
            "rejects": { "task": { "template_failed": 2 } }
        })
    );
    assert_eq!(report.counts.sinks["tasks"].rows, 11);
    let bytes = fs::metadata(shop.dir.path().join("records.jsonl")).unwrap().len();
    assert_eq!(report.counts.sinks["plain"].bytes, bytes);
}

/// A gzip reader; the crate is that of the sink.
fn flate(bytes: &[u8]) -> impl std::io::Read {
    flate2::read::GzDecoder::new(bytes)
}

#[test]
fn records_without_their_lists_wait_and_gone_ones_go_as_the_spec_says() {
    let records = |shop: &mut Shop| {
        shop.put("A", &[record(1, "a", "").to_string()], &["comments"]);
        shop.put("A", &[record(2, "b", "").to_string()], &["comments"]);
        let key = child_key(("1002", "A-2"), "comments");
        assert!(shop.store.fail_child(&key, 2, "404 three times").unwrap());
        shop.put("A", &[record(3, "c", "").to_string()], &[]);
        // Nobody will ever fetch its list: it goes with what came inside it.
        shop.put("A", &[record(4, "d", "").to_string()], &["comments"]);
        shop.store.mark_gone("issues", "A", &["1004".to_owned()]).unwrap();
        // Of a partition that is no longer listed nothing is built.
        shop.put("Z", &[record(5, "z", "").to_string()], &[]);
        shop.reject("B", "hash:1");
        shop.reject("Z", "hash:2");
    };
    for (gone, lines, raw) in [("keep", 2, 4), ("drop", 1, 3)] {
        let mut shop = Shop::new();
        records(&mut shop);
        let report = shop.build(&plan(&format!("gone: {gone}\n{SPEC}")));
        assert_eq!(shop.lines("records.jsonl").len(), lines, "{gone}");
        assert_eq!(shop.lines("raw.jsonl").len(), raw, "{gone}");
        let s = report.counts.streams["issues"];
        assert_eq!((s.read, s.pending, s.failed, s.gone), (4, 1, 1, 1));
        assert_eq!(
            s.read,
            s.mapped + s.dropped + s.rejected + s.pending + s.failed + s.gone_left_out
        );
        let failed = shop.lines("rejected.jsonl");
        assert_eq!(failed.len(), 2);
        assert_eq!(
            ["key", "raw", "raw_base64"].map(|k| failed[0][k].clone()),
            [json!("hash:1"), json!(null), json!("/3s=")],
            "those of collecting come first"
        );
        assert_eq!(
            ["stage", "reason", "message", "key", "child"].map(|k| failed[1][k].clone()),
            ["collect", "child_list_failed", "404 three times", "1002", "comments"]
                .map(Value::from)
        );
    }
}

fn many(shop: &mut Shop) {
    for partition in ["B", "A"] {
        let records: Vec<String> = (0..150)
            .map(|n| {
                let mut r = record(n, &format!("Title {n} of some length"), "a b ccc dddd\n\"é\"");
                r["id"] = json!(format!("{partition}{n}"));
                r["key"] = json!(format!("{partition}-{n}"));
                match n % 11 {
                    3 => r["title"] = json!(null),
                    4 => r["body"] = json!(format!("so: title {n} OF some length.")),
                    5 => r["comments"] = json!([{ "who": "x", "text": "y" }]),
                    _ => {}
                }
                r.to_string()
            })
            .collect();
        shop.put(partition, &records, &[]);
    }
}

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

fn outputs(shop: &Shop) -> Files {
    let mut all = Vec::new();
    for (file, finished) in shop.store.outputs().unwrap() {
        assert!(finished, "{file}");
        all.push((file.clone(), fs::read(shop.dir.path().join(&file)).unwrap()));
    }
    all
}

#[test]
fn the_same_bytes_whatever_the_workers_and_batches() {
    let plan = full_plan();
    let mut first: Option<(Files, BuildReport)> = None;
    for (workers, batch) in [(1, 64), (1, 1), (2, 7), (3, 1000), (8, 1), (8, 13)] {
        let mut shop = Shop::new();
        many(&mut shop);
        let report = shop.build_with(&plan, &options(workers, batch)).unwrap();
        let files = outputs(&shop);
        match &first {
            None => {
                assert_eq!(files.len(), 11, "ten outputs and the rejects");
                assert_eq!(report.counts.streams["issues"].read, 300);
                first = Some((files, report));
            }
            Some((expected, expected_report)) => {
                assert_eq!(json!(report.counts), json!(expected_report.counts));
                assert_eq!(report.warnings, expected_report.warnings);
                for ((name, bytes), (_, expected)) in files.iter().zip(expected) {
                    assert!(bytes == expected, "{name} differs with {workers} workers of {batch}");
                }
            }
        }
    }
    let (files, _) = first.unwrap();
    let records = files.iter().find(|(f, _)| f == "records.jsonl").unwrap();
    let lines = String::from_utf8(records.1.clone()).unwrap();
    let keys: Vec<String> = lines
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["key"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys[..3], ["A-0", "A-1", "A-2"], "partitions as the spec lists them");
    assert!(keys.contains(&"B-149".to_owned()));
}

#[test]
fn an_empty_store_makes_empty_outputs() {
    let mut shop = Shop::new();
    let report = shop.build(&full_plan());
    assert_eq!(shop.text("rejected.jsonl"), "");
    assert_eq!(shop.text("tasks/words.jsonl"), "");
    assert_eq!(outputs(&shop).len(), 11);
    assert_eq!(report.warnings, []);
}

#[test]
fn a_sink_that_fails_leaves_all_former_outputs() {
    let plan = full_plan();
    let mut shop = Shop::new();
    shop.put("A", &[record(1, "old", "").to_string()], &[]);
    shop.build(&plan);
    let former = outputs(&shop);
    many(&mut shop);

    // A folder where a file of one sink is to be made.
    let blocked = shop.dir.path().join(".raw.jsonl.tmp");
    fs::create_dir(&blocked).unwrap();
    let error = shop.build_with(&plan, &options(2, 16)).unwrap_err();
    assert!(matches!(&error, Error::Sink { name, .. } if name == "raw"), "{error}");
    assert!(error.to_string().contains("raw.jsonl"), "{error}");
    assert_eq!(outputs(&shop), former);
    fs::remove_dir(&blocked).unwrap();

    shop.build(&plan);
    assert_ne!(outputs(&shop), former);
}

#[test]
fn a_sink_that_fails_half_way_stops_the_build() {
    // `/dev/full` stands for a full disk where there is one.
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: no /dev/full here");
        return;
    }
    let mut shop = Shop::new();
    many(&mut shop);
    let mut plan = full_plan();
    shop.build(&plan);
    let former = outputs(&shop);
    let filler = "filler ".repeat(50);
    let more: Vec<_> = (150..3000).map(|n| record(n, "new", &filler).to_string()).collect();
    shop.put("A", &more, &[]);
    let make = plan.sinks[0].make.clone();
    plan.sinks[0].make = Arc::new(move || Ok(Box::new(Filling { inner: make()?, batches: 0 })));
    let error = shop.build_with(&plan, &options(3, 8)).unwrap_err();
    match &error {
        Error::Sink { name, source } => {
            assert_eq!(name, "plain");
            assert!(source.is_disk_full(), "{source:?}");
        }
        other => panic!("{other}"),
    }
    assert_eq!(outputs(&shop), former);
}

/// A sink that is on a full disk from its fifth batch on.
struct Filling {
    inner: Box<dyn Sink>,
    batches: u32,
}

impl Sink for Filling {
    fn delivery(&self) -> Delivery {
        self.inner.delivery()
    }
    fn files(&self) -> Vec<PathBuf> {
        self.inner.files()
    }
    fn open(&mut self, dir: &OutputDir) -> scrape_api::Result<()> {
        self.inner.open(dir)
    }
    fn write(&mut self, batch: &[Row]) -> scrape_api::Result<()> {
        self.batches += 1;
        if self.batches >= 5 {
            fs::write("/dev/full", "a row")
                .map_err(scrape_api::Error::io("write records.jsonl"))?;
        }
        self.inner.write(batch)
    }
    fn finish(&mut self) -> scrape_api::Result<()> {
        self.inner.finish()
    }
    fn commit(&mut self) -> scrape_api::Result<()> {
        self.inner.commit()
    }
    fn abort(&mut self) {
        self.inner.abort();
    }
}

/// A sink that breaks where its file says so: in `commit`, or with a panic.
struct Brittle(String);

impl Sink for Brittle {
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
    fn files(&self) -> Vec<PathBuf> {
        vec![self.0.clone().into()]
    }
    fn open(&mut self, _: &OutputDir) -> scrape_api::Result<()> {
        Ok(())
    }
    fn write(&mut self, _: &[Row]) -> scrape_api::Result<()> {
        assert!(self.0 != "panic", "on purpose");
        Ok(())
    }
    fn finish(&mut self) -> scrape_api::Result<()> {
        Ok(())
    }
    fn commit(&mut self) -> scrape_api::Result<()> {
        Err(scrape_api::Error::msg("no more room for names"))
    }
    fn abort(&mut self) {}
}

#[derive(serde::Deserialize, JsonSchema)]
#[schemars(crate = "scrape_api::schemars")]
struct Options {
    path: String,
}

register_sink! {
    name: "test_brittle",
    summary: "for tests",
    config: Options,
    example: "",
    new: |options: Options| Ok::<_, OptionsError>(Brittle(options.path)),
}

fn brittle(file: &str) -> (Shop, Result<BuildReport, Error>, bool) {
    let parts = format!(
        "map: {{ key: $.key }}\n\
         sinks: {{ one: {{ type: jsonl, from: records, path: one.jsonl }}, \
                   two: {{ type: test_brittle, from: records, path: {file} }} }}"
    );
    let plan = plan(&parts);
    let mut shop = Shop::new();
    many(&mut shop);
    let result = shop.build_with(&plan, &options(2, 3));
    let there = shop.dir.path().join("one.jsonl").exists();
    (shop, result, there)
}

#[test]
fn a_sink_that_panics_stops_the_build() {
    let (shop, result, there) = brittle("panic");
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Broken("a sink")), "{error}");
    assert!(!there && shop.store.outputs().unwrap().is_empty());
}

#[test]
fn files_are_listed_before_the_first_is_put_in_place() {
    let (shop, result, there) = brittle("two.jsonl");
    assert_eq!(result.unwrap_err().to_string(), "sink two: no more room for names");
    assert!(there, "those before it are in place");
    let listed = [("one.jsonl", false), ("rejected.jsonl", false), ("two.jsonl", false)];
    assert_eq!(shop.store.outputs().unwrap(), listed.map(|(f, done)| (f.to_owned(), done)));
}

#[test]
fn a_failing_sink_template_costs_only_its_row() {
    let plan = plan(
        "map: { key: $.key, n: $.n }\n\
         sinks: { out: { type: jsonl, from: records, path: out.jsonl, template: { v: '{{ 10 // record.n }}' } } }",
    );
    let record = |n: u32| json!({ "id": n.to_string(), "key": format!("A-{n}"), "n": n });
    let mut shop = Shop::with(&[record(0), record(5)]);
    let report = shop.build(&plan);
    assert_eq!(shop.lines("out.jsonl"), [json!({ "v": 2 })]);
    assert_eq!(json!(report.counts.rejects), json!({ "sink": { "template_failed": 1 } }));
    let message = shop.lines("rejected.jsonl")[0]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("sink out, ") && message.contains("record A-0"), "{message}");
}
