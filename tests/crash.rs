//! `scrape test --crash` finds a sink that a kill makes break its word, and a sink that
//! keeps it passes. This file is a program with such sinks when it is called with
//! arguments of the program.

#![allow(clippy::print_stdout, reason = "the line that a test runner prints")]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use scrape_api::{
    AtomicFile, Delivery, Deserialize, Error, JsonSchema, OptionsError, OutputDir, Result, Row,
    Sink, Value, serde_json,
};

/// A sink of lines, with a flaw that no run shows that nobody kills.
#[derive(Default)]
struct Lines {
    flaw: Flaw,
    place: PathBuf,
    file: Option<AtomicFile>,
    log: Option<File>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", rename_all = "snake_case")]
#[schemars(crate = "scrape_api::schemars")]
enum Flaw {
    #[default]
    None,
    /// It adds rows to what a killed process has written.
    Appends,
    /// What it writes beside its place has another name each time.
    Litters,
    /// Rows come in whatever order.
    Shuffles,
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
struct Config {
    /// What is wrong with it.
    #[serde(default)]
    flaw: Flaw,
}

const FILE: &str = "lines.jsonl";

impl Sink for Lines {
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![FILE.into()]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        self.place = dir.file(FILE)?;
        match self.flaw {
            Flaw::Appends => {
                let open = OpenOptions::new().create(true).append(true).open(self.temporary());
                self.log = Some(open.map_err(Error::io("open lines.tmp"))?);
            }
            Flaw::Litters => {
                let made = File::create(self.temporary());
                self.log = Some(made.map_err(Error::io("make lines.tmp"))?);
            }
            Flaw::None | Flaw::Shuffles => self.file = Some(AtomicFile::create(&self.place)?),
        }
        Ok(())
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        for row in batch {
            let line = [&row.bytes[..], b"\n"].concat();
            let written = match (&mut self.file, &mut self.log) {
                (Some(file), _) => file.write_all(&line),
                (_, Some(log)) => log.write_all(&line),
                _ => Ok(()),
            };
            written.map_err(Error::io("write lines.jsonl"))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        match &mut self.file {
            Some(file) if self.flaw == Flaw::Shuffles => {
                writeln!(file, "{}", std::process::id()).map_err(Error::io("write lines.jsonl"))?;
                file.finish()
            }
            Some(file) => file.finish(),
            None => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<()> {
        if self.log.take().is_some() {
            fs::rename(self.temporary(), &self.place).map_err(Error::io("replace lines.jsonl"))?;
        }
        self.file.take().map_or(Ok(()), AtomicFile::commit)
    }

    fn abort(&mut self) {
        self.file = None;
    }
}

impl Lines {
    fn temporary(&self) -> PathBuf {
        match self.flaw {
            Flaw::Litters => self.place.with_extension(format!("{}.tmp", std::process::id())),
            _ => self.place.with_extension("tmp"),
        }
    }
}

fn make(config: Config) -> std::result::Result<Lines, OptionsError> {
    Ok(Lines { flaw: config.flaw, ..Lines::default() })
}

scrape_api::register_sink! {
    name: "lines",
    summary: "Lines in a file, with a flaw",
    config: Config,
    example: "sinks:\n  lines: { type: lines, from: records, flaw: appends }",
    new: make,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|verb| verb == "test") {
        return scrape::main();
    }
    a_kill_shows_what_no_other_run_shows();
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}

/// The first two records of a project, with their title alone.
const SPEC: &str = r"
extends: PROJECT/specs/apache-jira.yaml
tasks: { summarization: null, classification: null, qa: null, chat: null }
sinks:
  training: null
  examples: null
  raw: null
  raw_children: null
  screen: { type: stdout, from: records }
  lines: { type: lines, from: records, template: { title: '{{ record.title }}' }, flaw: FLAW }
";

const TEST: &str = "
cases:
  - name: two records
    replay: PROJECT/specs/recordings/apache-jira.har
    params: { projects: [KAFKA] }
    limit: 2
    expect: { counts: { records: 2 } }
";

fn a_kill_shows_what_no_other_run_shows() {
    let sound = Tested::with("none");
    assert_eq!(sound.code, Some(0), "{sound:?}");
    assert_eq!(sound.findings, [] as [&str; 0], "{sound:?}");
    assert!(sound.kills > 12, "{sound:?}");
    assert_eq!(sound.notes, ["the sink screen writes elsewhere and is left out"]);

    let appends = Tested::with("appends");
    assert_eq!(appends.code, Some(1));
    let after = |step: &str, what: &str| format!("killed after {step}, then resumed: {what}");
    let twice = "lines.jsonl, line 3: expected \"(its end)\", got \
                 \"{\\\"title\\\":\\\"[client] Deadlock between session and merge step\\\"}\"";
    assert!(
        appends.findings.contains(&after("`write` of the sink lines", twice)),
        "{:#?}",
        appends.findings
    );
    assert!(appends.findings.len() < appends.kills, "{appends:#?}");

    let litters = Tested::with("litters");
    assert_eq!(litters.code, Some(1));
    let left = |finding: &String| {
        finding.starts_with(&after("`finish` of the sink lines", "lines."))
            && finding.ends_with(".tmp is left behind")
    };
    assert!(litters.findings.iter().any(left), "{litters:#?}");

    // Nothing can be said of a sink whose file differs without a kill.
    let shuffles = Tested::with("shuffles");
    assert_eq!((shuffles.code, shuffles.kills), (Some(1), 0));
    let [finding] = &shuffles.findings[..] else { panic!("{shuffles:?}") };
    assert!(
        finding.starts_with("without a kill, two runs differ: lines.jsonl, line 3: expected"),
        "{finding}"
    );
}

/// What `scrape test --crash` says.
#[derive(Debug)]
struct Tested {
    code: Option<i32>,
    kills: usize,
    findings: Vec<String>,
    notes: Vec<String>,
}

impl Tested {
    fn with(flaw: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let text = text.replace("PROJECT", env!("CARGO_MANIFEST_DIR")).replace("FLAW", flaw);
            fs::write(folder.path().join(name), text).expect("a file");
        };
        write("spec.yaml", SPEC);
        write("spec.test.yaml", TEST);
        let ran = me(folder.path())
            .args(["test", "spec.yaml", "--crash", "--format", "json"])
            .arg("--allow-read")
            .arg(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("it starts");
        let said = String::from_utf8(ran.stdout).expect("UTF-8");
        let crash: Value = said
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .find(|line| line.get("kills").is_some())
            .unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&ran.stderr)));
        let texts = |name: &str| serde_json::from_value(crash[name].clone()).expect("texts");
        Self {
            code: ran.status.code(),
            kills: crash["kills"].as_u64().expect("a number") as usize,
            findings: texts("findings"),
            notes: texts("notes"),
        }
    }
}

fn me(folder: &Path) -> Command {
    let mut me = Command::new(std::env::current_exe().expect("this binary"));
    me.current_dir(folder).env("SCRAPE_STATE_DIR", folder.join("state"));
    me
}
