//! The transport against servers written by hand, which do what servers should
//! not.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use scrape_api::{Fetch, FetchError, FetchErrorKind, FetchOptions, Method, Request, Response};
use scrape_fetch_http::{Config, Http};

const READ_TIMEOUT: Duration = Duration::from_millis(300);

/// A server that hands each connection, its number from 0, to a function.
fn serve(handler: impl Fn(&mut Connection, usize) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            handler(&mut Connection(BufReader::new(stream.unwrap())), number);
        }
    });
    port
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    /// The next request: its line and headers; its body is left.
    fn request(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                return lines;
            }
            lines.push(line.trim_end().to_owned());
        }
    }

    fn body(&mut self, length: usize) -> String {
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    fn send(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(text.as_ref());
        let _ = self.0.get_mut().flush();
    }
}

fn http() -> Http {
    let options = FetchOptions::new(Duration::from_secs(2), READ_TIMEOUT);
    Http::new(Config::default(), &options).unwrap()
}

fn request(url: String) -> Request {
    let mut request = Request::get(url);
    request.max_body = 1 << 20;
    request
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn fetch(port: u16) -> Result<Response, FetchError> {
    run(http().fetch(request(format!("http://127.0.0.1:{port}/x?y=%20z"))))
}

fn kind(port: u16) -> FetchErrorKind {
    let error = fetch(port).expect_err("no response");
    assert!(error.message.len() > 15, "{}", error.message);
    error.kind
}

/// Serves one text to every connection, then closes it.
fn kind_of(reply: &'static [u8]) -> FetchErrorKind {
    kind(serve(move |c, _| {
        c.request();
        c.send(reply);
    }))
}

#[test]
fn a_request_is_sent_as_it_is_given() {
    let (sender, receiver) = mpsc::channel();
    let port = serve(move |c, _| {
        let lines = c.request();
        let body = c.body(2);
        sender.send((lines, body)).unwrap();
        c.send("HTTP/1.1 200 OK\r\nX-A: 1\r\nX-a: 2\r\nContent-Length: 2\r\n\r\nhi");
    });
    let mut request = request(format!("http://127.0.0.1:{port}/x?y=%20z"));
    request.method = Method::Post;
    request.headers = vec![("User-Agent".into(), "me".into()), ("X-B".into(), "é".into())];
    request.body = Some("{}".into());
    let response = run(http().fetch(request)).unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"hi"[..]));
    let values: Vec<_> = response.headers.iter().filter(|(n, _)| n == "x-a").collect();
    assert_eq!(values.len(), 2);
    let (lines, body) = receiver.recv().unwrap();
    assert_eq!((lines[0].as_str(), body.as_str()), ("POST /x?y=%20z HTTP/1.1", "{}"));
    assert!(lines.iter().any(|l| l == "user-agent: me"), "{lines:?}");
    assert!(lines.iter().any(|l| l == "x-b: é"), "{lines:?}");
    let accepts = lines.iter().find(|l| l.starts_with("accept-encoding: ")).unwrap();
    assert!(["gzip", "br", "zstd"].iter().all(|e| accepts.contains(e)), "{accepts}");
}

#[test]
fn connections_that_fail_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(kind(free), FetchErrorKind::Connect);
    // Closed before, and in the middle of, the headers.
    assert_eq!(kind_of(b""), FetchErrorKind::Reset);
    assert_eq!(kind_of(b"HTTP/1.1 200 OK\r\nContent-"), FetchErrorKind::Reset);
    assert_eq!(kind_of(b"SSH-2.0-nonsense\r\n\r\n"), FetchErrorKind::Reset);
    // Closed with the request unread, which the system turns into a reset.
    let port = serve(|_, _| thread::sleep(Duration::from_millis(50)));
    assert_eq!(kind(port), FetchErrorKind::Reset);
    // A server that does not speak TLS.
    let port = serve(|c, _| {
        c.0.fill_buf().map(|_| ()).unwrap();
        c.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let error = run(http().fetch(request(format!("https://127.0.0.1:{port}/")))).unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Tls, "{error}");
}

#[test]
fn bodies_that_are_not_whole_are_truncated() {
    let head = "HTTP/1.1 200 OK\r\n";
    for reply in [
        format!("{head}Content-Length: 100\r\n\r\n{{\"issues\":["),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhel"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
        format!("{head}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
    ] {
        assert_eq!(kind_of(reply.clone().leak().as_bytes()), FetchErrorKind::Truncated, "{reply}");
    }
    let mut cut = gzipped(&b"x".repeat(5000));
    cut.truncate(20);
    let head = format!("{head}Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n");
    let reply = [head.into_bytes(), cut].concat();
    assert_eq!(kind_of(reply.leak()), FetchErrorKind::Truncated);
}

#[test]
fn a_body_that_ends_with_the_connection_is_taken_as_it_is() {
    let port = serve(|c, _| {
        c.request();
        c.send("HTTP/1.0 200 OK\r\n\r\n{\"cut\":");
    });
    assert_eq!(&fetch(port).unwrap().body[..], b"{\"cut\":");
}

#[test]
fn silence_is_a_timeout_and_slowness_is_not() {
    let hang = |c: &mut Connection, text: &str| {
        c.request();
        c.send(text);
        thread::sleep(Duration::from_secs(60));
    };
    let begun = Instant::now();
    assert_eq!(kind(serve(move |c, _| hang(c, ""))), FetchErrorKind::Timeout);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    assert_eq!(kind(serve(move |c, _| hang(c, head))), FetchErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(50));
    // A byte now and then keeps the connection, for longer than a read may take.
    let port = serve(|c, _| {
        c.request();
        c.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
        for _ in 0..8 {
            thread::sleep(READ_TIMEOUT / 4);
            c.send("x");
        }
    });
    assert_eq!(fetch(port).unwrap().body.len(), 8);
    // But not for ever.
    let port = serve(|c, _| {
        c.request();
        c.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        for _ in 0..200 {
            thread::sleep(READ_TIMEOUT / 4);
            c.send("x");
        }
    });
    let error = fetch(port).unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Timeout, "{error}");
    assert!(error.message.contains("not whole after 6s"), "{error}");
}

