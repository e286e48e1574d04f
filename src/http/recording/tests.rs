use std::path::{Path, PathBuf};

use scrape_api::FetchErrorKind;
use serde_json::json;
use url::Url;

use super::super::tests::{Bench, Setup, failed, failure, get, parse, response};
use super::super::{Call, Failure, FailureScope, Target};
use super::*;
use crate::plan::{Auth, Robots, Secret, Template};
use crate::spec::Span;

const SPAN: Span = Span { file: 0, start: 0, end: 0 };

fn recording(path: &Path) -> Setup {
    let mut setup = Setup::new();
    setup.options.record = Some(path.to_owned());
    setup
}

/// A bench whose transport must not be used.
fn replaying(path: &Path, base_url: &str) -> Bench {
    let mut setup = Setup::new();
    setup.http.base_url = Url::parse(base_url).unwrap();
    setup.http.robots = Robots::Obey;
    setup.options.replay = Some(path.to_owned());
    setup.options.offline = true;
    setup.start(|r, _| panic!("sent {}", r.url))
}

async fn at(bench: &Bench, target: Target) -> Result<serde_json::Value, Failure> {
    let call = Call { target, ..get("") };
    bench.client.send(|_| call.clone(), 0, parse).await.map(|sent| sent.value)
}

/// A recording of three pages, `n` = 0, 1, 2, the second of which comes twice.
async fn three_pages(path: &Path) {
    let bench = recording(path).start(|r, n| match n {
        0..4 => super::super::tests::json(&json!({ "url": r.url, "n": n }).to_string()),
        _ => panic!(),
    });
    bench.get("p?a=0").await.unwrap();
    bench.get("p?a=1").await.unwrap();
    bench.client.note(json!({ "ranges": ["A-1"] }));
    bench.client.note(json!(2));
    bench.get("p?a=1").await.unwrap();
    bench.get("p?a=2").await.unwrap();
    bench.client.finish().unwrap();
}

#[tokio::test]
async fn what_was_recorded_is_answered_under_another_base_url() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["r.har", "r.har.zst"] {
        let path = folder.path().join(name);
        three_pages(&path).await;
        let bench = replaying(&path, "https://mirror.example:8443/deep/jira");
        assert_eq!(bench.client.notes(), [json!({ "ranges": ["A-1"] }), json!(2)]);
        let n = |path: &'static str| async { bench.get(path).await.unwrap().value["n"].clone() };
        assert_eq!(n("p?a=2").await, 3);
        assert_eq!(n("p?a=0").await, 0);
        assert_eq!(n("p?a=1").await, 1);
        assert_eq!(n("p?a=1").await, 2);
        assert_eq!(n("p?a=1").await, 2);
    }
}

#[tokio::test]
async fn a_recording_is_a_har_and_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.har");
    three_pages(&path).await;
    let text = std::fs::read(&path).unwrap();
    let har: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(har["log"]["version"], "1.2");
    assert_eq!(har["log"]["creator"]["name"], "scrape");
    assert_eq!(har["log"]["entries"].as_array().unwrap().len(), 4);
    let entry = &har["log"]["entries"][1];
    assert_eq!(entry["request"]["queryString"], json!([{ "name": "a", "value": "1" }]));
    assert_eq!(entry["response"]["content"]["mimeType"], "application/json");
    for key in ["startedDateTime", "time", "cache", "timings"] {
        assert!(!entry[key].is_null(), "{key}");
    }
    let error = recording(&path).try_start(|_, _| panic!()).err().unwrap();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), text);
}

