//! What is around the program fails: the disk, the directory, the store, open files.
//! One clear sentence, an exit code that is not 0, and as soon as the cause is gone
//! everything is as if nothing had been.

#![allow(clippy::print_stderr, reason = "what is left out is said")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use common::{Ran, Scrape, assert_same, start, wait};
use scrape_standin::{Config, Standin};

/// A spec that waits for a server that is slow on purpose.
fn spec() -> String {
    assert!(common::JIRA.contains("read: 600ms"));
    common::JIRA.replace("read: 600ms", "read: 60s")
}

/// A server, the program, and what a run leaves that nothing disturbs.
struct Bench {
    standin: Standin,
    scrape: Scrape,
    whole: BTreeMap<String, Vec<u8>>,
}

impl Bench {
    fn new() -> Self {
        let config = Config {
            projects: vec!["TIDE".into()],
            issues_per_project: 120,
            inline_comments: 10,
            record_size: 4000,
            ..Config::default()
        };
        let (standin, scrape) = (start(config), Scrape::new());
        fs::write(scrape.dir().join("spec.yaml"), spec()).expect("a spec");
        let mut bench = Self { standin, scrape, whole: BTreeMap::new() };
        bench.run("whole", &[]).expect(0);
        bench.whole = bench.scrape.outputs("whole");
        bench
    }

    fn out(&self) -> PathBuf {
        self.scrape.dir().join("out")
    }

