//! Files that are missing, damaged, newer, in the way or full.

use std::fs;
use std::process::Command;

use super::*;
use crate::store::PartitionState;

/// What SQLite's own header says: the format version is at 60.
const VERSION_AT: usize = 60;

fn closed(records: usize) -> (tempfile::TempDir, PathBuf) {
    let (folder, mut store) = store();
    let new = (0..records)
        .map(|n| NewRecord {
            // Nothing that zstd could make small.
            body: Body::from_packed(
                (0..5000).map(|i: usize| ((i * i * (n + 7)) >> 3) as u8).collect::<Vec<_>>(),
                None,
            ),
            ..record(&n.to_string(), "a", &[])
        })
        .collect();
    store.commit_page(&page(1, new)).unwrap();
    let path = store.path().to_owned();
    drop(store);
    (folder, path)
}

fn patch(path: &Path, at: usize, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    content[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(path, content).unwrap();
}

#[test]
fn what_is_there_is_not_made_again() {
    let (_folder, path) = closed(3);
    let error = SqliteStore::create(&path).unwrap_err().to_string();
    assert!(error.contains("--resume") && error.contains("--fresh"), "{error}");
    assert_eq!(SqliteStore::open(&path).unwrap().count_records(STREAM, "KAFKA").unwrap(), 3);
}

#[test]
fn what_is_not_there_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/store.db");
    assert!(matches!(SqliteStore::open(&path), Err(Error::Unusable { .. })));
    assert!(matches!(SqliteReader::open(&path), Err(Error::Unusable { .. })));
    assert!(!path.exists());
    SqliteStore::create(&path).unwrap();
    assert!(path.exists());
}

#[test]
fn a_store_that_was_cut_while_it_was_made_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    // Killed before the first byte, and between the mark and the tables.
    fs::write(&path, "").unwrap();
    SqliteStore::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let made = Connection::open(&path).unwrap();
    made.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    drop(made);
    assert!(matches!(SqliteReader::open(&path), Err(Error::Unusable { .. })));
    let mut store = SqliteStore::open(&path).unwrap();
    store.commit_page(&page(1, vec![record("1", "a", &[])])).unwrap();
    assert_eq!(store.count_records(STREAM, "KAFKA").unwrap(), 1);
}

