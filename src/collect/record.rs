//! From the bytes of a record to a row of the store, or to a reject.

use std::collections::BTreeSet;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use super::envelope::{Misfit, Raw};
use super::split;
use crate::http::Cause;
use crate::plan::{
    ChildPlan, Env, EvalError, KeyOrder, PaginationKind, Path, Plan, Scope, Step, StreamPlan,
    check_json, order_key, parse_json, template_value, version_key,
};
use crate::spec::{Diagnostic, Severity};
use crate::store::{Body, ChildItem, NewRecord, Reject, Stage};

/// What a path finds in the bytes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Absent,
    /// Null.
    Null,
    /// A string, or the source text of a number or a boolean.
    Text(String),
    /// A list or an object.
    Composite,
}

impl Found {
    /// The text, if it is one.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The first value that a path selects in the bytes of a record.
pub(super) fn find(path: &Path, record: &[u8]) -> Found {
    let scalar = |raw: &[u8]| match raw.first() {
        None => Found::Absent,
        Some(b'"') => match serde_json::from_slice(raw) {
            Ok(text) => Found::Text(text),
            Err(_) => Found::Absent,
        },
        Some(b'{' | b'[') => Found::Composite,
        Some(_) if raw == b"null" => Found::Null,
        Some(_) => Found::Text(String::from_utf8_lossy(raw).into_owned()),
    };
    match path.steps() {
        Some(steps) => split::first(record, steps).map_or(Found::Absent, scalar),
        None => match parse_json(record) {
            Ok(value) => {
                path.first(&value).map_or(Found::Absent, |v| scalar(v.to_string().as_bytes()))
            }
            Err(_) => Found::Absent,
        },
    }
}

/// A record as it came out.
#[derive(Debug)]
pub(super) enum Item {
    /// It goes into the store.
    Record(Box<NewRecord>),
    /// It cannot be used.
    Reject(Box<Reject>),
}

/// The records of one page.
#[derive(Debug, Default)]
pub(super) struct PageRecords {
    /// The record or reject of each.
    pub(super) items: Vec<Item>,
    /// The key to continue from of each, in a keyset.
    pub(super) keys: Vec<Option<String>>,
    /// A hash over their bytes.
    pub(super) digest: u64,
    /// A selector of the stream that is in none of them.
    pub(super) misfit: Option<Misfit>,
    /// Why a template `fetch_if` failed for one of them.
    pub(super) doubt: Option<Cause>,
}

/// Reads the records of one stream. Made once a run.
#[derive(Debug)]
pub(super) struct Reader {
    /// By child list.
    needs: Vec<Needs>,
}

/// What a `fetch_if` looks at.
#[derive(Debug)]
struct Needs {
    /// The parts of `parent`; `None` for all of it.
    parent: Option<BTreeSet<Vec<String>>>,
    inline: bool,
}

impl Reader {
    pub(super) fn new(stream: &StreamPlan, env: &Env) -> Self {
        let needs = |child: &ChildPlan| {
            let used = child.fetch_if.as_ref().map(|t| env.undeclared(t)).unwrap_or_default();
            let parts: BTreeSet<Vec<String>> = used
                .iter()
                .filter(|name| *name == "parent" || name.starts_with("parent."))
                .map(|name| name.split('.').skip(1).map(str::to_owned).collect())
                .collect();
            Needs {
                parent: Some(parts).filter(|parts| !parts.contains(&Vec::new())),
                inline: used.iter().any(|n| n == "inline" || n.starts_with("inline.")),
            }
        };
        Self { needs: stream.children.iter().map(needs).collect() }
    }

    /// Reads the records of a page; `scope` is what templates see besides. For
    /// threads that may be busy for a while.
    pub(super) fn page(
        &self,
        plan: &Plan,
        stream: &StreamPlan,
        partition: &str,
        scope: &Scope,
        records: &[Raw],
    ) -> PageRecords {
        let mut page = PageRecords::default();
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for raw in records {
            hash.update(&raw.bytes);
            page.keys.push(key_of(stream, raw));
            let item = match self.record(plan, stream, scope, raw, &mut page.doubt) {
                Ok(record) => Item::Record(Box::new(record)),
                Err(fault) => {
                    let named = find(&stream.primary_key, &raw.bytes).text();
                    Item::Reject(Box::new(fault.reject(&stream.name, partition, named, None, raw)))
                }
            };
            page.items.push(item);
        }
        page.digest = hash.digest();
        page.misfit = misfit(stream, records);
        page
    }

