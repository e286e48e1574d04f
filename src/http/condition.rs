//! Whether a rule or a check applies to what came back.

use scrape_api::FetchErrorKind;
use serde_json::Value;

use super::Reply;
use super::glob::glob_matches;
use crate::plan::{Condition, ReplyKind, parse_json};

/// What conditions look at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Situation<'a> {
    /// The status code, if a response came.
    pub(crate) status: Option<u16>,
    /// The failure, if none came.
    pub(crate) transport: Option<FetchErrorKind>,
    /// What the response is instead of an answer.
    pub(crate) reply: Option<ReplyKind>,
    /// Its headers.
    pub(crate) headers: &'a [(String, String)],
    /// Its body.
    pub(crate) body: &'a [u8],
}

impl<'a> Situation<'a> {
    pub(crate) fn of(reply: &'a Reply) -> Self {
        Self {
            status: Some(reply.status),
            headers: &reply.headers,
            body: &reply.body,
            ..Self::default()
        }
    }
}

impl Condition {
    /// Whether it holds for a good reply: for the checks of `preflight:`.
    pub fn holds_for(&self, reply: &Reply) -> bool {
        self.holds(&Situation::of(reply))
    }

    /// Whether all parts that are given hold.
    pub(crate) fn holds(&self, situation: &Situation<'_>) -> bool {
        let status = |s: u16| self.status.iter().any(|p| p.matches(s));
        (self.status.is_empty() || situation.status.is_some_and(status))
            && (self.transport.is_empty()
                || situation.transport.is_some_and(|t| self.transport.contains(&t)))
            && (self.reply.is_empty() || situation.reply.is_some_and(|r| self.reply.contains(&r)))
            && (self.header.is_empty() || self.header_holds(situation.headers))
            && self.body.as_ref().is_none_or(|glob| {
                situation.status.is_some()
                    && glob_matches(glob, &String::from_utf8_lossy(situation.body))
            })
            && (self.json.is_empty() || self.json_holds(situation.body))
    }

    /// Whether it is about good replies too: it names their status, or what is
    /// in their JSON. A glob over the body alone is not enough, since pages of
    /// records may say anything.
    pub(crate) fn looks_at_good(&self) -> bool {
        self.transport.is_empty()
            && self.reply.is_empty()
            && (self.status.iter().any(|p| (200..300).any(|s| p.matches(s)))
                || (self.status.is_empty() && !self.json.is_empty()))
    }

    fn header_holds(&self, headers: &[(String, String)]) -> bool {
        self.header.iter().all(|(name, glob)| {
            headers.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && glob_matches(glob, v))
        })
    }

    fn json_holds(&self, body: &[u8]) -> bool {
        let Ok(value) = parse_json(body) else { return false };
        self.json
            .iter()
            .all(|(path, wanted)| path.all(&value).into_iter().any(|found| matches(wanted, found)))
    }
}

fn matches(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::String(glob), Value::String(text)) => glob_matches(glob, text),
        (Value::String(glob), Value::Number(_) | Value::Bool(_)) => {
            glob_matches(glob, &found.to_string())
        }
        _ => wanted == found,
    }
}
