//! A copy of the project's folders in which a page is followed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use scrape_standin::{Config, Standin};

use crate::common::{Scrape, project, start};
use crate::markdown::Block;

/// Where a page is followed. Servers that it starts end with it.
pub struct Shop {
    scrape: Scrape,
    /// Plays Apache's server.
    apache: Standin,
    /// The port that pages call 8080.
    port: u16,
    fragments: usize,
}

/// Stands for `cargo`: the two programs of the workspace, and its tests.
const CARGO: &str = r#"#!/bin/sh
case "$*" in
  "run --release -- "*) shift 3; exec scrape "$@" ;;
  "run --release -p scrape-standin -- "*) shift 5; exec jira-standin "$@" ;;
  "test --release --workspace") exit 0 ;;
  *) echo "no test runs: cargo $*" >&2; exit 99 ;;
esac
"#;

/// Stands for `scrape`: what would ask Apache's server asks the stand-in, without
/// its pace.
const SCRAPE: &str = r#"#!/bin/sh
case "$*" in
  *--replay*|*base_url*|*--base-url*|*resume*) ;;
  "run specs/apache-jira.yaml"*|"plan specs/apache-jira.yaml"*|"preview specs/apache-jira.yaml"*)
    set -- "$@" --set "base_url=$APACHE" ;;
esac
case "$*" in
  "run "*--replay*) ;;
  "run "*" -r "*|"run "*--help*) ;;
  "run "*) set -- "$@" -r 0 ;;
esac
exec "$SCRAPE_BINARY" "$@"
"#;

/// Stands for `jira-standin`: starts it and comes back when it listens.
const STANDIN: &str = r#"#!/bin/sh
case "$*" in *--help*) exec "$STANDIN_BINARY" "$@" ;; esac
"$STANDIN_BINARY" "$@" > listening 2>&1 &
echo $! >> pids
until grep -q http listening; do sleep 0.05; done
"#;

impl Shop {
    pub fn open() -> Self {
        let scrape = Scrape::new();
        let dir = scrape.dir();
        for folder in ["specs", "templates"] {
            copy(&project().join(folder), &dir.join(folder));
        }
        fs::create_dir(dir.join("bin")).expect("a folder");
        for (name, text) in [("cargo", CARGO), ("scrape", SCRAPE), ("jira-standin", STANDIN)] {
            let path = dir.join("bin").join(name);
            fs::write(&path, text).expect("a program");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
        }
        let apache = start(Config {
            projects: ["KAFKA", "SPARK", "HADOOP"].map(str::to_owned).to_vec(),
            issues_per_project: 120,
            ..Config::default()
        });
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        Self { scrape, apache, port, fragments: 0 }
    }

    /// Writes a file, or checks a spec or a part of one.
    pub fn yaml(&mut self, block: &Block, place: &str) {
        let dir = self.scrape.dir().to_owned();
        let text = self.at_our_port(&block.text);
        let whole = text.lines().any(|line| line.starts_with("version:"));
        if let Some(name) = block.value("file") {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, text).expect("a file");
            if whole && !block.has("wrong") {
                self.validate(name, place);
            }
            return;
        }
        self.fragments += 1;
        let name = format!("specs/fragment{}.yaml", self.fragments);
        let head = "version: 1\nname: fragment\nextends: ./apache-jira.yaml\n";
        let text = if whole { text } else { format!("{head}{text}") };
        fs::write(dir.join(&name), text).expect("a file");
        self.validate(&name, place);
    }

    fn validate(&self, name: &str, place: &str) {
        let ran = self.scrape.run(&["validate", name]);
        assert_eq!(ran.code, Some(0), "{place}:\n{}", ran.stderr);
    }

    fn at_our_port(&self, text: &str) -> String {
        text.replace("8080", &self.port.to_string())
    }

    /// Runs the lines of a block, and gives what they printed.
    pub fn sh(&self, block: &Block, place: &str) -> String {
        if block.has("screen") {
            return String::new();
        }
        let dir = self.scrape.dir();
        let path = std::env::var("PATH").unwrap_or_default();
        let script = self.at_our_port(&block.text);
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(dir)
            .stdin(Stdio::null())
            .env_remove("JIRA_TOKEN")
            .env("SCRAPE_STATE_DIR", dir.join("state"))
            .env("PATH", format!("{}:{path}", dir.join("bin").display()))
            .env("SCRAPE_BINARY", env!("CARGO_BIN_EXE_scrape"))
            .env("STANDIN_BINARY", standin_binary())
            .env("APACHE", self.apache.url())
            .output()
            .expect("a shell");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("UTF-8");
        let wanted = block.value("exit").map_or(0, |code| code.parse().expect("a code"));
        assert_eq!(output.status.code(), Some(wanted), "{place}:\n{script}\n{said}");
        said
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let pids = fs::read_to_string(self.scrape.dir().join("pids")).unwrap_or_default();
        for pid in pids.lines() {
            let _ = Command::new("kill").arg(pid).status();
        }
    }
}

/// Built with the workspace, beside the program itself.
fn standin_binary() -> std::path::PathBuf {
    Path::new(env!("CARGO_BIN_EXE_scrape")).with_file_name("jira-standin")
}

/// Asserts that lines stand in what was printed, in this order.
#[track_caller]
pub fn assert_printed(wanted: &str, said: &str, place: &str) {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = said.lines().map(squeezed);
    for line in wanted.lines().map(squeezed).filter(|l| !l.is_empty() && l != "…") {
        let found = lines.any(|said| fits(&line, &said));
        assert!(found, "{place}: not printed (or not in this order): {line}\n--- in\n{said}");
    }
}

/// Whether a line is what is wanted; `…` stands for anything.
fn fits(wanted: &str, said: &str) -> bool {
    let parts: Vec<_> = wanted.split('…').map(str::trim).collect();
    let [first, middle @ .., last] = parts.as_slice() else { return wanted == said };
    let Some(mut rest) = said.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
