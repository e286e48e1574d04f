//! How one page leads to the next: the seven paginations as one state machine
//! without I/O.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::plan::{KeyOrder, PaginationKind, order_key};

/// How often a page that cannot be true is asked for again before it is believed
/// or given up: caches and nodes that lag answer otherwise the next time.
const MOST_AGAIN: u32 = 3;

/// How many pages without records in a row are followed where only a token says
/// that there are more. Searches that filter after paging do send such pages.
const MOST_EMPTY: u32 = 100;

/// A checkpoint: where a walk over pages goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The next page.
    pub(super) at: At,
    /// Records that the pages before it had, rejected ones included.
    #[serde(default)]
    pub(super) taken: u64,
    /// How many records the last reply said there are, where records are found
    /// by their position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
    /// Whether that number changed on the way: records may have moved from pages
    /// to come to pages that were read, and counting does not tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) moved: bool,
}

/// The next page of a walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum At {
    /// The only one.
    Single,
    /// The records after a key.
    Key {
        /// The key; `None` at the start.
        after: Option<String>,
        /// The last key that belongs to this walk; `None` for the last range.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<String>,
        /// Lower keys to take where the server says that `after` is gone, the
        /// greatest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fallbacks: Vec<String>,
    },
    /// The records from a position on.
    Offset(u64),
    /// The page of a number.
    Number(u64),
    /// The page of a token; `None` at the start.
    Token(Option<String>),
    /// The page at a URL; `None` at the start.
    Url(Option<String>),
}

impl Position {
    /// The start of a walk.
    pub(super) fn start(kind: &PaginationKind) -> Self {
        let at = match kind {
            PaginationKind::None => At::Single,
            PaginationKind::Offset { .. } => At::Offset(0),
            PaginationKind::Page { first, .. } => At::Number(*first),
            PaginationKind::Cursor { .. } => At::Token(None),
            PaginationKind::LinkHeader | PaginationKind::NextUrl { .. } => At::Url(None),
            PaginationKind::Keyset { .. } => At::after(None),
        };
        Self::at(at)
    }

    /// A walk that begins there.
    pub(super) fn at(at: At) -> Self {
        Self { at, taken: 0, total: None, moved: false }
    }

    /// What templates see as `page`.
    pub(super) fn variables(&self, limit: Option<u32>) -> Value {
        let mut page = Map::new();
        for name in ["after", "cursor", "offset", "number"] {
            page.insert(name.into(), Value::Null);
        }
        page.insert("limit".into(), json!(limit));
        let (name, value) = match &self.at {
            At::Single | At::Url(_) => return Value::Object(page),
            At::Key { after, .. } => ("after", json!(after)),
            At::Offset(offset) => ("offset", json!(offset)),
            At::Number(number) => ("number", json!(number)),
            At::Token(token) => ("cursor", json!(token)),
        };
        page.insert(name.into(), value);
        Value::Object(page)
    }

    /// The query parameter of the position, where the spec names one, and its
    /// value.
    pub(super) fn parameter<'k>(&self, kind: &'k PaginationKind) -> Option<(&'k str, String)> {
        match (kind, &self.at) {
            (PaginationKind::Offset { offset_param: Some(name) }, At::Offset(offset)) => {
                Some((name, offset.to_string()))
            }
            (PaginationKind::Page { page_param: Some(name), .. }, At::Number(number)) => {
                Some((name, number.to_string()))
            }
            (PaginationKind::Cursor { cursor_param: Some(name), .. }, At::Token(Some(token))) => {
                Some((name, token.clone()))
            }
            _ => None,
        }
    }

    /// Whether the same walk may ask for another number of records from here on.
    pub(super) fn may_shrink(&self) -> bool {
        match &self.at {
            At::Key { .. } | At::Offset(_) | At::Token(_) => true,
            // The number of a page means nothing without the size of the others.
            At::Number(_) | At::Single => false,
            At::Url(url) => url.is_none(),
        }
    }

    /// The checkpoint after only the first `keep` records of a page, when the
    /// page is cut: keysets go on after the last key kept, all others with this
    /// page again.
    pub(super) fn cut(&self, keys: &[Option<String>], keep: usize) -> Self {
        let At::Key { end, .. } = &self.at else { return self.clone() };
        let last = keys[..keep.min(keys.len())].iter().rposition(Option::is_some);
        match last {
            Some(i) => Self {
                at: At::Key { after: keys[i].clone(), end: end.clone(), fallbacks: Vec::new() },
                // A key that cannot be read comes again with the next page.
                taken: self.taken + i as u64 + 1,
                ..self.clone()
            },
            None => self.clone(),
        }
    }
}

