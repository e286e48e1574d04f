//! Every way in which a server or its data is known to misbehave, each alone and
//! all together, through the command line: what the run brings, what it says, and
//! how it ends.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{Ran, Scrape, assert_same, lines, start};
use scrape_standin::{Action, Auth, Config, Fault, Script, Standin};
use serde_json::{Value, json};

/// How many issues there are; a page has ten of them.
const ISSUES: u32 = 32;

/// The issue that record faults strike: the third of the second page.
const VICTIM: usize = 12;

/// Searches for records, not those for keys or counts.
const PAGES: &str = "*/search*fields=?all*";

fn config() -> Config {
    Config {
        projects: vec!["TIDE".into(), "REEF".into()],
        issues_per_project: ISSUES,
        inline_comments: 3,
        ..Config::default()
    }
}

/// A server, the program, and the spec.
struct Bench {
    standin: Standin,
    scrape: Scrape,
}

impl Bench {
    fn new(edits: &[(&str, &str)]) -> Self {
        let scrape = Scrape::new();
        let mut spec = common::JIRA.to_owned();
        for (from, to) in edits {
            assert!(spec.contains(from), "{from}");
            spec = spec.replace(from, to);
        }
        std::fs::write(scrape.dir().join("spec.yaml"), spec).expect("a spec");
        Self { standin: start(config()), scrape }
    }

    fn run(&self, more: &[&str]) -> Ran {
        let args = ["run", "spec.yaml", "--base-url", self.standin.url(), "-o", "out"];
        self.scrape.run(&[&args[..], more].concat())
    }

