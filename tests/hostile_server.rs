//! A hostile server: nothing that it sends makes the program grow without end, go to
//! another host, tell credentials, end in a panic, or write to the terminal what the
//! terminal obeys. `benches/hostile.py` measures how much memory each takes.

mod common;

use std::io::{self, Write as _};
use std::net::TcpStream;

use common::scripted::{Scripted, json, reply};
use common::{Ran, Scrape};

/// A stream of items, page by page.
const SPEC: &str = r#"version: 1
name: hostile
params: { base_url: { type: url, required: true } }
http:
  base_url: "{{ params.base_url }}"
  timeout: { connect: 2s, read: 2s }
  retry: { max_attempts: 2, backoff: { initial: 1ms } }
  max_body: 8MiB
streams:
  items:
    request: { path: /items }
    pagination: { type: none }
    records: "$.items[*]"
    primary_key: $.id
    map: { key: { path: $.id, required: true }, name: $.name }
sinks:
  items: { type: jsonl, from: records, path: items.jsonl }
"#;

/// Runs a spec against a server.
fn run(scrape: &Scrape, server: &Scripted, spec: &str, more: &[&str]) -> Ran {
    std::fs::write(scrape.dir().join("spec.yaml"), spec).expect("a spec");
    let base = server.url();
    let args = ["run", "spec.yaml", "--base-url", &base, "-r", "0", "-o", "out"];
    let ran = scrape.run(&[&args[..], more].concat());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

/// A server with one answer to everything.
fn always(answer: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |_, stream| answer(stream))
}

fn gzip(pieces: usize) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..pieces {
        packed.write_all(&[b' '; 1 << 16]).expect("memory");
    }
    packed.finish().expect("memory")
}

#[test]
fn nothing_grows_without_end() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(1 << 16));
    let bomb = gzip(1 << 12);
    let many = |of: &str, times| format!("[{}{of}]", format!("{of},").repeat(times));
    let records = format!("{{\"items\":{}}}", many("{}", 200_000));
    let around = format!("{{\"items\":[],\"more\":{}}}", many("0", 2_500_000));
    let record =
        format!("{{\"items\":[{{\"id\":1}},{{\"id\":2,\"x\":{}}}]}}", many("0", 2_500_000));
    let deep = format!("{{\"items\":[],\"deep\":{}}}", "[".repeat(1 << 20));
    let error = format!("{{\"message\":\"no\",\"more\":{}}}", many("0", 2_500_000));
    type Row = (Scripted, i32, &'static str);
    let rows: Vec<Row> = vec![
        (
            always(move |stream| {
                stream.write_all(head.as_bytes())?;
                loop {
                    stream.write_all(chunk.as_bytes())?;
                }
            }),
            3,
            "the decoded body is longer than 8388608 bytes",
        ),
        (
            always(move |s| s.write_all(&reply("200 OK", "Content-Encoding: gzip\r\n", &bomb))),
            3,
            "the decoded body is longer than 8388608 bytes",
        ),
        (
            always(|stream| {
                stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
                loop {
                    stream.write_all(format!("X-More: {}\r\n", "x".repeat(1000)).as_bytes())?;
                }
            }),
            3,
            "message head is too large",
        ),
        (always(move |s| s.write_all(&json(&records))), 3, "a page of more than 100000 records"),
        (always(move |s| s.write_all(&json(&around))), 3, "more than 2000000 values"),
        (always(move |s| s.write_all(&json(&record))), 0, "malformed_record"),
        (always(move |s| s.write_all(&json(&deep))), 3, "nested too deep"),
        (
            always(move |s| s.write_all(&reply("400 Bad Request", "", error.as_bytes()))),
            3,
            "400 Bad Request",
        ),
    ];
    for (server, code, says) in rows {
        let ran = run(&Scrape::new(), &server, SPEC, &["-v"]);
        assert_eq!(ran.code, Some(code), "{says}:\n{:.2000}", ran.stderr);
        let said = format!("{}{}", ran.stderr, ran.stdout);
        assert!(said.contains(says), "{says}:\n{said:.2000}");
    }
}

