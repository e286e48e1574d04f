//! Which servers a spec names.

use std::collections::HashSet;

use serde_json::Value;
use url::{Origin, Url};

use super::{Overlay, Pagination, PaginationKind, Plan, Template};

impl Plan {
    /// Scheme, host and port of all servers that the spec or its params name: of
    /// `base_url`, and of whole URLs. What a reply names is not among them.
    pub fn origins(&self) -> HashSet<Origin> {
        let mut found = HashSet::from([self.http.base_url.origin()]);
        self.params.values().for_each(|value| of_value(value, &mut found));
        let partitions = self.streams.iter().flat_map(|stream| &stream.partitions);
        let vars = partitions.flat_map(|partition| partition.vars.values());
        vars.for_each(|value| of_value(value, &mut found));
        let mut paths: Vec<&Template> =
            self.preflight.iter().map(|check| &check.request.path).collect();
        for stream in &self.streams {
            paths.push(&stream.request.path);
            paths.extend(overlays(&stream.pagination).filter_map(|over| over.path.as_ref()));
            for child in &stream.children {
                paths.push(&child.request.path);
                paths.extend(overlays(&child.pagination).filter_map(|over| over.path.as_ref()));
            }
        }
        found.extend(paths.into_iter().filter_map(|path| of_text(path.source())));
        found
    }
}

/// What replaces parts of the request of a page.
fn overlays(pagination: &Pagination) -> impl Iterator<Item = &Overlay> {
    let ranges = match &pagination.kind {
        PaginationKind::Keyset { ranges, .. } => ranges.as_ref(),
        _ => None,
    };
    let count = pagination.count.iter();
    let sweep = pagination.sweep.iter().map(|sweep| &sweep.overlay);
    let gaps = pagination.gaps.iter().map(|gaps| &gaps.overlay);
    count.chain(ranges.map(|ranges| &ranges.probe.overlay)).chain(sweep).chain(gaps)
}

/// The origin that a template names, whatever its expressions give.
fn of_text(text: &str) -> Option<Origin> {
    let fixed = text.split("{{").next()?;
    let (scheme, rest) = fixed.split_once("://")?;
    // What follows a host that is not ended could belong to it.
    let host = rest.find(['/', '?', '#']).map(|end| &rest[..end]);
    let host = host.or((fixed.len() == text.len()).then_some(rest))?;
    Some(Url::parse(&format!("{scheme}://{host}")).ok()?.origin())
}

fn of_value(value: &Value, found: &mut HashSet<Origin>) {
    match value {
        Value::String(text) if text.contains("://") => {
            found.extend(Url::parse(text).ok().map(|url| url.origin()));
        }
        Value::Array(items) => items.iter().for_each(|item| of_value(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_host_is_named() {
        for (text, expected) in [
            ("https://h.example/x/{{ parent.id }}", Some("https://h.example")),
            ("https://h.example:8443", Some("https://h.example:8443")),
            ("http://h.example?x={{ y }}", Some("http://h.example")),
            ("https://h.example{{ parent.path }}", None),
            ("https://{{ parent.host }}/x", None),
            ("{{ parent.url }}", None),
            ("/rest/{{ parent.id }}", None),
        ] {
            let found = of_text(text).map(|origin| origin.ascii_serialization());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
