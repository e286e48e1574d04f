//! Searching: paging, order, fields, and what is refused.
#![allow(clippy::unwrap_used, unused_crate_dependencies)]

mod client;

use client::{get, keys, message, post, search};
use scrape_standin::{Config, Deployment, MissingKeys, Standin};

fn standin(config: Config) -> Standin {
    Standin::start(Config { projects: vec!["TIDE".into(), "REEF".into()], ..config }).unwrap()
}

#[test]
fn a_crawl_by_key_finds_every_issue_once() {
    let standin = standin(Config { issues_per_project: 250, ..Config::default() });
    let mut found = Vec::new();
    let mut filter = String::new();
    loop {
        let jql = format!("project = \"TIDE\"{filter} ORDER BY key ASC");
        let reply = search(&standin, &jql, "&maxResults=100&fields=*all");
        let total = reply.json()["total"].as_u64().unwrap() as usize;
        let page = keys(&reply);
        assert_eq!(total, 250 - found.len());
        found.extend(page.iter().cloned());
        let Some(last) = page.last() else { break };
        filter = format!(" AND issuekey > {last}");
    }
    assert_eq!(found, standin.keys("TIDE"));
    assert_eq!(found.len(), 250);
}

#[test]
fn the_envelope_tells_the_page_size_that_was_used() {
    let standin = standin(Config { max_page: 30, ..Config::default() });
    let json = search(&standin, "project = TIDE", "&maxResults=500&startAt=80").json();
    assert_eq!((json["startAt"].as_u64(), json["maxResults"].as_u64()), (Some(80), Some(30)));
    assert_eq!((json["total"].as_u64(), json["issues"].as_array().unwrap().len()), (Some(100), 20));
    let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["expand", "startAt", "maxResults", "total", "issues"]);
    let count = search(&standin, "", "&maxResults=0").json();
    assert_eq!(
        (count["total"].as_u64(), count["issues"].as_array().unwrap().len()),
        (Some(200), 0)
    );
    let beyond = search(&standin, "project = TIDE", "&startAt=100").json();
    assert_eq!(
        (beyond["startAt"].as_u64(), beyond["issues"].as_array().unwrap().len()),
        (Some(100), 0)
    );
    assert_eq!(search(&standin, "", "").json()["maxResults"], 30);
    assert_eq!(search(&standin, "", "&maxResults=x").status, 404);
}

#[test]
fn post_and_get_answer_alike() {
    let standin = standin(Config::default());
    let by_get = search(
        &standin,
        "project in (TIDE, REEF) ORDER BY key DESC",
        "&startAt=3&maxResults=7&fields=summary,-labels&expand=names",
    );
    let body = r#"{"jql": "project in (TIDE, REEF) ORDER BY key DESC", "startAt": 3, "maxResults": 7, "fields": ["summary", "-labels"], "expand": ["names"]}"#;
    let by_post = post(&standin, "/jira/rest/api/2/search", body);
    assert_eq!(by_get.text(), by_post.text());
    assert_eq!(by_get.json()["names"]["fixVersions"], "Fix Version/s");
    assert_eq!(keys(&by_get)[0], *standin.keys("TIDE").iter().rev().nth(3).unwrap());
}

