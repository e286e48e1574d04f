//! A build beside a collector.

use super::*;

#[test]
fn a_reader_sees_what_was_there_when_it_was_made() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &["comments"])])).unwrap();
    let before = content(&store, &["KAFKA"]);
    let reader = store.reader().unwrap();
    let version = reader.data_version().unwrap();
    store.commit_page(&page(2, vec![record("2", "a", &[]), record("1", "b", &[])])).unwrap();
    store.set_meta("late", "1").unwrap();
    let old = records(&*reader, &["KAFKA"]);
    assert_eq!(keys(&old), ["1"]);
    assert_eq!(text(&old[0].body), "a");
    assert_eq!(old[0].missing, [("comments".to_owned(), None)]);
    assert_eq!(reader.count_records(STREAM, "KAFKA").unwrap(), 1);
    assert_eq!(reader.meta("late").unwrap(), None);
    assert_eq!(reader.data_version().unwrap(), version);
    assert_ne!(content(&store, &["KAFKA"]), before);
    assert!(store.reader().unwrap().data_version().unwrap() > version);
}

#[test]
fn commits_go_on_while_a_build_is_in_the_middle() {
    let (_folder, mut store) = store();
    let new = (0..200).map(|n| record(&format!("{n:03}"), "a", &[])).collect();
    store.commit_page(&page(1, new)).unwrap();
    let reader = store.reader().unwrap();
    let mut seen = 0_i64;
    reader
        .records(STREAM, &["KAFKA".to_owned()], &mut |record| {
            // Each is moved behind all others as soon as it was read.
            seen += 1;
            let mut moved = super::record(&record.primary_key, "b", &[]);
            moved.sort_key = format!("z{seen:03}");
            store.commit_page(&page(1 + seen, vec![moved])).unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, 200);
}

#[test]
fn a_second_process_can_write_as_well() {
    let (folder, mut collector) = store();
    let mut builder = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for seq in 1..=50 {
                let new = record(&seq.to_string(), "a", &[]);
                collector.commit_page(&page(seq, vec![new])).unwrap();
            }
        });
        scope.spawn(|| {
            for build in 0..50 {
                builder.begin_outputs(&build.to_string(), &["a".to_owned()]).unwrap();
                builder.finish_outputs(&build.to_string()).unwrap();
            }
        });
    });
    assert_eq!(builder.count_records(STREAM, "KAFKA").unwrap(), 50);
    assert_eq!(collector.outputs().unwrap(), [("a".to_owned(), true)]);
}

#[test]
fn reading_leaves_no_files_behind() {
    let (folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &[])])).unwrap();
    drop(store);
    let path = folder.path().join("store.db");
    let reader = SqliteReader::open(&path).unwrap();
    assert_eq!(records(&reader, &["KAFKA"]).len(), 1);
    drop(reader);
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["store.db"]);
}
