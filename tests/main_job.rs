//! The main job against a stand-in Jira: every issue once, whatever happens on
//! the way.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Scrape, assert_same, lines, project, signal, standin, start, wait};
use scrape_standin::{Config, Fault, FaultConfig, Standin};
use serde_json::Value;

fn keys(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|r| r["issue_key"].as_str().expect("a key")).collect()
}

#[track_caller]
fn assert_all_there(standin: &Standin, projects: &[&str], rows: &[Value]) {
    let expected: Vec<_> = projects.iter().flat_map(|p| standin.keys(p)).collect();
    assert_eq!(keys(rows), expected, "every issue once, in order");
    for row in rows {
        let key = row["issue_key"].as_str().expect("a key");
        let record: Value =
            serde_json::from_str(&standin.record(key).expect("a record")).expect("JSON");
        let fields = &record["fields"];
        assert_eq!(row["metadata"]["status"], fields["status"]["name"], "{key}");
        assert_eq!(row["metadata"]["labels"], fields["labels"], "{key}");
        let reporter = fields["reporter"].get("displayName").unwrap_or(&Value::Null);
        assert_eq!(&row["metadata"]["reporter"], reporter, "{key}");
    }
}

#[test]
fn every_issue_of_every_project_is_there_once_with_its_values() {
    let standin = standin(&["SPARK", "KAFKA", "HADOOP"], 230);
    let scrape = Scrape::new();
    let projects = ["-p", "SPARK", "-p", "KAFKA", "-p", "HADOOP", "-c", "8"];
    let ran = scrape.main_job(&standin, "out", &projects).expect(0);
    let out = scrape.dir().join("out");
    assert_all_there(
        &standin,
        &["SPARK", "KAFKA", "HADOOP"],
        &lines(&out.join("training_data.jsonl")),
    );
    let raw = lines(&out.join("raw_issues.jsonl.zst"));
    assert_eq!(raw.len(), 690);
    for record in raw.iter().step_by(50) {
        let sent: Value = serde_json::from_str(
            &standin.record(record["key"].as_str().expect("a key")).expect("a record"),
        )
        .expect("JSON");
        assert_eq!(*record, sent);
    }
    assert!(ran.stderr.contains("690"), "{}", ran.stderr);
}

#[test]
fn comments_beyond_the_inline_ones_are_fetched() {
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 120,
        inline_comments: 1,
        ..Config::default()
    });
    let scrape = Scrape::new();
    scrape.main_job(&standin, "out", &["-p", "KAFKA"]).expect(0);
    let overflowing: BTreeSet<_> = standin
        .keys("KAFKA")
        .into_iter()
        .filter(|k| standin.comments(k).is_some_and(|c| c.len() > 1))
        .collect();
    assert!(!overflowing.is_empty(), "the synthetic issues have comments");
    let fetched = lines(&scrape.dir().join("out/raw_issues.comments.jsonl.zst"));
    let expected: usize =
        overflowing.iter().map(|k| standin.comments(k).map_or(0, |c| c.len())).sum();
    assert_eq!(fetched.len(), expected);
    let parents: BTreeSet<_> =
        fetched.iter().filter_map(|r| r["parent_key"].as_str().map(str::to_owned)).collect();
    assert_eq!(parents, overflowing);
}

#[test]
fn faults_leave_no_trace_in_the_outputs() {
    let config = |rate| Config {
        projects: vec!["KAFKA".into(), "SPARK".into()],
        issues_per_project: 400,
        inline_comments: 2,
        faults: FaultConfig { rate, hang: Duration::from_millis(100), ..FaultConfig::default() },
        ..Config::default()
    };
    let (calm, stormy) = (start(config(0.0)), start(config(0.05)));
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA", "-p", "SPARK", "-c", "8", "--set", "cooldown=1s"];
    scrape.main_job(&calm, "calm", &args).expect(0);
    scrape.main_job(&stormy, "stormy", &args).expect(0);
    assert!(stormy.stats().by_fault.values().sum::<u64>() > 3, "{:?}", stormy.stats().by_fault);
    assert_same(&scrape.outputs("calm"), &scrape.outputs("stormy"));
}

#[test]
fn concurrency_does_not_change_a_byte() {
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 1200,
        // Without it requests overlap or not as the machine is busy or not.
        latency: Duration::from_millis(30),
        ..Config::default()
    });
    let scrape = Scrape::new();
    scrape.main_job(&standin, "one", &["-p", "KAFKA", "-c", "1"]).expect(0);
    let one = standin.stats();
    standin.reset();
    scrape.main_job(&standin, "eight", &["-p", "KAFKA", "-c", "8"]).expect(0);
    let eight = standin.stats();
    assert_eq!(one.max_in_flight, 1);
    assert!(eight.max_in_flight > 1, "{eight:?}");
    assert_same(&scrape.outputs("one"), &scrape.outputs("eight"));
}

