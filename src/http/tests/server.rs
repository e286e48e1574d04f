//! The client with the real transport, against the stand-in.

use std::sync::atomic::Ordering::Relaxed;

use scrape_api::FetchOptions;
use scrape_fetch_http::{Config as HttpConfig, Http};
use scrape_standin::{Config, Fault, FaultConfig, Standin};

use super::*;
use crate::http::clock::SystemClock;
use crate::plan::{Action, Condition, Pause, RateLimit, Wait};
use crate::spec::lang::StatusPattern;

fn standin(faults: FaultConfig) -> Standin {
    Standin::start(Config {
        projects: vec!["TIDE".into()],
        issues_per_project: 120,
        robots: Some("User-agent: *\nDisallow: /jira/sr/\n".into()),
        faults,
        ..Config::default()
    })
    .unwrap()
}

fn client(
    server: &Standin,
    concurrency: usize,
    folder: &std::path::Path,
) -> (Client, Arc<Observer>) {
    let mut setup = Setup::new();
    setup.http.base_url = Url::parse(server.url()).unwrap();
    setup.http.robots = Robots::Obey;
    setup.http.concurrency = concurrency;
    setup.http.retry.max_attempts = 6;
    setup.http.retry.backoff.initial = Duration::from_millis(20);
    setup.http.max_body = 4 << 20;
    setup.options.state_dir = folder.to_owned();
    let setup = setup.rule(Rule {
        when: Condition { status: vec![StatusPattern::Exact(429)], ..Condition::default() },
        action: Action::Retry,
        pause: Pause::Host,
        wait: vec![
            Wait::Header { name: "Retry-After".into(), max: Some(Duration::from_secs(60)) },
            Wait::Fixed(Duration::from_millis(200)),
        ],
        shrink_page: false,
        say: None,
        span: None,
    });
    let options = FetchOptions::new(Duration::from_secs(5), Duration::from_secs(1));
    let http = Http::new(HttpConfig::default(), &options).unwrap();
    let (client, observer, _) = setup.over(Arc::new(http), Arc::new(SystemClock)).unwrap();
    (client, observer)
}

/// Runs a future; the stand-in has a runtime of its own, outside of this one.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// A page of ten issues; half as many for each halving.
fn page(offset: u32, halvings: u32) -> Call {
    let mut call = get("/rest/api/2/search");
    call.query = vec![
        ("jql".into(), "project = TIDE ORDER BY key ASC".into()),
        ("startAt".into(), offset.to_string()),
        ("maxResults".into(), (10 >> halvings).to_string()),
    ];
    call
}

fn issues(sent: &Sent<Value>) -> usize {
    sent.value["issues"].as_array().unwrap().len()
}

