//! Checks before the first page.

use std::time::SystemTime;

use serde::de::IgnoredAny;

use super::page;
use super::paginate::Position;
use super::request::Ask;
use super::run::{Error, Result};
use crate::http::{Cause, Client, Failure, FailureScope, Malformed, Reply};
use crate::plan::{Pagination, Plan, Preflight};
use crate::spec::Diagnostic;

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
            Err(Failure::Failed { scope: FailureScope::Host { back_at }, cause }) => {
                return Ok(Ready::Closed(back_at, cause.text));
            }
            Err(Failure::Failed { cause, .. }) => return Err(Error::Failed(cause)),
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
    let call = ask
        .call(plan, &Position::start(&pagination.kind), None)
        .map_err(|error| page::failed(page::template_error(plan, &ask.label, &error)))?;
    // Where a check looks into JSON, an answer without is none.
    let json = check.fail_if.iter().any(|c| !c.when.json.is_empty());
    let read = |reply: &Reply| match json {
        true => serde_json::from_slice::<IgnoredAny>(&reply.body)
            .map(drop)
            .map_err(|e| Malformed::from_json(&e)),
        false => Ok(()),
    };
    let sent = client.send(|_| call.clone(), 0, read).await;
    Ok(sent.map_err(|failure| page::at(&check.request, failure))?.reply)
}

fn judge(plan: &Plan, check: &Preflight, reply: &Reply) -> Result<()> {
    let scope = plan.scope().with("auth", plan.http.auth.kind().into());
    for entry in &check.fail_if {
        let applies = match &entry.applies {
            None => true,
            Some(template) => plan.env.test(template, &scope).map_err(|error| {
                let label = format!("preflight {}", check.name);
                Error::Failed(page::template_error(plan, &label, &error))
            })?,
        };
        if applies && entry.when.holds_for(reply) {
            let place = plan.sources.display(entry.span);
            let text = format!("{} ({}, {place})", entry.say, check.name);
            let found = Diagnostic::error(Some(entry.span), entry.say.as_str());
            let notes = vec![format!("the check {} before the first page", check.name)];
            return Err(Error::Failed(Cause::from(text).with(Diagnostic { notes, ..found })));
        }
    }
    Ok(())
}