#[test]
fn five_thousand_issues_take_few_requests() {
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 5000,
        inline_comments: 1_000_000,
        ..Config::default()
    });
    let scrape = Scrape::new();
    for (concurrency, most) in [("1", 60), ("8", 75)] {
        standin.reset();
        let out = format!("out{concurrency}");
        scrape.main_job(&standin, &out, &["-p", "KAFKA", "-c", concurrency]).expect(0);
        let requests = standin.stats().requests;
        assert!(requests <= most, "{requests} requests at -c {concurrency}, at most {most}");
        assert_eq!(lines(&scrape.dir().join(&out).join("training_data.jsonl")).len(), 5000);
    }
}

#[test]
fn interrupted_and_resumed_is_as_if_undisturbed() {
    for name in ["INT", "TERM", "KILL"] {
        let standin = start(Config {
            projects: vec!["KAFKA".into(), "SPARK".into()],
            issues_per_project: 900,
            inline_comments: 2,
            latency: Duration::from_millis(15),
            ..Config::default()
        });
        let scrape = Scrape::new();
        let args = ["-p", "KAFKA", "-p", "SPARK", "-c", "2"];
        let all = common::main_job_args(&standin, "cut", &args);
        let child = scrape.start(&all.iter().map(String::as_str).collect::<Vec<_>>());
        while standin.stats().requests < 12 {
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&child, name);
        let ran = wait(child);
        if name != "KILL" {
            let ran = ran.expect(130);
            assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
            let built = lines(&scrape.dir().join("cut/training_data.jsonl")).len();
            assert!(built > 0 && built < 1800, "{built} rows were built of what there was");
        }
        let refused = scrape.main_job(&standin, "cut", &args).expect(2);
        assert!(
            refused.stderr.contains("--resume") && refused.stderr.contains("--fresh"),
            "{}",
            refused.stderr
        );
        scrape.main_job(&standin, "cut", &[&args[..], &["--resume"]].concat()).expect(0);
        scrape.main_job(&standin, "whole", &args).expect(0);
        assert_same(&scrape.outputs("whole"), &scrape.outputs("cut"));
    }
}

#[test]
fn a_complete_directory_is_only_built_again() {
    let standin = standin(&["KAFKA"], 130);
    let scrape = Scrape::new();
    scrape.main_job(&standin, "out", &["-p", "KAFKA"]).expect(0);
    let before = scrape.outputs("out");
    standin.reset();
    let ran = scrape.main_job(&standin, "out", &["-p", "KAFKA"]).expect(0);
    assert_eq!(standin.stats().requests, 0);
    assert!(ran.stderr.contains("--resume") && ran.stderr.contains("--fresh"), "{}", ran.stderr);
    assert_same(&before, &scrape.outputs("out"));
    // Another partition is added, another server is refused.
    let ran = scrape
        .main_job(
            &start(Config { projects: vec!["KAFKA".into()], ..Config::default() }),
            "out",
            &["-p", "KAFKA"],
        )
        .expect(2);
    assert!(ran.stderr.contains("base_url"), "{}", ran.stderr);
}

#[test]
fn a_limit_is_kept_and_lifted() {
    let standin = standin(&["KAFKA", "SPARK"], 250);
    let scrape = Scrape::new();
    let args = ["-p", "KAFKA", "-p", "SPARK"];
    scrape.main_job(&standin, "out", &[&args[..], &["--limit", "10"]].concat()).expect(0);
    let rows = lines(&scrape.dir().join("out/training_data.jsonl"));
    let expected: Vec<_> =
        ["KAFKA", "SPARK"].iter().flat_map(|p| standin.keys(p).into_iter().take(10)).collect();
    assert_eq!(keys(&rows), expected);
    scrape.main_job(&standin, "out", &[&args[..], &["--limit", "120"]].concat()).expect(0);
    assert_eq!(lines(&scrape.dir().join("out/training_data.jsonl")).len(), 240);
    scrape
        .main_job(&standin, "out", &[&args[..], &["--resume", "--limit", "0"]].concat())
        .expect(0);
    scrape.main_job(&standin, "whole", &args).expect(0);
    assert_same(&scrape.outputs("whole"), &scrape.outputs("out"));
}

#[test]
fn an_unknown_project_fails_alone_in_the_servers_own_words() {
    let standin = standin(&["KAFKA"], 120);
    let scrape = Scrape::new();
    let ran = scrape.main_job(&standin, "out", &["-p", "NOSUCH", "-p", "KAFKA"]).expect(3);
    assert!(
        ran.stderr.contains("The value 'NOSUCH' does not exist for the field 'project'"),
        "{}",
        ran.stderr
    );
    assert_all_there(&standin, &["KAFKA"], &lines(&scrape.dir().join("out/training_data.jsonl")));
}