impl At {
    /// After a key, without an end.
    pub(super) fn after(key: Option<String>) -> Self {
        Self::Key { after: key, end: None, fallbacks: Vec::new() }
    }
}

/// What a reply shows of where the walk goes on.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The key of each record, for a keyset; elsewhere only their number counts.
    pub(super) keys: Vec<Option<String>>,
    /// How many records came, with those that the spec's path leaves out.
    pub(super) came: usize,
    /// How many records the query has.
    pub(super) total: Option<u64>,
    /// The token of the next page.
    pub(super) token: Option<String>,
    /// Whether the reply says that this is the last page.
    pub(super) last: bool,
    /// The URL of the next page, absolute.
    pub(super) url: Option<String>,
    /// A hash over the records.
    pub(super) digest: u64,
}

/// What follows from a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The page counts.
    Taken {
        /// The checkpoint after it.
        next: Position,
        /// How many of its records belong to this walk, from the first on.
        keep: usize,
        /// Whether there is nothing more.
        done: bool,
    },
    /// The page cannot be true: it is asked for again.
    Again(String),
    /// The page still cannot be true.
    Fail(String),
}

/// A walk over pages: the guards that a position alone cannot give.
#[derive(Debug)]
pub(super) struct Pager {
    order: KeyOrder,
    again: u32,
    empty: u32,
    last_page: Option<u64>,
    /// Tokens and URLs that were followed, hashed.
    followed: HashSet<u64>,
}

impl Pager {
    pub(super) fn new(kind: &PaginationKind) -> Self {
        let order = match kind {
            PaginationKind::Keyset { order, .. } => *order,
            _ => KeyOrder::Text,
        };
        Self { order, again: 0, empty: 0, last_page: None, followed: HashSet::new() }
    }

    /// What follows from the reply to the page at `position`.
    pub(super) fn advance(&mut self, position: &Position, seen: &Seen) -> Step {
        let count = seen.keys.len();
        let step = match &position.at {
            At::Single => Ok((At::Single, count, true)),
            At::Key { after, end, .. } => self.by_key(after.as_deref(), end.as_deref(), seen),
            At::Offset(offset) => self.by_offset(*offset, seen),
            At::Number(number) => self.by_number(*number, position.taken, seen),
            At::Token(token) => self
                .by_link(token.as_deref(), seen.token.as_deref(), seen)
                .map(|next| (At::Token(next.clone().or(token.clone())), count, next.is_none())),
            At::Url(url) => self
                .by_link(url.as_deref(), seen.url.as_deref(), seen)
                .map(|next| (At::Url(next.clone().or(url.clone())), count, next.is_none())),
        };
        match step {
            Ok((at, keep, done)) => {
                self.again = 0;
                self.last_page = Some(seen.digest);
                let taken = position.taken + keep as u64;
                let total = seen.total.filter(|_| !matches!(at, At::Key { .. }));
                // A reply that names no number contradicts none.
                let moved = position.moved
                    || position.total.zip(total).is_some_and(|(before, now)| before != now);
                let total = total.or(position.total);
                Step::Taken { next: Position { at, taken, total, moved }, keep, done }
            }
            Err(reason) if self.again < MOST_AGAIN => {
                self.again += 1;
                Step::Again(reason)
            }
            Err(reason) => Step::Fail(reason),
        }
    }