#[test]
fn each_fault_is_met_as_it_deserves() {
    let ok = |reason: &'static str, halvings: u32| (Some(reason), halvings);
    for (fault, (reason, halvings)) in [
        (Fault::TooMany, ok("429", 0)),
        (Fault::TooManyDate, ok("429", 0)),
        (Fault::TooManyText, ok("429", 0)),
        (Fault::TooManyZero, ok("429", 0)),
        (Fault::InternalError, ok("500", 1)),
        (Fault::BadGateway, ok("502", 1)),
        (Fault::Unavailable, ok("503", 0)),
        (Fault::GatewayTimeout, ok("504", 1)),
        (Fault::Reset, ok("reset", 1)),
        (Fault::ResetInHeaders, ok("reset", 1)),
        (Fault::ResetInBody, ok("truncated", 1)),
        (Fault::Truncated, ok("truncated", 1)),
        (Fault::ChunkedCut, ok("truncated", 1)),
        (Fault::WrongEncoding, ok("truncated", 1)),
        (Fault::Html, ok("html", 0)),
        (Fault::Hang, ok("timeout", 1)),
        (Fault::CloseCut, ok("truncated", 1)),
        (Fault::ShortLength, ok("truncated", 1)),
        (Fault::EmptyReply, ok("empty", 0)),
        (Fault::Bomb, ok("too_large", 1)),
        (Fault::HugeHeaders, ok("reset", 1)),
        (Fault::Bom, (None, 0)),
        (Fault::Drip, (None, 0)),
        (Fault::Login, (None, 9)),
        (Fault::Unauthorized, (None, 9)),
        (Fault::Redirect, (None, 0)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = standin(FaultConfig::default());
        server.script("*search*", 1, 1, fault).unwrap();
        let (client, observer) = client(&server, 2, folder.path());
        let result = run(client.send(|h| page(0, h), 3, parse));
        if halvings == 9 {
            let (scope, message) = failed(result);
            assert_eq!(scope, FailureScope::Run, "{fault}");
            assert!(message.starts_with("The server asks for a login"), "{fault}: {message}");
            continue;
        }
        let sent = result.unwrap_or_else(|e| panic!("{fault}: {e:?}"));
        let reasons: Vec<String> = observer.retry_reasons().into_keys().collect();
        assert_eq!(reasons, reason.into_iter().collect::<Vec<_>>(), "{fault}");
        assert_eq!(sent.halvings, halvings, "{fault}");
        assert_eq!(issues(&sent), 10 >> halvings, "{fault}");
        assert_eq!(server.stats().inside_retry_after, 0, "{fault}");
    }
}

#[test]
fn records_with_broken_text_are_read_all_the_same() {
    for fault in [Fault::InvalidUtf8, Fault::LoneSurrogate, Fault::RawControl, Fault::Nul] {
        let folder = tempfile::tempdir().unwrap();
        let server = standin(FaultConfig { rates: vec![(fault, 1.0)], ..FaultConfig::default() });
        let (client, observer) = client(&server, 2, folder.path());
        let sent = run(client.send(|h| page(0, h), 0, parse)).unwrap();
        assert_eq!(issues(&sent), 10, "{fault}");
        let repairs = observer.counters.repairs.load(Relaxed);
        // An escaped U+0000 is legal JSON.
        assert_eq!(repairs >= 10, fault != Fault::Nul, "{fault}: {repairs}");
        assert_eq!(sent.reply.original.is_some(), fault != Fault::Nul, "{fault}");
    }
}

#[test]
fn many_faults_together_lose_nothing_and_stay_polite() {
    let folder = tempfile::tempdir().unwrap();
    let server = standin(FaultConfig { rate: 0.15, ..FaultConfig::default() });
    let (client, observer) = client(&server, 4, folder.path());
    let results = run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for offset in 0..110 {
            let client = client.clone();
            tasks.spawn(async move { client.send(|_| page(offset, 0), 0, parse).await });
        }
        tasks.join_all().await
    });
    for result in results {
        assert_eq!(issues(&result.unwrap()), 10);
    }
    let stats = server.stats();
    assert!(stats.by_fault.values().sum::<u64>() > 5, "{:?}", stats.by_fault);
    assert!(stats.max_in_flight <= 4, "{}", stats.max_in_flight);
    assert_eq!(stats.requests, observer.counters.requests.load(Relaxed));
    // Requests that were on their way when the 429 came cannot be called back.
    let late: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|r| r.inside_retry_after && r.took_ms > 50.0)
        .collect();
    assert!(late.is_empty(), "{late:?}");
    assert!(stats.inside_retry_after <= 12, "{}", stats.inside_retry_after);
}

#[test]
fn the_server_never_sees_more_than_the_rate() {
    let folder = tempfile::tempdir().unwrap();
    let server = standin(FaultConfig::default());
    let pages = |count: u32| {
        let mut setup = Setup::new();
        setup.http.base_url = Url::parse(server.url()).unwrap();
        setup.http.rate_limits = vec![RateLimit { requests: 20, per: Duration::from_secs(1) }];
        setup.options.state_dir = folder.path().to_owned();
        let options = FetchOptions::new(Duration::from_secs(5), Duration::from_secs(10));
        let http = Http::new(HttpConfig::default(), &options).unwrap();
        let (client, _, _) = setup.over(Arc::new(http), Arc::new(SystemClock)).unwrap();
        async move {
            let mut tasks = tokio::task::JoinSet::new();
            for offset in 0..count {
                let client = client.clone();
                tasks.spawn(async move { client.send(|_| page(offset, 3), 0, parse).await });
            }
            tasks.join_all().await.into_iter().for_each(|result| drop(result.unwrap()));
        }
    };
    // Two at once, and one that begins as they end.
    run(async {
        tokio::join!(pages(20), pages(20));
        pages(10).await;
    });
    let mut times: Vec<f64> = server.requests().iter().map(|r| r.at_ms).collect();
    times.sort_by(f64::total_cmp);
    assert_eq!(times.len(), 50);
    let most = times
        .iter()
        .map(|from| times.iter().filter(|at| **at >= *from && **at < from + 1000.0).count())
        .max();
    assert!(most <= Some(20), "{most:?}: {times:?}");
}
