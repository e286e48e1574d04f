//! Plugins from outside: a binary of its own that names more plugin crates. This
//! file is that binary when it is called with arguments of the program.

#![allow(clippy::print_stdout, reason = "the line that a test runner prints")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Output};

use scrape_api::{
    Delivery, Deserialize, JsonSchema, OptionsError, OutputDir, Result, Row, Sink, Value,
    serde_json,
};

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
    summary: "Counts rows into a file",
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
    let said = |args: &[&str]| String::from_utf8(me(args).stdout).expect("UTF-8");
    list(&said);
    examples(dir.path(), &said, &me);
}

/// What is listed: in columns that fit a terminal, and as data.
fn list(said: &dyn Fn(&[&str]) -> String) {
    let all = said(&["list"]);
    let version = env!("CARGO_PKG_VERSION");
    let titles: Vec<&str> =
        all.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    let named: Vec<Vec<&str>> = titles.iter().map(|l| l.split_whitespace().collect()).collect();
    let expected = [
        ["fetch", "http", "scrape-fetch-http", version],
        ["transform", "jira_markup", "scrape-transform-jira-markup", version],
        ["transform", "normalize_text", "scrape-transform-normalize-text", version],
        // Of this program.
        ["sink", "count", "scrape", version],
        ["sink", "jsonl", "scrape-sink-jsonl", version],
        ["sink", "stdout", "scrape-sink-stdout", version],
    ];
    assert_eq!(named, expected, "{all}");
    for line in all.lines() {
        assert!(line.chars().count() <= 80 && !line.ends_with(' '), "{line:?}");
    }
    let sinks = said(&["list", "sink"]);
    let count = "\
sink count                                                          scrape 0.1.0
  Counts rows into a file

  path  text  required  Where the number goes.

    sinks:
      n: { type: count, from: records, path: count.txt }
";
    assert!(sinks.starts_with(count), "{sinks}");
    assert!(!sinks.contains("jira_markup"), "{sinks}");
    let markup = said(&["list", "transform"]);
    let options = "\
  mentions         word  \"at\"       How `[~user]` is written. One of at, name.
  line_breaks      word  \"newline\"  How a line break inside a paragraph is
                                    written. One of newline, backslash, spaces.
  attachment_base  text  -          Put before the names of attached files and
                                    images, which stand alone when absent.
";
    assert!(markup.contains(options), "{markup}");

    let data: Vec<Value> =
        serde_json::from_str(&said(&["list", "--format", "json"])).expect("JSON");
    let find = |name: &str| data.iter().find(|p| p["name"] == name).expect("a plugin").clone();
    assert_eq!(data.len(), expected.len());
    let count = serde_json::json!({
        "kind": "sink", "name": "count", "summary": "Counts rows into a file",
        "crate": "scrape", "version": version,
        "options": [{
            "name": "path", "type": "text", "required": true, "default": null, "values": [],
            "description": "Where the number goes."
        }],
        "example": "sinks:\n  n: { type: count, from: records, path: count.txt }"
    });
    assert_eq!(find("count"), count);
    let mentions = find("jira_markup")["options"][0].clone();
    assert_eq!(mentions["default"], "at");
    assert_eq!(mentions["values"][1], serde_json::json!({ "name": "name", "meaning": "`user`" }));
}

/// The example of every plugin, laid over the shortest spec, is a spec.
fn examples(dir: &Path, said: &dyn Fn(&[&str]) -> String, me: &dyn Fn(&[&str]) -> Output) {
    let data: Vec<Value> =
        serde_json::from_str(&said(&["list", "--format", "json"])).expect("JSON");
    let minimal = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/minimal.yaml");
    for plugin in data {
        let example = plugin["example"].as_str().expect("an example");
        let text = format!("extends: {minimal}\n{example}\n");
        std::fs::write(dir.join("example.yaml"), &text).expect("a spec");
        let ran = me(&["validate", "example.yaml"]);
        assert_eq!(ran.status.code(), Some(0), "{text}\n{}", String::from_utf8_lossy(&ran.stderr));
    }
}