    fn by_key(
        &mut self,
        after: Option<&str>,
        end: Option<&str>,
        seen: &Seen,
    ) -> Result<(At, usize, bool), String> {
        let same = || At::Key {
            after: after.map(str::to_owned),
            end: end.map(str::to_owned),
            fallbacks: Vec::new(),
        };
        if seen.keys.is_empty() {
            return self.empty_page(seen.total.is_none_or(|t| t == 0)).map(|()| (same(), 0, true));
        }
        let encode = |key: &str| order_key(self.order, key);
        let keys: Vec<(usize, &str, String)> = (seen.keys.iter().enumerate())
            .filter_map(|(i, key)| key.as_deref().map(|key| (i, key, encode(key))))
            .collect();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0].2 > pair[1].2) {
            return Err(format!(
                "the records came out of order ({} before {}): does the request sort by the key, \
                 and is `order` right?",
                pair[0].1, pair[1].1
            ));
        }
        if let (Some(after), Some(first)) = (after, keys.first())
            && first.2 <= encode(after)
        {
            // Where the server insists, what goes on behind it still counts.
            let insists = self.again == MOST_AGAIN;
            let goes_on = keys.last().is_some_and(|last| last.2 > encode(after));
            if !(insists && goes_on) {
                return Err(format!(
                    "the page after {after} begins with {}: it was sent before",
                    first.1
                ));
            }
        }
        let complete = seen.total.is_some_and(|total| total <= seen.keys.len() as u64);
        let mut keep = seen.keys.len();
        let mut passed = false;
        if let Some(end) = end.map(encode) {
            if let Some(beyond) = keys.iter().find(|key| key.2 > end) {
                keep = beyond.0;
                passed = true;
            } else {
                passed = keys.last().is_some_and(|last| last.2 == end);
            }
        }
        let done = complete || passed;
        let last = keys.iter().rfind(|key| key.0 < keep).map(|key| key.1);
        if last.is_none() && !done {
            return Err(String::from("no record of the page has a key to continue from"));
        }
        let at = match last {
            Some(last) => At::Key {
                after: Some(last.to_owned()),
                end: end.map(str::to_owned),
                fallbacks: Vec::new(),
            },
            None => same(),
        };
        Ok((at, keep, done))
    }

    fn by_offset(&mut self, offset: u64, seen: &Seen) -> Result<(At, usize, bool), String> {
        if seen.came == 0 {
            let end = seen.total.is_none_or(|total| total <= offset);
            return self.empty_page(end).map(|()| (At::Offset(offset), 0, true));
        }
        self.same_page(seen)?;
        let next = offset + seen.came as u64;
        Ok((At::Offset(next), seen.keys.len(), seen.total.is_some_and(|total| total <= next)))
    }

    fn by_number(
        &mut self,
        number: u64,
        taken: u64,
        seen: &Seen,
    ) -> Result<(At, usize, bool), String> {
        let count = seen.keys.len();
        if seen.came == 0 {
            let end = seen.total.is_none_or(|total| total <= taken);
            return self.empty_page(end).map(|()| (At::Number(number), 0, true));
        }
        self.same_page(seen)?;
        let done = seen.total.is_some_and(|total| total <= taken + count as u64);
        Ok((At::Number(number + 1), count, done))
    }

    /// The next token or URL, if there is one.
    fn by_link(
        &mut self,
        current: Option<&str>,
        next: Option<&str>,
        seen: &Seen,
    ) -> Result<Option<String>, String> {
        let next = next.filter(|next| !next.is_empty() && !seen.last);
        if let Some(next) = next
            && (Some(next) == current || self.followed.contains(&xxh3_64(next.as_bytes())))
        {
            return Err(String::from("the reply leads back to a page that was read before"));
        }
        if seen.came == 0 {
            self.empty += u32::from(next.is_some());
            if self.empty > MOST_EMPTY {
                return Err(format!("{MOST_EMPTY} pages without records in a row"));
            }
        } else {
            self.same_page(seen)?;
            self.empty = 0;
        }
        self.followed.extend(current.map(|current| xxh3_64(current.as_bytes())));
        Ok(next.map(str::to_owned))
    }

    /// A page without records: the end, where nothing says otherwise. What the
    /// server keeps saying is believed; the closing count decides.
    fn empty_page(&self, end: bool) -> Result<(), String> {
        if end || self.again == MOST_AGAIN {
            Ok(())
        } else {
            Err(String::from("a page without records, although the reply says there are more"))
        }
    }

    fn same_page(&self, seen: &Seen) -> Result<(), String> {
        if self.last_page == Some(seen.digest) {
            Err(String::from(
                "the same page again: does the server know the parameter that asks for the next?",
            ))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
#[path = "paginate_tests.rs"]
mod tests;