#[test]
fn pages_without_end_come_to_one() {
    let spec =
        SPEC.replace("{ type: none }", "{ type: cursor, token: $.next, cursor_param: page }");
    let server = Scripted::start(|target, stream| {
        let page: u64 = target.rsplit('=').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        stream.write_all(&json(format!("{{\"items\":[],\"next\":\"{}\"}}", page + 1)))
    });
    let ran = run(&Scrape::new(), &server, &spec, &[]);
    assert!(server.heads().len() < 150, "{} requests", server.heads().len());
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    // And redirects.
    let server = Scripted::start(|target, stream| {
        stream.write_all(&reply("302 Found", &format!("Location: {target}x\r\n"), b""))
    });
    let ran = run(&Scrape::new(), &server, SPEC, &[]).expect(3);
    assert!(ran.stderr.contains("more than 5 redirects in a row"), "{}", ran.stderr);
    assert_eq!(server.heads().len(), 6);
}

#[test]
fn no_number_of_a_server_is_taken_at_its_word() {
    for wait in ["999999999999.5", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let headers = format!("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nRetry-After: {wait}\r\n");
        let server = always(move |s| s.write_all(&reply("429 Too Many Requests", &headers, b"{}")));
        let ran = run(&Scrape::new(), &server, SPEC, &[]).expect(3);
        assert!(ran.stderr.contains("asks not to be asked again before"), "{}", ran.stderr);
        assert_eq!(server.heads().len(), 1, "{wait}");
    }
    let spec = SPEC.replace(
        "{ type: none }",
        "{ type: keyset, after: $.id, limit_param: n, limit: 10, total: $.total, \
         count: { query: { n: 0 } }, ranges: { max: 16, min_records: 1, \
         probe: { query: { at: \"{{ probe.offset }}\" } } } }",
    );
    let spec =
        spec.replace("{ path: /items }", "{ path: /items, query: { after: '{{ page.after }}' } }");
    for total in ["18446744073709551615", "\"18446744073709551615\"", "-1", "1e300", "0.5"] {
        let body = format!("{{\"items\":[],\"total\":{total}}}");
        let server = always(move |stream| stream.write_all(&json(&body)));
        let ran = run(&Scrape::new(), &server, &spec, &[]);
        assert!(matches!(ran.code, Some(0 | 3)), "{total}: {}", ran.stderr);
    }
}

#[test]
fn a_server_leads_to_no_other_host() {
    let other = always(|stream| stream.write_all(&json("{\"items\":[{\"id\":9}]}")));
    let there = other.url();
    let page = |next: String| {
        format!("{{\"items\":[{{\"id\":1,\"self\":\"{next}\"}}],\"next\":\"{next}\"}}")
    };
    let child = "children:\n      parts: { request: { path: \"{{ parent.self }}/parts\" }, \
                 pagination: { type: none }, records: \"$.items[*]\", primary_key: $.id }\n    map:";
    for (spec, link) in [
        (SPEC.replace("{ type: none }", "{ type: next_url, url: $.next }"), false),
        (SPEC.replace("{ type: none }", "{ type: link_header }"), true),
        (SPEC.replace("map:", child), false),
    ] {
        let body = page(format!("{there}/items"));
        let headers =
            if link { format!("Link: <{there}/items>; rel=\"next\"\r\n") } else { String::new() };
        let server = always(move |s| s.write_all(&reply("200 OK", &headers, body.as_bytes())));
        let scrape = Scrape::new();
        let ran = run(&scrape, &server, &spec, &[]).expect(3);
        let rejected = std::fs::read_to_string(scrape.dir().join("out/rejected.jsonl"));
        let said = format!("{}{}", ran.stderr, rejected.unwrap_or_default());
        let says =
            format!("the server leads to another host, {there}, which the spec does not name");
        assert!(said.contains(&says), "{said}");
        assert_eq!(other.heads(), [] as [String; 0]);
        // One that the user names may be asked.
        let named = spec.replace(
            "params: {",
            &format!("params: {{ also: {{ type: url, default: \"{there}\" }},"),
        );
        run(&Scrape::new(), &server, &named, &[]);
        assert!(!other.heads().is_empty(), "{named}");
        other.forget();
    }
}

