//! What a reply is when it is not what was asked for, and what the server says.

use serde_json::Value;
use url::Url;

use super::call::{Malformed, Reply};
use super::redirect;
use crate::plan::{ReplyKind, parse_json};

/// How much of a server's words a message repeats.
const LONGEST_QUOTE: usize = 300;

/// How much of a page is looked through for signs of a login form.
const LOOKED_THROUGH: usize = 64 * 1024;

impl Malformed {
    /// The error for a body that a JSON parser refused: cut where it ended too
    /// early, else no JSON.
    pub fn from_json(error: &serde_json::Error) -> Self {
        let kind = if error.is_eof() { ReplyKind::Cut } else { ReplyKind::NotJson };
        let lead = if error.is_eof() { "JSON that ends too early" } else { "not JSON" };
        Self { kind, message: format!("{lead}: {error}") }
    }
}

/// Sees what a reply is that its reader could not use: the reader only knows
/// that it is not JSON.
pub(crate) fn refine(reply: &Reply, malformed: Malformed) -> Malformed {
    let body = reply.body.trim_ascii_start();
    let login_failed = reply.header("x-seraph-loginreason").is_some_and(|reason| {
        let reason = reason.to_ascii_uppercase();
        reason.contains("AUTHENTICATED_FAILED") || reason.contains("AUTHENTICATION_DENIED")
    });
    if body.is_empty() {
        return if login_failed {
            Malformed {
                kind: ReplyKind::Login,
                message: String::from("no body, since the credentials were not accepted"),
            }
        } else {
            Malformed { kind: ReplyKind::Empty, message: String::from("no body") }
        };
    }
    let html =
        reply.header("content-type").is_some_and(|t| t.to_ascii_lowercase().contains("html"));
    if body[0] != b'<' && !html {
        return malformed;
    }
    let start = String::from_utf8_lossy(&body[..body.len().min(LOOKED_THROUGH)]);
    let title = title(&start);
    let named = title.map(|t| format!(" titled \"{t}\"")).unwrap_or_default();
    let at_login = Url::parse(&reply.url).is_ok_and(|url| redirect::is_login(&url));
    if login_failed || at_login || has_login_form(&start) {
        return Malformed { kind: ReplyKind::Login, message: format!("a login page{named}") };
    }
    if body[0] == b'<' {
        return Malformed { kind: ReplyKind::Html, message: format!("a web page{named}") };
    }
    malformed
}

/// A field for a password, or Jira's own login form.
fn has_login_form(html: &str) -> bool {
    let html = html.to_ascii_lowercase();
    ["type=\"password\"", "type='password'", "type=password", "os_password", "id=\"login-form\""]
        .iter()
        .any(|sign| html.contains(sign))
}

fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower[from..].find('>')? + 1;
    let to = from + lower[from..].find('<')?;
    let title = html[from..to].split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then(|| cut(&title, 80))
}

/// What a server says in the body of an error, in one line, to be a part of a
/// sentence.
pub(crate) fn server_words(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_THROUGH)]);
    let text = text.trim();
    let words = match parse_json(body) {
        Ok(value) => json_words(&value)?,
        Err(_) if text.starts_with('<') => title(text)?,
        Err(_) => text.lines().map(str::trim).find(|l| !l.is_empty())?.to_owned(),
    };
    let words = without_stop(&words);
    (!words.is_empty()).then(|| cut(words, LONGEST_QUOTE))
}

/// A sentence that others are written around.
fn without_stop(text: &str) -> &str {
    match text.strip_suffix('.') {
        Some(sentence) if !sentence.ends_with('.') => sentence,
        _ => text,
    }
}

