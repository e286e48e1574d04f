//! The verbs for authors: what a run would ask for, what is made of a record, what
//! a spec amounts to, and whether it still does what it did.

mod common;

use common::{Scrape, project, standin, start};
use scrape_standin::Config;
use serde_json::Value;

fn spec() -> String {
    project().join("specs/apache-jira.yaml").display().to_string()
}

fn har() -> String {
    project().join("specs/recordings/apache-jira.har").display().to_string()
}

/// The one JSON value of a line.
fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))
}

#[test]
fn a_plan_names_as_many_requests_as_a_run_sends() {
    let standin = start(Config {
        projects: vec!["KAFKA".into(), "SPARK".into()],
        issues_per_project: 1230,
        inline_comments: 1_000_000,
        ..Config::default()
    });
    let base = format!("base_url={}", standin.url());
    for concurrency in ["1", "4"] {
        standin.reset();
        let scrape = Scrape::new();
        let common = ["--set", &base, "-p", "KAFKA,SPARK", "-r", "0", "-c", concurrency];
        let ran =
            scrape.run(&[&["plan", &spec(), "--format", "json"][..], &common].concat()).expect(0);
        let plan = json(&ran.stdout);
        assert_eq!(standin.stats().requests, 4, "robots.txt, serverInfo, and a number for each");
        assert!(!scrape.dir().join("output").exists());
        assert_eq!(plan["partitions"][0]["records"], 1230);
        standin.reset();
        scrape.run(&[&["run", &spec()][..], &common].concat()).expect(0);
        assert_eq!(plan["requests"], standin.stats().requests, "-c {concurrency}");
    }
}

#[test]
fn a_plan_says_what_cannot_be_counted_and_what_is_here() {
    let standin = start(Config {
        projects: vec!["KAFKA".into()],
        issues_per_project: 130,
        inline_comments: 2,
        ..Config::default()
    });
    let scrape = Scrape::new();
    scrape.main_job(&standin, "out", &["-p", "KAFKA", "--limit", "40"]).expect(0);
    let base = format!("base_url={}", standin.url());
    let args = ["plan", &spec(), "--set", &base, "-p", "KAFKA,NOSUCH", "-o", "out"];
    let ran = scrape.run(&args).expect(3);
    let lines: Vec<Vec<&str>> =
        ran.stdout.lines().map(|l| l.split_whitespace().collect()).collect();
    // Of 130 records 40 are here: the rest is one page, and a count.
    assert!(
        lines.contains(&vec!["issues", "KAFKA", "130", "40", "90", "1", "2"]),
        "{}",
        ran.stdout
    );
    for wanted in [
        "The value 'NOSUCH' does not exist for the field 'project'",
        "GET http://127.0.0.1:",
        "issues.comments: about ",
        "going by 40 records here",
        "out; --resume asks for what is left",
        " of JSON, going by 40 records here",
        "first requests, with these headers:\n  User-Agent: scrape/",
        "s at least, at 1 request/s\n",
        "of 20,000 requests are left in 24 h\n",
    ] {
        assert!(ran.stdout.contains(wanted), "{wanted} is missing in\n{}", ran.stdout);
    }
}

