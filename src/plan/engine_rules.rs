//! The engine's own rules of `on_response:`, which come after a spec's.

use std::time::Duration;

use super::{Action, Condition, Pause, ReplyKind, Rule, StatusPattern, TransportKind, Wait};

/// What is done about a reply or a failure that no rule of the spec is about.
/// Every status from 300 and every failure but `too_large` and `unanswerable`,
/// which the client treats itself, is covered.
pub fn engine_rules() -> Vec<Rule> {
    use Action::{FailPartition, FailRun, Retry};
    use StatusPattern::{Class, Exact};
    let retry_after =
        || Wait::Header { name: "Retry-After".into(), max: Some(Duration::from_secs(600)) };
    let status = |patterns: &[StatusPattern]| Condition {
        status: patterns.to_vec(),
        ..Condition::default()
    };
    let transport =
        |kinds: &[TransportKind]| Condition { transport: kinds.to_vec(), ..Condition::default() };
    let reply = |kinds: &[ReplyKind]| Condition { reply: kinds.to_vec(), ..Condition::default() };
    let rule = |when: Condition, action: Action| Rule {
        when,
        action,
        pause: Pause::Request,
        wait: Vec::new(),
        shrink_page: false,
        say: None,
        span: None,
    };
    let login = "The server asks for a login: give credentials in http.auth, or check them.";
    vec![
        Rule {
            pause: Pause::Host,
            wait: vec![retry_after(), Wait::Fixed(Duration::from_secs(60))],
            ..rule(status(&[Exact(429)]), Retry)
        },
        // Only where the server names a time is it the whole host that is down.
        Rule {
            pause: Pause::Host,
            wait: vec![retry_after()],
            ..rule(
                Condition {
                    header: vec![("Retry-After".into(), "*".into())],
                    ..status(&[Exact(503)])
                },
                Retry,
            )
        },
        rule(status(&[Exact(503)]), Retry),
        // A page may be too much for the server: the next attempt asks for less.
        Rule {
            wait: vec![retry_after()],
            shrink_page: true,
            ..rule(status(&[Exact(408), Exact(425), Class(5)]), Retry)
        },
        rule(transport(&[TransportKind::Connect, TransportKind::Tls]), Retry),
        Rule {
            shrink_page: true,
            ..rule(
                transport(&[
                    TransportKind::Timeout,
                    TransportKind::Reset,
                    TransportKind::Truncated,
                ]),
                Retry,
            )
        },
        Rule { say: Some(login.into()), ..rule(reply(&[ReplyKind::Login]), FailRun) },
        Rule { shrink_page: true, ..rule(reply(&[ReplyKind::Cut]), Retry) },
        rule(reply(&[ReplyKind::Html, ReplyKind::Empty, ReplyKind::NotJson]), Retry),
        Rule { say: Some(login.into()), ..rule(status(&[Exact(401)]), FailRun) },
        Rule {
            say: Some(
                "The server wants a CAPTCHA after failed logins: log in with a browser once, then \
                 check the credentials."
                    .into(),
            ),
            ..rule(
                Condition {
                    header: vec![("X-Authentication-Denied-Reason".into(), "*CAPTCHA*".into())],
                    ..status(&[Exact(403)])
                },
                FailRun,
            )
        },
        rule(status(&[Class(3), Class(4)]), FailPartition),
    ]
}
