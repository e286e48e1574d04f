//! Build order, and that it costs no sorting.

use super::*;

/// A record at a place of its own in the order.
fn at(key: &str, sort_key: &str) -> NewRecord {
    NewRecord { sort_key: sort_key.to_owned(), ..record(key, "a", &[]) }
}

#[test]
fn records_come_by_partition_as_given_then_sort_key_then_primary_key() {
    let (_folder, mut store) = store();
    // KAFKA-10 before KAFKA-2 by bytes, after it by the sort key that was given.
    let new = vec![at("a", "KAFKA-\u{2}10"), at("z", "KAFKA-\u{1}2"), at("y", "KAFKA-\u{1}2")];
    store.commit_page(&page(1, new)).unwrap();
    let other =
        PageCommit { partition: "ALOY".to_owned(), ..page(2, vec![at("b", "ALOY-\u{1}1")]) };
    store.commit_page(&other).unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(keys(&records(&*reader, &["KAFKA", "ALOY"])), ["y", "z", "a", "b"]);
    assert_eq!(keys(&records(&*reader, &["ALOY", "none", "KAFKA"])), ["b", "y", "z", "a"]);
    assert_eq!(keys(&records(&*reader, &["KAFKA"])), ["y", "z", "a"]);
}

#[test]
fn lists_stay_with_their_records() {
    let (_folder, mut store) = store();
    let lists: [&[&str]; 5] = [&[], &["b", "a"], &[], &["a"], &["a"]];
    let new = (0..5).map(|n| record(&n.to_string(), "a", lists[n])).collect();
    store.commit_page(&page(1, new)).unwrap();
    for (key, child) in [("1", "a"), ("1", "b"), ("4", "a")] {
        let items = [&*format!("{key}{child}2"), &*format!("{key}{child}1")];
        store.commit_child(&child_page(list(key, child), 1, &items, None)).unwrap();
    }
    let reader = store.reader().unwrap();
    let found: Vec<_> = records(&*reader, &["KAFKA"])
        .iter()
        .map(|record| {
            let lists = record.children.iter().map(|list| {
                let keys = list.items.iter().map(|item| item.primary_key.as_str());
                format!("{}={}", list.name, keys.collect::<Vec<_>>().join(","))
            });
            (lists.collect::<Vec<_>>().join(" "), record.missing.len())
        })
        .collect();
    let expected = [("", 0), ("a=1a2,1a1 b=1b2,1b1", 0), ("", 0), ("", 1), ("a=4a2,4a1", 0)];
    assert_eq!(found, expected.map(|(lists, missing)| (lists.to_owned(), missing)));
}

#[test]
fn a_reader_stops_when_it_is_told_to() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &[]), record("2", "a", &[])])).unwrap();
    let mut seen = 0;
    store
        .reader()
        .unwrap()
        .records(STREAM, &["KAFKA".to_owned(), "KAFKA".to_owned()], &mut |_| {
            seen += 1;
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(seen, 1);
}

#[test]
fn no_statement_of_a_build_sorts_or_scans_a_whole_table() {
    let (_folder, store) = store();
    let records = [reader::RECORDS, reader::RECORDS_WITHOUT_PACKS];
    let others = [reader::LISTS, reader::ITEMS, children::PENDING, keys::COUNT];
    for sql in records.into_iter().chain(others) {
        let mut statement = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut steps = 0;
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            assert!(step.starts_with("SEARCH"), "{step} in {sql}");
            steps += 1;
        }
        assert!(steps > 0, "{sql}");
    }
}

#[test]
fn counts_touch_no_bodies_and_pending_lists_no_fetched_ones() {
    let (_folder, store) = store();
    for (sql, index) in [
        (keys::COUNT, "COVERING INDEX records_in_order"),
        (reader::RECORDS, "INDEX records_in_order"),
        (children::PENDING, "INDEX children_pending"),
    ] {
        let plan: String = store
            .connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap()
            .raw_query()
            .next()
            .unwrap()
            .unwrap()
            .get("detail")
            .unwrap();
        assert!(plan.contains(index), "{plan} for {sql}");
    }
}
