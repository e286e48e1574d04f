//! The transport of a run: a fetch plugin of this binary.

use std::sync::Arc;

use scrape_api::Fetch;

use crate::plan::Plan;
use crate::report::{Ended, Outcome};

/// Makes the transport that the plan names.
///
/// # Errors
/// When this binary was built without the usual one, or the plugin refuses.
pub fn make(plan: &Plan) -> Outcome<Arc<dyn Fetch>> {
    let transport = plan.http.transport.as_ref().ok_or_else(|| {
        Ended::failed(
            "this program was built without the fetch plugin `http`: build it with the feature fetch-http",
        )
    })?;
    let made = (transport.make)();
    made.map(Arc::from).map_err(|e| Ended::failed(format!("transport {}: {e}", transport.name)))
}
