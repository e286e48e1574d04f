//! The client: attempts at a request until one is good or a rule gives up.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use scrape_api::Fetch;
use serde_json::Value;
use tokio::sync::Semaphore;
use url::{Origin, Url};

use super::Stop;
use super::address::{shown, without_credentials};
use super::auth::{self, Credentials};
use super::breaker::Breaker;
use super::budget::Budget;
use super::call::{
    Call, ClientOptions, Described, Failure, FailureScope, Malformed, Reply, Sent, SetupError,
};
use super::classify::{refine, server_words};
use super::clock::{Clock, SystemClock, VirtualClock};
use super::condition::Situation;
use super::exchange::Outcome;
use super::host::Host;
use super::obey::says_nothing;
use super::pace::Pace;
use super::recording::{Recorder, Replay};
use super::redact::Redactor;
use super::ruling::{Tries, Trouble, kind_name};
use crate::observe::{Event, Observer, Wait};
use crate::plan::{self, Plan, ReplyKind};

/// The shortest pause of another process that is sat out, whatever the rules say.
const PATIENCE: Duration = Duration::from_secs(600);

/// Sends requests for a run. Cheap to clone; all clones share permits, pace,
/// breaker and counters.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) plan: Arc<Plan>,
    pub(crate) transport: Arc<dyn Fetch>,
    pub(crate) stop: Stop,
    pub(crate) observer: Arc<Observer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) permits: Semaphore,
    pub(crate) budget: Budget,
    pub(crate) credentials: RwLock<Credentials>,
    /// How often they were replaced by others.
    pub(crate) renewals: AtomicU64,
    pub(crate) redactor: Redactor,
    /// The servers that may be asked.
    pub(crate) origins: HashSet<Origin>,
    pub(crate) seq: AtomicI64,
    /// The longest pause that is sat out.
    pub(crate) patience: Duration,
    options: ClientOptions,
    recorder: Option<Arc<Recorder>>,
    pub(crate) replay: Option<Arc<Replay>>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// What a request is for, as far as sending it differs.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    Data,
    Robots,
    /// To learn whether something is there: these replies are answers as well.
    LookUp(&'a (dyn Fn(&Reply) -> bool + Sync)),
}

impl Purpose<'_> {
    fn is_data(self) -> bool {
        matches!(self, Self::Data)
    }

    fn is_robots(self) -> bool {
        matches!(self, Self::Robots)
    }

    /// Whether a reply that is no good one is an answer nevertheless.
    fn takes(self, reply: &Reply) -> bool {
        match self {
            Self::Data => false,
            Self::Robots => says_nothing(reply.status),
            Self::LookUp(answers) => answers(reply),
        }
    }
}

impl Client {
    /// A client for one run. Reads the secrets that the plan's `auth` uses
    /// (except under replay); sends nothing yet.
    ///
    /// # Errors
    /// A secret that is missing, a recording that cannot be opened.
    pub fn new(
        plan: Arc<Plan>,
        transport: Arc<dyn Fetch>,
        mut options: ClientOptions,
        stop: Stop,
        observer: Arc<Observer>,
    ) -> Result<Self, SetupError> {
        options.offline |= options.replay.is_some();
        let clock: Arc<dyn Clock> =
            if options.offline { Arc::new(VirtualClock::new()) } else { Arc::new(SystemClock) };
        Self::with_clock(plan, transport, options, stop, observer, clock)
    }

    pub(crate) fn with_clock(
        plan: Arc<Plan>,
        transport: Arc<dyn Fetch>,
        options: ClientOptions,
        stop: Stop,
        observer: Arc<Observer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let redactor = Redactor::default();
        if let Some(password) = plan.http.base_url.password() {
            redactor.add(password);
        }
        let credentials = if options.offline { None } else { auth::resolve(&plan, &redactor)? };
        let mut transport = transport;
        let mut recorder = None;
        let mut replay = None;
        if let Some(path) = &options.replay {
            let opened = Replay::open(path, &plan.http.base_url).map_err(SetupError)?;
            transport = replay.insert(Arc::new(opened)).clone();
        }
        if let Some(path) = &options.record {
            let auth_header = credentials.as_ref().map(|(name, _)| name.as_str());
            let base_url = &plan.http.base_url;
            let made = Recorder::create(path, transport, base_url, auth_header, redactor.clone())
                .map_err(|e| SetupError(cannot_record(path, &e)))?;
            transport = recorder.insert(Arc::new(made)).clone();
        }
        let concurrency = options.concurrency.unwrap_or(plan.http.concurrency).max(1);
        let shared = Shared {
            transport,
            stop,
            budget: Budget::new(plan.http.body_budget, observer.clone()),
            observer,
            clock,
            permits: Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS)),
            credentials: RwLock::new(credentials),
            renewals: AtomicU64::new(0),
            redactor,
            origins: plan.origins(),
            seq: AtomicI64::new(options.first_seq),
            patience: patience(&plan.http.on_response),
            options,
            recorder,
            replay,
            hosts: Mutex::default(),
            plan,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Sends a request until an attempt is good or a rule gives up.
    ///
    /// `build` makes the request from the number of times that its page size has
    /// been halved, which is at most `max_halvings`. `read` makes of a reply what
    /// it is wanted for, or says what it is instead, which the rules decide about.
    ///
    /// # Errors
    /// [`Failure`] says what it takes down.
    pub async fn send<T>(
        &self,
        build: impl Fn(u32) -> Call,
        max_halvings: u32,
        read: impl Fn(&Reply) -> Result<T, Malformed>,
    ) -> Result<Sent<T>, Failure> {
        self.shared.send(Purpose::Data, build, max_halvings, read).await
    }

