//! Each fault as it shows on the wire, and how often faults strike.
#![allow(clippy::unwrap_used, unused_crate_dependencies)]

mod client;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use client::{Ending, Reply, get, keys, search};
use scrape_standin::{Config, Fault, FaultConfig, Standin};
use serde_json::Value;

const ALL: &str = "project = TIDE ORDER BY key ASC";

fn with_faults(faults: FaultConfig) -> Standin {
    Standin::start(Config {
        projects: vec!["TIDE".into()],
        issues_per_project: 60,
        faults,
        ..Config::default()
    })
    .unwrap()
}

/// The reply to the first search when that fault strikes it.
fn struck(fault: Fault) -> Reply {
    let faults = FaultConfig {
        hang: Duration::from_millis(150),
        drip: Duration::from_millis(150),
        ..FaultConfig::default()
    };
    let standin = with_faults(faults);
    standin.script("*/search*", 1, 1, fault).unwrap();
    let reply = search(&standin, ALL, "");
    assert_eq!(standin.stats().by_fault, BTreeMap::from([(fault, 1)]));
    let again = search(&standin, ALL, "");
    assert_eq!((again.status, again.ending), (200, Ending::Whole), "after {fault}");
    reply
}

#[test]
fn too_many_requests_in_four_forms() {
    let seconds = struck(Fault::TooMany);
    assert_eq!((seconds.status, seconds.header("retry-after")), (429, Some("1")));
    let date = struck(Fault::TooManyDate);
    let until = httpdate::parse_http_date(date.header("retry-after").unwrap()).unwrap();
    assert!(until > SystemTime::now() && until < SystemTime::now() + Duration::from_secs(2));
    let text = struck(Fault::TooManyText);
    assert_eq!((text.status, text.header("retry-after")), (429, None));
    assert!(text.header("content-type").unwrap().starts_with("text/plain"));
    assert_eq!(struck(Fault::TooManyZero).header("retry-after"), Some("0"));
}

#[test]
fn server_errors_are_pages_of_html() {
    for (fault, status) in [
        (Fault::InternalError, 500),
        (Fault::BadGateway, 502),
        (Fault::Unavailable, 503),
        (Fault::GatewayTimeout, 504),
        (Fault::Html, 200),
    ] {
        let reply = struck(fault);
        assert_eq!(reply.status, status);
        assert!(reply.header("content-type").unwrap().starts_with("text/html"), "{fault}");
        assert!(reply.text().starts_with("<!DOCTYPE html>"), "{fault}");
        assert_eq!(reply.header("retry-after").is_some(), fault == Fault::Unavailable);
    }
    let login = struck(Fault::Login);
    assert_eq!(login.status, 302);
    assert!(
        login
            .header("location")
            .unwrap()
            .starts_with("/jira/login.jsp?os_destination=%2Frest%2Fapi%2F2%2Fsearch")
    );
    assert_eq!(struck(Fault::EmptyReply).body, b"");
}

#[test]
fn connections_break_where_they_are_told_to() {
    let whole = search(&with_faults(FaultConfig::default()), ALL, "").body;
    let reset = struck(Fault::Reset);
    assert_eq!((reset.status, reset.ending), (0, Ending::Reset));
    let head = struck(Fault::ResetInHeaders);
    assert_eq!((head.status, head.ending), (0, Ending::Reset));
    let body = struck(Fault::ResetInBody);
    assert_eq!((body.status, body.ending), (200, Ending::Reset));
    let cut = struck(Fault::Truncated);
    assert_eq!((cut.status, cut.ending), (200, Ending::Short));
    assert_eq!(cut.header("content-length"), Some(whole.len().to_string().as_str()));
    assert_eq!(cut.body, whole[..whole.len() / 2]);
    let short = struck(Fault::ShortLength);
    assert_eq!((short.ending, short.body.as_slice()), (Ending::Whole, &whole[..whole.len() / 2]));
    let chunked = struck(Fault::ChunkedCut);
    assert_eq!(
        (chunked.header("transfer-encoding"), chunked.header("content-length")),
        (Some("chunked"), None)
    );
    assert!(!chunked.body.ends_with(b"0\r\n\r\n"));
    let close = struck(Fault::CloseCut);
    assert_eq!((close.header("content-length"), close.header("connection")), (None, Some("close")));
    assert_eq!(close.body, whole[..whole.len() / 2]);
    for slow in [Fault::Hang, Fault::Drip] {
        let reply = struck(slow);
        assert!(
            reply.body == whole && reply.took >= Duration::from_millis(140),
            "{slow}: {:?}",
            reply.took
        );
    }
}

#[test]
fn hostile_replies() {
    let wrong = struck(Fault::WrongEncoding);
    assert_eq!(wrong.header("content-encoding"), Some("gzip"));
    assert!(wrong.body.starts_with(b"{"));
    assert!(struck(Fault::Bom).body.starts_with(b"\xef\xbb\xbf{"));
    let bomb = struck(Fault::Bomb).body;
    let mut unpacked = flate2::read::GzDecoder::new(&bomb[..]);
    let size = std::io::copy(&mut unpacked, &mut std::io::sink()).unwrap();
    assert!(bomb.len() < 4 << 20 && size > 256 << 20, "{} {size}", bomb.len());
    let padding = struck(Fault::HugeHeaders);
    assert!(padding.headers.iter().map(|(_, v)| v.len()).sum::<usize>() > 2_000_000);
    let refused = struck(Fault::Unauthorized);
    assert_eq!(
        (refused.status, refused.header("x-seraph-loginreason")),
        (401, Some("AUTHENTICATED_FAILED"))
    );
    let standin = with_faults(FaultConfig::default());
    standin.script("*", 1, 1, Fault::LargePage).unwrap();
    assert_eq!(keys(&search(&standin, ALL, "&maxResults=2")).len(), 20);
}

