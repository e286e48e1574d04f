//! Where tools of this kind go wrong, each as a probe: what is accepted in
//! silence, lost at a kill or taken for success.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use common::{Ran, Scrape, assert_same, lines, project, signal, standin, start, wait};
use scrape_standin::{Config, Fault, Standin};

/// A spec over the one that ships, against a stand-in, in the working folder.
fn over(scrape: &Scrape, standin: &Standin, changes: &str) -> String {
    let base = project().join("specs/apache-jira.yaml");
    let text = format!(
        "version: 1\nname: probe\nextends: {}\nparams: {{ base_url: {{ default: \"{}\" }}, projects: {{ default: [KAFKA] }} }}\n{changes}",
        base.display(),
        standin.url()
    );
    std::fs::write(scrape.dir().join("probe.yaml"), text).expect("a spec");
    "probe.yaml".into()
}

fn run(scrape: &Scrape, spec: &str, more: &[&str]) -> Ran {
    scrape.run(&[&["run", spec, "-r", "0", "-o", "out"][..], more].concat())
}

fn rows(scrape: &Scrape, out: &str) -> usize {
    lines(&scrape.dir().join(out).join("training_data.jsonl")).len()
}

#[track_caller]
fn assert_says(ran: &Ran, wanted: &[&str]) {
    for text in wanted {
        assert!(ran.stderr.contains(text), "{text} is missing in\n{}", ran.stderr);
    }
}

#[test]
fn a_misspelt_key_is_refused_at_its_place_and_nothing_is_sent() {
    let standin = standin(&["KAFKA"], 30);
    let scrape = Scrape::new();
    let spec = over(&scrape, &standin, "http:\n  concurency: 3\n");
    let ran = run(&scrape, &spec, &[]).expect(2);
    assert_says(&ran, &["probe.yaml:6:3", "did you mean `concurrency`?"]);
    assert!(ran.stderr.len() < 600, "no dump:\n{}", ran.stderr);
    assert_eq!(standin.stats().requests, 0);
    assert!(!scrape.dir().join("out").exists());
}

#[test]
fn a_misspelt_type_is_refused_at_its_place() {
    let standin = standin(&["KAFKA"], 30);
    let scrape = Scrape::new();
    let pagination = "streams:\n  issues:\n    pagination: { type: keysett }\n";
    let spec = over(&scrape, &standin, pagination);
    for verb in ["validate", "run"] {
        let ran = scrape.run(&[verb, &spec]).expect(2);
        assert_says(&ran, &["probe.yaml:7:25", "did you mean `keyset`?"]);
    }
    assert_eq!(standin.stats().requests, 0);
}

#[test]
fn a_misspelt_selector_is_no_success_with_nothing_in_it() {
    let standin = standin(&["KAFKA"], 30);
    for (selector, nearest) in
        [("records: \"$.isues[*]\"", "$.issues"), ("primary_key: $.idd", "$.id")]
    {
        let scrape = Scrape::new();
        let spec = over(&scrape, &standin, &format!("streams:\n  issues:\n    {selector}\n"));
        let ran = run(&scrape, &spec, &[]);
        assert!(matches!(ran.code, Some(1 | 3)), "{selector}: {:?}\n{}", ran.code, ran.stderr);
        assert_says(&ran, &[nearest]);
    }
}

#[test]
fn a_kill_half_way_repeats_nothing_and_starts_nothing_over() {
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 1000,
        latency: Duration::from_millis(10),
        ..Config::default()
    });
    let scrape = Scrape::new();
    let spec = over(&scrape, &standin, "");
    let args = ["run", &spec, "-r", "0", "-c", "1", "-o", "out"];
    let child = scrape.start(&args);
    while standin.stats().requests < 8 {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "KILL");
    wait(child);
    scrape.run(&[&args[..], &["--resume"]].concat()).expect(0);
    let mut times = BTreeMap::new();
    for request in standin.requests() {
        *times.entry(request.target).or_insert(0) += 1;
    }
    let again: Vec<_> = times.iter().filter(|(_, times)| **times > 1).map(|(t, _)| t).collect();
    // The checks before the first page, a page between its reply and its commit, and
    // the request in flight.
    assert!(again.len() <= 4, "asked for twice: {again:#?}");
    scrape.run(&["run", &spec, "-r", "0", "-c", "1", "-o", "whole"]).expect(0);
    assert_eq!(rows(&scrape, "out"), 1000);
    assert_same(&scrape.outputs("whole"), &scrape.outputs("out"));
}

