//! What can be done to a running server: changes to its data, its faults and its settings.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Auth;
use crate::data::Catalog;
use crate::faults::{Fault, Script};
use crate::server::{Shared, lock};

/// An action that could not be done; the message says why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ActionError(pub String);

/// Something to do to a running server. In JSON:
/// `{"action": "move", "key": "TIDE-7", "to": "REEF"}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// Bumps `updated` and sets the summary, if one is given.
    Update {
        /// The issue's key or id.
        key: String,
        /// The new summary.
        #[serde(default)]
        summary: Option<String>,
        /// Epoch milliseconds; now if absent.
        #[serde(default)]
        updated: Option<i64>,
    },
    /// Adds a comment and bumps `updated`.
    Comment {
        /// The issue's key or id.
        key: String,
        /// The comment's text.
        body: String,
    },
    /// A new issue.
    Create {
        /// The project's key.
        project: String,
        /// Its summary; invented if absent.
        #[serde(default)]
        summary: Option<String>,
    },
    /// To another project: new key, same id; a GET of the old key finds it.
    Move {
        /// The issue's key or id.
        key: String,
        /// The other project's key.
        to: String,
    },
    /// For good.
    Delete {
        /// The issue's key or id.
        key: String,
    },
    /// Hides an issue until it appears again; JQL that names its key is refused.
    Vanish {
        /// The issue's key.
        key: String,
        /// Searches still list it; only naming its key is refused.
        #[serde(default)]
        listed: bool,
    },
    /// Ends `vanish`.
    Appear {
        /// The issue's key.
        key: String,
    },
    /// Gives a record a fault for good, or protects it from all if `fault` is null.
    Poison {
        /// The issue's key or id.
        key: String,
        /// A fault of records.
        fault: Option<Fault>,
    },
    /// Replaces the rates of faults.
    Faults {
        /// Share of requests that meet one of the faults that go away on another try.
        #[serde(default)]
        rate: f64,
        /// Share of requests (or records) by kind.
        #[serde(default)]
        rates: Vec<(Fault, f64)>,
        /// At most so many in a row for one request.
        #[serde(default)]
        max_in_a_row: Option<u32>,
        /// Seconds in `Retry-After`.
        #[serde(default)]
        retry_after: Option<u64>,
        /// Milliseconds that `hang` waits.
        #[serde(default)]
        hang_ms: Option<u64>,
        /// Milliseconds that `drip` takes.
        #[serde(default)]
        drip_ms: Option<u64>,
        /// Only requests that match this glob.
        #[serde(default)]
        only: Option<String>,
    },
    /// A fault at certain requests.
    Script(Script),
    /// No faults, scripts and spoilt records any more.
    ClearFaults,
    /// Other actions, as soon as so many more searches have been answered.
    After {
        /// Searches from now on.
        searches: u64,
        /// What to do then.
        then: Vec<Action>,
    },
    /// Refuses connections for a while.
    Offline {
        /// Milliseconds.
        ms: u64,
    },
    /// Changes settings; what is absent stays.
    Set {
        /// Milliseconds added to every reply.
        #[serde(default)]
        latency_ms: Option<u64>,
        /// Requests a second; 0 for no limit.
        #[serde(default)]
        limit_rps: Option<f64>,
        /// Greatest page size.
        #[serde(default)]
        max_page: Option<u32>,
        /// Reset pages of more full records than this; 0 for never.
        #[serde(default)]
        reset_above: Option<u32>,
        /// Body of `/robots.txt`; empty for 404.
        #[serde(default)]
        robots: Option<String>,
        /// Where the fault `redirect` leads, `http://host:port`.
        #[serde(default)]
        redirect_to: Option<String>,
        /// The bearer token from now on; the one before is refused.
        #[serde(default)]
        token: Option<String>,
    },
    /// Statistics and log begin anew, as do the attempts that faults count.
    Reset,
    /// Ends the server.
    Shutdown,
}

