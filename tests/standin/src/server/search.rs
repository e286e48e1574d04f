//! `/search`, by GET and by POST.

use std::sync::atomic::Ordering;

use serde::Deserialize;

use crate::config::{Config, MissingKeys};
use crate::data::{Catalog, Fields};
use crate::faults::{Fault, spoil};
use crate::http::{Delivery, Reply, Request};
use crate::jql::{self, Rules};
use crate::random::{hash, mix};

use super::meta;
use super::page::{errors, number};
use super::state::{Shared, lock};

const DEFAULT_PAGE: i64 = 50;

/// The parameters, wherever they came from.
struct Asked {
    jql: String,
    start: usize,
    max: usize,
    fields: Fields,
    names: bool,
    validate: bool,
}

/// The JSON of a POST.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Posted {
    jql: Option<String>,
    start_at: Option<i64>,
    max_results: Option<i64>,
    fields: Vec<String>,
    expand: Vec<String>,
    validate_query: Option<serde_json::Value>,
}

pub(super) fn search(
    shared: &Shared,
    config: &Config,
    request: &Request,
    fault: Option<Fault>,
) -> Reply {
    run_schedule(shared);
    let asked = match asked(config, request) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    let query = match jql::parse(&asked.jql) {
        Ok(query) => query,
        Err(message) => return errors(400, &[message]),
    };
    if let Some(limit) = config.window.filter(|limit| (asked.start + asked.max) as u64 > *limit) {
        return window_exceeded((asked.start + asked.max) as u64, limit);
    }
    let rules = Rules {
        validate: asked.validate,
        compare_missing_keys: config.missing_keys == MissingKeys::Compare,
    };
    let catalog = shared.catalog();
    let factor = if fault == Some(Fault::LargePage) { 10 } else { 1 };
    let max = asked.max * factor;
    let (mut total, mut page) = match jql::select(&catalog, &query, rules, asked.start, max) {
        Ok(found) => found,
        Err(messages) => return errors(400, &messages),
    };
    spoil_page(shared, &query, fault, &mut total, &mut page);
    let mut reply = Reply::json(200, Vec::new());
    let heavy = !asked.fields.is_light();
    if heavy && config.reset_above.is_some_and(|limit| page.len() > limit as usize) {
        reply.delivery = Delivery::NoReply;
        return reply;
    }
    let mut body = format!(
        r#"{{"expand":"schema,names","startAt":{},"maxResults":{},"total":{total},"issues":["#,
        asked.start, asked.max
    )
    .into_bytes();
    for (i, index) in page.iter().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        let fault = lock(&shared.faults).of_record(
            &config.faults,
            config.seed,
            catalog.entries[*index as usize].id,
        );
        if heavy && fault == Some(Fault::Unreadable) {
            reply.delivery = Delivery::CutInBody;
        }
        write_record(&catalog, *index, &asked.fields, fault, &mut body);
    }
    body.push(b']');
    if asked.names {
        body.extend_from_slice(format!(r#","names":{}"#, meta::names()).as_bytes());
    }
    body.push(b'}');
    reply.body = body;
    reply
}

fn write_record(
    catalog: &Catalog,
    index: u32,
    fields: &Fields,
    fault: Option<Fault>,
    out: &mut Vec<u8>,
) {
    let issue = catalog.issue(index);
    match fault {
        None => issue.write(fields, out),
        Some(fault) => {
            let mut record = Vec::new();
            issue.write(fields, &mut record);
            out.extend_from_slice(&spoil(fault, &record));
        }
    }
}

/// Does what was scheduled for the search that has just come.
fn run_schedule(shared: &Shared) {
    let number = shared.searches.fetch_add(1, Ordering::SeqCst) + 1;
    let mut due = Vec::new();
    lock(&shared.schedule).retain_mut(|(after, actions)| {
        let now = number > *after;
        if now {
            due.append(actions);
        }
        !now
    });
    for action in due {
        // An action that cannot be done (an issue that is gone) is left out.
        _ = action.apply(shared);
    }
}

/// Faults of a whole page; and the page is remembered for `repeated-page`.
fn spoil_page(
    shared: &Shared,
    query: &jql::Query,
    fault: Option<Fault>,
    total: &mut usize,
    page: &mut Vec<u32>,
) {
    // Pages of one crawl: the same projects in the same order, wherever in it.
    let crawl = hash(query.crawl().as_bytes());
    let mut last = lock(&shared.last_pages);
    match fault {
        Some(Fault::RepeatedPage) => {
            if let Some(before) = last.get(&crawl).filter(|_| !page.is_empty()) {
                page.clone_from(before);
            }
            return;
        }
        Some(Fault::EmptyPage) => page.clear(),
        Some(Fault::MovingTotal) => {
            let off = mix(crawl, shared.searches.load(Ordering::Relaxed)) % 6;
            *total = (*total + off as usize + usize::from(off >= 3)).saturating_sub(3);
        }
        _ => {}
    }
    if !page.is_empty() {
        last.insert(crawl, page.clone());
    }
}

fn asked(config: &Config, request: &Request) -> Result<Asked, Reply> {
    let (jql, start, max, fields, expand, validate);
    if request.method == "POST" {
        let posted: Posted = serde_json::from_slice(&request.body)
            .map_err(|e| errors(400, &[format!("Can not deserialize the request body: {e}")]))?;
        jql = posted.jql.unwrap_or_default();
        start = posted.start_at.unwrap_or(0);
        max = posted.max_results.unwrap_or(DEFAULT_PAGE);
        fields = Fields::parse(posted.fields.iter().map(String::as_str), "*navigable");
        expand = posted.expand.join(",");
        validate = posted
            .validate_query
            .is_none_or(|v| v != serde_json::json!(false) && v != serde_json::json!("false"));
    } else {
        jql = request.param("jql").unwrap_or("").to_owned();
        start = number(request, "startAt", 0)?;
        max = number(request, "maxResults", DEFAULT_PAGE)?;
        let named = request
            .query
            .iter()
            .filter(|(name, _)| name == "fields")
            .map(|(_, value)| value.as_str());
        fields = Fields::parse(named, "*navigable");
        expand = request.param("expand").unwrap_or("").to_owned();
        validate = request.param("validateQuery") != Some("false");
    }
    let cap = config.max_page as usize;
    Ok(Asked {
        jql,
        start: start.max(0) as usize,
        max: if max < 0 { cap } else { (max as usize).min(cap) },
        fields,
        names: expand.split(',').any(|e| e.trim() == "names"),
        validate,
    })
}

fn window_exceeded(asked: u64, limit: u64) -> Reply {
    let message = format!(
        "Search limit exceeded. We couldn't complete your search because it requests {asked} results which exceeded the search platform limit of {limit}."
    );
    Reply::json(500, serde_json::json!({ "message": message, "status-code": 500 }).to_string())
}
