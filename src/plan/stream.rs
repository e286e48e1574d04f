//! What is collected: partitions, pages, records, child lists.

use serde_json::{Map, Value};

use super::{Condition, MapPlan, Path, Template};
use crate::spec::Span;
pub use crate::spec::lang::KeyOrder;
use scrape_api::Method;

/// A check before the first page.
pub struct Preflight {
    /// Its name in messages.
    pub name: String,
    /// The request; its templates see `params`.
    pub request: RequestTemplate,
    /// Any that holds fails the run.
    pub fail_if: Vec<Check>,
}

/// One entry of `fail_if:`.
pub struct Check {
    /// What fails.
    pub when: Condition,
    /// Whether the check applies at all; sees `params` and `auth`.
    pub applies: Option<Template>,
    /// What to tell the user.
    pub say: String,
    /// Where it stands.
    pub span: Span,
}

/// One stream.
pub struct StreamPlan {
    /// Its name.
    pub name: String,
    /// The values of `for_each`, one partition for each combination; a stream
    /// without `for_each` has one partition with an empty id.
    pub partitions: Vec<Partition>,
    /// The request of a page; its templates see `params`, the partition's
    /// variables and `page` (`after`, `cursor`, `offset`, `number`, `limit`).
    pub request: RequestTemplate,
    /// How one page leads to the next.
    pub pagination: Pagination,
    /// Selects the records in a reply.
    pub records: Path,
    /// Selects a record's identity.
    pub primary_key: Path,
    /// Selects what tells a newer version from an older.
    pub version: Option<Path>,
    /// What records are ordered by in outputs.
    pub sort_key: Option<SortKey>,
    /// Lists that belong to a record.
    pub children: Vec<ChildPlan>,
    /// The fields of a mapped record.
    pub map: MapPlan,
    /// Whether records that the server no longer lists are left out of outputs.
    pub drop_gone: bool,
}

impl StreamPlan {
    /// The sort key, where pages go by it: then a page holds all that the query has from
    /// its first sort key to its last.
    pub fn keyset_by_sort_key(&self) -> Option<&SortKey> {
        let PaginationKind::Keyset { after, .. } = &self.pagination.kind else { return None };
        self.sort_key.as_ref().filter(|sort| sort.path.source() == after.source())
    }
}

/// A part of a stream with its own cursor and checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Partition {
    /// The values of its variables, joined by `/`: `KAFKA`.
    pub id: String,
    /// The variables that templates see: `{ project: KAFKA }`.
    pub vars: Map<String, Value>,
}

/// A request with templates in it.
pub struct RequestTemplate {
    /// The method.
    pub method: Method,
    /// A path below `base_url`, or a whole URL.
    pub path: Template,
    /// Query parameters in order; one whose value is null is left out, a list
    /// repeats the parameter.
    pub query: Vec<(String, Template)>,
    /// Headers of this request alone.
    pub headers: Vec<(String, Template)>,
    /// The JSON body of a `POST`.
    pub json: Option<super::Node>,
}

impl RequestTemplate {
    /// What to point at when a server does not like the request: of a bad one the
    /// first part of the query that a template makes, else the path.
    pub fn place(&self, status: Option<u16>) -> Span {
        let made = self.query.iter().map(|(_, value)| value).find(|v| v.as_constant().is_none());
        made.filter(|_| status.is_none_or(|status| status == 400)).unwrap_or(&self.path).span()
    }
}

/// Parts of a request that replace those of another: of a page's request for a
/// count, a probe, a sweep. Keys that are not named stay.
pub struct Overlay {
    /// Replaces the path.
    pub path: Option<Template>,
    /// Query parameters by name; a template that gives null removes one.
    pub query: Vec<(String, Template)>,
    /// Replaces the body.
    pub json: Option<super::Node>,
}

