//! Numbers and lists that requests give as text.

use crate::http::{Reply, Request};

/// Jira's error body.
pub(super) fn errors(status: u16, messages: &[String]) -> Reply {
    let body = serde_json::json!({ "errorMessages": messages, "errors": {} });
    Reply::json(status, body.to_string())
}

/// The whole number of a query parameter; `default` if it is absent.
pub(super) fn number(request: &Request, name: &str, default: i64) -> Result<i64, Reply> {
    match request.param(name) {
        None | Some("") => Ok(default),
        // A parameter of the wrong type makes no route match, which is a 404 in Jira.
        Some(text) => text.parse().map_err(|_| Reply::html(404, "Not Found", "null for uri")),
    }
}
