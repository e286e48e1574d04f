//! How requests are sent: the section `http:`, resolved.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use scrape_api::{Fetch, OptionsError};
use serde_json::Value;
use url::Url;

use super::{Path, Template};
use crate::spec::Span;

/// The section `http:` with params applied.
pub struct HttpPlan {
    /// Where paths of requests are joined to; without a trailing slash.
    pub base_url: Url,
    /// The plugin that carries requests; `None` when this binary was built without
    /// the usual one, which a recording does not need.
    pub transport: Option<Transport>,
    /// The header `User-Agent`.
    pub user_agent: String,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// Credentials.
    pub auth: Auth,
    /// What templates in `auth` see as `secrets.NAME`.
    pub secrets: Vec<Secret>,
    /// Whether robots.txt is obeyed.
    pub robots: Robots,
    /// Requests in flight.
    pub concurrency: usize,
    /// All hold at once.
    pub rate_limits: Vec<RateLimit>,
    /// How often and when a request is repeated.
    pub retry: Retry,
    /// When a host is left alone for a while.
    pub breaker: Breaker,
    /// The most bytes of a decoded body.
    pub max_body: u64,
    /// The bytes that the bodies of all replies in flight share.
    pub body_budget: u64,
    /// The spec's rules, then the engine's own.
    pub on_response: Vec<Rule>,
}

/// A fetch plugin with its options.
#[derive(Clone)]
pub struct Transport {
    /// The plugin's name.
    pub name: String,
    /// Its options.
    pub options: Value,
    /// Makes one; its options were checked when the plan was made.
    pub make: Arc<dyn Fn() -> Result<Box<dyn Fetch>, OptionsError> + Send + Sync>,
}

/// Credentials. Values are templates over `secrets`, evaluated when the run
/// starts, so that `validate` needs none.
pub enum Auth {
    /// No credentials.
    None,
    /// `Authorization: Basic …`
    Basic {
        /// User name or mail address.
        username: Template,
        /// Password or API token.
        password: Template,
    },
    /// `Authorization: Bearer …`
    Bearer {
        /// The token.
        token: Template,
    },
    /// A header of any name.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: Template,
    },
}

impl Auth {
    /// The name after `type:`, which templates see as `auth`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic { .. } => "basic",
            Self::Bearer { .. } => "bearer",
            Self::Header { .. } => "header",
        }
    }
}

/// One entry of `secrets:`. Its value is read when a run starts.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// The environment variable that holds it; looked at first.
    pub env: Option<String>,
    /// The file that holds it, relative paths resolved.
    pub file: Option<PathBuf>,
}

/// At most `requests` in any time span `per`, evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub requests: u32,
    /// In which time.
    pub per: Duration,
}

impl RateLimit {
    /// A budget (an hour or longer) is counted, not spaced, is kept across runs,
    /// and is never lifted by `--rate-limit`.
    pub fn is_budget(&self) -> bool {
        self.per >= Duration::from_secs(3600)
    }
}

/// How a request is repeated.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Attempts in all, the first included; at least 1.
    pub max_attempts: u32,
    /// The wait between them where no rule says otherwise.
    pub backoff: Backoff,
}

/// Waits that grow: `initial * 2^n`, at most `max`.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The first wait.
    pub initial: Duration,
    /// The longest.
    pub max: Duration,
    /// How it is randomised.
    pub jitter: Jitter,
    /// False for a constant wait of `initial`.
    pub exponential: bool,
}

/// After `failures` failed attempts in a row at a host, nothing is sent to it
/// for `pause`; then one request tries.
#[derive(Debug, Clone, Copy)]
pub struct Breaker {
    /// How many in a row.
    pub failures: u32,
    /// How long.
    pub pause: Duration,
}

/// One rule of `on_response:`.
pub struct Rule {
    /// What it applies to.
    pub when: Condition,
    /// What is done.
    pub action: Action,
    /// What waits, when the action is a retry.
    pub pause: Pause,
    /// Where the wait comes from: the first that gives one, else the backoff.
    pub wait: Vec<Wait>,
    /// Whether the next attempt asks for half a page.
    pub shrink_page: bool,
    /// What to tell the user.
    pub say: Option<String>,
    /// Where it stands; `None` for the engine's own.
    pub span: Option<Span>,
}

/// What a rule or a check applies to: all parts that are given must hold, and
/// one entry of each list. An empty condition holds always.
#[derive(Default)]
pub struct Condition {
    /// Status codes.
    pub status: Vec<StatusPattern>,
    /// Failures below HTTP.
    pub transport: Vec<TransportKind>,
    /// Replies that are not what they claim to be.
    pub reply: Vec<ReplyKind>,
    /// A glob over the body as text, without regard to case.
    pub body: Option<String>,
    /// Header names (any case) and globs over their values.
    pub header: Vec<(String, String)>,
    /// Paths into a JSON body, and a glob over, or the exact value of, one of
    /// the values selected.
    pub json: Vec<(Path, Value)>,
}

pub use crate::spec::lang::{Action, Jitter, Pause, ReplyKind, Robots, StatusPattern};
pub use scrape_api::FetchErrorKind as TransportKind;

/// Where a wait comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A header with seconds or a date; above `max` the host's partitions stop,
    /// the wait is never cut short.
    Header {
        /// Its name.
        name: String,
        /// The longest wait to sit out.
        max: Option<Duration>,
    },
    /// This long.
    Fixed(Duration),
    /// As [`Retry::backoff`] says.
    Backoff,
}
