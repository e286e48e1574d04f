//! Specs from file to plan; wrong ones with their messages.

use std::path::{Path, PathBuf};

use scrape_api::{
    Constructor, Delivery, OptionsError, OutputDir, Plugin, Row, Sink, Transform, Verdict,
};
use serde_json::Value;

use super::{Registry, compile_with};
use crate::plan::*;
use crate::report::diagnostics::render;
use crate::spec::{Diagnostics, ParamValues, load};

/// The plugins of this binary, and a stand-in for each built-in one that is not
/// linked, so that these tests do not depend on features.
pub(crate) fn registry() -> Registry {
    let mut plugins = scrape_api::plugins();
    for stand_in in [&JSONL, &JIRA_MARKUP, &NORMALIZE_TEXT] {
        let kind = stand_in.constructor.kind();
        if !plugins.iter().any(|p| p.name == stand_in.name && p.constructor.kind() == kind) {
            plugins.push(stand_in);
        }
    }
    Registry::of(plugins)
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct FileOptions {
    path: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct NoOptions {}

struct File(String);

impl Sink for File {
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
    fn files(&self) -> Vec<PathBuf> {
        vec![self.0.clone().into()]
    }
    fn open(&mut self, _: &OutputDir) -> scrape_api::Result<()> {
        Ok(())
    }
    fn write(&mut self, _: &[Row]) -> scrape_api::Result<()> {
        Ok(())
    }
    fn finish(&mut self) -> scrape_api::Result<()> {
        Ok(())
    }
    fn commit(&mut self) -> scrape_api::Result<()> {
        Ok(())
    }
    fn abort(&mut self) {}
}

struct Unchanged;

impl Transform for Unchanged {
    fn scope(&self) -> scrape_api::Scope {
        scrape_api::Scope::Value
    }
    fn apply(&self, _: &mut Value) -> scrape_api::Result<Verdict> {
        Ok(Verdict::Keep)
    }
}

fn unchanged(options: Value) -> Result<Box<dyn Transform>, OptionsError> {
    scrape_api::parse_options::<NoOptions>(options)?;
    Ok(Box::new(Unchanged))
}

const fn stand_in(name: &'static str, constructor: Constructor) -> Plugin {
    Plugin {
        name,
        summary: "A stand-in for tests.",
        example: "",
        crate_name: "scrape",
        crate_version: "0",
        schema: || schemars::schema_for!(NoOptions),
        constructor,
    }
}

static JIRA_MARKUP: Plugin = stand_in("jira_markup", Constructor::Transform(unchanged));
static NORMALIZE_TEXT: Plugin = stand_in("normalize_text", Constructor::Transform(unchanged));
static JSONL: Plugin = Plugin {
    schema: || schemars::schema_for!(FileOptions),
    ..stand_in(
        "jsonl",
        Constructor::Sink(|options| {
            let options: FileOptions = scrape_api::parse_options(options)?;
            Ok(Box::new(File(options.path)))
        }),
    )
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Loads and compiles; the messages, with file names that are the same on every
/// machine.
fn check(path: &Path) -> (Option<Plan>, String) {
    let mut found = Diagnostics::default();
    let (plan, sources) = match load(path) {
        Ok(mut loaded) => {
            let plan =
                compile_with(&mut loaded, &ParamValues::stand_ins(), &registry(), &mut found);
            (plan, loaded.sources.clone())
        }
        Err(error) => {
            found = error.diagnostics;
            (None, error.sources)
        }
    };
    let text = render(&found.sorted(), &sources, false, 140);
    let folder = format!("{}/", path.parent().unwrap_or(Path::new("")).display());
    (plan, text.replace(&folder, ""))
}

/// A folder with `specs/apache-jira.yaml` and whatever templates it names:
/// the shipped ones, or small ones where there are none yet.
fn shipped() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["specs", "templates"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        for entry in std::fs::read_dir(root().join(folder)).into_iter().flatten() {
            let from = entry.unwrap().path();
            if from.is_file() {
                std::fs::copy(&from, dir.path().join(folder).join(from.file_name().unwrap()))
                    .unwrap();
            }
        }
    }
    for (name, text) in [
        (
            "summarization",
            "target: [target]\nleak: drop\nexample: { input: \"{{ record.body }}\", target: \"{{ record.title }}\" }\n",
        ),
        (
            "classification",
            "target: [labels]\nleak: report\nexample: { text: \"{{ record.body }}\", labels: \"{{ record.labels }}\" }\n",
        ),
        ("qa", "leak: allow\nexample: { context: \"{{ record.body }}\" }\n"),
        (
            "chat",
            "target: [\"messages[*].content\"]\nleak: drop\nexample:\n  messages:\n    - { $each: \"{{ record.comments }}\", as: c, yield: { role: user, content: \"{{ c.body }}\" } }\n",
        ),
        ("training_data", "issue_key: \"{{ record.key }}\"\ntasks: \"{{ tasks }}\"\n"),
    ] {
        let path = dir.path().join("templates").join(format!("{name}.yaml"));
        if !path.exists() {
            std::fs::write(path, text).unwrap();
        }
    }
    let spec = dir.path().join("specs/apache-jira.yaml");
    (dir, spec)
}

#[test]
fn the_main_spec_becomes_a_plan() {
    let (_dir, spec) = shipped();
    let (plan, messages) = check(&spec);
    assert_eq!(messages, "");
    let plan = plan.unwrap();
    assert_eq!(plan.http.base_url.as_str(), "https://issues.apache.org/jira");
    assert_eq!(
        plan.http.rate_limits[1],
        RateLimit { requests: 20_000, per: std::time::Duration::from_secs(86_400) }
    );
    assert!(plan.http.user_agent.ends_with("(+https://github.com/scrape-rs/scrape)"));
    assert!(plan.http.on_response.len() > 3 && plan.http.on_response[0].span.is_some());
    let stream = &plan.streams[0];
    let ids: Vec<_> = stream.partitions.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["KAFKA", "SPARK", "HADOOP"]);
    assert!(matches!(
        &stream.pagination.kind,
        PaginationKind::Keyset { ranges: Some(Ranges { max: 16, .. }), .. }
    ));
    assert_eq!(stream.children[0].name, "comments");
    let feeds: Vec<_> = plan.sinks.iter().map(|s| s.feed.clone()).collect();
    let children = Feed::RawChildren { stream: "issues".into(), child: "comments".into() };
    assert_eq!(feeds.len(), 7);
    assert_eq!(feeds[1], Feed::Task("summarization".into()));
    assert_eq!(feeds[6], children);
    let files: Vec<_> = plan.sinks.iter().map(|s| (s.make)().unwrap().files()).collect();
    assert_eq!(files[4], [PathBuf::from("tasks/chat.jsonl")]);
    assert_eq!(files[6], [PathBuf::from("raw_issues.comments.jsonl.zst")]);
}

#[test]
fn every_shipped_spec_becomes_a_plan() {
    let (dir, _) = shipped();
    for entry in std::fs::read_dir(dir.path().join("specs")).unwrap() {
        let spec = entry.unwrap().path();
        let (plan, messages) = check(&spec);
        assert!(plan.is_some() && messages.is_empty(), "{}:\n{messages}", spec.display());
    }
}

/// `SCRAPE_BLESS=1` writes what is found as what is expected.
#[test]
fn wrong_specs_have_their_messages() {
    let folder = root().join("tests/bad_specs");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    names.sort();
    assert!(names.len() >= 12, "the corpus is in {}", folder.display());
    let mut different = Vec::new();
    for path in names {
        let (plan, messages) = check(&path);
        assert!(plan.is_none(), "{} is not wrong", path.display());
        let expected = path.with_extension("stderr");
        if std::env::var_os("SCRAPE_BLESS").is_some() {
            std::fs::write(&expected, &messages).unwrap();
        } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(messages.as_str()) {
            different.push(format!("{}:\n{messages}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
