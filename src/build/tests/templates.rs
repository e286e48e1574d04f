//! The tasks that ship, over issues made up for it, and over recorded ones where
//! there are any.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::harness::{Shop, compiled};
use crate::plan::{Partition, Plan};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The plan of the main spec, for the partitions of the shops of these tests.
fn shipped() -> Plan {
    let mut plan = compiled(&root().join("specs/apache-jira.yaml"));
    plan.streams[0].partitions =
        ["A", "B"].map(|id| Partition { id: id.into(), vars: serde_json::Map::new() }).to_vec();
    plan
}

fn comment(account: &str, name: &str, body: &str) -> Value {
    json!({
        "id": "77", "author": { "name": account, "displayName": name }, "body": body,
        "created": "2023-11-08T00:00:00.000+0000"
    })
}

const REPORT: &str = "When the node restarts, the writer loses what it had buffered. \
    I see com.example.store.FlushFailedException in the log of 2.4.1, and it looks like the \
    trouble of DEMO-7, not of UTF-8, KIP-5, L18-19, ABCD-12-EF or DEMO-12. \
    The module store-engine (not web-ui, org.web or Web) is what we use. Nothing helps but a second restart.";

fn issue() -> Value {
    let comments = [
        comment("robin", "Robin", "Which version do you run?"),
        comment("githubbot", "ASF GitHub Bot", "a pull request was opened"),
        comment("lee", "Lee Chabot", "Issue resolved by pull request 7\n[https://git.example/7]"),
        comment("lee", "Lee Chabot", "This is resolved via https://git.example/7"),
        comment("lee", "Lee Chabot", "Work in progress: https://git.example/pull/7."),
        comment("lee", "Lee Chabot", "[PR merged here|https://git.example/pull/7]"),
        comment("lee", "Lee Chabot", "https://git.example/pull/7"),
        comment("kim", "Kim Reporter", "It is 2.4.1."),
        comment("kim", "Kim Reporter", "Also on 2.5.0."),
        comment("lee", "Lee Chabot", "Set flush.sync to true."),
        comment("robin", "Robin", "And upgrade, please."),
        comment("kim", "Kim Reporter", "Thanks!"),
    ];
    json!({
        "id": "5001", "key": "DEMO-12",
        "fields": {
            "summary": "Writer loses  buffered rows on restart ", "description": REPORT,
            "project": { "key": "DEMO" }, "environment": "Linux 6.1, 4 cores",
            "status": { "name": "Open" }, "priority": { "name": "Major" },
            "issuetype": { "name": "Bug" }, "resolution": null, "assignee": null,
            "reporter": { "name": "kim", "displayName": "Kim Reporter" },
            "created": "2023-11-07T05:52:16.650+0000", "updated": "2023-11-09T00:00:00.000+0100",
            "resolutiondate": null, "labels": [], "versions": [{ "name": "2.4" }, { "name": "2.4.1" }],
            "fixVersions": [{ "name": "3.0.0" }],
            "components": [{ "name": "web" }, { "name": "store-engine" }],
            "votes": { "votes": 3 }, "issuelinks": [],
            "comment": { "comments": comments, "total": 12 }
        }
    })
}

fn build(issues: &[Value]) -> Shop {
    let mut shop = Shop::with(issues);
    let report = shop.build(&shipped());
    assert_eq!(shop.text("rejected.jsonl"), "", "{:?}", report.counts);
    assert_eq!(report.counts.sinks["training"].rows, issues.len() as u64);
    shop
}

const META: &str = r#"{"id":"5001","issue_key":"DEMO-12","project":"DEMO","source_updated_at":"2023-11-08T23:00:00.000Z"}"#;

#[test]
fn summarization_asks_for_the_title() {
    let shop = build(&[issue()]);
    let line = &shop.lines("tasks/summarization.jsonl")[0];
    let report = line["prompt"][1]["content"].as_str().unwrap();
    assert_eq!(report, format!("{REPORT}\n\n## Environment\n\nLinux 6.1, 4 cores"));
    assert_eq!(
        line["completion"],
        json!([{ "role": "assistant", "content": "Writer loses buffered rows on restart" }])
    );
    assert_eq!(line["meta"].to_string(), META);
    let keys: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["prompt", "completion", "meta"]);
}

