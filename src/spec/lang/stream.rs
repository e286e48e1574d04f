//! `streams:`.

use scrape_api::Method;

use super::{FieldSpec, KeyOrder, PaginationSpec};
use crate::spec::Span;
use crate::spec::decode::{Cx, Decode, Named, PathText, TemplateText};
use crate::spec::section::{Shape, choice, section};
use crate::spec::yaml::{Data, Yaml};

section! {
    /// One kind of record: how it is asked for, and its fields.
    "a stream" pub struct StreamSpec {
        /// Variables and their values: a partition for each combination.
        for_each: Named<Values>,
        /// The request of a page; sees `params`, the variables of `for_each` and `page`.
        request: RequestSpec,
        /// How one page leads to the next.
        pagination: Option<PaginationSpec>,
        /// Selects the records in a reply.
        records: PathText,
        /// Selects a record's identity, which never changes.
        primary_key: PathText,
        /// Selects what tells a newer version of a record from an older.
        version: Option<PathText>,
        /// What records are ordered by in outputs.
        sort_key: Option<SortKeySpec>,
        /// Lists that belong to a record.
        children: Named<ChildSpec>,
        /// The fields that templates see as `record.NAME`.
        map: Named<FieldSpec>,
        /// What becomes of records that the server no longer lists.
        gone: Gone = "keep",
    }
}

choice! {
    /// What becomes of records that the server no longer lists.
    pub enum Gone {
        /// They stay in the outputs.
        Keep = "keep",
        /// They are left out of the outputs.
        Drop = "drop",
    }
}

section! {
    /// A request with templates in it.
    "a request" pub struct RequestSpec {
        /// The method.
        method: Method = "GET",
        /// A path below `http.base_url`, or a whole address.
        path: TemplateText,
        /// Query parameters; null leaves one out, a list repeats it.
        query: Named<Yaml>,
        /// Headers of this request alone.
        headers: Named<TemplateText>,
        /// The body of a `POST`.
        json: Option<Yaml>,
    }
}

section! {
    /// A list that belongs to a record: partly in its parent, whole by a request.
    "a child list" pub struct ChildSpec {
        /// Selects the items that came with the parent.
        inline: Option<PathText>,
        /// Whether the list has to be fetched; sees `parent` and `inline`.
        fetch_if: Option<TemplateText>,
        /// The request of a page; sees `parent`, `params`, the variables of `for_each` and `page`.
        request: RequestSpec,
        /// How one page leads to the next.
        pagination: Option<PaginationSpec>,
        /// Selects the items in a reply.
        records: PathText,
        /// Selects an item's identity.
        primary_key: PathText,
    }
}

/// `$.key`, or `{ path: $.key, order: natural }`.
#[derive(Debug, Clone)]
pub struct SortKeySpec {
    /// Selects the key.
    pub path: PathText,
    /// How keys compare.
    pub order: KeyOrder,
}

section! {
    /// What records are ordered by in outputs.
    "`sort_key`" pub struct SortKeyLong {
        /// Selects the key.
        path: PathText,
        /// How keys compare.
        order: KeyOrder = "natural",
    }
}

impl Decode for SortKeySpec {
    fn shape() -> Shape {
        Shape::OneOf(&[PathText::shape, SortKeyLong::shape])
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        if let Data::Map(_) = node.data {
            let long = SortKeyLong::decode(node, cx);
            return Self { path: long.path, order: long.order };
        }
        Self { path: PathText::decode(node, cx), order: KeyOrder::Natural }
    }
    fn fallback(span: Span) -> Self {
        Self { path: PathText::fallback(span), order: KeyOrder::Natural }
    }
}

/// The values of a variable: at least one.
#[derive(Debug, Clone)]
pub struct Values(pub Vec<String>);

impl Decode for Values {
    fn shape() -> Shape {
        Vec::<String>::shape()
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        let before = cx.diagnostics.errors();
        let values = Vec::<String>::decode(node, cx);
        if values.is_empty() && cx.diagnostics.errors() == before {
            cx.diagnostics
                .error(node.span, "there are no values, so that nothing would be collected")
                .hint("[KAFKA, SPARK]");
        }
        Self(values)
    }
    fn fallback(_: Span) -> Self {
        Self(Vec::new())
    }
}
