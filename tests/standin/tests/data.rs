//! What is served: invented issues, and those of files.
#![allow(clippy::unwrap_used, clippy::print_stderr, unused_crate_dependencies)]

mod client;

use std::io::Write;
use std::path::{Path, PathBuf};

use client::{get, search};
use scrape_standin::{Config, Standin};
use serde_json::Value;

fn synthetic(config: Config) -> Standin {
    Standin::start(Config { projects: vec!["TIDE".into()], ..config }).unwrap()
}

/// A file that is removed when it goes out of scope.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("standin-{}-{name}", std::process::id()));
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_gives_others() {
    let body = |seed: u64, cache_bytes: usize| {
        let standin = synthetic(Config { seed, cache_bytes, ..Config::default() });
        search(&standin, "project = TIDE ORDER BY key", "&maxResults=100&fields=*all").text()
    };
    assert_eq!(body(5, 1 << 30), body(5, 0));
    assert_ne!(body(5, 0), body(6, 0));
}

#[test]
fn invented_issues_are_as_varied_as_real_ones() {
    let standin = synthetic(Config {
        issues_per_project: 600,
        inline_comments: usize::MAX,
        ..Config::default()
    });
    let issues: Vec<Value> = standin
        .keys("TIDE")
        .iter()
        .map(|k| serde_json::from_str(&standin.record(k).unwrap()).unwrap())
        .collect();
    let share = |test: &dyn Fn(&Value) -> bool| {
        issues.iter().filter(|i| test(i)).count() as f64 / issues.len() as f64
    };
    let near = |name: &str, got: f64, low: f64, high: f64| {
        assert!((low..high).contains(&got), "{name}: {got}")
    };
    near("no description", share(&|i| i["fields"]["description"].is_null()), 0.32, 0.46);
    near("no assignee", share(&|i| i["fields"]["assignee"].is_null()), 0.2, 0.5);
    near("no comments", share(&|i| i["fields"]["comment"]["total"] == 0), 0.2, 0.45);
    near(
        "many comments",
        share(&|i| i["fields"]["comment"]["total"].as_u64() > Some(20)),
        0.003,
        0.05,
    );
    near("sub-tasks", share(&|i| i["fields"]["parent"].is_object()), 0.01, 0.15);
    near("resolved", share(&|i| i["fields"]["resolution"].is_object()), 0.5, 0.8);
    let text: String = issues.iter().filter_map(|i| i["fields"]["description"].as_str()).collect();
    for mark in [
        "{code",
        "{noformat",
        "{quote}",
        "h2. ",
        "{{",
        "||",
        "[~",
        "\n* ",
        "\n# ",
        "bq. ",
        "\r\n",
        "|https://",
        "!screenshot",
    ] {
        assert!(text.contains(mark), "no {mark} anywhere");
    }
    let authors =
        issues.iter().flat_map(|i| i["fields"]["comment"]["comments"].as_array().unwrap());
    let bots = authors.clone().filter(|c| c["author"]["name"] == "githubbot").count() as f64
        / authors.count() as f64;
    near("relays", bots, 0.08, 0.25);
    for issue in &issues {
        assert!(issue["fields"]["updated"].as_str() >= issue["fields"]["created"].as_str());
        let comments = &issue["fields"]["comment"];
        assert_eq!(
            comments["total"].as_u64(),
            Some(comments["comments"].as_array().unwrap().len() as u64)
        );
        if let Some(parent) = issue["fields"]["parent"]["key"].as_str() {
            let parent: Value = serde_json::from_str(&standin.record(parent).unwrap()).unwrap();
            assert_eq!(parent["fields"]["summary"], issue["fields"]["parent"]["fields"]["summary"]);
            let children = parent["fields"]["subtasks"].as_array().unwrap();
            assert!(children.iter().any(|c| c["id"] == issue["id"]));
        }
    }
}

#[test]
fn records_can_be_padded_to_a_size() {
    let standin =
        synthetic(Config { record_size: 17_000, issues_per_project: 400, ..Config::default() });
    let sizes: Vec<usize> =
        standin.keys("TIDE").iter().map(|k| standin.record(k).unwrap().len()).collect();
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    assert!((15_000..19_500).contains(&mean), "{mean}");
}