#[test]
fn a_preview_shows_examples_beside_the_fields_that_went_in() {
    let scrape = Scrape::new();
    // From a recording, then from a store: the same records, the same examples.
    let preview = |more: &[&str]| {
        let spec = spec();
        scrape.run(&[&["preview", &spec][..], more].concat()).expect(0)
    };
    let sampled =
        preview(&["--replay", &har(), "--task", "summarization", "-n", "1", "--format", "json"]);
    scrape.run(&["run", &spec(), "--replay", &har(), "-o", "out"]).expect(0);
    let before = scrape.outputs("out");
    let stored = preview(&["-o", "out", "--task", "summarization", "-n", "1", "--format", "json"]);
    let (sampled, stored) = (json(&sampled.stdout), json(&stored.stdout));
    assert_eq!(sampled, stored);
    let first = common::lines(&scrape.dir().join("out/tasks/summarization.jsonl")).remove(0);
    assert_eq!(stored["tasks"]["summarization"]["examples"][0]["example"], first);
    assert_eq!(stored["key"], first["meta"]["issue_key"]);
    common::assert_same(&before, &scrape.outputs("out"));

    // A spec over it, which asks for the same.
    let over = format!("version: 1\nname: over\nextends: {}\n", spec());
    std::fs::write(scrape.dir().join("over.yaml"), over).expect("a spec");
    std::fs::rename(scrape.dir().join("out"), scrape.dir().join("output")).expect("a folder");
    let over = ["preview", "over.yaml", "--task", "summarization", "-n", "1", "--format", "json"];
    let ran = scrape.run(&over).expect(0);
    assert_eq!((json(&ran.stdout), ran.stderr.as_str()), (stored, "from output\n"));
    std::fs::rename(scrape.dir().join("output"), scrape.dir().join("out")).expect("a folder");

    let text = preview(&["-o", "out", "--task", "summarization", "--key", "KAFKA-1"]);
    for wanted in [
        "── KAFKA-1 · issues KAFKA",
        "  title: [client] Deadlock",
        "  → summarization\n",
        "    prompt:\n",
    ] {
        assert!(text.stdout.contains(wanted), "{wanted} is missing in\n{}", text.stdout);
    }
    let full = preview(&["-o", "out", "--key", "KAFKA-1", "--full"]);
    assert!(full.stdout.len() > text.stdout.len() / 2 && !full.stdout.contains('…'));
}

#[test]
fn a_preview_says_why_a_task_makes_nothing() {
    let scrape = Scrape::new();
    let args = ["preview", &spec(), "--replay", &har(), "--task", "qa", "--key", "KAFKA-1"];
    let ran = scrape.run(&args).expect(0);
    let end = ran.stdout.find("→ qa").map(|at| &ran.stdout[at..]).expect("the task");
    assert_eq!(
        end.lines().take(3).collect::<Vec<_>>(),
        [
            "→ qa: not made, `when` is false: {{ record.body | length >= 100 and pairs }}",
            "    pairs (0 items): []",
            "    record.body (319 characters):",
        ]
    );
    let ran = scrape.run(&["preview", &spec(), "--replay", &har(), "--task", "qaa"]).expect(2);
    assert!(ran.stderr.contains("did you mean `qa`?"), "{}", ran.stderr);
    let ran = scrape.run(&["preview", &spec(), "--replay", &har(), "--key", "KAFKA-0"]).expect(1);
    assert!(ran.stderr.contains("no record with the key KAFKA-0"), "{}", ran.stderr);
}

/// Tasks laid over the shipped spec, beside its templates.
fn with_tasks(scrape: &Scrape, tasks: &str) {
    let text = format!("version: 1\nname: mine\nextends: {}\ntasks:\n{tasks}", spec());
    std::fs::write(scrape.dir().join("mine.yaml"), text).expect("a spec");
}

/// What a preview says of a task's examples of KAFKA-1.
fn verdict(scrape: &Scrape, task: &str, code: i32) -> String {
    let args = ["preview", "mine.yaml", "--replay", &har(), "--task", task, "--key", "KAFKA-1"];
    let ran = scrape.run(&args).expect(code);
    let at = ran.stdout.find('→').unwrap_or_else(|| panic!("no example in\n{}", ran.stdout));
    ran.stdout[at..].trim_end().to_owned()
}

