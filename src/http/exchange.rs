//! One attempt: leave to send, credentials, transport, redirects, repair.

use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use scrape_api::{Bytes, FetchError, FetchErrorKind, Method, Request, Response, Room};
use tokio::sync::SemaphorePermit;
use tracing::{debug, trace};
use url::Url;

use super::address::without_credentials;
use super::breaker::Leave;
use super::budget::Hold;
use super::call::{Call, Failure, FailureScope, Packed, Reply};
use super::cause::Cause;
use super::client::Shared;
use super::host::Host;
use super::pace::Held;
use super::redact::REDACTED;
use super::redirect::{self, Step};
use super::repair::repair;
use crate::kill;
use crate::observe::{Event, Wait, words};
use crate::plan::Auth;

/// What an attempt brought, and the leave to send that it holds until the reply
/// has been read.
pub(crate) struct Attempt<'a> {
    pub(crate) outcome: Outcome,
    /// When it was sent.
    pub(crate) sent: SystemTime,
    pub(crate) leave: Leave<'a>,
    /// What the reply takes of the memory for bodies.
    pub(crate) hold: Hold,
    _permit: SemaphorePermit<'a>,
}

/// What came back.
pub(crate) enum Outcome {
    /// A response of any status.
    Reply(Reply),
    /// A redirect to a login page.
    Login(Reply, String),
    /// A redirect that is not followed, and why.
    Refused(Reply, String),
    /// No response.
    Failed(FetchError),
}