impl Action {
    /// Does it; issues that were touched are answered with key and id.
    pub(crate) fn apply(self, shared: &Shared) -> Result<Value, ActionError> {
        let issue = |act: &dyn Fn(&mut Catalog) -> Result<u32, String>| {
            let mut catalog = shared.catalog_mut();
            let index = act(&mut catalog).map_err(ActionError)?;
            let entry = &catalog.entries[index as usize];
            Ok(
                json!({ "key": catalog.key(index), "id": entry.id.to_string(), "updated": entry.updated }),
            )
        };
        match self {
            Action::Update { key, summary, updated } => {
                return issue(&|c| c.update(&key, summary.as_deref(), updated));
            }
            Action::Comment { key, body } => return issue(&|c| c.comment(&key, &body)),
            Action::Create { project, summary } => {
                return issue(&|c| c.create(&project, summary.as_deref()));
            }
            Action::Move { key, to } => return issue(&|c| c.move_to(&key, &to)),
            Action::Delete { key } => return issue(&|c| c.delete(&key)),
            Action::Vanish { key, listed } => return issue(&|c| c.vanish(&key, listed)),
            Action::Appear { key } => return issue(&|c| c.appear(&key)),
            Action::Poison { key, fault } => {
                if let Some(fault) = fault.filter(|f| !f.is_of_record()) {
                    return Err(ActionError(format!(
                        "`{fault}` is a fault of requests, not of records"
                    )));
                }
                let catalog = shared.catalog();
                let index = catalog
                    .by_id_or_key(&key)
                    .ok_or_else(|| ActionError(format!("there is no issue `{key}`")))?;
                lock(&shared.faults).poison(catalog.entries[index as usize].id, fault);
            }
            Action::Faults { rate, rates, max_in_a_row, retry_after, hang_ms, drip_ms, only } => {
                let faults = &mut shared.config_mut().faults;
                faults.rate = rate;
                faults.rates = rates;
                faults.only = only;
                faults.max_in_a_row = max_in_a_row.unwrap_or(faults.max_in_a_row);
                faults.retry_after = retry_after.map_or(faults.retry_after, Duration::from_secs);
                faults.hang = hang_ms.map_or(faults.hang, Duration::from_millis);
                faults.drip = drip_ms.map_or(faults.drip, Duration::from_millis);
            }
            Action::Script(script) => lock(&shared.faults).script(script),
            Action::ClearFaults => {
                lock(&shared.faults).clear();
                let faults = &mut shared.config_mut().faults;
                faults.rate = 0.0;
                faults.rates.clear();
            }
            Action::After { searches, then } => {
                let after = shared.searches.load(std::sync::atomic::Ordering::SeqCst) + searches;
                lock(&shared.schedule).push((after, then));
            }
            Action::Offline { ms } => {
                *lock(&shared.offline_until) = Some(Instant::now() + Duration::from_millis(ms));
                shared.went_offline.notify_one();
            }
            Action::Set {
                latency_ms,
                limit_rps,
                max_page,
                reset_above,
                robots,
                redirect_to,
                token,
            } => {
                let mut config = shared.config_mut();
                if let Some(token) = token {
                    let Auth::Bearer { .. } = config.auth else {
                        let message = "this server wants no bearer token";
                        return Err(ActionError(message.to_owned()));
                    };
                    config.auth = Auth::Bearer { token };
                }
                config.redirect_to = redirect_to.or(config.redirect_to.take());
                config.latency = latency_ms.map_or(config.latency, Duration::from_millis);
                config.limit_rps =
                    limit_rps.map_or(config.limit_rps, |rps| Some(rps).filter(|r| *r > 0.0));
                config.max_page = max_page.unwrap_or(config.max_page);
                config.reset_above =
                    reset_above.map_or(config.reset_above, |n| Some(n).filter(|n| *n > 0));
                config.robots = robots
                    .map_or(config.robots.take(), |body| Some(body).filter(|b| !b.is_empty()));
            }
            Action::Reset => {
                shared.log().reset();
                lock(&shared.faults).forget_attempts();
            }
            Action::Shutdown => shared.shutdown.notify_one(),
        }
        Ok(json!({}))
    }
}
