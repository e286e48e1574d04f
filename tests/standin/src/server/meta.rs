//! What a server says about itself, its projects and its fields.

use serde_json::{Value, json};

use crate::config::{Config, Deployment};
use crate::data::Catalog;
use crate::http::{Reply, Request};
use crate::synth::custom_fields;

use super::page::errors;

/// System fields: id, name, schema type, whether `*navigable` has them.
const FIELDS: [(&str, &str, &str, bool); 36] = [
    ("summary", "Summary", "string", true),
    ("issuetype", "Issue Type", "issuetype", true),
    ("status", "Status", "status", true),
    ("priority", "Priority", "priority", true),
    ("resolution", "Resolution", "resolution", true),
    ("resolutiondate", "Resolved", "datetime", true),
    ("project", "Project", "project", true),
    ("description", "Description", "string", true),
    ("environment", "Environment", "string", true),
    ("assignee", "Assignee", "user", true),
    ("reporter", "Reporter", "user", true),
    ("creator", "Creator", "user", true),
    ("created", "Created", "datetime", true),
    ("updated", "Updated", "datetime", true),
    ("duedate", "Due Date", "date", true),
    ("lastViewed", "Last Viewed", "datetime", true),
    ("archiveddate", "Archived", "datetime", true),
    ("archivedby", "Archiver", "user", true),
    ("labels", "Labels", "array", true),
    ("components", "Component/s", "array", true),
    ("versions", "Affects Version/s", "array", true),
    ("fixVersions", "Fix Version/s", "array", true),
    ("issuelinks", "Linked Issues", "array", true),
    ("subtasks", "Sub-Tasks", "array", true),
    ("votes", "Votes", "votes", true),
    ("watches", "Watchers", "watches", true),
    ("workratio", "Work Ratio", "number", true),
    ("timespent", "Time Spent", "number", true),
    ("timeestimate", "Remaining Estimate", "number", true),
    ("timeoriginalestimate", "Original Estimate", "number", true),
    ("timetracking", "Time Tracking", "timetracking", true),
    ("progress", "Progress", "progress", true),
    ("aggregateprogress", "Σ Progress", "progress", true),
    ("comment", "Comment", "comments-page", false),
    ("attachment", "Attachment", "array", false),
    ("worklog", "Log Work", "array", false),
];

pub(super) fn robots(config: &Config) -> Reply {
    match &config.robots {
        Some(body) => Reply::text(200, body.clone()),
        None => Reply::html(404, "Not Found", "There is no robots.txt."),
    }
}

pub(super) fn server_info(config: &Config) -> Reply {
    let deployment = match config.deployment {
        Deployment::Server => "Server",
        Deployment::Cloud => "Cloud",
    };
    let body = json!({
        "baseUrl": config.base_url,
        "version": "9.12.0",
        "versionNumbers": [9, 12, 0],
        "deploymentType": deployment,
        "buildNumber": 9_120_000,
        "buildDate": "2023-11-06T00:00:00.000+0000",
        "databaseBuildNumber": 9_120_000,
        "scmInfo": "0000000000000000000000000000000000000000",
        "serverTitle": "Stand-in",
    });
    Reply::json(200, body.to_string())
}

pub(super) fn search_removed() -> Reply {
    let message = "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046";
    errors(410, &[message.to_owned()])
}

pub(super) fn projects(catalog: &Catalog) -> Reply {
    let list: Vec<&str> = catalog.projects.iter().map(|p| p.json.as_str()).collect();
    Reply::json(200, format!("[{}]", list.join(",")))
}

pub(super) fn project(catalog: &Catalog, key: &str) -> Reply {
    match catalog.project(key) {
        Some(found) => Reply::json(200, catalog.projects[found].json.clone()),
        None => errors(404, &[format!("No project could be found with key '{key}'.")]),
    }
}

pub(super) fn fields() -> Reply {
    let key = json!({
        "id": "issuekey", "name": "Key", "custom": false, "orderable": false, "navigable": true,
        "searchable": false, "clauseNames": ["id", "issue", "issuekey", "key"],
    });
    let system = FIELDS.iter().map(|(id, name, kind, navigable)| {
        json!({
            "id": id, "name": name, "custom": false, "orderable": true, "navigable": navigable,
            "searchable": true, "clauseNames": [id], "schema": { "type": kind, "system": id },
        })
    });
    let custom = custom_fields().map(|(id, name, kind)| {
        let number = id.trim_start_matches("customfield_").parse::<u32>().unwrap_or(0);
        json!({
            "id": id, "name": name, "custom": true, "orderable": true, "navigable": true, "searchable": true,
            "clauseNames": [format!("cf[{number}]"), name],
            "schema": { "type": kind, "custom": "com.example.customfield:field", "customId": number },
        })
    });
    let all: Vec<Value> = std::iter::once(key).chain(system).chain(custom).collect();
    Reply::json(200, Value::from(all).to_string())
}

/// The `names` of `expand=names`.
pub(super) fn names() -> Value {
    let system = FIELDS.iter().map(|(id, name, ..)| ((*id).to_owned(), Value::from(*name)));
    let custom = custom_fields().map(|(id, name, _)| (id, Value::from(name)));
    Value::Object(system.chain(custom).collect())
}

pub(super) fn myself(config: &Config, user: &str) -> Reply {
    if user == "anonymous" {
        return errors(
            401,
            &["You are not authenticated. Authentication required to perform this operation."
                .to_owned()],
        );
    }
    let body = json!({
        "self": format!("{}/rest/api/2/user?username={user}", config.base_url),
        "key": user, "name": user, "displayName": user, "active": true, "timeZone": "Etc/UTC", "locale": "en_US",
        "groups": { "size": 1, "items": [] }, "applicationRoles": { "size": 1, "items": [] },
        "expand": "groups,applicationRoles",
    });
    Reply::json(200, body.to_string())
}

pub(super) fn not_found(request: &Request) -> Reply {
    let method = matches!(request.method.as_str(), "GET" | "POST" | "HEAD");
    let status = if method { 404 } else { 405 };
    errors(status, &[format!("null for uri: {}", request.target)])
}
