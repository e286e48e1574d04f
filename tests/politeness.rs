//! Politeness, measured at the server: what it counts, not what the client means
//! to do.

mod common;

use std::process::Child;
use std::time::{Duration, Instant};

use common::{Ran, Scrape, start, wait};
use scrape_standin::{Action, Config, Fault, FaultConfig, Standin};

fn config() -> Config {
    Config {
        projects: vec!["TIDE".into(), "REEF".into()],
        issues_per_project: 150,
        inline_comments: 3,
        record_size: 1000,
        ..Config::default()
    }
}

/// The program with the spec of the tests, and limits of its own.
fn with_limits(limits: &str) -> Scrape {
    let scrape = Scrape::new();
    let rate = format!("  concurrency: 4\n  rate_limit: [{limits}]\n");
    let spec = common::JIRA.replace("  concurrency: 4\n", &rate);
    assert_ne!(spec, common::JIRA);
    std::fs::write(scrape.dir().join("spec.yaml"), spec).expect("a spec");
    scrape
}

fn args<'a>(standin: &'a Standin, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args =
        ["run", "spec.yaml", "--base-url", standin.url(), "--projects", "TIDE,REEF", "-o", out];
    [&args[..], more].concat()
}

fn run(scrape: &Scrape, standin: &Standin, out: &str, more: &[&str]) -> Ran {
    scrape.run(&args(standin, out, more))
}

/// Until the server has seen so many requests.
fn after(standin: &Standin, requests: u64) {
    let end = Instant::now() + Duration::from_secs(30);
    while standin.stats().requests < requests {
        assert!(Instant::now() < end, "only {} requests came", standin.stats().requests);
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The most requests in a second, as the server saw them. It notes the time when
/// it has read a request, which on a busy machine is some milliseconds late now
/// and then: what counts as a second is shorter by that.
fn most_in_a_second(standin: &Standin) -> usize {
    let times: Vec<f64> = standin.requests().iter().map(|request| request.at_ms).collect();
    let within =
        |first: &f64| times.iter().filter(|t| **t >= *first && **t < *first + 950.0).count();
    times.iter().map(within).max().unwrap_or(0)
}

fn kill(mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn nothing_is_sent_inside_a_retry_after() {
    let under = |concurrency: usize| {
        let standin = start(Config {
            faults: FaultConfig {
                rates: vec![
                    (Fault::TooMany, 0.02),
                    (Fault::TooManyDate, 0.02),
                    (Fault::Unavailable, 0.02),
                ],
                ..FaultConfig::default()
            },
            latency: Duration::from_millis(3),
            issues_per_project: 60,
            ..config()
        });
        let scrape = with_limits("");
        run(&scrape, &standin, "out", &["-c", &concurrency.to_string()]).expect(0);
        let stats = standin.stats();
        assert!(stats.by_fault.values().sum::<u64>() > 1, "{:?}", stats.by_fault);
        assert_eq!(stats.inside_retry_after, 0, "-c {concurrency}");
        assert!(stats.max_in_flight <= concurrency, "{} at once", stats.max_in_flight);
    };
    std::thread::scope(|scope| {
        for concurrency in [1, 8] {
            scope.spawn(move || under(concurrency));
        }
    });
}

#[test]
fn never_more_in_flight_than_asked_for() {
    for concurrency in [1, 2, 5] {
        let latency = Duration::from_millis(5);
        let standin = start(Config { latency, inline_comments: 0, ..config() });
        let scrape = with_limits("");
        run(&scrape, &standin, "out", &["-c", &concurrency.to_string()]).expect(0);
        assert_eq!(standin.stats().max_in_flight, concurrency);
    }
}

#[test]
fn the_rate_holds_in_every_second_restarts_included() {
    let standin = start(config());
    let scrape = with_limits("{ requests: 30, per: 1s }");
    let mut seen = 0;
    // Killed again and again, so that it forgets whatever it can forget.
    for kills in 1..=3 {
        let more: &[&str] = if kills == 1 { &["-c", "8"] } else { &["-c", "8", "--resume"] };
        let child = scrape.start(&args(&standin, "out", more));
        after(&standin, seen + 8);
        kill(child);
        seen = standin.stats().requests;
    }
    run(&scrape, &standin, "out", &["-c", "8", "--resume"]).expect(0);
    assert!(standin.stats().requests > 60);
    let most = most_in_a_second(&standin);
    assert!((20..=30).contains(&most), "{most} in one second");
}

#[test]
fn two_processes_share_pace_and_budget() {
    let standin = start(config());
    let scrape = with_limits("{ requests: 25, per: 1s }, { requests: 60, per: 24h }");
    let children: Vec<Child> =
        ["one", "two"].iter().map(|out| scrape.start(&args(&standin, out, &["-c", "8"]))).collect();
    for child in children {
        let ran = wait(child).expect(3);
        assert!(ran.stderr.contains("the budget of 60 requests"), "{}", ran.stderr);
    }
    let requests = standin.stats().requests;
    assert_eq!(requests, 60, "the budget is used to its end, and not beyond");
    let most = most_in_a_second(&standin);
    assert!(most <= 25, "{most} in one second");
}

#[test]
fn a_budget_outlives_everything_that_could_forget_it() {
    let standin = start(config());
    let scrape = with_limits("{ requests: 20, per: 24h }");
    let child = scrape.start(&args(&standin, "out", &["-c", "1"]));
    after(&standin, 5);
    kill(child);
    let ran = run(&scrape, &standin, "out", &["--resume"]).expect(3);
    assert!(ran.stderr.contains("the budget of 20 requests"), "{}", ran.stderr);
    // What was reserved when it was killed counts as sent.
    let sent = standin.stats().requests;
    assert!((18..=20).contains(&sent), "{sent}");
    for more in [&["--resume"][..], &["--fresh"], &["--fresh", "-r", "0"]] {
        run(&scrape, &standin, "out", more).expect(3);
    }
    run(&scrape, &standin, "elsewhere", &[]).expect(3);
    let ran = scrape.run(&["verify", "spec.yaml", "-o", "out"]).expect(3);
    assert!(ran.stderr.contains("the budget of 20 requests"), "{}", ran.stderr);
    assert_eq!(standin.stats().requests, sent);
    // Another host has a budget of its own.
    let other = start(config());
    run(&scrape, &other, "other", &[]).expect(3);
    assert_eq!(other.stats().requests, 20);
}

#[test]
fn a_host_that_asks_for_longer_than_we_wait_is_left_alone_by_all() {
    let standin = start(config());
    standin
        .apply(Action::Faults {
            rate: 0.0,
            rates: Vec::new(),
            max_in_a_row: None,
            retry_after: Some(3600),
            hang_ms: None,
            drip_ms: None,
            only: None,
        })
        .expect("set");
    standin.script("*/search*", 3, 1, Fault::TooMany).expect("planned");
    let scrape = with_limits("");
    let ran = run(&scrape, &standin, "out", &[]).expect(3);
    assert!(ran.stderr.contains("asks not to be asked again before"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
    let sent = standin.stats().requests;
    for (out, more) in [("out", &["--resume"][..]), ("out", &["--fresh"]), ("elsewhere", &[])] {
        let ran = run(&scrape, &standin, out, more).expect(3);
        assert!(ran.stderr.contains("asks not to be asked again before"), "{}", ran.stderr);
    }
    assert_eq!(standin.stats().requests, sent, "another process asked");
    assert_eq!(standin.stats().inside_retry_after, 0);
    // Other hosts go on.
    run(&scrape, &start(config()), "other", &[]).expect(0);
}