#[test]
fn sends_the_fields_asked_for() {
    let standin = standin(Config::default());
    let fields = |asked: &str| {
        let issue =
            &search(&standin, "project = TIDE ORDER BY key", &format!("&maxResults=1{asked}"))
                .json()["issues"][0];
        issue["fields"].as_object().map(|f| f.keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(fields("&fields=key"), None);
    assert_eq!(fields("&fields=updated&fields=created").unwrap().len(), 2);
    let default = fields("").unwrap();
    assert!(default.contains(&"summary".into()) && !default.contains(&"comment".into()));
    let all = fields("&fields=*all").unwrap();
    assert!(all.len() > 120 && all.contains(&"comment".into()));
    assert_eq!(fields("&fields=*all,-comment").unwrap().len(), all.len() - 1);
}

#[test]
fn sorts_and_filters_by_time() {
    let standin = standin(Config::default());
    let times = |reply: &client::Reply, field: &str| -> Vec<String> {
        let json = reply.json();
        json["issues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["fields"][field].as_str().unwrap().into())
            .collect()
    };
    let rising = times(
        &search(&standin, "project = TIDE ORDER BY created ASC", "&maxResults=1000"),
        "created",
    );
    assert!(rising.is_sorted() && rising.len() == 100);
    let falling =
        times(&search(&standin, "project = TIDE ORDER BY updated", "&maxResults=1000"), "updated");
    assert!(falling.is_sorted_by(|a, b| a >= b));
    let middle = &rising[50];
    let date = format!("{} {}", &middle[..10], &middle[11..16]);
    let since = search(
        &standin,
        &format!("project = TIDE AND created >= \"{date}\" ORDER BY created ASC"),
        "&maxResults=1000",
    );
    assert_eq!(times(&since, "created"), rising[50..]);
    // 2012-01-01 in epoch milliseconds: before everything.
    assert_eq!(search(&standin, "updated > 1325375999999", "").json()["total"], 200);
    assert_eq!(search(&standin, "updated < 1325376000000", "").json()["total"], 0);
}

#[test]
fn compares_keys_by_number_within_their_project() {
    let standin = standin(Config::default());
    let all = standin.keys("TIDE");
    let found =
        |jql: &str| keys(&search(&standin, &format!("{jql} ORDER BY key"), "&maxResults=1000"));
    assert_eq!(found(&format!("key > {}", all[9])), all[10..]);
    assert_eq!(found(&format!("key >= {0} and key < {1}", all[9], all[12])), all[9..12]);
    assert_eq!(
        found(&format!("key in ({0}, '{1}') or key = {1}", all[3], all[7])),
        [all[3].clone(), all[7].clone()]
    );
    assert_eq!(found(&format!("project = TIDE and not key <= {}", all[97])), all[98..]);
    assert_eq!(found(&format!("project != TIDE and key > {}", all[0])), Vec::<String>::new());
    let id = search(&standin, &format!("key = {}", all[5]), "").json()["issues"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(found(&format!("id = {id}")), [all[5].clone()]);
}

#[test]
fn refuses_as_jira_does() {
    let standin = standin(Config { window: Some(150), ..Config::default() });
    for (jql, want) in [
        ("project = XY", "The value 'XY' does not exist for the field 'project'."),
        (
            "project = TIDE AND key > TIDE-99999",
            "An issue with key 'TIDE-99999' does not exist for field 'issueKey'.",
        ),
        (
            "project = INT",
            "Error in the JQL Query: 'INT' is a reserved JQL word. You must surround it in quotation marks to use it in a query. (line 1, character 11)",
        ),
        (
            "summary = x",
            "Field 'summary' does not exist or this field cannot be viewed by anonymous users.",
        ),
        ("project ~ x", "The operator '~' is not supported by the 'project' field."),
        ("project = TIDE ORDER BY rank", "Not able to sort using field 'rank'."),
    ] {
        let reply = search(&standin, jql, "");
        assert_eq!((reply.status, message(&reply).as_str()), (400, want), "{jql}");
        assert_eq!(reply.json()["errors"], serde_json::json!({}));
    }
    let several = search(&standin, "project in (A1, TIDE, B2)", "").json();
    assert_eq!(several["errorMessages"].as_array().unwrap().len(), 2);
    let lenient = search(&standin, "project in (A1, TIDE)", "&validateQuery=false").json();
    assert_eq!(lenient["total"], 100);
    let window = search(&standin, "", "&startAt=101&maxResults=50");
    assert_eq!(window.status, 500);
    assert!(window.text().contains("Search limit exceeded"), "{}", window.text());
}

#[test]
fn a_server_may_compare_keys_that_do_not_exist() {
    let standin = standin(Config { missing_keys: MissingKeys::Compare, ..Config::default() });
    let all = standin.keys("TIDE");
    let gap = (1..).find(|n| !all.contains(&format!("TIDE-{n}"))).unwrap();
    let found =
        keys(&search(&standin, &format!("key > TIDE-{gap} ORDER BY key"), "&maxResults=1000"));
    assert_eq!(found, all[gap - 1..]);
}

#[test]
fn cloud_has_no_such_search() {
    let standin = standin(Config { deployment: Deployment::Cloud, ..Config::default() });
    assert_eq!(get(&standin, "/rest/api/2/serverInfo").json()["deploymentType"], "Cloud");
    let gone = search(&standin, "project = TIDE", "");
    assert_eq!(gone.status, 410);
    assert!(message(&gone).contains("/rest/api/3/search/jql"));
}

#[test]
fn single_things_by_name() {
    let standin = standin(Config {
        robots: Some("User-agent: *\nCrawl-delay: 2\n".into()),
        ..Config::default()
    });
    let key = &standin.keys("TIDE")[4];
    let issue = get(&standin, &format!("/rest/api/latest/issue/{key}"));
    assert_eq!(issue.text(), standin.record(key).unwrap());
    let id = issue.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&standin, &format!("/rest/api/2/issue/{id}?fields=key")).json()["key"], **key);
    let missing = get(&standin, "/rest/api/2/issue/TIDE-99999");
    assert_eq!((missing.status, message(&missing).as_str()), (404, "Issue Does Not Exist"));
    assert_eq!(get(&standin, "/rest/api/2/project").json()[1]["key"], "REEF");
    assert_eq!(get(&standin, "/rest/api/2/project/TIDE").json()["name"], "Tide");
    let missing = get(&standin, "/rest/api/2/project/XY");
    assert_eq!(
        (missing.status, message(&missing).as_str()),
        (404, "No project could be found with key 'XY'.")
    );
    assert!(get(&standin, "/rest/api/2/field").json().as_array().unwrap().len() > 100);
    assert_eq!(get(&standin, "/rest/api/2/myself").status, 401);
    assert_eq!(get(&standin, "/rest/api/2/nonsense").status, 404);
    let robots = client::send(standin.address(), "GET", "/robots.txt", &[], "");
    assert_eq!((robots.status, robots.text().as_str()), (200, "User-agent: *\nCrawl-delay: 2\n"));
}
