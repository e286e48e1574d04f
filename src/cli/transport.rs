//! The transport of a run: a fetch plugin of this binary.

use std::sync::Arc;

use scrape_api::Fetch;

use crate::http::{Client, ClientOptions, Stop};
use crate::observe::Observer;
use crate::plan::Plan;
use crate::report::{Ended, Outcome};

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

/// Makes the transport that the plan names.
///
/// # Errors
/// When this binary was built without the usual one, or the plugin refuses.
fn make(plan: &Plan) -> Outcome<Arc<dyn Fetch>> {
    let transport = plan.http.transport.as_ref().ok_or_else(|| {
        Ended::failed(
            "this program was built without the fetch plugin `http`: build it with the feature fetch-http",
        )
    })?;
    let made = (transport.make)();
    made.map(Arc::from).map_err(|e| Ended::failed(format!("transport {}: {e}", transport.name)))
}
