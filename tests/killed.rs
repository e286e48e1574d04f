//! Killed at random instants, again and again, by a server that misbehaves: the
//! outputs are those of an undisturbed run. `src/kill` kills at each step instead.

#![allow(clippy::print_stdout, reason = "the seed that repeats a failure")]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::{Scrape, assert_same, main_job_args, signal, start, wait};
use scrape_standin::{Config, FaultConfig};

/// How long each of the tests goes on killing.
const SPAN: Duration = Duration::from_secs(12);

/// The seed of this run: `SCRAPE_TEST_SEED`, or another each time.
fn seed() -> u64 {
    let given = std::env::var("SCRAPE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| u64::from(std::process::id()))
}

fn config(rate: f64) -> Config {
    Config {
        projects: vec!["KAFKA".into(), "SPARK".into()],
        issues_per_project: 200,
        inline_comments: 2,
        latency: Duration::from_millis(4),
        faults: FaultConfig {
            rate,
            hang: Duration::from_millis(50),
            retry_after: Duration::from_secs(1),
            ..FaultConfig::default()
        },
        ..Config::default()
    }
}

/// Pages of twenty, ranges of forty, and waits that fit a test.
const SPEC: &str = r#"
extends: PROJECT/specs/apache-jira.yaml
http:
  retry: { max_attempts: 6, backoff: { initial: 5ms, max: 20ms } }
streams:
  issues:
    pagination: { limit: 20, ranges: { min_records: 40 } }
    children: { comments: { pagination: { limit: 3 } } }
"#;

fn killed_again_and_again(concurrency: &str) {
    let seed = seed();
    // Shown when the test fails, and enough to repeat it as far as chance allows.
    println!("SCRAPE_TEST_SEED={seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let scrape = Scrape::new();
    let spec = SPEC.replace("PROJECT", &common::project().display().to_string());
    std::fs::write(scrape.dir().join("spec.yaml"), spec).expect("a spec");
    let (calm, stormy) = (start(config(0.0)), start(config(0.07)));
    let args = |standin, out: &str, more: &[&str]| {
        let more = [&["-p", "KAFKA,SPARK", "--set", "cooldown=1s", "-c", concurrency], more];
        let mut args = main_job_args(standin, out, &more.concat());
        args[1] = String::from("spec.yaml");
        args
    };
    let whole = undisturbed(&scrape, &args(&calm, "whole", &[]));

    let end = Instant::now() + SPAN;
    let (mut kills, mut rounds) = (0, 0);
    while Instant::now() < end {
        let out = format!("killed{rounds}");
        let mut begun = false;
        // Each time a little longer, so that it gets somewhere.
        for longest in (1..).map(|n| 80 * n) {
            let more: &[&str] = if begun { &["--resume"] } else { &[] };
            let all = args(&stormy, &out, more);
            let mut child = scrape.start(&all.iter().map(String::as_str).collect::<Vec<_>>());
            std::thread::sleep(Duration::from_millis(chance.u64(5..5 + longest)));
            if child.try_wait().expect("a child").is_none() {
                signal(&child, "KILL");
            }
            let ran = wait(child);
            begun = scrape.dir().join(&out).join("store.db").exists();
            if ran.code.is_some() {
                ran.expect(0);
                break;
            }
            kills += 1;
        }
        assert_same(&whole, &scrape.outputs(&out));
        rounds += 1;
    }
    println!("{kills} kills in {rounds} runs");
    assert!(kills > 5 && !stormy.stats().by_fault.is_empty());
}

fn undisturbed(scrape: &Scrape, args: &[String]) -> BTreeMap<String, Vec<u8>> {
    scrape.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    scrape.outputs("whole")
}

#[test]
fn one_request_at_a_time() {
    killed_again_and_again("1");
}

#[test]
fn eight_requests_at_a_time() {
    killed_again_and_again("8");
}
