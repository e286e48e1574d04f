//! One issue as JSON text, ready to be sent.

use crate::json::{elements, member, members, splice};

use super::fields::Fields;

/// An issue: the text of its record as served with every field, and all of its comments.
#[derive(Debug)]
pub(crate) struct Issue {
    /// The record; of its comments only the inline ones.
    text: Box<str>,
    /// The array of all comments, where the record holds only some of them.
    overflow: Option<Box<str>>,
}

impl Issue {
    /// From a whole record. `inline` comments stay in it; `total` and
    /// `maxResults` of its comment list are made to tell the truth. Everything
    /// else stays as it is, to the byte.
    pub(crate) fn from_record(text: String, inline: usize) -> Self {
        let Some(list) = member(&text, &["fields", "comment", "comments"]) else {
            return Issue { text: text.into(), overflow: None };
        };
        let comments: Vec<_> = elements(&text, list.start).collect();
        let kept = comments.len().min(inline);
        let mut edits = Vec::new();
        let mut overflow = None;
        if kept < comments.len() {
            overflow = Some(text[list.clone()].into());
            let shown = if kept == 0 {
                "[]".into()
            } else {
                format!("{}]", &text[list.start..comments[kept - 1].end])
            };
            edits.push((list, shown));
        }
        for (name, right) in [("maxResults", kept), ("total", comments.len())] {
            if let Some(range) = member(&text, &["fields", "comment", name]) {
                let said = text[range.clone()].parse::<usize>();
                let too_small = said.as_ref().is_ok_and(|n| *n < right);
                if said != Ok(right) && (name == "total" || overflow.is_some() || too_small) {
                    edits.push((range, right.to_string()));
                }
            }
        }
        let text = if edits.is_empty() { text } else { splice(&text, edits) };
        Issue { text: text.into(), overflow }
    }

    /// From parts made to fit: the record with its inline comments, and the array
    /// of all comments where those are more.
    pub(crate) fn from_parts(text: String, overflow: Option<String>) -> Self {
        Issue { text: text.into(), overflow: overflow.map(String::into_boxed_str) }
    }

    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + self.overflow.as_ref().map_or(0, |o| o.len())
    }

    /// The record as served with every field.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text of each comment, the oldest first.
    pub(crate) fn comments(&self) -> Vec<&str> {
        if let Some(all) = &self.overflow {
            return elements(all, 0).map(|range| &all[range]).collect();
        }
        let list = member(&self.text, &["fields", "comment", "comments"]);
        list.map_or(Vec::new(), |list| {
            elements(&self.text, list.start).map(|r| &self.text[r]).collect()
        })
    }

    /// The record with all of its comments inline, as before `from_record`.
    pub(crate) fn whole(&self) -> String {
        match (&self.overflow, member(&self.text, &["fields", "comment", "comments"])) {
            (Some(all), Some(list)) => splice(&self.text, vec![(list, all.to_string())]),
            _ => self.text.to_string(),
        }
    }

    /// Appends the record with only the fields asked for.
    pub(crate) fn write(&self, fields: &Fields, out: &mut Vec<u8>) {
        let text = &self.text;
        let Some(object) = member(text, &["fields"]).filter(|_| !fields.is_whole()) else {
            out.extend_from_slice(text.as_bytes());
            return;
        };
        let chosen: Vec<_> =
            members(text, object.start).filter(|m| fields.has(m.name)).map(|m| m.span).collect();
        if chosen.is_empty() {
            // As Jira does for `fields=key`: no `fields` member at all.
            let kept: Vec<_> =
                members(text, 0).filter(|m| m.name != "fields").map(|m| m.span).collect();
            join(text, &kept, out);
            return;
        }
        out.extend_from_slice(&text.as_bytes()[..object.start]);
        join(text, &chosen, out);
        out.extend_from_slice(&text.as_bytes()[object.end..]);
    }
}

/// Appends an object of members that stand in `text`.
fn join(text: &str, members: &[std::ops::Range<usize>], out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, span) in members.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&text.as_bytes()[span.clone()]);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"id": "7", "key": "T-1", "fields": {"n": 1.50, "summary": "s", "comment": {"comments": [{"id":"1"}, {"id":"2"},{"id":"3"}], "maxResults": 9, "total": 9, "startAt": 0}, "z": null}}"#;

    fn written(issue: &Issue, fields: &str) -> String {
        let mut out = Vec::new();
        issue.write(&Fields::parse([fields], "*navigable"), &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn comments_beyond_the_inline_ones_are_kept_apart() {
        let issue = Issue::from_record(RECORD.into(), 2);
        let want = RECORD.replace(
            r#", {"id":"2"},{"id":"3"}], "maxResults": 9, "total": 9"#,
            r#", {"id":"2"}], "maxResults": 2, "total": 3"#,
        );
        assert_eq!(written(&issue, "*all"), want);
        assert_eq!(issue.comments(), [r#"{"id":"1"}"#, r#"{"id":"2"}"#, r#"{"id":"3"}"#]);
        assert_eq!(Issue::from_record(issue.whole(), 9).comments().len(), 3);
    }

    #[test]
    fn the_total_tells_what_is_there_and_nothing_else_changes() {
        let issue = Issue::from_record(RECORD.into(), usize::MAX);
        assert_eq!(written(&issue, "*all"), RECORD.replace(r#""total": 9"#, r#""total": 3"#));
    }

    #[test]
    fn sends_only_the_fields_asked_for() {
        let issue = Issue::from_record(RECORD.into(), 9);
        assert_eq!(
            written(&issue, "n,z,nosuch"),
            r#"{"id": "7", "key": "T-1", "fields": {"n": 1.50,"z": null}}"#
        );
        assert_eq!(written(&issue, "key"), r#"{"id": "7","key": "T-1"}"#);
        assert!(!written(&issue, "").contains("comment"));
    }
}
