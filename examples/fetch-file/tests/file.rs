//! What the transport answers.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::time::Duration;

use fetch_file::{Config, Files};
use scrape_api::serde_json::{self, Value, json};
use scrape_api::{
    Fetch, FetchError, FetchErrorKind, FetchOptions, Kind, Request, Response, conformance,
};

/// A folder with files, and a transport over it.
struct Bench {
    _dir: tempfile::TempDir,
    files: Files,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let dump = dir.path().join("dump");
        fs::create_dir_all(dump.join("deep er")).unwrap();
        fs::write(dir.path().join("secret.json"), "{}").unwrap();
        fs::write(dump.join("issues.jsonl"), "{\"n\":0}\n\n{\"n\":1}\r\n{\"n\":2}\n{\"n\":3}")
            .unwrap();
        fs::write(dump.join("deep er/é.json"), "{\"deep\":true}").unwrap();
        fs::write(dump.join("empty.jsonl"), "").unwrap();
        let mut options = FetchOptions::new(Duration::from_secs(1), Duration::from_secs(1));
        options.folder = dir.path().to_owned();
        let files = Files::new(Config { root: "dump".into() }, &options).unwrap();
        Self { _dir: dir, files }
    }

    async fn get(&self, path: &str) -> Result<Response, FetchError> {
        let mut request = Request::get(format!("http://anything:1{path}"));
        request.max_body = 100;
        self.files.fetch(request).await
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await.unwrap();
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        serde_json::from_slice(&response.body).unwrap()
    }
}

#[test]
fn it_describes_itself() {
    conformance::registered(Kind::Fetch, "file").expect_sound();
}

#[tokio::test]
async fn lines_come_page_by_page() {
    let bench = Bench::new();
    for (query, offset, items) in [
        ("?offset=0&limit=2", 0, json!([{"n":0},{"n":1}])),
        ("?offset=1&limit=2", 1, json!([{"n":1},{"n":2}])),
        ("?offset=3&limit=2", 3, json!([{"n":3}])),
        ("?offset=4&limit=2", 4, json!([])),
        ("?offset=9", 4, json!([])),
        ("", 0, json!([{"n":0},{"n":1},{"n":2},{"n":3}])),
    ] {
        let page = bench.json(&format!("/issues.jsonl{query}")).await;
        assert_eq!(page, json!({ "total": 4, "offset": offset, "items": items }), "{query}");
    }
    assert_eq!(bench.json("/empty.jsonl").await, json!({ "total": 0, "offset": 0, "items": [] }));
}

#[tokio::test]
async fn other_files_come_as_they_are() {
    let bench = Bench::new();
    assert_eq!(bench.json("/deep%20er/%C3%A9.json").await, json!({ "deep": true }));
    for missing in ["/nothing.json", "/deep%20er", "/", "/nothing.jsonl", "/../secret.json"] {
        assert_eq!(bench.get(missing).await.unwrap().status, 404, "{missing}");
    }
}

#[tokio::test]
async fn what_it_cannot_answer_is_told_by_its_kind() {
    let bench = Bench::new();
    for path in ["/..%2Fsecret.json", "/deep%20er/..%2f..%2fsecret.json", "/%00"] {
        let error = bench.get(path).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Unanswerable, "{path}: {error}");
    }
    let mut request = Request::get("http://x/issues.jsonl");
    request.max_body = 50;
    let error = bench.files.fetch(request.clone()).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::TooLarge, "{error}");
    request.url += "?limit=1";
    assert_eq!(bench.files.fetch(request).await.unwrap().status, 200);
}
