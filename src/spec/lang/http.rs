//! `http:` and `preflight:`.

use std::time::Duration;

use scrape_api::{FetchErrorKind, Method};

use super::stream::RequestSpec;
use crate::spec::Span;
use crate::spec::decode::{Address, Cx, Decode, Many, Named, Period, Positive, Size, TemplateText};
use crate::spec::section::{Shape, choice, section, words};
use crate::spec::units::{self, Fault};
use crate::spec::yaml::{Data, Yaml};

section! {
    /// How requests are sent.
    "`http`" pub struct HttpSpec {
        /// Address that the paths of requests are joined to.
        base_url: Address,
        /// The header `User-Agent`.
        user_agent: String = "scrape/{{ version }}",
        /// Headers of every request.
        headers: Named<String>,
        /// Credentials.
        auth: AuthSpec = "{}",
        /// Whether robots.txt is obeyed.
        robots: Robots = "obey",
        /// How long to wait for the server.
        timeout: TimeoutSpec = "{}",
        /// Requests in flight.
        concurrency: Positive = "5",
        /// Limits on the number of requests; all hold at once.
        rate_limit: Vec<RateLimitSpec>,
        /// How often and when a request is repeated.
        retry: RetrySpec = "{}",
        /// When a host that fails is left alone for a while.
        breaker: BreakerSpec = "{}",
        /// The most bytes of a decoded reply.
        max_body: Size = "64MiB",
        /// Memory for the bodies of all replies in flight; one that is greater than a quarter of it comes on top.
        body_budget: Size = "32MiB",
        /// What to do about replies that are not as hoped, in order; the engine's own rules follow.
        on_response: Vec<RuleSpec>,
        /// The plugin that carries requests to the server, or answers them from elsewhere.
        transport: TransportSpec = "{}",
    }
}

section! {
    /// The plugin that carries requests. Other keys are options of the plugin.
    "`transport`" pub struct TransportSpec {
        /// Name of the plugin.
        kind as "type": FetchName = "http",
        ..options
    }
}