/// All kinds of credentials, and the cookie of a session.
#[test]
fn another_host_gets_nothing_by_any_kind_of_authentication() {
    for (auth, sent) in [
        (
            "{ type: basic, username: ada, password: \"{{ secrets.key }}\" }",
            "authorization: basic ",
        ),
        ("{ type: bearer, token: \"{{ secrets.key }}\" }", "authorization: bearer "),
        ("{ type: header, name: X-Api-Key, value: \"{{ secrets.key }}\" }", "x-api-key: "),
    ] {
        let other = always(|stream| stream.write_all(&json("{\"items\":[{\"id\":9}]}")));
        let there = other.url();
        let to = there.clone();
        let server = Scripted::start(move |target, stream| {
            let cookie = "Set-Cookie: session=s3ss10n; Path=/; Domain=127.0.0.1\r\n";
            stream.write_all(&match target {
                "/items" => reply("200 OK", cookie, b"{\"items\":[{\"id\":1},{\"id\":2}]}"),
                _ => reply("302 Found", &format!("{cookie}Location: {to}/items\r\n"), b""),
            })
        });
        // One list is asked of the other host by the spec, one comes to it by a redirect.
        let list = |name: &str, path: &str| {
            format!(
                "\n      {name}: {{ request: {{ path: \"{path}\" }}, pagination: {{ type: none }}, \
                 records: \"$.items[*]\", primary_key: $.id }}"
            )
        };
        let children = format!(
            "children:{}{}\n    map:",
            list("elsewhere", &format!("{there}/items/{{{{ parent.id }}}}")),
            list("redirected", "/moved/{{ parent.id }}")
        );
        let spec = SPEC.replace("map:", &children).replace(
            "http:\n",
            &format!("secrets: {{ key: {{ env: TEST_KEY }} }}\nhttp:\n  auth: {auth}\n"),
        );
        let scrape = Scrape::new();
        std::fs::write(scrape.dir().join("spec.yaml"), spec).expect("a spec");
        let base = server.url();
        let args = ["run", "spec.yaml", "--base-url", &base, "-r", "0", "-o", "out"];
        let output = scrape.command(&args).env("TEST_KEY", "t0ken-0123456789").output();
        let output = output.expect("the program starts");
        assert_eq!(output.status.code(), Some(3));
        let own: Vec<String> = server.heads().iter().map(|h| h.to_lowercase()).collect();
        assert!(own.iter().all(|head| head.contains(sent)), "{auth}: {own:?}");
        assert!(own.iter().any(|head| head.contains("cookie: session=s3ss10n")), "{own:?}");
        let heads = other.heads();
        assert_eq!(heads.len(), 2, "{auth}: {heads:?}");
        for head in heads.iter().map(|head| head.to_lowercase()) {
            for secret in ["authorization", "cookie", "x-api-key", "t0ken", "s3ss10n"] {
                assert!(!head.contains(secret), "{auth}: {secret} in {head}");
            }
        }
    }
}

#[test]
fn the_terminal_obeys_no_server() {
    let codes = "\\u001b[2J\\u001b]0;pwned\\u0007\\u009b31m\\u202e";
    let message = format!("{{\"errorMessages\":[\"{codes}no\"]}}");
    let bodies = [
        reply("400 Bad Request", "", message.as_bytes()),
        reply("400 Bad Request", "", "<title>\u{1b}[2J</title>".as_bytes()),
        reply("503 Service \u{1b}[2J", "", "text \u{1b}[2J\u{9b}31m\u{202e}".as_bytes()),
        reply("302 Found", "Location: http://\u{1b}[2J/\r\n", b""),
        reply("302 Found", "Location: http://h.example/\u{1b}[2J\r\n", b""),
        reply("200 OK", "", "<html><title>\u{1b}[2J\u{9b}</title>".as_bytes()),
        reply("200 OK", "X-Name: \u{1b}[2J\r\n", b"{\"items\":[{\"id\":1,}]}"),
        json(format!(
            "{{\"items\":[{{\"id\":\"{codes}\",\"name\":\"{codes}\"}},{{\"id\":\"{codes}2\",}}]}}"
        )),
        json(format!("{{\"{codes}items\":[]}}")),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let server = always(move |stream| stream.write_all(&body));
        let scrape = Scrape::new();
        let ran = run(&scrape, &server, SPEC, &["-vvv"]);
        let base = server.url();
        let mut told = vec![ran.stderr, ran.stdout];
        for args in [
            &["preview", "spec.yaml", "--base-url", &base, "-r", "0"][..],
            &["preview", "spec.yaml", "-o", "out", "--full"],
            &["plan", "spec.yaml", "--base-url", &base, "-r", "0"],
            &["verify", "spec.yaml", "-o", "out", "-r", "0"],
            &["status", "out"],
        ] {
            let ran = scrape.run(args);
            told.extend([ran.stderr, ran.stdout]);
        }
        for text in told {
            let obeyed = |c: char| {
                (c.is_control() && !matches!(c, '\n' | '\t'))
                    || matches!(c, '\u{202a}'..='\u{202e}')
            };
            assert!(!text.contains(obeyed), "{shown:?}:\n{text:?}");
        }
    }
}
