//! What goes wrong while running, told as findings about the spec: the place that
//! asked for it, what it took down, what to do. Exact texts.

mod common;

use common::{Scrape, standin};

/// A small spec over a stand-in, one part of it replaced.
const SPEC: &str = r#"version: 1
name: probe
http: { base_url: "URL", robots: ignore }
streams:
  issues:
    for_each: { project: [KAFKA, SPARK] }
    request:
      path: /rest/api/2/search
      query:
        jql: 'project = {{ project | jql }} ORDER BY key ASC'
        fields: "*all"
    pagination: { type: offset, offset_param: startAt, limit_param: maxResults, limit: 50, total: $.total }
    records: "$.issues[*]"
    primary_key: $.id
    sort_key: $.key
    map:
      key: $.key
      title: $.fields.summary
sinks:
  all: { type: jsonl, from: records, path: all.jsonl }
"#;

/// Runs the spec with some of its parts replaced; what was told between the lines of
/// progress and the summary, and the exit code.
fn told(changes: &[(&str, &str)], more: &[&str]) -> (String, Option<i32>) {
    let server = standin(&["KAFKA", "SPARK"], 120);
    let scrape = Scrape::new();
    let mut spec = SPEC.replace("URL", server.url());
    for (from, to) in changes {
        assert!(spec.contains(from), "{from} is not in the spec");
        spec = spec.replace(from, to);
    }
    std::fs::write(scrape.dir().join("probe.yaml"), spec).expect("a spec");
    let ran = scrape.run(&[&["run", "probe.yaml", "-r", "0", "-o", "out"][..], more].concat());
    (findings(&ran.stderr), ran.code)
}

/// From the first finding to the line that counts them.
fn findings(stderr: &str) -> String {
    let start = stderr.find("error: ").or_else(|| stderr.find("warning: "));
    let text = &stderr[start.unwrap_or(stderr.len())..];
    let is_count = |line: &str| {
        let words = ["error", "errors", "warning", "warnings"];
        line.starts_with(|c: char| c.is_ascii_digit()) && words.iter().any(|w| line.ends_with(w))
    };
    let mut told = String::new();
    for line in text.lines() {
        if is_count(line) {
            break;
        }
        told.push_str(line);
        told.push('\n');
    }
    told.trim_end().to_owned()
}

#[track_caller]
fn assert_told(changes: &[(&str, &str)], code: i32, expected: &str) {
    let (text, ended) = told(changes, &[]);
    assert_eq!(text, expected.trim(), "\n--- told\n{text}\n");
    assert_eq!(ended, Some(code), "{text}");
}

#[test]
fn a_selector_that_selects_nothing_is_shown_with_the_path_that_was_meant() {
    assert_told(
        &[("$.issues[*]", "$.isues[*]"), ("[KAFKA, SPARK]", "[KAFKA]")],
        3,
        r#"
error: `records` selects nothing: there is no `$.isues[*]` in the reply
  --> probe.yaml:13:17
   |
13 |     records: "$.isues[*]"
   |                 ^^^^^
   |
   = note: failed by it: issues KAFKA
   = help: "$.issues[*]"
"#,
    );
    assert_told(
        &[("primary_key: $.id", "primary_key: $.uid"), ("[KAFKA, SPARK]", "[KAFKA]")],
        3,
        r#"
error: `primary_key` selects nothing: there is no `$.uid` in a record
  --> probe.yaml:14:20
   |
14 |     primary_key: $.uid
   |                    ^^^
   |
   = note: there is `fields`, `expand`, `id`, `self`, `key`
   = note: failed by it: issues KAFKA
"#,
    );
    assert_told(
        &[("total: $.total", "total: $.totl"), ("[KAFKA, SPARK]", "[KAFKA]")],
        3,
        r#"
error: `total` selects nothing: there is no `$.totl` in the reply
  --> probe.yaml:12:101
   |
12 |     pagination: { type: offset, offset_param: startAt, limit_param: maxResults, limit: 50, total: $.totl }
   |                                                                                                     ^^^^
   |
   = note: failed by it: issues KAFKA
   = help: "$.total"
"#,
    );
}