/// The name of a fetch plugin.
#[derive(Debug, Clone)]
pub struct FetchName {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Decode for FetchName {
    fn shape() -> Shape {
        Shape::Plugin(scrape_api::Kind::Fetch)
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        Self {
            name: cx.text(node, "the name of a fetch plugin").unwrap_or_default(),
            span: node.span,
        }
    }
    fn fallback(span: Span) -> Self {
        Self { name: String::new(), span }
    }
}

section! {
    /// Credentials, from `secrets`.
    "`auth`" pub struct AuthSpec {
        /// The kind of authentication.
        kind as "type": AuthKind = "none",
        /// User name or mail address.
        username for ["basic"]: TemplateText,
        /// Password or API token.
        password for ["basic"]: TemplateText,
        /// The token, as in `{{ secrets.token }}`.
        token for ["bearer"]: TemplateText,
        /// Name of the header.
        name for ["header"]: String,
        /// Value of the header, as in `{{ secrets.key }}`.
        value for ["header"]: TemplateText,
    }
}

choice! {
    /// The kinds of authentication.
    pub enum AuthKind {
        /// No credentials.
        None = "none",
        /// User name and password.
        Basic = "basic",
        /// A token after `Bearer`.
        Bearer = "bearer",
        /// A header of any name.
        Header = "header",
    }
}

choice! {
    /// What is done about robots.txt.
    pub enum Robots {
        /// Disallowed paths fail, crawl-delay slows down.
        Obey = "obey",
        /// It is not asked for.
        Ignore = "ignore",
    }
}

section! {
    /// How long to wait for the server.
    "`timeout`" pub struct TimeoutSpec {
        /// Time to establish a connection.
        connect: Duration = "10s",
        /// Time without a byte of a reply.
        read: Duration = "120s",
    }
}

section! {
    /// At most so many requests in a time. An hour or longer is a budget, kept across runs.
    "a rate limit" pub struct RateLimitSpec {
        /// How many requests.
        requests: Positive,
        /// In which time.
        per: Period,
    }
}

section! {
    /// How often and when a request is repeated.
    "`retry`" pub struct RetrySpec {
        /// Attempts in all, the first included.
        max_attempts: Positive = "6",
        /// The wait between attempts.
        backoff: BackoffSpec = "{}",
    }
}

section! {
    /// The wait between attempts where no rule says otherwise.
    "`backoff`" pub struct BackoffSpec {
        /// How waits grow.
        kind as "type": BackoffKind = "exponential",
        /// The first wait.
        initial: Duration = "1s",
        /// The longest wait.
        max for ["exponential"]: Duration = "60s",
        /// How a wait is randomised.
        jitter: Jitter = "full",
    }
}

choice! {
    /// How waits grow.
    pub enum BackoffKind {
        /// Twice as long each time.
        Exponential = "exponential",
        /// Always the same.
        Constant = "constant",
    }
}

choice! {
    /// How a wait is randomised.
    pub enum Jitter {
        /// Anywhere between 0 and the wait.
        Full = "full",
        /// Not at all.
        None = "none",
    }
}

section! {
    /// When a host that fails is left alone for a while.
    "`breaker`" pub struct BreakerSpec {
        /// Failed attempts in a row.
        failures: Positive = "20",
        /// How long nothing is sent.
        pause: Duration = "60s",
    }
}

section! {
    /// What to do about a reply; the first rule that matches wins.
    "a rule" pub struct RuleSpec {
        /// What it applies to.
        when as "if": ConditionSpec,
        /// What is done.
        action as "do": Action,
        /// What waits, when the request is repeated.
        pause: Pause = "request",
        /// Where the wait comes from: the first that gives one, else the backoff.
        wait: Many<WaitSpec>,
        /// Whether the next attempt asks for half a page.
        shrink_page: bool = "false",
        /// What to tell the user.
        say: Option<String>,
    }
}

section! {
    /// What a rule or a check applies to: every key that is given must hold.
    "a condition" pub struct ConditionSpec {
        /// Status codes: `429`, or `4xx` for a hundred of them.
        status: Many<StatusPattern>,
        /// Failures below HTTP.
        transport: Many<FetchErrorKind>,
        /// Replies that are not what they claim to be.
        reply: Many<ReplyKind>,
        /// A glob over the whole body: `*` and `?`, whatever case.
        body: Option<String>,
        /// Names of headers, and globs over their values.
        header: Named<String>,
        /// JSONPaths into the body, and a glob over, or the value of, what they select.
        json: Named<Yaml>,
    }
}

choice! {
    /// What a rule does.
    pub enum Action {
        /// Send it again.
        Retry = "retry",
        /// The key continued from is gone: take the next lower one known.
        PreviousKey = "previous_key",
        /// There is no more: end the partition as if the page had been empty.
        End = "end",
        /// Give up this record, go on with the next.
        RejectRecord = "reject_record",
        /// Give up this partition, the others go on.
        FailPartition = "fail_partition",
        /// Give up the run.
        FailRun = "fail_run",
        /// Authenticate anew, then send it again.
        Reauth = "reauth",
    }
}

choice! {
    /// What waits before a retry.
    pub enum Pause {
        /// This request.
        Request = "request",
        /// Everything that goes to the host, in all processes.
        Host = "host",
    }
}

choice! {
    /// A reply with a good status that is no answer.
    pub enum ReplyKind {
        /// HTML where JSON was asked for: maintenance, a proxy.
        Html = "html",
        /// A login page, or a redirect to one.
        Login = "login",
        /// No body.
        Empty = "empty",
        /// JSON that ends too early.
        Cut = "cut",
        /// Not JSON.
        NotJson = "not_json",
    }
}

words!(FetchErrorKind {
    "connect": [" No connection."] => FetchErrorKind::Connect,
    "timeout": [" A time-out."] => FetchErrorKind::Timeout,
    "reset": [" The connection ended before the reply."] => FetchErrorKind::Reset,
    "truncated": [" The body is shorter than announced."] => FetchErrorKind::Truncated,
    "tls": [" The TLS handshake failed."] => FetchErrorKind::Tls,
    "too_large": [" The body is longer than `max_body`."] => FetchErrorKind::TooLarge,
});

words!(Method {
    "GET": [" Reads."] => Method::Get,
    "POST": [" Reads by a query in the body."] => Method::Post,
});

/// `429` or `4xx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPattern {
    /// One code.
    Exact(u16),
    /// A hundred of them, by the first digit.
    Class(u16),
}

