//! `pagination:`.

use super::compiler::Compiler;
use super::names::{Attrs, Known};
use crate::plan::{
    Node, Overlay, Pagination, PaginationKind, Probe, Ranges, RequestTemplate, Sweep, Template,
};
use crate::spec::Span;
use crate::spec::lang::{PaginationSpec, PaginationType};

impl Compiler<'_> {
    /// `known` are the names that the request itself sees; `sound` says that
    /// nothing is wrong with it.
    pub(super) fn pagination(
        &mut self,
        spec: Option<&PaginationSpec>,
        request: &RequestTemplate,
        sound: bool,
        known: &Known,
    ) -> Pagination {
        let Some(spec) = spec else {
            return Pagination {
                kind: PaginationKind::None,
                limit: None,
                limit_param: None,
                total: None,
                count: None,
                sweep: None,
            };
        };
        let kind = self.kind(spec, known);
        self.check_pagination(spec, request, sound);
        let sweep = spec.sweep.as_ref().map(|sweep| {
            let overlay = Overlay {
                path: sweep.path.as_ref().map(|p| self.template(p, known)),
                query: self.query_of(&sweep.query, known),
                json: sweep.json.as_ref().map(|node| self.node(node, known)),
            };
            Sweep { limit: sweep.limit.0, overlay }
        });
        Pagination {
            kind,
            limit: spec.limit.map(|limit| limit.0),
            limit_param: spec.limit_param.clone(),
            total: self.optional_path(spec.total.as_ref()),
            count: spec.count.as_ref().map(|count| self.overlay(count, known)),
            sweep,
        }
    }

    fn query_of(
        &mut self,
        query: &crate::spec::decode::Named<crate::spec::Yaml>,
        known: &Known,
    ) -> Vec<(String, Template)> {
        let overlay = crate::spec::lang::OverlaySpec {
            path: None,
            query: query.clone(),
            json: None,
            span: Span { file: 0, start: 0, end: 0 },
            sound: true,
        };
        self.overlay(&overlay, known).query
    }

    fn kind(&mut self, spec: &PaginationSpec, known: &Known) -> PaginationKind {
        match spec.kind {
            PaginationType::None => PaginationKind::None,
            PaginationType::Keyset => {
                let probe = known.clone().with("probe", Attrs::fields(["offset", "count"]));
                let ranges = spec.ranges.as_ref().map(|ranges| {
                    if spec.total.is_none() {
                        self.needs_total("ranges", ranges.span);
                    }
                    Ranges {
                        max: ranges.max.0,
                        min_records: ranges.min_records,
                        probe: Probe { overlay: self.overlay(&ranges.probe, &probe) },
                    }
                });
                PaginationKind::Keyset { after: self.path(&spec.after), order: spec.order, ranges }
            }
            PaginationType::Offset => {
                PaginationKind::Offset { offset_param: spec.offset_param.clone() }
            }
            PaginationType::Page => {
                PaginationKind::Page { page_param: spec.page_param.clone(), first: spec.first }
            }
            PaginationType::Cursor => PaginationKind::Cursor {
                token: self.path(&spec.token),
                cursor_param: spec.cursor_param.clone(),
                last: self.optional_path(spec.last.as_ref()),
            },
            PaginationType::LinkHeader => PaginationKind::LinkHeader,
            PaginationType::NextUrl => PaginationKind::NextUrl { url: self.path(&spec.url) },
        }
    }

    fn needs_total(&mut self, what: &str, span: Span) {
        self.diagnostics
            .error(span, format!("`{what}` needs `total`, which says how many records there are"))
            .hint("total: $.total");
    }

    /// That the next page is really asked for: a request that never mentions
    /// where it continues gets the first page for ever.
    fn check_pagination(&mut self, spec: &PaginationSpec, request: &RequestTemplate, sound: bool) {
        use PaginationType as T;
        if let Some(count) = &spec.count
            && spec.total.is_none()
        {
            self.needs_total("count", count.span);
        }
        // What is wrong with the request has been reported: it may use anything.
        let uses = |attribute: &str| !sound || self.uses(request, &format!("page.{attribute}"));
        let (param, attribute, key) = match spec.kind {
            T::Keyset => (None, "after", ""),
            T::Offset => (spec.offset_param.as_ref(), "offset", "offset_param"),
            T::Page => (spec.page_param.as_ref(), "number", "page_param"),
            T::Cursor => (spec.cursor_param.as_ref(), "cursor", "cursor_param"),
            T::None | T::LinkHeader | T::NextUrl => {
                if spec.limit_param.is_some() && spec.limit.is_none() {
                    self.missing_limit(spec);
                }
                return;
            }
        };
        let (mentioned, limited) = (uses(attribute), uses("limit"));
        if param.is_none() && !mentioned {
            let message =
                format!("the request never says where to continue: it uses no `page.{attribute}`");
            let hint = match key {
                "" => {
                    String::from("{% if page.after %} AND key > {{ page.after | jql }}{% endif %}")
                }
                key => format!("{key}: the name of the query parameter"),
            };
            self.diagnostics.error(spec.span, message).hint(hint);
        }
        match (spec.limit, spec.limit_param.is_some() || limited) {
            (None, _) if spec.kind != T::Cursor || spec.limit_param.is_some() => {
                self.missing_limit(spec);
            }
            (Some(_), false) => {
                self.diagnostics
                    .error(spec.span, "`limit` is never sent: the request uses no `page.limit`")
                    .hint("limit_param: the name of the query parameter");
            }
            _ => {}
        }
    }

    fn missing_limit(&mut self, spec: &PaginationSpec) {
        self.diagnostics
            .error(spec.span, "`pagination` needs `limit`: how many records to ask for at a time")
            .hint("limit: 100");
    }

    /// Whether a request uses a name.
    fn uses(&self, request: &RequestTemplate, name: &str) -> bool {
        let mut templates: Vec<&Template> = vec![&request.path];
        templates.extend(request.query.iter().map(|(_, t)| t));
        templates.extend(request.headers.iter().map(|(_, t)| t));
        if let Some(json) = &request.json {
            templates.extend(Node::templates(json).into_iter().map(|(t, _)| t));
        }
        templates.iter().any(|template| {
            let used = self.env.undeclared(template);
            used.contains(name) || used.contains("page")
        })
    }
}
