//! The whole record of a synthetic issue, in the shape of Data Center's REST v2.

use std::fmt::Write;

use fastrand::Rng;

use crate::json::{push_string, quoted};
use crate::random::Dice;
use crate::time::{DAY, date_only, jira_time};

use super::generator::{Generator, Subject};
use super::markup::{self, Context};
use super::prose::title;
use super::{comments, words};

const TYPES: [(&str, &str); 5] =
    [("1", "Bug"), ("4", "Improvement"), ("2", "New Feature"), ("3", "Task"), ("6", "Test")];
const STATUSES: [(&str, &str, &str); 6] = [
    ("1", "Open", "new"),
    ("3", "In Progress", "indeterminate"),
    ("4", "Reopened", "new"),
    ("5", "Resolved", "done"),
    ("6", "Closed", "done"),
    ("10002", "Patch Available", "indeterminate"),
];
const PRIORITIES: [(&str, &str); 5] =
    [("1", "Blocker"), ("2", "Critical"), ("3", "Major"), ("4", "Minor"), ("5", "Trivial")];
const RESOLUTIONS: [(&str, &str); 7] = [
    ("1", "Fixed"),
    ("2", "Won't Fix"),
    ("3", "Duplicate"),
    ("4", "Incomplete"),
    ("5", "Cannot Reproduce"),
    ("6", "Invalid"),
    ("8", "Not A Problem"),
];
const LINKS: [(&str, &str, &str, &str); 4] = [
    ("10000", "Reference", "is related to", "relates to"),
    ("10001", "Duplicate", "is duplicated by", "duplicates"),
    ("10002", "Blocker", "is blocked by", "blocks"),
    ("10003", "Cloners", "is cloned by", "is a clone of"),
];

/// Custom fields of which at least some issues have a value: number, name, schema type.
const CUSTOM: [(u32, &str, &str); 8] = [
    (12_310_310, "Attachment count", "number"),
    (12_311_120, "Epic Link", "any"),
    (12_311_820, "Rank", "any"),
    (12_313_422, "Enable Automatic Patch Review", "option"),
    (12_314_020, "Development", "any"),
    (12_312_521, "Last public comment date", "datetime"),
    (12_313_821, "Complexity", "option"),
    (12_310_921, "Sprint", "array"),
];
/// The other custom fields, null in every issue.
const NULLS: std::ops::Range<u32> = 12_320_001..12_320_091;

/// All custom fields: id, name, schema type.
pub(crate) fn custom_fields() -> impl Iterator<Item = (String, String, &'static str)> {
    let known = CUSTOM
        .iter()
        .map(|(n, name, kind)| (format!("customfield_{n}"), (*name).to_owned(), *kind));
    let unused = NULLS
        .map(|n| (format!("customfield_{n}"), format!("Field {}", n - NULLS.start + 1), "string"));
    known.chain(unused)
}

/// `"customfield_…":null,` for every field that no issue uses.
pub(super) fn null_fields() -> String {
    NULLS.map(|n| format!("\"customfield_{n}\":null,")).collect()
}

fn icon(base: &str, kind: &str, name: &str) -> String {
    format!("{base}/images/icons/{kind}/{}.svg", name.to_ascii_lowercase().replace(' ', "-"))
}

fn status(base: &str, (id, name, category): (&str, &str, &str)) -> String {
    let (category_id, colour, shown) = match category {
        "new" => (2, "blue-gray", "To Do"),
        "done" => (3, "green", "Done"),
        _ => (4, "yellow", "In Progress"),
    };
    format!(
        r#"{{"self":"{base}/rest/api/2/status/{id}","description":"","iconUrl":"{}","name":"{name}","id":"{id}","statusCategory":{{"self":"{base}/rest/api/2/statuscategory/{category_id}","id":{category_id},"key":"{category}","colorName":"{colour}","name":"{shown}"}}}}"#,
        icon(base, "statuses", name)
    )
}

fn issue_type(base: &str, (id, name): (&str, &str)) -> String {
    format!(
        r#"{{"self":"{base}/rest/api/2/issuetype/{id}","id":"{id}","description":"","iconUrl":"{}","name":"{name}","subtask":{},"avatarId":2110{}}}"#,
        icon(base, "issuetypes", name),
        name == "Sub-task",
        &id[..1]
    )
}

fn priority(base: &str, (id, name): (&str, &str)) -> String {
    format!(
        r#"{{"self":"{base}/rest/api/2/priority/{id}","iconUrl":"{}","name":"{name}","id":"{id}"}}"#,
        icon(base, "priorities", name)
    )
}

