//! `scrape verify`: the server's keys against the store, and what has become of
//! numbers that no key has.

mod common;

use common::{Ran, Scrape, project, standin};
use scrape_standin::Fault;
use serde_json::{Value, json};

fn spec() -> String {
    project().join("specs/apache-jira.yaml").display().to_string()
}

/// Params come from the store, as with `--resume`.
fn verify(scrape: &Scrape, more: &[&str]) -> Ran {
    let spec = spec();
    scrape.run(&[&["verify", &spec, "-o", "out", "-r", "0"][..], more].concat())
}

fn checks(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).expect("JSON on stdout")
}

#[test]
fn what_agrees_is_said_to_agree() {
    let server = standin(&["KAFKA", "SPARK"], 40);
    let scrape = Scrape::new();
    scrape.main_job(&server, "out", &["-p", "KAFKA,SPARK"]).expect(0);
    server.reset();
    let ran = verify(&scrape, &[]).expect(0);
    assert_eq!(
        ran.stdout,
        "KAFKA  40 listed, 40 here\nSPARK  40 listed, 40 here\nout: agrees with the server\n"
    );
    // Keys only, a thousand a page, and the check before the first.
    assert_eq!(server.stats().by_route["search"], 2);
    assert!(
        server
            .requests()
            .iter()
            .filter(|r| r.route == "search")
            .all(|r| { r.target.contains("fields=key") && r.target.contains("maxResults=1000") })
    );
}

#[test]
fn what_is_missing_and_what_is_gone_is_named_and_fixed_on_demand() {
    let server = standin(&["KAFKA"], 40);
    let scrape = Scrape::new();
    scrape.main_job(&server, "out", &["-p", "KAFKA"]).expect(0);
    let before = scrape.outputs("out");
    let keys = server.keys("KAFKA");
    let id = |key: &str| {
        let record: Value =
            serde_json::from_str(&server.record(key).expect("a record")).expect("JSON");
        record["id"].as_str().expect("an id").to_owned()
    };
    let gone = id(&keys[7]);
    server.delete(&keys[7]).expect("deleted");
    // The number stays the same: no closing count can see this.
    let created = server.create("KAFKA", Some("a late one")).expect("created");
    let ran = verify(&scrape, &["--format", "json"]).expect(3);
    let check = &checks(&ran)["partitions"][0];
    assert_eq!(check["missing"], json!([{ "primary_key": id(&created), "key": created }]));
    assert_eq!(check["gone"], json!([gone]));
    let ran = verify(&scrape, &[]).expect(3);
    assert_eq!(
        ran.stdout,
        format!(
            "KAFKA  40 listed, 40 here, 1 missing, 1 gone\n  missing: {created}\n  \
             gone (primary keys): {gone}\nout: does not agree with the server\n\
             next: scrape verify {} -o out --fix\n",
            spec()
        )
    );
    common::assert_same(&before, &scrape.outputs("out"));
    let ran = verify(&scrape, &["--fix"]).expect(0);
    assert!(ran.stdout.contains("1 fetched, 1 marked as gone"), "{}", ran.stdout);
    let next = ran.stdout.lines().find_map(|l| l.strip_prefix("next: scrape ")).expect("a command");
    scrape.run(&next.split(' ').collect::<Vec<_>>()).expect(0);
    let lines = common::lines(&scrape.dir().join("out/training_data.jsonl"));
    let found = lines.iter().find(|line| line["issue_key"] == created.as_str()).expect("built");
    assert_eq!(found["metadata"]["summary"], "a late one");
    // Gone ones stay, unless the spec drops them.
    assert_eq!(lines.len(), 41);
    verify(&scrape, &[]).expect(0);
}

#[test]
fn lists_that_belong_to_what_was_missing_are_fetched_as_well() {
    let server = common::start(scrape_standin::Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 20,
        inline_comments: 0,
        ..Default::default()
    });
    let scrape = Scrape::new();
    scrape.main_job(&server, "out", &["-p", "KAFKA"]).expect(0);
    let created = server.create("KAFKA", None).expect("created");
    server.comment(&created, "the only one").expect("a comment");
    verify(&scrape, &["--fix"]).expect(0);
    scrape.run(&["build", &spec(), "-o", "out"]).expect(0);
    let lists = common::lines(&scrape.dir().join("out/raw_issues.comments.jsonl.zst"));
    assert!(lists.iter().any(|line| line.to_string().contains("the only one")));
}

