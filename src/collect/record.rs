//! From the bytes of a record to a row of the store, or to a reject.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use scrape_api::Bytes;
use serde::de::IgnoredAny;
use xxhash_rust::xxh3::xxh3_64;

use super::envelope::{Misfit, Raw};
use super::needs::{Needs, doubtful};
use super::split::{self, Firsts};
use crate::http::{Cause, Packed};
use crate::plan::{
    ChildPlan, Env, KeyOrder, PaginationKind, Path, Plan, Scope, Step, StreamPlan, check_json,
    is_json, order_key, parse_json, version_key,
};
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

/// What a JSON text is.
fn scalar(raw: &[u8]) -> Found {
    match raw.first() {
        None => Found::Absent,
        Some(b'"') => match serde_json::from_slice(raw) {
            Ok(text) => Found::Text(text),
            Err(_) => Found::Absent,
        },
        Some(b'{' | b'[') => Found::Composite,
        Some(_) if raw == b"null" => Found::Null,
        Some(_) => Found::Text(String::from_utf8_lossy(raw).into_owned()),
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
    /// A hash over their bytes; of nothing in a keyset.
    pub(super) digest: u64,
    /// A selector of the stream that is in none of them.
    pub(super) misfit: Option<Misfit>,
    /// Why a template `fetch_if` failed for one of them.
    pub(super) doubt: Option<Cause>,
}

/// Reads the records of one stream. Made once a run.
#[derive(Debug)]
pub(super) struct Reader {
    /// All that is looked for in a record, so that it is gone through once.
    firsts: Firsts,
    primary_key: Option<usize>,
    after: Option<usize>,
    sort_key: Option<usize>,
    version: Option<usize>,
    /// Whether what a page holds is all that there is from its first sort key to its last.
    is_in_order: bool,
    /// By child list.
    needs: Vec<Needs>,
}

/// A record, and what is looked for in it.
pub(super) struct Look<'r> {
    pub(super) bytes: &'r Bytes,
    places: Cow<'r, [Option<Range<usize>>]>,
    /// Whether it is known to be JSON.
    is_json: bool,
}

impl Look<'_> {
    /// As [`find`], with what is known.
    fn find(&self, path: &Path, place: Option<usize>) -> Found {
        match place {
            Some(place) => self.first(place).map_or(Found::Absent, scalar),
            None => find(path, self.bytes),
        }
    }

    /// The first value of what is looked for at a place of [`Firsts`].
    pub(super) fn first(&self, place: usize) -> Option<&[u8]> {
        self.places[place].clone().map(|place| &self.bytes[place])
    }
}

impl Reader {
    pub(super) fn new(stream: &StreamPlan, env: &Env) -> Self {
        let mut firsts = Firsts::default();
        let mut place = |path: &Path| path.steps().and_then(|steps| firsts.add(steps));
        let primary_key = place(&stream.primary_key);
        let after = match &stream.pagination.kind {
            PaginationKind::Keyset { after, .. } => place(after),
            _ => None,
        };
        let sort_key = stream.sort_key.as_ref().and_then(|sort| place(&sort.path));
        let version = stream.version.as_ref().and_then(place);
        let is_in_order = stream.keyset_by_sort_key().is_some();
        let needs = stream.children.iter();
        let needs = needs.map(|child| Needs::new(child, env, &mut firsts)).collect();
        Self { firsts, primary_key, after, sort_key, version, is_in_order, needs }
    }

    /// Reads the records of a page; `scope` is what templates see besides. For
    /// threads that may be busy for a while.
    pub(super) fn page(
        &self,
        plan: &Plan,
        stream: &StreamPlan,
        partition: &str,
        scope: &Scope,
        (records, packed): (&[Raw], Option<Packed>),
    ) -> PageRecords {
        let mut page = PageRecords::default();
        // Only pages without keys are compared whole.
        let is_keyset = matches!(stream.pagination.kind, PaginationKind::Keyset { .. });
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        let mut drafts = Vec::with_capacity(records.len());
        for raw in records {
            if !is_keyset {
                hash.update(&raw.bytes);
            }
            let look = self.look(raw);
            page.keys.push(match &stream.pagination.kind {
                PaginationKind::Keyset { after, .. } => look.find(after, self.after).text(),
                _ => None,
            });
            let draft = self.draft(plan, stream, scope, raw, &look, &mut page.doubt);
            drafts.push(draft.map_err(|fault| {
                let named = look.find(&stream.primary_key, self.primary_key).text();
                Box::new(fault.reject(&stream.name, partition, named, None, raw))
            }));
        }
        let whole = drafts.iter().zip(records).filter(|(draft, _)| draft.is_ok());
        let whole: Vec<&[u8]> = whole.map(|(_, raw)| &raw.bytes[..]).collect();
        let mut bodies =
            match packed.and_then(|packed| self.as_it_came(&packed, &drafts, &whole)) {
                Some(bodies) => bodies.into_iter().map(Ok).collect(),
                None => Body::pack_all(&whole),
            }
            .into_iter();
        let item = |(draft, raw): (Result<Draft, Box<Reject>>, &Raw)| {
            let record = draft.and_then(|draft| {
                let body = bodies.next().unwrap_or_else(|| Body::pack(&raw.bytes));
                draft.with(body).map_err(|(fault, key)| {
                    Box::new(fault.reject(&stream.name, partition, Some(key), None, raw))
                })
            });
            match record {
                Ok(record) => Item::Record(Box::new(record)),
                Err(reject) => Item::Reject(reject),
            }
        };
        page.items = drafts.into_iter().zip(records).map(item).collect();
        page.digest = hash.digest();
        page.misfit = misfit(stream, records);
        page
    }

