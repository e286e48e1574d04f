//! A reply taken apart: its records as raw bytes, everything around them parsed.

use std::ops::Range;

use scrape_api::Bytes;
use serde_json::Value;

use super::split::{self, FirstPlaces, Firsts, Selected};
use crate::http::{Cause, Malformed, Reply};
use crate::plan::{Nearest, Path, Plan, ReplyKind, ScanError, Step, nearest, parse_json};
use crate::spec::{Diagnostic, quoted};

/// A reply taken apart.
#[derive(Debug)]
pub(super) struct Envelope {
    /// The reply without its records, where their path is plain.
    pub(super) value: Value,
    /// The records.
    pub(super) records: Vec<Raw>,
    /// How many records the server sent: more than there are in `records` where
    /// their path has a filter.
    pub(super) came: usize,
}

/// The bytes of one record.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    /// As they can be parsed.
    pub(super) bytes: Bytes,
    /// As they came, where they had to be repaired.
    pub(super) original: Option<Bytes>,
    /// Where what is looked for stands in them; `None` where they are not known to be JSON.
    pub(super) firsts: Option<FirstPlaces>,
}

/// A selector that leads nowhere in a reply: what the spec says and what the
/// server sends do not fit.
#[derive(Debug, Clone)]
pub(super) struct Misfit {
    /// The key of the spec.
    name: &'static str,
    /// The nearest path that exists.
    near: Box<Nearest>,
    path: Path,
}

impl Misfit {
    /// Checks that a path, without its last wildcard, is in a reply.
    pub(super) fn check(name: &'static str, path: &Path, value: &Value) -> Option<Self> {
        let near = nearest(value, path.container()?)?;
        Some(Self::new(name, path, Some(near)))
    }

    fn new(name: &'static str, path: &Path, near: Option<Nearest>) -> Self {
        let near = Box::new(near.unwrap_or_else(Nearest::nothing));
        Self { name, near, path: path.clone() }
    }

    /// Why what `label` names is given up.
    pub(super) fn cause(&self, plan: &Plan, label: &str) -> Cause {
        Cause::from(format!("{label}: {}", self.message(plan))).with(self.finding())
    }

    fn finding(&self) -> Diagnostic {
        let Self { name, near, path } = self;
        let what = match *name {
            "records" | "total" => "the reply",
            _ => "a record",
        };
        let message =
            format!("`{name}` selects nothing: there is no `{}` in {what}", path.source());
        let listed = near.listed().filter(|_| near.alike.is_none());
        let there = listed.map(|keys| match near.path.as_str() {
            "$" => format!("there is {keys}"),
            path => format!("in `{path}` there is {keys}"),
        });
        let better = near.alike.as_ref().and_then(|name| path.with_name(near.step, name));
        Diagnostic {
            hint: better.map(|path| quoted(&path)),
            notes: there.into_iter().collect(),
            ..Diagnostic::error(Some(path.place_of(near.step)), message)
        }
    }

    /// One sentence with the place in the spec.
    pub(super) fn message(&self, plan: &Plan) -> String {
        let Self { name, near, path } = self;
        let near = match near.path.as_str() {
            "$" => String::from("and nothing like it"),
            near => format!("the nearest is `{near}`"),
        };
        let source = path.source();
        let place = plan.sources.display(path.span());
        format!("`{name}: {source}` is not in the reply, {near} ({place})")
    }
}

/// The records of a reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records<'p> {
    /// Where they are.
    pub(super) path: &'p Path,
    /// What is looked for in them.
    pub(super) firsts: Option<&'p Firsts>,
}

impl<'p> Records<'p> {
    /// Those that a path selects; nothing is looked for in them.
    pub(super) fn at(path: &'p Path) -> Self {
        Self { path, firsts: None }
    }
}

/// Takes a reply apart.
///
/// # Errors
/// When the body is no JSON, or cut; a malformed record is none.
pub(super) fn open(
    reply: &Reply,
    records: Records<'_>,
) -> Result<Result<Envelope, Misfit>, Malformed> {
    let nothing = Firsts::default();
    let (records, firsts) = (records.path, records.firsts.unwrap_or(&nothing));
    let body = &reply.body;
    let mut came = None;
    let (value, selected) = match records.steps() {
        Some(steps) => match plain(body, records, steps, firsts)? {
            Ok(opened) => opened,
            Err(misfit) => return Ok(Err(misfit)),
        },
        None => {
            let value = parse(body)?;
            let places = split::places(body, &value, &records.all(&value)).map_err(malformed)?;
            came = unfiltered(records, &value);
            (value, unseen(places))
        }
    };
    let originals = match &reply.original {
        Some(original) => originals(original, records, selected.len()),
        None => Vec::new(),
    };
    let came = came.unwrap_or(selected.len());
    let records = selected
        .into_iter()
        .enumerate()
        .map(|(i, Selected { place, firsts })| {
            let bytes = body.slice(place);
            let original = originals.get(i).filter(|o| **o != bytes).cloned();
            Raw { bytes, original, firsts }
        })
        .collect();
    Ok(Ok(Envelope { value, records, came }))
}

