use super::*;

fn obeying() -> Setup {
    let mut setup = Setup::new();
    setup.http.robots = Robots::Obey;
    setup
}

const ROBOTS: &str = "User-agent: *\nDisallow: /jira/sr/\nCrawl-delay: 2\n";

#[tokio::test]
async fn robots_txt_is_read_once_and_obeyed() {
    let bench = obeying().start(|r, _| match r.url.as_str() {
        "http://h.example/robots.txt" => response(200, &[("content-type", "text/plain")], ROBOTS),
        "http://h.example/jira/to" => response(302, &[("location", "/jira/sr/x")], ""),
        _ => json("{}"),
    });
    let (a, b) = tokio::join!(bench.get("a"), bench.get("b"));
    a.and(b).unwrap();
    let (scope, message) = failed(bench.get("sr/x").await);
    assert_eq!(scope, FailureScope::Partition);
    assert!(message.contains("forbids /jira/sr/x (Disallow: /jira/sr/)"), "{message}");
    let (_, message) = failed(bench.get("to").await);
    assert!(message.contains("which robots.txt forbids"), "{message}");
    let mut paths = bench.wire.paths();
    paths[1..3].sort();
    assert_eq!(paths, ["/robots.txt", "/jira/a", "/jira/b", "/jira/to"]);
    // The delay that it asks for holds from then on.
    let times = bench.wire.times();
    assert!(times[1..].windows(2).all(|w| w[1] - w[0] >= 2.0), "{times:?}");
}

#[tokio::test]
async fn no_robots_txt_forbids_nothing() {
    for (status, headers) in [
        (404, vec![]),
        (403, vec![]),
        (410, vec![]),
        (302, vec![("location", "http://other.example/robots.txt")]),
        (302, vec![("location", "/login.jsp")]),
    ] {
        let bench = obeying().start(move |r, _| match r.url.ends_with("robots.txt") {
            true => response(status, &headers, "User-agent: *\nDisallow: /"),
            false => json("{}"),
        });
        bench.get("x").await.unwrap();
        assert_eq!(bench.wire.paths(), ["/robots.txt", "/jira/x"]);
    }
}

#[tokio::test]
async fn robots_txt_that_cannot_be_read_ends_the_run() {
    let bench = obeying().start(|_, n| match n {
        1 => failure(FetchErrorKind::Connect),
        _ => response(503, &[], "down"),
    });
    let (scope, message) = failed(bench.get("x").await);
    assert_eq!(scope, FailureScope::Run);
    assert!(
        message
            .starts_with("robots.txt: 503 Service Unavailable: down (given up after 4 attempts)"),
        "{message}"
    );
    assert_eq!(bench.wire.paths(), vec!["/robots.txt"; 4]);
}