#[test]
fn what_a_server_refuses_is_shown_with_its_words_and_the_part_of_the_request() {
    assert_told(
        &[("ORDER BY key ASC", "ORDERED BY key ASC"), ("[KAFKA, SPARK]", "[KAFKA]")],
        3,
        r#"
error: the server answered 400 Bad Request: Error in the JQL Query: Expecting either 'OR' or 'AND' but got 'ORDERED'. (line 1, character 19)
  --> probe.yaml:10:15
   |
10 |         jql: 'project = {{ project | jql }} ORDERED BY key ASC'
   |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: GET /jira/rest/api/2/search?jql=project+%3D+%22KAFKA%22+ORDERED+BY+key+ASC&fields=*all&maxResults=50&startAt=0
   = note: failed by it: issues KAFKA
"#,
    );
    assert_told(
        &[("path: /rest/api/2/search", "path: /rest/api/2/serch"), ("[KAFKA, SPARK]", "[KAFKA]")],
        3,
        r#"
error: the server answered 404 Not Found: null for uri: /jira/rest/api/2/serch?jql=project+%3D+%22KAFKA%22+ORDER+BY+key+ASC&fields=*all&maxResults=50&startAt=0
 --> probe.yaml:8:13
  |
8 |       path: /rest/api/2/serch
  |             ^^^^^^^^^^^^^^^^^
  |
  = note: GET /jira/rest/api/2/serch?jql=project+%3D+%22KAFKA%22+ORDER+BY+key+ASC&fields=*all&maxResults=50&startAt=0
  = note: failed by it: issues KAFKA
"#,
    );
    assert_told(
        &[
            (
                r#"robots: ignore"#,
                r#"robots: ignore, on_response: [{ if: { status: 400 }, do: fail_run, say: "Look at the JQL." }]"#,
            ),
            ("ORDER BY", "ORDERED BY"),
            ("[KAFKA, SPARK]", "[KAFKA]"),
        ],
        1,
        r#"
error: the server answered 400 Bad Request: Error in the JQL Query: Expecting either 'OR' or 'AND' but got 'ORDERED'. (line 1, character 19)
  --> probe.yaml:10:15
   |
10 |         jql: 'project = {{ project | jql }} ORDERED BY key ASC'
   |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: GET /jira/rest/api/2/search?jql=project+%3D+%22KAFKA%22+ORDERED+BY+key+ASC&fields=*all&maxResults=50&startAt=0
   = note: given up by the rule at probe.yaml:3:80
   = help: Look at the JQL.
"#,
    );
}

#[test]
fn a_template_of_a_request_that_fails_is_shown_with_the_value_in_it() {
    assert_told(
        &[
            (
                r#"path: /rest/api/2/search"#,
                r#"path: "/rest/api/2/search{{ 10 / (page.offset - page.offset) }}""#,
            ),
            ("[KAFKA, SPARK]", "[KAFKA]"),
        ],
        3,
        r#"
error: unable to calculate 10 / 0
 --> probe.yaml:8:35
  |
8 |       path: "/rest/api/2/search{{ 10 / (page.offset - page.offset) }}"
  |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: `page.offset` is 0
  = note: failed by it: issues KAFKA
"#,
    );
}

#[test]
fn pages_that_do_not_lead_on_are_shown_with_what_leads_them() {
    assert_told(
        &[("offset_param: startAt", "offset_param: start"), ("[KAFKA, SPARK]", "[KAFKA]")],
        3,
        r#"
error: the same page again
  --> probe.yaml:10:15
   |
10 |         jql: 'project = {{ project | jql }} ORDER BY key ASC'
   |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: failed by it: issues KAFKA
   = help: does the server know the parameter that asks for the next?
"#,
    );
    assert_told(
        &[
            ("type: offset, offset_param: startAt", "type: keyset, after: $.key"),
            (
                "ORDER BY key ASC",
                "{% if page.after %}AND key > {{ page.after }}{% endif %} ORDER BY updated DESC",
            ),
            ("[KAFKA, SPARK]", "[KAFKA]"),
        ],
        3,
        r#"
error: the records came out of order
  --> probe.yaml:12:40
   |
12 |     pagination: { type: keyset, after: $.key, limit_param: maxResults, limit: 50, total: $.total }
   |                                        ^^^^^
   |
   = note: KAFKA-126 before KAFKA-125
   = note: failed by it: issues KAFKA
   = help: does the request sort by the key, and is `order` right?
"#,
    );
}

#[test]
fn a_field_that_finds_nothing_is_shown_with_the_path_that_was_meant() {
    assert_told(
        &[("title: $.fields.summary", "title: $.fields.sumary"), ("[KAFKA, SPARK]", "[KAFKA]")],
        0,
        r#"
warning: the field `title` finds nothing in the first 100 records
  --> probe.yaml:18:23
   |
18 |       title: $.fields.sumary
   |                       ^^^^^^
   |
   = help: $.fields.summary
"#,
    );
}

