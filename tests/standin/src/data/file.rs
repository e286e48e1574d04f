//! Reads issues from JSON Lines files.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use serde::de::IgnoredAny;

use crate::config::ConfigError;
use crate::json::member;
use crate::time::parse_jira_time;

use super::catalog::{Catalog, Entry, Source, split_key};
use super::issue::Issue;

/// Adds the issues of one file to the catalog (which is not ordered yet).
pub(super) fn load(catalog: &mut Catalog, path: &Path, inline: usize) -> Result<(), ConfigError> {
    let wrong = |line: usize, what: &dyn std::fmt::Display| {
        ConfigError(format!("{}:{line}: {what}", path.display()))
    };
    let file = File::open(path).map_err(|e| ConfigError(format!("{}: {e}", path.display())))?;
    for (line, text) in (1..).zip(BufReader::new(file).lines()) {
        let text = text.map_err(|e| wrong(line, &e))?;
        let text = text.trim_matches(['\u{feff}', ' ', '\t', '\r']);
        if text.is_empty() {
            continue;
        }
        serde_json::from_str::<IgnoredAny>(text)
            .map_err(|e| wrong(line, &format!("not JSON: {e}")))?;
        let entry = entry(catalog, text, inline).ok_or_else(|| {
            wrong(line, &"not an issue: it needs a numeric `id`, a `key` like ABC-12 and `fields`")
        })?;
        catalog.load(entry);
    }
    Ok(())
}

fn entry(catalog: &mut Catalog, text: &str, inline: usize) -> Option<Entry> {
    let string = |path: &[&str]| member(text, path).map(|range| text[range].trim_matches('"'));
    let id: u64 = string(&["id"])?.parse().ok()?;
    let (project_key, number) = split_key(string(&["key"])?)?;
    member(text, &["fields"])?;
    let time = |name| string(&["fields", name]).and_then(parse_jira_time).unwrap_or(0);
    let json = member(text, &["fields", "project"]).map_or_else(
        || {
            format!(
                "{{\"id\":\"{}\",\"key\":\"{project_key}\",\"name\":\"{project_key}\"}}",
                10_000 + catalog.projects.len()
            )
        },
        |range| text[range].to_owned(),
    );
    let part =
        |name| member(&json, &[name]).map_or(project_key, |range| json[range].trim_matches('"'));
    let project = catalog.project_or_new(project_key, part("name"), part("id"), &json);
    Some(Entry {
        id,
        project,
        number,
        created: time("created"),
        updated: time("updated"),
        visible: true,
        source: Source::Text(Arc::new(Issue::from_record(text.to_owned(), inline))),
    })
}
