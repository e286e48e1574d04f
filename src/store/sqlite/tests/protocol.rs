//! What a commit does to what is there.

use proptest::prelude::*;

use super::*;

#[test]
fn a_page_is_committed_with_its_cursor_and_its_number() {
    let (_folder, mut store) = store();
    let cursor = Cursor { range: 2, position: serde_json::json!({"after": "KAFKA-7"}), done: true };
    let done = store
        .commit_page(&PageCommit {
            cursor: Some(cursor.clone()),
            ..page(7, vec![record("1", "a", &["comments", "worklog"]), record("2", "a", &[])])
        })
        .unwrap();
    assert_eq!(done, Committed { added: 2, replaced: 0, pending: 2 });
    assert_eq!(store.cursors(STREAM, "KAFKA").unwrap(), [cursor]);
    store.commit_page(&page(5, vec![])).unwrap();
    assert_eq!(store.last_seq().unwrap(), 7);
}

#[test]
fn the_greater_version_wins_whatever_came_last() {
    for (first, second) in [((1, "b"), (2, "a")), ((2, "a"), (1, "b"))] {
        let (_folder, mut store) = store();
        for (seq, version) in [first, second] {
            store.commit_page(&page(seq, vec![record("1", version, &[])])).unwrap();
        }
        let reader = store.reader().unwrap();
        assert_eq!(text(&records(&*reader, &["KAFKA"])[0].body), "b");
    }
}

#[test]
fn at_equal_versions_the_later_request_wins() {
    for order in [[1, 2], [2, 1]] {
        let (_folder, mut store) = store();
        for seq in order {
            let mut new = record("1", "a", &[]);
            new.body = body(&format!("by {seq}"));
            store.commit_page(&page(seq, vec![new])).unwrap();
        }
        let reader = store.reader().unwrap();
        assert_eq!(text(&records(&*reader, &["KAFKA"])[0].body), "by 2");
    }
}

#[test]
fn of_two_in_one_reply_the_last_wins() {
    let (_folder, mut store) = store();
    let [mut first, mut last] = [record("1", "a", &["comments"]), record("1", "a", &[])];
    (first.body, last.body) = (body("first"), body("last"));
    let done = store.commit_page(&page(1, vec![first, last])).unwrap();
    assert_eq!(done, Committed { added: 1, replaced: 1, pending: 1 });
    assert_eq!(content(&store, &["KAFKA"]), "KAFKA 1 last gone=false [] missing=[]\n");
}

#[test]
fn the_winner_brings_partition_and_sort_key() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &["comments"])])).unwrap();
    store.commit_child(&child_page(list("1", "comments"), 1, &["c"], None)).unwrap();
    let mut moved = record("1", "b", &["comments"]);
    moved.sort_key = "elsewhere".to_owned();
    let done = store
        .commit_page(&PageCommit { partition: "SPARK".to_owned(), ..page(2, vec![moved]) })
        .unwrap();
    assert_eq!(done, Committed { added: 0, replaced: 1, pending: 1 });
    assert_eq!(store.count_records(STREAM, "KAFKA").unwrap(), 0);
    let pending = store.pending_children(STREAM, None, 9).unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(
        (&*pending[0].key.partition, &*pending[0].key.sort_key, pending[0].parent_seq),
        ("SPARK", "elsewhere", 2)
    );
    assert_eq!(
        content(&store, &["KAFKA", "SPARK"]),
        "SPARK 1 b gone=false [] missing=[(\"comments\", None)]\n"
    );
}

#[test]
fn a_newer_parent_discards_its_lists_and_pends_them_again() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &["comments"])])).unwrap();
    let mut first = child_page(list("1", "comments"), 1, &["c1", "c2"], None);
    first.rejects = vec![reject("hash:1", Some("comments"))];
    store.commit_child(&first).unwrap();
    assert_eq!(
        content(&store, &["KAFKA"]),
        "KAFKA 1 a gone=false [(\"comments\", [(\"c1\", \"item c1\"), (\"c2\", \"item c2\")])] \
         missing=[]\nrejected hash:1 Some(\"comments\"): This is no JSON.\n"
    );
    store.commit_page(&page(2, vec![record("1", "b", &["comments"])])).unwrap();
    let pending = "KAFKA 1 b gone=false [] missing=[(\"comments\", None)]\n";
    assert_eq!(content(&store, &["KAFKA"]), pending);
    // A page of the old one's list comes too late.
    store.commit_child(&first).unwrap();
    assert_eq!(content(&store, &["KAFKA"]), pending);
    // An older version changes nothing.
    store.commit_child(&child_page(list("1", "comments"), 2, &["c3"], None)).unwrap();
    let fetched = content(&store, &["KAFKA"]);
    store.commit_page(&page(3, vec![record("1", "a", &["comments"])])).unwrap();
    assert_eq!(content(&store, &["KAFKA"]), fetched);
    assert!(fetched.contains("item c3") && !fetched.contains("c1"), "{fetched}");
}

