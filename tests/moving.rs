//! The server's data changes while it is read: every issue that existed
//! throughout is in the output exactly once.

mod common;

use std::collections::BTreeMap;

use common::{Ran, Scrape, lines, start};
use scrape_standin::{Action, Config, Standin};
use serde_json::Value;

const PROJECTS: [&str; 2] = ["TIDE", "REEF"];

/// Changes are planned for before each of so many searches.
const SEARCHES: u64 = 26;

/// A small generator of numbers that are as good as random (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % most as u64) as usize
    }
}

/// The ids of all issues, with their keys.
fn ids(standin: &Standin) -> BTreeMap<String, String> {
    let keys = PROJECTS.iter().flat_map(|project| standin.keys(project));
    keys.map(|key| (id(standin, &key), key)).collect()
}

fn id(standin: &Standin, key: &str) -> String {
    let record: Value =
        serde_json::from_str(&standin.record(key).expect("a record")).expect("JSON");
    record["id"].as_str().expect("an id").to_owned()
}

/// Plans changes between the searches of a run; the ids that will be deleted.
fn plan_changes(standin: &Standin, random: &mut Random) -> Vec<String> {
    let issues: Vec<String> = ids(standin).into_keys().collect();
    let mut deleted = Vec::new();
    for after in 1..SEARCHES {
        let mut then = Vec::new();
        for _ in 0..random.below(3) {
            let key = issues[random.below(issues.len())].clone();
            let to = PROJECTS[random.below(2)].to_owned();
            then.push(match random.below(8) {
                0 | 1 => Action::Update { key, summary: Some("changed".into()), updated: None },
                2 => Action::Comment { key, body: "late".into() },
                3 | 4 => Action::Create { project: to, summary: None },
                5 | 6 => Action::Move { key, to },
                _ => {
                    deleted.push(key.clone());
                    Action::Delete { key }
                }
            });
        }
        standin.after(after, then).expect("planned");
    }
    deleted
}

/// The spec, by keys or by positions.
fn spec(by_offset: bool) -> String {
    if !by_offset {
        return common::JIRA.to_owned();
    }
    let from = "      type: keyset\n      after: $.key\n      order: natural\n";
    let clause = "{% if page.after %} AND key > {{ page.after | jql }}{% endif %}";
    assert!(common::JIRA.contains(from) && common::JIRA.contains(clause));
    common::JIRA
        .replace(from, "      type: offset\n      offset_param: startAt\n")
        .replace(clause, "")
}

fn run(scrape: &Scrape, standin: &Standin, concurrency: &str, more: &[&str]) -> Ran {
    let args = [
        "run",
        "spec.yaml",
        "--base-url",
        standin.url(),
        "--projects",
        "TIDE,REEF",
        "-o",
        "out",
        "-c",
        concurrency,
    ];
    scrape.run(&[&args[..], more].concat())
}

#[test]
fn what_existed_throughout_is_there_exactly_once() {
    std::thread::scope(|scope| {
        for seed in 1..=8 {
            scope.spawn(move || under_changes(seed));
        }
    });
}

fn under_changes(seed: u64) {
    let standin = start(Config {
        projects: PROJECTS.map(Into::into).to_vec(),
        issues_per_project: 90,
        inline_comments: 2,
        record_size: 1500,
        seed,
        ..Config::default()
    });
    let scrape = Scrape::new();
    std::fs::write(scrape.dir().join("spec.yaml"), spec(seed.is_multiple_of(2))).expect("a spec");
    let mut random = Random(seed);
    let before = ids(&standin);
    let deleted = plan_changes(&standin, &mut random);
    let concurrency = ["1", "4", "8"][seed as usize % 3];
    let mut ran = run(&scrape, &standin, concurrency, &[]);
    // Where it changed until the end, that is said, and the next run has it all.
    if ran.code == Some(3) {
        assert!(ran.stderr.contains("--resume"), "seed {seed}\n{}", ran.stderr);
        ran = run(&scrape, &standin, concurrency, &["--resume"]);
    }
    assert_eq!(ran.code, Some(0), "seed {seed}\n{}", ran.stderr);
    let mut here = BTreeMap::new();
    for line in lines(&scrape.dir().join("out/raw.jsonl")) {
        let id = line["id"].as_str().expect("an id").to_owned();
        *here.entry(id).or_insert(0) += 1;
    }
    for (id, key) in &before {
        let times = here.get(id).copied().unwrap_or(0);
        assert!(
            times == 1 || deleted.contains(id) && times < 2,
            "seed {seed}: {key} {times} times"
        );
    }
    assert!(here.values().all(|times| *times == 1), "seed {seed}");
    let records = lines(&scrape.dir().join("out/records.jsonl")).len();
    assert_eq!(records, here.len(), "seed {seed}: a list that belongs to a record is missing");
    // And what came after, once a sweep has looked.
    let verify = || scrape.run(&["verify", "spec.yaml", "-o", "out", "--fix"]);
    // A run that needed few searches leaves changes, which come while it looks.
    for _ in 0..SEARCHES {
        if standin.stats().by_route.get("search").is_some_and(|n| *n >= SEARCHES) {
            break;
        }
        verify();
    }
    let verified = verify();
    assert_eq!(verified.code, Some(0), "seed {seed}\n{}{}", verified.stdout, verified.stderr);
    scrape.run(&["build", "spec.yaml", "-o", "out"]).expect(0);
    let lines = lines(&scrape.dir().join("out/raw.jsonl"));
    let now: Vec<&str> = lines.iter().filter_map(|line| line["id"].as_str()).collect();
    for id in ids(&standin).keys() {
        assert_eq!(now.iter().filter(|n| *n == id).count(), 1, "seed {seed}: {id}");
    }
}
