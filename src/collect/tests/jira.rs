//! What a run brings when nothing goes wrong.

use scrape_standin::Config;

use super::bench::{Bench, JIRA, at, by_offset, limited, part, project};
use crate::collect::CollectOptions;
use crate::http::{ClientOptions, Stop};
use crate::store::{PartitionState, STORE_FILE, StoredRecord};

#[test]
fn everything_is_there_once_at_any_concurrency() {
    for concurrency in [1, 8] {
        let config = Config {
            projects: vec!["TIDE".into(), "REEF".into()],
            issues_per_project: 230,
            inline_comments: 3,
            ..Config::default()
        };
        let bench = Bench::new(config);
        let report = bench.run(at(concurrency)).unwrap();
        assert!(report.is_complete(), "{report:?}");
        for id in ["TIDE", "REEF"] {
            let part = part(&report, id);
            assert_eq!((part.expected, part.got), (Some(230), 230));
            assert_eq!(part.checked.as_deref(), Some("count"));
            bench.assert_whole(id);
        }
        // Nothing is fetched again.
        bench.standin.reset();
        assert!(bench.run(at(concurrency)).unwrap().is_complete());
        assert_eq!(bench.requests().get("search"), None);
    }
}

#[test]
fn the_number_of_requests_is_what_it_has_to_be() {
    // Fifty pages, as many as 5,000 issues have with the shipped spec.
    for (concurrency, most) in [(1, 60), (8, 75)] {
        let config = Config { inline_comments: 100_000, ..project("TIDE", 1000) };
        let bench = Bench::new(config);
        let report = bench.run(at(concurrency)).unwrap();
        assert!(report.is_complete(), "{report:?}");
        let requests = bench.standin.stats().requests;
        assert!(requests <= most, "{requests} at {concurrency}: {:?}", bench.requests());
    }
}

#[test]
fn other_ways_of_paging_bring_the_same() {
    let bench = Bench::with(project("TIDE", 110), &by_offset());
    let report = bench.run(at(4)).unwrap();
    assert!(report.is_complete(), "{report:?}");
    bench.assert_whole("TIDE");
}

#[test]
fn a_server_that_clamps_pages_costs_only_requests() {
    let bench = Bench::new(Config { max_page: 7, ..project("TIDE", 400) });
    let report = bench.run(at(8)).unwrap();
    assert!(report.is_complete(), "{report:?}");
    bench.assert_whole("TIDE");
}

#[test]
fn a_limit_takes_the_first_and_a_higher_one_goes_on() {
    for spec in [super::bench::JIRA.to_owned(), by_offset()] {
        let bench = Bench::with(Config { inline_comments: 2, ..project("TIDE", 250) }, &spec);
        let all = bench.standin.keys("TIDE");
        for limit in [10, 50, 60] {
            let report = bench.run(limited(limit as u64)).unwrap();
            assert!(report.is_complete(), "{report:?}");
            assert_eq!(part(&report, "TIDE").state, PartitionState::Limited);
            assert_eq!(bench.keys("TIDE"), all[..limit]);
            assert!(bench.records("TIDE").iter().all(|r| r.missing.is_empty()));
        }
        // A lower one takes nothing away and asks for nothing.
        bench.standin.reset();
        bench.run(limited(5)).unwrap();
        assert_eq!(bench.requests().get("search"), None);
        let report = bench.run(at(8)).unwrap();
        assert!(report.is_complete(), "{report:?}");
        bench.assert_whole("TIDE");
    }
}

#[test]
fn a_limit_needs_no_more_requests_than_pages() {
    let config = Config { inline_comments: 100_000, ..project("TIDE", 400) };
    let bench = Bench::new(config);
    bench.run(limited(10)).unwrap();
    assert_eq!(bench.requests()["search"], 1);
}

#[test]
fn an_unknown_project_fails_in_the_servers_words_and_the_others_go_on() {
    let mut bench = Bench::new(project("TIDE", 30));
    bench.edit("[\"TIDE\"]", "[NOPE, TIDE]");
    let report = bench.run(at(4)).unwrap();
    let nope = part(&report, "NOPE");
    assert_eq!(nope.state, PartitionState::Failed);
    let reason = nope.reason.as_deref().unwrap();
    assert!(reason.contains("The value 'NOPE' does not exist for the field 'project'"), "{reason}");
    assert_eq!(part(&report, "TIDE").state, PartitionState::Complete);
    assert!(!report.is_complete());
    bench.assert_whole("TIDE");
}

