//! What is told of an output directory, and what is removed from one.

use super::*;
use crate::store::{Body, Committed, NewRecord, PageCommit, SqliteStore, Store};

fn locks(directory: &Path) -> [Lock; 2] {
    LockKind::ALL.map(|kind| Lock::acquire(directory, kind).unwrap())
}

fn clear(directory: &Path) -> Result<Cleared> {
    let [collect, build] = locks(directory);
    OutputState::clear(directory, [&collect, &build])
}

fn row(partition: &str, state: PartitionState) -> PartitionRow {
    PartitionRow {
        stream: "issues".to_owned(),
        partition: partition.to_owned(),
        state,
        expected: None,
        checked: None,
        limit: None,
        reason: None,
    }
}

fn made(directory: &Path) -> SqliteStore {
    SqliteStore::create(&directory.join(STORE_FILE)).unwrap()
}

fn write(directory: &Path, file: &str) {
    let path = directory.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "x").unwrap();
}

/// All files and folders below, locks left out.
fn tree(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(directory).unwrap().to_string_lossy().into_owned());
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    found.retain(|name| !name.ends_with(".lock"));
    found.sort();
    found
}

#[test]
fn a_directory_that_is_missing_or_has_only_locks_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("none");
    assert!(matches!(OutputState::inspect(&missing), Ok(OutputState::Empty)));
    assert!(!missing.exists());
    drop(locks(directory.path()));
    assert!(matches!(OutputState::inspect(directory.path()), Ok(OutputState::Empty)));
    assert_eq!(clear(directory.path()).unwrap(), Cleared::default());
}

#[test]
fn files_without_a_store_are_somebody_elses() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "thesis.tex");
    match OutputState::inspect(directory.path()) {
        Ok(OutputState::Foreign { file }) => assert_eq!(file, "thesis.tex"),
        other => panic!("{other:?}"),
    }
    let error = clear(directory.path()).unwrap_err().to_string();
    assert!(error.contains("thesis.tex") && error.contains("--output-dir"), "{error}");
    assert_eq!(tree(directory.path()), ["thesis.tex"]);
}

#[test]
fn another_programs_store_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(STORE_FILE);
    rusqlite::Connection::open(path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(matches!(OutputState::inspect(directory.path()), Err(Error::Corrupt { .. })));
    let error = clear(directory.path()).unwrap_err().to_string();
    assert!(error.contains("another program"), "{error}");
    assert_eq!(tree(directory.path()), [STORE_FILE]);
}

