use super::*;
use crate::plan::RateLimit;

const SECOND: Duration = Duration::from_secs(1);

fn limited(requests: u32, per: Duration) -> Setup {
    let mut setup = Setup::new();
    setup.http.rate_limits = vec![RateLimit { requests, per }];
    setup
}

async fn gets(bench: &Bench, count: usize) -> Vec<Result<Sent<Value>, Failure>> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let client = bench.client.clone();
        tasks.spawn(async move { client.send(|_| get("x"), 0, parse).await });
    }
    tasks.join_all().await
}

/// No more than `most` requests in any window of `span` seconds.
fn assert_rate(times: &[f64], most: usize, span: f64) {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    for window in times.windows(most + 1) {
        assert!(window[most] - window[0] > span, "{most} a {span} s: {window:?}");
    }
}

#[tokio::test]
async fn requests_are_spaced_whatever_the_concurrency() {
    let mut setup = limited(2, SECOND);
    setup.latency = Duration::from_millis(1700);
    let bench = setup.start(|_, _| json("{}"));
    assert!(gets(&bench, 12).await.iter().all(Result::is_ok));
    let times = bench.wire.times();
    assert_rate(&times, 2, 1.0);
    assert!(times[11] < 6.0, "{times:?}");
}

#[tokio::test]
async fn a_machine_that_is_always_late_sends_all_the_same() {
    for (requests, late) in [(20, 60), (1000, 4), (1000, 2000)] {
        let setup = limited(requests, SECOND);
        let bench = setup.start(|_, _| json("{}"));
        bench.clock.oversleep(Duration::from_millis(late));
        let all = tokio::time::timeout(60 * SECOND, gets(&bench, 40)).await;
        assert!(all.expect("it never gets to send").iter().all(Result::is_ok));
        assert_rate(&bench.wire.times(), requests as usize, 1.0);
    }
}

#[tokio::test]
async fn no_more_are_in_flight_than_allowed() {
    let mut setup = Setup::new();
    setup.options.concurrency = Some(3);
    setup.latency = SECOND;
    let bench = setup.start(|_, n| if n == 1 { response(500, &[], "") } else { json("{}") });
    assert!(gets(&bench, 9).await.iter().all(Result::is_ok));
    assert_eq!(bench.wire.most(), 3);
    // A request that waits to be repeated holds no permit.
    assert!(bench.clock.seconds() <= 4.0, "{}", bench.clock.seconds());
}

#[tokio::test]
async fn a_rate_on_the_command_line_replaces_rates_but_never_a_budget() {
    let mut setup = limited(1, SECOND);
    setup.http.rate_limits.push(RateLimit { requests: 5, per: SECOND * 86_400 });
    setup.options.rate_limit = Some(0.0);
    let bench = setup.start(|_, _| json("{}"));
    let results = gets(&bench, 8).await;
    assert_eq!(bench.wire.times(), vec![0.0; 5]);
    let failures: Vec<_> = results.into_iter().filter(Result::is_err).map(failed).collect();
    assert_eq!(failures.len(), 3);
    let FailureScope::Host { back_at } = failures[0].0 else { panic!("{failures:?}") };
    let hours = seconds(back_at) / 3600.0;
    assert!((24.0..24.2).contains(&hours), "{hours}");
    assert!(failures[0].1.contains("budget of 5 requests in 24 h"), "{failures:?}");
    bench.clock.set(back_at);
    bench.get("x").await.unwrap();
}

#[tokio::test]
async fn pace_and_budget_outlive_a_process_and_are_shared() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let start = || {
        let mut setup = limited(1, SECOND);
        setup.http.rate_limits.push(RateLimit { requests: 20, per: SECOND * 86_400 });
        setup.options.state_dir = folder.path().to_owned();
        setup.clock = clock.clone();
        setup.start(|_, _| json("{}"))
    };
    let mut times = Vec::new();
    let first = start();
    assert!(gets(&first, 4).await.iter().all(Result::is_ok));
    times.extend(first.wire.times());
    drop(first);
    // A new run at once: the spacing holds across the restart.
    let (second, third) = (start(), start());
    let (a, b) = tokio::join!(gets(&second, 10), gets(&third, 10));
    times.extend(second.wire.times());
    times.extend(third.wire.times());
    assert_rate(&times, 1, 1.0);
    assert_eq!(times.len(), 20);
    let denied = a.iter().chain(&b).filter(|r| r.is_err()).count();
    assert_eq!(denied, 4);
    // Another host has its own.
    let mut setup = Setup::new();
    setup.http.base_url = Url::parse("http://h.example:81/").unwrap();
    setup.options.state_dir = folder.path().to_owned();
    setup.clock = clock.clone();
    setup.start(|_, _| json("{}")).get("x").await.unwrap();
}