    /// All outputs. How completeness was checked is left out: a number that
    /// moves, or a record that was missing, is looked into by a sweep.
    fn outputs(&self) -> BTreeMap<String, Vec<u8>> {
        let mut outputs = self.scrape.outputs("out");
        if let Some(counts) = outputs.get_mut("stats.json") {
            let text = String::from_utf8_lossy(counts)
                .replace(r#""checked":"sweep""#, r#""checked":"count""#);
            *counts = text.into_bytes();
        }
        outputs
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        lines(&self.scrape.dir().join("out").join(file))
    }

    /// The keys of `records.jsonl`.
    fn keys(&self) -> Vec<String> {
        let key = |line: &Value| line["key"].as_str().expect("a key").to_owned();
        self.lines("records.jsonl").iter().map(key).collect()
    }

    fn apply(&self, action: Action) {
        self.standin.apply(action).expect("an action");
    }

    fn script(&self, matching: &str, nth: u64, times: u64, fault: Fault) {
        self.apply(Action::Script(Script { matching: matching.into(), nth, times, fault }));
    }
}

/// The outputs of a run in which nothing went wrong.
fn undisturbed() -> BTreeMap<String, Vec<u8>> {
    let bench = Bench::new(&[]);
    bench.run(&[]).expect(0);
    assert_eq!(bench.keys(), bench.standin.keys("TIDE"));
    bench.outputs()
}

fn faults() -> Action {
    Action::Faults {
        rate: 0.0,
        rates: Vec::new(),
        max_in_a_row: None,
        retry_after: None,
        hang_ms: Some(1500),
        drip_ms: Some(400),
        only: None,
    }
}

/// What a hazard is, where it strikes, and the word by which the run counts it.
struct Passing {
    fault: Fault,
    matching: &'static str,
    nth: u64,
    times: u64,
    /// What the spec says otherwise.
    edit: &'static [(&'static str, &'static str)],
    /// A part of what standard error says with `-v`.
    says: &'static str,
}

fn passing(fault: Fault, says: &'static str) -> Passing {
    Passing { fault, matching: PAGES, nth: 2, times: 3, edit: &[], says }
}

/// Faults that go away: after them the outputs are those of an undisturbed run,
/// byte for byte.
fn that_pass() -> Vec<Passing> {
    use Fault::*;
    let once = |fault, says| Passing { times: 1, ..passing(fault, says) };
    vec![
        passing(Reset, "the connection ended before the response"),
        passing(ResetInHeaders, "the connection ended before the response"),
        passing(ResetInBody, "ended early"),
        passing(Truncated, "ended early"),
        passing(ChunkedCut, "ended early"),
        passing(CloseCut, "ended early"),
        passing(ShortLength, "ended early"),
        once(Hang, "timed out"),
        Passing { edit: &[("read: 600ms", "read: 200ms")], ..once(Drip, "") },
        // Each piece comes in time, the whole does not.
        Passing { edit: &[("read: 600ms", "read: 15ms")], ..once(Drip, "timed out") },
        once(TooMany, "429 Too Many Requests: waiting 1 s, as the server asked"),
        once(TooManyDate, "as the server asked"),
        passing(TooManyZero, "429 Too Many Requests: waiting 0 s"),
        passing(TooManyText, "Your network has used too much of this server's time"),
        passing(InternalError, "500 Internal Server Error"),
        passing(BadGateway, "502 Bad Gateway: 502 Proxy Error"),
        once(Unavailable, "503 Service Unavailable"),
        passing(GatewayTimeout, "504 Gateway Timeout"),
        passing(Html, "a web page titled \"Log in - Stand-in\""),
        passing(EmptyReply, "no body"),
        passing(WrongEncoding, "cannot be decoded"),
        passing(DoubleEncoding, "not JSON"),
        passing(Bom, ""),
        // It takes the server a while to make one.
        Passing {
            edit: &[("read: 600ms", "read: 60s")],
            ..once(Bomb, "longer than 8388608 bytes: asking for half")
        },
        passing(HugeHeaders, "the connection ended before the response"),
        passing(ManyCookies, ""),
        passing(DeepReply, "nested too deep"),
        once(RepeatedPage, ""),
        once(EmptyPage, ""),
        once(LargePage, ""),
        passing(MovingTotal, ""),
        // Everything but pages of records.
        Passing { matching: "*/comment*", nth: 1, ..passing(Truncated, "comments") },
        Passing { matching: "*/comment*", nth: 2, ..once(RepeatedPage, "") },
        Passing { matching: "*/robots.txt*", nth: 1, ..passing(BadGateway, "robots.txt: 502") },
        Passing { matching: "*maxResults=0*", nth: 1, ..passing(Html, "web page") },
    ]
}

#[test]
fn faults_that_pass_leave_no_trace() {
    let clean = undisturbed();
    in_parallel(that_pass(), |row| {
        let bench = Bench::new(row.edit);
        bench.apply(faults());
        bench.script(row.matching, row.nth, row.times, row.fault);
        let name = row.fault;
        let ran = bench.run(&["-v"]);
        assert_eq!(ran.code, Some(0), "{name}\n{}", ran.stderr);
        assert!(ran.stderr.contains(row.says), "{name}: {} is not said:\n{}", row.says, ran.stderr);
        let stats = bench.standin.stats();
        // The server notices late that nobody waits for a reply any more.
        let slow = matches!(name, Fault::Hang | Fault::Drip);
        assert!(slow || stats.by_fault.contains_key(&name), "{name} did not strike");
        assert_same(&clean, &bench.outputs());
    });
}

/// Runs rows side by side, since they wait more than they work. One that fails
/// does not hide the others.
fn in_parallel<T: Send>(rows: Vec<T>, test: impl Fn(T) + Sync) {
    let rows = std::sync::Mutex::new(rows.into_iter());
    let failed = std::thread::scope(|scope| {
        let work = || {
            let mut failed = 0;
            loop {
                let Some(row) = rows.lock().expect("not poisoned").next() else { return failed };
                let test = std::panic::AssertUnwindSafe(|| test(row));
                failed += usize::from(std::panic::catch_unwind(test).is_err());
            }
        };
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|w| w.join().expect("a worker")).sum::<usize>()
    });
    assert_eq!(failed, 0, "rows that failed; see above");
}

