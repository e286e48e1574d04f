use serde_json::json;

use super::*;
use crate::http::condition::Situation;
use crate::plan::{Action, Condition, Path, Pause, ReplyKind};
use crate::spec::Span;
use crate::spec::lang::StatusPattern;

fn path(text: &str) -> Path {
    Path::parse(text, Span { file: 0, start: 0, end: 0 }).unwrap()
}

fn rule(when: Condition) -> Rule {
    Rule {
        when,
        action: Action::FailRun,
        pause: Pause::Request,
        wait: Vec::new(),
        shrink_page: false,
        say: None,
        span: None,
    }
}

#[test]
fn all_parts_must_hold_and_one_entry_of_a_list() {
    let headers = vec![("x-ausername".to_owned(), "Anonymous".to_owned())];
    let body = br#"{"deploymentType":"Cloud","n":[1,2],"errorMessages":["Issue Does Not Exist"]}"#;
    let situation = Situation {
        status: Some(404),
        reply: Some(ReplyKind::Html),
        headers: &headers,
        body,
        transport: None,
    };
    let status = |s| Condition { status: vec![s], ..Condition::default() };
    let json = |p: &str, v: Value| Condition { json: vec![(path(p), v)], ..Condition::default() };
    let header = |n: &str, v: &str| Condition {
        header: vec![(n.to_owned(), v.to_owned())],
        ..Condition::default()
    };
    let body = |glob: &str| Condition { body: Some(glob.to_owned()), ..Condition::default() };
    for (condition, expected) in [
        (Condition::default(), true),
        (status(StatusPattern::Exact(404)), true),
        (status(StatusPattern::Class(4)), true),
        (status(StatusPattern::Class(5)), false),
        (
            Condition {
                status: vec![StatusPattern::Exact(400), StatusPattern::Exact(404)],
                ..body("*does not exist*")
            },
            true,
        ),
        (Condition { status: vec![StatusPattern::Exact(400)], ..body("*does not*") }, false),
        (body("*DOES NOT EXIST*"), true),
        (body("does not exist"), false),
        (header("X-AUSERNAME", "anonymous"), true),
        (header("X-AUSERNAME", "anon"), false),
        (header("X-Other", "*"), false),
        (json("$.deploymentType", json!("cloud")), true),
        (json("$.deploymentType", json!("Server")), false),
        (json("$.n[*]", json!(2)), true),
        (json("$.n[*]", json!("2")), true),
        (json("$.n[*]", json!(3)), false),
        (json("$.missing", json!(null)), false),
        (Condition { transport: vec![FetchErrorKind::Reset], ..Condition::default() }, false),
        (Condition { reply: vec![ReplyKind::Html, ReplyKind::Cut], ..Condition::default() }, true),
        (Condition { reply: vec![ReplyKind::Login], ..Condition::default() }, false),
    ] {
        assert_eq!(condition.holds(&situation), expected);
    }
}

#[tokio::test]
async fn a_good_status_can_be_an_error_all_the_same() {
    let when = Condition { json: vec![(path("$.error"), json!(true))], ..Condition::default() };
    let bench = Setup::new().rule(rule(when)).start(|_, n| match n {
        0 => super::json(r#"{"bugs":[]}"#),
        _ => super::json(r#"{"error":true,"message":"API key authentication is required."}"#),
    });
    bench.get("x").await.unwrap();
    let (scope, message) = failed(bench.get("x").await);
    assert_eq!(scope, FailureScope::Run);
    assert!(message.contains("200: API key authentication is required ("), "{message}");
}

#[tokio::test]
async fn what_a_record_says_about_errors_does_not_matter() {
    let body = Condition { body: Some("*maintenance*".into()), ..Condition::default() };
    let bench = Setup::new()
        .rule(rule(body))
        .rule(rule(Condition::default()))
        .start(|_, _| super::json(r#"{"summary":"maintenance mode is broken"}"#));
    bench.get("x").await.unwrap();
}

#[tokio::test]
async fn pages_of_people_are_told_from_answers() {
    let html = |body: &'static str| {
        move |_: &Request, _: usize| response(200, &[("content-type", "text/html")], body)
    };
    let bench = Setup::new().start(html("<html><title>Back soon</title></html>"));
    let (scope, message) = failed(bench.get("x").await);
    assert_eq!(scope, FailureScope::Partition);
    assert!(message.contains("a web page titled \"Back soon\""), "{message}");
    assert_eq!(bench.wire.times().len(), 4);

    let bench = Setup::new().start(html("<form id=\"login-form\">"));
    let (scope, message) = failed(bench.get("x").await);
    assert_eq!(scope, FailureScope::Run);
    assert!(message.starts_with("The server asks for a login"), "{message}");
    assert_eq!(bench.wire.times().len(), 1);
}

#[tokio::test]
async fn redirects_within_the_host_are_followed() {
    let bench = Setup::new().start(|r, _| match r.url.as_str() {
        "http://h.example/jira/a" => response(302, &[("location", "/b?x=1")], ""),
        "http://h.example/b?x=1" => response(301, &[("location", "https://h.example/c")], ""),
        "https://h.example/c" => json_url(r),
        "http://h.example/jira/loop" => response(307, &[("location", "loop")], ""),
        "http://h.example/jira/out" => response(302, &[("location", "http://evil.example/")], ""),
        "http://h.example/jira/in" => {
            response(302, &[("location", "/login.jsp?os_destination=%2F")], "")
        }
        other => panic!("{other}"),
    });
    let sent = bench.get("a").await.unwrap();
    assert_eq!(sent.reply.url, "https://h.example/c");
    assert_eq!(bench.wire.times().len(), 3);
    let (_, message) = failed(bench.get("loop").await);
    assert!(message.contains("more than 5 redirects"), "{message}");
    let (scope, message) = failed(bench.get("out").await);
    assert_eq!(scope, FailureScope::Partition);
    assert!(message.contains("another host, http://evil.example/"), "{message}");
    let (scope, message) = failed(bench.get("in").await);
    assert_eq!(scope, FailureScope::Run);
    assert!(message.contains("login page http://h.example/login.jsp"), "{message}");
    let mut post = get("a");
    post.method = Method::Post;
    let (_, message) = failed(bench.client.send(|_| post.clone(), 0, parse).await);
    assert!(message.contains("a POST is not sent elsewhere"), "{message}");
}

fn json_url(request: &Request) -> Answer {
    super::json(&Value::from(request.url.as_str()).to_string())
}
