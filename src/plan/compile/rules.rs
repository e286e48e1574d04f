//! The engine's own rules about replies, which come after those of a spec.

use std::time::Duration;

use crate::plan::{Action, Condition, Pause, ReplyKind, Rule, StatusPattern, TransportKind, Wait};

const CREDENTIALS: &str = "The server wants a login, or refuses these credentials: set them under \
                           `http.auth`, with values from `secrets`.";

/// In order; the first that matches wins.
pub(super) fn defaults() -> Vec<Rule> {
    use Action::{FailPartition, FailRun, Retry};
    use ReplyKind::{Cut, Empty, Html, Login, NotJson};
    use StatusPattern::{Class, Exact};
    use TransportKind::{Connect, Reset, Timeout, Tls, TooLarge, Truncated};

    let retry_after =
        Wait::Header { name: String::from("Retry-After"), max: Some(Duration::from_secs(600)) };
    let status =
        |codes: &[StatusPattern]| Condition { status: codes.to_vec(), ..Condition::default() };
    let transport =
        |kinds: &[TransportKind]| Condition { transport: kinds.to_vec(), ..Condition::default() };
    let reply = |kinds: &[ReplyKind]| Condition { reply: kinds.to_vec(), ..Condition::default() };
    vec![
        Rule {
            pause: Pause::Host,
            wait: vec![retry_after, Wait::Backoff],
            ..rule(status(&[Exact(429), Exact(503)]), Retry)
        },
        // A page that does not come through whole may do so when it is smaller.
        Rule {
            shrink_page: true,
            ..rule(transport(&[Timeout, Reset, Truncated, TooLarge]), Retry)
        },
        Rule { shrink_page: true, ..rule(reply(&[Cut]), Retry) },
        rule(transport(&[Connect, Tls]), Retry),
        saying(rule(reply(&[Login]), FailRun), CREDENTIALS),
        saying(rule(status(&[Exact(401), Exact(403)]), FailRun), CREDENTIALS),
        rule(status(&[Exact(408), Exact(425), Class(5)]), Retry),
        rule(reply(&[Html, Empty, NotJson]), Retry),
        rule(status(&[Class(3), Class(4)]), FailPartition),
    ]
}

fn rule(when: Condition, action: Action) -> Rule {
    Rule {
        when,
        action,
        pause: Pause::Request,
        wait: Vec::new(),
        shrink_page: false,
        say: None,
        span: None,
    }
}

fn saying(rule: Rule, say: &str) -> Rule {
    Rule { say: Some(say.to_owned()), ..rule }
}