#[tokio::test]
async fn a_kill_costs_budget_and_never_gains_any() {
    let folder = tempfile::tempdir().unwrap();
    let setup = || {
        let mut setup = limited(2000, SECOND * 86_400);
        setup.options.state_dir = folder.path().to_owned();
        setup
    };
    let bench = setup().start(|_, _| json("{}"));
    assert!(gets(&bench, 3).await.iter().all(Result::is_ok));
    let spent = || {
        let text = std::fs::read_to_string(folder.path().join("hosts/http___h.example.json"));
        let state: Value = serde_json::from_str(&text.unwrap()).unwrap();
        state["spent"].as_array().unwrap().iter().map(|s| s[1].as_u64().unwrap()).sum::<u64>()
    };
    // As a kill would leave it.
    assert_eq!(spent(), 4);
    // An end in good order gives back what was not used.
    drop(bench);
    assert_eq!(spent(), 3);
}

#[tokio::test]
async fn the_rate_falls_when_asked_and_recovers() {
    let mut setup = limited(10, SECOND);
    setup.options.concurrency = Some(1);
    let bench = setup.start(|_, n| match n {
        20 => response(429, &[("retry-after", "5")], ""),
        _ => json("{}"),
    });
    for _ in 0..160 {
        bench.get("x").await.unwrap();
    }
    let times = bench.wire.times();
    let gap = |n: usize| times[n] - times[n - 1];
    assert!((0.1..0.11).contains(&gap(10)), "{}", gap(10));
    assert!(gap(21) >= 5.0, "{}", gap(21));
    assert!((0.19..0.21).contains(&gap(22)), "{}", gap(22));
    assert!((0.11..0.17).contains(&gap(40)), "{}", gap(40));
    assert!((0.1..0.11).contains(&gap(120)), "{}", gap(120));
}

#[tokio::test]
async fn many_429s_at_once_halve_the_rate_once() {
    let mut setup = limited(10, SECOND);
    setup.latency = SECOND * 2;
    let bench = setup.start(|_, n| match n {
        0..8 => response(429, &[("retry-after", "5")], ""),
        _ => json("{}"),
    });
    assert!(gets(&bench, 8).await.iter().all(Result::is_ok));
    let times = bench.wire.times();
    let gaps: Vec<f64> = times[9..].windows(2).map(|w| w[1] - w[0]).collect();
    assert!(gaps.iter().all(|gap| *gap < 0.25), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap > 0.1), "{gaps:?}");
}

#[tokio::test]
async fn a_damaged_state_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("hosts")).unwrap();
    std::fs::write(folder.path().join("hosts/http___h.example.json"), "{\"next\":12").unwrap();
    let mut setup = Setup::new();
    setup.options.state_dir = folder.path().to_owned();
    let bench = setup.start(|_, _| json("{}"));
    bench.get("x").await.unwrap();
    let text = std::fs::read(folder.path().join("hosts/http___h.example.json")).unwrap();
    assert!(serde_json::from_slice::<Value>(&text).is_ok());
}

#[tokio::test]
async fn a_state_that_cannot_be_kept_does_not_stop_a_run() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut setup = limited(1, SECOND);
    setup.options.state_dir = file.path().to_owned();
    let bench = setup.start(|_, _| json("{}"));
    assert!(gets(&bench, 3).await.iter().all(Result::is_ok));
    assert_rate(&bench.wire.times(), 1, 1.0);
}

#[tokio::test]
async fn a_clock_set_back_does_not_stall_a_run() {
    let folder = tempfile::tempdir().unwrap();
    for shared in [true, false] {
        let mut setup = limited(1, SECOND);
        if shared {
            setup.options.state_dir = folder.path().to_owned();
        }
        let clock = setup.clock.clone();
        clock.set(clock.now() + SECOND * 86_400);
        let bench = setup.start(|_, _| json("{}"));
        for _ in 0..3 {
            bench.get("x").await.unwrap();
        }
        clock.set(clock.now() - SECOND * 80_000);
        let back = clock.now();
        for _ in 0..3 {
            bench.get("x").await.unwrap();
        }
        let took = clock.now().duration_since(back).unwrap();
        assert!(took < SECOND * 5, "{took:?}");
    }
}

/// Two threads, real time, one file: the rate holds for both together.
#[test]
fn processes_share_one_rate_in_real_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = |count: usize| {
        let folder = folder.path().to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let clock: Arc<dyn Clock> = Arc::new(crate::http::clock::SystemClock);
                let limits = [RateLimit { requests: 50, per: SECOND }];
                let observer = Arc::new(Observer::new(Voice::Quiet));
                let pace = crate::http::pace::Pace::new(
                    "http://h.example",
                    &limits,
                    None,
                    Some(&folder),
                    clock.clone(),
                    observer,
                );
                let mut times = Vec::new();
                for _ in 0..count {
                    pace.slot(&Stop::default()).await.unwrap();
                    times.push(clock.now());
                }
                times
            })
        })
    };
    let threads = [run(30), run(30)];
    let mut times: Vec<_> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    times.sort();
    let took = times[59].duration_since(times[0]).unwrap();
    // 60 requests at 50 a second take 1.2 s; half a second would mean two paces.
    assert!(took >= Duration::from_millis(1100), "{took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}
