//! What a store remembers of the runs into it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::plan::{Plan, differences};
use crate::report::{Ended, Outcome};
use crate::store::{self, Store};

/// The name in the store's book-keeping.
const KEY: &str = "run";

/// Where the records of a store come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A server.
    Live,
    /// A recording.
    Recording,
}

/// The settings that `--resume`, `build` and `verify` take from the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Memory {
    /// The spec's name.
    pub spec: String,
    /// The spec's file, as it was named.
    #[serde(default)]
    pub spec_file: PathBuf,
    /// Where the records come from.
    pub source: Source,
    /// [`Plan::origin`].
    pub origin: Value,
    /// Effective params.
    pub params: Map<String, Value>,
    /// `--limit`.
    pub limit: Option<u64>,
}

impl Memory {
    /// What this plan would be remembered as.
    pub fn of(plan: &Plan, source: Source, limit: Option<u64>) -> Self {
        Self {
            spec: plan.name.clone(),
            spec_file: plan.spec_file.clone(),
            source,
            origin: plan.origin(),
            params: plan.params.clone(),
            limit,
        }
    }

    /// Reads what a store remembers, through either side of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read(meta: impl FnOnce(&str) -> store::Result<Option<String>>) -> Outcome<Option<Self>> {
        let text = meta(KEY).map_err(|e| Ended::failed(e.to_string()))?;
        // An unreadable memory is that of a run that was cut before its first
        // commit; there is nothing yet to disagree with.
        Ok(text.and_then(|t| serde_json::from_str(&t).ok()))
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn write(&self, store: &mut dyn Store) -> Outcome<()> {
        let text = serde_json::to_string(self).map_err(|e| Ended::failed(e.to_string()))?;
        store.set_meta(KEY, &text).map_err(|e| Ended::failed(e.to_string()))
    }

    /// Refuses to mix: `now` must ask the same server the same.
    ///
    /// # Errors
    /// Names each difference, and what can be done.
    pub fn must_match(&self, now: &Self, dir: &str) -> Outcome<()> {
        let instead = "use another --output-dir, or --fresh to throw the earlier run away \
                       (--resume alone goes on with the params of that run)";
        if self.source != now.source {
            let (was, is) = match self.source {
                Source::Live => ("a live server", "a recording"),
                Source::Recording => ("a recording", "a live server"),
            };
            return Err(Ended::usage(format!(
                "{dir} was collected from {was}, and {is} must not be mixed in: {instead}"
            )));
        }
        let found = differences(&self.origin, &now.origin);
        if found.is_empty() {
            return Ok(());
        }
        Err(Ended::usage(format!(
            "{dir} was collected with other requests:\n  {}\n{instead}",
            found.join("\n  ")
        )))
    }
}