#[test]
fn a_server_that_is_away_for_a_while_costs_nothing_but_time() {
    let edit = [(
        "backoff: { initial: 1ms, max: 4ms }",
        "backoff: { initial: 200ms, max: 400ms, jitter: none }",
    )];
    let bench = Bench::new(&edit);
    bench.standin.after(2, vec![Action::Offline { ms: 500 }]).expect("planned");
    let ran = bench.run(&["-v"]).expect(0);
    assert!(ran.stderr.contains("no connection"), "{}", ran.stderr);
    assert_same(&undisturbed(), &bench.outputs());
}

/// A record that is odd, and what becomes of it.
struct Odd {
    fault: Fault,
    /// Why it is rejected, if it is.
    rejected: Option<&'static str>,
    /// Members of its line in `records.jsonl`.
    holds: Value,
}

fn odd_records() -> Vec<Odd> {
    use Fault::*;
    let odd = |fault, holds| Odd { fault, rejected: None, holds };
    vec![
        odd(InvalidUtf8, json!({ "title": "bad \u{fffd}\u{fffd} \u{fffd}( bytes TITLE" })),
        odd(LoneSurrogate, json!({ "title": "lone \u{fffd} high \u{fffd} low TITLE" })),
        odd(RawControl, json!({ "title": "raw \u{1} \u{b} \n control TITLE" })),
        odd(Nul, json!({ "title": "nul \0 \u{1b} \u{8} \u{fffe} TITLE" })),
        odd(HugeField, json!({})),
        odd(WrongTypes, json!({ "title": "12345", "labels": [] })),
        odd(Nulls, json!({ "title": null, "body": "", "labels": [] })),
        odd(DeepNesting, json!({ "title": "TITLE" })),
        odd(DuplicateKeys, json!({ "title": "the second" })),
        odd(
            BigNumbers,
            json!({
                "big": "9007199254740993", "bigger": "123456789012345678901234567890",
                "whole": "4049.0", "title": "TITLE"
            }),
        ),
        odd(OddKeys, json!({ "title": "TITLE" })),
        Odd { rejected: Some("malformed_record"), ..odd(BrokenJson, json!({})) },
        Odd { rejected: Some("unreadable_record"), ..odd(Unreadable, json!({})) },
    ]
}

#[test]
fn an_odd_record_costs_at_most_itself() {
    let clean = Bench::new(&[]);
    clean.run(&[]).expect(0);
    let clean_records = clean.lines("records.jsonl");
    in_parallel(odd_records(), |Odd { fault, rejected, holds }| {
        let bench = Bench::new(&[]);
        let keys = bench.standin.keys("TIDE");
        let victim = &keys[VICTIM];
        bench.standin.poison(victim, fault).expect("poisoned");
        let ran = bench.run(&[]);
        let unread = rejected == Some("unreadable_record");
        let ran = ran.expect(if unread { 3 } else { 0 });
        let rejects = bench.lines("rejected.jsonl");
        match rejected {
            Some(reason) => {
                assert_eq!(rejects.len(), 1, "{fault}");
                assert_eq!(rejects[0]["reason"], reason, "{fault}");
                assert_eq!(rejects[0]["key"], id(&bench, victim), "{fault}");
                assert!(!bench.keys().contains(victim), "{fault}");
            }
            None => assert_eq!(rejects, [] as [Value; 0], "{fault}"),
        }
        // The others are as they are without it, in the same order.
        let others = |bench: &Bench, file: &str| -> Vec<String> {
            let text = String::from_utf8(bench.outputs()[file].clone()).expect("UTF-8");
            // The one that is nested too deep for this reader is the victim.
            let is_its = |line: &str| {
                serde_json::from_str::<Value>(line).map_or(true, |v| v["key"] == victim.as_str())
            };
            text.lines().filter(|line| !is_its(line)).map(Into::into).collect()
        };
        for file in ["records.jsonl", "raw.jsonl"] {
            let (here, there) = (others(&bench, file), others(&clean, file));
            assert_eq!(there.len(), ISSUES as usize - 1);
            assert!(here == there, "{fault}: other lines of {file} differ");
        }
        if rejected.is_none() {
            let line = bench.lines("records.jsonl").swap_remove(VICTIM);
            let title = clean_records[VICTIM]["title"].as_str().expect("a title");
            for (name, wanted) in holds.as_object().expect("members") {
                let wanted = match wanted.as_str() {
                    Some(text) => json!(text.replace("TITLE", title)),
                    None => wanted.clone(),
                };
                assert_eq!(line[name], wanted, "{fault}: {name}");
            }
        }
        if unread {
            // Named with what to do, tried again, and whole when it comes.
            assert!(ran.stderr.contains("--resume tries them again"), "{}", ran.stderr);
            bench.run(&["--resume"]).expect(3);
            bench.apply(Action::ClearFaults);
            bench.run(&["--resume"]).expect(0);
            assert_same(&clean.outputs(), &bench.outputs());
        }
    });
}

