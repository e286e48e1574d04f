//! A build that takes over what the one before has made comes out as one that does
//! not.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use scrape_api::OutputDir;
use serde_json::{Value, json};

use super::harness::{Shop, options, plan_in};
use crate::build::{BuildReport, Changes, Kept, rebuild, run};
use crate::plan::Plan;

fn issue(n: usize) -> Value {
    let words = "text of an issue ".repeat(n % 7);
    json!({ "id": n.to_string(), "key": format!("A-{n}"), "title": format!("Title {n}"), "body": words,
            "votes": if n.is_multiple_of(5) { json!("many") } else { json!(n) },
            "weight": if n.is_multiple_of(9) { json!("much") } else { json!(n) } })
}

const MAP: &str = "map: { key: $.key, title: $.title, body: $.body,
    weight: { path: $.weight, type: int }, odd: { value: \"{{ record.votes }}\" } }";
const TASKS: &str = "tasks: {
    titles: { leak: allow, when: \"{{ record.body }}\", example: { t: \"{{ record.title }}\" } },
    sums: { leak: allow, example: { s: \"{{ record.odd + 1 }}\" } },
    words: { leak: allow, for_each: \"{{ record.body | split }}\", example: { w: \"{{ item }}\" } } }";
const SINKS: &str = "sinks: {
    raw: { type: jsonl, from: raw, path: raw.jsonl },
    all: { type: jsonl, from: records, path: all.jsonl, template: { key: \"{{ record.key }}\", tasks: \"{{ tasks }}\" } },
    few: { type: jsonl, from: records, path: few.jsonl, template: { odd: \"{{ record.odd - 1 }}\" } },
    each: { type: jsonl, from: tasks, path: \"{{ task }}.jsonl\" } }";

fn parts(shop: &Shop, map: &str, tasks: &str, sinks: &str) -> Arc<Plan> {
    let folder = shop.dir.path().join("spec");
    fs::create_dir_all(&folder).unwrap();
    Arc::new(plan_in(&folder, &format!("{map}\n{tasks}\n{sinks}\n")))
}

fn shop(records: std::ops::Range<usize>) -> Shop {
    Shop::with(&records.map(issue).collect::<Vec<_>>())
}

/// When a file was written.
fn written(shop: &Shop, file: &str) -> SystemTime {
    fs::metadata(shop.dir.path().join(file)).unwrap().modified().unwrap()
}

/// When the archive of the records as they came was written.
fn archived(shop: &Shop) -> SystemTime {
    written(shop, "raw.jsonl")
}

/// Builds again, and asserts that all that comes out is that of a plain build.
fn again(shop: &mut Shop, plan: &Arc<Plan>, kept: &mut Kept) -> Option<Changes> {
    let dir = OutputDir::new(shop.dir.path());
    let (report, changes) = rebuild(plan, &mut shop.store, &dir, &options(2, 7), kept).unwrap();
    let apart = tempfile::tempdir().unwrap();
    let plain = {
        // A copy of the store, so that its books stay as they are.
        for file in ["store.db", "store.db-wal"] {
            let _ = fs::copy(shop.dir.path().join(file), apart.path().join(file));
        }
        let copy = apart.path().join("store.db");
        let mut store = crate::store::SqliteStore::open(&copy).unwrap();
        run(plan, &mut store, &OutputDir::new(apart.path()), &options(2, 7)).unwrap()
    };
    assert_eq!(told(&report), told(&plain));
    for file in &report.files {
        let read = |dir: &Path| fs::read_to_string(dir.join(&file.path)).unwrap();
        assert_eq!(read(shop.dir.path()), read(apart.path()), "{}", file.path);
    }
    changes
}

/// What a report says, in an order that does not matter.
fn told(report: &BuildReport) -> String {
    let mut failures: Vec<_> = report.failures.iter().map(|f| format!("{f:?}")).collect();
    failures.sort();
    format!("{:?}\n{:?}\n{:?}\n{failures:?}", report.counts, report.warnings, report.files)
}

/// By part: changed, new, gone.
fn numbers(changes: Option<Changes>) -> Vec<(String, u64, u64, u64)> {
    let parts = changes.unwrap().parts.into_iter();
    parts.map(|part| (part.name, part.changed, part.new, part.gone)).collect()
}

#[test]
fn edits_of_each_kind_come_out_as_in_a_plain_build() {
    let mut shop = shop(0..150);
    let mut kept = Kept::default();
    let mut archive = None;
    // What is edited, and whether the archive stands.
    let edits: [(&str, &str, bool); 14] = [
        ("", "", false),
        ("{ t: \"{{ record.title }}\" }", "{ t: \"{{ record.title }}!\" }", true),
        ("when: \"{{ record.body }}\"", "when: \"{{ record.key }}\"", true),
        ("record.odd + 1", "record.odd + 2", true),
        ("record.odd - 1", "record.odd - 2", true),
        ("record.odd - 2", "record.key", true),
        ("{ w: \"{{ item }}\" }", "{ w: \"{{ item }}\", n: 1 }", true),
        ("leak: allow, when", "target: [t], leak: report, when", true),
        (
            "titles: {",
            "more: { leak: allow, example: { k: \"{{ record.key }}\" } }, titles: {",
            true,
        ),
        ("more: { leak: allow, example: { k: \"{{ record.key }}\" } }, ", "", true),
        ("path: all.jsonl", "path: others.jsonl", false),
        ("title: $.title", "title: { path: $.title, default: none }", false),
        ("type: int", "type: string", false),
        ("{{ record.votes }}", "{{ record.votes + 0 }}", false),
    ];
    let mut spec = [MAP, TASKS, SINKS].map(str::to_owned);
    for (from, to, stands) in edits {
        for part in spec.iter_mut().filter(|_| !from.is_empty()) {
            *part = part.replace(from, to);
        }
        let plan = parts(&shop, &spec[0], &spec[1], &spec[2]);
        let before = archive;
        again(&mut shop, &plan, &mut kept);
        archive = Some(archived(&shop));
        assert!(!stands || before == archive, "{from} -> {to}: written again");
    }
}

#[test]
fn what_differs_is_told_with_the_first_records() {
    let mut shop = shop(0..30);
    let mut kept = Kept::default();
    assert!(
        {
            let plan = parts(&shop, MAP, TASKS, SINKS);
            again(&mut shop, &plan, &mut kept)
        }
        .is_none(),
        "the first"
    );
    let none = {
        let plan = parts(&shop, MAP, TASKS, SINKS);
        again(&mut shop, &plan, &mut kept)
    };
    assert_eq!(numbers(none), []);
    // Four of 26 that are mapped have no body.
    let when = TASKS.replace("{{ record.body }}", "{{ record.key != 'A-1' }}");
    let changes = {
        let plan = parts(&shop, MAP, &when, SINKS);
        again(&mut shop, &plan, &mut kept)
    }
    .unwrap();
    let shown = &changes.shown;
    let keys: Vec<_> = shown.iter().map(|s| (s.name.as_str(), s.key.as_str())).collect();
    assert_eq!(keys, [("titles", "A-1"), ("titles", "A-7"), ("titles", "A-14")]);
    assert_eq!((&shown[0].before, &shown[0].after), (&Some(json!({ "t": "Title 1" })), &None));
    assert_eq!((&shown[1].before, &shown[1].after), (&None, &Some(json!({ "t": "Title 7" }))));
    let part = |name: &str, changed, new, gone| (name.to_owned(), changed, new, gone);
    assert_eq!(numbers(Some(changes)), [part("titles", 0, 4, 1), part("all", 5, 0, 0)]);
    // Several examples of a record are one difference.
    let items = when.replace("{ w: \"{{ item }}\" }", "{ w: \"{{ item }}!\" }");
    let changes = {
        let plan = parts(&shop, MAP, &items, SINKS);
        again(&mut shop, &plan, &mut kept)
    }
    .unwrap();
    assert_eq!(changes.shown[0].after.as_ref().unwrap()[0], json!({ "w": "text!" }));
    assert_eq!(numbers(Some(changes)), [part("words", 22, 0, 0), part("all", 22, 0, 0)]);
    // Rows of a sink's own template, where no example differs.
    let rows = SINKS.replace("record.odd - 1", "record.odd - 2");
    let changes = {
        let plan = parts(&shop, MAP, &items, &rows);
        again(&mut shop, &plan, &mut kept)
    }
    .unwrap();
    assert_eq!(changes.shown[0].before, Some(json!({ "odd": 0 })));
    assert_eq!(numbers(Some(changes)), [part("few", 21, 0, 0)]);
    // A map that is another makes others of the same records.
    let map = MAP.replace("$.title", "$.key");
    let changes = {
        let plan = parts(&shop, &map, &items, &rows);
        again(&mut shop, &plan, &mut kept)
    };
    assert_eq!(numbers(changes), [part("titles", 25, 0, 0), part("all", 25, 0, 0)]);
}

#[test]
fn what_is_the_same_is_not_written_again() {
    let mut shop = shop(0..30);
    let mut kept = Kept::default();
    let folder = shop.dir.path().join("spec");
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    // Two lead to the inner text, one of them by way of another; the last to neither.
    let tasks = "tasks: {
        one: { leak: allow, example: { t: \"{{ render('outer.j2') }}\" } },
        two: { leak: allow, example: { t: \"{% include 'inner.j2' %}\" } },
        none: { leak: allow, example: { t: \"{{ record.odd + 1 }}\" } } }";
    write("outer.j2", "({{ render('inner.j2') }})");
    let mut save = |shop: &mut Shop, inner: &str| {
        write("inner.j2", inner);
        let plan = parts(shop, MAP, tasks, SINKS);
        again(shop, &plan, &mut kept)
    };
    save(&mut shop, "{{ record.title }}");
    let none = written(&shop, "none.jsonl");
    let changes = save(&mut shop, "{{ record.title }}!");
    let told: Vec<_> = numbers(changes).into_iter().map(|part| (part.0, part.1)).collect();
    assert_eq!(told, [("one".into(), 26), ("two".into(), 26), ("all".into(), 26)]);
    assert_eq!(written(&shop, "none.jsonl"), none, "written again");
    // What somebody has written to is made again.
    fs::write(shop.dir.path().join("none.jsonl"), "mine").unwrap();
    fs::remove_file(shop.dir.path().join("two.jsonl")).unwrap();
    save(&mut shop, "{{ record.title }}!");
}

#[test]
fn what_was_collected_or_touched_since_is_built_anew() {
    let mut shop = shop(0..40);
    let mut kept = Kept::default();
    let plan = parts(&shop, MAP, TASKS, SINKS);
    again(&mut shop, &plan, &mut kept);
    let mut changed = issue(20);
    changed["title"] = json!("another");
    shop.put("A", &[changed.to_string(), issue(200).to_string()], &[]);
    shop.reject("A", "unreadable");
    shop.put("B", &[issue(300).to_string()], &["comments"]);
    assert!(again(&mut shop, &plan, &mut kept).is_none(), "other records");
    assert!(again(&mut shop, &plan, &mut kept).is_some());
    for touch in ["mine", ""] {
        fs::write(shop.dir.path().join("raw.jsonl"), touch).unwrap();
        again(&mut shop, &plan, &mut kept);
    }
    fs::remove_file(shop.dir.path().join("raw.jsonl")).unwrap();
    again(&mut shop, &plan, &mut kept);
    // A build by somebody else, with another spec.
    let other = parts(&shop, MAP, TASKS, &SINKS.replace("all.jsonl", "theirs.jsonl"));
    shop.build(&other);
    assert!(again(&mut shop, &plan, &mut kept).is_none(), "built elsewhere");
}

#[test]
fn a_text_counts_by_whatever_name_a_template_leads_to_it() {
    let mut shop = shop(0..20);
    let folder = shop.dir.path().join("spec");
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let spec = |title: &str| {
        let map = format!("map: {{ key: $.key, title: {title} }}");
        let tasks = "tasks: { t: { leak: allow, let: { n: \"{{ 'inn' ~ 'er.j2' }}\" },
            example: { t: \"{{ render(n) }}\" } } }";
        let sinks = "sinks: { each: { type: jsonl, from: tasks, path: t.jsonl },
            raw: { type: jsonl, from: raw, path: raw.jsonl } }";
        Arc::new(plan_in(&folder, &format!("{map}\n{tasks}\n{sinks}\n")))
    };
    write("inner.j2", "<{{ record.title }}>");
    write("title.j2", "{{ record.title }}");
    let mut kept = Kept::default();
    again(&mut shop, &spec("$.title"), &mut kept);
    let before = archived(&shop);
    write("inner.j2", "[{{ record.title }}]");
    let changes = again(&mut shop, &spec("$.title"), &mut kept);
    assert_eq!(numbers(changes), [("t".to_owned(), 20, 0, 0)]);
    assert_eq!(archived(&shop), before);
    // In a map: then nothing is taken over that may depend on it.
    let map = "{ value: \"{{ render('title.j2') }}\" }";
    again(&mut shop, &spec(map), &mut kept);
    write("title.j2", "{{ record.title }}!");
    let changes = again(&mut shop, &spec(map), &mut kept).unwrap();
    assert_eq!(changes.shown[0].after, Some(json!({ "t": "[Title 0!]" })));
}
