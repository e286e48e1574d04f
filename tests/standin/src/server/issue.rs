//! `/issue/…` and `/issue/…/comment`.

use crate::config::Config;
use crate::data::Fields;
use crate::faults::{Fault, spoil};
use crate::http::{Delivery, Reply, Request};
use crate::json::member;

use super::page::{errors, number};
use super::state::{Shared, lock};

fn missing() -> Reply {
    errors(404, &["Issue Does Not Exist".to_owned()])
}

/// One issue by id, key or former key, every field unless asked otherwise.
pub(super) fn issue(shared: &Shared, config: &Config, request: &Request, id: &str) -> Reply {
    let catalog = shared.catalog();
    let Some(index) = catalog.by_id_or_key(id) else {
        return missing();
    };
    let fields = Fields::parse(request.param("fields"), "*all");
    let mut body = Vec::new();
    catalog.issue(index).write(&fields, &mut body);
    let fault = lock(&shared.faults).of_record(
        &config.faults,
        config.seed,
        catalog.entries[index as usize].id,
    );
    let mut reply = Reply::json(200, Vec::new());
    if fault == Some(Fault::Unreadable) && !fields.is_light() {
        reply.delivery = Delivery::CutInBody;
    }
    reply.body = match fault {
        Some(fault) => spoil(fault, &body),
        None => body,
    };
    reply
}

/// All comments of an issue, or a page of them. Without `maxResults` there is no limit, as on Data Center.
pub(super) fn comments(shared: &Shared, request: &Request, id: &str) -> Reply {
    let issue = {
        let catalog = shared.catalog();
        let Some(index) = catalog.by_id_or_key(id) else {
            return missing();
        };
        catalog.issue(index)
    };
    let (start, max) =
        match (number(request, "startAt", 0), number(request, "maxResults", 1_048_576)) {
            (Ok(start), Ok(max)) => (start.max(0) as usize, max),
            (Err(reply), _) | (_, Err(reply)) => return reply,
        };
    let max = if max < 0 { 1_048_576 } else { max as usize };
    let mut comments = issue.comments();
    let created = |text: &str| member(text, &["created"]).map(|r| text[r].to_owned());
    match request.param("orderBy").unwrap_or("created").trim() {
        "created" | "+created" => comments.sort_by_key(|c| created(c)),
        // Newest first; equal times keep the order in which they were written, reversed.
        "-created" => {
            comments.sort_by_key(|c| created(c));
            comments.reverse();
        }
        other => {
            return errors(
                400,
                &[format!("'{other}' is not a valid value for the orderBy parameter.")],
            );
        }
    }
    let page: Vec<&str> = comments.iter().skip(start).take(max).copied().collect();
    let total = comments.len();
    Reply::json(
        200,
        format!(
            r#"{{"startAt":{start},"maxResults":{max},"total":{total},"comments":[{}]}}"#,
            page.join(",")
        ),
    )
}