    fn args<'a>(&'a self, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["run", "spec.yaml", "--base-url", self.standin.url(), "-o", out, "-c", "2"], more]
            .concat()
    }

    fn run(&self, out: &str, more: &[&str]) -> Ran {
        self.scrape.run(&self.args(out, more))
    }

    /// Runs below a limit of the shell.
    fn limited(&self, limit: &str, more: &[&str]) -> Ran {
        let command = self.scrape.command(&self.args("out", more));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]).arg(command.get_program());
        shell.args(command.get_args()).current_dir(self.scrape.dir());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let ran = shell.output().expect("a shell");
        Ran {
            code: ran.status.code(),
            stdout: String::from_utf8_lossy(&ran.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ran.stderr).into_owned(),
        }
    }

    /// A run that has collected some pages, with many to come, one after another: enough
    /// for seconds.
    fn begun(&self) -> Child {
        self.standin.reset();
        self.answer_after(500);
        let child = self.scrape.start(&self.args("out", &[]));
        while self.standin.stats().requests < 4 {
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    fn answer_after(&self, milliseconds: u64) {
        let set = format!(r#"{{ "action": "set", "latency_ms": {milliseconds} }}"#);
        let set = serde_json::from_str(&set).expect("an action");
        self.standin.apply(set).expect("set");
    }

    /// That a run goes on to the end, with nothing lost.
    #[track_caller]
    fn goes_on(&self, more: &[&str]) {
        self.answer_after(0);
        self.run("out", more).expect(0);
        assert_same(&self.whole, &self.scrape.outputs("out"));
    }
}

/// That a run ended with one sentence on standard error, which has this in it.
#[track_caller]
fn says(ran: &Ran, what: &str) {
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let errors: Vec<&str> = ran.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
    assert!(matches!(&errors[..], [error] if error.contains(what)), "{what}:\n{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn a_store_that_may_not_grow_is_a_full_disk() {
    let bench = Bench::new();
    // The greatest size of a file, in blocks of 512 bytes; what a write beyond it
    // gives is an error as with a quota, if the signal is not taken.
    for blocks in [50, 150, 250] {
        let ran = bench.limited(&format!("trap '' XFSZ; ulimit -f {blocks}"), &["--fresh"]);
        says(&ran, "the disk is full while writing out/store.db: free some space, then go on with");
        bench.goes_on(&["--resume"]);
    }
}

#[cfg(unix)]
#[test]
fn an_output_that_may_not_grow_leaves_the_former_one() {
    let bench = Bench::new();
    bench.run("out", &[]).expect(0);
    // Rows that are larger than the limit, while the store is only read.
    let long = spec().replace(
        "path: records.jsonl }",
        "path: records.jsonl, template: { text: \"{{ record.body * 40 }}\" } }",
    );
    assert_ne!(long, spec());
    fs::write(bench.scrape.dir().join("spec.yaml"), long).expect("a spec");
    let ran = bench.limited("trap '' XFSZ; ulimit -f 4000", &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("the sink `records` cannot write records.jsonl"), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing is lost: put it right, then `scrape build`"));
    assert_same(&bench.whole, &bench.scrape.outputs("out"));
    fs::write(bench.scrape.dir().join("spec.yaml"), spec()).expect("a spec");
    bench.goes_on(&[]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_ends_the_run_and_costs_nothing() {
    let bench = Bench::new();
    fs::create_dir(bench.out()).expect("a folder");
    let Some(disk) = Disk::mount(&bench.out(), "96m") else {
        eprintln!("skipped: no small disk can be mounted here");
        return;
    };
    let child = bench.begun();
    let filler = bench.out().join("filler");
    // To the last byte.
    let _ = Command::new("sh").args(["-c", "cat /dev/zero > \"$0\""]).arg(&filler).output();
    let ran = wait(child);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("free some space"), "{}", ran.stderr);
    let again = bench.run("out", &["--resume"]);
    says(&again, "free some space, or name a folder on another disk with --output-dir");
    fs::remove_file(filler).expect("removed");
    bench.goes_on(&["--resume"]);
    drop(disk);
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_written_to_can_still_be_looked_at() {
    let bench = Bench::new();
    fs::create_dir(bench.out()).expect("a folder");
    // Mounted, so that it holds for those who may write everywhere as well.
    let Some(disk) = Disk::mount(&bench.out(), "256m") else {
        eprintln!("skipped: no small disk can be mounted here");
        return;
    };
    bench.run("out", &[]).expect(0);
    disk.remount("ro");
    for (verb, more) in
        [("run", &["--resume"][..]), ("run", &["--fresh"]), ("run", &[]), ("build", &[])]
    {
        let mut args = vec![verb, "spec.yaml", "-o", "out"];
        if verb == "run" {
            args.extend(["--base-url", bench.standin.url()]);
        }
        let ran = bench.scrape.run(&[&args[..], more].concat());
        says(&ran, "out/");
        assert!(ran.stderr.contains("Read-only file system") || ran.stderr.contains("written to"));
    }
    let status = bench.scrape.run(&["status", "out"]).expect(0);
    assert!(status.stdout.contains("complete"), "{}", status.stdout);
    disk.remount("rw");
    bench.goes_on(&["--resume"]);
}

#[test]
fn a_place_that_can_hold_no_directory_is_named() {
    let bench = Bench::new();
    fs::write(bench.scrape.dir().join("taken"), "a file").expect("a file");
    for out in ["taken", "taken/below"] {
        let ran = bench.run(out, &[]);
        says(&ran, "taken");
    }
    assert_eq!(fs::read(bench.scrape.dir().join("taken")).expect("a file"), b"a file");
}

#[test]
fn a_directory_that_is_removed_during_the_run_is_noticed() {
    let bench = Bench::new();
    let child = bench.begun();
    fs::remove_dir_all(bench.out()).expect("removed");
    let ran = wait(child);
    says(&ran, "out/store.db: the file was removed while it was in use");
    // Nothing is there any more that could be gone on with.
    assert!(!bench.out().join("store.db").exists());
    bench.goes_on(&[]);
}

#[test]
fn a_store_of_a_newer_version_is_left_as_it_is() {
    let bench = Bench::new();
    bench.run("out", &[]).expect(0);
    let store = bench.out().join("store.db");
    let former = fs::read(&store).expect("a store");
    let mut newer = former.clone();
    // The format version in SQLite's header.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&store, &newer).expect("written");
    each_verb(&bench, "was written by a newer version of scrape (format 99, this one knows 4)");
    // It is not even thrown away.
    let ran = bench.run("out", &["--fresh"]);
    says(&ran, "newer version");
    assert!(fs::read(&store).expect("a store") == newer, "it was changed");
    fs::write(&store, &former).expect("written");
    bench.goes_on(&["--resume"]);
}

#[test]
fn a_damaged_store_is_named_by_every_verb_and_can_be_begun_anew() {
    let bench = Bench::new();
    bench.run("out", &[]).expect(0);
    let store = bench.out().join("store.db");
    let mut bytes = fs::read(&store).expect("a store");
    // Everything but the first page, as a disk that fails leaves it.
    let from = 16384;
    bytes[from..].fill(0xAB);
    fs::write(&store, &bytes).expect("written");
    each_verb(&bench, "out/store.db is damaged or not a store of scrape");
    assert!(fs::read(&store).expect("a store") == bytes, "it was changed");
    bench.goes_on(&["--fresh"]);
}

/// That all verbs that read a store say this of it.
#[track_caller]
fn each_verb(bench: &Bench, what: &str) {
    says(&bench.run("out", &["--resume"]), what);
    says(&bench.run("out", &[]), what);
    for args in [
        &["build", "spec.yaml", "-o", "out"][..],
        &["verify", "spec.yaml", "-o", "out"],
        &["status", "out"],
    ] {
        says(&bench.scrape.run(args), what);
    }
}

#[cfg(unix)]
#[test]
fn too_few_open_files_are_told_before_anything_is_begun() {
    let bench = Bench::new();
    for limit in [8, 16, 63] {
        let ran = bench.limited(&format!("ulimit -n {limit}"), &[]);
        says(&ran, &format!("a process may hold {limit} files open here, and 64 are needed"));
    }
    bench.goes_on(&[]);
}

/// A file system in memory, for those who may mount one.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at);
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then(|| Self(at.to_owned()))
    }

    fn remount(&self, how: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(&self.0);
        assert!(mount.status().expect("mount").success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