#[test]
fn a_list_that_is_no_longer_needed_goes_with_its_parent() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &["comments"])])).unwrap();
    store.commit_child(&child_page(list("1", "comments"), 1, &["c1"], None)).unwrap();
    store.commit_page(&page(2, vec![record("1", "b", &[])])).unwrap();
    assert_eq!(content(&store, &["KAFKA"]), "KAFKA 1 b gone=false [] missing=[]\n");
    let items = |row: &rusqlite::Row| row.get::<_, i64>(0);
    let left = store.connection.query_row("SELECT count(*) FROM child_items", [], items);
    assert_eq!(left.unwrap(), 0);
}

#[test]
fn a_list_goes_on_where_it_was_cut() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &["comments"])])).unwrap();
    store.commit_child(&child_page(list("1", "comments"), 1, &["z", "y"], Some(2))).unwrap();
    let pending = store.pending_children(STREAM, None, 9).unwrap();
    assert_eq!(pending[0].position, Some(2.into()));
    assert_eq!(text(&pending[0].parent), "a");
    let mut second = child_page(list("1", "comments"), 1, &["y", "a"], None);
    second.first = false;
    store.commit_child(&second).unwrap();
    assert_eq!(
        content(&store, &["KAFKA"]),
        "KAFKA 1 a gone=false [(\"comments\", [(\"z\", \"item z\"), (\"y\", \"item y\"), \
         (\"a\", \"item a\")])] missing=[]\n"
    );
    assert!(store.pending_children(STREAM, None, 9).unwrap().is_empty());
}

#[test]
fn a_list_that_begins_again_forgets_the_first_attempt() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &["comments"])])).unwrap();
    let mut attempt = child_page(list("1", "comments"), 1, &["x"], Some(1));
    attempt.rejects = vec![reject("hash:1", Some("comments"))];
    store.commit_child(&attempt).unwrap();
    store.commit_child(&child_page(list("1", "comments"), 1, &["y"], None)).unwrap();
    let content = content(&store, &["KAFKA"]);
    assert!(content.contains("item y") && !content.contains("item x"), "{content}");
    assert!(!content.contains("rejected"), "{content}");
}

#[test]
fn a_list_that_came_empty_is_fetched() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &["comments"])])).unwrap();
    store.commit_child(&child_page(list("1", "comments"), 1, &[], None)).unwrap();
    assert_eq!(
        content(&store, &["KAFKA"]),
        "KAFKA 1 a gone=false [(\"comments\", [])] missing=[]\n"
    );
}

#[test]
fn a_failed_list_is_named_and_taken_up_again() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "a", &["comments"])])).unwrap();
    // Of a version that was replaced meanwhile it says nothing.
    assert!(!store.fail_child(&list("1", "comments"), 0, "403 of another version").unwrap());
    assert_eq!(store.pending_children(STREAM, None, 9).unwrap().len(), 1);
    store.fail_child(&list("1", "comments"), 1, "403 for ever").unwrap();
    assert!(store.pending_children(STREAM, None, 9).unwrap().is_empty());
    assert_eq!(
        content(&store, &["KAFKA"]),
        "KAFKA 1 a gone=false [] missing=[(\"comments\", Some(\"403 for ever\"))]\n"
    );
    assert_eq!(store.retry_failed_children("other").unwrap(), 0);
    assert_eq!(store.retry_failed_children(STREAM).unwrap(), 1);
    assert_eq!(store.pending_children(STREAM, None, 9).unwrap()[0].key, list("1", "comments"));
    store.commit_child(&child_page(list("1", "comments"), 1, &["c"], None)).unwrap();
    // What is fetched cannot fail any more.
    store.fail_child(&list("1", "comments"), 1, "too late").unwrap();
    assert!(content(&store, &["KAFKA"]).contains("missing=[]"));
}

