//! The protocol: connections, encodings, headers, credentials; and the command line.
#![allow(clippy::unwrap_used, unused_crate_dependencies)]

mod client;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use client::{get, receive, search_path, send};
use scrape_standin::{Auth, Config, Standin};

fn with(auth: Auth) -> Config {
    Config { projects: vec!["TIDE".into()], auth, ..Config::default() }
}

#[test]
fn one_connection_carries_many_requests() {
    let standin = Standin::start(with(Auth::None)).unwrap();
    let mut stream = TcpStream::connect(standin.address()).unwrap();
    // Both at once: the second one waits in the buffer.
    stream
        .write_all(
            "GET /jira/rest/api/2/serverInfo HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2).as_bytes(),
        )
        .unwrap();
    let text = receive(&mut stream).text();
    assert!(text.contains("deploymentType"));
    for _ in 0..3 {
        stream
            .write_all(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nCookie: JSESSIONID=1\r\n\r\n")
            .unwrap();
        assert!(matches!(receive(&mut stream).status, 200 | 404));
    }
    stream.write_all(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!((standin.stats().connections, standin.stats().requests), (1, 6));
    assert_eq!(standin.stats().sessions, 3);
}

#[test]
fn replies_have_jiras_headers() {
    let standin = Standin::start(with(Auth::None)).unwrap();
    let reply = get(&standin, "/rest/api/2/serverInfo");
    for name in ["Date", "X-AREQUESTID", "X-ANODEID", "X-ASESSIONID"] {
        assert!(reply.header(name).is_some(), "{name}");
    }
    assert_eq!(reply.header("Content-Type"), Some("application/json;charset=UTF-8"));
    assert_eq!(reply.header("X-AUSERNAME"), Some("anonymous"));
    let cookies: Vec<_> =
        reply.headers.iter().filter(|(n, _)| n == "Set-Cookie").map(|(_, v)| v.as_str()).collect();
    assert!(cookies.iter().any(|c| c.starts_with("JSESSIONID=")), "{cookies:?}");
    let known = send(
        standin.address(),
        "GET",
        "/jira/rest/api/2/serverInfo",
        &["Cookie: JSESSIONID=A"],
        "",
    );
    assert_eq!(known.header("Set-Cookie"), None);
}

#[test]
fn bodies_are_compressed_as_asked() {
    let standin = Standin::start(with(Auth::None)).unwrap();
    let path = format!("/jira{}", search_path("project = TIDE ORDER BY key", "&fields=*all"));
    let fetch = |accept: &str| {
        send(standin.address(), "GET", &path, &[&format!("Accept-Encoding: {accept}")], "")
    };
    let plain = fetch("identity");
    assert_eq!(plain.header("content-encoding"), None);
    for accept in ["gzip", "br", "zstd"] {
        let packed = fetch(accept);
        assert_eq!(packed.header("content-encoding"), Some(accept));
        assert!(packed.body.len() * 3 < plain.body.len());
        let mut text = Vec::new();
        match accept {
            "gzip" => {
                _ = flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut text).unwrap()
            }
            "br" => {
                _ = brotli::Decompressor::new(&packed.body[..], 4096)
                    .read_to_end(&mut text)
                    .unwrap()
            }
            _ => text = zstd::decode_all(&packed.body[..]).unwrap(),
        }
        assert!(text == plain.body, "{accept}");
    }
}

#[test]
fn wrong_credentials_are_turned_away_as_jira_does() {
    let basic = || Auth::Basic { user: "ada".into(), password: "tide:1".into() };
    let standin = Standin::start(Config { captcha_after: Some(2), ..with(basic()) }).unwrap();
    let ask =
        |headers: &[&str]| send(standin.address(), "GET", "/jira/rest/api/2/myself", headers, "");
    // ada:tide:1
    let right = ask(&["Authorization: Basic YWRhOnRpZGU6MQ=="]);
    assert_eq!((right.status, right.json()["name"].as_str()), (200, Some("ada")));
    assert_eq!(
        (right.header("X-AUSERNAME"), right.header("X-Seraph-LoginReason")),
        (Some("ada"), Some("OK"))
    );
    let nobody = ask(&[]);
    assert_eq!(
        (nobody.status, nobody.json()["errorMessages"][1].as_str()),
        (401, Some("Login Required"))
    );
    for status in [401, 401, 403] {
        let wrong = ask(&["Authorization: Basic eDp5"]);
        assert_eq!(wrong.status, status);
        let reason = if status == 401 { "AUTHENTICATED_FAILED" } else { "AUTHENTICATION_DENIED" };
        assert_eq!(wrong.header("X-Seraph-LoginReason"), Some(reason));
        assert!(wrong.text().starts_with("<!DOCTYPE html>"));
    }
    let lenient = Standin::start(Config { auth_ignored: true, ..with(basic()) }).unwrap();
    let wrong = send(
        lenient.address(),
        "GET",
        &format!("/jira{}", search_path("project = TIDE", "")),
        &["Authorization: Basic eDp5"],
        "",
    );
    assert_eq!((wrong.status, wrong.header("X-AUSERNAME")), (200, Some("anonymous")));
}

#[test]
fn tokens_and_headers_open_the_door() {
    for (auth, header) in [
        (Auth::Bearer { token: "t0k".into() }, "Authorization: Bearer t0k"),
        (Auth::Header { name: "X-Key".into(), value: "v 1".into() }, "x-key: v 1"),
    ] {
        let standin = Standin::start(with(auth)).unwrap();
        let ask = |headers: &[&str]| {
            send(standin.address(), "GET", "/jira/rest/api/2/field", headers, "").status
        };
        assert_eq!((ask(&[header]), ask(&[&format!("{header}x")]), ask(&[])), (200, 401, 401));
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (config, want) in [
        (
            Config { projects: vec!["tide".into()], ..Config::default() },
            "`tide` is not a project key",
        ),
        (Config { context_path: "jira".into(), ..Config::default() }, "must begin with /"),
    ] {
        let error = Standin::start(config).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    let first = Standin::start(Config::default()).unwrap();
    let second = Standin::start(Config { port: first.address().port(), ..Config::default() });
    assert!(second.unwrap_err().to_string().contains(&first.address().to_string()));
}

#[test]
fn the_binary_says_where_it_listens() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jira-standin"))
        .args([
            "--projects",
            "TIDE",
            "--issues-per-project",
            "7",
            "--context-path",
            "",
            "--bearer",
            "t",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
    let target = search_path("project = TIDE", "");
    let reply = send(address, "GET", &target, &["Authorization: Bearer t"], "");
    assert_eq!(reply.json()["total"], 7);
    send(address, "POST", "/_control/shutdown", &[], "");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_binary_explains_wrong_options() {
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_jira-standin")).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (args, want) in [
        (["--fault", "499=0.1"], "there is no fault `499`"),
        (["--faults", "5"], "a share is a number from 0 to 1"),
        (["--latency", "20"], "write 20ms"),
        (["--issues", "no-such-file"], "no-such-file: "),
        (["--encoding", "lzma"], "`lzma` is not a list"),
    ] {
        let (code, message) = run(&args);
        assert!(code == Some(2) && message.contains(want), "{args:?}: {message}");
    }
}