#[tokio::test]
async fn a_file_cut_anywhere_is_good_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.har");
    three_pages(&path).await;
    let text = std::fs::read(&path).unwrap();
    let base = Url::parse("http://h.example/jira").unwrap();
    let mut before = 0;
    for end in 0..text.len() {
        let mut ends = Vec::new();
        match scan::scan(&text[..end], |at, entry| {
            serde_json::from_slice::<har::Entry>(entry)?;
            ends.push(at as usize + entry.len());
            Ok(())
        }) {
            Ok(_) => assert!(ends.len() == before || ends.len() == before + 1),
            Err(e) => assert!(before == 0 && e.to_string().contains("no HAR"), "{end}: {e}"),
        }
        assert!(ends.iter().all(|e| *e <= end));
        before = ends.len();
    }
    assert_eq!(before, 4);

    // Compressed, cut in the middle, while it was still being written.
    let path = folder.path().join("r.har.zst");
    three_pages(&path).await;
    let text = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.har.zst");
    let mut counts = Vec::new();
    for end in (0..text.len()).step_by(7) {
        std::fs::write(&cut, &text[..end]).unwrap();
        if let Ok(replay) = Replay::open(&cut, &base) {
            counts.push(replay.notes().len());
        }
    }
    assert!(counts.is_sorted() && counts.first() == Some(&0) && counts.last() == Some(&2));
}

#[tokio::test]
async fn failures_and_waits_are_replayed_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.har");
    let bench = recording(&path).start(|_, n| match n {
        0 => failure(FetchErrorKind::Truncated),
        1 => response(429, &[("retry-after", "30")], "slow"),
        _ => super::super::tests::json("[1]"),
    });
    let build = |halvings: u32| get(if halvings == 0 { "big" } else { "small" });
    bench.client.send(build, 1, parse).await.unwrap();
    bench.client.finish().unwrap();

    let begun = std::time::Instant::now();
    let bench = replaying(&path, "http://h.example/jira");
    let sent = bench.client.send(build, 1, parse).await.unwrap();
    assert_eq!((sent.attempts, sent.halvings), (3, 1));
    assert!(begun.elapsed().as_secs() < 10);
}

#[tokio::test]
async fn links_and_redirects_lead_to_the_server_that_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.har");
    let bench = recording(&path).start(|r, _| match r.url.as_str() {
        "http://h.example/jira/a" => {
            response(302, &[("location", "http://h.example/jira/b?x=1")], "")
        }
        "http://h.example/jira/b?x=1" => response(302, &[("location", "/above")], ""),
        "http://h.example/above" => super::super::tests::json("\"above\""),
        "http://h.example/jira/next" => super::super::tests::json("\"next\""),
        other => panic!("{other}"),
    });
    let link = || Target::Url("http://h.example/jira/next".into());
    bench.get("a").await.unwrap();
    at(&bench, link()).await.unwrap();
    bench.client.finish().unwrap();

    let bench = replaying(&path, "http://127.0.0.1:9/x/y");
    let sent = bench.get("a").await.unwrap();
    assert_eq!((sent.value, sent.reply.url.as_str()), (json!("above"), "http://127.0.0.1:9/above"));
    assert_eq!(at(&bench, link()).await.unwrap(), "next");
}

#[tokio::test]
async fn what_is_not_in_it_names_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.har");
    three_pages(&path).await;
    let bench = replaying(&path, "http://h.example/jira");
    let (scope, message) = failed(bench.get("p?a=7&b=1").await);
    assert_eq!(scope, FailureScope::Partition);
    assert!(message.contains("no answer to GET /p?a=7&b=1; the nearest"), "{message}");
    assert!(message.contains("which differs in a, b"), "{message}");
    let (_, message) = failed(bench.get("pp").await);
    assert!(message.contains("the nearest request in it is GET /p?a="), "{message}");
    assert_eq!(bench.observer.counters.retries.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn bodies_that_are_no_text_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.har");
    let body: &[u8] = b"{\"a\":\"\xff \\ud83d \x01\"}";
    let bench =
        recording(&path).start(move |_, _| Ok(scrape_api::Response::new(200, Vec::new(), body)));
    bench.get("x").await.unwrap();
    bench.client.finish().unwrap();
    let bench = replaying(&path, "http://h.example/jira");
    let sent = bench.get("x").await.unwrap();
    assert_eq!(sent.reply.original.as_deref(), Some(body));
}