#[test]
fn pending_lists_come_in_pieces_without_a_gap() {
    let (_folder, mut store) = store();
    for (seq, partition) in [(1, "SPARK"), (2, "KAFKA")] {
        let new = (0..7).map(|n| record(&format!("{seq}-{n}"), "a", &["b", "a"])).collect();
        store
            .commit_page(&PageCommit { partition: partition.to_owned(), ..page(seq, new) })
            .unwrap();
    }
    let mut after = None;
    let mut all = Vec::new();
    loop {
        let piece = store.pending_children(STREAM, after.as_ref(), 3).unwrap();
        let Some(last) = piece.last() else { break };
        after = Some(last.key.clone());
        all.extend(piece.into_iter().map(|pending| pending.key));
    }
    assert_eq!(all.len(), 28);
    let ordered = |key: &ChildKey| {
        (key.partition.clone(), key.sort_key.clone(), key.primary_key.clone(), key.child.clone())
    };
    assert!(all.is_sorted_by_key(ordered), "{all:?}");
    assert_eq!(all[0].partition, "KAFKA");
}

#[test]
fn what_arrives_whole_is_no_longer_rejected() {
    let (_folder, mut store) = store();
    let rejected = |seq, key| PageCommit { rejects: vec![reject(key, None)], ..page(seq, vec![]) };
    store.commit_page(&rejected(1, "1")).unwrap();
    store.commit_page(&rejected(2, "hash:9")).unwrap();
    assert_eq!(rejects(&*store.reader().unwrap()), [reject("1", None), reject("hash:9", None)]);
    store.commit_page(&page(3, vec![record("1", "a", &["comments"])])).unwrap();
    assert_eq!(rejects(&*store.reader().unwrap()), [reject("hash:9", None)]);
    // The reply to an earlier request comes late.
    store.commit_page(&rejected(2, "1")).unwrap();
    assert_eq!(rejects(&*store.reader().unwrap()), [reject("hash:9", None)]);
    // A newer version that is broken has to be told.
    store.commit_page(&rejected(4, "1")).unwrap();
    assert_eq!(rejects(&*store.reader().unwrap()), [reject("1", None), reject("hash:9", None)]);
    // Items have keys of their own, whatever their parent's key is.
    let mut attempt = child_page(list("1", "comments"), 3, &[], Some(1));
    attempt.rejects = vec![reject("hash:9", Some("comments")), reject("c", Some("comments"))];
    store.commit_child(&attempt).unwrap();
    assert_eq!(rejects(&*store.reader().unwrap()).len(), 4);
    let mut second = child_page(list("1", "comments"), 3, &["c"], None);
    second.first = false;
    store.commit_child(&second).unwrap();
    assert_eq!(
        rejects(&*store.reader().unwrap()),
        [reject("1", None), reject("hash:9", None), reject("hash:9", Some("comments"))]
    );
}

#[test]
fn a_record_that_came_whole_in_an_older_version_counts_as_whole() {
    let (_folder, mut store) = store();
    store.commit_page(&page(1, vec![record("1", "b", &[])])).unwrap();
    store.commit_page(&page(3, vec![record("1", "a", &[])])).unwrap();
    let late = PageCommit { rejects: vec![reject("1", None)], ..page(2, vec![]) };
    store.commit_page(&late).unwrap();
    assert!(rejects(&*store.reader().unwrap()).is_empty());
}

#[test]
fn a_gone_record_that_arrives_again_is_there_again() {
    for version in ["a", "b", "c"] {
        let (_folder, mut store) = store();
        store.commit_page(&page(1, vec![record("1", "b", &[]), record("2", "b", &[])])).unwrap();
        store.mark_gone(STREAM, "KAFKA", &["1".to_owned(), "unknown".to_owned()]).unwrap();
        assert_eq!(store.count_records(STREAM, "KAFKA").unwrap(), 1);
        assert!(content(&store, &["KAFKA"]).contains("KAFKA 1 b gone=true"));
        store.commit_page(&page(2, vec![record("1", version, &[])])).unwrap();
        assert_eq!(store.count_records(STREAM, "KAFKA").unwrap(), 2);
        assert!(!content(&store, &["KAFKA"]).contains("gone=true"));
    }
}

