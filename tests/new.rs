//! `scrape new`: what it writes is sound, and overwrites nothing.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Scrape, project, standin};

/// The crates of plugins, as an author makes them: written, compiled, tested, and their
/// programs run. They are built beside the program's own builds, so that nothing is built
/// twice: as members of a workspace that is this one by links, and them.
#[test]
fn crates_that_it_writes_pass_their_own_tests_and_run() {
    let scrape = Scrape::new();
    let workspace = scrape.dir().join("workspace");
    let made = workspace.join("made");
    fs::create_dir_all(&made).expect("a folder");
    for entry in fs::read_dir(project()).expect("the project") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        if !["Cargo.toml", "target"].iter().any(|own| name == *own) {
            symlink(entry.path(), workspace.join(name)).expect("a link");
        }
    }
    // The lock file gets new members: it has to be a copy.
    fs::remove_file(workspace.join("Cargo.lock")).expect("the link");
    fs::copy(project().join("Cargo.lock"), workspace.join("Cargo.lock")).expect("a lock file");
    let manifest = fs::read_to_string(project().join("Cargo.toml")).expect("a manifest");
    let members = manifest.replacen("members = [", "members = [\"made/*\", ", 1);
    assert_ne!(manifest, members);
    fs::write(workspace.join("Cargo.toml"), members).expect("a manifest");

    let names = [("sink", "made-sink"), ("transform", "made_transform"), ("fetch", "made-fetch")];
    for (kind, name) in names {
        let ran =
            scrape.command(&["new", kind, name]).current_dir(&made).output().expect("it runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let manifest = made.join(name).join("Cargo.toml");
        let alone = fs::read_to_string(&manifest).expect("a manifest");
        let member = alone.replace("\n[workspace]\n", "\n");
        assert_ne!(alone, member, "a crate stands alone");
        fs::write(manifest, member).expect("a manifest");
    }

    // The folder of this build: target/debug or target/release.
    let built = Path::new(env!("CARGO_BIN_EXE_scrape")).parent().expect("a folder").to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["test", "--offline", "--quiet", "--test", "contract"])
        .args(names.iter().flat_map(|(_, name)| ["-p", name]))
        .current_dir(&workspace)
        .env("CARGO_TARGET_DIR", built.parent().expect("a folder"));
    if built.ends_with("release") {
        cargo.arg("--release");
    }
    let tested = cargo.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&tested.stdout).into_owned()
        + &String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
    assert_eq!(said.matches("test result: ok. 2 passed").count(), 2, "{said}");

    for (kind, name) in names {
        let run = |args: &[&str]| {
            let program: PathBuf = built.join(name);
            let ran = Command::new(program)
                .args(args)
                .current_dir(made.join(name))
                .env("SCRAPE_STATE_DIR", scrape.dir().join("state"))
                .output()
                .expect("its program runs");
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert_eq!(ran.status.code(), Some(0), "{name} {args:?}\n{said}");
            String::from_utf8(ran.stdout).expect("UTF-8")
        };
        assert!(run(&["list", kind]).contains(&format!("{kind} {}  ", name.replace('-', "_"))));
        let har = project().join("specs/recordings/apache-jira.har").display().to_string();
        match kind {
            "fetch" => run(&["run", "mine.yaml", "-o", "out"]),
            _ => run(&["run", "mine.yaml", "-o", "out", "--replay", &har]),
        };
        let out = made.join(name).join("out");
        if kind == "sink" {
            let mine = fs::read_to_string(out.join("mine.txt")).expect("its file");
            let rows = fs::read_to_string(out.join("training_data.jsonl")).expect("rows");
            assert_eq!(mine.lines().count(), rows.lines().count());
            assert!(mine.starts_with("> {\""), "{mine:.100}");
        }
        let _ = fs::remove_file(built.join(name));
    }
}

#[test]
fn a_spec_and_a_task_that_it_writes_are_valid_and_make_examples() {
    let scrape = Scrape::new();
    let told = scrape.run(&["new", "spec", "tracker"]).expect(0).stdout;
    assert!(told.starts_with("tracker.yaml\n\nnext:\n  scrape validate tracker.yaml\n"), "{told}");
    scrape.run(&["validate", "tracker.yaml"]).expect(0);
    let told = scrape.run(&["new", "task", "titles"]).expect(0).stdout;
    let lines = "tasks:\n  titles: { file: titles.yaml }\nsinks:\n  examples: { type: jsonl, from: tasks, path: \"tasks/{{ task }}.jsonl\" }\n";
    let indented: String = lines.lines().map(|l| format!("  {l}\n")).collect();
    assert!(told.contains(&indented), "{told}");
    fs::write(scrape.dir().join("mine.yaml"), format!("extends: tracker.yaml\n{lines}"))
        .expect("a spec");
    let server = standin(&["DEMO"], 30);
    let args = ["run", "mine.yaml", "--base-url", server.url(), "-r", "0", "-o", "out"];
    scrape.run(&args).expect(0);
    let out = scrape.dir().join("out");
    assert_eq!(common::lines(&out.join("issues.jsonl")).len(), 30);
    let examples = common::lines(&out.join("tasks/titles.jsonl"));
    assert!(examples.len() > 3, "{} examples", examples.len());
    assert!(examples.iter().all(|e| e["completion"].is_string() && e["meta"]["key"].is_string()));
}

#[test]
fn nothing_is_overwritten_and_names_are_checked() {
    let scrape = Scrape::new();
    fs::create_dir(scrape.dir().join("mine")).expect("a folder");
    fs::write(scrape.dir().join("mine.yaml"), "mine").expect("a file");
    for kind in ["sink", "transform", "fetch", "spec", "task"] {
        let told = scrape.run(&["new", kind, "mine"]).expect(2);
        assert!(told.stderr.contains("is there already, and nothing is overwritten"), "{told:?}");
        assert!(told.stdout.is_empty());
    }
    assert_eq!(fs::read_to_string(scrape.dir().join("mine.yaml")).expect("a file"), "mine");
    assert_eq!(fs::read_dir(scrape.dir().join("mine")).expect("a folder").count(), 0);
    for (name, hint) in [
        ("My Sink", "as in `my-sink`"),
        ("9", "as in `my-sink`"),
        ("../up", "as in `up`"),
        ("async", "`async` is taken in Rust"),
    ] {
        let told = scrape.run(&["new", "sink", name]).expect(2);
        assert!(told.stderr.contains(hint), "{}", told.stderr);
    }
    let told = scrape.run(&["new", "sink", "jsonl"]).expect(2);
    assert!(told.stderr.contains("of the crate scrape-sink-jsonl"), "{}", told.stderr);
}
