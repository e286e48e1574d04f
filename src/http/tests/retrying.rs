use scrape_api::FetchErrorKind as Kind;

use super::*;
use crate::plan::{Action, Condition, Pause, Wait};
use crate::spec::lang::StatusPattern;

fn header_wait(max: u64) -> Vec<Wait> {
    let max = Some(Duration::from_secs(max));
    vec![Wait::Header { name: "Retry-After".into(), max }, Wait::Fixed(Duration::from_secs(120))]
}

fn rule(status: u16, action: Action) -> Rule {
    Rule {
        when: Condition { status: vec![StatusPattern::Exact(status)], ..Condition::default() },
        action,
        pause: Pause::Request,
        wait: Vec::new(),
        shrink_page: false,
        say: None,
        span: None,
    }
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_after_growing_waits() {
    let bench = Setup::new().start(|_, n| match n {
        0 => failure(Kind::Connect),
        1 => response(502, &[], "<html><title>Bad gateway</title>"),
        2 => json("{\"cut\":"),
        _ => json("{\"ok\":true}"),
    });
    let sent = bench.get("rest").await.unwrap();
    assert_eq!(sent.value, serde_json::json!({ "ok": true }));
    assert_eq!((sent.attempts, sent.halvings), (4, 0));
    assert_eq!(bench.wire.times(), [0.0, 1.0, 3.0, 7.0]);
    assert_eq!(bench.observer.counters.waited_ms.load(SeqCst), 7000);
    assert_eq!(bench.observer.counters.requests.load(SeqCst), 4);
    let reasons: Vec<_> = bench.observer.retry_reasons().into_keys().collect();
    assert_eq!(reasons, ["502", "connect", "cut"]);
    assert_eq!(bench.wire.paths(), vec!["/jira/rest"; 4]);
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let bench = Setup::new().start(|_, _| response(500, &[], "{\"message\":\"Search limit\"}"));
    let (scope, message) = failed(bench.get("rest").await);
    // A smaller page may come through: one of its records may be why.
    assert_eq!(scope, FailureScope::Record);
    assert_eq!(
        message,
        "issues KAFKA: 500 Internal Server Error: Search limit (given up after 4 attempts) \
         (GET /jira/rest)"
    );
    assert_eq!(bench.wire.times().len(), 4);
}

#[tokio::test]
async fn each_action_ends_as_it_says() {
    for (action, expected) in [
        (Action::PreviousKey, "previous"),
        (Action::End, "end"),
        (Action::RejectRecord, "record"),
        (Action::FailPartition, "partition"),
        (Action::FailRun, "run"),
    ] {
        let mut rule = rule(400, action);
        rule.say = Some("Do this.".into());
        let bench = Setup::new().rule(rule).start(|_, _| response(400, &[], "no"));
        let got = match bench.get("x").await.unwrap_err() {
            Failure::PreviousKey => "previous",
            Failure::End => "end",
            Failure::Stopped => "stopped",
            Failure::Failed { scope, message } => {
                assert_eq!(message, "Do this. [issues KAFKA: 400 Bad Request: no (GET /jira/x)]");
                match scope {
                    FailureScope::Record => "record",
                    FailureScope::Partition => "partition",
                    FailureScope::Run => "run",
                    FailureScope::Host { .. } => "host",
                }
            }
        };
        assert_eq!(got, expected);
        assert_eq!(bench.wire.times().len(), 1);
    }
}

#[tokio::test]
async fn retry_after_is_obeyed_in_both_forms_and_without_a_hint_the_next_source_counts() {
    for (header, expected) in [
        (Some("7"), 7.0),
        (Some("Thu, 01 Jan 2026 00:00:30 GMT"), 30.0),
        (Some("0"), 120.0),
        (Some("Thu, 01 Jan 2015 00:00:30 GMT"), 120.0),
        (Some("later"), 120.0),
        (None, 120.0),
    ] {
        for pause in [Pause::Request, Pause::Host] {
            let mut rule = rule(429, Action::Retry);
            (rule.pause, rule.wait) = (pause, header_wait(600));
            let bench = Setup::new().rule(rule).start(move |_, n| match (n, header) {
                (0, Some(header)) => response(429, &[("retry-after", header)], "slow down"),
                (0, None) => response(429, &[], "slow down"),
                _ => json("{}"),
            });
            bench.get("x").await.unwrap();
            assert_eq!(bench.wire.times(), [0.0, expected], "{header:?} {pause:?}");
        }
    }
}

#[tokio::test]
async fn a_date_counts_from_the_servers_own_clock() {
    // The server is an hour behind us.
    let bench = Setup::new().start(|_, n| match n {
        0 => response(
            429,
            &[
                ("date", "Wed, 31 Dec 2025 23:00:00 GMT"),
                ("retry-after", "Wed, 31 Dec 2025 23:00:09 GMT"),
            ],
            "",
        ),
        _ => json("{}"),
    });
    bench.get("x").await.unwrap();
    assert_eq!(bench.wire.times(), [0.0, 9.0]);
}

#[tokio::test]
async fn a_wait_above_the_limit_closes_the_host_and_is_never_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new();
    setup.options.state_dir = folder.path().to_owned();
    let clock = setup.clock.clone();
    let bench = setup.start(|_, _| response(429, &[("retry-after", "3600")], ""));
    let back = clock.now() + Duration::from_secs(3600);
    for _ in 0..2 {
        let (scope, message) = failed(bench.get("x").await);
        assert_eq!(scope, FailureScope::Host { back_at: back });
        assert!(message.contains("Thu, 01 Jan 2026 01:00:00 GMT"), "{message}");
    }
    assert_eq!(bench.wire.times(), [0.0]);

    // Another process sees it as well; near the end it sits out what is left.
    let mut setup = Setup::new();
    setup.options.state_dir = folder.path().to_owned();
    setup.clock = clock.clone();
    let other = setup.start(|_, _| json("{}"));
    assert_eq!(failed(other.get("x").await).0, FailureScope::Host { back_at: back });
    clock.set(back - Duration::from_secs(300));
    other.get("x").await.unwrap();
    assert_eq!(other.wire.times(), [3600.0]);
}