#[test]
fn a_preview_says_what_became_of_each_example() {
    let scrape = Scrape::new();
    with_tasks(
        &scrape,
        r#"  copied:
    target: [target]
    leak: drop
    example: { input: [x, "Title: {{ record.title }}"], target: "{{ record.title }}" }
  counted:
    target: [target]
    leak: report
    example: { input: "{{ record.title }}", target: "{{ record.title }}" }
  broken:
    target: [target]
    leak: allow
    example:
      target: "{{ record.votes + record.title }}"
  each:
    for_each: "{{ record.links }}"
    target: [target]
    leak: allow
    example: { target: "{{ item.type }}" }
  null_example:
    target: [target]
    leak: allow
    example: { $if: "{{ false }}", then: x }
"#,
    );
    let title = "[client] Deadlock between session and merge step";
    assert_eq!(
        verdict(&scrape, "copied", 0),
        format!(
            "→ copied: left out (leak: drop), $.target stands in $.input[1]: “{title}”\n    \
             input: [\"x\",\"Title: {title}\"]\n    target: {title}"
        )
    );
    assert_eq!(
        verdict(&scrape, "counted", 0).lines().next(),
        Some(
            format!(
                "→ counted: kept and counted (leak: report), $.target stands in $.input: “{title}”"
            )
            .as_str()
        )
    );
    assert_eq!(
        verdict(&scrape, "broken", 3),
        format!(
            "→ broken: failed, tried to use + operator on unsupported types number and string\n    \
             at mine.yaml:17:19\n    `record.votes` is 1\n    `record.title` is a string: \"{title}\""
        )
    );
    assert_eq!(
        verdict(&scrape, "each", 0),
        "→ each: not made, `for_each` gives nothing: {{ record.links }}\n    record.links (0 items): []"
    );
    assert_eq!(
        verdict(&scrape, "null_example", 0),
        "→ null_example: not made, the example is null"
    );
    // As data, the same.
    let args = ["preview", "mine.yaml", "--replay", &har(), "--format", "json", "-n", "1"];
    let record = json(&scrape.run(&args).expect(3).stdout);
    let copied = &record["tasks"]["copied"];
    assert_eq!(copied["fields"], serde_json::json!(["title"]));
    assert_eq!(copied["examples"][0]["leak"]["input"], "$.input[1]");
    let broken = &record["tasks"]["broken"]["examples"][0];
    assert_eq!(broken["error"]["places"], serde_json::json!(["mine.yaml:17:19"]));
    let each = &record["tasks"]["each"]["examples"][0]["not_made_because"];
    assert_eq!(each["expression"], "{{ record.links }}");
    assert_eq!(each["values"]["record.links"], serde_json::json!([]));
}

