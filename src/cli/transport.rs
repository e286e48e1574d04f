//! The transport of a run: a fetch plugin of this binary.

use std::path::PathBuf;
use std::sync::Arc;

use scrape_api::Fetch;

use super::spec_args::SpecArgs;
use crate::http::{Client, ClientOptions, Stop};
use crate::observe::Observer;
use crate::plan::Plan;
use crate::report::{Ended, Outcome};

/// Files, connections included, that a run may have to hold open at a time.
const OPEN_FILES: u64 = 64;

/// What requests run on.
///
/// # Errors
/// Where the system gives no threads, or too few open files: without any of them left
/// the runtime does not even begin.
pub fn runtime() -> Outcome<tokio::runtime::Runtime> {
    #[cfg(unix)]
    if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current
        && limit < OPEN_FILES
    {
        return Err(Ended::failed(format!(
            "cannot start: a process may hold {limit} files open here, and {OPEN_FILES} are \
             needed: raise the limit (`ulimit -n 1024`)"
        )));
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Ended::failed(format!("cannot start: {e}")))
}

/// What the command line says about requests.
///
/// # Errors
/// When there is no folder for the pace of hosts.
pub fn options(spec: &SpecArgs) -> Outcome<ClientOptions> {
    Ok(ClientOptions {
        concurrency: spec.concurrency(),
        rate_limit: spec.rate_limit(),
        state_dir: state_dir()?,
        first_seq: 1,
        ..ClientOptions::default()
    })
}

/// A client over the transport of a plan.
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

/// Where pace and budgets of hosts are kept, per user.
fn state_dir() -> Outcome<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("SCRAPE_STATE_DIR")
        .or_else(|| set("XDG_STATE_HOME").map(|d| d.join("scrape")))
        .or_else(|| set("HOME").map(|d| d.join(".local/state/scrape")))
        .ok_or_else(|| {
            Ended::failed(
                "no folder for the pace of hosts: set SCRAPE_STATE_DIR, XDG_STATE_HOME or HOME",
            )
        })
}
