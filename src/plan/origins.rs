//! Which servers a spec names.

use std::collections::HashSet;

use serde_json::Value;
use url::{Origin, Url};

use super::{Overlay, PaginationKind, Plan, RequestTemplate, Template};

impl Plan {
    /// Scheme, host and port of all servers that the spec or its params name: of
    /// `base_url`, and of whole URLs. What a reply names is not among them.
    pub fn origins(&self) -> HashSet<Origin> {
        let mut found = HashSet::from([self.http.base_url.origin()]);
        self.params.values().for_each(|value| of_param(value, &mut found));
        let mut add = |path: &Template| found.extend(of_text(path.source()));
        let requests = self.preflight.iter().map(|check| &check.request);
        requests.for_each(|request| add(&request.path));
        for stream in &self.streams {
            let children = stream.children.iter().map(|c| (&c.request, &c.pagination));
            for (request, pagination) in
                [(&stream.request, &stream.pagination)].into_iter().chain(children)
            {
                let RequestTemplate { path, .. } = request;
                add(path);
                let ranged = match &pagination.kind {
                    PaginationKind::Keyset { ranges, .. } => ranges.as_ref(),
                    _ => None,
                };
                let overlays =
                    [pagination.count.as_ref(), ranged.map(|ranges| &ranges.probe.overlay)];
                let paths =
                    overlays.into_iter().flatten().filter_map(|o: &Overlay| o.path.as_ref());
                paths.for_each(&mut add);
            }
        }
        found
    }
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

fn of_param(value: &Value, found: &mut HashSet<Origin>) {
    match value {
        Value::String(text) if text.contains("://") => {
            found.extend(Url::parse(text).ok().map(|url| url.origin()));
        }
        Value::Array(items) => items.iter().for_each(|item| of_param(item, found)),
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
