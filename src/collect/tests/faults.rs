//! What a run brings when the server, or its data, misbehaves.

use scrape_standin::{Action, Config, Fault, FaultConfig, MissingKeys};

use super::bench::{Bench, at, by_offset, part, project};
use crate::store::PartitionState;

fn shaky(rate: f64) -> FaultConfig {
    FaultConfig {
        rate,
        hang: std::time::Duration::from_millis(1500),
        retry_after: std::time::Duration::from_secs(1),
        ..FaultConfig::default()
    }
}

#[test]
fn faults_that_pass_cost_nothing() {
    for (concurrency, spec) in [(1, super::bench::JIRA.to_owned()), (8, by_offset())] {
        let config = Config { faults: shaky(0.05), inline_comments: 3, ..project("TIDE", 400) };
        let bench = Bench::with(config, &spec);
        let report = bench.run(at(concurrency)).unwrap();
        assert!(report.is_complete(), "{report:?}");
        bench.assert_whole("TIDE");
        assert!(!bench.standin.stats().by_fault.is_empty());
    }
}

#[test]
fn pages_that_lie_are_found_out() {
    for fault in [Fault::RepeatedPage, Fault::EmptyPage, Fault::MovingTotal] {
        for spec in [super::bench::JIRA.to_owned(), by_offset()] {
            let faults = FaultConfig { rates: vec![(fault, 0.1)], ..FaultConfig::default() };
            let bench = Bench::with(Config { faults, ..project("TIDE", 300) }, &spec);
            let report = bench.run(at(8)).unwrap();
            assert_eq!(part(&report, "TIDE").state, PartitionState::Complete, "{fault} {report:?}");
            bench.assert_whole("TIDE");
        }
    }
}

#[test]
fn a_key_that_vanished_is_stepped_over() {
    // The key that the second page continues from is deleted meanwhile.
    for concurrency in [1, 8] {
        let bench =
            Bench::new(Config { missing_keys: MissingKeys::Reject, ..project("TIDE", 240) });
        let keys = bench.standin.keys("TIDE");
        let gone: Vec<Action> =
            [19, 18, 119].iter().map(|i| Action::Delete { key: keys[*i].clone() }).collect();
        let after = if concurrency == 1 { 1 } else { 3 };
        bench.standin.after(after, gone).unwrap();
        let report = bench.run(at(concurrency)).unwrap();
        assert!(report.is_complete(), "{report:?}");
        let now = bench.standin.keys("TIDE");
        assert_eq!(now.len(), 237);
        let here: Vec<_> = bench.records("TIDE").into_iter().filter(|r| !r.gone).collect();
        assert_eq!(here.len(), now.len());
        let all = bench.keys("TIDE");
        assert!(now.iter().all(|key| all.contains(key)));
    }
}

#[test]
fn an_issue_that_moves_while_we_read_is_there_once() {
    let config = Config {
        projects: vec!["TIDE".into(), "REEF".into()],
        issues_per_project: 120,
        ..Config::default()
    };
    let bench = Bench::new(config);
    let keys = bench.standin.keys("TIDE");
    let moves = [2, 30, 90, 118]
        .iter()
        .map(|i| Action::Move { key: keys[*i].clone(), to: "REEF".into() })
        .collect();
    bench.standin.after(4, moves).unwrap();
    let report = bench.run(at(2)).unwrap();
    assert!(report.is_complete(), "{report:?}");
    let mut ids: Vec<String> = ["TIDE", "REEF"]
        .iter()
        .flat_map(|p| bench.records(p))
        .map(|record| record.primary_key)
        .collect();
    assert_eq!(ids.len(), 240);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 240);
}

#[test]
fn offsets_that_shift_are_mended_by_a_sweep() {
    let bench = Bench::with(project("TIDE", 180), &by_offset());
    let keys = bench.standin.keys("TIDE");
    // Everything behind moves forward by three while the pages are read.
    let gone = [5, 6, 7].iter().map(|i| Action::Delete { key: keys[*i].clone() }).collect();
    bench.standin.after(3, gone).unwrap();
    let report = bench.run(at(1)).unwrap();
    let tide = part(&report, "TIDE");
    assert_eq!(tide.state, PartitionState::Complete, "{tide:?}");
    assert_eq!(tide.checked.as_deref(), Some("sweep"));
    let here: Vec<_> = bench.records("TIDE").into_iter().filter(|r| !r.gone).collect();
    assert_eq!(here.len(), 177);
}

