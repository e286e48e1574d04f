//! Specs from file to plan; wrong ones with their messages.

use std::path::{Path, PathBuf};

use super::compile;
use crate::plan::*;
use crate::report::diagnostics::render;
use crate::spec::{Diagnostics, ParamValues, load};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Loads and compiles; the messages, with file names that are the same on every
/// machine.
fn check(path: &Path) -> (Option<Plan>, String) {
    let mut found = Diagnostics::default();
    let (plan, sources) = match load(path, &[]) {
        Ok(mut loaded) => {
            let plan = compile(&mut loaded, &ParamValues::stand_ins(), &mut found);
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

#[test]
fn the_main_spec_becomes_a_plan() {
    let (plan, messages) = check(&root().join("specs/apache-jira.yaml"));
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
    let entries = std::fs::read_dir(root().join("specs")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let is_test = |path: &Path| path.to_string_lossy().ends_with(".test.yaml");
    for spec in files.filter(|path| path.extension().is_some_and(|e| e == "yaml") && !is_test(path))
    {
        let (plan, messages) = check(&spec);
        assert!(plan.is_some() && messages.is_empty(), "{}:\n{messages}", spec.display());
    }
}
