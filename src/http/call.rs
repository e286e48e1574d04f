//! One request as the collector asks for it, and what comes of it.

use std::path::PathBuf;
use std::time::SystemTime;

use scrape_api::{Bytes, Method};

use super::budget::Hold;
use super::cause::Cause;
use crate::plan::ReplyKind;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A path below the base URL.
    Path(String),
    /// A link that a reply gave. Credentials are sent only where scheme, host and
    /// port are those of the base URL.
    Url(String),
}

/// One request, before credentials and pace.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub target: Target,
    /// Query parameters, unencoded, in order.
    pub query: Vec<(String, String)>,
    /// Headers of this request alone.
    pub headers: Vec<(String, String)>,
    /// The body of a `POST`.
    pub body: Option<Bytes>,
    /// What it is for, in messages: `issues KAFKA`.
    pub label: String,
}

/// A request as people read it: without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The method.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// Its headers; those that carry credentials without their values.
    pub headers: Vec<(String, String)>,
    /// The body of a `POST`.
    pub body: Option<String>,
}

/// A good reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The decoded body; broken UTF-8, raw control characters inside strings and
    /// unpaired surrogate escapes are already repaired.
    pub body: Bytes,
    /// The body before the repair, where one was needed.
    pub original: Option<Bytes>,
    /// The body as it came, where it came packed and nothing was repaired.
    pub packed: Option<Packed>,
    /// The URL that answered, without credentials.
    pub url: String,
    /// The number of the request: greater for a later one, over all runs (the
    /// starting number comes from the store).
    pub seq: i64,
    /// The server's clock, from the header `Date`.
    pub date: Option<SystemTime>,
}

/// A body as it came.
#[derive(Debug, Clone)]
pub struct Packed {
    /// A single member of gzip.
    pub gzip: Bytes,
    /// What it unpacks to: [`Reply::body`] is a part of it.
    pub whole: Bytes,
}

impl Reply {
    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// A good reply, and what was read from it.
#[derive(Debug, Clone)]
pub struct Sent<T> {
    /// What the reader made of it.
    pub value: T,
    /// The reply.
    pub reply: Reply,
    /// Its part of the memory for bodies, to be kept until what came in it is
    /// committed.
    pub hold: Hold,
    /// How often the page size was halved to get it.
    pub halvings: u32,
    /// Attempts that it took, the good one included.
    #[cfg_attr(not(test), expect(dead_code, reason = "so far only tests ask"))]
    pub attempts: u32,
}

/// What the reader of a reply says when the body is not what was asked for. The
/// engine's rules decide whether it is sent again.
#[derive(Debug, Clone)]
pub struct Malformed {
    /// What it is instead.
    pub kind: ReplyKind,
    /// One sentence, with the place in the body.
    pub message: String,
}

/// How much a failure takes down with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureScope {
    /// The page, and perhaps only one record of it: a rule says `reject_record`,
    /// one record alone is above `max_body`, or a rule with `shrink_page` has run
    /// out of attempts. Asking for less may help.
    Record,
    /// The partition; the others go on.
    Partition,
    /// Everything that goes to this host, resumable at `back_at`.
    Host {
        /// When the host may be asked again.
        back_at: SystemTime,
    },
    /// The run.
    Run,
}

/// Why there is no reply.
#[derive(Debug, Clone)]
pub enum Failure {
    /// A rule says `previous_key`.
    PreviousKey,
    /// A rule says `end`.
    End,
    /// The run is ending.
    Stopped,
    /// The request failed for good. The cause has the status, the server's own
    /// words where it gave some, and the rule that decided.
    Failed {
        /// How much it takes down.
        scope: FailureScope,
        /// Why, for people.
        cause: Cause,
    },
}

/// What the command line and the environment say about requests.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// `--max-concurrent`.
    pub concurrency: Option<usize>,
    /// `--rate-limit`: seconds between requests; replaces every limit that is not
    /// a budget.
    pub rate_limit: Option<f64>,
    /// Where pace and budget of hosts are kept, per user.
    pub state_dir: PathBuf,
    /// Under replay: waits are virtual, pace and budgets untouched.
    pub offline: bool,
    /// The first number for [`Reply::seq`].
    pub first_seq: i64,
    /// `--record`: the recording to write; one that ends in `.zst` is compressed.
    pub record: Option<PathBuf>,
    /// `--replay`: the recording that answers in place of the transport; implies
    /// `offline`.
    pub replay: Option<PathBuf>,
}

/// A client that cannot be made: one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub String);
