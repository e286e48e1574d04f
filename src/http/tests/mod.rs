//! The client over a scripted transport, on a clock that moves only when all
//! tasks wait.

mod conditions;
mod credentials;
mod pacing;
mod retrying;
mod robots;
mod server;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use scrape_api::{BoxFuture, Bytes, Fetch, FetchError, FetchErrorKind, Method, Request, Response};
use serde_json::Value;
use url::Url;

use super::clock::Clock;
use super::*;
use crate::observe::{Observer, Voice};
use crate::plan::{
    Auth, Backoff, Breaker, Env, HttpPlan, Jitter, Plan, Retry, Robots, Rule, engine_rules,
};

/// A clock for one thread: a sleeper that is the first to be due moves it, once
/// nobody else had anything to do.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<Mutex<Times>>);

struct Times {
    now: SystemTime,
    /// How much longer than asked for every sleep is.
    late: Duration,
    sleepers: BTreeMap<u64, SystemTime>,
    next: u64,
}

/// 2026-01-01T00:00:00Z, in seconds.
pub(crate) const START: u64 = 1_767_225_600;

impl TestClock {
    pub(crate) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(START);
        Self(Arc::new(Mutex::new(Times {
            now,
            late: Duration::ZERO,
            sleepers: BTreeMap::new(),
            next: 0,
        })))
    }

    pub(crate) fn set(&self, now: SystemTime) {
        self.0.lock().unwrap().now = now;
    }

    /// Makes every sleep longer than asked for.
    pub(crate) fn oversleep(&self, late: Duration) {
        self.0.lock().unwrap().late = late;
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        seconds(self.now())
    }
}

pub(crate) fn seconds(time: SystemTime) -> f64 {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(START);
    time.duration_since(start).unwrap().as_secs_f64()
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        self.0.lock().unwrap().now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        struct Asleep(TestClock, u64);
        impl Drop for Asleep {
            fn drop(&mut self) {
                self.0.0.lock().unwrap().sleepers.remove(&self.1);
            }
        }
        let (asleep, due) = {
            let mut times = self.0.lock().unwrap();
            let (id, due) = (times.next, times.now + duration + times.late);
            times.next += 1;
            times.sleepers.insert(id, due);
            (Asleep(self.clone(), id), due)
        };
        Box::pin(async move {
            loop {
                for _ in 0..30 {
                    if asleep.0.now() >= due {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
                let mut times = asleep.0.0.lock().unwrap();
                if times.sleepers.values().all(|other| *other >= due) {
                    times.now = times.now.max(due);
                }
            }
        })
    }
}

type Answer = Result<Response, FetchError>;
type Handler = dyn Fn(&Request, usize) -> Answer + Send + Sync;

/// A transport that answers by a function of the request and its number (from 0).
pub(crate) struct Scripted {
    handler: Box<Handler>,
    clock: TestClock,
    latency: Duration,
    log: Mutex<Vec<(f64, Request)>>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
}

impl Scripted {
    /// When each request came, and what it was.
    pub(crate) fn log(&self) -> Vec<(f64, Request)> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn times(&self) -> Vec<f64> {
        self.log().iter().map(|(at, _)| *at).collect()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let path =
            |r: &Request| Url::parse(&r.url).unwrap()[url::Position::BeforePath..].to_owned();
        self.log().iter().map(|(_, r)| path(r)).collect()
    }

    /// The most requests at a time.
    pub(crate) fn most(&self) -> usize {
        self.most.load(SeqCst)
    }
}

impl Fetch for Scripted {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let number = {
                let mut log = self.log.lock().unwrap();
                log.push((self.clock.seconds(), request.clone()));
                log.len() - 1
            };
            let now = self.in_flight.fetch_add(1, SeqCst) + 1;
            self.most.fetch_max(now, SeqCst);
            if !self.latency.is_zero() {
                self.clock.sleep(self.latency).await;
            }
            let answer = (self.handler)(&request, number);
            self.in_flight.fetch_sub(1, SeqCst);
            answer
        })
    }
}

/// A response with a JSON body.
pub(crate) fn json(body: &str) -> Answer {
    response(200, &[("content-type", "application/json")], body)
}

pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Ok(Response::new(status, headers, Bytes::copy_from_slice(body.as_bytes())))
}

