//! A server in this process, on threads of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::net::TcpListener;

use crate::action::{Action, ActionError};
use crate::config::{Config, ConfigError};
use crate::data::Catalog;
use crate::faults::{Fault, Script};
use crate::server::{Shared, serve};
use crate::stats::{RequestRecord, Stats};

/// A running server on 127.0.0.1. It ends when this is dropped.
#[derive(Debug)]
pub struct Standin {
    address: SocketAddr,
    url: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Standin {
    /// Plans and reads the issues and starts to serve them. Fails if a file
    /// cannot be read, a setting is wrong or the port is taken.
    pub fn start(config: Config) -> Result<Self, ConfigError> {
        if !config.context_path.is_empty()
            && (!config.context_path.starts_with('/') || config.context_path.ends_with('/'))
        {
            return Err(ConfigError(format!(
                "the context path `{}` must begin with / and not end with one",
                config.context_path
            )));
        }
        let catalog = Catalog::new(&config)?;
        let failed = |what: &str, e: std::io::Error| ConfigError(format!("{what}: {e}"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(if config.workers == 0 { 2 } else { config.workers })
            .enable_all()
            .build()
            .map_err(|e| failed("no threads", e))?;
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let listener = runtime
            .block_on(TcpListener::bind(wanted))
            .map_err(|e| failed(&wanted.to_string(), e))?;
        let address = listener.local_addr().map_err(|e| failed("no address", e))?;
        let url = format!("http://{address}{}", config.context_path);
        let shared = Arc::new(Shared::new(config, catalog));
        let served = shared.clone();
        let thread = std::thread::spawn(move || {
            // What can fail here is binding again after a time offline; then the server is gone.
            _ = runtime.block_on(serve(listener, served));
            runtime.shutdown_background();
        });
        Ok(Standin { address, url, shared, thread: Some(thread) })
    }

    /// Base of the REST interface, `http://127.0.0.1:PORT/jira`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Blocks until the server was shut down through its control endpoint.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }

    /// Does something to the server; the answer names the issue that was touched.
    pub fn apply(&self, action: Action) -> Result<Value, ActionError> {
        action.apply(&self.shared)
    }

    fn on_issue(&self, action: Action) -> Result<String, ActionError> {
        Ok(self.apply(action)?["key"].as_str().unwrap_or_default().to_owned())
    }

    /// Bumps `updated` and sets the summary, if one is given. Returns the key.
    pub fn update(&self, key: &str, summary: Option<&str>) -> Result<String, ActionError> {
        self.on_issue(Action::Update {
            key: key.into(),
            summary: summary.map(Into::into),
            updated: None,
        })
    }

    /// Adds a comment and bumps `updated`. Returns the key.
    pub fn comment(&self, key: &str, body: &str) -> Result<String, ActionError> {
        self.on_issue(Action::Comment { key: key.into(), body: body.into() })
    }

    /// Makes a new issue. Returns its key.
    pub fn create(&self, project: &str, summary: Option<&str>) -> Result<String, ActionError> {
        self.on_issue(Action::Create { project: project.into(), summary: summary.map(Into::into) })
    }

    /// Moves an issue to another project. Returns its new key.
    pub fn move_issue(&self, key: &str, to: &str) -> Result<String, ActionError> {
        self.on_issue(Action::Move { key: key.into(), to: to.into() })
    }

    /// Deletes an issue.
    pub fn delete(&self, key: &str) -> Result<String, ActionError> {
        self.on_issue(Action::Delete { key: key.into() })
    }

    /// Hides an issue, so that JQL that names its key is refused.
    pub fn vanish(&self, key: &str) -> Result<String, ActionError> {
        self.on_issue(Action::Vanish { key: key.into(), listed: false })
    }

    /// Gives a record a fault for good.
    pub fn poison(&self, key: &str, fault: Fault) -> Result<(), ActionError> {
        self.apply(Action::Poison { key: key.into(), fault: Some(fault) }).map(drop)
    }

    /// Strikes the `nth` request (from 1) that matches a glob over `METHOD /path?query body`, and `times - 1` more.
    pub fn script(
        &self,
        matching: &str,
        nth: u64,
        times: u64,
        fault: Fault,
    ) -> Result<(), ActionError> {
        self.apply(Action::Script(Script { matching: matching.into(), nth, times, fault }))
            .map(drop)
    }

    /// Does other actions as soon as so many more searches have been answered.
    pub fn after(&self, searches: u64, then: Vec<Action>) -> Result<(), ActionError> {
        self.apply(Action::After { searches, then }).map(drop)
    }

    /// Statistics, log and attempts begin anew.
    pub fn reset(&self) {
        // Cannot fail: it names no issue.
        _ = self.apply(Action::Reset);
    }

    /// Sums over all requests so far.
    pub fn stats(&self) -> Stats {
        self.shared.log().stats()
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log().records().to_vec()
    }

    /// The keys of a project's visible issues by rising number; none for an unknown project.
    pub fn keys(&self, project: &str) -> Vec<String> {
        let catalog = self.shared.catalog();
        let found = catalog.project(project);
        found.map_or(Vec::new(), |p| {
            catalog.projects[p].order.iter().map(|i| catalog.key(*i)).collect()
        })
    }

    /// The record of an issue (by key or id) as search sends it with every field; faults left out.
    pub fn record(&self, key: &str) -> Option<String> {
        let catalog = self.shared.catalog();
        Some(catalog.issue(catalog.by_id_or_key(key)?).text().to_owned())
    }

    /// All comments of an issue (by key or id), the oldest first.
    pub fn comments(&self, key: &str) -> Option<Vec<String>> {
        let catalog = self.shared.catalog();
        let issue = catalog.issue(catalog.by_id_or_key(key)?);
        Some(issue.comments().into_iter().map(Into::into).collect())
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.shared.shutdown.notify_one();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