impl Shared {
    /// Sends one request when it is time.
    ///
    /// # Errors
    /// When it cannot be sent now: the run is ending, or the host is closed.
    pub(crate) async fn attempt<'a>(
        &'a self,
        host: &'a Host,
        call: &Call,
        url: Url,
    ) -> Result<Attempt<'a>, Failure> {
        let (permit, leave) = self.admit(host).await?;
        let sent = self.clock.now();
        let hold = self.budget.hold();
        let outcome = self.follow(host, call, url, &hold).await?;
        Ok(Attempt { outcome, sent, leave, hold, _permit: permit })
    }

    /// Waits until the host may be asked. The permit is taken last, and let go
    /// while a wait is long.
    async fn admit<'a>(
        &'a self,
        host: &'a Host,
    ) -> Result<(SemaphorePermit<'a>, Leave<'a>), Failure> {
        loop {
            if let Some(until) = host.pace.as_ref().and_then(|pace| pace.paused()) {
                self.sit_out(host, until).await?;
                continue;
            }
            let permit = tokio::select! {
                permit = self.permits.acquire() => permit.map_err(|_| Failure::Stopped)?,
                () = self.stop.requested() => return Err(Failure::Stopped),
            };
            if self.stop.is_requested() {
                return Err(Failure::Stopped);
            }
            let leave = match host.breaker.enter(self.clock.now()) {
                Ok(leave) => leave,
                Err(rest) => {
                    drop(permit);
                    self.wait(rest).await?;
                    continue;
                }
            };
            match self.slot(host).await {
                // Others may have failed while this one waited for its turn.
                Ok(()) if leave.is_void() => {}
                Ok(()) => return Ok((permit, leave)),
                Err(Held::Paused(_)) => {}
                Err(held) => return Err(self.held(host, held)),
            }
        }
    }

    async fn slot(&self, host: &Host) -> Result<(), Held> {
        match &host.pace {
            Some(pace) => pace.slot(&self.stop).await,
            None => Ok(()),
        }
    }

    fn held(&self, host: &Host, held: Held) -> Failure {
        match held {
            Held::Stopped => Failure::Stopped,
            Held::Paused(back_at) => self.closed(host, back_at),
            Held::Budget(budget, back_at) => Failure::Failed {
                scope: FailureScope::Host { back_at },
                cause: Cause::from(format!(
                    "the budget of {} requests in {} for {} is used up; go on with --resume after {}",
                    budget.requests,
                    words::duration(budget.per),
                    host.name,
                    httpdate::fmt_http_date(back_at)
                )),
            },
        }
    }

    /// Waits for the end of a pause, where that is not longer than any rule would
    /// have waited.
    async fn sit_out(&self, host: &Host, until: SystemTime) -> Result<(), Failure> {
        let rest = until.duration_since(self.clock.now()).unwrap_or_default();
        if rest > self.patience {
            return Err(self.closed(host, until));
        }
        if host.is_news(until) {
            self.observer.tell(&Event::Wait { host: &host.name, wait: rest });
            let reason = String::from("asked to wait before");
            host.show_wait(Wait { until, reason, as_asked: true });
        }
        self.wait(rest).await
    }

    /// The failure of everything that goes to a host which must not be asked for
    /// longer than we wait.
    pub(crate) fn closed(&self, host: &Host, back_at: SystemTime) -> Failure {
        Failure::Failed {
            scope: FailureScope::Host { back_at },
            cause: Cause::from(format!(
                "{} asks not to be asked again before {}; go on with --resume after that",
                host.name,
                httpdate::fmt_http_date(back_at)
            )),
        }
    }

    /// Sends a request and follows redirects; each counts as a request.
    async fn follow(
        &self,
        host: &Host,
        call: &Call,
        mut url: Url,
        hold: &Hold,
    ) -> Result<Outcome, Failure> {
        let mut hops = 0;
        loop {
            let (seq, response) = self.exchange(call, &url, hold).await;
            let response = match response {
                Ok(response) => response,
                Err(error) => return Ok(Outcome::Failed(error)),
            };
            let location = response.header("location").map(|l| self.translated(l, &url));
            let get = call.method == Method::Get;
            let step = redirect::step(response.status, location.as_deref(), &url, get, hops);
            match step {
                Step::None => return Ok(Outcome::Reply(self.reply(seq, &url, response))),
                Step::Login(to) => {
                    let message = format!("a redirect to the login page {}", without_query(&to));
                    return Ok(Outcome::Login(self.reply(seq, &url, response), message));
                }
                Step::Refuse(message) => {
                    return Ok(Outcome::Refused(self.reply(seq, &url, response), message));
                }
                Step::Follow(to) => {
                    if let Some(pattern) = self.forbidden(host, &to) {
                        let message = format!(
                            "a redirect to {}, which robots.txt forbids (Disallow: {pattern})",
                            without_query(&to)
                        );
                        return Ok(Outcome::Refused(self.reply(seq, &url, response), message));
                    }
                    url = to;
                    hops += 1;
                    loop {
                        match self.slot(host).await {
                            Ok(()) => break,
                            Err(Held::Paused(until)) => self.sit_out(host, until).await?,
                            Err(held) => return Err(self.held(host, held)),
                        }
                    }
                }
            }
        }
    }

    async fn exchange(
        &self,
        call: &Call,
        url: &Url,
        hold: &Hold,
    ) -> (i64, Result<Response, FetchError>) {
        use std::sync::atomic::Ordering::Relaxed;
        let seq = self.seq.fetch_add(1, Relaxed);
        self.observer.counters.requests.fetch_add(1, Relaxed);
        let mut request = Request::get(url.to_string());
        request.method = call.method;
        request.headers = self.headers(call, url);
        request.body = call.body.clone();
        request.max_body = self.plan.http.max_body;
        request.room = Room::new(hold.grant());
        let shown = self.redactor.redact(&request.url).into_owned();
        for (name, value) in &request.headers {
            trace!(seq, "> {name}: {}", self.told(name, value));
        }
        let begun = Instant::now();
        kill::point("request");
        let mut result = self.transport.fetch(request).await;
        kill::point("reply");
        let (method, label, took) = (call.method.as_str(), &call.label, begun.elapsed());
        match &result {
            Ok(response) => {
                let (status, bytes) = (response.status, response.body.len());
                debug!(seq, "{label}: {method} {shown}: {status}, {bytes} bytes in {took:.0?}");
                for (name, value) in &response.headers {
                    trace!(seq, "< {name}: {}", self.told(name, value));
                }
            }
            Err(error) => {
                debug!(seq, "{label}: {method} {shown}: {} in {took:.0?}", error.kind.as_str());
            }
        }
        if let Ok(response) = &result {
            let length = response.body.len() as u64;
            self.observer.counters.bytes.fetch_add(length, Relaxed);
            // For transports that do not keep budget and limit themselves.
            let packed = response.gzip.as_ref().map_or(0, Bytes::len) as u64;
            hold.grow(length.saturating_add(packed)).await;
            if length > self.plan.http.max_body {
                result = Err(FetchError::new(
                    FetchErrorKind::TooLarge,
                    format!("the body is longer than {} bytes", self.plan.http.max_body),
                ));
            }
        }
        (seq, result)
    }

    /// A header's value as the log may tell it.
    fn told<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        if is_secret(name) {
            return Cow::Borrowed(REDACTED);
        }
        self.redactor.redact(value)
    }

    /// The headers of a call as people read them. Under replay there are no
    /// credentials, but the server would be sent some.
    pub(crate) fn described_headers(&self, call: &Call, url: &Url) -> Vec<(String, String)> {
        let plan = &self.plan.http;
        let secret = match &plan.auth {
            Auth::None => None,
            Auth::Basic { .. } | Auth::Bearer { .. } => Some("Authorization"),
            Auth::Header { name, .. } => Some(name.as_str()),
        };
        let mut headers = self.headers(call, url);
        for (name, value) in &mut headers {
            *value = self.told(name, value).into_owned();
        }
        if let Some(secret) = secret.filter(|_| redirect::same_host(&plan.base_url, url)) {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case(secret));
            headers.push((secret.to_owned(), REDACTED.to_owned()));
        }
        headers
    }

    /// A later header replaces an earlier one of its name.
    fn headers(&self, call: &Call, url: &Url) -> Vec<(String, String)> {
        let plan = &self.plan.http;
        let mut headers = vec![("User-Agent".to_owned(), plan.user_agent.clone())];
        let mut set = |name: &str, value: &str| {
            headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
            headers.push((name.to_owned(), value.to_owned()));
        };
        if call.body.is_some() {
            set("Content-Type", "application/json");
        }
        let own = redirect::same_host(&plan.base_url, url);
        for (name, value) in plan.headers.iter().chain(&call.headers) {
            // A link may lead to a host that is not the spec's.
            if own || !is_secret(name) {
                set(name, value);
            }
        }
        if own
            && let Ok(credentials) = self.credentials.read()
            && let Some((name, value)) = &*credentials
        {
            set(name, value);
        }
        headers
    }

    fn reply(&self, seq: i64, url: &Url, response: Response) -> Reply {
        let repaired = repair(&response.body);
        let Response { body: whole, gzip, .. } = response;
        let is_mended = repaired.mended > 0;
        let packed = gzip.filter(|_| !is_mended && !self.redactor.finds(&whole));
        let packed = packed.map(|gzip| Packed { gzip, whole: whole.clone() });
        let original = is_mended.then_some(whole);
        self.observer
            .counters
            .repairs
            .fetch_add(repaired.mended, std::sync::atomic::Ordering::Relaxed);
        let date = response
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("date"))
            .and_then(|(_, value)| httpdate::parse_http_date(value).ok());
        Reply {
            status: response.status,
            headers: response.headers,
            body: repaired.body,
            original,
            packed,
            url: self.redactor.redact(&without_credentials(url)).into_owned(),
            seq,
            date,
        }
    }
}

fn without_query(url: &Url) -> String {
    url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Headers whose values are told to nobody, whatever they are.
fn is_secret(name: &str) -> bool {
    let secret = ["authorization", "cookie", "set-cookie", "proxy-authorization"];
    secret.iter().any(|s| name.eq_ignore_ascii_case(s))
}
