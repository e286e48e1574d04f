//! Records that lie in packs.

use super::*;

/// Records that came together: a key and a version each.
fn together(records: &[(&str, &str)]) -> Vec<NewRecord> {
    let texts: Vec<&[u8]> = records.iter().map(|(_, version)| version.as_bytes()).collect();
    let bodies = Body::pack_all(&texts).into_iter().map(Result::unwrap);
    let packed = records.iter().zip(bodies);
    packed.map(|((key, version), body)| NewRecord { body, ..record(key, version, &[]) }).collect()
}

fn packs(store: &SqliteStore) -> i64 {
    let count = "SELECT count(*) FROM packs";
    store.connection.query_row(count, [], |row| row.get(0)).unwrap()
}

fn bodies(store: &SqliteStore) -> Vec<String> {
    let reader = store.reader().unwrap();
    records(&*reader, &["KAFKA"]).iter().map(|record| text(&record.body)).collect()
}

#[test]
fn a_pack_is_written_once_and_goes_with_its_last_record() {
    let (_folder, mut store) = store();
    let first = together(&[("1", "one a"), ("2", "two a"), ("3", "three a")]);
    store.commit_page(&page(1, first)).unwrap();
    assert_eq!(packs(&store), 1);
    assert_eq!(bodies(&store), ["one a", "two a", "three a"]);

    // Newer versions of some come in another pack: what is left of the first stays.
    store.commit_page(&page(2, together(&[("1", "one b"), ("3", "three b")]))).unwrap();
    assert_eq!(packs(&store), 2);
    assert_eq!(bodies(&store), ["one b", "two a", "three b"]);
    let before = store.record_before(STREAM, "KAFKA", "sort 3").unwrap();
    assert_eq!(before.map(|(_, body)| text(&body)).as_deref(), Some("two a"));

    // The last of the first pack, alone.
    store.commit_page(&page(3, vec![record("2", "two b", &[])])).unwrap();
    assert_eq!(packs(&store), 1);
    assert_eq!(bodies(&store), ["one b", "two b", "three b"]);
}

#[test]
fn nothing_is_written_of_a_pack_that_is_older_than_what_is_there() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, together(&[("1", "b"), ("2", "b")]))).unwrap();
    store.commit_page(&page(2, together(&[("1", "a"), ("2", "a")]))).unwrap();
    assert_eq!((packs(&store), bodies(&store)), (1, vec!["b".to_owned(); 2]));
    // The same page again, as after a kill.
    store.commit_page(&page(3, together(&[("1", "b"), ("2", "b")]))).unwrap();
    assert_eq!((packs(&store), bodies(&store)), (1, vec!["b".to_owned(); 2]));
}

#[test]
fn parents_of_lists_are_found_in_their_packs() {
    let (_folder, mut store) = store();
    let mut parents = together(&[("1", "one"), ("2", "two")]);
    parents.iter_mut().for_each(|parent| parent.pending = vec!["comments".to_owned()]);
    store.commit_page(&page(1, parents)).unwrap();
    let pending = store.pending_children(STREAM, None, 9).unwrap();
    let parents: Vec<String> = pending.iter().map(|list| text(&list.parent)).collect();
    assert_eq!(parents, ["one", "two"]);
}

#[test]
fn a_pack_that_is_missing_is_damage() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, together(&[("1", "a"), ("2", "a")]))).unwrap();
    store.connection.execute("DELETE FROM packs", []).unwrap();
    let reader = store.reader().unwrap();
    let read = reader.records(STREAM, &["KAFKA".to_owned()], &mut |_| ControlFlow::Continue(()));
    let error = read.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("there is no pack 1"), "{error}");
}
