use super::*;
use crate::plan::{Secret, Template};
use crate::spec::Span;

const SPAN: Span = Span { file: 0, start: 0, end: 0 };

/// Makes an `auth` of the template of its secret part.
type Maker<'a> = &'a dyn Fn(Template) -> Auth;

/// A setup whose secret `token` is in a file.
fn with_token(folder: &std::path::Path, auth: impl Fn(Template) -> Auth) -> Setup {
    let file = folder.join("token");
    std::fs::write(&file, "s3cret-value\n").unwrap();
    let mut setup = Setup::new();
    let template = setup.env.compile("{{ secrets.token }}", SPAN, folder).unwrap();
    setup.http.auth = auth(template);
    setup.http.secrets = vec![
        Secret { name: "token".into(), env: None, file: Some(file) },
        Secret { name: "unused".into(), env: Some("SCRAPE_TEST_UNSET".into()), file: None },
    ];
    setup
}

fn sent_header(bench: &Bench, request: usize, name: &str) -> Option<String> {
    let (_, request) = &bench.wire.log()[request];
    request.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
}

#[tokio::test]
async fn each_kind_makes_its_header_for_the_base_urls_host_alone() {
    let folder = tempfile::tempdir().unwrap();
    let user = Template::constant(Value::from("me"), SPAN);
    let kinds: [(Maker<'_>, &str, &str); 3] = [
        (
            &|password| Auth::Basic { username: user.clone(), password },
            "Authorization",
            "Basic bWU6czNjcmV0LXZhbHVl",
        ),
        (&|token| Auth::Bearer { token }, "Authorization", "Bearer s3cret-value"),
        (
            &|value| Auth::Header { name: "PRIVATE-TOKEN".into(), value },
            "PRIVATE-TOKEN",
            "s3cret-value",
        ),
    ];
    for (auth, name, value) in kinds {
        let mut setup = with_token(folder.path(), auth);
        let named = ["http://h.example:81", "http://o.example"];
        setup.params.insert("hosts".into(), Value::from(&named[..]));
        let bench = setup.start(|_, _| json("{}"));
        for url in [
            "http://h.example/x",
            "https://h.example/x",
            "http://h.example:81/x",
            "http://o.example/x",
        ] {
            let mut call = get("");
            call.target = Target::Url(url.into());
            bench.client.send(|_| call.clone(), 0, parse).await.unwrap();
        }
        let sent: Vec<_> = (0..4).map(|i| sent_header(&bench, i, name)).collect();
        let value = Some(value.to_owned());
        assert_eq!(sent, [value.clone(), value, None, None]);
    }
}

#[tokio::test]
async fn a_missing_secret_is_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = with_token(folder.path(), |token| Auth::Bearer { token });
    setup.http.secrets[0] =
        Secret { name: "token".into(), env: Some("SCRAPE_TEST_UNSET".into()), file: None };
    let error = setup.try_start(|_, _| json("{}")).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the secret `token` is missing: set the environment variable SCRAPE_TEST_UNSET"
    );
}

#[tokio::test]
async fn secrets_are_not_repeated_in_messages() {
    let folder = tempfile::tempdir().unwrap();
    let bench = with_token(folder.path(), |token| Auth::Bearer { token })
        .start(|r, _| response(400, &[], &format!("bad header {:?}", r.headers)));
    let mut call = get("x");
    call.query.push(("key".into(), "s3cret-value".into()));
    let (_, message) = failed(bench.client.send(|_| call.clone(), 0, parse).await);
    assert!(message.contains("[redacted]"), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
}

#[tokio::test]
async fn headers_of_a_request_replace_those_of_the_plan() {
    let bench = Setup::new().start(|_, _| json("{}"));
    let mut call = get("x");
    call.method = Method::Post;
    call.body = Some(Bytes::from_static(b"{}"));
    call.headers = vec![("accept".into(), "text/csv".into())];
    call.query = vec![("jql".into(), "key > \"A-1\" & x".into()), ("jql".into(), "é".into())];
    bench.client.send(|_| call.clone(), 0, parse).await.unwrap();
    let (_, request) = &bench.wire.log()[0];
    let expected = [
        ("User-Agent", "scrape/test"),
        ("Content-Type", "application/json"),
        ("accept", "text/csv"),
    ];
    assert!(request.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).eq(expected));
    assert_eq!(request.url, "http://h.example/jira/x?jql=key+%3E+%22A-1%22+%26+x&jql=%C3%A9");
}

#[tokio::test]
async fn replies_are_numbered_dated_and_repaired() {
    let mut setup = Setup::new();
    setup.options.first_seq = 41;
    let bench = setup.start(|_, _| {
        Ok(Response::new(
            200,
            vec![("date".into(), "Thu, 01 Jan 2026 00:00:00 GMT".into())],
            Bytes::from_static(b"{\"a\":\"\xff\x00\"}"),
        ))
    });
    let sent = bench.get("x").await.unwrap();
    assert_eq!(sent.value, serde_json::json!({ "a": "\u{fffd}\u{0}" }));
    assert_eq!(sent.reply.original.as_deref(), Some(b"{\"a\":\"\xff\x00\"}".as_slice()));
    assert_eq!(sent.reply.seq, 41);
    assert_eq!(bench.get("x").await.unwrap().reply.seq, 42);
    assert_eq!(sent.reply.date, Some(bench.clock.now()));
    assert_eq!(bench.observer.counters.repairs.load(SeqCst), 4);
}

#[tokio::test]
async fn a_body_is_kept_as_it_came_only_where_nothing_was_changed_and_nothing_is_secret() {
    let folder = tempfile::tempdir().unwrap();
    let bench = with_token(folder.path(), |token| Auth::Bearer { token }).start(|r, _| {
        let body: &[u8] = match &r.url[r.url.len() - 1..] {
            "a" => b"\xef\xbb\xbf{\"a\":\"b\"}",
            "b" => b"{\"a\":\"\xff\"}",
            _ => b"{\"next\":\"/x?token=s3cret-value\"}",
        };
        Ok(Response::new(200, Vec::new(), Bytes::copy_from_slice(body)).with_gzip("packed"))
    });
    let reply = bench.get("a").await.unwrap().reply;
    let packed = reply.packed.unwrap();
    assert_eq!((&packed.gzip[..], packed.whole.len()), (&b"packed"[..], 3 + reply.body.len()));
    for changed in ["b", "c"] {
        assert!(bench.get(changed).await.unwrap().reply.packed.is_none(), "{changed}");
    }
}
