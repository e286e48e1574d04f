//! How fast a build is. Not a test: `cargo test --release --lib throughput --
//! --ignored --nocapture`.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Shop, compiled, options};
use crate::build::mapper::Mapper;
use crate::build::minify::minify;
use crate::plan::{Partition, Plan};

const RECORDS: usize = 2000;

/// Issues of the size of real ones, some 19 KB: recorded ones over and over, or
/// made-up ones where there are none.
fn issues() -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("../shared/data/jira-dc/apache-issues.jsonl");
    let samples: Vec<Value> = match fs::read_to_string(&file) {
        Ok(text) => text.lines().map(|l| serde_json::from_str(l).unwrap()).collect(),
        Err(_) => {
            println!("made-up issues: no recorded ones at {}", file.display());
            vec![made_up()]
        }
    };
    (0..RECORDS)
        .map(|n| {
            let mut issue = samples[n % samples.len()].clone();
            issue["id"] = json!(n.to_string());
            issue["key"] = json!(format!("A-{n}"));
            issue.to_string()
        })
        .collect()
}

fn made_up() -> Value {
    let text = "The writer loses rows when the node restarts; see the log for more. ".repeat(15);
    let mut fields = json!({
        "summary": "Rows are lost after a restart", "description": text,
        "project": { "key": "A" }, "issuetype": { "name": "Bug" }, "priority": { "name": "Major" },
        "reporter": { "displayName": "Kim", "name": "kim" },
        "created": "2023-11-07T05:52:16.650+0000", "updated": "2023-11-07T05:52:16.650+0000",
        "comment": { "total": 5, "comments": (0..5).map(|n| json!({
            "id": n.to_string(), "author": { "name": "lee", "displayName": "Lee" },
            "created": "2023-11-07T05:52:16.650+0000", "body": text
        })).collect::<Vec<_>>() }
    });
    for n in 0..110 {
        fields[format!("customfield_{n}")] =
            if n % 3 == 0 { json!({ "self": "https://x/y", "id": n }) } else { json!(null) };
    }
    json!({ "id": "", "key": "", "fields": fields })
}

fn parts(file: &str, change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = compiled(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file));
    plan.streams[0].partitions = vec![Partition { id: "A".into(), vars: serde_json::Map::new() }];
    change(&mut plan);
    plan
}

fn report(what: &str, bytes: usize, time: Duration) {
    let seconds = time.as_secs_f64();
    println!(
        "{what:<44} {:>8.0} records/s {:>7.1} MB/s {:>7.0} us a record",
        RECORDS as f64 / seconds,
        bytes as f64 / seconds / 1e6,
        seconds * 1e6 / RECORDS as f64
    );
}

#[test]
#[ignore = "a measurement"]
fn throughput() {
    let issues = issues();
    let bytes: usize = issues.iter().map(String::len).sum();
    println!("{RECORDS} records of {} bytes", bytes / RECORDS);
    let mut shop = Shop::new();
    shop.put("A", &issues, &[]);

    let plan = parts("specs/apache-jira.yaml", |_| {});
    let mapper = Mapper::new(&plan.streams[0], &plan.scope());
    let start = Instant::now();
    for issue in &issues {
        mapper.shape.project(issue).unwrap();
    }
    report("projection", bytes, start.elapsed());
    let start = Instant::now();
    for issue in &issues {
        serde_json::from_str::<Value>(issue).unwrap();
    }
    report("(full tree, for comparison)", bytes, start.elapsed());
    let start = Instant::now();
    let mut out = Vec::new();
    for issue in &issues {
        out.clear();
        minify(issue.as_bytes(), &mut out);
    }
    report("minify", bytes, start.elapsed());

    type Change = fn(&mut Plan);
    let steps: [(&str, Change); 7] = [
        ("read and project", |p| {
            p.tasks.clear();
            p.sinks.clear();
            p.streams[0].map.fields.truncate(3);
        }),
        ("+ map without transforms", |p| {
            p.tasks.clear();
            p.sinks.clear();
            clear_transforms(&mut p.streams[0].map);
        }),
        ("+ transforms", |p| {
            p.tasks.clear();
            p.sinks.clear();
        }),
        ("+ tasks", |p| p.sinks.clear()),
        ("+ sink of tasks", |p| p.sinks.retain(|s| s.name == "examples")),
        ("+ training_data", |p| p.sinks.retain(|s| !s.name.starts_with("raw"))),
        ("+ raw: everything", |_| {}),
    ];
    for (what, change) in steps {
        let plan = parts("specs/apache-jira.yaml", change);
        for workers in [1, 2] {
            let start = Instant::now();
            shop.build_with(&plan, &options(workers, 64)).unwrap();
            report(&format!("{what}, {workers} workers"), bytes, start.elapsed());
        }
    }
}

fn clear_transforms(map: &mut crate::plan::MapPlan) {
    for field in &mut map.fields {
        field.transforms.clear();
        if let crate::plan::FieldSource::Each { map, .. } = &mut field.source {
            clear_transforms(map);
        }
    }
}
