//! `scrape build --watch`: a process that builds on every save.

#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use common::terminal::Terminal;
use common::{Scrape, project, signal, wait};
use serde_json::Value;

/// A folder with the specs that ship, and a run of the recording in `out`.
fn desk() -> Scrape {
    let scrape = Scrape::new();
    for folder in ["specs", "specs/recordings", "templates"] {
        fs::create_dir(scrape.dir().join(folder)).expect("a folder");
        for entry in fs::read_dir(project().join(folder)).expect("a folder").flatten() {
            if entry.path().is_file() {
                let to = scrape.dir().join(folder).join(entry.file_name());
                fs::copy(entry.path(), to).expect("a copy");
            }
        }
    }
    let har = "specs/recordings/apache-jira.har";
    scrape.run(&["run", "specs/apache-jira.yaml", "--replay", har, "-o", "out"]).expect(0);
    scrape
}

const WATCH: [&str; 5] = ["build", "specs/apache-jira.yaml", "-o", "out", "--watch"];

/// A watch whose events are read; it ends with the test.
struct Watch {
    child: Option<Child>,
    lines: Receiver<String>,
}

impl Watch {
    fn start(scrape: &Scrape) -> Self {
        let mut child = scrape.start(&[&WATCH[..], &["--log-format", "json"]].concat());
        let stderr = child.stderr.take().expect("a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let watch = Self { child: Some(child), lines };
        watch.until("watching");
        watch
    }

    /// Waits for an event; gives it, and the lines before it.
    #[track_caller]
    fn until(&self, event: &str) -> (Value, Vec<Value>) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut before = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no `{event}` after {before:#?}")
            };
            let line: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
            if line["event"] == event {
                return (line, before);
            }
            before.push(line);
        }
    }

    fn end(mut self, name: &str) {
        let child = self.child.take().expect("a watch");
        signal(&child, name);
        let ran = wait(child).expect(0);
        assert_eq!(ran.stdout, "", "changes are no data");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Nobody else would end it.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Edits a file of the desk: in place, or as editors do that put a new one there.
fn save(scrape: &Scrape, file: &str, edit: impl FnOnce(String) -> String, rename: bool) -> PathBuf {
    let path = scrape.dir().join(file);
    let text = edit(fs::read_to_string(&path).expect("a file"));
    if rename {
        fs::rename(&path, path.with_extension("bak")).expect("a backup");
        let beside = path.with_extension("new");
        fs::write(&beside, text).expect("a file");
        fs::rename(&beside, &path).expect("a rename");
    } else {
        fs::write(&path, text).expect("a file");
    }
    path
}

/// Asserts that the outputs of a watch are those of a plain build.
fn assert_as_built(scrape: &Scrape) {
    let watched = scrape.outputs("out");
    scrape.run(&WATCH[..4]).expect(0);
    common::assert_same(&watched, &scrape.outputs("out"));
}

fn modified(file: &Path) -> std::time::SystemTime {
    fs::metadata(file).and_then(|meta| meta.modified()).expect("a file")
}

#[test]
fn a_saved_template_is_rendered_again_and_what_changed_is_told() {
    let scrape = desk();
    let watch = Watch::start(&scrape);
    let archive = scrape.dir().join("out/raw_issues.jsonl.zst");
    let archived = modified(&archive);
    for rename in [false, true] {
        let edit = |text: String| text.replace("one line.", "one line. Now.");
        save(&scrape, "templates/summarization.yaml", edit, rename);
        let (saved, _) = watch.until("saved");
        assert_eq!(saved["files"], serde_json::json!(["templates/summarization.yaml"]));
        let (rebuilt, _) = watch.until("rebuilt");
        let parts = rebuilt["changed"].as_array().expect("parts");
        let names: Vec<_> = parts.iter().map(|part| (&part["name"], &part["changed"])).collect();
        assert_eq!(
            format!("{names:?}"),
            r#"[(String("summarization"), Number(41)), (String("training"), Number(41))]"#
        );
        let shown = &rebuilt["differences"][0];
        assert_eq!((&shown["name"], &shown["key"]), (&"summarization".into(), &"KAFKA-1".into()));
        let system = |when: &str| shown[when]["prompt"][0]["content"].as_str().map(str::to_owned);
        let (before, after) = (system("before").expect("a text"), system("after").expect("a text"));
        assert_eq!(after, before.replace("one line.", "one line. Now."));
    }
    assert_eq!(modified(&archive), archived, "what did not change was written again");
    // A text that several tasks render, and a sink's own template.
    save(&scrape, "templates/title.j2", |text| format!("{text}?"), true);
    watch.until("rebuilt");
    save(&scrape, "templates/training_data.yaml", |text| format!("{text}\nextra: 1\n"), false);
    let (rebuilt, _) = watch.until("rebuilt");
    assert_eq!(rebuilt["changed"][0]["name"], "training");
    assert_eq!(modified(&archive), archived);
    // A map: all is made anew.
    let edit =
        |text: String| text.replace("title: { path: $.fields.summary", "title: { path: $.key");
    save(&scrape, "specs/apache-jira.yaml", edit, false);
    watch.until("rebuilt");
    watch.end("INT");
    assert_as_built(&scrape);
}

#[test]
fn a_template_that_is_wrong_is_told_and_the_next_save_is_waited_for() {
    let scrape = desk();
    let before = scrape.outputs("out");
    let watch = Watch::start(&scrape);
    let title = "templates/title.j2";
    let good = fs::read_to_string(scrape.dir().join(title)).expect("a file");
    save(&scrape, title, |text| text.replace("record.title", "record.titel"), false);
    let (_, told) = watch.until("not_built");
    let finding = told.iter().find(|line| line["level"] == "error").expect("a finding");
    assert_eq!(finding["file"], "templates/title.j2", "{finding}");
    assert_eq!(
        (&finding["range"]["start"]["line"], &finding["range"]["start"]["column"]),
        (&4.into(), &11.into()),
        "{finding}"
    );
    common::assert_same(&before, &scrape.outputs("out"));
    // A text that is not there yet, and then is.
    save(&scrape, title, |_| String::from("{{ render('later.j2') }}"), true);
    watch.until("not_built");
    fs::write(scrape.dir().join("templates/later.j2"), "{{ record.comments[0].author }}")
        .expect("a file");
    let (_, told) = watch.until("rebuilt");
    // Found only while it is rendered: with the place, the record and the value.
    let finding = told.iter().find(|line| line["level"] == "error").expect("a finding");
    assert_eq!(finding["file"], "templates/later.j2", "{finding}");
    assert_eq!(
        (&finding["range"]["start"]["line"], &finding["range"]["start"]["column"]),
        (&1.into(), &19.into()),
        "{finding}"
    );
    let notes = finding["notes"].to_string();
    assert!(notes.contains("in KAFKA-5, `record.comments` is a list of 0"), "{notes}");
    // A file that goes and comes back.
    fs::remove_file(scrape.dir().join(title)).expect("a file");
    watch.until("not_built");
    fs::write(scrape.dir().join(title), &good).expect("a file");
    watch.until("rebuilt");
    common::assert_same(&before, &scrape.outputs("out"));
    watch.end("TERM");
}

#[test]
fn a_watch_begins_where_the_spec_is_wrong_but_not_where_nothing_was_collected() {
    let scrape = desk();
    save(&scrape, "templates/qa.yaml", |text| text.replace("{{ record.", "{{ recrd."), false);
    let watch = Watch::start(&scrape);
    save(&scrape, "templates/qa.yaml", |text| text.replace("{{ recrd.", "{{ record."), false);
    watch.until("rebuilt");
    watch.end("INT");
    assert_as_built(&scrape);
    let ran = scrape.run(&["build", "specs/apache-jira.yaml", "-o", "none", "--watch"]).expect(2);
    assert!(ran.stderr.contains("none holds no run to build from"), "{}", ran.stderr);
}

#[test]
fn another_process_that_builds_is_waited_for_and_its_outputs_are_not_taken_for_ones_own() {
    let scrape = desk();
    let watch = Watch::start(&scrape);
    let lock = fs::File::open(scrape.dir().join("out/.build.lock")).expect("a lock");
    lock.lock().expect("the lock");
    let edit = |text: String| text.replace("one line.", "one line. Now.");
    save(&scrape, "templates/summarization.yaml", edit, false);
    watch.until("build_elsewhere");
    drop(lock);
    let (rebuilt, _) = watch.until("rebuilt");
    assert_eq!(rebuilt["changed"][0]["name"], "summarization");
    save(&scrape, "templates/qa.yaml", |text| format!("{text}# the same\n"), false);
    let (rebuilt, _) = watch.until("rebuilt");
    assert_eq!(rebuilt["changed"], serde_json::json!([]), "{rebuilt}");
    scrape.run(&WATCH[..4]).expect(0);
    save(&scrape, "templates/summarization.yaml", edit, false);
    let (rebuilt, _) = watch.until("rebuilt");
    assert_eq!(rebuilt.get("changed"), None, "{rebuilt}");
    watch.end("INT");
    assert_as_built(&scrape);
}

#[test]
fn what_changed_is_shown_on_a_terminal() {
    let scrape = desk();
    let terminal = Terminal::start(scrape.command(&WATCH), 100, 40);
    terminal.wait_for("the watch", |lines| lines.iter().any(|l| l.contains("Ctrl-C to end")));
    let edit =
        |text: String| text.replace("{{ record.issue_type }}", "{{ record.issue_type | lower }}");
    save(&scrape, "templates/classification.yaml", edit, true);
    terminal.wait_for("the build", |lines| lines.iter().any(|l| l.starts_with("built in ")));
    signal(terminal.child(), "INT");
    let shown = terminal.end();
    assert_eq!(shown.code, Some(0), "{:#?}", shown.lines);
    assert!(shown.bytes.contains("\u{1b}[31m"), "what is gone is red");
    insta::assert_snapshot!(changes(&shown.lines), @r"
    saved: templates/classification.yaml
    classification KAFKA-1, KAFKA-2
      $.issue_type
      - Bug
      + bug
    classification KAFKA-3
      $.issue_type
      - Improvement
      + improvement

    classification: examples of 72 of 72 records changed
    training: rows of 72 of 72 records changed
    ");
}

/// From the saved file on, without the time.
fn changes(lines: &[String]) -> String {
    let lines = lines.iter().skip_while(|line| !line.starts_with("saved: "));
    let lines = lines.take_while(|line| !line.starts_with("built in "));
    lines.map(|line| format!("{}\n", line.trim_end())).collect()
}
