//! `/_control/…`: the actions and the statistics over HTTP.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::action::Action;
use crate::http::{Reply, Request};

use super::state::Shared;

/// `GET stats`, `GET requests`, `POST` of an action or a list of them, `POST NAME` with its members.
pub(super) fn answer(shared: &Arc<Shared>, request: &Request) -> Reply {
    let name = request.path.trim_start_matches("/_control").trim_matches('/');
    match (request.method.as_str(), name) {
        ("GET", "stats") => reply(serde_json::to_value(shared.log().stats())),
        ("GET", "requests") => reply(serde_json::to_value(shared.log().records())),
        ("GET", _) => refuse(404, "GET /_control/stats or /_control/requests; POST an action"),
        ("POST", _) => match actions(name, &request.body) {
            Ok(actions) => run(shared, actions),
            Err(message) => refuse(400, &message),
        },
        _ => refuse(405, "GET or POST"),
    }
}

/// The actions of a request: named by the path, or all in the body.
fn actions(name: &str, body: &[u8]) -> Result<Vec<Action>, String> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    let mut value: Value =
        serde_json::from_slice(body).map_err(|e| format!("the body is not JSON: {e}"))?;
    if let (false, Some(members)) = (name.is_empty(), value.as_object_mut()) {
        members.insert("action".into(), name.into());
    }
    let list = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    list.into_iter().map(|v| serde_json::from_value(v).map_err(|e| e.to_string())).collect()
}

fn run(shared: &Shared, actions: Vec<Action>) -> Reply {
    let mut results = Vec::new();
    for action in actions {
        match action.apply(shared) {
            Ok(result) => results.push(result),
            Err(error) => return refuse(400, &error.to_string()),
        }
    }
    let body = if results.len() == 1 { results.swap_remove(0) } else { Value::from(results) };
    Reply::json(200, body.to_string())
}

fn reply(value: serde_json::Result<Value>) -> Reply {
    match value {
        Ok(value) => Reply::json(200, value.to_string()),
        Err(error) => refuse(500, &error.to_string()),
    }
}

fn refuse(status: u16, message: &str) -> Reply {
    Reply::json(status, json!({ "error": message }).to_string())
}
