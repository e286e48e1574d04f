//! What a store was collected from: a later run into it must ask the same.

use serde_json::{Map, Value, json};

use super::{Pagination, PaginationKind, Path, Plan, RequestTemplate, SortKey};

impl Plan {
    /// What decides which records a run collects and what identifies them: base
    /// URL, requests, pagination, identity. Partitions are left out, since they
    /// can be added; so are map, transforms, tasks and sinks, which are built
    /// again from the store.
    pub fn origin(&self) -> Value {
        let mut streams = Map::new();
        for stream in &self.streams {
            let mut entry = Map::new();
            self.describe_request("request", &stream.request, &mut entry);
            entry.insert("pagination".into(), pagination(&stream.pagination));
            entry.insert("records".into(), path(&stream.records));
            entry.insert("primary_key".into(), path(&stream.primary_key));
            entry.insert("version".into(), stream.version.as_ref().map_or(Value::Null, path));
            let sort_key = |s: &SortKey| json!([path(&s.path), format!("{:?}", s.order)]);
            entry.insert("sort_key".into(), stream.sort_key.as_ref().map_or(Value::Null, sort_key));
            for child in &stream.children {
                let name = format!("children.{}", child.name);
                self.describe_request(&format!("{name}.request"), &child.request, &mut entry);
                entry.insert(format!("{name}.pagination"), pagination(&child.pagination));
                entry.insert(format!("{name}.records"), path(&child.records));
                entry.insert(format!("{name}.primary_key"), path(&child.primary_key));
            }
            streams.insert(stream.name.clone(), Value::Object(entry));
        }
        let mut origin =
            json!({ "http.base_url": self.http.base_url.as_str(), "streams": streams });
        // Another plugin than the one that talks to servers is another source.
        if let Some(transport) = self.http.transport.as_ref().filter(|t| t.name != "http") {
            origin["http.transport"] =
                json!({ "type": transport.name, "options": transport.options });
        }
        origin
    }

    /// The texts of a request's templates, and the values of the params that
    /// they use.
    fn describe_request(
        &self,
        name: &str,
        request: &RequestTemplate,
        into: &mut Map<String, Value>,
    ) {
        let mut templates = vec![("path", &request.path)];
        templates.extend(request.query.iter().map(|(n, t)| (n.as_str(), t)));
        if let Some(body) = &request.json {
            templates.extend(body.templates().into_iter().map(|(t, _)| ("json", t)));
        }
        for (part, template) in templates {
            let text = template.as_constant().cloned().unwrap_or_else(|| template.source().into());
            into.insert(format!("{name}.{part}"), text);
            for used in self.env.undeclared(template) {
                if let Some(param) = used.strip_prefix("params.") {
                    let value = self.params.get(param).cloned().unwrap_or_default();
                    into.insert(format!("params.{param}"), value);
                }
            }
        }
    }
}

/// What differs between two origins, one `name: was …, is …` each.
pub fn differences(stored: &Value, now: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", stored, now, &mut found);
    found
}

fn compare(name: &str, stored: &Value, now: &Value, found: &mut Vec<String>) {
    match (stored, now) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let inner = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                let none = Value::Null;
                compare(&inner, a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none), found);
            }
        }
        _ if stored != now => found.push(format!("{name}: was {stored}, is {now}")),
        _ => {}
    }
}

fn path(path: &Path) -> Value {
    path.source().into()
}

fn pagination(pagination: &Pagination) -> Value {
    match &pagination.kind {
        PaginationKind::None => json!("none"),
        PaginationKind::Offset { .. } => json!("offset"),
        PaginationKind::Page { first, .. } => json!(["page", first]),
        PaginationKind::Cursor { token, .. } => json!(["cursor", token.source()]),
        PaginationKind::LinkHeader => json!("link_header"),
        PaginationKind::NextUrl { url } => json!(["next_url", url.source()]),
        PaginationKind::Keyset { after, order, .. } => {
            json!(["keyset", after.source(), format!("{order:?}")])
        }
    }
}