#[test]
fn a_poisoned_record_costs_only_itself() {
    for spec in [super::bench::JIRA.to_owned(), by_offset()] {
        let bench = Bench::with(project("TIDE", 60), &spec);
        let keys = bench.standin.keys("TIDE");
        for key in [&keys[0], &keys[40]] {
            bench.standin.poison(key, Fault::Unreadable).unwrap();
        }
        bench.standin.poison(&keys[7], Fault::BrokenJson).unwrap();
        bench.standin.poison(&keys[8], Fault::LoneSurrogate).unwrap();
        bench.standin.poison(&keys[9], Fault::DeepNesting).unwrap();
        let report = bench.run(at(4)).unwrap();
        let tide = part(&report, "TIDE");
        assert_eq!((tide.state, tide.got), (PartitionState::Incomplete, 57), "{report:?}");
        assert!(tide.reason.as_deref().unwrap().starts_with("2 records"), "{report:?}");
        assert!(!report.is_complete());
        let mut reasons: Vec<_> = bench.rejects().into_iter().map(|r| (r.reason, r.key)).collect();
        reasons.sort();
        assert_eq!(reasons.iter().filter(|r| r.0 == "unreadable_record").count(), 2);
        assert_eq!(reasons[0].0, "malformed_record");
        assert_eq!(reasons.len(), 3);
        let here = bench.keys("TIDE");
        assert!(!here.contains(&keys[0]) && here.contains(&keys[8]) && here.contains(&keys[9]));
        // One is mended, one is deleted: what is left was seen.
        let mended = Action::Poison { key: keys[0].clone(), fault: None };
        bench.standin.apply(mended).unwrap();
        assert_eq!(part(&bench.run(at(4)).unwrap(), "TIDE").got, 58);
        assert_eq!(bench.rejects().len(), 2);
        bench.standin.delete(&keys[40]).unwrap();
        let report = bench.run(at(4)).unwrap();
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(part(&report, "TIDE").got, 58);
    }
}

#[test]
fn a_child_list_that_fails_for_ever_is_kept_out_and_tried_again() {
    let bench = Bench::new(Config { inline_comments: 0, ..project("TIDE", 60) });
    let keys = bench.standin.keys("TIDE");
    let victim =
        keys.iter().find(|key| bench.standin.comments(key).is_some_and(|c| !c.is_empty())).unwrap();
    let id: serde_json::Value =
        serde_json::from_str(&bench.standin.record(victim).unwrap()).unwrap();
    let id = id["id"].as_str().unwrap();
    bench.standin.script(&format!("*issue/{id}/comment*"), 1, 6, Fault::InternalError).unwrap();
    let report = bench.run(at(4)).unwrap();
    assert_eq!(report.failed_children, 1);
    assert!(!report.is_complete());
    let missing: Vec<_> =
        bench.records("TIDE").into_iter().filter(|r| !r.missing.is_empty()).collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].primary_key, id);
    assert!(missing[0].missing[0].1.as_ref().unwrap().contains("500"), "{:?}", missing[0].missing);
    // It goes first the next time.
    let report = bench.run(at(4)).unwrap();
    assert!(report.is_complete(), "{report:?}");
    bench.assert_whole("TIDE");
}

#[test]
fn issues_that_are_updated_while_we_read_come_with_their_new_comments() {
    let bench = Bench::new(Config { inline_comments: 0, ..project("TIDE", 180) });
    let keys = bench.standin.keys("TIDE");
    let touch = |i: usize| Action::Comment { key: keys[i].clone(), body: "late".into() };
    for (after, i) in [(1, 170), (2, 3), (4, 120)] {
        bench.standin.after(after, vec![touch(i)]).unwrap();
    }
    let report = bench.run(at(2)).unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(bench.keys("TIDE"), keys);
    assert!(bench.records("TIDE").iter().all(|r| r.missing.is_empty()));
}