#[test]
fn redirects_lead_to_another_server() {
    let other = with_faults(FaultConfig::default());
    let standin = Standin::start(Config {
        redirect_to: Some(format!("http://{}", other.address())),
        ..Config::default()
    })
    .unwrap();
    standin.script("*serverInfo*", 1, 1, Fault::Redirect).unwrap();
    let reply = get(&standin, "/rest/api/2/serverInfo?x=1");
    let location = format!("{}/rest/api/2/serverInfo?x=1", other.url());
    assert_eq!((reply.status, reply.header("location")), (302, Some(location.as_str())));
}

#[test]
fn pages_can_lie() {
    let standin = with_faults(FaultConfig::default());
    let page =
        |start: usize| search(&standin, ALL, &format!("&fields=key&maxResults=20&startAt={start}"));
    let first = keys(&page(0));
    standin.script("*startAt=20*", 1, 1, Fault::RepeatedPage).unwrap();
    assert_eq!(keys(&page(20)), first);
    assert_ne!(keys(&page(20)), first);
    standin.script("*startAt=40*", 1, 1, Fault::EmptyPage).unwrap();
    let empty = page(40);
    assert_eq!((keys(&empty).len(), empty.json()["total"].as_u64()), (0, Some(60)));
    assert_eq!(keys(&page(40)).len(), 20);
    standin.script("*", 1, 20, Fault::MovingTotal).unwrap();
    for _ in 0..20 {
        let total = page(0).json()["total"].as_i64().unwrap();
        assert!(total != 60 && (total - 60).abs() <= 3, "{total}");
    }
}

#[test]
fn spoilt_records_stay_spoilt_and_spoil_no_other() {
    let standin = with_faults(FaultConfig::default());
    let all = standin.keys("TIDE");
    standin.poison(&all[2], Fault::InvalidUtf8).unwrap();
    standin.poison(&all[4], Fault::Unreadable).unwrap();
    assert!(standin.poison(&all[1], Fault::Reset).is_err());
    let three = |start: usize, fields: &str| {
        search(&standin, ALL, &format!("&maxResults=3&startAt={start}&fields={fields}"))
    };
    for _ in 0..2 {
        let page = three(0, "*all");
        assert!(std::str::from_utf8(&page.body).is_err());
        let fixed: Value = serde_json::from_str(&page.text()).unwrap();
        let good: Value = serde_json::from_str(&standin.record(&all[1]).unwrap()).unwrap();
        assert_eq!(fixed["issues"][1], good);
        assert_eq!(three(3, "*all").ending, Ending::Reset);
        assert_eq!(keys(&three(3, "key")), all[3..6]);
    }
    assert_eq!(get(&standin, &format!("/rest/api/2/issue/{}", all[4])).ending, Ending::Reset);
}

#[test]
fn rates_of_record_faults_are_shares_of_records() {
    let standin =
        with_faults(FaultConfig { rates: vec![(Fault::Nul, 0.3)], ..FaultConfig::default() });
    let spoilt = || {
        let json = search(&standin, ALL, "&maxResults=60").json();
        let issues = json["issues"].as_array().unwrap().clone();
        issues
            .iter()
            .map(|i| i["fields"]["summary"].as_str().unwrap().contains('\0'))
            .collect::<Vec<_>>()
    };
    let count = spoilt().iter().filter(|s| **s).count();
    assert!((8..30).contains(&count), "{count}");
    assert_eq!(spoilt(), spoilt());
}

/// Every page of ten, sent again until it comes whole; the statuses on the way.
fn crawl(standin: &Standin) -> (String, Vec<u16>) {
    let mut text = String::new();
    let mut statuses = Vec::new();
    for start in (0..60).step_by(10) {
        loop {
            let reply =
                search(standin, ALL, &format!("&maxResults=10&fields=*all&startAt={start}"));
            statuses.push(reply.status);
            if reply.ending == Ending::Whole && reply.status == 200 && reply.body.starts_with(b"{")
            {
                text += &reply.text();
                break;
            }
        }
    }
    (text, statuses)
}

#[test]
fn faults_in_the_mix_go_away_and_repeat_themselves() {
    let faults =
        FaultConfig { rate: 0.5, hang: Duration::from_millis(10), ..FaultConfig::default() };
    let (clean, _) = crawl(&with_faults(FaultConfig::default()));
    let (first, statuses) = crawl(&with_faults(faults.clone()));
    let (second, again) = crawl(&with_faults(faults));
    assert!(first == clean && second == clean);
    assert!(statuses.len() > 6);
    assert_eq!(statuses, again);
}

#[test]
fn large_pages_can_be_too_much() {
    let standin = Standin::start(Config {
        projects: vec!["TIDE".into()],
        reset_above: Some(25),
        ..Config::default()
    })
    .unwrap();
    assert_eq!(search(&standin, ALL, "&maxResults=26").ending, Ending::Reset);
    assert_eq!(search(&standin, ALL, "&maxResults=25").status, 200);
    assert_eq!(search(&standin, ALL, "&maxResults=100&fields=key").status, 200);
}

#[test]
fn the_rate_limit_refills() {
    let standin = Standin::start(Config {
        projects: vec!["TIDE".into()],
        limit_rps: Some(2.0),
        ..Config::default()
    })
    .unwrap();
    let statuses: Vec<u16> =
        (0..4).map(|_| get(&standin, "/rest/api/2/serverInfo").status).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    let limited = get(&standin, "/rest/api/2/serverInfo");
    assert_eq!(
        (limited.header("retry-after"), limited.header("x-ratelimit-remaining")),
        (Some("1"), Some("0"))
    );
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(get(&standin, "/rest/api/2/serverInfo").status, 200);
}
