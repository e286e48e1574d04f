//! What the end-to-end tests share: the program in a folder of its own, and a
//! stand-in server.

#![allow(dead_code, unused_imports, reason = "each test file uses a part of it")]

mod outputs;

pub mod scripted;
#[cfg(unix)]
pub mod terminal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub use outputs::{assert_same, lines, outputs};
use scrape_standin::{Config, Standin};
use tempfile::TempDir;

/// A spec with small pages and short waits; its params are `base_url` and `projects`.
pub const JIRA: &str = include_str!("jira.yaml");

/// The folder of the project.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program with a working folder and a state folder of its own.
pub struct Scrape {
    dir: TempDir,
}

/// What one call of the program gave.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Asserts the exit code, showing everything otherwise.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

impl Scrape {
    pub fn new() -> Self {
        Self { dir: TempDir::new().expect("a temporary folder") }
    }

    /// The working folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scrape"));
        command
            .args(args)
            .current_dir(self.dir())
            .env("SCRAPE_STATE_DIR", self.dir().join("state"))
            .env_remove("http_proxy")
            .env_remove("https_proxy")
            .env_remove("JIRA_TOKEN")
            .stdin(Stdio::null());
        command
    }

    /// Runs to the end.
    pub fn run(&self, args: &[&str]) -> Ran {
        finished(self.command(args).output().expect("the program starts"))
    }

    /// Starts, for tests that interrupt.
    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }

    /// The main job against a stand-in, at no rate limit, into `out`.
    pub fn main_job(&self, standin: &Standin, out: &str, more: &[&str]) -> Ran {
        let args = main_job_args(standin, out, more);
        self.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// All outputs that guarantee 1 is about: name to bytes, `stats.json` as its
    /// `counts`.
    pub fn outputs(&self, out: &str) -> BTreeMap<String, Vec<u8>> {
        outputs(&self.dir().join(out))
    }
}

/// The arguments of [`Scrape::main_job`].
pub fn main_job_args(standin: &Standin, out: &str, more: &[&str]) -> Vec<String> {
    let spec = project().join("specs/apache-jira.yaml").display().to_string();
    let base = format!("base_url={}", standin.url());
    ["run", &spec, "--set", &base, "-r", "0", "-o", out]
        .iter()
        .chain(more)
        .map(|s| (*s).to_owned())
        .collect()
}

fn finished(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
    }
}

/// Waits for a process, for at most a minute.
pub fn wait(mut child: Child) -> Ran {
    let end = Instant::now() + Duration::from_secs(60);
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > end {
            let _ = child.kill();
            panic!("the program hung");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    finished(child.wait_with_output().expect("output"))
}

/// Sends a signal by name: `INT`, `TERM`, `KILL`.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .expect("kill");
    assert!(status.success(), "kill -{name}");
}

/// A stand-in over synthetic issues.
pub fn standin(projects: &[&str], issues: u32) -> Standin {
    start(Config {
        projects: projects.iter().map(|p| (*p).to_owned()).collect(),
        issues_per_project: issues,
        ..Config::default()
    })
}

pub fn start(config: Config) -> Standin {
    Standin::start(config).expect("the stand-in starts")
}
