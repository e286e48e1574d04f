//! Changing a running server, and what it counts.
#![allow(clippy::unwrap_used, unused_crate_dependencies)]

mod client;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use client::{get, keys, message, post, search, send};
use scrape_standin::{Action, Config, Fault, FaultConfig, Standin};

fn standin() -> Standin {
    Standin::start(Config { projects: vec!["TIDE".into(), "REEF".into()], ..Config::default() })
        .unwrap()
}

#[test]
fn an_edit_is_found_by_its_time() {
    let standin = standin();
    let key = standin.keys("TIDE")[8].clone();
    let before: serde_json::Value = serde_json::from_str(&standin.record(&key).unwrap()).unwrap();
    let comments = standin.comments(&key).unwrap().len();
    standin.update(&key, Some("New \"words\"")).unwrap();
    standin.comment(&key, "one more").unwrap();
    let new = standin.create("TIDE", None).unwrap();
    let found = search(&standin, "updated >= -5m ORDER BY key", "&fields=*all");
    assert_eq!(keys(&found), [key, new.clone()]);
    let fields = &found.json()["issues"][0]["fields"];
    assert_eq!(fields["summary"], "New \"words\"");
    assert_eq!(
        (fields["created"].clone(), fields["reporter"].clone()),
        (before["fields"]["created"].clone(), before["fields"]["reporter"].clone())
    );
    assert_eq!(fields["comment"]["total"].as_u64(), Some(comments as u64 + 1));
    assert_eq!(standin.keys("TIDE").last(), Some(&new));
}

#[test]
fn a_moved_issue_keeps_its_id() {
    let standin = standin();
    let old = standin.keys("TIDE")[3].clone();
    let id = get(&standin, &format!("/rest/api/2/issue/{old}")).json()["id"].clone();
    let new = standin.move_issue(&old, "REEF").unwrap();
    assert!(new.starts_with("REEF-"));
    let by_old = get(&standin, &format!("/rest/api/2/issue/{old}")).json();
    assert_eq!((by_old["key"].as_str(), by_old["id"].clone()), (Some(new.as_str()), id));
    assert_eq!(by_old["fields"]["project"]["key"], "REEF");
    assert_eq!(search(&standin, "project = TIDE", "").json()["total"], 99);
    assert_eq!(keys(&search(&standin, "project = REEF ORDER BY key DESC", "&maxResults=1")), [new]);
}

#[test]
fn keys_vanish_and_come_back() {
    let standin = standin();
    let all = standin.keys("TIDE");
    let after = || {
        search(
            &standin,
            &format!("project = TIDE AND key > {} ORDER BY key", all[5]),
            "&maxResults=1000",
        )
    };
    standin.vanish(&all[5]).unwrap();
    assert_eq!(
        message(&after()),
        format!("An issue with key '{}' does not exist for field 'issueKey'.", all[5])
    );
    assert_eq!(get(&standin, &format!("/rest/api/2/issue/{}", all[5])).status, 404);
    assert_eq!(standin.keys("TIDE").len(), 99);
    standin.apply(Action::Appear { key: all[5].clone() }).unwrap();
    assert_eq!(keys(&after()), all[6..]);
    standin.apply(Action::Vanish { key: all[5].clone(), listed: true }).unwrap();
    assert_eq!(after().status, 400);
    assert_eq!(standin.keys("TIDE").len(), 100);
    standin.delete(&all[6]).unwrap();
    assert!(standin.delete(&all[6]).is_err());
    assert_eq!(standin.keys("TIDE").len(), 99);
}