/// The keys that trackers put their errors under: lists of texts, an object of
/// texts by field, or a text.
fn json_words(value: &Value) -> Option<String> {
    let keys = [
        "errorMessages",
        "errors",
        "errorMessage",
        "message",
        "error_description",
        "error",
        "warningMessages",
        "detail",
    ];
    let mut said: Vec<String> = Vec::new();
    let mut say = |value: &Value| {
        let text = match value {
            Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Value::Object(map) => match map.get("message").and_then(Value::as_str) {
                Some(text) => text.to_owned(),
                None => return,
            },
            _ => return,
        };
        if !text.is_empty() && !said.contains(&text) {
            said.push(text);
        }
    };
    if let Value::String(_) = value {
        say(value);
    }
    for found in keys.iter().filter_map(|key| value.get(key)) {
        match found {
            Value::Array(items) => items.iter().for_each(&mut say),
            Value::Object(map) if !map.contains_key("message") => {
                for value in map.values() {
                    match value {
                        Value::Array(items) => items.iter().for_each(&mut say),
                        other => say(other),
                    }
                }
            }
            other => say(other),
        }
    }
    (!said.is_empty()).then(|| said.join(" "))
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(
        content_type: &str,
        extra: Option<(&str, &str)>,
        url: &str,
        body: &'static str,
    ) -> ReplyKind {
        let mut headers = vec![(String::from("content-type"), content_type.to_owned())];
        headers.extend(extra.map(|(n, v)| (n.to_owned(), v.to_owned())));
        let reply = Reply {
            status: 200,
            headers,
            body: body.into(),
            original: None,
            packed: None,
            url: url.to_owned(),
            seq: 1,
            date: None,
        };
        let error = serde_json::from_str::<Value>(body).expect_err("not JSON");
        refine(&reply, Malformed::from_json(&error)).kind
    }

    #[test]
    fn replies_are_recognised_for_what_they_are() {
        let failed = Some(("x-seraph-loginreason", "AUTHENTICATED_FAILED"));
        let (json, html) = ("application/json", "text/html;charset=UTF-8");
        let url = "https://h.example/rest";
        for (content_type, header, url, body, expected) in [
            (html, None, url, "<!DOCTYPE html><title>Back soon</title>", ReplyKind::Html),
            (json, None, url, "\n <html>Loading…</html>", ReplyKind::Html),
            (html, None, url, "<form><input TYPE=\"password\"></form>", ReplyKind::Login),
            (html, None, "https://h.example/login.jsp", "<p>x</p>", ReplyKind::Login),
            (html, failed, url, "<p>x</p>", ReplyKind::Login),
            (json, failed, url, " \n", ReplyKind::Login),
            (json, None, url, "", ReplyKind::Empty),
            (json, None, url, "{\"issues\":[{\"id\":", ReplyKind::Cut),
            (json, None, url, "{\"issues\":nope}", ReplyKind::NotJson),
            (html, None, url, "{\"issues\":", ReplyKind::Cut),
        ] {
            assert_eq!(kind(content_type, header, url, body), expected, "{body}");
        }
    }

    #[test]
    fn the_servers_own_words() {
        for (body, expected) in [
            (
                r#"{"errorMessages":["The value 'XY' does not exist for the field 'project'."],"errors":{}}"#,
                Some("The value 'XY' does not exist for the field 'project'"),
            ),
            (r#"{"errorMessages":["A."],"errors":{"f":["B.","C."],"g":"D."}}"#, Some("A. B. C. D")),
            (
                r#"{"errorMessage":"Service temporary unavailable"}"#,
                Some("Service temporary unavailable"),
            ),
            (
                r#"{"message":"Validation Failed","errors":[{"message":"x is bad"}]}"#,
                Some("x is bad Validation Failed"),
            ),
            (r#"{"error":{"message":"Token revoked"}}"#, Some("Token revoked")),
            ("Too many requests.\nGo away.", Some("Too many requests")),
            ("<html><head><TITLE>\n 502 Bad\nGateway</TITLE>", Some("502 Bad Gateway")),
            (r#"{"message":"Wait ..."}"#, Some("Wait ...")),
            ("<html>nothing</html>", None),
            (r#"{"issues":[]}"#, None),
            ("", None),
        ] {
            assert_eq!(server_words(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