#[test]
fn a_newer_store_is_left_alone() {
    let (_folder, path) = closed(1);
    patch(&path, VERSION_AT, &99_u32.to_be_bytes());
    let before = fs::read(&path).unwrap();
    for error in [SqliteStore::open(&path).unwrap_err(), SqliteReader::open(&path).unwrap_err()] {
        assert!(matches!(error, Error::Newer { found: 99, known: 4, .. }), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_older_store_is_brought_to_the_newest_format_step_by_step() {
    let (_folder, path) = closed(2);
    let mut connection = Connection::open(&path).unwrap();
    let newer = ["ALTER TABLE meta ADD COLUMN since TEXT", "UPDATE meta SET since = 'then'"];
    let steps = [schema::STEPS, &newer].concat();
    assert_eq!(schema::format(&connection, &steps).unwrap(), Format::Older(4));
    schema::migrate(&mut connection, &steps).unwrap();
    assert_eq!(schema::format(&connection, &steps).unwrap(), Format::Current);
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM records"), 2);
    assert!(count("SELECT count(*) FROM meta WHERE since = 'then'") > 0);
    // A step that fails leaves the version before it.
    let broken = [&steps[..], &["CREATE TABLE a (b); SELECT nonsense"]].concat();
    assert!(schema::migrate(&mut connection, &broken).is_err());
    assert_eq!(schema::format(&connection, &steps).unwrap(), Format::Current);
    connection.query_row("SELECT count(*) FROM a", [], |_| Ok(())).unwrap_err();
}

/// A store of each earlier format with something in every table of the first: it is
/// read as it is, and brought up to date when it is written.
#[test]
fn a_store_of_any_earlier_format_keeps_what_it_holds() {
    for version in 1..schema::STEPS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        schema::migrate(&mut connection, &schema::STEPS[..version]).unwrap();
        let packed = |text| body(text).frame().to_vec();
        let insert = |sql: &str, packed: &[u8]| connection.execute(sql, [packed]).unwrap();
        connection.execute_batch(FORMAT_1).unwrap();
        insert(
            &format!("{RECORDS} (1, 'issues', '1', 'KAFKA', 'a', 'v', 3, 3, 0, ?1)"),
            &packed("one"),
        );
        insert(
            &format!("{RECORDS} (2, 'issues', '2', 'KAFKA', 'b', 'v', 4, 4, 0, ?1)"),
            &packed("two"),
        );
        insert("INSERT INTO child_items VALUES (1, 1, 'comments', 'c', ?1)", &packed("item c"));
        drop(connection);
        let before = fs::read(&path).unwrap();
        let held = "KAFKA 1 one gone=false [(\"comments\", [(\"c\", \"item c\")])] missing=[]\n\
                    KAFKA 2 two gone=false [] missing=[(\"comments\", None)]\n\
                    rejected hash:1 None: This is no JSON.\n";
        let reader = SqliteReader::open(&path).unwrap();
        assert_eq!(reader.meta("a").unwrap().as_deref(), Some("b"), "format {version}");
        assert_eq!(records(&reader, &["KAFKA"]).len(), 2);
        drop(reader);
        assert_eq!(fs::read(&path).unwrap(), before, "format {version}: reading changed it");

        let mut store = SqliteStore::open(&path).unwrap();
        assert_eq!(content(&store, &["KAFKA"]), held, "format {version}");
        assert_eq!(store.last_seq().unwrap(), 4);
        assert_eq!(store.cursors(STREAM, "KAFKA").unwrap()[0].position["after"], "KAFKA-2");
        assert_eq!(store.partitions(STREAM).unwrap()[0].state, PartitionState::Running);
        assert_eq!(store.outputs().unwrap(), [("a.jsonl".to_owned(), true)]);
        assert_eq!(store.pending_children(STREAM, None, 9).unwrap().len(), 1);
        // And it goes on.
        store.sent_rows("sink").unwrap().begin("target", "").unwrap();
        store.commit_page(&page(5, vec![record("3", "three", &[])])).unwrap();
        assert_eq!(store.count_records(STREAM, "KAFKA").unwrap(), 3);
    }
}

/// The columns of the first format.
const RECORDS: &str = "INSERT INTO records \
     (id, stream, primary_key, partition, sort_key, version, seq, seen, gone, body) VALUES";

/// A row in each table of the first format that needs no packed body.
const FORMAT_1: &str = r#"
INSERT INTO meta VALUES ('a', 'b'), ('last_seq', '4');
INSERT INTO partitions VALUES ('issues', 'KAFKA', 'running', NULL, NULL, NULL, NULL);
INSERT INTO cursors VALUES ('issues', 'KAFKA', 0, '{"after":"KAFKA-2"}', 0);
INSERT INTO children VALUES ('issues', 'KAFKA', 'a', '1', 'comments', 'fetched', NULL, NULL),
  ('issues', 'KAFKA', 'b', '2', 'comments', 'pending', NULL, NULL);
INSERT INTO rejects VALUES (1, 'issues', '', '', 'hash:1', 'KAFKA', 3, 'collect', 'malformed',
  'This is no JSON.', NULL, NULL);
INSERT INTO outputs VALUES ('a.jsonl', '1', 1);
"#;

#[test]
fn another_programs_file_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(Error::Corrupt { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::write(&path, "Dear diary, ".repeat(200)).unwrap();
    for error in [SqliteStore::open(&path).unwrap_err(), SqliteReader::open(&path).unwrap_err()] {
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("store.db"), "{error}");
    }
}

#[test]
fn damage_is_told_as_damage() {
    let (_folder, path) = closed(200);
    let whole = fs::read(&path).unwrap();
    // Cut in the middle, as by a copy that was broken off.
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let read = |path: &Path| {
        let reader = SqliteReader::open(path)?;
        let mut seen = 0;
        reader.records(STREAM, &["KAFKA".to_owned()], &mut |_| {
            seen += 1;
            ControlFlow::Continue(())
        })?;
        Ok(seen)
    };
    let error = read(&path).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    // Pages of something else in the middle.
    fs::write(&path, &whole).unwrap();
    patch(&path, PAGE_SIZE as usize, &vec![0xAB; whole.len() - PAGE_SIZE as usize]);
    let error = read(&path).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    fs::write(&path, &whole).unwrap();
    assert_eq!(read(&path).unwrap(), 200);
}

#[test]
fn a_store_that_is_removed_while_it_is_in_use_is_noticed() {
    let (folder, mut store) = store();
    fs::remove_dir_all(folder.path()).unwrap();
    let error = store.commit_page(&page(1, vec![])).unwrap_err().to_string();
    assert!(error.contains("removed"), "{error}");
}

#[test]
fn the_tables_explain_themselves() {
    let (_folder, store) = store();
    let mut statement = store
        .connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
        .unwrap();
    let tables: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(tables.len(), 11);
    for (name, sql) in tables {
        let first = sql.lines().nth(1).unwrap();
        assert!(first.trim_start().starts_with("-- "), "{name}: {first}");
        // A body may be packed in two ways.
        assert!(name != "packs" || sql.contains("/* of body: zstd, or gzip"), "{sql}");
    }
}

#[test]
fn a_disk_that_is_full_is_told_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        eprintln!("skipped: no small disk can be mounted here");
        return;
    };
    let path = disk.0.join("store.db");
    let mut store = SqliteStore::create(&path).unwrap();
    let big = |n: i64| {
        let noise = (0..50_000_u64).map(|i| (i.wrapping_mul(i + n as u64) >> 5) as u8);
        let cursor = Cursor { range: 0, position: n.into(), done: false };
        let new = NewRecord {
            body: Body::from_packed(noise.collect::<Vec<_>>(), None),
            ..record(&n.to_string(), "a", &[])
        };
        PageCommit { cursor: Some(cursor), ..page(n, vec![new]) }
    };
    let mut committed = 0;
    let error = loop {
        match store.commit_page(&big(committed + 1)) {
            Ok(_) => committed += 1,
            Err(error) => break error,
        }
        assert!(committed < 1000, "the disk never fills");
    };
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert!(committed > 0);
    // What was reported as committed is there, now and after a kill.
    let check = |store: &SqliteStore| {
        assert_eq!(store.count_records(STREAM, "KAFKA").unwrap(), committed as u64);
        assert_eq!(store.cursors(STREAM, "KAFKA").unwrap()[0].position, committed);
    };
    check(&store);
    drop(store);
    disk.resize("64m");
    let mut store = SqliteStore::open(&path).unwrap();
    check(&store);
    store.commit_page(&big(committed + 1)).unwrap();
    assert_eq!(store.count_records(STREAM, "KAFKA").unwrap(), committed as u64 + 1);
}

/// A file system of 2 MB, for those who may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(at);
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then(|| Self(at.to_owned()))
    }

    fn resize(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0);
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_to_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = closed(3);
    let mode = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    if fs::write(folder.path().join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        mode(0o755);
        return;
    }
    let error = SqliteStore::create(&folder.path().join("new.db")).unwrap_err().to_string();
    assert!(error.contains("--output-dir"), "{error}");
    assert_eq!(records(&SqliteReader::open(&path).unwrap(), &["KAFKA"]).len(), 3);
    mode(0o755);
}
