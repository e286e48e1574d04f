//! `pagination:`.

use super::http::ConditionSpec;
use crate::spec::Yaml;
use crate::spec::decode::{Named, PathText, Positive, TemplateText};
use crate::spec::section::{choice, section};

section! {
    /// How one page leads to the next; all kinds advance by what came back.
    "`pagination`" pub struct PaginationSpec {
        /// The kind of pagination.
        kind as "type": PaginationType,
        /// Records asked for at a time.
        limit: Option<Positive>,
        /// The query parameter that says so; without one the request uses `page.limit`.
        limit_param: Option<String>,
        /// Selects how many records the whole query has.
        total: Option<PathText>,
        /// What differs in a request that only asks how many records there are.
        count: Option<OverlaySpec>,
        /// Pages of keys alone, to find out which records are missing.
        sweep: Option<SweepSpec>,
        /// How `scrape verify --gaps` looks up numbers that no key has.
        gaps: Option<GapsSpec>,
        /// Selects a record's key, which the request sees as `page.after`.
        after for ["keyset"]: PathText,
        /// How the server orders keys.
        order for ["keyset"]: KeyOrder = "natural",
        /// How a partition is cut so that several requests can be in flight.
        ranges for ["keyset"]: Option<RangesSpec>,
        /// The query parameter of the position; without one the request uses `page.offset`.
        offset_param for ["offset"]: Option<String>,
        /// The query parameter of the page's number; without one the request uses `page.number`.
        page_param for ["page"]: Option<String>,
        /// The number of the first page.
        first for ["page"]: u64 = "1",
        /// Selects the token of the next page.
        token for ["cursor"]: PathText,
        /// The query parameter of the token; without one the request uses `page.cursor`.
        cursor_param for ["cursor"]: Option<String>,
        /// Selects a boolean that is true on the last page.
        last for ["cursor"]: Option<PathText>,
        /// Selects the address of the next page.
        url for ["next_url"]: PathText,
    }
}

choice! {
    /// The kinds of pagination.
    pub enum PaginationType {
        /// One reply is all.
        None = "none",
        /// By the last key seen.
        Keyset = "keyset",
        /// By position.
        Offset = "offset",
        /// By page number.
        Page = "page",
        /// By a token in the reply.
        Cursor = "cursor",
        /// By the header `Link` with `rel="next"`.
        LinkHeader = "link_header",
        /// By an address in the reply.
        NextUrl = "next_url",
    }
}

choice! {
    /// How keys compare.
    pub enum KeyOrder {
        /// Runs of digits compare as numbers: `KAFKA-9` before `KAFKA-10`.
        Natural = "natural",
        /// As text, by bytes.
        Text = "text",
    }
}

section! {
    /// How a keyset partition is cut into ranges.
    "`ranges`" pub struct RangesSpec {
        /// The most ranges.
        max: Positive = "16",
        /// The fewest records that a range is worth.
        min_records: u64 = "500",
        /// What differs in a request that returns keys at `probe.offset`.
        probe: OverlaySpec,
    }
}

section! {
    /// What differs from a page's request; what is not named stays, null removes a query parameter.
    "this request" pub struct OverlaySpec {
        /// Another path.
        path: Option<TemplateText>,
        /// Other query parameters.
        query: Named<Yaml>,
        /// Another body.
        json: Option<Yaml>,
    }
}

section! {
    /// Pages of keys alone.
    "`sweep`" pub struct SweepSpec {
        /// Keys asked for at a time.
        limit: Positive,
        /// Another path.
        path: Option<TemplateText>,
        /// Other query parameters.
        query: Named<Yaml>,
        /// Another body.
        json: Option<Yaml>,
    }
}

section! {
    /// A request for a single record by its key, to learn what became of it.
    "`gaps`" pub struct GapsSpec {
        /// Selects the key, which ends in a number, in a record and in the reply; another than asked for means that the record has moved.
        key: PathText,
        /// The lowest number that a key can have.
        first: u64 = "1",
        /// Another path; sees `gap.key` and `gap.number`.
        path: Option<TemplateText>,
        /// Other query parameters.
        query: Named<Yaml>,
        /// Another body.
        json: Option<Yaml>,
        /// What a reply without the record means, in order.
        outcomes: Vec<OutcomeSpec>,
    }
}

section! {
    /// What a reply means for a number that no key has.
    "an entry of `outcomes`" pub struct OutcomeSpec {
        /// The reply.
        condition as "if": ConditionSpec,
        /// What it means: `deleted`.
        say: String,
    }
}