    /// Sends a request to learn whether something is there: a reply for which
    /// `answers` holds is one, whatever its status.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn look_up<T>(
        &self,
        call: Call,
        answers: impl Fn(&Reply) -> bool + Sync,
        read: impl Fn(&Reply) -> Result<T, Malformed>,
    ) -> Result<Sent<T>, Failure> {
        self.shared.send(Purpose::LookUp(&answers), |_| call.clone(), 0, read).await
    }

    /// A call as people read it.
    ///
    /// # Errors
    /// When its address is none.
    pub fn described(&self, call: &Call) -> Result<Described, Failure> {
        let url = self.shared.url(call)?;
        let body = call.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
        Ok(Described {
            method: call.method.as_str(),
            url: self.shared.redactor.redact(&without_credentials(&url)).into_owned(),
            headers: self.shared.described_headers(call, &url),
            body: body.map(|body| self.shared.redactor.redact(&body).into_owned()),
        })
    }

    /// Keeps a small note of the engine's in the recording, with the next
    /// exchange; nothing where none is made.
    pub fn note(&self, note: Value) {
        if let Some(recorder) = &self.shared.recorder {
            recorder.note(note);
        }
    }

    /// The notes of the recording that is replayed, in order; none where none is.
    pub fn notes(&self) -> &[Value] {
        self.shared.replay.as_ref().map_or(&[], |replay| replay.notes())
    }

    /// Ends the recording, once nothing is sent any more.
    ///
    /// # Errors
    /// Where it is not whole.
    pub fn finish(&self) -> Result<(), SetupError> {
        self.shared.recorder.as_ref().map_or(Ok(()), |r| r.finish()).map_err(SetupError)
    }
}

impl Shared {
    pub(crate) async fn send<T>(
        &self,
        purpose: Purpose<'_>,
        build: impl Fn(u32) -> Call,
        max_halvings: u32,
        read: impl Fn(&Reply) -> Result<T, Malformed>,
    ) -> Result<Sent<T>, Failure> {
        let mut tries = Tries::default();
        loop {
            tries.attempts += 1;
            let call = build(tries.halvings);
            let url = self.url(&call)?;
            let host = self.host(&url);
            if !purpose.is_robots() {
                self.check_robots(&host, &call, &url).await?;
            }
            let renewals = self.renewals.load(Relaxed);
            let mut attempt = self.attempt(&host, &call, url.clone()).await?;
            let mut trouble = Trouble {
                situation: Situation::default(),
                what: String::new(),
                reason: String::new(),
                label: call.label.clone(),
                url: format!("{} {}", call.method.as_str(), shown(&url)),
                date: None,
            };
            if !purpose.is_data()
                && let Outcome::Login(reply, _) | Outcome::Refused(reply, _) = attempt.outcome
            {
                attempt.outcome = Outcome::Reply(reply);
            }
            let mut blame = false;
            match &attempt.outcome {
                Outcome::Reply(reply) => {
                    trouble.situation = Situation::of(reply);
                    trouble.date = reply.date;
                    let good = (200..300).contains(&reply.status);
                    let read = if good || purpose.takes(reply) {
                        read(reply).map_err(|malformed| refine(reply, malformed))
                    } else {
                        Err(Malformed { kind: ReplyKind::NotJson, message: String::new() })
                    };
                    match read {
                        Ok(value)
                            if purpose.is_robots()
                                || purpose.takes(reply)
                                || !self.has_rule(reply) =>
                        {
                            attempt.leave.succeeded();
                            if let Some(pace) = &host.pace {
                                pace.speed_up();
                            }
                            let (halvings, attempts) = (tries.halvings, tries.attempts);
                            let Outcome::Reply(reply) = attempt.outcome else { continue };
                            let hold = attempt.hold;
                            return Ok(Sent { value, reply, hold, halvings, attempts });
                        }
                        Err(malformed) if good => {
                            trouble.situation.reply = Some(malformed.kind);
                            trouble.reason = kind_name(malformed.kind).to_owned();
                            trouble.what = format!("the reply is {}", malformed.message);
                            blame = malformed.kind != ReplyKind::Login;
                        }
                        _ => {
                            trouble.reason = reply.status.to_string();
                            trouble.what = status_words(reply);
                            blame = reply.status >= 500;
                        }
                    }
                    if reply.status == 429
                        && let Some(pace) = &host.pace
                    {
                        pace.slow_down(attempt.sent);
                    }
                }
                Outcome::Login(reply, message) => {
                    trouble.situation =
                        Situation { reply: Some(ReplyKind::Login), ..Situation::of(reply) };
                    trouble.reason = kind_name(ReplyKind::Login).to_owned();
                    trouble.what = format!("the reply is {message}");
                }
                Outcome::Refused(reply, message) => {
                    trouble.situation = Situation::of(reply);
                    trouble.reason = reply.status.to_string();
                    trouble.what = format!("the reply is {message}");
                }
                Outcome::Failed(error) => {
                    trouble.situation.transport = Some(error.kind);
                    trouble.reason = error.kind.as_str().to_owned();
                    trouble.what = error.message.clone();
                    use scrape_api::FetchErrorKind::{TooLarge, Unanswerable};
                    blame = !matches!(error.kind, TooLarge | Unanswerable);
                }
            }
            if !blame {
                attempt.leave.succeeded();
            } else if let Some(pause) = attempt.leave.failed(self.clock.now()) {
                let failures = self.plan.http.breaker.failures;
                self.observer.tell(&Event::Breaker { host: &host.name, failures, wait: pause });
                let (until, reason) =
                    (self.clock.now() + pause, format!("{failures} failures in a row"));
                host.show_wait(Wait { until, reason, as_asked: false });
            }
            let ruling = self.rule(&host, &trouble, &mut tries, max_halvings);
            // The permit is let go before the wait.
            drop(attempt);
            self.get_ready(&host, ruling?, renewals).await?;
        }
    }