#[test]
fn the_lists_of_a_gone_record_are_waited_for_no_more() {
    let (_folder, mut store) = store();
    let lists = |key: &str, version: &str| record(key, version, &["comments"]);
    store.commit_page(&page(2, vec![lists("1", "b"), lists("2", "b")])).unwrap();
    assert!(store.fail_child(&list("2", "comments"), 2, "404").unwrap());
    let unfinished = |store: &SqliteStore| {
        let lists = SqliteReader::open(store.path()).unwrap().unfinished_lists().unwrap();
        lists.into_iter().map(|l| (l.partition, l.pending, l.failed)).collect::<Vec<_>>()
    };
    assert_eq!(unfinished(&store), [("KAFKA".to_owned(), 1, 1)]);
    store.mark_gone(STREAM, "KAFKA", &["1".to_owned(), "2".to_owned()]).unwrap();
    assert_eq!(unfinished(&store), []);
    assert_eq!(store.retry_failed_children(STREAM).unwrap(), 0);
    assert!(store.pending_children(STREAM, None, 9).unwrap().is_empty());
    assert!(!store.fail_child(&list("1", "comments"), 2, "404").unwrap());
    assert_eq!(
        content(&store, &["KAFKA"]),
        "KAFKA 1 b gone=true [] missing=[]\nKAFKA 2 b gone=true [] missing=[]\n"
    );
    // One that is back needs its list again, also where what came is older.
    let back = store.commit_page(&page(3, vec![lists("1", "a")])).unwrap();
    assert_eq!(back.pending, 1);
    assert_eq!(store.pending_children(STREAM, None, 9).unwrap()[0].key, list("1", "comments"));
}

#[test]
fn a_record_that_moved_is_not_gone() {
    let (_folder, mut store) = store();
    let moved =
        PageCommit { partition: "SPARK".to_owned(), ..page(1, vec![record("1", "a", &[])]) };
    store.commit_page(&moved).unwrap();
    store.mark_gone(STREAM, "KAFKA", &["1".to_owned()]).unwrap();
    assert_eq!(content(&store, &["SPARK"]), "SPARK 1 a gone=false [] missing=[]\n");
}

#[test]
fn keys_are_compared_within_their_partition() {
    let (_folder, mut store) = store();
    let new = ["10", "9", "gone", "back"].map(|key| record(key, "a", &[])).to_vec();
    store.commit_page(&page(1, new)).unwrap();
    let elsewhere =
        PageCommit { partition: "SPARK".to_owned(), ..page(2, vec![record("8", "a", &[])]) };
    store.commit_page(&elsewhere).unwrap();
    store.mark_gone(STREAM, "KAFKA", &["gone".to_owned(), "back".to_owned()]).unwrap();
    let listed = ["back", "11", "9", "8", "11"].map(str::to_owned);
    let (unlisted, missing) = store.compare_keys(STREAM, "KAFKA", &listed).unwrap();
    assert_eq!(unlisted, ["10"]);
    assert_eq!(missing, ["11", "8", "back"]);
}

#[test]
fn the_record_before_a_key_is_the_nearest_that_is_not_gone() {
    let (_folder, mut store) = store();
    let new = ["1", "2", "3", "4"].map(|key| record(key, key, &[])).to_vec();
    store.commit_page(&page(1, new)).unwrap();
    store.mark_gone(STREAM, "KAFKA", &["3".to_owned()]).unwrap();
    let before = |key: &str| {
        let found = store.record_before(STREAM, "KAFKA", key).unwrap();
        found.map(|(sort_key, body)| (sort_key, text(&body)))
    };
    assert_eq!(before("sort 4"), Some(("sort 2".to_owned(), "2".to_owned())));
    assert_eq!(before("sort 1"), None);
}

#[test]
fn book_keeping_is_kept_and_does_not_make_outputs_stale() {
    let (_folder, mut store) = store();
    let version = |store: &SqliteStore| store.reader().unwrap().data_version().unwrap();
    let row = PartitionRow {
        stream: STREAM.to_owned(),
        partition: "KAFKA".to_owned(),
        state: crate::store::PartitionState::Limited,
        expected: Some(12),
        checked: Some("count".to_owned()),
        limit: Some(10),
        reason: None,
    };
    let before = version(&store);
    store.put_partition(&row).unwrap();
    assert!(version(&store) > before);
    assert_eq!(store.partitions(STREAM).unwrap(), [row]);
    assert!(store.partitions("other").unwrap().is_empty());

    let before = version(&store);
    let cursor = |range| Cursor { range, position: serde_json::Value::Null, done: false };
    store.put_cursors(STREAM, "KAFKA", &[cursor(1), cursor(0), cursor(2)]).unwrap();
    store.put_cursors(STREAM, "KAFKA", &[cursor(1), cursor(0)]).unwrap();
    assert_eq!(store.cursors(STREAM, "KAFKA").unwrap(), [cursor(0), cursor(1)]);
    store.set_meta("limit", "1").unwrap();
    store.set_meta("limit", "2").unwrap();
    assert_eq!(store.meta("limit").unwrap().as_deref(), Some("2"));
    assert_eq!(store.meta("none").unwrap(), None);
    let file = |name: &str| name.to_owned();
    store.begin_outputs("one", &[file("a"), file("b")]).unwrap();
    store.finish_outputs("one").unwrap();
    store.begin_outputs("two", &[file("b"), file("c")]).unwrap();
    let outputs = [(file("a"), true), (file("b"), false), (file("c"), false)];
    assert_eq!(store.outputs().unwrap(), outputs);
    assert_eq!(version(&store), before);
}

