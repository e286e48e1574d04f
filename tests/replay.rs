//! The README's first command and its variations, from the recording that ships.

mod common;

use std::process::Command;

use common::{Ran, Scrape, assert_same, lines, project};

fn replay(scrape: &Scrape, more: &[&str]) -> Ran {
    let spec = project().join("specs/apache-jira.yaml").display().to_string();
    let har = project().join("specs/recordings/apache-jira.har").display().to_string();
    scrape.run(&[&["run", &spec, "--replay", &har][..], more].concat())
}

#[test]
fn the_main_job_runs_from_its_recording() {
    let scrape = Scrape::new();
    replay(&scrape, &[]).expect(0);
    let out = scrape.dir().join("output-replay");
    let rows = lines(&out.join("training_data.jsonl"));
    assert!(rows.len() >= 60, "{} rows", rows.len());
    for task in ["summarization", "classification", "qa", "chat"] {
        assert!(!lines(&out.join(format!("tasks/{task}.jsonl"))).is_empty(), "{task}");
    }
    assert!(!lines(&out.join("raw_issues.comments.jsonl.zst")).is_empty());
    assert!(!scrape.dir().join("state").exists(), "a replay touches no pace and no budget");
}

#[test]
fn one_project() {
    let scrape = Scrape::new();
    replay(&scrape, &["-p", "KAFKA"]).expect(0);
    let rows = lines(&scrape.dir().join("output-replay/training_data.jsonl"));
    assert!(!rows.is_empty() && rows.iter().all(|r| r["project"] == "KAFKA"));
}

#[test]
fn a_limit() {
    let scrape = Scrape::new();
    replay(&scrape, &["--limit", "10"]).expect(0);
    assert_eq!(lines(&scrape.dir().join("output-replay/training_data.jsonl")).len(), 30);
}

#[test]
fn concurrency_and_a_second_run_change_nothing() {
    let scrape = Scrape::new();
    replay(&scrape, &[]).expect(0);
    let first = scrape.outputs("output-replay");
    replay(&scrape, &[]).expect(0);
    assert_same(&first, &scrape.outputs("output-replay"));
    replay(&scrape, &["-c", "8", "-o", "eight"]).expect(0);
    assert_same(&first, &scrape.outputs("eight"));
}

#[test]
fn from_another_folder_by_a_relative_path() {
    let scrape = Scrape::new();
    let status = Command::new(env!("CARGO_BIN_EXE_scrape"))
        .args(["run", "apache-jira.yaml", "--replay", "recordings/apache-jira.har", "-o"])
        .arg(scrape.dir().join("there"))
        .current_dir(project().join("specs"))
        .env("SCRAPE_STATE_DIR", scrape.dir().join("state"))
        .status()
        .expect("the program starts");
    assert_eq!(status.code(), Some(0));
    replay(&scrape, &[]).expect(0);
    assert_same(&scrape.outputs("output-replay"), &scrape.outputs("there"));
}

#[test]
fn a_recording_answers_what_it_recorded_and_nothing_else() {
    let standin = common::standin(&["KAFKA"], 130);
    let scrape = Scrape::new();
    scrape.main_job(&standin, "live", &["-p", "KAFKA", "-c", "8", "--record", "k.har"]).expect(0);
    let spec = project().join("specs/apache-jira.yaml").display().to_string();
    let base = format!("base_url={}", standin.url());
    drop(standin);
    scrape.run(&["run", &spec, "--set", &base, "-p", "KAFKA", "--replay", "k.har"]).expect(0);
    assert_same(&scrape.outputs("live"), &scrape.outputs("output-replay"));
    // A recording and a live server never mix.
    let ran = scrape
        .run(&["run", &spec, "--set", &base, "-p", "KAFKA", "--replay", "k.har", "-o", "live"])
        .expect(2);
    assert!(ran.stderr.contains("recording"), "{}", ran.stderr);
    // What was not recorded fails and says so.
    let ran = scrape
        .run(&["run", &spec, "--set", &base, "-p", "OTHER", "--replay", "k.har", "-o", "other"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("k.har"), "{}", ran.stderr);
}

#[test]
fn a_recording_has_nothing_new() {
    let scrape = Scrape::new();
    replay(&scrape, &[]).expect(0);
    let first = scrape.outputs("output-replay");
    replay(&scrape, &["--resume"]).expect(0);
    assert_same(&first, &scrape.outputs("output-replay"));
}