/// Serves a body that is said to be gzip.
fn gzip(body: Vec<u8>) -> u16 {
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    serve(move |c, _| {
        c.request();
        c.send([head.as_bytes(), &body].concat());
    })
}

#[test]
fn gzip_is_undone_whole_and_in_parts() {
    let text: Vec<u8> = (0..60_000_u32).flat_map(|n| n.to_string().into_bytes()).collect();
    for length in [0, 1, 500, 70_000, text.len()] {
        let (one, other) = (&text[..length], &text[text.len() - length..]);
        let response = fetch(gzip(gzipped(one))).unwrap();
        assert_eq!(response.body, one);
        assert_eq!(response.gzip.as_deref(), Some(&gzipped(one)[..]));
        // They say what came, not what it is.
        let is_left = |name: &str| response.headers.iter().any(|(n, _)| n == name);
        assert!(!is_left("content-encoding") && !is_left("content-length"));
        // Members are one body (RFC 1952), also where both have the same size.
        let both = gzip([gzipped(one), gzipped(other)].concat());
        let response = fetch(both).unwrap();
        assert_eq!(response.body, [one, other].concat());
        assert_eq!(response.gzip, None);
    }
    assert_eq!(fetch(gzip(Vec::new())).unwrap().body.len(), 0);
}

#[test]
fn gzip_that_is_broken_anywhere_is_told() {
    let whole = gzipped(&b"{\"a\":\"b\"} ".repeat(20_000));
    let length = whole.len();
    let broken = |at: usize, with: u8| {
        let mut body = whole.clone();
        body[at] ^= with;
        body
    };
    let bodies = [
        whole[..length - 1].to_vec(),
        whole[..length / 2].to_vec(),
        whole[..15].to_vec(),
        // No gzip, in the middle, the checksum, the size.
        broken(1, 1),
        broken(length / 2, 0xff),
        broken(length - 6, 1),
        broken(length - 4, 1),
        broken(length - 1, 0x40),
        [&whole[..], &whole[..length / 2]].concat(),
        [&whole[..], b"more"].concat(),
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        let error = fetch(gzip(body)).expect_err("no error");
        assert_eq!(error.kind, FetchErrorKind::Truncated, "{number}: {error}");
        let lead = "the response ended early or cannot be decoded: gzip: ";
        assert!(error.message.starts_with(lead), "{number}: {error}");
    }
}

#[test]
fn encodings_are_undone_under_a_cap_on_what_comes_out() {
    // 1 MiB is the limit; 64 MiB of zeros are 64 KiB on the wire.
    assert_eq!(fetch(gzip(gzipped(&vec![0; 1 << 20]))).unwrap().body.len(), 1 << 20);
    let bomb = gzip(gzipped(&vec![0; 64 << 20]));
    assert_eq!(kind(bomb), FetchErrorKind::TooLarge);
    let endless = serve(|c, _| {
        c.request();
        c.send("HTTP/1.1 200 OK\r\n\r\n");
        let block = [b'x'; 65536];
        while c.0.get_mut().write_all(&block).is_ok() {}
    });
    assert_eq!(kind(endless), FetchErrorKind::TooLarge);
}

#[test]
fn redirects_are_the_engines_and_cookies_are_kept() {
    let (sender, receiver) = mpsc::channel();
    let port = serve(move |c, _| {
        sender.send(c.request()).unwrap();
        c.send(
            "HTTP/1.1 302 Found\r\nLocation: /login.jsp\r\nSet-Cookie: JSESSIONID=abc; Path=/; \
             HttpOnly\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    });
    let http = http();
    run(async {
        for _ in 0..2 {
            let response = http.fetch(request(format!("http://127.0.0.1:{port}/x"))).await.unwrap();
            assert_eq!((response.status, response.header("location")), (302, Some("/login.jsp")));
        }
    });
    let has_cookie = |lines: Vec<String>| lines.iter().any(|l| l == "cookie: JSESSIONID=abc");
    assert!(!has_cookie(receiver.recv().unwrap()));
    assert!(has_cookie(receiver.recv().unwrap()));
}

#[test]
fn what_cannot_be_sent_says_why_without_the_value() {
    let mut bad = request("http://127.0.0.1:1/".into());
    bad.headers = vec![("Authorization".into(), "s3cret\nline".into())];
    let error = run(http().fetch(bad)).unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Unanswerable);
    assert!(error.message.contains("Authorization") && !error.message.contains("s3cret"));
    let error = run(http().fetch(request("nonsense".into()))).unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Unanswerable);
}

/// Settings of a proxy do not concern this machine: the test runs itself with
/// some.
#[test]
fn loopback_needs_no_proxy() {
    if std::env::var_os("HTTP_PROXY").is_some() {
        let port = serve(|c, _| {
            c.request();
            c.send("HTTP/1.1 204 No Content\r\n\r\n");
        });
        assert_eq!(fetch(port).unwrap().status, 204);
        return;
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "loopback_needs_no_proxy"])
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("http_proxy", "http://127.0.0.1:9")
        .env("ALL_PROXY", "http://127.0.0.1:9")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
        .status()
        .unwrap();
    assert!(status.success());
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
