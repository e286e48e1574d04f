//! All kinds of pagination, and rules, against a transport in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use scrape_api::{BoxFuture, Fetch, FetchError, Request, Response};
use serde_json::{Value, json};
use url::Url;

use super::bench::{Bench, at, limited, part, project};
use crate::collect::{CollectOptions, CollectReport};
use crate::store::PartitionState;

/// A server in memory: requests by URL, replies by what `answer` says.
struct Memory<F> {
    answer: F,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Status, headers and body.
type Answer = (u16, Vec<(String, String)>, String);

impl<F: Fn(&Url, &HashMap<String, String>) -> Answer + Send + Sync> Fetch for Memory<F> {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        let url = Url::parse(&request.url).unwrap();
        let query = url.query_pairs().into_owned().collect();
        let (status, headers, body) = match url.path() {
            "/robots.txt" => (404, Vec::new(), String::new()),
            _ => {
                self.asked.lock().unwrap().push(request.url.clone());
                (self.answer)(&url, &query)
            }
        };
        Box::pin(async move { Ok(Response::new(status, headers, body)) })
    }
}

const SPEC: &str = r#"
version: 1
name: test
http:
  base_url: https://h.example/api
  user_agent: test
  retry: { max_attempts: 2, backoff: { type: exponential, initial: 1ms, max: 1ms, jitter: none } }
  on_response: RULES
streams:
  issues:
    request: { path: /items, query: QUERY }
    pagination: PAGINATION
    records: RECORDS
    primary_key: $.id
    map:
      id: $.id
"#;

fn spec(query: &str, pagination: &str, records: &str) -> String {
    SPEC.replace("QUERY", query)
        .replace("PAGINATION", pagination)
        .replace("RECORDS", records)
        .replace("RULES", "[{ if: { status: [404] }, do: end }]")
}

struct Outcome {
    bench: Bench,
    report: CollectReport,
    asked: Vec<String>,
}

impl Outcome {
    fn ids(&self) -> Vec<String> {
        self.bench.records("").into_iter().map(|r| r.primary_key).collect()
    }

    fn state(&self) -> PartitionState {
        part(&self.report, "").state
    }

    fn reason(&self) -> &str {
        part(&self.report, "").reason.as_deref().unwrap_or_default()
    }
}

fn collect(
    spec: &str,
    limit: Option<u64>,
    answer: impl Fn(&Url, &HashMap<String, String>) -> Answer + Send + Sync + 'static,
) -> Outcome {
    go(Bench::with(project("NONE", 0), spec), limit.map_or(at(4), limited), answer)
}

/// Goes on with what an outcome left, with `--resume`.
fn again(
    outcome: Outcome,
    answer: impl Fn(&Url, &HashMap<String, String>) -> Answer + Send + Sync + 'static,
) -> Outcome {
    go(outcome.bench, CollectOptions { resume: true, ..at(4) }, answer)
}

fn go(
    bench: Bench,
    options: CollectOptions,
    answer: impl Fn(&Url, &HashMap<String, String>) -> Answer + Send + Sync + 'static,
) -> Outcome {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let memory = Arc::new(Memory { answer, asked: asked.clone() });
    let report = bench.run_over(memory, options).unwrap();
    let asked = asked.lock().unwrap().clone();
    Outcome { bench, report, asked }
}

fn items(from: usize, to: usize) -> Vec<Value> {
    (from.min(25)..to.min(25)).map(|id| json!({ "id": id })).collect()
}

fn ok(body: Value) -> Answer {
    (200, Vec::new(), body.to_string())
}

fn number(query: &HashMap<String, String>, name: &str) -> usize {
    query.get(name).map_or(0, |n| n.parse().unwrap())
}

fn all() -> Vec<String> {
    (0..25).map(|id| id.to_string()).collect()
}

/// Pages by position that name their total, and a sweep over keys.
fn swept() -> String {
    spec(
        "{ fields: all }",
        "{ type: offset, offset_param: from, limit_param: n, limit: 10, total: $.total, \
         sweep: { limit: 100, query: { fields: key } } }",
        "\"$.items[*]\"",
    )
}

/// The reply to [`swept`].
fn by_position(query: &HashMap<String, String>) -> Answer {
    let from = number(query, "from");
    ok(json!({ "items": items(from, from + number(query, "n")), "total": 25 }))
}

