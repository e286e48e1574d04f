//! What upsert sinks have confirmed.

use scrape_api::RowKey;

use super::*;

fn key(n: u32) -> RowKey {
    RowKey::new(STREAM, n.to_string()).of_task("qa", n)
}

/// A build of these rows, each with a hash; what was news, and what was gone.
fn build(store: &SqliteStore, target: &str, rows: &[(u32, u128)]) -> (Vec<u32>, Vec<RowKey>) {
    let mut sent = store.sent_rows("sink").unwrap();
    sent.begin(target, false).unwrap();
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
    sent.begin("a", false).unwrap();
    assert!(sent.is_news(&key(1), 2).unwrap());
    drop(sent);
    assert_eq!(build(&store, "a", &[(1, 2)]), (vec![1], vec![]));
    // A target that was emptied forgets what it held.
    let mut sent = store.sent_rows("sink").unwrap();
    sent.begin("a", true).unwrap();
    assert!(sent.is_news(&key(7), 7).unwrap() && sent.gone(None).unwrap().is_empty());
    sent.confirm().unwrap();
    assert_eq!(build(&store, "a", &[(1, 2), (7, 7)]), (vec![1], vec![]));
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
    sent.begin("a", false).unwrap();
    assert!(sent.is_news(&key(1), 1).unwrap());
    store.commit_page(&page(1, vec![record("1", "a", &[])])).unwrap();
    assert!(sent.is_news(&key(2), 2).unwrap());
    sent.confirm().unwrap();
    assert_eq!(build(&store, "a", &[(1, 1), (2, 2)]), (vec![], vec![]));
}