#[tokio::test]
async fn secrets_are_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "pass\"word&1").unwrap();
    for (name, plain) in [("r.har", true), ("r.har.zst", false)] {
        let path: PathBuf = folder.path().join(name);
        let mut setup = recording(&path);
        let password = setup.env.compile("{{ secrets.pw }}", SPAN, folder.path()).unwrap();
        setup.http.auth = Auth::Basic { username: Template::constant(json!("me"), SPAN), password };
        setup.http.secrets =
            vec![Secret { name: "pw".into(), env: None, file: Some(secret.clone()) }];
        setup.http.base_url = Url::parse("http://user:hunter2@h.example/jira").unwrap();
        let bench = setup.start(|r, _| {
            let shown: Vec<_> = r.headers.iter().filter(|(name, _)| name != "Cookie").collect();
            let body = json!({ "echo": shown, "url": r.url, "pw": "pass\"word&1" });
            response(
                200,
                &[("set-cookie", "JSESSIONID=cookie-value"), ("x-echo", "pass\"word&1")],
                &body.to_string(),
            )
        });
        let mut call = get("x");
        call.query.push(("key".into(), "pass\"word&1".into()));
        call.headers.push(("Cookie".into(), "a=cookie-value".into()));
        call.body = Some("\"pass\\\"word&1\"".into());
        let sent = bench.client.send(|_| call.clone(), 0, parse).await.unwrap();
        assert!(sent.value.to_string().contains("word&1"), "the reply itself is whole");
        bench.client.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let text = if plain { bytes } else { zstd::decode_all(&bytes[..]).unwrap() };
        let text = String::from_utf8(text).unwrap();
        for secret in ["word&1", "word%261", "bWU6cGFzcyJ3b3JkJjE", "cookie-value", "hunter2"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("[redacted]"));
    }
}

#[tokio::test]
async fn a_har_of_another_program_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("browser.har");
    let har = json!({
        "log": {
            "version": "1.2",
            "creator": { "name": "browser", "version": "1" },
            "pages": [{ "id": "entries", "title": "[{" }],
            "entries": [{
                "startedDateTime": "2026-01-01T00:00:00Z",
                "request": {
                    "method": "GET", "url": "http://h.example/jira/x?b=2&a=%C3%A9",
                    "httpVersion": "h2", "headers": [], "queryString": [], "cookies": [],
                    "headersSize": -1, "bodySize": 0
                },
                "response": {
                    "status": 200, "statusText": "OK", "httpVersion": "h2",
                    "headers": [{ "name": "Content-Type", "value": "application/json" }],
                    "content": { "size": 9, "mimeType": "application/json", "text": "{\"a\":\"]}\"}" },
                    "redirectURL": "", "headersSize": -1, "bodySize": 9, "cookies": []
                },
                "cache": {}, "timings": { "send": 0, "wait": 1, "receive": 0 }, "time": 1
            }]
        }
    });
    std::fs::write(&path, serde_json::to_vec_pretty(&har).unwrap()).unwrap();
    let bench = replaying(&path, "http://h.example/jira");
    assert_eq!(bench.get("x?a=%c3%a9&b=2").await.unwrap().value, json!({ "a": "]}" }));
}

#[test]
fn what_is_no_recording_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.har");
    let base = Url::parse("http://h.example/").unwrap();
    let say = |path: &Path| Replay::open(path, &base).err().unwrap();
    assert!(say(&path).contains("cannot be read: No such file"));
    for text in ["", "{}", "[1,2]", "{\"log\":{\"entries\":3}}", "\u{28}\u{b5}"] {
        std::fs::write(&path, text).unwrap();
        assert!(say(&path).contains("it is no HAR file"), "{text}");
    }
}