/// How one page leads to the next.
pub struct Pagination {
    /// The kind, with what only it needs.
    pub kind: PaginationKind,
    /// Records asked for at a time.
    pub limit: Option<u32>,
    /// The query parameter that says so; without one the request's own
    /// templates use `page.limit`.
    pub limit_param: Option<String>,
    /// Selects how many records the whole query has, in a reply.
    pub total: Option<Path>,
    /// A request whose `total` is how many records a partition should have.
    pub count: Option<Overlay>,
    /// Pages of keys alone, to find out which records are missing.
    pub sweep: Option<Sweep>,
    /// How a number that no key has is looked up.
    pub gaps: Option<Gaps>,
}

impl Pagination {
    /// That of a request whose one reply is all.
    pub fn single() -> Self {
        Self {
            kind: PaginationKind::None,
            limit: None,
            limit_param: None,
            total: None,
            count: None,
            sweep: None,
            gaps: None,
        }
    }
}

/// The seven kinds of pagination. All advance by what came back.
#[allow(clippy::large_enum_variant, reason = "there is one for each stream")]
pub enum PaginationKind {
    /// One reply is all.
    None,
    /// By position.
    Offset {
        /// The query parameter, where the request has no template for it.
        offset_param: Option<String>,
    },
    /// By page number.
    Page {
        /// The query parameter.
        page_param: Option<String>,
        /// The number of the first page.
        first: u64,
    },
    /// By a token in the reply.
    Cursor {
        /// Selects the token.
        token: Path,
        /// The query parameter it is sent in.
        cursor_param: Option<String>,
        /// Selects a boolean that is true on the last page.
        last: Option<Path>,
    },
    /// By the header `Link` with `rel="next"`.
    LinkHeader,
    /// By a URL in the reply.
    NextUrl {
        /// Selects the URL.
        url: Path,
    },
    /// By the last key seen, which the request's templates see as `page.after`.
    Keyset {
        /// Selects a record's key.
        after: Path,
        /// How the server orders keys.
        order: KeyOrder,
        /// How a partition is cut for concurrency.
        ranges: Option<Ranges>,
    },
}

/// How a keyset partition is cut into ranges.
pub struct Ranges {
    /// The most ranges.
    pub max: u32,
    /// The fewest records that a range is worth.
    pub min_records: u64,
    /// The request that returns keys at an offset.
    pub probe: Probe,
}

/// The request of a probe: its templates see `probe.offset` and `probe.count`.
pub struct Probe {
    /// What differs from a page's request.
    pub overlay: Overlay,
}

/// Pages of keys alone.
pub struct Sweep {
    /// Keys asked for at a time.
    pub limit: u32,
    /// What differs from a page's request.
    pub overlay: Overlay,
}

/// The request for a single record by its key; its templates see `gap.key` and
/// `gap.number`.
pub struct Gaps {
    /// Selects the key in a record and in the reply.
    pub key: Path,
    /// The lowest number that a key can have.
    pub first: u64,
    /// What differs from a page's request.
    pub overlay: Overlay,
    /// What a reply without the record means, in order.
    pub outcomes: Vec<(Condition, String)>,
}

/// What records are ordered by.
pub struct SortKey {
    /// Selects the key.
    pub path: Path,
    /// How keys compare.
    pub order: KeyOrder,
}

/// A list that belongs to a record: partly in its parent, whole by a request.
pub struct ChildPlan {
    /// Its name; `map` reads it as `$children.NAME`.
    pub name: String,
    /// Selects the items that came with the parent.
    pub inline: Option<Path>,
    /// Whether the list has to be fetched; sees `parent` and `inline`. Without
    /// it the list is always fetched.
    pub fetch_if: Option<Template>,
    /// The request of a page; its templates see `parent`, `params`, the
    /// partition's variables and `page`.
    pub request: RequestTemplate,
    /// How one page leads to the next.
    pub pagination: Pagination,
    /// Selects the items in a reply.
    pub records: Path,
    /// Selects an item's identity.
    pub primary_key: Path,
}