#[test]
fn records_that_do_not_fit_are_shown_with_the_field_that_rejects_them() {
    assert_told(
        &[
            ("title: $.fields.summary", "title: { path: $.fields.assignee.name, required: true }"),
            ("[KAFKA, SPARK]", "[KAFKA]"),
        ],
        0,
        r#"
warning: the field `title`: there is no value, and it is required
  --> probe.yaml:18:22
   |
18 |       title: { path: $.fields.assignee.name, required: true }
   |                      ^^^^^^^^^^^^^^^^^^^^^^
   |
   = note: 39 records: KAFKA-2, KAFKA-4, KAFKA-6, … (each is in out/rejected.jsonl)
   = help: with a `default` in place of `required` the record stays
"#,
    );
    assert_told(
        &[
            ("title: $.fields.summary", "title: { path: $.fields.created, type: int }"),
            ("[KAFKA, SPARK]", "[KAFKA]"),
        ],
        3,
        r#"
warning: the field `title`: its value is not a whole number: "2012-01-07T07:11:41.275+0000"
  --> probe.yaml:18:22
   |
18 |       title: { path: $.fields.created, type: int }
   |                      ^^^^^^^^^^^^^^^^
   |
   = note: 120 records: KAFKA-1, KAFKA-2, KAFKA-3, … (each is in out/rejected.jsonl)
   = help: `type: any` takes it as it comes
"#,
    );
}

#[test]
fn a_check_that_fails_is_shown_with_its_place() {
    assert_told(
        &[
            (
                r#"streams:"#,
                r#"preflight: [{ name: info, request: { path: /rest/api/2/serverInfo }, fail_if: [{ if: { json: { $.versionNumbers: nothing, $.version: "*" } }, say: "Not this one." }, { if: { json: { $.version: "*" } }, say: "Not this version." }] }]
streams:"#,
            ),
            ("[KAFKA, SPARK]", "[KAFKA]"),
        ],
        1,
        r#"
error: Not this version.
 --> probe.yaml:4:167
  |
4 | ... { $.versionNumbers: nothing, $.version: "*" } }, say: "Not this one." }, { if: { json: { $.version: "*" } }, say: "Not this version." }] }]
  |                                                                              ^
  |
  = note: the check info before the first page
"#,
    );
}

/// One finding for all that it took down, however much that is.
#[test]
fn what_fails_in_the_same_way_is_told_once() {
    let (text, code) = told(&[("$.issues[*]", "$.isues[*]")], &[]);
    assert_eq!(text.matches("error: ").count(), 1, "{text}");
    assert!(text.contains("failed by it: issues KAFKA, issues SPARK"), "{text}");
    assert_eq!(code, Some(3));
}

#[test]
fn a_sink_that_cannot_write_is_shown_with_its_path() {
    let server = standin(&["KAFKA"], 10);
    let scrape = Scrape::new();
    let spec = SPEC.replace("URL", server.url()).replace("[KAFKA, SPARK]", "[KAFKA]");
    std::fs::write(scrape.dir().join("probe.yaml"), spec).expect("a spec");
    scrape.run(&["run", "probe.yaml", "-r", "0", "-o", "out", "-q"]).expect(0);
    let file = scrape.dir().join("out/all.jsonl");
    std::fs::remove_file(&file).expect("removed");
    std::fs::create_dir_all(file.join("in the way")).expect("a folder");
    let ran = scrape.run(&["build", "probe.yaml", "-o", "out"]).expect(1);
    let expected = r#"
error: the sink `all` cannot replace out/all.jsonl: Is a directory (os error 21)
  --> probe.yaml:20:44
   |
20 |   all: { type: jsonl, from: records, path: all.jsonl }
   |                                            ^^^^^^^^^
   |
   = help: nothing is lost: put it right, then `scrape build`
"#;
    assert_eq!(findings(&ran.stderr), expected.trim(), "{}", ran.stderr);
}

/// As JSON a finding is an event like all others.
#[test]
fn a_finding_is_an_event_for_machines() {
    let server = standin(&["KAFKA"], 10);
    let scrape = Scrape::new();
    let spec = SPEC.replace("URL", server.url()).replace("[KAFKA, SPARK]", "[KAFKA]");
    let spec = spec.replace("$.issues[*]", "$.isues[*]");
    std::fs::write(scrape.dir().join("probe.yaml"), spec).expect("a spec");
    let args = ["run", "probe.yaml", "-r", "0", "-o", "out", "--log-format", "json"];
    let ran = scrape.run(&args).expect(3);
    let events = ran.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let found: Vec<serde_json::Value> =
        events.filter(|event: &serde_json::Value| event["event"] == "diagnostic").collect();
    assert_eq!(found.len(), 1, "{}", ran.stderr);
    assert_eq!(found[0]["hint"], "\"$.issues[*]\"");
    assert_eq!(found[0]["range"]["start"]["line"], 13);
}