impl StatusPattern {
    /// Whether a code is meant.
    pub fn matches(self, status: u16) -> bool {
        match self {
            Self::Exact(code) => code == status,
            Self::Class(first) => status / 100 == first,
        }
    }
}

impl Decode for StatusPattern {
    fn shape() -> Shape {
        Shape::Text
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        let expected = "a status such as `429` or `4xx`";
        let parsed = cx.checked(node, expected, |text| {
            let class = text.strip_suffix("xx").and_then(|d| d.parse().ok());
            match (class, text.parse::<u16>()) {
                (Some(first @ 1..=5), _) => Ok(Self::Class(first)),
                (_, Ok(code @ 100..=599)) => Ok(Self::Exact(code)),
                _ => {
                    let fault = Fault::from(format!("expected {expected}, found `{text}`"));
                    let class = text.chars().next().filter(|c| matches!(c, '1'..='5'));
                    // `5XX`, `4**`, `400-499`
                    Err(match class.filter(|_| text.len() > 2) {
                        Some(first) => fault.hint(format!("{first}xx")),
                        None => fault,
                    })
                }
            }
        });
        parsed.unwrap_or_else(|| Self::fallback(node.span))
    }
    fn fallback(_: Span) -> Self {
        Self::Exact(599)
    }
}

/// Where a wait comes from.
#[derive(Debug, Clone)]
pub enum WaitSpec {
    /// `{ header: Retry-After, max: 10m }`
    Header(HeaderWaitSpec),
    /// `30s`
    Fixed(Duration),
    /// `backoff`
    Backoff,
}

section! {
    /// A wait that a header names, in seconds or as a date.
    "a wait" pub struct HeaderWaitSpec {
        /// Name of the header.
        header: String,
        /// The longest wait to sit out; above it the host's partitions stop.
        max: Option<Duration>,
    }
}

impl Decode for WaitSpec {
    fn shape() -> Shape {
        Shape::OneOf(&[HeaderWaitSpec::shape, Duration::shape, || {
            Shape::Choice(&[("backoff", &[" As `retry.backoff` says."])])
        }])
    }
    fn decode(node: &Yaml, cx: &mut Cx) -> Self {
        match &node.data {
            Data::Map(_) => Self::Header(HeaderWaitSpec::decode(node, cx)),
            Data::Scalar(scalar) if scalar.text == "backoff" => Self::Backoff,
            _ => {
                let expected = "a duration, `backoff` or `{ header: NAME }`";
                cx.checked(node, expected, units::duration).map_or(Self::Backoff, Self::Fixed)
            }
        }
    }
    fn fallback(_: Span) -> Self {
        Self::Backoff
    }
}

section! {
    /// A check before the first page.
    "a preflight check" pub struct PreflightSpec {
        /// Its name in messages.
        name: String,
        /// The request whose reply is checked.
        request: RequestSpec,
        /// Any that holds fails the run.
        fail_if: Vec<CheckSpec>,
    }
}

section! {
    /// What fails a run.
    "an entry of `fail_if`" pub struct CheckSpec {
        /// What fails.
        condition as "if": ConditionSpec,
        /// Whether the check applies at all; sees `params` and `auth`.
        when: Option<TemplateText>,
        /// What to tell the user.
        say: String,
    }
}