#[test]
fn a_title_that_the_report_repeats_is_left_out_and_counted() {
    let mut leaking = issue();
    leaking["fields"]["description"] =
        json!(format!("{REPORT} In short: writer loses BUFFERED rows, on restart!"));
    let mut shop = Shop::with(&[leaking]);
    let report = shop.build(&shipped());
    assert_eq!(shop.text("tasks/summarization.jsonl"), "");
    let counts = report.counts.tasks["summarization"];
    assert_eq!((counts.examples, counts.leaks.dropped, counts.not_applicable), (0, 1, 0));
    let line = &shop.lines("training_data.jsonl")[0];
    assert_eq!(line["tasks"]["summarization"], json!(null));
    assert_ne!(line["tasks"]["classification"], json!(null));
}

#[test]
fn classification_has_closed_labels() {
    let mut odd = issue();
    odd["fields"]["priority"]["name"] = json!("Whenever");
    let mut none = issue();
    none["id"] = json!("5002");
    none["fields"]["issuetype"]["name"] = json!("Brainstorming");
    let mut bare = issue();
    bare["id"] = json!("5003");
    bare["fields"]["description"] = json!(null);
    bare["fields"]["priority"]["name"] = json!("Highest");
    let shop = build(&[odd, none, bare]);
    let lines = shop.lines("tasks/classification.jsonl");
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[1]["text"], &lines[1]["priority"]),
        (
            &json!("Writer loses buffered rows on restart\n\n## Environment\n\nLinux 6.1, 4 cores"),
            &json!("Highest")
        )
    );
    assert_eq!((&lines[0]["issue_type"], &lines[0]["priority"]), (&json!("Bug"), &json!(null)));
    let text = lines[0]["text"].as_str().unwrap();
    assert!(text.starts_with("Writer loses buffered rows on restart\n\nWhen the node"), "{text}");
}

#[test]
fn answers_are_spans_of_the_context() {
    let shop = build(&[issue()]);
    let line = &shop.lines("tasks/qa.jsonl")[0];
    let context = line["context"].as_str().unwrap();
    let pairs: Vec<_> = line["questions"]
        .as_array()
        .unwrap()
        .iter()
        .zip(line["answers"].as_array().unwrap())
        .map(|(q, a)| (q.as_str().unwrap(), a.as_str().unwrap()))
        .collect();
    assert_eq!(
        line["questions"].as_array().unwrap().len(),
        line["answers"].as_array().unwrap().len()
    );
    assert_eq!(
        pairs,
        [
            // 2.4 is not asked for: what stands there is 2.4.1. Nor is the fix.
            ("Which version is affected?", "2.4.1"),
            ("Which component is concerned?", "store-engine"),
            ("Which exception or error is reported?", "com.example.store.FlushFailedException"),
            ("Which other issue is referred to?", "DEMO-7"),
            ("In which environment does it happen?", "Linux 6.1, 4 cores"),
        ]
    );
    assert!(pairs.iter().all(|(_, answer)| context.contains(answer)));
}

#[test]
fn chat_alternates_and_ends_with_the_assistant() {
    let mut alone = issue();
    alone["id"] = json!("5002");
    alone["fields"]["comment"]["comments"] =
        json!([comment("kim", "Kim Reporter", "hello?"), comment("hudson", "Hudson", "SUCCESS")]);
    let mut unknown = issue();
    unknown["id"] = json!("5003");
    unknown["fields"]["reporter"] = json!(null);
    let mut short = issue();
    short["id"] = json!("5004");
    short["fields"]["comment"]["comments"] =
        json!([comment("robin", "Robin", "May I take it?"), comment("lee", "Lee", "It is done.")]);
    let shop = build(&[issue(), alone, unknown, short]);
    let lines = shop.lines("tasks/chat.jsonl");
    assert_eq!(lines.len(), 1, "neither a monologue, nor without a reporter, nor small talk");
    let said: Vec<_> = lines[0]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["role"].as_str().unwrap(), m["content"].as_str().unwrap()))
        .collect();
    assert_eq!(said[0], ("system", "You help with issues of the project DEMO."));
    assert!(said[1].1.starts_with("Writer loses buffered rows on restart\n\nWhen"));
    assert_eq!(
        said[2..],
        [
            ("assistant", "Which version do you run?"),
            ("user", "It is 2.4.1.\n\nAlso on 2.5.0."),
            ("assistant", "speaker_3: Set flush.sync to true.\n\nspeaker_2: And upgrade, please."),
        ]
    );
}

