//! What the store promises, through its public face.

mod files;
mod order;
mod packs;
mod protocol;
mod sent;
mod snapshot;

use std::ops::ControlFlow;

use super::*;
use crate::store::{ChildItem, NewRecord, Reject, Stage, StoredRecord};

const STREAM: &str = "issues";

fn body(text: &str) -> Body {
    Body::pack(text.as_bytes()).unwrap()
}

fn text(body: &Body) -> String {
    String::from_utf8(body.unpack().unwrap().to_vec()).unwrap()
}

fn store() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::create(&folder.path().join("store.db")).unwrap();
    (folder, store)
}

/// A record whose body tells its version; it needs `pending` lists.
fn record(key: &str, version: &str, pending: &[&str]) -> NewRecord {
    NewRecord {
        primary_key: key.to_owned(),
        sort_key: format!("sort {key}"),
        version: version.to_owned(),
        body: body(version),
        original: None,
        pending: pending.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn page(seq: i64, records: Vec<NewRecord>) -> PageCommit {
    PageCommit {
        stream: STREAM.to_owned(),
        partition: "KAFKA".to_owned(),
        seq,
        records,
        rejects: Vec::new(),
        cursor: None,
    }
}

fn reject(key: &str, child: Option<&str>) -> Reject {
    Reject {
        stream: STREAM.to_owned(),
        partition: "KAFKA".to_owned(),
        key: key.to_owned(),
        child: child.map(str::to_owned),
        stage: Stage::Collect,
        reason: "malformed".to_owned(),
        message: "This is no JSON.".to_owned(),
        pointer: Some("/fields".to_owned()),
        raw: Some(b"{\xff".to_vec()),
    }
}

fn list(key: &str, child: &str) -> ChildKey {
    ChildKey {
        stream: STREAM.to_owned(),
        partition: "KAFKA".to_owned(),
        sort_key: format!("sort {key}"),
        primary_key: key.to_owned(),
        child: child.to_owned(),
    }
}

fn items(keys: &[&str]) -> Vec<ChildItem> {
    keys.iter()
        .map(|&key| ChildItem { primary_key: key.to_owned(), body: body(&format!("item {key}")) })
        .collect()
}

/// A page of a list: the first, and the last if there is no `position`.
fn child_page(key: ChildKey, parent_seq: i64, keys: &[&str], position: Option<i64>) -> ChildCommit {
    ChildCommit {
        key,
        parent_seq,
        first: true,
        items: items(keys),
        rejects: Vec::new(),
        position: position.map(Into::into),
    }
}

fn records(reader: &dyn Reader, partitions: &[&str]) -> Vec<StoredRecord> {
    let partitions: Vec<String> = partitions.iter().map(|&name| name.to_owned()).collect();
    let mut all = Vec::new();
    reader
        .records(STREAM, &partitions, &mut |record| {
            all.push(record);
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

fn rejects(reader: &dyn Reader) -> Vec<Reject> {
    let mut all = Vec::new();
    reader
        .rejects(&mut |reject| {
            all.push(reject);
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

/// All that a build can see, as text.
fn content(store: &SqliteStore, partitions: &[&str]) -> String {
    let reader = store.reader().unwrap();
    let mut out = String::new();
    for record in records(&*reader, partitions) {
        let children: Vec<(String, Vec<(String, String)>)> = record
            .children
            .iter()
            .map(|list| {
                let items =
                    list.items.iter().map(|item| (item.primary_key.clone(), text(&item.body)));
                (list.name.clone(), items.collect())
            })
            .collect();
        out += &format!(
            "{} {} {} gone={} {children:?} missing={:?}\n",
            record.partition,
            record.primary_key,
            text(&record.body),
            record.gone,
            record.missing
        );
    }
    for reject in rejects(&*reader) {
        out += &format!("rejected {} {:?}: {}\n", reject.key, reject.child, reject.message);
    }
    out
}

fn keys(records: &[StoredRecord]) -> Vec<&str> {
    records.iter().map(|record| record.primary_key.as_str()).collect()
}
