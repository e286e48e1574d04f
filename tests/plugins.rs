//! Plugins from outside: a binary of its own that names more plugin crates. This
//! file is that binary when it is called with arguments of the program.

#![allow(clippy::print_stdout, reason = "the line that a test runner prints")]

use std::io::Write as _;
use std::process::{Command, ExitCode};

use scrape_api::{Delivery, Deserialize, JsonSchema, OptionsError, OutputDir, Result, Row, Sink};

/// A sink that counts its rows into a file.
#[derive(Default)]
struct Count {
    path: String,
    rows: usize,
    file: Option<scrape_api::AtomicFile>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde")]
#[schemars(crate = "scrape_api::schemars")]
#[serde(deny_unknown_fields)]
struct Config {
    /// Where the number goes.
    path: String,
}

impl Sink for Count {
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        vec![self.path.clone().into()]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        self.file = Some(scrape_api::AtomicFile::create(dir.file(&self.path)?)?);
        Ok(())
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        self.rows += batch.len();
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(file) = &mut self.file {
            write!(file, "{}", self.rows).map_err(scrape_api::Error::io("count"))?;
            file.finish()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.file.take().map_or(Ok(()), scrape_api::AtomicFile::commit)
    }

    fn abort(&mut self) {
        self.file = None;
    }
}

fn make(config: Config) -> std::result::Result<Count, OptionsError> {
    Ok(Count { path: config.path, ..Count::default() })
}

scrape_api::register_sink! {
    name: "count",
    summary: "Counts rows.",
    config: Config,
    example: "sinks:\n  n: { type: count, from: records, path: count.txt }",
    new: make,
}

#[cfg(not(feature = "sink-jsonl"))]
compile_error!("this test needs the feature sink-jsonl");

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|a| ["run", "validate", "list"].contains(&a.as_str())) {
        return scrape::main();
    }
    test();
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}

fn test() {
    let dir = tempfile::tempdir().expect("a folder");
    let project = env!("CARGO_MANIFEST_DIR");
    let spec = dir.path().join("mine.yaml");
    let text = format!(
        "extends: {project}/specs/apache-jira.yaml\nsinks: {{ n: {{ type: count, from: records, path: n.txt }} }}\n"
    );
    std::fs::write(&spec, text).expect("a spec");
    let me = |args: &[&str]| {
        Command::new(std::env::current_exe().expect("this binary"))
            .args(args)
            .current_dir(dir.path())
            .env("SCRAPE_STATE_DIR", dir.path().join("state"))
            .output()
            .expect("it starts")
    };
    let har = format!("{project}/specs/recordings/apache-jira.har");
    let ran = me(&["run", "mine.yaml", "--replay", &har, "-o", "out"]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let counted = std::fs::read_to_string(dir.path().join("out/n.txt")).expect("the sink's file");
    let rows = std::fs::read_to_string(dir.path().join("out/training_data.jsonl")).expect("rows");
    assert_eq!(counted, rows.lines().count().to_string());
    let listed = String::from_utf8(me(&["list"]).stdout).expect("UTF-8");
    for name in [
        "http fetch",
        "count sink",
        "jsonl sink",
        "stdout sink",
        "jira_markup transform",
        "normalize_text transform",
    ] {
        assert!(listed.contains(name), "{name} is missing in\n{listed}");
    }
}
