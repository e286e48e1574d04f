//! The transport of a run: a fetch plugin of this binary.

use std::sync::Arc;

use scrape_api::{Constructor, Fetch, FetchOptions, plugins};
use serde_json::json;

use crate::plan::Plan;
use crate::report::{Ended, Outcome};

/// The fetch plugin that talks to servers.
const PLUGIN: &str = "http";

/// Makes the transport with the plan's time-outs.
///
/// # Errors
/// When this binary was built without it.
pub fn make(plan: &Plan) -> Outcome<Arc<dyn Fetch>> {
    let options = FetchOptions::new(plan.http.connect_timeout, plan.http.read_timeout);
    let made = plugins().into_iter().find_map(|plugin| match plugin.constructor {
        Constructor::Fetch(make) if plugin.name == PLUGIN => Some(make(json!({}), &options)),
        _ => None,
    });
    match made {
        Some(Ok(fetch)) => Ok(fetch.into()),
        Some(Err(error)) => Err(Ended::failed(error.to_string())),
        None => Err(Ended::failed(
            "this program was built without the fetch plugin `http`: build it with the feature fetch-http",
        )),
    }
}