#[test]
fn numbers_stay_as_the_server_wrote_them() {
    let bench = Bench::new(&[]);
    let victim = bench.standin.keys("TIDE")[VICTIM].clone();
    bench.standin.poison(&victim, Fault::BigNumbers).expect("poisoned");
    bench.run(&[]).expect(0);
    let raw = String::from_utf8(bench.outputs()["raw.jsonl"].clone()).expect("UTF-8");
    assert!(raw.contains(
        r#""customfield_1":9007199254740993,"customfield_2":123456789012345678901234567890,"customfield_3":4049.0"#
    ));
}

#[test]
fn a_record_above_the_limit_is_rejected_alone() {
    let bench = Bench::new(&[("max_body: 8MiB", "max_body: 1MiB")]);
    let keys = bench.standin.keys("TIDE");
    bench.standin.poison(&keys[VICTIM], Fault::HugeField).expect("poisoned");
    let ran = bench.run(&["-v"]).expect(3);
    assert!(ran.stderr.contains("longer than 1048576 bytes"), "{}", ran.stderr);
    let mut expected = keys.clone();
    expected.remove(VICTIM);
    assert_eq!(bench.keys(), expected);
    assert_eq!(bench.lines("rejected.jsonl")[0]["reason"], "unreadable_record");
}

/// Bodies far above the budget, one request at a time and many: all get through,
/// nothing waits for ever, and no more is in memory than the budget and one body.
#[test]
fn bodies_share_one_budget_whatever_their_size() {
    let outputs: Vec<_> = ["1", "12"]
        .iter()
        .map(|concurrency| {
            let bench = Bench::new(&[("max_body: 8MiB", "max_body: 64MiB\n  body_budget: 1MiB")]);
            for project in ["TIDE", "REEF"] {
                for key in bench.standin.keys(project).iter().step_by(20) {
                    bench.standin.poison(key, Fault::HugeField).expect("poisoned");
                }
            }
            bench.run(&["--projects", "TIDE,REEF", "-c", concurrency]).expect(0);
            let stats = std::fs::read(bench.scrape.dir().join("out/stats.json")).expect("stats");
            let stats: Value = serde_json::from_slice(&stats).expect("JSON");
            let peak = stats["run"]["peak_body_bytes"].as_u64().expect("a number");
            // A page has ten records, one of them with a field of 5 MiB.
            assert!((5 << 20..7 << 20).contains(&peak), "{peak}");
            bench.outputs()
        })
        .collect();
    assert_same(&outputs[0], &outputs[1]);
    assert!(outputs[0]["raw.jsonl"].len() > 4 * (5 << 20), "all are there");
}

