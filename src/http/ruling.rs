//! What is done about an attempt that brought no answer: the first rule that
//! applies decides.

use std::time::{Duration, SystemTime};

use scrape_api::FetchErrorKind;

use super::backoff;
use super::call::{Failure, FailureScope};
use super::client::Shared;
use super::condition::Situation;
use super::host::Host;
use super::retry_after;
use crate::observe::{self, Event};
use crate::plan::{Action, Pause, ReplyKind, Rule, Wait};

/// Pauses that end so close to each other are one, asked for by several requests.
const SAME: Duration = Duration::from_secs(1);

/// How far the attempts at one request have come.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    /// Attempts so far.
    pub(crate) attempts: u32,
    /// How often the page size was halved.
    pub(crate) halvings: u32,
    /// Whether the credentials were already made anew.
    pub(crate) reauthorised: bool,
}

/// An attempt that failed, as far as deciding needs it.
pub(crate) struct Trouble<'a> {
    pub(crate) situation: Situation<'a>,
    /// One sentence without the request: `429 Too Many Requests: slow down`.
    pub(crate) what: String,
    /// A short word to count by: `429`, `timeout`, `html`.
    pub(crate) reason: String,
    /// What the request is for, and which it is.
    pub(crate) label: String,
    pub(crate) url: String,
    /// The server's clock.
    pub(crate) date: Option<SystemTime>,
}

/// What is to happen before the next attempt.
#[derive(Debug)]
pub(crate) struct Again {
    wait: Duration,
    pause: Pause,
    reauthorise: bool,
    reason: String,
    what: String,
    label: String,
    as_asked: bool,
    halved: bool,
}

/// How long, and on whose word.
enum Rest {
    AsAsked(Duration),
    /// The server asks for longer than the rule waits.
    TooLong(Duration),
    Own(Duration),
}

impl Shared {
    /// Decides about a failed attempt; raises `tries.halvings` where the next
    /// one is to ask for less.
    ///
    /// # Errors
    /// When the request is given up.
    pub(crate) fn rule(
        &self,
        host: &Host,
        trouble: &Trouble<'_>,
        tries: &mut Tries,
        max_halvings: u32,
    ) -> Result<Again, Failure> {
        let rules = &self.plan.http.on_response;
        let rule = rules.iter().find(|rule| rule.when.holds(&trouble.situation));
        match trouble.situation.transport {
            Some(FetchErrorKind::Unanswerable) => {
                return Err(self.fail(FailureScope::Partition, None, trouble, ""));
            }
            // A body above the limit stays above it: no wait, no attempt spent.
            Some(FetchErrorKind::TooLarge) if rule.is_none_or(|r| r.span.is_none()) => {
                if tries.halvings >= max_halvings {
                    return Err(self.fail(FailureScope::Record, None, trouble, ""));
                }
                tries.halvings += 1;
                tries.attempts = tries.attempts.saturating_sub(1);
                return Ok(Again {
                    wait: Duration::ZERO,
                    pause: Pause::Request,
                    reauthorise: false,
                    reason: trouble.reason.clone(),
                    what: trouble.what.clone(),
                    label: trouble.label.clone(),
                    as_asked: false,
                    halved: true,
                });
            }
            _ => {}
        }
        let Some(rule) = rule else {
            return Err(self.fail(FailureScope::Partition, None, trouble, ""));
        };
        let scope = match rule.action {
            Action::PreviousKey => return Err(Failure::PreviousKey),
            Action::End => return Err(Failure::End),
            Action::RejectRecord => FailureScope::Record,
            Action::FailPartition => FailureScope::Partition,
            Action::FailRun => FailureScope::Run,
            Action::Reauth if tries.reauthorised => FailureScope::Run,
            Action::Retry | Action::Reauth => {
                return self.again(host, rule, trouble, tries, max_halvings);
            }
        };
        Err(self.fail(scope, Some(rule), trouble, ""))
    }

