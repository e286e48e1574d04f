//! The transport of a run: a fetch plugin of this binary.

use std::sync::Arc;

use scrape_api::{Constructor, Fetch, FetchOptions, plugins};
use serde_json::json;

use crate::http::{Client, ClientOptions, Stop};
use crate::observe::Observer;
use crate::plan::Plan;
use crate::report::{Ended, Outcome};

/// The fetch plugin that talks to servers.
const PLUGIN: &str = "http";

/// What requests run on.
///
/// # Errors
/// Where the system gives no threads.
pub fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Ended::failed(format!("cannot start: {e}")))
}

/// A client over it.
///
/// # Errors
/// When this binary was built without it; when a secret or a recording is missing.
pub fn client(
    plan: &Arc<Plan>,
    options: ClientOptions,
    stop: &Stop,
    observer: &Arc<Observer>,
) -> Outcome<Client> {
    let transport = make(plan)?;
    Client::new(plan.clone(), transport, options, stop.clone(), observer.clone())
        .map_err(|e| Ended::failed(e.to_string()))
}

/// Makes the transport with the plan's time-outs.
///
/// # Errors
/// When this binary was built without it.
fn make(plan: &Plan) -> Outcome<Arc<dyn Fetch>> {
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
