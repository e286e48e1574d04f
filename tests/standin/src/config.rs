//! What a stand-in serves and how it behaves.

use std::path::PathBuf;
use std::time::Duration;

use crate::faults::FaultConfig;
use crate::http::Encodings;

/// A setting that makes no sense; the message says what and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Who may read, and how callers show who they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// Everyone may read; credentials are not looked at.
    #[default]
    None,
    /// `Authorization: Basic …`; the user is named in `X-AUSERNAME`.
    Basic {
        /// The user's name.
        user: String,
        /// The user's password or API token.
        password: String,
    },
    /// `Authorization: Bearer …`, as with a personal access token.
    Bearer {
        /// The token.
        token: String,
    },
    /// A header of one's own.
    Header {
        /// The header's name, in any case.
        name: String,
        /// The value it must have.
        value: String,
    },
}

/// What the server says it is (`deploymentType` of `serverInfo`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Deployment {
    /// Server or Data Center: REST v2 search works.
    #[default]
    Server,
    /// Cloud: `/search` answers 410.
    Cloud,
}

/// What becomes of a key in JQL that names no issue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MissingKeys {
    /// 400, "An issue with key 'X' does not exist for field 'issueKey'."
    #[default]
    Reject,
    /// Compared by its number, as if it existed.
    Compare,
}

/// Everything that can be set before the start. `Config::default()` serves
/// nothing on a free port; set `projects` or `files`.
///
/// ```
/// use scrape_standin::{Config, Standin};
///
/// let standin = Standin::start(Config { projects: vec!["TIDE".into()], ..Config::default() }).unwrap();
/// assert!(standin.url().starts_with("http://127.0.0.1:"));
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// TCP port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// What every path begins with, `/jira`; empty for none.
    pub context_path: String,
    /// Base of the links inside synthetic records. Fixed, whatever the port, so
    /// that two servers with one seed send the same bytes.
    pub base_url: String,
    /// Keys of the projects with synthetic issues.
    pub projects: Vec<String>,
    /// How many synthetic issues each of them has.
    pub issues_per_project: u32,
    /// Seed of the synthetic issues and of the faults.
    pub seed: u64,
    /// Mean size of a synthetic record in bytes, reached by padding; 0 for the natural size (about 13 KB).
    pub record_size: usize,
    /// Share of synthetic issues without description, 0 to 1.
    pub null_descriptions: f64,
    /// JSON Lines files of issues to serve as they are, one issue a line.
    pub files: Vec<PathBuf>,
    /// So many comments of an issue are inline; the others only come from `/comment`.
    pub inline_comments: usize,
    /// Greatest page size; what is asked for beyond it is cut without error.
    pub max_page: u32,
    /// 500 "Search limit exceeded" when startAt + maxResults is above this.
    pub window: Option<u64>,
    /// Reset the connection when a page of full records has more than this many.
    pub reset_above: Option<u32>,
    /// What becomes of a key in JQL that names no issue.
    pub missing_keys: MissingKeys,
    /// Who may read.
    pub auth: Auth,
    /// Wrong or missing credentials give 200 and `X-AUSERNAME: anonymous`.
    pub auth_ignored: bool,
    /// After so many wrong credentials in a row: 403 with a CAPTCHA header.
    pub captcha_after: Option<u32>,
    /// What the server says it is.
    pub deployment: Deployment,
    /// Body of `/robots.txt`; `None` answers 404.
    pub robots: Option<String>,
    /// Content encodings offered, the preferred one first.
    pub encodings: Encodings,
    /// Added to every reply.
    pub latency: Duration,
    /// Requests a second (token bucket of one second's size); beyond it 429.
    pub limit_rps: Option<f64>,
    /// Where the fault `redirect` leads: scheme and authority, without a path.
    pub redirect_to: Option<String>,
    /// Faults from the start.
    pub faults: FaultConfig,
    /// Threads of the server; 0 for two.
    pub workers: usize,
    /// Bytes of synthetic records kept ready; what is beyond is generated for each request.
    pub cache_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            port: 0,
            context_path: "/jira".to_owned(),
            base_url: "https://issues.example.org/jira".to_owned(),
            projects: Vec::new(),
            issues_per_project: 100,
            seed: 1,
            record_size: 0,
            null_descriptions: 0.39,
            files: Vec::new(),
            inline_comments: 20,
            max_page: 1000,
            window: None,
            reset_above: None,
            missing_keys: MissingKeys::Reject,
            auth: Auth::None,
            auth_ignored: false,
            captcha_after: None,
            deployment: Deployment::Server,
            robots: None,
            encodings: Encodings::default(),
            latency: Duration::ZERO,
            limit_rps: None,
            redirect_to: None,
            faults: FaultConfig::default(),
            workers: 0,
            cache_bytes: 256 << 20,
        }
    }
}