#[tokio::test]
async fn a_paused_host_gets_nothing_from_any_task() {
    let bench = Arc::new(Setup::new().start(|r, n| match n {
        0 => response(429, &[("retry-after", "20")], ""),
        _ if r.url.ends_with("late") => json("{}"),
        _ => json("{}"),
    }));
    let first = bench.get("a");
    let second = async {
        bench.clock.sleep(Duration::from_secs(5)).await;
        bench.get("late").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().attempts, 2);
    assert_eq!(second.unwrap().attempts, 1);
    let times = bench.wire.times();
    assert_eq!(times[0], 0.0);
    assert!(times[1..].iter().all(|t| *t >= 20.0), "{times:?}");
}

#[tokio::test]
async fn pages_shrink_on_rules_that_say_so_and_on_bodies_above_the_limit() {
    let build = |halvings: u32| {
        let mut call = get("x");
        call.query.push(("limit".into(), (100 >> halvings).to_string()));
        call
    };
    let bench = Setup::new().start(|r, _| match r.url.rsplit_once('=').unwrap().1 {
        "100" => failure(Kind::Truncated),
        "50" | "25" | "12" | "6" | "3" => failure(Kind::TooLarge),
        limit => json(limit),
    });
    let sent = bench.client.send(build, 6, parse).await.unwrap();
    assert_eq!(sent.value, 1);
    // Six halvings, though only four attempts are allowed: those for a body that is
    // too large do not count, nor do they wait.
    assert_eq!((sent.halvings, sent.attempts), (6, 2));
    assert_eq!(bench.wire.times(), [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);

    let bench = Setup::new().start(|_, _| failure(Kind::TooLarge));
    assert_eq!(failed(bench.client.send(build, 3, parse).await).0, FailureScope::Record);
    assert_eq!(bench.wire.times().len(), 4);

    let bench = Setup::new().start(|_, _| response(500, &[], ""));
    failed(bench.client.send(build, 1, parse).await);
    let limits: Vec<_> = bench.wire.paths();
    assert_eq!(
        limits,
        ["/jira/x?limit=100", "/jira/x?limit=50", "/jira/x?limit=50", "/jira/x?limit=50"]
    );
}

#[tokio::test]
async fn what_cannot_be_answered_is_not_repeated() {
    let bench = Setup::new().start(|_, _| failure(Kind::Unanswerable));
    let (scope, message) = failed(bench.get("x").await);
    assert_eq!(scope, FailureScope::Partition);
    assert!(message.contains("scripted unanswerable"), "{message}");
    assert_eq!(bench.wire.times().len(), 1);
}

#[tokio::test]
async fn stopping_cuts_waits_and_begins_nothing() {
    let bench = Setup::new().start(|_, _| response(503, &[("retry-after", "500")], ""));
    let stopper = async {
        bench.clock.sleep(Duration::from_secs(3)).await;
        bench.stop.request();
    };
    let (result, ()) = tokio::join!(bench.get("x"), stopper);
    assert!(matches!(result, Err(Failure::Stopped)));
    assert_eq!(bench.clock.seconds(), 3.0);
    assert!(matches!(bench.get("x").await, Err(Failure::Stopped)));
    assert_eq!(bench.wire.times().len(), 1);
}

#[tokio::test]
async fn the_breaker_leaves_a_failing_host_alone() {
    let mut setup = Setup::new();
    setup.http.breaker.failures = 3;
    setup.http.retry.max_attempts = 10;
    let bench = setup.start(|_, n| if n < 4 { failure(Kind::Reset) } else { json("{}") });
    bench.get("x").await.unwrap();
    // Three failures, 30 s of silence, one trial that fails, 30 s again.
    assert_eq!(bench.wire.times(), [0.0, 1.0, 3.0, 33.0, 63.0]);
}

#[tokio::test]
async fn waits_take_no_time_offline() {
    let mut setup = Setup::new();
    setup.options.offline = true;
    setup.options.state_dir = "/nonexistent/state".into();
    let begun = std::time::Instant::now();
    let plan_wait = 90_000;
    let bench = setup.start(|_, n| match n {
        0 => response(429, &[("retry-after", "90")], ""),
        _ => json("{}"),
    });
    bench.get("x").await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(bench.observer.counters.waited_ms.load(SeqCst), plan_wait);
}