/// Records of 5 MiB in a row: however many of them a build could have in work, it takes
/// no more than what its batches share, or the greatest needs.
#[test]
fn the_batches_of_a_build_share_one_budget() {
    let bench = Bench::new(&[]);
    for key in &bench.standin.keys("TIDE")[4..16] {
        bench.standin.poison(key, Fault::HugeField).expect("poisoned");
    }
    bench.run(&[]).expect(0);
    let stats = std::fs::read(bench.scrape.dir().join("out/stats.json")).expect("stats");
    let stats: Value = serde_json::from_slice(&stats).expect("JSON");
    let peak = stats["run"]["peak_batch_bytes"].as_u64().expect("a number");
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    // Each is a batch, for which 16 times its size is reckoned, and goes alone where that
    // is more than there is; all of them together are 960 MiB.
    let most = (32 + 24 * workers).max(81);
    assert!((80 << 20..=most << 20).contains(&peak), "{peak}");
    assert_eq!(bench.keys(), bench.standin.keys("TIDE"));
    assert!(bench.outputs()["raw.jsonl"].len() > 12 * (5 << 20), "all are there");
}

/// Faults that do not go away before the run ends.
#[test]
fn what_fails_for_ever_is_said_and_comes_with_resume() {
    let clean = undisturbed();
    use Fault::*;
    // The fault, what it strikes, the exit code, and what is said.
    let rows = [
        (Login, PAGES, 1, "The server asks for a login"),
        (Unauthorized, PAGES, 1, "The server asks for a login"),
        (Redirect, PAGES, 3, "more than 5 redirects in a row"),
        (InternalError, PAGES, 3, "500 Internal Server Error"),
        (Html, PAGES, 3, "a web page titled"),
        (WrongEncoding, PAGES, 3, "cannot be decoded"),
        (EmptyReply, PAGES, 3, "no body"),
        (Truncated, PAGES, 3, "ended early"),
        (HugeHeaders, PAGES, 3, "the connection ended before the response"),
        (DeepReply, PAGES, 3, "nested too deep"),
        (Reset, "*maxResults=0*", 3, "the closing count failed"),
        (BadGateway, "*/robots.txt*", 1, "without robots.txt it is not known what may be asked"),
        (InternalError, "*/comment*", 3, "child_list_failed"),
    ];
    in_parallel(rows.into(), |(fault, matching, code, says)| {
        let bench = Bench::new(&[]);
        // After the first page where it strikes pages.
        let nth = if matching == PAGES { 2 } else { 1 };
        bench.script(matching, nth, 10_000, fault);
        let ran = bench.run(&[]);
        assert_eq!(ran.code, Some(code), "{fault}\n{}", ran.stderr);
        let said = format!("{}{}", ran.stderr, rejected(&bench));
        assert!(said.contains(says), "{fault}: {says} is not said:\n{said}");
        if matching == "*/comment*" {
            // Kept out, each named.
            let named = bench.lines("rejected.jsonl").len();
            assert!(named > 0 && bench.keys().len() + named == ISSUES as usize, "{said}");
        }
        bench.apply(Action::ClearFaults);
        bench.run(&["--resume"]).expect(0);
        assert_same(&clean, &bench.outputs());
    });
}

fn rejected(bench: &Bench) -> String {
    std::fs::read_to_string(bench.scrape.dir().join("out/rejected.jsonl")).unwrap_or_default()
}

#[test]
fn a_server_that_wants_a_captcha_is_asked_once() {
    let auth = Auth::Basic { user: "somebody".into(), password: "right".into() };
    let standin = start(Config { auth, captcha_after: Some(0), ..config() });
    let auth = "http:\n  auth: { type: basic, username: somebody, password: wrong }\n";
    let bench = Bench { standin, ..Bench::new(&[("http:\n", auth)]) };
    let ran = bench.run(&[]).expect(1);
    assert!(ran.stderr.contains("The server wants a CAPTCHA"), "{}", ran.stderr);
    // More wrong logins would lock the account.
    assert_eq!(bench.standin.stats().requests - bench.standin.stats().by_route["robots"], 1);
}