/// The length of the list that a path filters.
fn unfiltered(path: &Path, value: &Value) -> Option<usize> {
    let (list, _) = path.source().split_once("[?")?;
    let list = Path::parse(list, path.span()).ok()?;
    list.first(value)?.as_array().map(Vec::len)
}

type Opened = (Value, Vec<Selected>);

/// Values that were not looked into.
fn unseen(places: Vec<Range<usize>>) -> Vec<Selected> {
    places.into_iter().map(|place| Selected { place, firsts: None }).collect()
}

fn plain(
    body: &Bytes,
    path: &Path,
    steps: &[Step],
    firsts: &Firsts,
) -> Result<Result<Opened, Misfit>, Malformed> {
    if let Some(first) = body.iter().find(|b| !b.is_ascii_whitespace())
        && !matches!(first, b'{' | b'[')
    {
        return parse(body).map(|value| Err(Misfit::new("records", path, nearest(&value, steps))));
    }
    let Some(all) = steps.iter().position(|s| *s == Step::All) else {
        let value = parse(body)?;
        let places = split::select(body, steps).map_err(malformed)?;
        return Ok(if places.is_empty() {
            Err(Misfit::new("records", path, nearest(&value, steps)))
        } else {
            Ok((value, unseen(places)))
        });
    };
    let (selected, lists) = split::select_within(body, steps, all, firsts).map_err(malformed)?;
    // What is around the records, which alone has to be well-formed.
    let mut rest = Vec::new();
    let mut from = 0;
    for list in &lists {
        let empty: &[u8] = match body[list.start] {
            b'[' => b"[]",
            b'{' => b"{}",
            _ => continue,
        };
        rest.extend_from_slice(&body[from..list.start]);
        rest.extend_from_slice(empty);
        from = list.end;
    }
    rest.extend_from_slice(&body[from..]);
    let value = parse(&rest)?;
    let Some(list) = lists.first() else {
        return Ok(Err(Misfit::check("records", path, &value)
            .unwrap_or_else(|| Misfit::new("records", path, None))));
    };
    let text = &body[list.clone()];
    let listed = matches!(text[0], b'[' | b'{');
    if selected.is_empty() && text != b"null" && (!listed || has_items(text)) {
        // The list is there, but what follows the wildcard is in no item.
        let whole = parse(body)?;
        return Ok(Err(Misfit::new("records", path, nearest(&whole, steps))));
    }
    Ok(Ok((value, selected)))
}

fn has_items(list: &[u8]) -> bool {
    list.len() > 2 && list[1..list.len() - 1].iter().any(|b| !b.is_ascii_whitespace())
}

/// The records as they came. The damage that is repaired (bytes in strings)
/// does not hide where records begin and end.
fn originals(body: &Bytes, records: &Path, expected: usize) -> Vec<Bytes> {
    let Some(steps) = records.steps() else { return Vec::new() };
    let start = body.iter().position(|b| matches!(b, b'{' | b'[')).unwrap_or(0);
    let body = body.slice(start..);
    match split::select(&body, steps) {
        Ok(places) if places.len() == expected => {
            places.into_iter().map(|place| body.slice(place)).collect()
        }
        _ => Vec::new(),
    }
}

fn parse(text: &[u8]) -> Result<Value, Malformed> {
    parse_json(text).map_err(|e| Malformed::from_json(&e))
}