    fn record(
        &self,
        plan: &Plan,
        stream: &StreamPlan,
        scope: &Scope,
        raw: &Raw,
        doubt: &mut Option<Cause>,
    ) -> Result<NewRecord, Fault> {
        let bytes = &raw.bytes[..];
        well_formed(bytes)?;
        let primary_key = primary_key(&stream.primary_key, bytes)?;
        let sort_key = stream
            .sort_key
            .as_ref()
            .and_then(|sort| Some(order_key(sort.order, &find(&sort.path, bytes).text()?)))
            .unwrap_or_else(|| order_key(KeyOrder::Natural, &primary_key));
        let version = stream.version.as_ref().and_then(|path| find(path, bytes).text());
        let mut pending = Vec::new();
        for (child, needs) in stream.children.iter().zip(&self.needs) {
            match is_pending(&plan.env, child, needs, scope, bytes) {
                Ok(true) => pending.push(child.name.clone()),
                Ok(false) => {}
                // Better one request too many than a list that is cut short.
                Err(error) => {
                    pending.push(child.name.clone());
                    doubt.get_or_insert_with(|| {
                        let text = format!(
                            "{} {primary_key}: fetching `{}`, since its `fetch_if` fails: {} ({})",
                            stream.name,
                            child.name,
                            error.message,
                            plan.sources.display(error.span)
                        );
                        Cause::from(text).with(doubtful(&child.name, &error))
                    });
                }
            }
        }
        Ok(NewRecord {
            primary_key,
            sort_key,
            version: version.map(|v| version_key(&v)).unwrap_or_default(),
            body: pack(bytes)?,
            original: raw.original.as_ref().map(|o| pack(o)).transpose()?,
            pending,
        })
    }
}

/// A `fetch_if` that fails, as a finding about the spec.
fn doubtful(child: &str, error: &EvalError) -> Diagnostic {
    let mut found = error.finding();
    found.severity = Severity::Warning;
    found.notes.push(format!("`fetch_if` fails, so that `{child}` is fetched for each record"));
    found
}

/// The items of one page of a child list.
pub(super) fn child_items(
    stream: &str,
    partition: &str,
    child: &ChildPlan,
    records: &[Raw],
) -> (Vec<ChildItem>, Vec<Reject>) {
    let (mut items, mut rejects) = (Vec::new(), Vec::new());
    for raw in records {
        let item = well_formed(&raw.bytes).and_then(|()| {
            let primary_key = primary_key(&child.primary_key, &raw.bytes)?;
            Ok(ChildItem { primary_key, body: pack(&raw.bytes)? })
        });
        match item {
            Ok(item) => items.push(item),
            Err(fault) => {
                let named = find(&child.primary_key, &raw.bytes).text();
                rejects.push(fault.reject(stream, partition, named, Some(&child.name), raw));
            }
        }
    }
    (items, rejects)
}

/// The key to continue from, in a keyset.
pub(super) fn key_of(stream: &StreamPlan, raw: &Raw) -> Option<String> {
    match &stream.pagination.kind {
        PaginationKind::Keyset { after, .. } => find(after, &raw.bytes).text(),
        _ => None,
    }
}

/// A selector that is in none of the records, as it is when it is misspelt.
fn misfit(stream: &StreamPlan, records: &[Raw]) -> Option<Misfit> {
    let after = match &stream.pagination.kind {
        PaginationKind::Keyset { after, .. } => Some(("after", after)),
        _ => None,
    };
    [Some(("primary_key", &stream.primary_key)), after].into_iter().flatten().find_map(
        |(name, path)| {
            let absent = |raw: &Raw| find(path, &raw.bytes) == Found::Absent;
            if records.is_empty() || !records.iter().all(absent) {
                return None;
            }
            let sample = records.iter().find_map(|r| parse_json(&r.bytes).ok())?;
            Misfit::check(name, path, &sample)
        },
    )
}

fn is_pending(
    env: &Env,
    child: &ChildPlan,
    needs: &Needs,
    scope: &Scope,
    record: &[u8],
) -> Result<bool, crate::plan::EvalError> {
    let Some(test) = &child.fetch_if else { return Ok(true) };
    let inline = match &child.inline {
        Some(path) if needs.inline => inline_items(path, record),
        _ => Value::Array(Vec::new()),
    };
    let parent = match &needs.parent {
        Some(parts) => part_of(record, parts),
        None => parse_json(record).unwrap_or_default(),
    };
    let names = [("parent", &parent), ("inline", &inline)]
        .map(|(name, value)| (name.to_owned(), template_value(value)));
    env.test(test, &scope.with_all(names))
}

fn inline_items(path: &Path, record: &[u8]) -> Value {
    let items = match path.steps() {
        Some(steps) => split::select(record, steps)
            .unwrap_or_default()
            .into_iter()
            .map(|place| parse_json(&record[place]).unwrap_or_default())
            .collect(),
        None => {
            let value = parse_json(record).unwrap_or_default();
            path.all(&value).into_iter().cloned().collect()
        }
    };
    Value::Array(items)
}

/// An object with only some parts of a record, shorter paths first.
fn part_of(record: &[u8], parts: &BTreeSet<Vec<String>>) -> Value {
    let mut whole = Map::new();
    for part in parts {
        let steps: Vec<Step> = part.iter().cloned().map(Step::Name).collect();
        let found = split::first(record, &steps).and_then(|raw| parse_json(raw).ok());
        let Some((value, (last, above))) = found.zip(part.split_last()) else { continue };
        insert(&mut whole, above, last, value);
    }
    Value::Object(whole)
}

fn insert(map: &mut Map<String, Value>, above: &[String], name: &str, value: Value) {
    match above.split_first() {
        None => drop(map.insert(name.to_owned(), value)),
        Some((first, rest)) => {
            let next = map.entry(first.as_str()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(next) = next {
                insert(next, rest, name, value);
            }
        }
    }
}

/// Why a record cannot be used.
struct Fault {
    reason: &'static str,
    message: String,
    pointer: Option<String>,
}

impl Fault {
    fn reject(
        self,
        stream: &str,
        partition: &str,
        key: Option<String>,
        child: Option<&str>,
        raw: &Raw,
    ) -> Reject {
        let bytes = raw.original.as_ref().unwrap_or(&raw.bytes);
        Reject {
            stream: stream.to_owned(),
            partition: partition.to_owned(),
            key: key.unwrap_or_else(|| format!("hash:{:016x}", xxh3_64(bytes))),
            child: child.map(str::to_owned),
            stage: Stage::Collect,
            reason: self.reason.to_owned(),
            message: self.message,
            pointer: self.pointer,
            raw: Some(bytes.to_vec()),
        }
    }
}

fn well_formed(bytes: &[u8]) -> Result<(), Fault> {
    let fault = |message| Fault { reason: "malformed_record", message, pointer: None };
    check_json(bytes).map_err(|error| fault(format!("the record is too large: {error}")))?;
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map(drop)
        .map_err(|error| fault(format!("the record is no JSON: {error}")))
}

fn primary_key(path: &Path, bytes: &[u8]) -> Result<String, Fault> {
    let what = match find(path, bytes) {
        Found::Text(key) if !key.is_empty() => return Ok(key),
        Found::Text(_) => "is empty",
        Found::Absent => "is absent",
        Found::Null => "is null",
        Found::Composite => "is a list or an object",
    };
    Err(Fault {
        reason: "missing_primary_key",
        message: format!("the primary key {} {what}", path.source()),
        pointer: path.steps().map(pointer),
    })
}

/// The JSON pointer (RFC 6901) of a path, as far as it has no wildcard.
fn pointer(steps: &[Step]) -> String {
    let mut pointer = String::new();
    for step in steps {
        match step {
            Step::Name(name) => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => pointer.push_str(&format!("/{index}")),
            Step::All => break,
        }
    }
    pointer
}

fn pack(bytes: &[u8]) -> Result<Body, Fault> {
    Body::pack(bytes).map_err(|error| Fault {
        reason: "not_stored",
        message: format!("the record cannot be compressed: {error}"),
        pointer: None,
    })
}
