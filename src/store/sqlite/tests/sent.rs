//! What upsert sinks have confirmed.

use scrape_api::RowKey;

use super::*;

fn key(n: u32) -> RowKey {
    RowKey::new(STREAM, n.to_string()).of_task("qa", n)
}

/// A build of these rows, each with a hash; what was news, and what was gone.
fn build(store: &SqliteStore, target: &str, rows: &[(u32, u128)]) -> (Vec<u32>, Vec<RowKey>) {
    let mut sent = store.sent_rows("sink").unwrap();
    sent.begin(target, "").unwrap();
    let news = |(n, hash): &&(u32, u128)| sent.is_news(&key(*n), *hash).unwrap();
    let news = rows.iter().filter(news).map(|(n, _)| *n).collect();
    let mut gone: Vec<RowKey> = Vec::new();
    loop {
        let more = sent.gone(gone.last()).unwrap();
        if more.is_empty() {
            break;
        }
        gone.extend(more);
    }
    sent.confirm().unwrap();
    (news, gone)
}

#[test]
fn only_what_changed_is_news_and_what_is_not_built_is_gone() {
    let (_folder, store) = store();
    assert_eq!(build(&store, "a", &[(1, 1), (2, 2), (3, 3)]), (vec![1, 2, 3], vec![]));
    assert_eq!(build(&store, "a", &[(1, 1), (2, 2), (3, 3)]), (vec![], vec![]));
    assert_eq!(build(&store, "a", &[(2, 9), (3, 3), (4, 4)]), (vec![2, 4], vec![key(1)]));
    assert_eq!(build(&store, "a", &[(1, 1)]), (vec![1], vec![key(2), key(3), key(4)]));
    // Another target knows nothing of it, and the first is remembered.
    assert_eq!(build(&store, "b", &[(1, 1)]), (vec![1], vec![]));
    assert_eq!(build(&store, "a", &[(1, 1)]), (vec![], vec![]));
}

#[test]
fn what_was_not_confirmed_is_news_again() {
    let (_folder, store) = store();
    build(&store, "a", &[(1, 1)]);
    let mut sent = store.sent_rows("sink").unwrap();
    sent.begin("a", "").unwrap();
    assert!(sent.is_news(&key(1), 2).unwrap());
    drop(sent);
    assert_eq!(build(&store, "a", &[(1, 2)]), (vec![1], vec![]));
}

#[test]
fn rows_in_doubt_are_news_and_gone_when_they_are_not_built() {
    let (_folder, store) = store();
    build(&store, "a", &[(1, 1), (2, 2), (3, 3)]);
    // A build that was cut: it has put 1 anew and 4, and removed 2, or perhaps not.
    let mut sent = store.sent_rows("sink").unwrap();
    sent.begin("a", "").unwrap();
    sent.doubt(&[key(1), key(4)]).unwrap();
    sent.doubt(&[key(2)]).unwrap();
    drop(sent);
    // Back to what it was before.
    let as_before = [(1, 1), (2, 2), (3, 3)];
    assert_eq!(build(&store, "a", &as_before), (vec![1, 2], vec![key(4)]));
    assert_eq!(build(&store, "a", &as_before), (vec![], vec![]));
}

#[test]
fn a_target_that_was_emptied_is_in_doubt_whatever_it_says_it_is() {
    let (_folder, store) = store();
    let begin = |id: &str| {
        let mut sent = store.sent_rows("sink").unwrap();
        sent.begin("a", id).unwrap();
        sent
    };
    for id in ["", "x"] {
        let mut sent = begin(id);
        assert!(sent.is_news(&key(1), 1).unwrap());
        sent.confirm().unwrap();
    }
    build(&store, "ab", &[(1, 1)]);
    store.sent_rows("sink").unwrap().doubt_all("a").unwrap();
    for id in ["", "x"] {
        assert!(begin(id).is_news(&key(1), 1).unwrap(), "{id:?}");
        assert_eq!(begin(id).gone(None).unwrap(), [key(1)]);
    }
    // Another target whose options begin alike.
    assert_eq!(build(&store, "ab", &[(1, 1)]), (vec![], vec![]));
}

#[test]
fn many_rows_that_are_gone_come_in_portions() {
    let (_folder, store) = store();
    let rows: Vec<(u32, u128)> = (0..2500).map(|n| (n, u128::from(n))).collect();
    assert_eq!(build(&store, "a", &rows).0.len(), 2500);
    let (news, gone) = build(&store, "a", &rows[2400..]);
    assert!(news.is_empty());
    let mut keys: Vec<String> = gone.iter().map(|k| format!("{k:?}")).collect();
    keys.sort();
    keys.dedup();
    assert_eq!((gone.len(), keys.len()), (2400, 2400));
}

/// A run that collects writes to the store while a build reads it.
#[test]
fn a_commit_in_between_does_not_hinder_the_books() {
    let (_folder, mut store) = store();
    let mut sent = store.sent_rows("sink").unwrap();
    sent.begin("a", "").unwrap();
    assert!(sent.is_news(&key(1), 1).unwrap());
    store.commit_page(&page(1, vec![record("1", "a", &[])])).unwrap();
    assert!(sent.is_news(&key(2), 2).unwrap());
    sent.confirm().unwrap();
    assert_eq!(build(&store, "a", &[(1, 1), (2, 2)]), (vec![], vec![]));
}