#[test]
fn a_server_that_cuts_the_page_size_does_not_cut_the_data() {
    let config = || Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 1000,
        max_page: 100,
        ..Config::default()
    };
    let standin = start(config());
    let scrape = Scrape::new();
    let spec = over(
        &scrape,
        &standin,
        "streams: { issues: { pagination: { limit: 1000, ranges: null } } }\n",
    );
    run(&scrape, &spec, &[]).expect(0);
    assert_eq!(rows(&scrape, "out"), 1000);
}

#[test]
fn retry_after_is_obeyed_and_a_zero_on_every_reply_is_no_reason_to_wait() {
    let standin = standin(&["KAFKA"], 350);
    let scrape = Scrape::new();
    let spec = over(&scrape, &standin, "");
    standin.script("*/search*", 2, 1, Fault::TooMany).expect("a fault");
    standin.script("*/search*", 4, 1, Fault::TooManyDate).expect("a fault");
    let begun = std::time::Instant::now();
    run(&scrape, &spec, &["-c", "4"]).expect(0);
    let stats = standin.stats();
    assert_eq!(stats.by_status.get(&429), Some(&2), "{stats:?}");
    assert_eq!(stats.inside_retry_after, 0, "{stats:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(rows(&scrape, "out"), 350);
}

#[test]
fn a_refused_query_is_an_error_in_the_servers_words() {
    let standin = standin(&["KAFKA"], 30);
    let scrape = Scrape::new();
    let request = "streams: { issues: { request: { query: { jql: 'project = {{ project }}{% if page.after %} AND key > {{ page.after }}{% endif %} ORDR BY key' } } } }\n";
    let spec = over(&scrape, &standin, request);
    let ran = run(&scrape, &spec, &[]);
    assert!(matches!(ran.code, Some(1 | 3)), "{:?}\n{}", ran.code, ran.stderr);
    assert_says(&ran, &["400", "Error in the JQL Query"]);
}

#[test]
fn a_500_in_the_middle_ends_nothing_and_costs_few_requests() {
    let standin = standin(&["KAFKA"], 300);
    let scrape = Scrape::new();
    let spec = over(&scrape, &standin, "http: { retry: { backoff: { initial: 10ms } } }\n");
    standin.script("*/search*", 2, 2, Fault::InternalError).expect("a fault");
    run(&scrape, &spec, &["-c", "1"]).expect(0);
    assert_eq!(rows(&scrape, "out"), 300);
    let requests = standin.stats().requests;
    assert!(requests < 20, "{requests} requests for 300 issues");
}

#[test]
fn a_web_page_with_status_200_is_never_a_record() {
    let standin = standin(&["KAFKA"], 130);
    let scrape = Scrape::new();
    let spec = over(&scrape, &standin, "http: { retry: { backoff: { initial: 10ms } } }\n");
    standin.script("*/search*", 2, 1, Fault::Html).expect("a fault");
    run(&scrape, &spec, &[]).expect(0);
    assert_eq!(rows(&scrape, "out"), 130);
    let out = scrape.dir().join("out");
    assert!(lines(&out.join("rejected.jsonl")).is_empty());
    for (name, bytes) in scrape.outputs("out") {
        if Path::new(&name).extension().is_some_and(|e| e == "jsonl") {
            assert!(!String::from_utf8_lossy(&bytes).contains("<html"), "{name}");
        }
    }
}

#[test]
fn values_keep_their_type_and_their_text() {
    let standin = standin(&["KAFKA"], 30);
    let scrape = Scrape::new();
    let changes = "tasks:\n  types:\n    leak: allow\n    example: { number: \"{{ 478 }}\", text: \"{{ '478' }}\", mixed: \"no. {{ 478 }}\", version: 3.10, code: 012, project: NO, id: \"{{ record.id }}\" }\n";
    let spec = over(&scrape, &standin, changes);
    run(&scrape, &spec, &[]).expect(0);
    let text = std::fs::read_to_string(scrape.dir().join("out/tasks/types.jsonl")).expect("a file");
    let first = text.lines().next().expect("a line");
    let wanted = r#"{"number":478,"text":"478","mixed":"no. 478","version":"3.10","code":"012","project":"NO","id":""#;
    assert!(first.starts_with(wanted), "{first}");
}