#[test]
fn a_misspelt_selector_is_an_error_that_names_the_nearest() {
    for (from, to, near) in [
        ("$.issues[*]", "$.isues[*]", "`$.issues`"),
        ("after: $.key", "after: $.keys", "`$.key`"),
        ("primary_key: $.id\n    version", "primary_key: $.ids\n    version", "`$.id`"),
        ("total: $.total\n      ranges", "total: $.totals\n      ranges", "`$.total`"),
    ] {
        let mut bench = Bench::new(project("TIDE", 20));
        bench.edit(from, to);
        let report = bench.run(at(1)).unwrap();
        let tide = part(&report, "TIDE");
        assert_eq!((tide.state, tide.got), (PartitionState::Failed, 0), "{to}");
        let reason = tide.reason.as_deref().unwrap();
        assert!(reason.contains(near) && reason.contains("spec.yaml:"), "{reason}");
    }
}

#[test]
fn a_preflight_check_fails_the_run_before_the_first_page() {
    let config = Config { deployment: scrape_standin::Deployment::Cloud, ..project("TIDE", 20) };
    let bench = Bench::new(config);
    let error = bench.run(at(1)).unwrap_err().to_string();
    assert!(error.contains("This is a Cloud site."), "{error}");
    assert_eq!(bench.requests().get("search"), None);
}

#[test]
fn a_run_that_is_stopped_goes_on_where_it_was() {
    let config = Config {
        latency: std::time::Duration::from_millis(20),
        inline_comments: 2,
        ..project("TIDE", 800)
    };
    let bench = Bench::new(config);
    let mut searches = 0;
    for wait in [40, 60, 80, 100] {
        bench.standin.reset();
        let report = bench.run_until(at(3), Stop::default(), move |stop| {
            std::thread::sleep(std::time::Duration::from_millis(wait));
            stop.request();
        });
        let report = report.unwrap();
        assert!(report.interrupted, "{report:?}");
        assert!(!report.is_complete());
        searches += bench.requests().get("search").copied().unwrap_or(0);
    }
    bench.standin.reset();
    let report = bench.run(at(3)).unwrap();
    assert!(report.is_complete(), "{report:?}");
    bench.assert_whole("TIDE");
    // What was committed is not fetched again: pages, probes and two counts, and
    // for each stop what was in flight.
    searches += bench.requests()["search"];
    assert!(searches <= 40 + 3 + 2 + 4 * 3, "{searches}");
}

#[test]
fn what_is_new_comes_with_resume() {
    let bench = Bench::new(project("TIDE", 90));
    assert!(bench.run(at(4)).unwrap().is_complete());
    for _ in 0..3 {
        bench.standin.create("TIDE", Some("new")).unwrap();
    }
    let mut options = at(4);
    options.resume = true;
    bench.standin.reset();
    let report = bench.run(options).unwrap();
    assert_eq!(part(&report, "TIDE").got, 93);
    assert!(report.is_complete());
    bench.assert_whole("TIDE");
    assert_eq!(bench.requests()["search"], 2);
}

#[test]
fn killed_while_it_reopens_a_partition_it_still_asks_for_what_is_new() {
    let bench = Bench::new(project("TIDE", 40));
    assert!(bench.run(at(4)).unwrap().is_complete());
    bench.standin.create("TIDE", Some("new")).unwrap();
    let resume = CollectOptions { resume: true, ..at(4) };
    let db = || rusqlite::Connection::open(bench.dir.path().join(crate::store::STORE_FILE));
    // As if killed before each of the two writes in turn.
    for table in ["partitions", "cursors"] {
        let kill = format!(
            "CREATE TRIGGER kill BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'killed'); END"
        );
        db().unwrap().execute_batch(&kill).unwrap();
        bench.run(resume.clone()).unwrap_err();
        db().unwrap().execute_batch("DROP TRIGGER kill").unwrap();
    }
    let report = bench.run(resume).unwrap();
    assert_eq!(part(&report, "TIDE").got, 41);
    bench.assert_whole("TIDE");
}

