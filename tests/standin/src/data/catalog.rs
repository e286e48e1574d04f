//! Every issue by project, number and id, and where its text comes from.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::config::{Config, ConfigError};
use crate::synth::Generator;

use super::file;
use super::issue::Issue;

/// Where the text of an issue comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Held as text.
    Text(Arc<Issue>),
    /// Generated when asked for: project and position in the generator's plan.
    Synthetic { project: usize, position: usize, ready: OnceLock<Arc<Issue>> },
}

/// What searching needs to know of an issue.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    /// Index into [`Catalog::projects`].
    pub(crate) project: usize,
    pub(crate) number: u32,
    /// Epoch milliseconds.
    pub(crate) created: i64,
    /// Epoch milliseconds.
    pub(crate) updated: i64,
    /// False once it is deleted or hidden.
    pub(crate) visible: bool,
    pub(crate) source: Source,
}

#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) id: String,
    /// The `project` object of its issues.
    pub(crate) json: String,
    /// Visible issues by rising number, as indexes into [`Catalog::entries`].
    pub(crate) order: Vec<u32>,
}

/// All projects and issues.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) projects: Vec<Project>,
    pub(crate) entries: Vec<Entry>,
    by_id: HashMap<u64, u32>,
    /// Former keys of moved issues.
    pub(super) old_keys: HashMap<String, u32>,
    /// Keys of hidden issues.
    pub(super) hidden: HashMap<String, u32>,
    /// Keys that JQL refuses although the issue is there.
    pub(super) refused: HashSet<String>,
    pub(super) generator: Generator,
    pub(super) inline: usize,
    cache_left: AtomicUsize,
}

