//! Secrets reach the server, and nothing else: after a run with the most talkative
//! log, a recording and a failure, no file and no line has them in any form.

mod common;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use common::{Scrape, start};
use scrape_standin::{Action, Auth, Config, Fault, Standin};

const USER: &str = "ada@example.org";
const SECRET: &str = "s3cr3t/with+odd \"signs\"=&%";
const PLAIN: &str = "t0ken-0123456789abcdef";

/// Forms in which a secret could turn up.
fn forms(secret: &str) -> Vec<String> {
    let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    vec![
        secret.to_owned(),
        percent.replace('+', "%20"),
        percent,
        json.trim_matches('"').to_owned(),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

fn server(auth: Auth) -> Standin {
    start(Config {
        projects: vec!["TIDE".into()],
        issues_per_project: 25,
        inline_comments: 2,
        auth,
        ..Config::default()
    })
}

#[test]
fn no_secret_is_told_by_any_kind_of_authentication() {
    let basic = format!("{USER}:{SECRET}");
    let header = |value: &str| Auth::Header { name: "X-Api-Key".into(), value: value.into() };
    let rows = [
        (
            "{ type: basic, username: \"{{ secrets.user }}\", password: \"{{ secrets.key }}\" }",
            SECRET,
            Auth::Basic { user: USER.into(), password: SECRET.into() },
            STANDARD.encode(&basic),
        ),
        (
            "{ type: bearer, token: \"{{ secrets.key }}\" }",
            PLAIN,
            Auth::Bearer { token: PLAIN.into() },
            format!("Bearer {PLAIN}"),
        ),
        (
            "{ type: header, name: X-Api-Key, value: \"Key={{ secrets.key }}\" }",
            SECRET,
            header(&format!("Key={SECRET}")),
            format!("Key={SECRET}"),
        ),
    ];
    for (auth, secret, expected, whole) in rows {
        let scrape = Scrape::new();
        let http = format!(
            "secrets: {{ user: {{ env: TEST_USER }}, key: {{ file: key.txt }} }}\nhttp:\n  auth: {auth}\n"
        );
        let spec = common::JIRA.replacen("http:\n", &http, 1);
        std::fs::write(scrape.dir().join("spec.yaml"), spec).expect("a spec");
        std::fs::write(scrape.dir().join("key.txt"), format!("{secret}\n")).expect("a secret");
        let run = |server: &Standin, more: &[&str]| {
            let args = ["run", "spec.yaml", "--base-url", server.url(), "-o", "out", "-vvv"];
            let mut command = scrape.command(&[&args[..], more].concat());
            command.env("TEST_USER", USER).output().expect("the program starts")
        };
        let server = server(expected);
        // It fails on the way, then goes on, then is refused.
        server.script("*/search*fields=?all*", 2, 100, Fault::InternalError).expect("planned");
        let failed = run(&server, &["--record", "one.har"]);
        assert_eq!(failed.status.code(), Some(3), "{}", String::from_utf8_lossy(&failed.stderr));
        server.apply(Action::ClearFaults).expect("cleared");
        let whole_run = run(&server, &["--record", "two.har", "--resume", "--log-format", "json"]);
        assert_eq!(whole_run.status.code(), Some(0), "{auth}");
        assert!(server.stats().requests > 5);
        // The other verbs, asking the server and telling of what is there.
        let verb = |args: &[&str]| {
            let output = scrape.command(args).env("TEST_USER", USER).output();
            output.expect("the program starts")
        };
        let to = ["spec.yaml", "--base-url", server.url()];
        let others = [
            verb(&[&["plan"], &to[..], &["-r", "0"]].concat()),
            verb(&[&["preview"], &to[..], &["-r", "0", "-o", "none"]].concat()),
            verb(&[&["preview"], &to[..], &["-o", "out", "--full"]].concat()),
            verb(&[&["explain"], &to[..]].concat()),
            verb(&["verify", "spec.yaml", "-o", "out", "-r", "0"]),
            verb(&["build", "spec.yaml", "-o", "out"]),
            verb(&["status", "out", "--format", "json"]),
        ];
        for other in &others {
            let said = String::from_utf8_lossy(&other.stderr);
            assert_eq!(other.status.code(), Some(0), "{auth}: {said}");
        }
        server.script("*/search*", 1, 1, Fault::Unauthorized).expect("planned");
        let refused = run(&server, &["--record", "three.har", "--resume"]);
        assert_eq!(refused.status.code(), Some(1), "{auth}");

        let mut told: Vec<(String, Vec<u8>)> = Vec::new();
        for output in [failed, whole_run, refused].into_iter().chain(others) {
            told.push(("stderr".to_owned(), output.stderr));
            told.push(("stdout".to_owned(), output.stdout));
        }
        let mut found = Vec::new();
        files(scrape.dir(), &mut found);
        for path in found.into_iter().filter(|path| !path.ends_with("key.txt")) {
            told.push((path.display().to_string(), std::fs::read(&path).expect("a file")));
        }
        assert!(told.iter().any(|(name, _)| name.ends_with("store.db")));
        assert!(told.iter().any(|(name, _)| name.ends_with("three.har")));
        let mut all = forms(secret);
        all.extend(forms(&whole));
        for (name, bytes) in &told {
            for form in &all {
                let here = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!here, "{auth}: {name} tells {form}");
            }
        }
    }
}

#[test]
fn another_host_gets_neither_credentials_nor_cookies() {
    let bearer = Auth::Bearer { token: PLAIN.into() };
    let (server, other) = (server(bearer), server(Auth::None));
    let elsewhere = format!("http://{}", other.address());
    let scrape = Scrape::new();
    let http = "secrets: { key: { file: key.txt } }\nhttp:\n  auth: { type: bearer, token: \"{{ secrets.key }}\" }\n";
    let spec = common::JIRA.replacen("http:\n", http, 1);
    std::fs::write(scrape.dir().join("spec.yaml"), &spec).expect("a spec");
    std::fs::write(scrape.dir().join("key.txt"), PLAIN).expect("a secret");
    // Redirects to another host are not followed at all.
    let set = Action::Set {
        latency_ms: None,
        limit_rps: None,
        max_page: None,
        reset_above: None,
        robots: None,
        redirect_to: Some(elsewhere.clone()),
        token: None,
    };
    server.apply(set).expect("set");
    server.script("*/search*", 2, 100, Fault::Redirect).expect("planned");
    let args = ["run", "spec.yaml", "--base-url", server.url(), "-o", "out"];
    let ran = scrape.run(&args).expect(3);
    assert!(ran.stderr.contains("a redirect to another host"), "{}", ran.stderr);
    assert_eq!(other.stats().requests, 0);
    // A request that the spec itself sends there goes without.
    let path = format!("path: {elsewhere}/jira/rest/api/2/issue/{{{{ parent.id }}}}/comment");
    let spec = spec.replace(
        "path: \"/rest/api/2/issue/{{ parent.id }}/comment\"",
        &format!("path: \"{}\"", &path[6..]),
    );
    std::fs::write(scrape.dir().join("spec.yaml"), spec).expect("a spec");
    server.apply(Action::ClearFaults).expect("cleared");
    let args = ["run", "spec.yaml", "--base-url", server.url(), "-o", "two"];
    scrape.run(&args);
    let there = other.requests();
    assert!(there.iter().any(|request| request.route == "comment"), "{}", there.len());
    assert!(there.iter().all(|request| !request.credentials));
    // A session is handed out to who comes without a cookie of one.
    assert!(other.stats().sessions >= 1);
}

/// A password in an address would be stored and told with it.
#[test]
fn an_address_has_no_credentials() {
    let scrape = Scrape::new();
    std::fs::write(scrape.dir().join("spec.yaml"), common::JIRA).expect("a spec");
    for verb in ["run", "plan", "preview", "explain"] {
        let ran = scrape.run(&[verb, "spec.yaml", "--base-url", "http://ada:pa55@127.0.0.1:9/"]);
        let ran = ran.expect(2);
        assert!(ran.stderr.contains("cannot hold credentials"), "{verb}: {}", ran.stderr);
        assert!(!format!("{}{}", ran.stderr, ran.stdout).contains("pa55"), "{verb}");
    }
}
