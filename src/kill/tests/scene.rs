//! A server, a spec and a folder: all that a run needs, small enough that a kill
//! at every point takes seconds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use scrape_standin::{Config, Standin};
use tempfile::TempDir;

use super::outputs;
use super::program::{self, Ran};

/// The main job with small pages and child lists of several pages.
const SPEC: &str = r#"
extends: PROJECT/specs/apache-jira.yaml
streams:
  issues:
    pagination: { limit: 10, ranges: { min_records: 20 } }
    children:
      comments: { pagination: { limit: 2 } }
"#;

pub(super) struct Scene {
    pub(super) standin: Standin,
    folder: TempDir,
    /// Requests in flight.
    pub(super) concurrency: &'static str,
}

impl Scene {
    /// More of a spec, in place of what was added before.
    pub(super) fn extend_spec(&self, more: &str) {
        let spec = SPEC.replace("PROJECT", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(self.folder().join("spec.yaml"), spec + more).unwrap();
    }

    pub(super) fn new() -> Self {
        let config = Config {
            projects: vec!["KAFKA".into(), "SPARK".into()],
            issues_per_project: 44,
            inline_comments: 1,
            ..Config::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let scene = Self { standin: Standin::start(config).unwrap(), folder, concurrency: "4" };
        scene.extend_spec("");
        scene
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The arguments of a verb into `out`.
    pub(super) fn args(&self, verb: &str, more: &[&str]) -> Vec<String> {
        let mut args = vec![verb, "spec.yaml", "-o", "out"];
        let base_url = format!("base_url={}", self.standin.url());
        if verb == "run" {
            args.extend(["--set", &base_url, "-p", "KAFKA,SPARK"]);
            // Not 0: the pace file is used.
            args.extend(["-r", "0.001", "-c", self.concurrency]);
        }
        args.extend(more);
        args.into_iter().map(str::to_owned).collect()
    }

    pub(super) fn run(&self, args: &[String]) -> Ran {
        program::run(self.folder(), args, None)
    }

    /// Runs until the process is killed at a point.
    #[track_caller]
    pub(super) fn killed(&self, args: &[String], at: &str) {
        let ran = program::run(self.folder(), args, Some(at));
        // It may be that the last passings do not come in every run.
        if ran.code.is_some() {
            ran.expect(0);
        }
    }

    pub(super) fn outputs(&self) -> BTreeMap<String, Vec<u8>> {
        outputs::outputs(&self.folder().join("out"))
    }

    /// The outputs of an undisturbed run, and how often it passed each point.
    pub(super) fn undisturbed(more: &[&str]) -> (BTreeMap<String, Vec<u8>>, BTreeMap<String, u64>) {
        let scene = Self::new();
        scene.run(&scene.args("run", more)).expect(0);
        (scene.outputs(), program::passed(scene.folder()))
    }
}

/// Does something for each point and passing, a few at a time; `kill` is given the
/// requests in flight as well, one and eight in turn.
pub(super) fn at_each(points: &[String], kill: impl Fn(&str, &'static str) + Sync) {
    assert!(!points.is_empty());
    let left = Mutex::new(points.iter().zip(["1", "8"].into_iter().cycle()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let next = || left.lock().unwrap_or_else(|e| e.into_inner()).next();
                while let Some((point, concurrency)) = next() {
                    // Named when it fails.
                    eprintln!("killed at {point}, -c {concurrency}");
                    kill(point, concurrency);
                }
            });
        }
    });
}
