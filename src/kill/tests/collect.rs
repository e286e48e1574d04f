//! Killed while collecting, and on into the build.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::Value;
use url::Url;

use super::outputs::assert_same;
use super::points::{BUILDING, COLLECTING, passings};
use super::scene::{Scene, at_each};
use crate::store::{Reader as _, STORE_FILE, SqliteReader, SqliteStore, Store as _};

#[test]
fn a_run_killed_at_any_point_and_resumed_is_as_if_undisturbed() {
    let (whole, passed) = Scene::undisturbed(&["--record", "r.har"]);
    assert!(passed["commit done"] > 30, "{passed:?}");
    let mut points = passings(&COLLECTING, &passed, 2);
    points.extend(passings(&["commit done"], &passed, 9));
    points.extend(passings(&BUILDING, &passed, 1));
    at_each(&points, |point, concurrency| {
        let mut scene = Scene::new();
        scene.concurrency = concurrency;
        scene.killed(&scene.args("run", &["--record", "r.har"]), point);
        let held = Held::read(&scene.folder().join("out"));
        scene.standin.reset();
        let ran = scene.run(&scene.args("run", &["--resume"])).expect(0);
        assert!(!ran.stderr.contains("damaged"), "{point}: {}", ran.stderr);
        assert_same(&whole, &scene.outputs());
        let again: Vec<String> = scene
            .standin
            .requests()
            .into_iter()
            .map(|request| request.target)
            .filter(|target| held.answers(&scene, target))
            .collect();
        assert!(again.is_empty(), "{point}: fetched again: {again:#?}");
    });
}

#[test]
fn a_run_that_is_killed_again_and_again_ends() {
    let (whole, _) = Scene::undisturbed(&[]);
    let scene = Scene::new();
    let mut kills = 0;
    loop {
        let more: &[&str] = if kills == 0 { &[] } else { &["--resume"] };
        let point = ["commit done:13", "commit written:15", "reply:12"][kills % 3];
        let ran = super::program::run(scene.folder(), &scene.args("run", more), Some(point));
        if let Some(code) = ran.code {
            assert_eq!(code, 0, "{}", ran.stderr);
            break;
        }
        kills += 1;
        assert!(kills < 500, "it gets nowhere");
    }
    assert!(kills > 3, "{kills}");
    assert_same(&whole, &scene.outputs());
}

/// What a store held when its process was killed.
#[derive(Default)]
struct Held {
    /// Keys of records.
    records: HashSet<String>,
    /// Ids of records with child lists that were read to their end.
    fetched: HashSet<String>,
    /// Ids of records with child lists that were read in part: up to where.
    begun: HashMap<String, u64>,
}

impl Held {
    /// Reads a copy, so that those who go on find what the kill has left.
    fn read(out: &Path) -> Self {
        let copy = tempfile::tempdir().unwrap();
        for name in [STORE_FILE, "store.db-wal", "store.db-journal"] {
            // What is not there is not copied.
            let _ = std::fs::copy(out.join(name), copy.path().join(name));
        }
        let store = copy.path().join(STORE_FILE);
        let Ok(reader) = SqliteReader::open(&store) else { return Self::default() };
        let mut held = Self::default();
        let partitions = ["KAFKA", "SPARK"].map(str::to_owned);
        reader
            .records("issues", &partitions, &mut |record| {
                let body: Value = serde_json::from_slice(&record.body.unpack().unwrap()).unwrap();
                held.records.insert(body["key"].as_str().unwrap().to_owned());
                if !record.children.is_empty() {
                    held.fetched.insert(record.primary_key);
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        drop(reader);
        let mut store = SqliteStore::open(&store).unwrap();
        for list in store.pending_children("issues", None, 1000).unwrap() {
            if let Some(position) = list.position {
                let read = position["taken"].as_u64().unwrap();
                held.begun.insert(list.key.primary_key, read);
            }
        }
        held
    }

    /// Whether the reply to a request was committed.
    fn answers(&self, scene: &Scene, target: &str) -> bool {
        let url = Url::parse("http://h").unwrap().join(target).unwrap();
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        if let Some(id) = url.path().strip_suffix("/comment") {
            let id = id.rsplit('/').next().unwrap();
            let from: u64 = query["startAt"].parse().unwrap();
            return self.fetched.contains(id)
                || self.begun.get(id).is_some_and(|read| from < *read);
        }
        // The count and the probes ask for keys alone.
        if !url.path().ends_with("/search") || query["fields"] != "*all" {
            return false;
        }
        let jql = &query["jql"];
        let project = if jql.contains("KAFKA") { "KAFKA" } else { "SPARK" };
        let after = jql
            .split_once(" AND key > ")
            .map(|(_, rest)| rest.split(' ').next().unwrap().trim_matches('"').to_owned());
        let keys = scene.standin.keys(project);
        let from = after.map_or(0, |after| 1 + keys.iter().position(|k| *k == after).unwrap());
        let limit: usize = query["maxResults"].parse().unwrap();
        let came = keys.iter().skip(from).take(limit);
        from < keys.len() && came.into_iter().all(|key| self.records.contains(key))
    }
}