fn malformed(error: ScanError) -> Malformed {
    let (kind, message) = match error {
        ScanError::Cut => (ReplyKind::Cut, String::from("JSON that ends too early")),
        ScanError::NotJson(at) => (ReplyKind::NotJson, format!("not JSON at byte {at}")),
        ScanError::TooMany => {
            (ReplyKind::NotJson, format!("a page of more than {} records", split::MOST))
        }
        ScanError::TooDeep(at) => {
            (ReplyKind::NotJson, format!("JSON that is nested too deep at byte {at}"))
        }
    };
    Malformed { kind, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Span;

    fn reply(body: &'static str) -> Reply {
        Reply {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
            original: None,
            packed: None,
            url: String::from("https://h.example/"),
            seq: 1,
            date: None,
        }
    }

    fn path(text: &str) -> Path {
        Path::parse(text, Span { file: 0, start: 0, end: 0 }).unwrap()
    }

    fn opened(body: &'static str, at: &str) -> Result<Result<Envelope, Misfit>, Malformed> {
        open(&reply(body), Records::at(&path(at)))
    }

    fn texts(envelope: &Envelope) -> Vec<&str> {
        envelope.records.iter().map(|r| std::str::from_utf8(&r.bytes).unwrap()).collect()
    }

    #[test]
    fn a_malformed_record_is_none_of_the_envelopes_business() {
        let body = r#"{"total": 3, "issues": [{"id": 1.0}, {"id": nope}, {"id": 3}], "n": {}}"#;
        let envelope = opened(body, "$.issues[*]").unwrap().unwrap();
        assert_eq!(texts(&envelope), [r#"{"id": 1.0}"#, r#"{"id": nope}"#, r#"{"id": 3}"#]);
        assert_eq!(envelope.value.to_string(), r#"{"total":3,"issues":[],"n":{}}"#);
    }

    #[test]
    fn all_shapes_of_replies() {
        for (body, at, expected) in [
            (r#"[{"a":1},{"a":2}]"#, "$[*]", vec![r#"{"a":1}"#, r#"{"a":2}"#]),
            (r#"{"b":{"7":{"c":[1,2]},"8":{"c":[3]}}}"#, "$.b[*].c[*]", vec!["1", "2", "3"]),
            (r#"{"b":{"7":[1]}}"#, "$.b[*]", vec!["[1]"]),
            (r#"{"issue":{"id":1}}"#, "$.issue", vec![r#"{"id":1}"#]),
            (r#"{"issues":null}"#, "$.issues[*]", vec![]),
            (r#"{"issues":[]}"#, "$.issues[*].x", vec![]),
            (r#"[{"a":1},{"p":2}]"#, "$[?!@.p]", vec![r#"{"a":1}"#]),
        ] {
            assert_eq!(texts(&opened(body, at).unwrap().unwrap()), expected, "{body}");
        }
    }

    #[test]
    fn a_filter_hides_records_from_us_but_not_from_paging() {
        let envelope = opened(r#"{"l":[{"a":1},{"p":2},{"p":3}]}"#, "$.l[?!@.p]").unwrap().unwrap();
        assert_eq!((envelope.records.len(), envelope.came), (1, 3));
    }

    #[test]
    fn a_selector_that_leads_nowhere_names_the_nearest_path() {
        for (body, at, near) in [
            (r#"{"issues":[{"id":1}]}"#, "$.isues[*]", "$.issues"),
            (r#"{"data":{"issues":[]}}"#, "$.data.issue[*]", "$.data.issues"),
            (r#"{"issues":[{"node":{}}]}"#, "$.issues[*].nodes", "$.issues[*].node"),
            (r#"{"errors":true}"#, "$.issues[*]", "$"),
            (r#"{"issues":"x"}"#, "$.issues[*]", "$.issues"),
        ] {
            assert_eq!(opened(body, at).unwrap().unwrap_err().near.path, near, "{at} in {body}");
        }
    }

    #[test]
    fn what_is_no_reply_at_all() {
        for (body, kind) in [
            (r#"{"issues":[{"id":1},{"i"#, ReplyKind::Cut),
            (r#"{"issues":[{"id":1}]"#, ReplyKind::Cut),
            (r#"{"issues":[]} x"#, ReplyKind::NotJson),
            ("<html>", ReplyKind::NotJson),
            ("", ReplyKind::Cut),
        ] {
            assert_eq!(opened(body, "$.issues[*]").unwrap_err().kind, kind, "{body}");
        }
    }

    #[test]
    fn bytes_before_the_repair_are_kept_for_the_record_alone() {
        let mut reply = reply(r#"{"issues":[{"a":"x"},{"a":"\ufffd"}]}"#);
        reply.original =
            Some(Bytes::from_static(b"\xef\xbb\xbf {\"issues\":[{\"a\":\"x\"},{\"a\":\"\xff\"}]}"));
        let envelope = open(&reply, Records::at(&path("$.issues[*]"))).unwrap().unwrap();
        assert_eq!(envelope.records[0].original, None);
        assert_eq!(&envelope.records[1].original.as_ref().unwrap()[..], b"{\"a\":\"\xff\"}");
    }
}