/// An issue inside another one (links, parent, sub-tasks).
fn mini(generator: &Generator, project: &str, number: u32, id: u64, kind: (&str, &str)) -> String {
    let base = &generator.base_url;
    let mut rng = generator.rng(project, number);
    let summary = quoted(&title(&mut rng));
    format!(
        r#"{{"id":"{id}","key":"{project}-{number}","self":"{base}/rest/api/2/issue/{id}","fields":{{"summary":{summary},"status":{},"priority":{},"issuetype":{}}}}}"#,
        status(base, STATUSES[4]),
        priority(base, PRIORITIES[2]),
        issue_type(base, kind)
    )
}

/// A list of JSON values with commas between them, in brackets.
fn array(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// The record with its inline comments, and the list of all comments if that is longer.
pub(super) fn write(
    generator: &Generator,
    subject: &Subject<'_>,
    inline: usize,
) -> (String, Option<String>) {
    let base = generator.base_url.as_str();
    let project = subject.project_key;
    let key = format!("{project}-{}", subject.number);
    let mut rng = generator.rng(project, subject.number);
    // The title comes first, so that `mini` finds the same one.
    let summary = title(&mut rng);
    let rng = &mut rng;
    let people = &generator.people;
    let context = Context { project, other: subject.some_number(rng), names: &people.names };

    let done = rng.chance(0.66);
    let state = if done {
        STATUSES[rng.usize(3..5)]
    } else {
        *rng.pick(&[&STATUSES[0], &STATUSES[0], &STATUSES[1], &STATUSES[2], &STATUSES[5]])
    };
    let kind = if subject.parent.is_some() {
        ("7", "Sub-task")
    } else {
        TYPES[rng.heavy(1.5, 1.5, 4) as usize]
    };
    let creator = people.human(rng);
    let reporter = if rng.chance(0.01) { "null" } else { creator };
    let assignee = if rng.chance(0.35) { "null" } else { people.human(rng) };
    let resolved =
        if done { jira_time(rng.i64(subject.created..=subject.updated)) } else { String::new() };
    let versions = |rng: &mut Rng, max: u32| {
        array((0..rng.u32(..=max)).map(|_| {
            let n = rng.u32(..40);
            let released = n < 34;
            let day = date_only(1_340_000_000_000 + i64::from(n) * 120 * DAY);
            let date = if released { format!(r#","releaseDate":"{day}""#) } else { String::new() };
            format!(r#"{{"self":"{base}/rest/api/2/version/1233{n:04}","id":"1233{n:04}","name":"{}.{}.0","archived":{},"released":{released}{date}}}"#, n / 10, n % 10, n < 5)
        }))
    };
    let components = array((0..rng.usize(..3)).map(|_| {
        let n = rng.usize(..words::COMPONENTS.len());
        format!(
            r#"{{"self":"{base}/rest/api/2/component/1231{n:04}","id":"1231{n:04}","name":{}}}"#,
            quoted(words::COMPONENTS[n])
        )
    }));
    let links = array((0..rng.heavy(0.6, 1.5, 6)).map(|_| {
        let (id, name, inward, outward) = LINKS[rng.usize(..LINKS.len())];
        let side = if rng.bool() { "inwardIssue" } else { "outwardIssue" };
        let (number, other) = subject.some_issue(rng);
        let issue = if rng.chance(0.01) { "{}".into() } else { mini(generator, project, number, other, TYPES[0]) };
        let link = subject.id * 8 + rng.u64(..8);
        format!(r#"{{"id":"{link}","self":"{base}/rest/api/2/issueLink/{link}","type":{{"id":"{id}","name":"{name}","inward":"{inward}","outward":"{outward}","self":"{base}/rest/api/2/issueLinkType/{id}"}},"{side}":{issue}}}"#)
    }));
    let attachments = array((0..rng.heavy(0.5, 1.5, 5)).map(|i| {
        let file = rng.pick(&words::FILES);
        let id = subject.id * 8 + i;
        format!(r#"{{"self":"{base}/rest/api/2/attachment/{id}","id":"{id}","filename":"{file}","author":{creator},"created":"{}","size":{},"mimeType":"text/plain","content":"{base}/secure/attachment/{id}/{file}"}}"#, jira_time(subject.created), rng.u32(10..900_000))
    }));
    let labels = array((0..rng.usize(..3)).map(|_| quoted(rng.pick(&words::LABELS))));
    let environment = if rng.chance(0.12) {
        quoted(rng.pick(&[
            "Linux, Java 17",
            "all",
            "Windows 10\r\nJava 8",
            "tide-cluster, 12 nodes",
        ]))
    } else {
        "null".into()
    };
    let description = if rng.chance(generator.null_descriptions) {
        None
    } else {
        let target = 40 + rng.heavy(420.0, 1.25, 40_000) as usize;
        Some(markup::text(rng, &context, target))
    };
    let attached = if rng.bool() { "1.0" } else { "0.0" };

    let mut out = String::with_capacity(generator.record_size.max(12 << 10) * 5 / 4);
    let id = subject.id;
    _ = write!(
        out,
        r#"{{"expand":"operations,versionedRepresentations,editmeta,changelog,renderedFields","id":"{id}","self":"{base}/rest/api/2/issue/{id}","key":"{key}","fields":{{"fixVersions":{},"resolution":"#,
        versions(rng, 2)
    );
    if done {
        let (id, name) = RESOLUTIONS[rng.heavy(0.7, 1.2, 6) as usize];
        _ = write!(
            out,
            r#"{{"self":"{base}/rest/api/2/resolution/{id}","id":"{id}","description":"","name":"{name}"}},"resolutiondate":"{resolved}""#
        );
    } else {
        out.push_str(r#"null,"resolutiondate":null"#);
    }
    _ = write!(
        out,
        r#","customfield_12310310":"{attached}","customfield_12311820":"0|i{:05x}:","customfield_12313422":"false","lastViewed":null,"#,
        id % 0xf_ffff
    );
    out.push_str(&generator.null_fields);
    let level = PRIORITIES[rng.usize(..5).max(rng.usize(1..4))];
    let priority = if rng.chance(0.01) { "null".into() } else { priority(base, level) };
    _ = write!(
        out,
        r#""priority":{priority},"labels":{labels},"timeestimate":null,"aggregatetimeoriginalestimate":null,"versions":{},"issuelinks":{links},"assignee":{assignee},"status":{},"components":{components},"archiveddate":null,"aggregatetimeestimate":null,"creator":{creator},"subtasks":{},"reporter":{reporter},"aggregateprogress":{{"progress":0,"total":0}},"progress":{{"progress":0,"total":0}},"votes":{{"self":"{base}/rest/api/2/issue/{key}/votes","votes":{},"hasVoted":false}},"worklog":{{"startAt":0,"maxResults":20,"total":0,"worklogs":[]}},"archivedby":null,"issuetype":{},"timespent":null,"project":{},"aggregatetimespent":null,"workratio":-1,"watches":{{"self":"{base}/rest/api/2/issue/{key}/watchers","watchCount":{},"isWatching":false}},"created":"{}","updated":"{}","timeoriginalestimate":null,"description":"#,
        versions(rng, 3),
        status(base, state),
        array(subject.children.iter().map(|(number, id)| mini(
            generator,
            project,
            *number,
            *id,
            ("7", "Sub-task")
        ))),
        rng.heavy(0.4, 1.2, 90),
        issue_type(base, kind),
        subject.project_json,
        rng.heavy(2.0, 1.5, 90),
        jira_time(subject.created),
        jira_time(subject.updated),
    );
    match &description {
        Some(text) => push_string(&mut out, text),
        None => out.push_str("null"),
    }
    if let Some((number, id)) = subject.parent {
        _ = write!(out, r#","parent":{}"#, mini(generator, project, number, id, TYPES[2]));
    }
    _ = write!(out, r#","timetracking":{{}},"attachment":{attachments},"summary":"#);
    push_string(&mut out, &summary);
    _ = write!(out, r#","environment":{environment},"duedate":null"#);

    let thread = comments::Thread {
        base_url: base,
        issue_id: id,
        issue_key: &key,
        title: &summary,
        from: subject.created,
        to: subject.updated,
    };
    let count = if subject.updated > subject.created { comments::count(rng) } else { 0 };
    let all = comments::write(rng, people, &context, &thread, count);
    let shown = all.len().min(inline);
    pad(generator, rng, &mut out, all[..shown].iter().map(String::len).sum());
    _ = write!(
        out,
        r#","comment":{{"comments":[{}],"maxResults":{shown},"total":{},"startAt":0}}}}}}"#,
        all[..shown].join(","),
        all.len()
    );
    (out, (shown < all.len()).then(|| array(all)))
}

/// Brings a record to about the size that was asked for, with a field of the
/// kind that integrations leave behind: long, and of no use to a reader.
fn pad(generator: &Generator, rng: &mut Rng, out: &mut String, still_to_come: usize) {
    let target = generator.record_size * rng.usize(50..111) / 100;
    let missing = target.saturating_sub(out.len() + still_to_come + 120);
    if missing < 40 {
        out.push_str(r#","customfield_12314020":"{}""#);
        return;
    }
    out.push_str(r#","customfield_12314020":""#);
    let mut left = missing;
    while left > 0 {
        let at = rng.usize(..generator.blob.len() / 2);
        let take = left.min(generator.blob.len() - at);
        out.push_str(&generator.blob[at..at + take]);
        left -= take;
    }
    out.push('"');
}