#[test]
fn an_outage_costs_no_record() {
    // Down from the second page on, until a request for keys alone was answered.
    let keys_came = AtomicBool::new(false);
    let outcome = collect(&swept(), None, move |_, query| {
        let keys = query["fields"] == "key";
        keys_came.fetch_or(keys, SeqCst);
        match number(query, "from") >= 10 && !keys_came.load(SeqCst) {
            true => (500, Vec::new(), String::from("down")),
            false => by_position(query),
        }
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
    assert_eq!(outcome.bench.rejects(), []);
}

#[test]
fn page_numbers() {
    let spec = spec(
        "{ state: all }",
        "{ type: page, page_param: page, limit_param: per_page, limit: 10 }",
        "\"$[*]\"",
    );
    let outcome = collect(&spec, None, |_, query| {
        assert_eq!(query["state"], "all");
        let (page, size) = (number(query, "page"), number(query, "per_page"));
        ok(json!(items((page - 1) * size, page * size)))
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
    // Without a total only an empty page is the end.
    assert_eq!(outcome.asked.len(), 4);
}

#[test]
fn tokens() {
    let spec = spec(
        "{}",
        "{ type: cursor, token: $.next, cursor_param: token, last: $.is_last, limit_param: n, limit: 10 }",
        "\"$.items[*]\"",
    );
    let outcome = collect(&spec, None, |_, query| {
        let token = query.get("token").map(String::as_str);
        // The server clamps, and sends a page without items on the way.
        let (page, next, is_last) = match token {
            None => (items(0, 8), "e", false),
            Some("e") => (items(0, 0), "f", false),
            Some("f") => (items(8, 16), "g", false),
            _ => (items(16, 25), "h", true),
        };
        ok(json!({ "items": page, "next": next, "is_last": is_last }))
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
    assert_eq!(outcome.asked.len(), 4);
}

#[test]
fn tokens_that_lead_in_a_circle_fail() {
    let spec = spec("{}", "{ type: cursor, token: $.next, cursor_param: token }", "\"$.items[*]\"");
    let outcome = collect(&spec, None, |_, query| {
        let from = number(query, "token");
        ok(json!({ "items": items(from, from + 5), "next": if from >= 10 { 5 } else { from + 5 } }))
    });
    assert_eq!(outcome.state(), PartitionState::Failed);
    assert!(outcome.reason().contains("leads back"), "{}", outcome.reason());
    assert!(outcome.asked.len() < 10);
}

#[test]
fn link_headers() {
    let spec = spec("{}", "{ type: link_header, limit_param: n, limit: 10 }", "\"$[?!@.pull]\"");
    let outcome = collect(&spec, None, |url, query| {
        let from = number(query, "after");
        // The path changes, as on GitHub; half of what comes is filtered out.
        assert_eq!(url.path(), if from == 0 { "/api/items" } else { "/repositories/7/items" });
        let mut page = items(from, from + 10);
        page.push(json!({ "id": format!("p{from}"), "pull": {} }));
        let mut headers = Vec::new();
        if from + 10 < 25 {
            let next = from + 10;
            let link = format!("</repositories/7/items?after={next}&n=10>; rel=\"next\"");
            headers.push(("link".to_owned(), link));
        }
        (200, headers, json!(page).to_string())
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
    assert_eq!(outcome.asked[1], "https://h.example/repositories/7/items?after=10&n=10");
}

#[test]
fn urls_in_replies() {
    let spec = spec("{ q: x }", "{ type: next_url, url: $.links.next }", "\"$.items[*]\"");
    let outcome = collect(&spec, None, |_, query| {
        let from = number(query, "from");
        let next = (from + 10 < 25).then(|| format!("?from={}", from + 10));
        ok(json!({ "items": items(from, from + 10), "links": { "next": next } }))
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
}

#[test]
fn one_reply_is_all() {
    let spec = spec("{}", "{ type: none }", "\"$.items[*]\"");
    let outcome = collect(&spec, None, |_, _| ok(json!({ "items": items(0, 25) })));
    assert_eq!((outcome.ids(), outcome.asked.len()), (all(), 1));
}

#[test]
fn a_rule_that_says_end_ends_as_an_empty_page_would() {
    let spec = spec(
        "{}",
        "{ type: page, page_param: page, first: 0, limit_param: n, limit: 10 }",
        "\"$.items[*]\"",
    );
    let outcome = collect(&spec, None, |_, query| match number(query, "page") {
        3 => (404, Vec::new(), String::from("no such page")),
        page => ok(json!({ "items": items(page * 10, page * 10 + 10) })),
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
}

#[test]
fn a_number_that_does_not_fit_is_looked_into_and_said() {
    let spec = spec(
        "{}",
        "{ type: offset, offset_param: from, limit_param: n, limit: 10, total: $.total }",
        "\"$.items[*]\"",
    );
    // The second page is short of a record the first time it is read.
    let reads = Mutex::new(0);
    let outcome = collect(&spec, None, move |_, query| {
        let from = number(query, "from");
        let mut page = items(from, from + 10);
        if from == 10 {
            *reads.lock().unwrap() += 1;
            if *reads.lock().unwrap() == 1 {
                page[3] = page[4].clone();
            }
        }
        ok(json!({ "items": page, "total": 25 }))
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
    assert_eq!(outcome.asked.len(), 6);
    let outcome = collect(&spec, None, |_, query| {
        let from = number(query, "from");
        ok(json!({ "items": items(from, from + 10), "total": 26 }))
    });
    assert_eq!(outcome.state(), PartitionState::Incomplete);
    assert!(outcome.reason().contains("26 records, and 25 are here"), "{}", outcome.reason());
    assert_eq!(outcome.ids(), all());
    // Going on asks again: incomplete is not complete because all pages were read.
    let outcome = again(outcome, |_, query| {
        let from = number(query, "from");
        ok(json!({ "items": items(from, from + 10), "total": 26 }))
    });
    assert_eq!(outcome.state(), PartitionState::Incomplete);
    // Three pages, and four times the empty one that cannot be true.
    assert_eq!(outcome.asked.len(), 7, "{:?}", outcome.asked);
    let outcome = again(outcome, |_, query| by_position(query));
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
}

#[test]
fn a_total_that_only_the_first_page_names_has_not_moved() {
    let outcome = collect(&swept(), None, |_, query| {
        let from = number(query, "from");
        let total = (from == 0).then_some(25);
        ok(json!({ "items": items(from, from + 10), "total": total }))
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
    // Three pages and the empty one behind them, once.
    assert_eq!(outcome.asked.len(), 4, "{:?}", outcome.asked);
}

#[test]
fn a_reject_of_a_record_that_is_here_stands_for_no_other() {
    // The second page repeats a record, damaged, in place of its fourth.
    let reads = Mutex::new(0);
    let outcome = collect(&swept(), None, move |_, query| {
        let mut answer = by_position(query);
        let mut reads = reads.lock().unwrap();
        *reads += u32::from(number(query, "from") == 10);
        if *reads == 1 && number(query, "from") == 10 {
            answer.2 = answer.2.replace(r#"{"id":13}"#, r#"{"id":3,"x":nope}"#);
        }
        answer
    });
    assert_eq!((outcome.ids(), outcome.state()), (all(), PartitionState::Complete));
}

#[test]
fn a_record_without_a_key_is_rejected_by_its_bytes() {
    let spec = spec("{}", "{ type: none }", "\"$.items[*]\"");
    let outcome = collect(&spec, None, |_, _| {
        let body =
            r#"{"items":[{"id":12345678901234567890123},{"id":null},{"x":1},{"id":4049.0}]}"#;
        (200, Vec::new(), body.to_owned())
    });
    assert_eq!(outcome.ids(), ["4049.0", "12345678901234567890123"]);
    let rejects = outcome.bench.rejects();
    assert_eq!(rejects.len(), 2);
    for reject in rejects {
        assert_eq!(reject.reason, "missing_primary_key");
        assert_eq!(reject.pointer.as_deref(), Some("/id"));
        assert!(reject.key.starts_with("hash:"), "{}", reject.key);
    }
}

#[test]
fn a_host_that_asks_for_a_long_rest_stops_the_run_resumably() {
    let spec = spec("{}", "{ type: none }", "\"$.items[*]\"");
    let outcome = collect(&spec, None, |_, _| {
        (429, vec![("retry-after".to_owned(), "86400".to_owned())], String::new())
    });
    assert_eq!(outcome.state(), PartitionState::Running);
    let (back_at, why) = outcome.report.closed.clone().unwrap();
    assert!(back_at > std::time::SystemTime::now() + std::time::Duration::from_secs(80_000));
    assert!(why.contains("--resume"), "{why}");
    assert!(!outcome.report.is_complete());
}

#[test]
fn a_limit_is_kept_by_all_kinds() {
    for (pagination, records) in [
        ("{ type: offset, offset_param: from, limit_param: n, limit: 10 }", "\"$.items[*]\""),
        ("{ type: next_url, url: $.next }", "\"$.items[*]\""),
        ("{ type: none }", "\"$.items[*]\""),
    ] {
        let spec = spec("{}", pagination, records);
        let outcome = collect(&spec, Some(12), |_, query| {
            let from = number(query, "from");
            let next = (from + 10 < 25).then(|| format!("/api/items?from={}", from + 10));
            ok(json!({ "items": items(from, from + 10), "next": next }))
        });
        let expected = if pagination.contains("none") { 10 } else { 12 };
        assert_eq!(outcome.ids(), all()[..expected], "{pagination}");
        let state = if expected == 12 { PartitionState::Limited } else { PartitionState::Complete };
        assert_eq!(outcome.state(), state);
    }
}

/// One record with a list of twelve comments, the answer to a page of which
/// `answer` may change.
fn with_comments(answer: impl Fn(usize, &mut Value) + Send + Sync + 'static) -> Outcome {
    let child = r#"primary_key: $.id
    children:
      comments:
        request: { path: "/items/{{ parent.id }}/comments" }
        pagination: { type: offset, offset_param: from, limit_param: n, limit: 5, total: $.total }
        records: "$.comments[*]"
        primary_key: $.id"#;
    let spec = spec("{}", "{ type: none }", "\"$.items[*]\"").replace("primary_key: $.id", child);
    collect(&spec, None, move |url, query| {
        if url.path() == "/api/items" {
            return ok(json!({ "items": items(0, 1) }));
        }
        let from = number(query, "from");
        let mut page = json!({ "comments": items(from.min(12), (from + 5).min(12)), "total": 12 });
        answer(from, &mut page);
        ok(page)
    })
}

fn comments(outcome: &Outcome) -> Vec<String> {
    let record = outcome.bench.records("").remove(0);
    record.children.into_iter().flat_map(|l| l.items).map(|item| item.primary_key).collect()
}

#[test]
fn a_list_that_is_cut_short_is_read_again() {
    for changes_total in [false, true] {
        // The first time the number changes, or the last page is empty, and stays
        // so the three times that it is asked for again.
        let left = Mutex::new(if changes_total { 1 } else { 4 });
        let outcome = with_comments(move |from, page| {
            let mut left = left.lock().unwrap();
            if *left > 0 && from == if changes_total { 5 } else { 10 } {
                *left -= 1;
                match changes_total {
                    true => page["total"] = json!(13),
                    false => page["comments"] = json!([]),
                }
            }
        });
        assert!(outcome.report.is_complete(), "{:?}", outcome.report);
        assert_eq!(comments(&outcome), all()[..12], "{:?}", outcome.asked);
        let starts = outcome.asked.iter().filter(|url| url.ends_with("from=0")).count();
        assert_eq!(starts, 2, "{:?}", outcome.asked);
    }
}

#[test]
fn a_list_that_stays_cut_short_fails() {
    let outcome = with_comments(|from, page| {
        if from == 10 {
            page["comments"] = json!([]);
        }
    });
    assert_eq!(outcome.report.failed_children, 1);
    let record = outcome.bench.records("").remove(0);
    let reason = record.missing[0].1.clone().unwrap();
    assert!(reason.contains("10 items came, and the server says there are 12"), "{reason}");
}

#[test]
fn a_record_that_moves_into_a_partition_that_is_done_is_found() {
    let spec = spec(
        "{ p: '{{ p }}' }",
        "{ type: offset, offset_param: from, limit_param: n, limit: 10, total: $.total, \
         count: { query: { n: 0 } }, sweep: { limit: 100, query: { fields: key } } }",
        "\"$.items[*]\"",
    )
    .replace("max_attempts: 2", "max_attempts: 1000")
    .replace("    request: {", "    for_each: { p: [A, B] }\n    request: {");
    // Record 24 leaves B, before its last page is read, for A, which is done.
    let a_done = AtomicBool::new(false);
    let outcome = collect(&spec, None, move |_, query| {
        let (from, size) = (number(query, "from"), number(query, "n"));
        let moved = a_done.load(SeqCst);
        let here = match (&*query["p"], moved) {
            ("A", true) => [items(0, 12), items(24, 25)].concat(),
            ("A", false) => items(0, 12),
            (_, true) => items(12, 24),
            (_, false) => items(12, 25),
        };
        let page: Vec<_> = here.iter().skip(from).take(size).cloned().collect();
        if query["p"] == "A" && size == 0 {
            a_done.store(true, SeqCst);
        }
        if query["p"] == "B" && !moved {
            // B is slower than A: its attempts last until A is done.
            return (500, Vec::new(), String::new());
        }
        ok(json!({ "items": page, "total": here.len() }))
    });
    let ids = |p| outcome.bench.records(p).into_iter().map(|r| r.primary_key).collect::<Vec<_>>();
    assert!(outcome.report.is_complete(), "{:?}", outcome.report);
    assert_eq!(part(&outcome.report, "A").got, 13);
    assert_eq!([ids("A"), ids("B")].concat().len(), 25);
    assert!(ids("A").contains(&String::from("24")));
}
