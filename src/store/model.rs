//! The rows of the store.

use serde_json::Value;

use super::Body;

/// How far a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionState {
    /// Begun, not finished.
    Running,
    /// All pages read and their number checked.
    Complete,
    /// Cut by `--limit`.
    Limited,
    /// All pages read, but what came is not what was expected.
    Incomplete,
    /// Given up, for the reason in its row.
    Failed,
}

impl PartitionState {
    /// The name in the store and in `stats.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Limited => "limited",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Running, Self::Complete, Self::Limited, Self::Incomplete, Self::Failed]
            .into_iter()
            .find(|s| s.as_str() == name)
    }
}

/// One partition.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionRow {
    /// Its stream.
    pub stream: String,
    /// Its id: `KAFKA`.
    pub partition: String,
    /// How far it is.
    pub state: PartitionState,
    /// How many records the server says there are; `None` where it says nothing.
    pub expected: Option<u64>,
    /// How that was checked: `count`, `sweep`, or not yet.
    pub checked: Option<String>,
    /// The `--limit` that it was cut at.
    pub limit: Option<u64>,
    /// Why it failed or is incomplete, one sentence.
    pub reason: Option<String>,
}

/// A checkpoint: where a partition, or one range of it, goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// 0, or the number of the range.
    pub range: u32,
    /// What the pagination made of it; the store does not look inside.
    pub position: Value,
    /// Whether there is nothing more to read.
    pub done: bool,
}

/// A record as it goes into the store.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// Its identity.
    pub primary_key: String,
    /// What it is ordered by, encoded so that bytes compare as keys do.
    pub sort_key: String,
    /// What tells a newer version from an older, encoded likewise.
    pub version: String,
    /// Its JSON, repaired where it had to be.
    pub body: Body,
    /// The bytes before the repair.
    pub original: Option<Body>,
    /// Names of the child lists that have to be fetched.
    pub pending: Vec<String>,
}

/// One reply to a stream's own request.
#[derive(Debug, Clone)]
pub struct PageCommit {
    /// The stream.
    pub stream: String,
    /// The partition.
    pub partition: String,
    /// The number of the request, greater for a later one, over all runs.
    pub seq: i64,
    /// Its records.
    pub records: Vec<NewRecord>,
    /// What could not be used.
    pub rejects: Vec<Reject>,
    /// The checkpoint after it; `None` for a reply outside the order of pages
    /// (a record fetched by a sweep).
    pub cursor: Option<Cursor>,
}

/// Child lists of a partition that are not there, those of gone records left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedLists {
    /// The stream of the parents.
    pub stream: String,
    /// Their partition.
    pub partition: String,
    /// Lists still to fetch.
    pub pending: u64,
    /// Lists that failed for good.
    pub failed: u64,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Records that were not there before.
    pub added: u64,
    /// Records that replaced an older version.
    pub replaced: u64,
    /// Child lists that are now pending.
    pub pending: u64,
}

/// What names a child list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildKey {
    /// The stream of the parent.
    pub stream: String,
    /// The parent's partition.
    pub partition: String,
    /// The parent's sort key.
    pub sort_key: String,
    /// The parent's primary key.
    pub primary_key: String,
    /// The list's name.
    pub child: String,
}

/// A child list still to fetch.
#[derive(Debug, Clone)]
pub struct PendingChild {
    /// What names it.
    pub key: ChildKey,
    /// The parent's `seq`, to notice that it was replaced.
    pub parent_seq: i64,
    /// The parent's JSON.
    pub parent: Body,
    /// Where to go on; `None` at the start.
    pub position: Option<Value>,
}

/// An item of a child list.
#[derive(Debug, Clone)]
pub struct ChildItem {
    /// Its identity inside the list.
    pub primary_key: String,
    /// Its JSON.
    pub body: Body,
}

/// One page of a child list.
#[derive(Debug, Clone)]
pub struct ChildCommit {
    /// The list.
    pub key: ChildKey,
    /// The parent's `seq` when the list was begun.
    pub parent_seq: i64,
    /// Whether this is the first page of the list.
    pub first: bool,
    /// Its items, in the server's order.
    pub items: Vec<ChildItem>,
    /// What could not be used.
    pub rejects: Vec<Reject>,
    /// Where to go on; `None` when the list is whole.
    pub position: Option<Value>,
}

/// Where something was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// While reading replies.
    Collect,
    /// While mapping.
    Map,
    /// In a transform.
    Transform,
    /// In a task.
    Task,
    /// In a sink's template.
    Sink,
}

impl Stage {
    /// The stage of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Collect, Self::Map, Self::Transform, Self::Task, Self::Sink]
            .into_iter()
            .find(|stage| stage.as_str() == name)
    }

    /// The name in `rejected.jsonl`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Map => "map",
            Self::Transform => "transform",
            Self::Task => "task",
            Self::Sink => "sink",
        }
    }
}

/// Something that could not be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Reject {
    /// The stream.
    pub stream: String,
    /// The partition.
    pub partition: String,
    /// The primary key; for a record without one, `hash:` and a hash of its bytes.
    pub key: String,
    /// The child list, where an item of one is meant.
    pub child: Option<String>,
    /// Where it happened.
    pub stage: Stage,
    /// A fixed word that is counted by: `missing_primary_key`.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
    /// JSON pointer to what is wrong, in the record.
    pub pointer: Option<String>,
    /// The record's bytes as far as there are any.
    pub raw: Option<Vec<u8>>,
}

/// A record as it comes out for a build.
#[derive(Debug, Clone)]
pub struct StoredRecord {
    /// Its identity.
    pub primary_key: String,
    /// Its partition.
    pub partition: String,
    /// Its JSON.
    pub body: Body,
    /// Child lists that were fetched, by name, in the order of their names.
    pub children: Vec<StoredChild>,
    /// Child lists that are pending or failed: name and, for a failed one, why. None
    /// for a gone record: it is built with what came inside it.
    pub missing: Vec<(String, Option<String>)>,
    /// Whether two sweeps no longer listed it.
    pub gone: bool,
}

/// A child list that was fetched apart.
#[derive(Debug, Clone)]
pub struct StoredChild {
    /// Its name.
    pub name: String,
    /// Its items, in the server's order.
    pub items: Vec<ChildItem>,
}