    /// Whether a rule is about this good reply.
    fn has_rule(&self, reply: &Reply) -> bool {
        let rules = &self.plan.http.on_response;
        rules.iter().any(|rule| rule.when.looks_at_good() && rule.when.holds_for(reply))
    }

    /// Waits, unless the run is ending first.
    pub(crate) async fn wait(&self, duration: Duration) -> Result<(), Failure> {
        if self.stop.is_requested() {
            return Err(Failure::Stopped);
        }
        let counters = &self.observer.counters;
        counters.wait(self.clock.now(), duration);
        tokio::select! {
            () = self.clock.sleep(duration) => Ok(()),
            () = self.stop.requested() => {
                counters.wait_no_more(self.clock.now());
                Err(Failure::Stopped)
            }
        }
    }

    /// Reads the secrets again: a file may hold a new token. Whether there are other
    /// credentials than when a request was sent, before which they had been renewed
    /// so often.
    pub(crate) fn reauthorise(&self, renewals: u64) -> Result<bool, Failure> {
        let made = auth::resolve(&self.plan, &self.redactor).map_err(|e| Failure::Failed {
            scope: FailureScope::Run,
            cause: e.to_string().into(),
        })?;
        let mut credentials = self.credentials.write().unwrap_or_else(PoisonError::into_inner);
        if *credentials != made {
            *credentials = made;
            self.renewals.fetch_add(1, Relaxed);
        }
        // Another request may have renewed them meanwhile.
        Ok(self.renewals.load(Relaxed) > renewals)
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let name = Host::name_of(url);
        let Ok(mut hosts) = self.hosts.lock() else { return Arc::new(self.new_host(name)) };
        hosts.entry(name).or_insert_with_key(|name| Arc::new(self.new_host(name.clone()))).clone()
    }

    fn new_host(&self, name: String) -> Host {
        let pace = (!self.options.offline).then(|| {
            Pace::new(
                &name,
                &self.plan.http.rate_limits,
                self.options.rate_limit,
                Some(&self.options.state_dir).filter(|d| !d.as_os_str().is_empty()).map(|d| &**d),
                self.clock.clone(),
                self.observer.clone(),
            )
        });
        Host::new(name, pace, Breaker::new(self.plan.http.breaker))
    }
}

fn cannot_record(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("the recording {path} exists already: delete it or name another")
        }
        _ => format!("the recording {path} cannot be written: {error}"),
    }
}

/// The longest wait that a rule sits out.
fn patience(rules: &[plan::Rule]) -> Duration {
    let waits = rules.iter().flat_map(|rule| &rule.wait).map(|wait| match wait {
        plan::Wait::Header { max, .. } => max.unwrap_or(Duration::MAX),
        plan::Wait::Fixed(wait) => *wait,
        plan::Wait::Backoff => Duration::ZERO,
    });
    waits.max().unwrap_or_default().max(PATIENCE)
}

/// A status in words, and what the server says.
fn status_words(reply: &Reply) -> String {
    let name = match reply.status {
        400 => " Bad Request",
        401 => " Unauthorized",
        403 => " Forbidden",
        404 => " Not Found",
        410 => " Gone",
        429 => " Too Many Requests",
        500 => " Internal Server Error",
        502 => " Bad Gateway",
        503 => " Service Unavailable",
        504 => " Gateway Timeout",
        _ => "",
    };
    // Some say no more than the status does.
    match server_words(&reply.body).filter(|said| !said.eq_ignore_ascii_case(name.trim())) {
        Some(said) => format!("{}{name}: {said}", reply.status),
        None => format!("{}{name}", reply.status),
    }
}