#[test]
fn a_poisoned_record_costs_only_itself() {
    let standin = standin(&["KAFKA"], 150);
    let all = standin.keys("KAFKA");
    standin.poison(&all[20], Fault::BrokenJson).expect("poison");
    standin.poison(&all[40], Fault::LoneSurrogate).expect("poison");
    standin.poison(&all[60], Fault::InvalidUtf8).expect("poison");
    standin.poison(&all[80], Fault::RawControl).expect("poison");
    let scrape = Scrape::new();
    let ran = scrape.main_job(&standin, "out", &["-p", "KAFKA"]);
    let rows = lines(&scrape.dir().join("out/training_data.jsonl"));
    let rejected = lines(&scrape.dir().join("out/rejected.jsonl"));
    let expected: Vec<_> = all.iter().filter(|k| **k != all[20]).collect();
    assert_eq!(keys(&rows), expected, "{}", ran.stderr);
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    assert!(rejected[0]["raw"].as_str().is_some_and(|raw| raw.contains(&all[20])), "{rejected:?}");
    // It is accounted for, so the partition is complete.
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn a_new_task_needs_one_line_and_no_network() {
    let standin = standin(&["KAFKA"], 60);
    let scrape = Scrape::new();
    scrape.main_job(&standin, "out", &["-p", "KAFKA"]).expect(0);
    let base = standin.url().to_owned();
    drop(standin);
    let task = "description: The title alone.\nleak: allow\ntarget: [title]\nexample:\n  title: \"{{ record.title }}\"\n";
    std::fs::write(scrape.dir().join("titles.yaml"), task).expect("a task file");
    let spec = format!(
        "extends: {}\ntasks: {{ titles: {{ file: titles.yaml }} }}\n",
        project().join("specs/apache-jira.yaml").display()
    );
    std::fs::write(scrape.dir().join("mine.yaml"), spec).expect("a spec");
    scrape.run(&["build", "mine.yaml", "-o", "out"]).expect(0);
    let titles = lines(&scrape.dir().join("out/tasks/titles.jsonl"));
    assert_eq!(titles.len(), 60);
    assert!(titles.iter().all(|t| t["title"].is_string()));
    let rows = lines(&scrape.dir().join("out/training_data.jsonl"));
    assert!(rows.iter().all(|r| r["tasks"]["titles"].is_object()), "{base}");
}

#[test]
fn a_key_that_is_deleted_while_it_is_continued_from_loses_nothing() {
    let standin = standin(&["KAFKA", "SPARK"], 350);
    let keys_before = standin.keys("KAFKA");
    // The key that the second page continues from goes while the run reads.
    let scrape = Scrape::new();
    standin
        .after(2, vec![scrape_standin::Action::Delete { key: keys_before[99].clone() }])
        .expect("scheduled");
    let ran = scrape.main_job(&standin, "out", &["-p", "KAFKA", "-c", "1"]);
    let rows = lines(&scrape.dir().join("out/training_data.jsonl"));
    let there: BTreeSet<_> = keys(&rows).into_iter().map(str::to_owned).collect();
    for key in standin.keys("KAFKA") {
        assert!(there.contains(&key), "{key} is lost: {}", ran.stderr);
    }
    assert_eq!(there.len(), rows.len(), "once each");
    ran.expect(0);
}

#[test]
fn what_is_new_is_fetched_whatever_the_limit_was_between() {
    let standin = standin(&["KAFKA"], 30);
    let scrape = Scrape::new();
    scrape.main_job(&standin, "out", &["-p", "KAFKA"]).expect(0);
    scrape.main_job(&standin, "out", &["-p", "KAFKA", "--limit", "5"]).expect(0);
    for _ in 0..3 {
        standin.create("KAFKA", None).expect("an issue");
    }
    scrape.main_job(&standin, "out", &["-p", "KAFKA", "--resume"]).expect(0);
    assert_all_there(&standin, &["KAFKA"], &lines(&scrape.dir().join("out/training_data.jsonl")));
}

#[test]
fn a_second_signal_stops_at_once_and_loses_nothing() {
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 600,
        faults: FaultConfig { hang: Duration::from_secs(12), ..FaultConfig::default() },
        ..Config::default()
    });
    // The page in hand comes when nobody waits for it any more.
    standin.script("*/search*", 3, 1, Fault::Hang).expect("a fault");
    let scrape = Scrape::new();
    let args = common::main_job_args(&standin, "cut", &["-p", "KAFKA", "-c", "1"]);
    let child = scrape.start(&args.iter().map(String::as_str).collect::<Vec<_>>());
    while !standin.stats().by_fault.contains_key(&Fault::Hang) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let begun = std::time::Instant::now();
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "INT");
    wait(child).expect(130);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    scrape.main_job(&standin, "cut", &["-p", "KAFKA", "--resume", "-c", "8"]).expect(0);
    assert_all_there(&standin, &["KAFKA"], &lines(&scrape.dir().join("cut/training_data.jsonl")));
}
