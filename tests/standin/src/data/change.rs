//! What can happen to an issue while somebody reads: edits, moves, deletions.

use std::sync::Arc;

use crate::json::{member, quoted, splice};
use crate::time::{jira_time, now_ms};

use super::catalog::{Catalog, Entry, Source};
use super::issue::Issue;

impl Catalog {
    fn known(&self, key: &str) -> Result<u32, String> {
        self.by_id_or_key(key).ok_or_else(|| format!("there is no visible issue `{key}`"))
    }

    /// Sets members of `fields` (and the key) of an issue's record and bumps `updated`.
    fn edit(&mut self, index: u32, updated: Option<i64>, edits: &[(&[&str], String)]) {
        let entry = &self.entries[index as usize];
        let updated = updated.unwrap_or_else(|| now_ms().max(entry.updated + 1));
        let text = self.issue(index).whole();
        let stamp = format!("\"{}\"", jira_time(updated));
        let changes = edits
            .iter()
            .map(|(path, new)| (*path, new.clone()))
            .chain([(&["fields", "updated"][..], stamp)])
            .filter_map(|(path, new)| Some((member(&text, path)?, new)))
            .collect();
        let issue = Issue::from_record(splice(&text, changes), self.inline);
        let entry = &mut self.entries[index as usize];
        entry.updated = updated;
        entry.source = Source::Text(Arc::new(issue));
    }

    /// Bumps `updated` (to `updated`, else to now) and sets the summary, if one is given.
    pub(crate) fn update(
        &mut self,
        key: &str,
        summary: Option<&str>,
        updated: Option<i64>,
    ) -> Result<u32, String> {
        let index = self.known(key)?;
        let summary = summary.map(|s| (&["fields", "summary"][..], quoted(s)));
        self.edit(index, updated, summary.as_slice());
        Ok(index)
    }

    /// Adds a comment at the end and bumps `updated`.
    pub(crate) fn comment(&mut self, key: &str, body: &str) -> Result<u32, String> {
        let index = self.known(key)?;
        let whole = self.issue(index).whole();
        let list = member(&whole, &["fields", "comment", "comments"])
            .ok_or_else(|| format!("the record of `{key}` has no list of comments"))?;
        let now = now_ms().max(self.entries[index as usize].updated + 1);
        let time = jira_time(now);
        let before = whole[list.start..list.end - 1].trim_end();
        let comma = if before == "[" { "" } else { "," };
        let id = 900_000_000 + (now.unsigned_abs() % 100_000_000);
        let new = format!(
            "{before}{comma}{{\"id\":\"{id}\",\"author\":null,\"body\":{},\"created\":\"{time}\",\"updated\":\"{time}\"}}]",
            quoted(body)
        );
        self.edit(index, Some(now), &[(&["fields", "comment", "comments"], new)]);
        Ok(index)
    }

    /// A new issue, one above the project's greatest number.
    pub(crate) fn create(&mut self, project: &str, summary: Option<&str>) -> Result<u32, String> {
        let project =
            self.project(project).ok_or_else(|| format!("there is no project `{project}`"))?;
        let number = self.next_number(project);
        let id = self.entries.iter().map(|e| e.id).max().unwrap_or(0) + 1;
        let now = now_ms();
        let Self { projects, generator, inline, .. } = &*self;
        let issue = generator.extra(
            &projects[project].key,
            &projects[project].json,
            number,
            id,
            now,
            *inline,
        );
        let source = Source::Text(Arc::new(issue));
        let index = self.insert(Entry {
            id,
            project,
            number,
            created: now,
            updated: now,
            visible: true,
            source,
        });
        if let Some(summary) = summary {
            self.edit(index, Some(now), &[(&["fields", "summary"], quoted(summary))]);
        }
        Ok(index)
    }

    fn next_number(&self, project: usize) -> u32 {
        let of_project = self.entries.iter().filter(|e| e.project == project);
        of_project.map(|e| e.number).max().unwrap_or(0) + 1
    }

    /// To another project: a new key, the same id; the old key still resolves for single issues.
    pub(crate) fn move_to(&mut self, key: &str, project: &str) -> Result<u32, String> {
        let index = self.known(key)?;
        let target =
            self.project(project).ok_or_else(|| format!("there is no project `{project}`"))?;
        let old_key = self.key(index);
        let number = self.next_number(target);
        let (new_key, json) =
            (format!("{}-{number}", self.projects[target].key), self.projects[target].json.clone());
        self.edit(index, None, &[(&["key"], quoted(&new_key)), (&["fields", "project"], json)]);
        self.unlist(index);
        let entry = &mut self.entries[index as usize];
        entry.project = target;
        entry.number = number;
        self.list(index);
        self.old_keys.insert(old_key.to_ascii_uppercase(), index);
        Ok(index)
    }

    /// For good: 404 by key and id, its key is unknown in JQL.
    pub(crate) fn delete(&mut self, key: &str) -> Result<u32, String> {
        let index = self.known(key)?;
        self.unlist(index);
        Ok(index)
    }

    /// Hides an issue until it appears again. `listed`: it stays where it is, and
    /// only JQL that names its key is refused.
    pub(crate) fn vanish(&mut self, key: &str, listed: bool) -> Result<u32, String> {
        let index = self.known(key)?;
        let key = self.key(index).to_ascii_uppercase();
        if listed {
            self.refused.insert(key);
        } else {
            self.unlist(index);
            self.hidden.insert(key, index);
        }
        Ok(index)
    }

    /// Ends [`Self::vanish`].
    pub(crate) fn appear(&mut self, key: &str) -> Result<u32, String> {
        let name = key.to_ascii_uppercase();
        let was_refused = self.refused.remove(&name);
        match self.hidden.remove(&name) {
            Some(index) => {
                self.list(index);
                Ok(index)
            }
            None if was_refused => self.known(key),
            None => Err(format!("`{key}` has not vanished")),
        }
    }
}