#[test]
fn complete_is_what_has_nothing_left_to_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = made(directory.path());
    let unfinished = || match OutputState::inspect(directory.path()).unwrap() {
        OutputState::Unfinished(contents) => contents,
        other => panic!("{other:?}"),
    };
    assert!(unfinished().partitions.is_empty());
    let states = [PartitionState::Running, PartitionState::Incomplete, PartitionState::Failed];
    for state in states {
        store.put_partition(&row("KAFKA", state)).unwrap();
        assert_eq!(unfinished().partitions, [(row("KAFKA", state), 0)]);
    }
    store.put_partition(&row("KAFKA", PartitionState::Limited)).unwrap();
    store.put_partition(&row("SPARK", PartitionState::Complete)).unwrap();
    let record = NewRecord {
        primary_key: "1".to_owned(),
        sort_key: String::new(),
        version: String::new(),
        body: Body::pack(b"{}").unwrap(),
        original: None,
        pending: vec!["comments".to_owned()],
    };
    let page = PageCommit {
        stream: "issues".to_owned(),
        partition: "KAFKA".to_owned(),
        seq: 1,
        records: vec![record],
        rejects: Vec::new(),
        cursor: None,
    };
    assert_eq!(store.commit_page(&page).unwrap(), Committed { added: 1, replaced: 0, pending: 1 });
    let lists = || {
        let lists = unfinished().lists;
        lists.into_iter().map(|l| (l.partition, l.pending, l.failed)).collect::<Vec<_>>()
    };
    assert_eq!(lists(), [("KAFKA".to_owned(), 1, 0)]);
    let key = store.pending_children("issues", None, 1).unwrap().remove(0).key;
    store.fail_child(&key, 1, "gone").unwrap();
    assert_eq!(lists(), [("KAFKA".to_owned(), 0, 1)]);
    let mut whole = page.clone();
    whole.records[0].pending.clear();
    whole.seq = 2;
    store.commit_page(&whole).unwrap();
    store.begin_outputs("b", &["training_data.jsonl".to_owned()]).unwrap();
    match OutputState::inspect(directory.path()).unwrap() {
        OutputState::Complete(contents) => {
            let counts: Vec<u64> = contents.partitions.iter().map(|(_, count)| *count).collect();
            assert_eq!(counts, [1, 0]);
            assert_eq!(contents.outputs, [("training_data.jsonl".to_owned(), false)]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_that_was_cut_while_it_was_made_is_unfinished_and_can_be_cleared() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(STORE_FILE);
    let unfinished =
        || matches!(OutputState::inspect(directory.path()), Ok(OutputState::Unfinished(_)));
    write(directory.path(), STORE_FILE);
    fs::write(&path, "").unwrap();
    assert!(unfinished());
    fs::remove_file(&path).unwrap();
    let cut = rusqlite::Connection::open(&path).unwrap();
    cut.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    drop(cut);
    assert!(unfinished());
    assert_eq!(clear(directory.path()).unwrap().removed, 1);
    assert!(tree(directory.path()).is_empty());
}

#[test]
fn a_store_whose_first_write_is_taken_back_is_unfinished() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join(STORE_FILE);
    // Written whole, but its journal, of when there was nothing, not yet removed.
    let connection = rusqlite::Connection::open(&store).unwrap();
    connection.pragma_update(None, "journal_mode", "persist").unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    let journal = folder.path().join("store.db-journal");
    let mut begun = fs::read(&journal).unwrap();
    // What SQLite writes first when the journal counts.
    begun[..8].copy_from_slice(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7");
    connection.execute_batch("COMMIT").unwrap();
    drop(connection);
    fs::write(&journal, begun).unwrap();
    let state = OutputState::inspect(folder.path()).unwrap();
    assert!(matches!(state, OutputState::Unfinished(_)), "{state:?}");
    assert_eq!(fs::read(&store).unwrap(), b"", "SQLite took nothing back");
}

#[test]
fn clearing_removes_what_the_store_lists_and_nothing_else() {
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("output");
    let mut store = made(&directory);
    let listed = ["training_data.jsonl", "tasks/qa.jsonl", "deep/er/a", "never-written", "mine/a"];
    for file in ["training_data.jsonl", "tasks/qa.jsonl", "deep/er/a", "mine/a", "mine/b", "notes"]
    {
        write(&directory, file);
    }
    write(outer.path(), "outside");
    let absolute = outer.path().join("outside").display().to_string();
    let mut files: Vec<String> = listed.map(str::to_owned).to_vec();
    files.extend(["../outside".to_owned(), absolute.clone(), "tasks/../notes".to_owned()]);
    store.begin_outputs("b", &files).unwrap();
    drop(store);
    let cleared = clear(&directory).unwrap();
    assert_eq!(cleared.removed, 5);
    let kept = std::collections::BTreeSet::from(["../outside", &absolute, "tasks/../notes"]);
    assert_eq!(cleared.kept.iter().map(String::as_str).collect::<BTreeSet<_>>(), kept);
    assert_eq!(tree(&directory), ["mine", "mine/b", "notes"]);
    assert!(outer.path().join("outside").exists());
}

#[cfg(unix)]
#[test]
fn clearing_does_not_follow_a_link_out_of_the_directory() {
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("output");
    let mut store = made(&directory);
    write(outer.path(), "elsewhere/qa.jsonl");
    std::os::unix::fs::symlink(outer.path().join("elsewhere"), directory.join("tasks")).unwrap();
    store.begin_outputs("b", &["tasks/qa.jsonl".to_owned()]).unwrap();
    drop(store);
    assert_eq!(clear(&directory).unwrap().kept, ["tasks/qa.jsonl"]);
    assert!(outer.path().join("elsewhere/qa.jsonl").exists());
}

#[test]
fn clearing_needs_both_locks() {
    let directory = tempfile::tempdir().unwrap();
    made(directory.path());
    let [collect, build] = locks(directory.path());
    for pair in [[&collect, &collect], [&build, &build]] {
        assert!(OutputState::clear(directory.path(), pair).is_err());
    }
    assert_eq!(tree(directory.path()), [STORE_FILE]);
    assert_eq!(OutputState::clear(directory.path(), [&build, &collect]).unwrap().removed, 1);
}

#[test]
fn a_damaged_store_can_be_cleared() {
    let directory = tempfile::tempdir().unwrap();
    drop(made(directory.path()));
    write(directory.path(), "training_data.jsonl");
    let path = directory.path().join(STORE_FILE);
    let mut content = fs::read(&path).unwrap();
    content[100..].fill(0xAB);
    fs::write(&path, content).unwrap();
    assert!(matches!(OutputState::inspect(directory.path()), Err(Error::Corrupt { .. })));
    assert_eq!(clear(directory.path()).unwrap().removed, 1);
    assert_eq!(tree(directory.path()), ["training_data.jsonl"]);
}
