//! A spec that somebody else wrote may be hostile: it reads no files but its own,
//! writes nowhere but into the output directory, and cannot make the program work or
//! grow without end.

mod common;

use common::{Ran, Scrape};

/// A spec that asks nobody.
const OFFLINE: &str = r#"version: 1
name: hostile
http: { base_url: "http://127.0.0.1:9/" }
streams:
  issues:
    request: { path: /search }
    pagination: { type: none }
    records: "$.issues[*]"
    primary_key: $.id
    map: { key: $.key }
sinks:
  issues: { type: jsonl, from: records, path: issues.jsonl }
"#;

/// The program in `project`, beside `outside` with a file that is nobody's business.
struct Neighbours {
    scrape: Scrape,
}

impl Neighbours {
    fn new() -> Self {
        let scrape = Scrape::new();
        for folder in ["project/specs", "project/templates", "outside"] {
            std::fs::create_dir_all(scrape.dir().join(folder)).expect("a folder");
        }
        let neighbours = Self { scrape };
        neighbours.write("outside/private.yaml", "s3cret: [\n");
        neighbours.write("project/templates/mine.yaml", "type: none\n");
        neighbours
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.scrape.dir().join(name), text).expect("a file");
    }

    /// Runs in the folder of the project.
    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.scrape.command(args);
        let output = command.current_dir(self.scrape.dir().join("project")).output();
        let output = output.expect("the program starts");
        let root = self.scrape.dir().canonicalize().expect("a folder").display().to_string();
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8").replace(&root, "/root");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

#[test]
fn a_spec_reads_files_of_its_project_alone() {
    let files = Neighbours::new();
    let absolute =
        files.scrape.dir().canonicalize().expect("a folder").join("outside/private.yaml");
    #[cfg(unix)]
    for (to, link) in [("../../outside/private.yaml", "link.yaml"), ("../../outside", "folder")] {
        let link = files.scrape.dir().join("project/specs").join(link);
        std::os::unix::fs::symlink(to, link).expect("a link");
    }
    let mut names = vec!["../../outside/private.yaml", absolute.to_str().expect("UTF-8")];
    if cfg!(unix) {
        names.extend(["link.yaml", "folder/private.yaml"]);
    }
    for name in names {
        let spec = OFFLINE.replace("{ type: none }", &format!("{{ file: {name} }}"));
        files.write("project/specs/spec.yaml", &spec);
        let said = files.run(&["validate", "specs/spec.yaml"]).expect(2).stderr;
        assert!(said.contains("is outside of the project, /root/project"), "{name}: {said}");
        assert!(!said.contains("s3cret"), "{name}: {said}");
    }
    // The whole message, and what it says to do.
    let name = "../../outside/private.yaml";
    let spec = OFFLINE.replace("{ type: none }", &format!("{{ file: {name} }}"));
    files.write("project/specs/spec.yaml", &spec);
    let said = files.run(&["validate", "specs/spec.yaml"]).expect(2).stderr;
    assert_eq!(
        said,
        "error: ../outside/private.yaml is outside of the project, /root/project
 --> specs/spec.yaml:7:25
  |
7 |     pagination: { file: ../../outside/private.yaml }
  |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: move it there, or allow its folder with --allow-read ../outside

1 error
"
    );
    files.write("outside/private.yaml", "type: none\n");
    files.run(&["validate", "specs/spec.yaml", "--allow-read", "../outside"]).expect(0);
    files.run(&["explain", "specs/spec.yaml", "--allow-read=../outside"]).expect(0);
    files.run(&["explain", "specs/spec.yaml", "--allow-read", "templates"]).expect(2);
    // A spec that is extended has its own project, and no other.
    let base = OFFLINE.replace("{ type: none }", "{ file: private.yaml }");
    files.write("outside/base.yaml", &base);
    files.write("project/specs/spec.yaml", "extends: ../../outside/base.yaml\n");
    files.run(&["validate", "specs/spec.yaml"]).expect(0);
    let base = OFFLINE.replace("{ type: none }", "{ file: ../project/templates/mine.yaml }");
    files.write("outside/base.yaml", &base);
    let said = files.run(&["validate", "specs/spec.yaml"]).expect(2).stderr;
    assert!(said.contains("mine.yaml is outside of the project, /root/outside"), "{said}");
    // From wherever it is called, what lies beside the specs is the project's own.
    let spec = OFFLINE.replace("{ type: none }", "{ file: ../templates/mine.yaml }");
    files.write("project/specs/spec.yaml", &spec);
    files.run(&["validate", "specs/spec.yaml"]).expect(0);
    files.scrape.run(&["validate", "project/specs/spec.yaml"]).expect(0);
}

