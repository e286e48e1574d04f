//! A forecast as data.

use serde_json::{Map, Value, json};

use super::Forecast;
use super::numbers::Row;
use crate::http::{Described, without_credentials};

impl Forecast<'_> {
    /// One object on one line.
    pub fn json(&self) -> String {
        let lists: Vec<_> = self
            .lists()
            .into_iter()
            .map(|list| {
                json!({
                    "name": list.name, "fetch_if": list.fetch_if, "requests": list.estimate,
                })
            })
            .collect();
        let mut line = json!({
            "base_url": without_credentials(&self.plan.http.base_url),
            "directory": self.directory,
            "partitions": self.rows.iter().map(|row| self.partition(row)).collect::<Vec<_>>(),
            "requests": self.requests(),
            "checks": self.checks(),
            "child_lists_left": self.lists_left(),
            "child_lists": lists,
            "bytes": self.bytes(),
            "seconds_at_least": self.least().map(|least| least.as_secs_f64().round()),
            "budget": self.budget.map(|budget| json!({
                "left": budget.left,
                "requests": budget.requests,
                "seconds": budget.per.as_secs(),
                "waits": self.spans(),
            })),
        })
        .to_string();
        line.push('\n');
        line
    }

    fn partition(&self, row: &Row) -> Value {
        let stream = &self.plan.streams[row.look.stream];
        let found = row.look.found.as_ref().ok().copied().flatten();
        let left = self.left(row);
        json!({
            "stream": stream.name,
            "partition": stream.partitions[row.look.partition].id,
            "records": found.map(|o| o.records),
            "here": row.here,
            "left": left.map(|o| o.records),
            "page_size": left.map(|o| o.page),
            "pages": left.map(|o| o.pages),
            "ranges": left.map(|o| o.ranges),
            "requests": left.map(|o| o.requests),
            "first_request": row.look.first.as_ref().map(first_request),
            "error": row.look.found.as_ref().err(),
        })
    }
}

fn first_request(first: &Described) -> Value {
    let headers = first.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
    json!({
        "method": first.method,
        "url": first.url,
        "headers": headers.collect::<Map<String, Value>>(),
        "body": first.body,
    })
}