#[test]
fn a_training_line_has_everything_about_an_issue() {
    let mut bare = json!({ "id": "5002", "key": "DEMO-13", "fields": { "summary": "x", "project": { "key": "DEMO" } } });
    bare["fields"]["created"] = json!("2023-01-01T00:00:00.000+0000");
    let shop = build(&[issue(), bare]);
    let lines = shop.lines("training_data.jsonl");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&lines[0]), ["issue_key", "project", "metadata", "text_content", "tasks"]);
    assert_eq!(keys(&lines[0]["tasks"]), ["summarization", "classification", "qa", "chat"]);
    for key in ["metadata", "tasks"] {
        assert_eq!(keys(&lines[0][key]), keys(&lines[1][key]), "the same keys, filled or not");
    }
    assert_eq!(
        lines[1]["tasks"],
        json!({ "summarization": null, "classification": null, "qa": null, "chat": null })
    );
    let (full, empty) = (&lines[0]["metadata"], &lines[1]["metadata"]);
    assert_eq!(full["created"], "2023-11-07T05:52:16.650Z");
    assert_eq!(full["components"], json!(["web", "store-engine"]));
    assert_eq!((&empty["components"], &empty["assignee"]), (&json!([]), &json!(null)));
    assert_eq!(empty["created"], "2023-01-01T00:00:00.000Z");
    assert_eq!(
        lines[0]["text_content"].as_str().unwrap(),
        format!(
            "# Writer loses buffered rows on restart\n\n{REPORT}\n\n## Environment\n\nLinux 6.1, \
             4 cores\n\n## Comment by Robin\n\nWhich version do you run?\n\n## Comment by Kim \
             Reporter\n\nIt is 2.4.1.\n\n## Comment by Kim Reporter\n\nAlso on 2.5.0.\n\n## Comment \
             by Lee Chabot\n\nSet flush.sync to true.\n\n## Comment by Robin\n\nAnd upgrade, \
             please.\n\n## Comment by Kim Reporter\n\nThanks!"
        )
    );
    assert_eq!(lines[1]["text_content"], "# x");
}

#[test]
fn recorded_issues_make_sound_examples() {
    let file = root().join("../shared/data/jira-dc/apache-issues.jsonl");
    let Ok(text) = fs::read_to_string(&file) else {
        println!("skipped: no recorded issues at {}", file.display());
        return;
    };
    let issues: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut shop = Shop::with(&issues);
    let report = shop.build(&shipped());
    println!("{}", serde_json::to_string_pretty(&report.counts).unwrap());
    assert_eq!(report.warnings, []);
    assert_eq!(shop.text("rejected.jsonl"), "");
    assert_eq!(shop.lines("training_data.jsonl").len(), issues.len());
    for line in shop.lines("tasks/qa.jsonl") {
        let context = line["context"].as_str().unwrap();
        for answer in line["answers"].as_array().unwrap() {
            assert!(context.contains(answer.as_str().unwrap()), "{}: {answer}", line["meta"]);
        }
    }
    for line in shop.lines("tasks/chat.jsonl") {
        let roles: Vec<_> =
            line["messages"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
        assert_eq!(roles[0], "system");
        assert_eq!(roles.last().unwrap(), "assistant");
        for (n, role) in roles[1..].iter().enumerate() {
            assert_eq!(*role, ["user", "assistant"][n % 2], "{}", line["meta"]);
        }
    }
    for task in &report.counts.tasks {
        assert!(task.1.examples > 0, "{task:?}");
    }
}
