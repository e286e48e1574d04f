//! One page: asked for, taken apart, and what it shows of where to go on.

use url::Url;

use super::envelope::{self, Misfit, Raw, Records};
use super::paginate::{At, Position, Seen};
use super::request::Ask;
use super::run::Run;
use crate::http::{Cause, Failure, FailureScope, Hold, Packed, Reply};
use crate::plan::{EvalError, PaginationKind, Plan, RequestTemplate};
use serde_json::Value;

/// A page as it came.
#[derive(Debug)]
pub(super) struct Page {
    /// Its records.
    pub(super) records: Vec<Raw>,
    /// Where to go on, but for what only the records show.
    pub(super) seen: Seen,
    /// The number of the request.
    pub(super) seq: i64,
    /// How often the page size was halved to get it.
    pub(super) halvings: u32,
    /// Its part of the memory for bodies, to be kept until it is committed, but
    /// not while another page is asked for.
    pub(super) hold: Option<Hold>,
    /// The body as it came, if that can be kept.
    pub(super) packed: Option<Packed>,
}

/// Asks for the page at a position, with at most `limit` records.
pub(super) async fn fetch(
    run: &Run,
    ask: &Ask<'_>,
    records: Records<'_>,
    position: &Position,
    limit: Option<u32>,
) -> Result<Page, Failure> {
    let call = |halvings: u32| {
        let limit = limit.map(|limit| (limit >> halvings).max(1));
        ask.call(&run.plan, position, limit)
    };
    let first = call(0).map_err(|e| failed(template_error(&run.plan, &ask.label, &e)))?;
    let halvings = match limit {
        Some(limit) if position.may_shrink() => limit.max(1).ilog2(),
        _ => 0,
    };
    let build = |halvings| match halvings {
        0 => first.clone(),
        // What is evaluated with one limit is with another.
        _ => call(halvings).unwrap_or_else(|_| first.clone()),
    };
    let read = |reply: &Reply| envelope::open(reply, records);
    let sent = run.client.send(build, halvings, read).await;
    let sent = sent.map_err(|failure| at(ask.request, failure))?;
    let misfit = |misfit: Misfit| failed(misfit.cause(&run.plan, &ask.label));
    let envelope = sent.value.map_err(misfit)?;
    let pagination = ask.pagination;
    let at_start = position.taken == 0;
    if let Some(path) = &pagination.total
        && at_start
        && let Some(found) = Misfit::check("total", path, &envelope.value)
    {
        return Err(misfit(found));
    }
    let mut seen = Seen {
        came: envelope.came,
        total: pagination.total.as_ref().and_then(|path| number(path.first(&envelope.value)?)),
        ..Seen::default()
    };
    match &pagination.kind {
        PaginationKind::Cursor { token, last, .. } => {
            seen.token = token.first(&envelope.value).and_then(text);
            seen.last = last
                .as_ref()
                .and_then(|path| path.first(&envelope.value))
                .is_some_and(|last| *last == Value::Bool(true));
        }
        PaginationKind::LinkHeader => {
            let links = sent.reply.headers.iter().filter(|(name, _)| name == "link");
            let next = links.into_iter().find_map(|(_, value)| next_link(value));
            seen.url = next.map(|next| absolute(&sent.reply.url, next));
        }
        PaginationKind::NextUrl { url } => {
            let next = url.first(&envelope.value).and_then(text).filter(|next| !next.is_empty());
            seen.url = next.map(|next| absolute(&sent.reply.url, &next));
        }
        _ => {}
    }
    Ok(Page {
        records: envelope.records,
        seen,
        seq: sent.reply.seq,
        halvings: sent.halvings,
        hold: Some(sent.hold),
        packed: sent.reply.packed,
    })
}

/// What a template of a request says when it fails, with its place.
pub(super) fn template_error(plan: &Plan, label: &str, error: &EvalError) -> Cause {
    Cause::from(format!("{label}: {}", error.told(&plan.sources))).with(error.finding())
}

/// The failure of a partition.
pub(super) fn failed(cause: Cause) -> Failure {
    Failure::Failed { scope: FailureScope::Partition, cause }
}