    fn again(
        &self,
        host: &Host,
        rule: &Rule,
        trouble: &Trouble<'_>,
        tries: &mut Tries,
        max_halvings: u32,
    ) -> Result<Again, Failure> {
        let rest = self.rest(rule, trouble, tries.attempts);
        // Even an attempt that is the last tells us how long to stay away.
        if let Rest::TooLong(wait) = rest {
            let back_at = self.clock.now() + wait;
            if let Some(pace) = &host.pace {
                pace.pause(back_at);
            }
            return Err(self.closed(host, back_at));
        }
        let (wait, as_asked) = match rest {
            Rest::AsAsked(wait) => (wait, true),
            Rest::TooLong(wait) | Rest::Own(wait) => (wait, false),
        };
        if tries.attempts >= self.plan.http.retry.max_attempts {
            if rule.pause == Pause::Host {
                self.pause(host, wait);
            }
            let after = format!(" (given up after {} attempts)", tries.attempts);
            // A page that may come through in parts: one of its records may be why.
            let scope = match rule.shrink_page {
                true => FailureScope::Record,
                false => FailureScope::Partition,
            };
            return Err(self.fail(scope, Some(rule), trouble, &after));
        }
        let halved = rule.shrink_page && tries.halvings < max_halvings;
        tries.halvings += u32::from(halved);
        let reauthorise = rule.action == Action::Reauth;
        tries.reauthorised |= reauthorise;
        let (reason, what, label) =
            (trouble.reason.clone(), trouble.what.clone(), trouble.label.clone());
        let pause = rule.pause;
        Ok(Again { wait, pause, reauthorise, reason, what, label, as_asked, halved })
    }

    /// How long to wait: the first source of the rule that says something.
    fn rest(&self, rule: &Rule, trouble: &Trouble<'_>, attempts: u32) -> Rest {
        for source in &rule.wait {
            match source {
                Wait::Fixed(wait) => return Rest::Own(*wait),
                Wait::Backoff => break,
                Wait::Header { name, max } => {
                    let value = trouble
                        .situation
                        .headers
                        .iter()
                        .find(|(n, _)| n.eq_ignore_ascii_case(name))
                        .and_then(|(_, v)| retry_after::parse(v, trouble.date, self.clock.now()));
                    match (value, max) {
                        (Some(wait), Some(max)) if wait > *max => return Rest::TooLong(wait),
                        (Some(wait), _) => return Rest::AsAsked(wait),
                        (None, _) => {}
                    }
                }
            }
        }
        let mut random = fastrand::Rng::new();
        Rest::Own(backoff::wait(&self.plan.http.retry.backoff, attempts, &mut random))
    }

    /// Does what the ruling says, and returns when the next attempt is due.
    ///
    /// # Errors
    /// When the run is ending.
    pub(crate) async fn get_ready(&self, host: &Host, again: Again) -> Result<(), Failure> {
        self.observer.count_retry(&again.reason);
        let until = self.clock.now() + again.wait;
        let paced = host.pace.as_ref().filter(|_| again.pause == Pause::Host);
        // One line tells what others ask at the same time for the same reason.
        let is_told =
            paced.and_then(|pace| pace.paused()).is_some_and(|known| known + SAME >= until);
        if !is_told {
            self.observer.tell(&Event::Retry {
                request: &again.label,
                reason: &again.reason,
                what: &self.redactor.redact(&again.what),
                wait: again.wait,
                as_asked: again.as_asked,
                halved: again.halved,
            });
        }
        if again.reauthorise {
            self.reauthorise()?;
        }
        let wait = observe::Wait { until, reason: again.reason, as_asked: again.as_asked };
        if paced.is_some() {
            host.show_wait(wait);
            self.pause(host, again.wait);
            // The pause is waited for like anybody else's.
            return Ok(());
        }
        if let (Some(_), Some(track)) = (&host.pace, self.observer.board.labelled(&again.label)) {
            track.wait(wait);
        }
        self.wait(again.wait).await
    }

    /// Stops everything that goes to the host; nothing where it has no pace.
    fn pause(&self, host: &Host, wait: Duration) {
        let Some(pace) = &host.pace else { return };
        let until = self.clock.now() + wait;
        host.is_news(super::clock::time_of(super::clock::micros(until)));
        pace.pause(until);
    }

    /// The failure of a request: what, for what, which, and what to do.
    fn fail(
        &self,
        scope: FailureScope,
        rule: Option<&Rule>,
        trouble: &Trouble<'_>,
        after: &str,
    ) -> Failure {
        let Trouble { label, what, url, .. } = trouble;
        let mut message = format!("{label}: {what}{after} ({url})");
        if let Some(say) = rule.and_then(|rule| rule.say.as_ref()) {
            message = format!("{say} [{message}]");
        }
        Failure::Failed { scope, message: self.redactor.redact(&message).into_owned() }
    }
}

/// The name of a kind of reply in a spec.
pub(crate) fn kind_name(kind: ReplyKind) -> &'static str {
    match kind {
        ReplyKind::Html => "html",
        ReplyKind::Login => "login",
        ReplyKind::Empty => "empty",
        ReplyKind::Cut => "cut",
        ReplyKind::NotJson => "not_json",
    }
}
