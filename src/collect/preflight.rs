//! Checks before the first page.

use std::time::SystemTime;

use serde::de::IgnoredAny;

use super::paginate::Position;
use super::request::Ask;
use super::run::{Error, Result};
use crate::http::{Client, Failure, FailureScope, Malformed, Reply};
use crate::plan::{Pagination, Plan, Preflight};

/// Whether the first page may be asked for.
pub enum Ready {
    /// All checks passed.
    Yes,
    /// The run is ending.
    Stopped,
    /// The host must not be asked before that time; a sentence says why.
    Closed(SystemTime, String),
}

/// Sends the requests of `preflight:` in order.
///
/// # Errors
/// The first check that fails, with what the spec says about it; a request that
/// fails.
pub async fn preflight(plan: &Plan, client: &Client) -> Result<Ready> {
    for check in &plan.preflight {
        let reply = match ask(plan, client, check).await {
            Ok(reply) => reply,
            Err(Failure::Stopped) => return Ok(Ready::Stopped),
            Err(Failure::Failed { scope: FailureScope::Host { back_at }, message }) => {
                return Ok(Ready::Closed(back_at, message));
            }
            Err(Failure::Failed { message, .. }) => return Err(Error::Failed(message)),
            Err(Failure::PreviousKey | Failure::End) => continue,
        };
        judge(plan, check, &reply)?;
    }
    Ok(Ready::Yes)
}

async fn ask(plan: &Plan, client: &Client, check: &Preflight) -> Result<Reply, Failure> {
    let pagination = Pagination::single();
    let ask = Ask {
        request: &check.request,
        overlay: None,
        pagination: &pagination,
        scope: plan.scope(),
        label: format!("preflight {}", check.name),
    };
    let call = ask.call(plan, &Position::start(&pagination.kind), None).map_err(|error| {
        super::page::failed(format!(
            "preflight {}: {} ({})",
            check.name,
            error.message,
            plan.sources.display(error.span)
        ))
    })?;
    // Where a check looks into JSON, an answer without is none.
    let json = check.fail_if.iter().any(|c| !c.when.json.is_empty());
    let read = |reply: &Reply| match json {
        true => serde_json::from_slice::<IgnoredAny>(&reply.body)
            .map(drop)
            .map_err(|e| Malformed::from_json(&e)),
        false => Ok(()),
    };
    Ok(client.send(|_| call.clone(), 0, read).await?.reply)
}

fn judge(plan: &Plan, check: &Preflight, reply: &Reply) -> Result<()> {
    let scope = plan.scope().with("auth", plan.http.auth.kind().into());
    for entry in &check.fail_if {
        let applies = match &entry.applies {
            None => true,
            Some(template) => plan.env.test(template, &scope).map_err(|error| {
                Error::Failed(format!(
                    "preflight {}: {} ({})",
                    check.name,
                    error.message,
                    plan.sources.display(error.span)
                ))
            })?,
        };
        if applies && entry.when.holds_for(reply) {
            return Err(Error::Failed(format!(
                "{} ({}, {})",
                entry.say,
                check.name,
                plan.sources.display(entry.span)
            )));
        }
    }
    Ok(())
}