impl Catalog {
    /// Plans the synthetic issues and reads the files.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut catalog = Catalog {
            projects: Vec::new(),
            entries: Vec::new(),
            by_id: HashMap::new(),
            old_keys: HashMap::new(),
            hidden: HashMap::new(),
            refused: HashSet::new(),
            generator: Generator::new(config)?,
            inline: config.inline_comments,
            cache_left: AtomicUsize::new(config.cache_bytes),
        };
        let mut entries = Vec::new();
        for (project, plan) in catalog.generator.plans().iter().enumerate() {
            catalog.projects.push(Project {
                key: plan.key.clone(),
                name: plan.name.clone(),
                id: plan.id.to_string(),
                json: plan.json.clone(),
                order: Vec::new(),
            });
            entries.extend(plan.issues.iter().enumerate().map(|(position, planned)| Entry {
                id: planned.id,
                project,
                number: planned.number,
                created: planned.created,
                updated: planned.updated,
                visible: true,
                source: Source::Synthetic { project, position, ready: OnceLock::new() },
            }));
        }
        entries.into_iter().for_each(|entry| catalog.load(entry));
        for path in &config.files {
            file::load(&mut catalog, path, config.inline_comments)?;
        }
        catalog.reindex()?;
        Ok(catalog)
    }

    /// The project with that key (in any case), name or id.
    pub(crate) fn project(&self, text: &str) -> Option<usize> {
        self.projects
            .iter()
            .position(|p| p.key.eq_ignore_ascii_case(text) || p.name == text || p.id == text)
    }

    /// The project with that key, made if need be.
    pub(super) fn project_or_new(&mut self, key: &str, name: &str, id: &str, json: &str) -> usize {
        if let Some(found) = self.projects.iter().position(|p| p.key == key) {
            return found;
        }
        self.projects.push(Project {
            key: key.to_owned(),
            name: name.to_owned(),
            id: id.to_owned(),
            json: json.to_owned(),
            order: Vec::new(),
        });
        self.projects.len() - 1
    }

    /// Orders the issues of each project; two visible issues of one key are an error.
    fn reindex(&mut self) -> Result<(), ConfigError> {
        for (entry, index) in self.entries.iter().zip(0u32..) {
            self.projects[entry.project].order.push(index);
        }
        for project in &mut self.projects {
            project.order.sort_by_key(|i| self.entries[*i as usize].number);
            let twice = project
                .order
                .windows(2)
                .find(|w| self.entries[w[0] as usize].number == self.entries[w[1] as usize].number);
            if let Some(twice) = twice {
                let number = self.entries[twice[0] as usize].number;
                return Err(ConfigError(format!(
                    "two issues have the key {}-{number}",
                    project.key
                )));
            }
        }
        Ok(())
    }

    /// Adds an entry while loading; one of the same id is replaced.
    pub(super) fn load(&mut self, entry: Entry) {
        let next = self.entries.len() as u32;
        match *self.by_id.entry(entry.id).or_insert(next) {
            index if index == next => self.entries.push(entry),
            index => self.entries[index as usize] = entry,
        }
    }

    /// Adds an entry to the indexes.
    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        let index = self.entries.len() as u32;
        self.by_id.insert(entry.id, index);
        self.entries.push(entry);
        self.list(index);
        index
    }

    /// Puts an entry into its project's order.
    pub(super) fn list(&mut self, index: u32) {
        let Entry { project, number, .. } = self.entries[index as usize];
        self.entries[index as usize].visible = true;
        let order = &mut self.projects[project].order;
        let at = order.partition_point(|i| self.entries[*i as usize].number < number);
        order.insert(at, index);
    }

    /// Takes an entry out of its project's order.
    pub(super) fn unlist(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.visible = false;
        self.projects[entry.project].order.retain(|i| *i != index);
    }

    /// The visible issue with that key, in any case.
    pub(crate) fn by_key(&self, key: &str) -> Option<u32> {
        let (project, number) = split_key(key)?;
        let project = self.projects.iter().find(|p| p.key.eq_ignore_ascii_case(project))?;
        let at = project
            .order
            .binary_search_by_key(&number, |i| self.entries[*i as usize].number)
            .ok()?;
        Some(project.order[at])
    }

    /// The visible issue with that id.
    pub(crate) fn by_id(&self, id: u64) -> Option<u32> {
        self.by_id.get(&id).copied().filter(|i| self.entries[*i as usize].visible)
    }

    /// The visible issue with that id, key or former key.
    pub(crate) fn by_id_or_key(&self, text: &str) -> Option<u32> {
        if let Ok(id) = text.parse() {
            return self.by_id(id);
        }
        let moved = || self.old_keys.get(&text.to_ascii_uppercase()).copied();
        self.by_key(text).or_else(moved).filter(|i| self.entries[*i as usize].visible)
    }

    /// Whether JQL refuses a key as one that does not exist.
    pub(crate) fn refuses(&self, key: &str) -> bool {
        self.refused.contains(&key.to_ascii_uppercase())
    }

    /// `KAFKA-12`.
    pub(crate) fn key(&self, index: u32) -> String {
        let entry = &self.entries[index as usize];
        format!("{}-{}", self.projects[entry.project].key, entry.number)
    }

    /// The issue's text; synthetic ones are generated, and kept while there is room.
    pub(crate) fn issue(&self, index: u32) -> Arc<Issue> {
        match &self.entries[index as usize].source {
            Source::Text(issue) => issue.clone(),
            Source::Synthetic { project, position, ready } => {
                if let Some(issue) = ready.get() {
                    return issue.clone();
                }
                let issue = Arc::new(self.generator.issue(*project, *position, self.inline));
                let size = issue.size();
                let room =
                    self.cache_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        left.checked_sub(size)
                    });
                if room.is_ok() {
                    // Another request may have been quicker; its text is the same.
                    _ = ready.set(issue.clone());
                }
                issue
            }
        }
    }
}

/// `KAFKA-12` as project key and number.
pub(crate) fn split_key(key: &str) -> Option<(&str, u32)> {
    let (project, number) = key.rsplit_once('-')?;
    Some((project, number.parse().ok()?))
}