/// Gives a failure the place of what was asked.
pub(super) fn at(request: &RequestTemplate, mut failure: Failure) -> Failure {
    if let Failure::Failed { cause: Cause { finding: Some(finding), status, .. }, .. } =
        &mut failure
    {
        finding.span.get_or_insert_with(|| request.place(*status));
    }
    failure
}

/// More records than any server has: what a server says is reckoned with.
const MOST_RECORDS: u64 = 1 << 40;

fn number(value: &Value) -> Option<u64> {
    let number: Option<u64> = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.map(|number| number.min(MOST_RECORDS))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A link of a reply, resolved against the URL that answered.
fn absolute(base: &str, link: &str) -> String {
    let resolved = Url::parse(base).and_then(|base| base.join(link));
    resolved.map_or_else(|_| link.to_owned(), String::from)
}

/// The target of `rel="next"` in a header `Link` (RFC 8288).
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, link)) = rest.split_once('<') {
        let (target, after) = link.split_once('>')?;
        // Parameters end at the next comma outside quotes.
        let mut quoted = false;
        let end = after
            .find(|c| {
                quoted ^= c == '"';
                c == ',' && !quoted
            })
            .unwrap_or(after.len());
        let is_next = after[..end].split(';').any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split_ascii_whitespace()
                        .any(|rel| rel.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(target);
        }
        rest = &after[end..];
    }
    None
}

/// How many records to ask for: halved where replies do not come through, grown
/// back step by step. One for all walks of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageSize {
    limit: Option<u32>,
    now: u32,
    good: u32,
}

/// After so many good replies the size is doubled. With one reply in a hundred
/// lost at the full size this costs less than staying small.
const GROW_AFTER: u32 = 5;

impl PageSize {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self { limit, now: limit.unwrap_or(1), good: 0 }
    }

    /// What to ask for; `None` where the spec names no limit.
    pub(super) fn get(&self, at: &Position) -> Option<u32> {
        match at.at {
            // Pages by number are all of one size.
            At::Number(_) => self.limit,
            _ => self.limit.map(|_| self.now),
        }
    }

    /// A reply came when `asked` was halved so often.
    pub(super) fn good(&mut self, asked: Option<u32>, halvings: u32) {
        let Some((limit, asked)) = self.limit.zip(asked) else { return };
        if halvings > 0 {
            self.now = (asked >> halvings).max(1).min(self.now);
            self.good = 0;
        } else if self.now < limit {
            self.good += 1;
            if self.good >= GROW_AFTER {
                self.now = self.now.saturating_mul(2).min(limit);
                self.good = 0;
            }
        }
    }

    /// No reply came, even in parts.
    pub(super) fn shrink_to_one(&mut self) {
        self.now = 1;
        self.good = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_replies() {
        for (header, expected) in [
            (
                r#"<https://h/r/1?page=2>; rel="next", <https://h/r/1?page=5>; rel="last""#,
                Some("https://h/r/1?page=2"),
            ),
            (
                r#"<https://h/?a=1,2>; rel="prev", <https://h/?a=3,4>;title="x, y" ; REL="last next""#,
                Some("https://h/?a=3,4"),
            ),
            ("</items?after=7>; rel=next", Some("/items?after=7")),
            (r#"<https://h/>; rel="first""#, None),
            ("garbage", None),
        ] {
            assert_eq!(next_link(header), expected, "{header}");
        }
        assert_eq!(absolute("https://h/a/b?x=1", "/c?y=2"), "https://h/c?y=2");
        assert_eq!(absolute("https://h/a/b?x=1", "?y=2"), "https://h/a/b?y=2");
        assert_eq!(absolute("https://h/a", "https://o/c"), "https://o/c");
    }

    #[test]
    fn the_size_shrinks_and_grows_back() {
        let start = Position::at(At::Offset(0));
        let mut size = PageSize::new(Some(100));
        size.good(Some(100), 3);
        assert_eq!(size.get(&start), Some(12));
        let mut replies = 0;
        while size.get(&start) < Some(100) {
            size.good(size.get(&start), 0);
            replies += 1;
        }
        assert_eq!(replies, 4 * GROW_AFTER);
        assert_eq!(size.get(&start), Some(100));
        assert_eq!(PageSize::new(None).get(&start), None);
    }
}
