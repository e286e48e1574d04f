//! For those who write templates: what a build says when one fails.

mod common;

use common::{Scrape, project};

/// A folder with a spec over the main one, whose tasks are `tasks`, and the files
/// of `files`.
fn spec(tasks: &str, files: &[(&str, &str)]) -> Scrape {
    let scrape = Scrape::new();
    let main = project().join("specs/apache-jira.yaml").display().to_string();
    let none = "summarization: null, classification: null, qa: null, chat: null";
    let text = format!("extends: {main}\ntasks: {{ {none}, {tasks} }}\n");
    let files = files.iter().copied().chain([("x.yaml", text.as_str())]);
    for (name, text) in files {
        std::fs::write(scrape.dir().join(name), text).expect("a file");
    }
    scrape
}

/// What a run of `x.yaml` over the recording says before its summary, and the lines
/// of `rejected.jsonl`.
fn failures(scrape: &Scrape, code: i32) -> (String, Vec<serde_json::Value>) {
    let har = project().join("specs/recordings/apache-jira.har").display().to_string();
    let args = ["run", "x.yaml", "--replay", &har, "-p", "KAFKA", "-o", "out", "--quiet"];
    let ran = scrape.run(&args).expect(code);
    let (said, _) = ran.stderr.split_once("KAFKA       ").expect("a summary");
    (said.to_owned(), common::lines(&scrape.dir().join("out/rejected.jsonl")))
}

#[test]
fn a_failure_is_told_once_with_place_value_and_keys() {
    let task = "leak: allow\nwhen: \"{{ record.title | words + record.resolution > 3 }}\"\nexample: { a: b }\n";
    let scrape = spec("t: { file: t.yaml }", &[("t.yaml", task)]);
    let (said, lines) = failures(&scrape, 3);
    assert_eq!(
        said,
        r#"error: task t: tried to use + operator on unsupported types number and none
 --> t.yaml:2:11
  |
2 | when: "{{ record.title | words + record.resolution > 3 }}"
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: in KAFKA-1, `record.title` is a string: "[client] Deadlock between session and merge step", `record.resolution` is null
  = note: 24 records: KAFKA-1, KAFKA-2, KAFKA-3, … (each is in out/rejected.jsonl)

1 error
"#
    );
    assert_eq!(lines.len(), 24);
    assert_eq!(
        lines[1]["message"],
        "task t, t.yaml:2:11: tried to use + operator on unsupported types number and none (`record.title` is a string: \"Flaky test: CurrentPlannerTest.rollOver\", `record.resolution` is null) (record KAFKA-2)"
    );
}

#[test]
fn a_failure_in_a_text_template_tells_what_led_there() {
    let task =
        "leak: allow\nlet: { text: '{{ render(\"all.j2\") }}' }\nexample: { a: \"{{ text }}\" }\n";
    let all = "# {{ record.title }}\n{% include \"thread.j2\" %}\n";
    let thread = "{% for c in record.comments %}\n{{ c.created | split('T') | first | int }}\n{% endfor %}\n";
    let files = [("t.yaml", task), ("all.j2", all), ("thread.j2", thread)];
    let (said, lines) = failures(&spec("t: { file: t.yaml }", &files), 0);
    assert_eq!(
        said,
        r#"error: task t: invalid float literal
 --> thread.j2:2:37
  |
2 | {{ c.created | split('T') | first | int }}
  |                                     ^^^
  |
  = note: in KAFKA-1, `c.created` is a string: "2012-03-22T10:39:51.460Z"
  = note: rendered at all.j2:2:4
  = note: rendered at t.yaml:2:18
  = note: 21 records: KAFKA-1, KAFKA-2, KAFKA-3, … (each is in out/rejected.jsonl)

1 error
"#
    );
    assert_eq!(
        lines[0]["message"],
        "task t, thread.j2:2:37: invalid float literal (`c.created` is a string: \"2012-03-22T10:39:51.460Z\"), rendered at all.j2:2:4, rendered at t.yaml:2:18 (record KAFKA-1)"
    );
}

#[test]
fn a_sink_a_field_and_a_loop_tell_their_places_too() {
    let task = "{ leak: allow, for_each: \"{{ record.title }}\", example: { a: x } }";
    let more = "\nsinks:\n  training: { template: { a: \"{{ record.title.nothing.here }}\" } }\nstreams:\n  issues:\n    map:\n      odd: { value: \"{{ record.key + 1 if record.key == 'KAFKA-2' else 0 }}\" }\n";
    let scrape = spec(&format!("t: {task}"), &[]);
    let path = scrape.dir().join("x.yaml");
    let text = std::fs::read_to_string(&path).expect("a spec");
    std::fs::write(&path, text + more).expect("a spec");
    let (said, lines) = failures(&scrape, 3);
    let (places, messages): (Vec<_>, Vec<_>) = (
        said.lines().filter_map(|l| l.trim_start().strip_prefix("--> ")).collect(),
        said.lines().filter(|l| l.starts_with("error: ")).collect(),
    );
    assert_eq!(places, ["x.yaml:2:104", "x.yaml:5:46", "x.yaml:9:25"], "{said}");
    assert_eq!(
        messages,
        [
            "error: task t: for_each needs a list",
            "error: sink training: `record.title.nothing` is undefined",
            "error: the field `odd`: tried to use + operator on unsupported types string and number",
        ]
    );
    let value = "in KAFKA-1, it is a string: \"[client] Deadlock between session and merge step\"";
    assert!(said.contains(value), "{said}");
    assert!(said.contains("= note: 1 record: KAFKA-2 (it is in out/rejected.jsonl)"), "{said}");
    let stage = |stage: &str| lines.iter().filter(|l| l["stage"] == stage).count();
    assert_eq!((stage("task"), stage("sink"), stage("map")), (23, 23, 1));
}

#[test]
fn a_field_that_always_fails_is_no_success() {
    let scrape = spec("", &[]);
    let path = scrape.dir().join("x.yaml");
    let text = std::fs::read_to_string(&path).expect("a spec");
    let odd = "streams: { issues: { map: { odd: { value: \"{{ record.key + 1 }}\" } } } }\n";
    std::fs::write(&path, text + odd).expect("a spec");
    let (said, lines) = failures(&scrape, 3);
    assert!(said.contains("24 records: KAFKA-1, KAFKA-2, KAFKA-3, …"), "{said}");
    assert_eq!(lines.len(), 24);
}