/// One thing that happens to a store.
#[derive(Debug, Clone)]
enum Event {
    Page(PageCommit),
    Child(ChildCommit),
}

impl Event {
    fn apply(&self, store: &mut SqliteStore) {
        match self {
            Self::Page(page) => drop(store.commit_page(page).unwrap()),
            Self::Child(page) => store.commit_child(page).unwrap(),
        }
    }
}

/// The events of one request: a page, and the lists of its records.
fn request() -> impl Strategy<Value = Vec<(u8, bool, bool, u8)>> {
    // Key, version, whether it is broken, whether its list comes (and how).
    prop::collection::vec((0..2_u8, any::<bool>(), prop::bool::weighted(0.3), 0..3_u8), 1..3)
}

/// Requests become chains of events; a chain is in order, chains interleave.
fn chains(requests: Vec<Vec<(u8, bool, bool, u8)>>) -> Vec<Vec<Event>> {
    let chain = |(index, request): (usize, Vec<(u8, bool, bool, u8)>)| {
        let seq = index as i64 + 1;
        let partition = if index % 3 == 0 { "SPARK" } else { "KAFKA" };
        let mut page = PageCommit { partition: partition.to_owned(), ..page(seq, vec![]) };
        let mut children = Vec::new();
        for (key, newer, broken, lists) in request {
            let key = key.to_string();
            if page.records.iter().any(|record| record.primary_key == key) {
                continue;
            }
            if broken {
                page.rejects.push(Reject { message: format!("by {seq}"), ..reject(&key, None) });
                continue;
            }
            let version = if newer { "new" } else { "old" };
            let mut new = record(&key, version, &["comments"][..usize::from(lists.min(1))]);
            new.body = body(&format!("{version} by {seq}"));
            page.records.push(new);
            let list = ChildKey { partition: partition.to_owned(), ..list(&key, "comments") };
            if lists == 2 {
                let item = format!("{key} by {seq}");
                children.push(Event::Child(child_page(list.clone(), seq, &[&item], Some(1))));
                let mut last = child_page(list, seq, &["last"], None);
                last.first = false;
                last.rejects = vec![reject("hash:1", Some("comments"))];
                children.push(Event::Child(last));
            }
        }
        std::iter::once(Event::Page(page)).chain(children).collect()
    };
    requests.into_iter().enumerate().map(chain).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Replies arrive in any order, some twice (a process killed before it knew
    /// that its commit was done), the process starts again in between: the
    /// content is the same.
    #[test]
    fn any_interleaving_gives_the_same_content(
        requests in prop::collection::vec(request(), 1..7),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 80),
    ) {
        let chains = chains(requests);
        let (_folder, mut ordered) = store();
        chains.iter().flatten().for_each(|event| event.apply(&mut ordered));

        let (folder, mut mixed) = store();
        let mut rest: Vec<_> = chains.iter().map(|chain| chain.iter()).collect();
        for (pick, what) in picks {
            rest.retain(|chain| chain.len() > 0);
            if rest.is_empty() {
                break;
            }
            let index = pick.index(rest.len());
            let event = rest[index].next().unwrap();
            event.apply(&mut mixed);
            match what {
                0 => event.apply(&mut mixed),
                1 => {
                    drop(mixed);
                    mixed = SqliteStore::open(&folder.path().join("store.db")).unwrap();
                }
                _ => {}
            }
        }
        rest.into_iter().flatten().for_each(|event| event.apply(&mut mixed));
        let partitions = ["SPARK", "KAFKA"];
        prop_assert_eq!(content(&ordered, &partitions), content(&mixed, &partitions));
        prop_assert_eq!(ordered.last_seq().unwrap(), mixed.last_seq().unwrap());
    }
}