pub(crate) fn failure(kind: FetchErrorKind) -> Answer {
    Err(FetchError::new(kind, format!("scripted {}", kind.as_str())))
}

/// A client and what it stands on.
pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) wire: Arc<Scripted>,
    pub(crate) clock: TestClock,
    pub(crate) observer: Arc<Observer>,
    pub(crate) stop: Stop,
}

/// What a bench is made of; tests change what they are about.
pub(crate) struct Setup {
    pub(crate) http: HttpPlan,
    pub(crate) env: Env,
    pub(crate) params: serde_json::Map<String, Value>,
    pub(crate) options: ClientOptions,
    pub(crate) clock: TestClock,
    pub(crate) latency: Duration,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            http: HttpPlan {
                base_url: Url::parse("http://h.example/jira").unwrap(),
                transport: None,
                user_agent: "scrape/test".into(),
                headers: vec![("Accept".into(), "application/json".into())],
                auth: Auth::None,
                secrets: Vec::new(),
                robots: Robots::Ignore,
                concurrency: 8,
                rate_limits: Vec::new(),
                retry: Retry {
                    max_attempts: 4,
                    backoff: Backoff {
                        initial: Duration::from_secs(1),
                        max: Duration::from_secs(60),
                        jitter: Jitter::None,
                        exponential: true,
                    },
                },
                breaker: Breaker { failures: 100, pause: Duration::from_secs(30) },
                max_body: 1 << 20,
                body_budget: 32 << 20,
                on_response: engine_rules(),
            },
            env: Env::new(),
            params: serde_json::Map::new(),
            options: ClientOptions::default(),
            clock: TestClock::new(),
            latency: Duration::ZERO,
        }
    }

    pub(crate) fn rule(mut self, rule: Rule) -> Self {
        self.http.on_response.insert(0, rule);
        self
    }

    pub(crate) fn try_start(
        self,
        handler: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> Result<Bench, SetupError> {
        let wire = Arc::new(Scripted {
            handler: Box::new(handler),
            clock: self.clock.clone(),
            latency: self.latency,
            log: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let clock = self.clock.clone();
        let (client, observer, stop) = self.over(wire.clone(), Arc::new(clock.clone()))?;
        Ok(Bench { client, wire, clock, observer, stop })
    }

    /// A client over another transport and clock.
    pub(crate) fn over(
        self,
        transport: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Client, Arc<Observer>, Stop), SetupError> {
        let plan = Arc::new(Plan {
            name: "test".into(),
            description: String::new(),
            spec_file: "test.yaml".into(),
            params: self.params,
            env: Arc::new(self.env),
            http: self.http,
            preflight: Vec::new(),
            streams: Vec::new(),
            transforms: Vec::new(),
            tasks: Vec::new(),
            sinks: Vec::new(),
            sources: Arc::default(),
            fingerprints: crate::plan::Fingerprints::default(),
        });
        let observer = Arc::new(Observer::new(Voice::Quiet));
        let stop = Stop::default();
        let client = Client::with_clock(
            plan,
            transport,
            self.options,
            stop.clone(),
            observer.clone(),
            clock,
        )?;
        Ok((client, observer, stop))
    }

    pub(crate) fn start(
        self,
        handler: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> Bench {
        self.try_start(handler).unwrap()
    }
}

/// A `GET` below the base URL.
pub(crate) fn get(path: &str) -> Call {
    Call {
        method: Method::Get,
        target: Target::Path(path.to_owned()),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        label: "issues KAFKA".into(),
    }
}

/// Reads JSON, as the collector does.
pub(crate) fn parse(reply: &Reply) -> Result<Value, Malformed> {
    serde_json::from_slice(&reply.body).map_err(|e| Malformed::from_json(&e))
}

impl Bench {
    pub(crate) async fn get(&self, path: &str) -> Result<Sent<Value>, Failure> {
        self.client.send(|_| get(path), 0, parse).await
    }
}

/// The scope and the words of a failure.
pub(crate) fn failed<T: std::fmt::Debug>(result: Result<T, Failure>) -> (FailureScope, String) {
    match result {
        Err(Failure::Failed { scope, cause }) => (scope, cause.text),
        other => panic!("not a failure with words: {other:?}"),
    }
}