#[test]
fn changes_can_wait_for_a_search() {
    let standin = standin();
    let key = standin.keys("TIDE")[0].clone();
    standin
        .after(
            2,
            vec![
                Action::Delete { key },
                Action::Create { project: "TIDE".into(), summary: None },
                Action::Create { project: "TIDE".into(), summary: None },
            ],
        )
        .unwrap();
    let totals: Vec<_> = (0..4)
        .map(|_| {
            search(&standin, "project = TIDE", "&maxResults=0").json()["total"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(totals, [100, 100, 101, 101]);
}

#[test]
fn the_control_endpoint_does_the_same_over_http() {
    let standin = standin();
    let key = standin.keys("TIDE")[0].clone();
    let updated =
        post(&standin, "/_control/update", &format!(r#"{{"key":"{key}","summary":"S"}}"#));
    assert_eq!((updated.status, updated.json()["key"].as_str()), (200, Some(key.as_str())));
    let several = post(
        &standin,
        "/_control",
        r#"[{"action":"create","project":"REEF"},{"action":"set","max_page":5}]"#,
    );
    assert!(several.json()[0]["key"].as_str().unwrap().starts_with("REEF-"));
    assert_eq!(search(&standin, "", "").json()["maxResults"], 5);
    post(&standin, "/_control/script", r#"{"match":"GET *serverInfo*","fault":"502"}"#);
    assert_eq!(get(&standin, "/rest/api/2/serverInfo").status, 502);
    post(&standin, "/_control/faults", r#"{"rates":[["500",1.0]],"max_in_a_row":1}"#);
    assert_eq!(get(&standin, "/rest/api/2/field").status, 500);
    assert_eq!(get(&standin, "/rest/api/2/field").status, 200);
    post(&standin, "/_control/clear-faults", "");
    for (path, body, want) in [
        (
            "/_control/move",
            r#"{"key":"TIDE-99999","to":"REEF"}"#,
            "there is no visible issue `TIDE-99999`",
        ),
        ("/_control/mov", "{}", "unknown variant `mov`"),
        ("/_control/delete", r#"{"kee":"x"}"#, "unknown field `kee`"),
        ("/_control/delete", "{", "not JSON"),
    ] {
        let refused = post(&standin, path, body);
        assert!(refused.status == 400 && refused.text().contains(want), "{}", refused.text());
    }
    let stats = send(standin.address(), "GET", "/_control/stats", &[], "").json();
    assert_eq!((stats["requests"].as_u64(), stats["by_fault"]["502"].as_u64()), (Some(4), Some(1)));
    let requests = send(standin.address(), "GET", "/_control/requests", &[], "").json();
    assert_eq!(
        (requests[1]["status"].as_u64(), requests[1]["fault"].as_str()),
        (Some(502), Some("502"))
    );
    post(&standin, "/_control/shutdown", "");
    standin.wait();
}

#[test]
fn requests_inside_a_retry_after_are_held_against_the_client() {
    let faults = FaultConfig { retry_after: Duration::from_secs(2), ..FaultConfig::default() };
    let config = Config { projects: vec!["TIDE".into()], faults, ..Config::default() };
    let standin = Standin::start(config).unwrap();
    standin.script("*", 1, 1, Fault::TooMany).unwrap();
    assert_eq!(get(&standin, "/rest/api/2/field").status, 429);
    std::thread::sleep(Duration::from_millis(200));
    get(&standin, "/rest/api/2/field");
    std::thread::sleep(Duration::from_millis(2000));
    get(&standin, "/rest/api/2/field");
    let inside: Vec<bool> = standin.requests().iter().map(|r| r.inside_retry_after).collect();
    assert_eq!(inside, [false, true, false]);
    let stats = standin.stats();
    assert_eq!((stats.inside_retry_after, stats.repeated), (1, 2));
    standin.reset();
    assert_eq!(standin.stats().requests, 0);
}

#[test]
fn counts_requests_in_flight_and_in_a_second() {
    let config = Config {
        projects: vec!["TIDE".into()],
        latency: Duration::from_millis(300),
        ..Config::default()
    };
    let standin = Standin::start(config).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| get(&standin, "/rest/api/2/field"));
        }
    });
    get(&standin, "/rest/api/2/serverInfo");
    let stats = standin.stats();
    assert_eq!((stats.max_in_flight, stats.requests, stats.peak_per_second), (4, 5, 5));
    assert!(standin.requests().iter().all(|r| r.took_ms >= 295.0));
    assert_eq!(stats.by_route["field"], 4);
    assert!(stats.bytes_sent > 10_000);
}

#[test]
fn goes_away_for_a_while() {
    let standin = standin();
    let back = Instant::now() + Duration::from_millis(1000);
    standin.apply(Action::Offline { ms: 1000 }).unwrap();
    std::thread::sleep(Duration::from_millis(150));
    assert!(TcpStream::connect(standin.address()).is_err());
    std::thread::sleep(back - Instant::now() + Duration::from_millis(50));
    assert_eq!(get(&standin, "/rest/api/2/serverInfo").status, 200);
}

#[test]
fn ends_when_dropped() {
    let standin = standin();
    let address = standin.address();
    drop(standin);
    assert!(TcpStream::connect(address).is_err());
}