#[test]
fn numbers_that_no_key_has_are_looked_up_and_named() {
    let server = standin(&["KAFKA", "SPARK"], 30);
    let scrape = Scrape::new();
    let keys = server.keys("KAFKA");
    server.delete(&keys[3]).expect("deleted");
    let moved = server.move_issue(&keys[5], "SPARK").expect("moved");
    scrape.main_job(&server, "out", &["-p", "KAFKA"]).expect(0);
    let numbers: u64 = keys.last().and_then(|k| k[6..].parse().ok()).expect("a number");
    let unused = numbers - (keys.len() as u64 - 2);
    server.reset();
    let ran = verify(&scrape, &["--gaps", "--max-gaps", "1000", "--format", "json"]);
    let ran = ran.expect(0);
    let gaps = &checks(&ran)["partitions"][0]["gaps"];
    assert_eq!(gaps["numbers"], unused);
    let outcome = |key: &str| {
        let looked_up = gaps["looked_up"].as_array().expect("a list");
        looked_up.iter().find(|gap| gap["key"] == key).cloned().unwrap_or_default()
    };
    assert_eq!(outcome(&keys[3])["outcome"], "deleted");
    assert_eq!(outcome(&keys[5]), json!({ "key": keys[5], "outcome": "moved", "detail": moved }));
    assert_eq!(server.stats().by_route["issue"], unused);
    // The cap holds, and what it leaves out is said.
    server.reset();
    let ran = verify(&scrape, &["--gaps", "--max-gaps", "1"]).expect(0);
    assert_eq!(server.stats().by_route["issue"], 1);
    let left = format!("{unused} numbers that no key has, {} of them not looked up", unused - 1);
    assert!(ran.stdout.contains(&left), "{}", ran.stdout);
}

#[test]
fn what_the_server_hides_is_said_to_be_hidden() {
    let server = standin(&["KAFKA"], 12);
    let scrape = Scrape::new();
    let keys = server.keys("KAFKA");
    server.delete(&keys[3]).expect("deleted");
    scrape.main_job(&server, "out", &["-p", "KAFKA"]).expect(0);
    server.script(&format!("*/issue/{}?*", keys[3]), 1, 1, Fault::Unauthorized).expect("planned");
    let ran = verify(&scrape, &["--gaps"]).expect(0);
    assert!(ran.stdout.contains(&format!("{}: hidden\n", keys[3])), "{}", ran.stdout);
    // One that cannot be told keeps no other from being told.
    server.script(&format!("*/issue/{}?*", keys[3]), 1, 9, Fault::Redirect).expect("planned");
    let ran = verify(&scrape, &["--gaps"]).expect(0);
    assert!(ran.stdout.contains(&format!("{}: unknown: ", keys[3])), "{}", ran.stdout);
}

#[test]
fn there_has_to_be_something_to_verify_and_somebody_to_ask() {
    let server = standin(&["KAFKA"], 12);
    let scrape = Scrape::new();
    let ran = verify(&scrape, &[]).expect(2);
    assert!(ran.stderr.contains("out holds no run"), "{}", ran.stderr);
    let har = project().join("specs/recordings/apache-jira.har").display().to_string();
    scrape.run(&["run", &spec(), "--replay", &har, "-o", "out"]).expect(0);
    let ran = verify(&scrape, &[]).expect(2);
    assert!(ran.stderr.contains("collected from a recording"), "{}", ran.stderr);
    // A run that was not read to its end is gone on with, not mended.
    server.script("*/search*", 1, 1000, Fault::InternalError).expect("planned");
    let slow = ["-p", "KAFKA", "--set", "cooldown=1ms"];
    let text = format!(
        "extends: {}\nhttp: {{ retry: {{ max_attempts: 2, backoff: {{ initial: 1ms }} }} }}\n",
        spec()
    );
    std::fs::write(scrape.dir().join("quick.yaml"), text).expect("a spec");
    let args = ["run", "quick.yaml", "--base-url", server.url(), "-r", "0", "-o", "cut"];
    scrape.run(&[&args[..], &slow].concat()).expect(3);
    server.apply(scrape_standin::Action::ClearFaults).expect("cleared");
    let ran = scrape.run(&["verify", "quick.yaml", "-o", "cut", "-r", "0", "--fix"]).expect(3);
    assert!(ran.stdout.contains("not read to its end"), "{}", ran.stdout);
    assert!(ran.stdout.contains("next: scrape run quick.yaml -o cut --resume"), "{}", ran.stdout);
    // A server that is not sure of its own list proves nothing.
    scrape.run(&["run", "quick.yaml", "-o", "cut", "-r", "0", "--resume"]).expect(0);
    server.script("*/search*", 1, 2, Fault::EmptyPage).expect("planned");
    let ran = scrape.run(&["verify", "quick.yaml", "-o", "cut", "-r", "0"]);
    assert!(!ran.stdout.contains("12 gone"), "{}", ran.stdout);
}