#[test]
fn a_preview_of_a_task_shows_the_fields_that_went_in() {
    let scrape = Scrape::new();
    with_tasks(
        &scrape,
        r#"  small:
    target: [t]
    leak: allow
    let: { x: "{{ record.votes }}" }
    when: "{{ record.status == 'Open' }}"
    example: { t: "{{ record.title }}" }
"#,
    );
    let names = |more: &[&str]| {
        let args = ["preview", "mine.yaml", "--replay", &har(), "--key", "KAFKA-1", "--task"];
        let ran = scrape.run(&[&args, more].concat()).expect(0);
        let fields = ran.stdout.lines().skip(1).take_while(|line| !line.contains('→'));
        fields.filter(|l| !l.starts_with("   ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        names(&["small"]),
        [
            "  title: [client] Deadlock between session and merge step",
            "  status: Open",
            "  votes: 1",
            "  … 20 fields not looked at (--full)"
        ]
    );
    assert_eq!(names(&["small", "--full"]).len(), 23);
    // What a text template takes counts as well.
    let through_render = names(&["summarization"]);
    assert!(through_render.iter().any(|line| line.starts_with("  body:")), "{through_render:?}");
}

#[test]
fn a_preview_without_a_store_asks_for_one_page_of_each_partition() {
    let standin = standin(&["KAFKA", "SPARK"], 300);
    let scrape = Scrape::new();
    let base = format!("base_url={}", standin.url());
    let args = ["preview", &spec(), "--set", &base, "-p", "KAFKA,SPARK", "-r", "0"];
    let ran = scrape.run(&args).expect(0);
    assert_eq!(ran.stdout.matches("── ").count(), 3);
    assert_eq!(standin.stats().requests, 4);
    assert!(!scrape.dir().join("output").exists());
}

#[test]
fn the_tests_of_the_shipped_specs_pass() {
    let scrape = Scrape::new();
    let ran = scrape.run(&["test", &spec()]).expect(0);
    assert!(ran.stdout.ends_with("2 tests passed, 0 failed\n"), "{}", ran.stdout);
}

#[test]
fn a_test_that_fails_says_what_was_expected_and_what_came() {
    let scrape = Scrape::new();
    let spec = format!("version: 1\nname: mine\nextends: {}\n", spec());
    std::fs::write(scrape.dir().join("mine.yaml"), spec).expect("a spec");
    let write = |text: &str| {
        let text = text.replace("HAR", &har());
        std::fs::write(scrape.dir().join("mine.test.yaml"), text).expect("a test");
    };
    write(
        "cases:
  - name: slips
    replay: HAR
    params: { projects: [KAFKA] }
    expect:
      counts: { records: 25, partitions: { KAFKA: 24, KAFK: 1 }, tasks: { qa: 0 }, rejects: { missing_field: 1 } }
      records:
        KAFKA-1: { title: Deadlock, stauts: Open, labels: [Tides] }
        KAFKA-0: {}
      examples:
        qa: { KAFKA-1: null, KAFKA-5: null }
        chatt: { KAFKA-1: null }
  - name: a param that is not there
    replay: HAR
    params: { project: KAFKA }
",
    );
    let ran = scrape.run(&["test", "mine.yaml"]).expect(1);
    let said: Vec<&str> = ran
        .stdout
        .lines()
        .map(|line| line.trim_start())
        // How long a test took is of no interest.
        .map(|line| {
            line.rsplit_once(" (").filter(|(_, t)| t.ends_with(" s)")).map_or(line, |(l, _)| l)
        })
        .collect();
    assert_eq!(
        said,
        [
            "FAIL mine.yaml: slips",
            "mine.test.yaml:6:26: records: expected 25, got 24",
            "mine.test.yaml:6:55: there is no partition KAFK; did you mean `KAFKA`?",
            "mine.test.yaml:6:79: task qa: expected 0, got 6",
            "mine.test.yaml:6:110: rejects for missing_field: expected 1, got 0",
            "mine.test.yaml:8:27: record KAFKA-1.title: expected \"Deadlock\", got \"[client] Deadlock between session and merge step\"",
            "mine.test.yaml:8:37: record KAFKA-1.stauts is not there; did you mean `status`?",
            "mine.test.yaml:8:59: record KAFKA-1.labels: expected 1 item, got 2",
            "mine.test.yaml:9:9: there is no record KAFKA-0",
            "mine.test.yaml:11:39: qa KAFKA-5: expected null, got {\"context\":\"Gauge rejects the idle config loader after restart\\n\\nI would rather close the watermark than add another fi…",
            "mine.test.yaml:12:9: there is no task chatt; did you mean `chat`?",
            "FAIL mine.yaml: a param that is not there",
            "mine.test.yaml:15:15: the spec has no param `project`; did you mean `projects`?",
            "0 tests passed, 2 failed",
        ]
    );
    // A file that is wrong is no test that fails.
    let checked = scrape.run(&["validate", "mine.yaml", "mine.test.yaml"]).expect(0);
    assert!(checked.stderr.ends_with("mine.test.yaml: ok: 2 tests\n"), "{}", checked.stderr);
    write("cases:\n  - name: x\n    repaly: HAR\n");
    for args in [["test", "mine.yaml"], ["validate", "mine.test.yaml"]] {
        let ran = scrape.run(&args).expect(2);
        assert!(ran.stderr.contains("did you mean `replay`?"), "{}", ran.stderr);
    }
    let ran = scrape.run(&["test", &project().join("specs/minimal.yaml").display().to_string()]);
    let said = ran.expect(2).stderr;
    assert!(said.contains("minimal.test.yaml"), "{said}");
}

#[test]
fn an_explained_spec_is_the_spec() {
    let scrape = Scrape::new();
    let copied = scrape.dir().join("templates");
    std::fs::create_dir(&copied).expect("a folder");
    for entry in std::fs::read_dir(project().join("templates")).expect("templates") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), copied.join(entry.file_name())).expect("a copy");
    }
    let ran = scrape.run(&["explain", &spec(), "-p", "KAFKA", "--cooldown", "7s"]).expect(0);
    for wanted in [
        "default: [\"KAFKA\"]",
        "- 7s",
        "apache-jira.yaml:40: {{ params.cooldown }}",
        "failures: 20                                            # default",
        "    # The engine's own rules, after those of the spec.",
        "templates/summarization.yaml:24",
    ] {
        assert!(ran.stdout.contains(wanted), "{wanted} is missing in\n{}", ran.stdout);
    }
    // It can be run in the place of the spec, with the same results.
    std::fs::write(copied.join("explained.yaml"), &ran.stdout).expect("a spec");
    let args = ["--replay", &har(), "-o"];
    scrape.run(&[&["run", "templates/explained.yaml"][..], &args, &["two"]].concat()).expect(0);
    scrape.run(&[&["run", &spec(), "-p", "KAFKA"][..], &args, &["one"]].concat()).expect(0);
    common::assert_same(&scrape.outputs("one"), &scrape.outputs("two"));
}