#[test]
fn a_recording_replays_with_its_own_ranges() {
    let bench = Bench::new(Config { inline_comments: 2, ..project("TIDE", 450) });
    let recording = bench.dir.path().join("r.har");
    let record = ClientOptions { record: Some(recording.clone()), ..ClientOptions::default() };
    assert!(bench.run_with(at(8), record).unwrap().is_complete());
    let recorded = bench.records("TIDE");
    for (options, expected) in [(at(1), 450), (at(8), 450), (limited(10), 10)] {
        std::fs::remove_file(bench.dir.path().join(crate::store::STORE_FILE)).unwrap();
        bench.standin.reset();
        let replay = ClientOptions {
            replay: Some(recording.clone()),
            offline: true,
            ..ClientOptions::default()
        };
        let report = bench.run_with(CollectOptions { offline: true, ..options }, replay).unwrap();
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(bench.standin.stats().requests, 0);
        let bodies = |records: &[StoredRecord]| -> Vec<_> {
            records
                .iter()
                .map(|r| (r.primary_key.clone(), r.body.unpack().unwrap(), r.children.len()))
                .collect()
        };
        assert_eq!(bodies(&bench.records("TIDE")), bodies(&recorded)[..expected]);
    }
}

#[test]
fn a_list_is_fetched_where_its_condition_cannot_be_told() {
    let condition = "{{ parent.fields.comment.total > (inline | length) }}";
    for (other, requests) in [
        // A slip: better all lists than one that is cut short.
        ("{{ parent.fields.coment.total > 0 }}", Some(30)),
        ("{{ parent | length == 0 or 'id' not in parent }}", None),
        ("{{ inline[0].id == 'none' if inline else false }}", None),
    ] {
        let mut bench = Bench::new(Config { inline_comments: 100_000, ..project("TIDE", 30) });
        bench.edit(condition, other);
        let report = bench.run(at(4)).unwrap();
        assert!(report.is_complete(), "{report:?}");
        let fetched = bench.requests().get("comment").copied();
        assert!(fetched.is_none() == requests.is_none(), "{other}: {fetched:?}");
        assert!(fetched >= requests, "{other}: {fetched:?}");
    }
}

/// How the packs of a store are packed, in the order in which they were written.
fn codings(bench: &Bench) -> Vec<String> {
    let store = rusqlite::Connection::open(bench.dir.path().join(STORE_FILE)).unwrap();
    let mut rows = store.prepare("SELECT coding FROM packs ORDER BY id").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn pages_in_the_order_of_a_build_stay_as_the_server_packed_them() {
    let config = || Config { inline_comments: 100_000, ..project("TIDE", 60) };
    let bench = Bench::new(config());
    assert!(bench.run(at(1)).unwrap().is_complete());
    assert_eq!(codings(&bench), ["gzip"; 3]);
    bench.assert_whole("TIDE");

    // Not where a limit cuts one: what is left out is not kept in secret.
    let bench = Bench::new(config());
    bench.run(limited(30)).unwrap();
    let made = codings(&bench);
    assert_eq!(made[0], "gzip");
    assert!(made.len() > 1 && made[1..].iter().all(|coding| coding == "zstd"), "{made:?}");
    assert_eq!(bench.keys("TIDE"), bench.standin.keys("TIDE")[..30]);

    // Nor where pages are of another order, or came packed in another way.
    let other_key = JIRA.replace("path: $.key, order: natural", "path: $.fields.updated");
    for spec in [by_offset(), other_key] {
        let bench = Bench::with(config(), &spec);
        assert!(bench.run(at(1)).unwrap().is_complete());
        assert!(codings(&bench).iter().all(|coding| coding == "zstd"));
    }
    let bench = Bench::new(Config { encodings: "zstd".parse().unwrap(), ..config() });
    assert!(bench.run(at(1)).unwrap().is_complete());
    assert!(codings(&bench).iter().all(|coding| coding == "zstd"));
    bench.assert_whole("TIDE");
}