    /// The bodies of a page as parts of what the server packed, where a build will read
    /// them one after the other: the page is a piece of the keyset, and the keyset goes
    /// by the sort key.
    fn as_it_came(
        &self,
        packed: &Packed,
        drafts: &[Result<Draft, Box<Reject>>],
        whole: &[&[u8]],
    ) -> Option<Vec<Body>> {
        let keys = drafts.iter().flatten().map(|draft| &draft.sort_key);
        if !self.is_in_order || !keys.is_sorted() {
            return None;
        }
        Body::of_page(&packed.gzip, &packed.whole, whole)
    }

    /// What is looked for in a record.
    pub(super) fn firsts(&self) -> &Firsts {
        &self.firsts
    }

    fn look<'r>(&self, raw: &'r Raw) -> Look<'r> {
        let bytes = &raw.bytes;
        let (places, is_json) = match &raw.firsts {
            Some(known) => (Cow::from(known), true),
            None => match self.firsts.find_in_json(bytes) {
                Some(found) => (Cow::from(found), true),
                None => (Cow::from(self.firsts.find(bytes)), false),
            },
        };
        Look { bytes, places, is_json }
    }

    fn draft(
        &self,
        plan: &Plan,
        stream: &StreamPlan,
        scope: &Scope,
        raw: &Raw,
        look: &Look<'_>,
        doubt: &mut Option<Cause>,
    ) -> Result<Draft, Fault> {
        let bytes = &raw.bytes[..];
        well_formed(bytes, look.is_json)?;
        let primary_key =
            primary_key(&stream.primary_key, look.find(&stream.primary_key, self.primary_key))?;
        let sort_key = stream
            .sort_key
            .as_ref()
            .and_then(|sort| {
                Some(order_key(sort.order, &look.find(&sort.path, self.sort_key).text()?))
            })
            .unwrap_or_else(|| order_key(KeyOrder::Natural, &primary_key));
        let version = stream.version.as_ref().and_then(|path| look.find(path, self.version).text());
        let mut pending = Vec::new();
        for (child, needs) in stream.children.iter().zip(&self.needs) {
            match needs.is_pending(&plan.env, child, scope, look) {
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
        Ok(Draft {
            primary_key,
            sort_key,
            version: version.map(|v| version_key(&v)).unwrap_or_default(),
            original: raw.original.as_ref().map(|o| pack(o)).transpose()?,
            pending,
        })
    }
}

/// A record without its bytes, which are packed with those of its page.
struct Draft {
    primary_key: String,
    sort_key: String,
    version: String,
    original: Option<Body>,
    pending: Vec<String>,
}

impl Draft {
    /// The record; or why it cannot be stored, with its primary key.
    fn with(self, body: io::Result<Body>) -> Result<NewRecord, (Fault, String)> {
        let Self { primary_key, sort_key, version, original, pending } = self;
        match body {
            Ok(body) => Ok(NewRecord { primary_key, sort_key, version, body, original, pending }),
            Err(error) => Err((not_packed(&error), primary_key)),
        }
    }
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
        let is_json = raw.firsts.is_some() || is_json(&raw.bytes);
        let item = well_formed(&raw.bytes, is_json).and_then(|()| {
            let key = find(&child.primary_key, &raw.bytes);
            let primary_key = primary_key(&child.primary_key, key)?;
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

/// What is not known to be JSON is read by the parser that has the last word, and the
/// words for what is wrong.
fn well_formed(bytes: &[u8], is_json: bool) -> Result<(), Fault> {
    let fault = |message| Fault { reason: "malformed_record", message, pointer: None };
    check_json(bytes).map_err(|error| fault(format!("the record is too large: {error}")))?;
    if is_json {
        return Ok(());
    }
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map(drop)
        .map_err(|error| fault(format!("the record is no JSON: {error}")))
}

fn primary_key(path: &Path, found: Found) -> Result<String, Fault> {
    let what = match found {
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
    Body::pack(bytes).map_err(|error| not_packed(&error))
}

fn not_packed(error: &io::Error) -> Fault {
    Fault {
        reason: "not_stored",
        message: format!("the record cannot be compressed: {error}"),
        pointer: None,
    }
}