/// `validate` shows the line of a mistake: not of a file elsewhere.
#[cfg(unix)]
#[test]
fn no_text_outside_of_its_folder_is_shown() {
    let files = Neighbours::new();
    let link = files.scrape.dir().join("project/specs/link.j2");
    std::os::unix::fs::symlink("../../outside/private.yaml", link).expect("a link");
    files.write("outside/private.yaml", "{{ s3cret | \n");
    let task = "tasks: { t: { leak: allow, example: { x: '{{ render(\"link.j2\") }}' } } }\n";
    files.write("project/specs/spec.yaml", &format!("{OFFLINE}{task}"));
    let said = files.run(&["validate", "specs/spec.yaml"]).expect(2).stderr;
    assert!(said.contains("specs/link.j2 is a link that leads out of its folder"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn files_that_include_one_another_many_times_come_to_an_end() {
    let scrape = Scrape::new();
    let write = |name: &str, text: &str| {
        std::fs::write(scrape.dir().join(name), text).expect("a file");
    };
    // Each names the next ten times: 10^8 in all.
    for i in 0..8 {
        let next = format!("{{ file: part{}.yaml }}", i + 1);
        write(&format!("part{i}.yaml"), &format!("[{}]\n", vec![next; 10].join(", ")));
    }
    write("part8.yaml", &format!("[{}]\n", vec!["0"; 1000].join(", ")));
    write("spec.yaml", &OFFLINE.replace("{ type: none }", "{ file: part0.yaml }"));
    let said = scrape.run(&["validate", "spec.yaml"]).expect(2).stderr;
    assert!(said.contains("a spec of more than 64 MiB, with all its files"), "{said}");
    assert!(said.contains("do files include one another?"), "{said}");
}

/// A task of its own over one record.
fn with_task(task: &str) -> String {
    let tasks = format!("tasks:\n  hostile:\n    leak: allow\n{task}\nsinks:\n");
    let sink = "  tasks: { type: jsonl, from: tasks, path: \"{{ task }}.jsonl\" }\n";
    format!("{}{sink}", common::JIRA.replace("sinks:\n", &tasks))
}

#[test]
fn templates_that_never_end_or_grow_without_end_fail_alone() {
    let standin = common::standin(&["TIDE"], 1);
    let scrape = Scrape::new();
    let write = |name: &str, text: &str| {
        std::fs::write(scrape.dir().join(name), text).expect("a file");
    };
    write("spec.yaml", common::JIRA);
    scrape.run(&["run", "spec.yaml", "--base-url", standin.url(), "-o", "out"]).expect(0);
    write("loop.j2", "{% for i in range(90000) %}{{ i }}{% endfor %}");
    write("loops.j2", "{% for i in range(90000) %}{{ render('loop.j2') }}{{ i }}{% endfor %}");
    let each =
        |inner: &str| format!("{{ $each: \"{{{{ range(90000) }}}}\", as: i, yield: {inner} }}");
    let rows = [
        "example: '{% macro d(s, n) %}{{ d(s ~ s, n - 1) if n else s }}{% endmacro %}{{ d(\"x\" * 99999, 12) }}'"
            .to_owned(),
        "example: '{% for i in range(90000) %}{% for j in range(90000) %}x{% endfor %}{% endfor %}'"
            .to_owned(),
        "example: '{{ (\"x\" * 9999999) | replace(\"x\", \"y\" * 99) }}'".to_owned(),
        "example: '{{ (range(90000) | list * 999) | join(\",\") }}'".to_owned(),
        "example: '{{ render(\"loops.j2\") }}'".to_owned(),
        format!("example: {}", each(&each("x"))),
        format!("for_each: '{{{{ range(90000) }}}}'\n    example: {}", each("'{{ record.title }}'")),
        "when: '{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}'\n    \
         example: x"
            .to_owned(),
    ];
    for row in rows {
        write("spec.yaml", &with_task(&format!("    {row}")));
        let ran = scrape.run(&["build", "spec.yaml", "-o", "out"]);
        let rejected = std::fs::read_to_string(scrape.dir().join("out/rejected.jsonl"));
        let rejected = rejected.expect("rejected.jsonl");
        assert!(rejected.contains("it does too much work"), "{row}: {rejected}{}", ran.stderr);
        // All else is built.
        assert_eq!(common::lines(&scrape.dir().join("out/records.jsonl")).len(), 1, "{row}");
    }
    // What is much, but has an end.
    write(
        "spec.yaml",
        &with_task(
            "    example: '{{ range(90000) | join(\" \") | findall(\"[0-9]+\") | length }}'",
        ),
    );
    scrape.run(&["build", "spec.yaml", "-o", "out"]).expect(0);
    assert_eq!(common::lines(&scrape.dir().join("out/hostile.jsonl")), [90000]);
}

#[test]
fn templates_that_would_exhaust_the_stack_are_refused() {
    let scrape = Scrape::new();
    for (template, says) in [
        (
            "{% set ns = namespace(x=1) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}"
                .to_owned(),
            "nothing is named `namespace` here",
        ),
        (format!("{{{{ 1{} }}}}", "+1".repeat(50_000)), "an expression of more than 1000 operators"),
        (format!("{{{{ {}1 }}}}", "not ".repeat(50_000)), "an expression of more than 1000 operators"),
        (format!("{{{{ {}1{} }}}}", "[".repeat(500), "]".repeat(500)), "recursion limits"),
        ("{{ 'x' | findall('((a{99}){99}){99}') }}".to_owned(), "larger than 1 MiB"),
    ] {
        let task = format!("    example: \"{template}\"");
        std::fs::write(scrape.dir().join("spec.yaml"), with_task(&task)).expect("a spec");
        let said = scrape.run(&["validate", "spec.yaml"]).expect(2).stderr;
        assert!(said.contains(says), "{says}: {said:.500}");
    }
    // As are values that are put into one another.
    let bindings: String =
        (1..2000).map(|i| format!("      a{i}: '{{{{ [a{}] }}}}'\n", i - 1)).collect();
    let task = format!("    let:\n      a0: 1\n{bindings}    example: '{{{{ a1999 | length }}}}'");
    std::fs::write(scrape.dir().join("spec.yaml"), with_task(&task)).expect("a spec");
    let said = scrape.run(&["validate", "spec.yaml"]).expect(2).stderr;
    assert!(said.contains("more than 500 values in `let`"), "{said:.500}");
}

#[test]
fn no_output_leaves_the_output_directory() {
    let standin = common::standin(&["TIDE"], 1);
    let files = Neighbours::new();
    let spec = |path: &str, name: &str| {
        let sink = format!("path: \"{path}\"");
        let params = format!("params:\n  name: {{ type: string, default: \"{name}\" }}\n");
        let spec = common::JIRA.replacen("params:\n", &params, 1);
        spec.replace("path: records.jsonl", &sink)
    };
    let absolute = files.scrape.dir().join("outside/x.jsonl").display().to_string();
    for (path, name) in [
        ("../x.jsonl", ""),
        ("a/../../x.jsonl", ""),
        (absolute.as_str(), ""),
        ("{{ params.name }}", "../x.jsonl"),
        ("{{ params.name }}/x.jsonl", "/etc"),
    ] {
        files.write("project/specs/spec.yaml", &spec(path, name));
        let args = ["run", "specs/spec.yaml", "--base-url", standin.url(), "-o", "out"];
        let said = files.run(&args).expect(2).stderr;
        assert!(said.contains("leaves the output directory"), "{path}: {said}");
        assert!(!files.scrape.dir().join("project/out").exists(), "{path}");
    }
    assert_eq!(standin.stats().requests, 0);
    // Nor by a link that lies there.
    #[cfg(unix)]
    {
        let out = files.scrape.dir().join("project/out");
        files.write("project/specs/spec.yaml", &spec("there/x.jsonl", ""));
        let args = ["run", "specs/spec.yaml", "--base-url", standin.url(), "-o", "out"];
        files.run(&args).expect(0);
        std::fs::remove_dir_all(out.join("there")).expect("removed");
        std::os::unix::fs::symlink("../../outside", out.join("there")).expect("a link");
        let said = files.run(&["build", "specs/spec.yaml", "-o", "out"]).expect(1).stderr;
        assert!(said.contains("is a symbolic link that leaves the output directory"), "{said}");
        assert!(!files.scrape.dir().join("outside/x.jsonl").exists());
    }
}