#[test]
fn comments_that_are_not_inline_come_from_their_own_path() {
    let standin = synthetic(Config { inline_comments: 2, ..Config::default() });
    let (key, all) = standin
        .keys("TIDE")
        .into_iter()
        .map(|k| (k.clone(), standin.comments(&k).unwrap()))
        .max_by_key(|(_, c)| c.len())
        .unwrap();
    assert!(all.len() > 5);
    let inline = &get(&standin, &format!("/rest/api/2/issue/{key}")).json()["fields"]["comment"];
    assert_eq!(
        (inline["total"].as_u64(), inline["maxResults"].as_u64()),
        (Some(all.len() as u64), Some(2))
    );
    assert_eq!(inline["comments"].as_array().unwrap().len(), 2);
    let comments =
        |rest: &str| get(&standin, &format!("/rest/api/2/issue/{key}/comment{rest}")).json();
    let whole = comments("");
    assert_eq!(
        (whole["maxResults"].as_u64(), whole["startAt"].as_u64()),
        (Some(1_048_576), Some(0))
    );
    let want: Vec<Value> = all.iter().map(|c| serde_json::from_str(c).unwrap()).collect();
    assert_eq!(whole["comments"], Value::from(want.clone()));
    assert_eq!(inline["comments"], Value::from(&want[..2]));
    let page = comments("?startAt=3&maxResults=2");
    assert_eq!(
        (page["total"].as_u64(), page["comments"].clone()),
        (Some(all.len() as u64), Value::from(&want[3..5]))
    );
    let newest = comments("?orderBy=-created&maxResults=1");
    assert_eq!(newest["comments"][0]["id"], want[want.len() - 1]["id"]);
}

#[test]
fn a_file_is_served_to_the_byte() {
    let first = r#"{"key": "PIER-2", "id": "20", "fields": {"n": 1.50e+3, "updated": "2020-01-02T00:00:00.000+0100", "created":"2019-01-01T00:00:00.000+0000", "odd": "\ud83d \u0000 A", "summary": "x"}}"#;
    let second = r#"{"id": "10", "key": "PIER-10", "fields": {"project": {"id": "7", "key": "PIER", "name": "From a file"}, "comment": {"comments": [{"id": "1"}, {"id": "2"}], "maxResults": 9, "total": 9, "startAt": 0}}}"#;
    let file = Scratch::new("good.jsonl", &format!("\u{feff}{first}\r\n\n{second}\n"));
    let standin = Standin::start(Config {
        files: vec![file.0.clone()],
        inline_comments: 1,
        ..Config::default()
    })
    .unwrap();
    let body = search(&standin, "project = PIER ORDER BY key", "&fields=*all").text();
    let cut = second.replace(
        r#"{"id": "1"}, {"id": "2"}], "maxResults": 9, "total": 9"#,
        r#"{"id": "1"}], "maxResults": 1, "total": 2"#,
    );
    assert!(body.ends_with(&format!("\"total\":2,\"issues\":[{first},{cut}]}}")), "{body}");
    let comments = get(&standin, "/rest/api/2/issue/10/comment").text();
    assert_eq!(
        comments,
        r#"{"startAt":0,"maxResults":1048576,"total":2,"comments":[{"id": "1"},{"id": "2"}]}"#
    );
    // 2020-01-02T00:00 at +0100 is 2020-01-01T23:00 UTC.
    assert_eq!(search(&standin, "updated >= 1577919600000", "&fields=key").json()["total"], 1);
    assert_eq!(search(&standin, "updated > 1577919600000", "&fields=key").json()["total"], 0);
}

#[test]
fn a_bad_file_is_named_with_its_line() {
    for (text, want) in [
        ("{\"id\":\"1\",\"key\":\"A-1\",\"fields\":{}}\n{\"id\":", ":2: not JSON"),
        ("{\"id\":\"x\",\"key\":\"A-1\",\"fields\":{}}", ":1: not an issue"),
        (
            "{\"id\":\"1\",\"key\":\"A-1\",\"fields\":{}}\n{\"id\":\"2\",\"key\":\"A-1\",\"fields\":{}}",
            "two issues have the key A-1",
        ),
    ] {
        let file = Scratch::new("bad.jsonl", text);
        let error = Standin::start(Config { files: vec![file.0.clone()], ..Config::default() })
            .unwrap_err()
            .to_string();
        assert!(error.contains(want), "{error}");
    }
    let absent = Standin::start(Config { files: vec!["no/such/file".into()], ..Config::default() })
        .unwrap_err();
    assert!(absent.to_string().starts_with("no/such/file: "), "{absent}");
}

#[test]
fn recorded_issues_survive_unchanged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/jira-dc");
    let path = folder.join("aloy-issues.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no recorded issues at {}", path.display());
        return;
    };
    let standin =
        Standin::start(Config { files: vec![path], inline_comments: 3, ..Config::default() })
            .unwrap();
    for line in text.lines() {
        let mut want: Value = serde_json::from_str(line).unwrap();
        let key = want["key"].as_str().unwrap().to_owned();
        let mut got: Value = serde_json::from_str(&standin.record(&key).unwrap()).unwrap();
        let held = want["fields"]["comment"]["comments"].as_array().unwrap().len();
        assert_eq!(got["fields"]["comment"]["total"].as_u64(), Some(held as u64), "{key}");
        let all: Vec<Value> = standin
            .comments(&key)
            .unwrap()
            .iter()
            .map(|c| serde_json::from_str(c).unwrap())
            .collect();
        assert_eq!(want["fields"]["comment"]["comments"], Value::from(all), "{key}");
        for record in [&mut want, &mut got] {
            record["fields"]["comment"] = Value::Null;
        }
        assert_eq!(want, got, "{key}");
    }
}