/// `hazards.md` names a test for each hazard; here that they are there.
#[test]
fn each_hazard_has_its_test() {
    let text = include_str!("hazards.md");
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let mut named = 0;
    for row in rows.filter(|row| !row.starts_with("| hazard |")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [_, _, tests] = cells[..] else { panic!("three cells are expected: {row}") };
        let mut source = String::new();
        for part in tests.split([' ', ',']).filter(|part| !part.is_empty() && *part != "|") {
            match part.strip_prefix('`').and_then(|name| name.strip_suffix('`')) {
                None => {
                    source = std::fs::read_to_string(common::project().join(part))
                        .unwrap_or_else(|e| panic!("{part}: {e}"));
                }
                Some(name) => {
                    assert!(source.contains(&format!("fn {name}(")), "{name} is not there: {row}");
                    named += 1;
                }
            }
        }
    }
    assert!(named > 60, "{named}");
}

#[test]
fn an_issue_that_is_gone_or_elsewhere_meanwhile_is_in_the_output_at_most_once() {
    for both in [["TIDE", "REEF"], ["REEF", "TIDE"]] {
        let bench = Bench::new(&[]);
        let keys = bench.standin.keys("TIDE");
        let ids: BTreeMap<String, String> =
            keys.iter().map(|k| (k.clone(), id(&bench, k))).collect();
        let (moved, deleted) = ([3, 15, 31], [9, 22]);
        let mut then: Vec<Action> = moved
            .iter()
            .map(|i| Action::Move { key: keys[*i].clone(), to: "REEF".into() })
            .collect();
        then.extend(deleted.iter().map(|i| Action::Delete { key: keys[*i].clone() }));
        bench.standin.after(3, then).expect("planned");
        bench.run(&["--projects", &both.join(",")]).expect(0);
        let mut here: Vec<String> = bench
            .lines("raw.jsonl")
            .iter()
            .map(|line| line["id"].as_str().expect("an id").to_owned())
            .collect();
        here.sort();
        let count = here.len();
        here.dedup();
        assert_eq!(here.len(), count, "an issue is there twice");
        for (i, key) in keys.iter().enumerate() {
            let here = here.contains(&ids[key]);
            assert!(here || deleted.contains(&i), "{key} is lost");
        }
        assert!(count >= 2 * ISSUES as usize - deleted.len());
    }
}

fn id(bench: &Bench, key: &str) -> String {
    let record = bench.standin.record(key).expect("a record");
    let record: Value = serde_json::from_str(&record).expect("JSON");
    record["id"].as_str().expect("an id").to_owned()
}

#[test]
fn one_request_in_ten_fails_in_any_way_and_nothing_is_lost() {
    let config = |faults| Config { issues_per_project: 250, record_size: 2000, faults, ..config() };
    let run = |faults, concurrency| {
        let standin = start(config(faults));
        let bench = Bench { standin, ..Bench::new(&[]) };
        bench.run(&["--projects", "TIDE,REEF", "-c", concurrency]).expect(0);
        (bench.outputs(), bench.standin.stats())
    };
    let (clean, _) = run(Default::default(), "8");
    for (rate_of_mix, concurrency) in [(0.0601, "1"), (0.06, "8")] {
        use Fault::*;
        let apart = [
            CloseCut,
            ShortLength,
            WrongEncoding,
            DoubleEncoding,
            Bom,
            HugeHeaders,
            EmptyReply,
            RepeatedPage,
            EmptyPage,
            MovingTotal,
        ];
        let faults = scrape_standin::FaultConfig {
            rate: rate_of_mix,
            rates: apart.map(|fault| (fault, 0.004)).to_vec(),
            // Said, but no wait: how long is waited is for another test.
            retry_after: Duration::ZERO,
            hang: Duration::from_millis(900),
            ..Default::default()
        };
        let (outputs, stats) = run(faults, concurrency);
        assert_same(&clean, &outputs);
        let struck: u64 = stats.by_fault.values().sum();
        assert!(stats.by_fault.len() > 8 && struck > 20, "{:?}", stats.by_fault);
    }
}
