//! Accepts connections and answers their requests one after another.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::{TcpListener, TcpStream};

use crate::faults::Fault;
use crate::http::{Delivery, Reply, Request, compress, read_request};
use crate::random::{hash, mix};
use crate::stats::RequestRecord;

use super::state::{Shared, lock};
use super::{auth, control, route, strike};

/// Serves until the server is shut down.
pub(crate) async fn serve(mut listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let address = listener.local_addr()?;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of file descriptors, or gone already: the next one may do better.
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                shared.log().connection();
                tokio::spawn(connection(stream, shared.clone()));
            }
            () = shared.went_offline.notified() => {
                drop(listener);
                while let Some(until) = offline_until(&shared) {
                    tokio::time::sleep_until(until.into()).await;
                }
                listener = TcpListener::bind(address).await?;
            }
            () = shared.shutdown.notified() => return Ok(()),
        }
    }
}

/// Until when connections are refused, if they are.
fn offline_until(shared: &Shared) -> Option<Instant> {
    let mut until = lock(&shared.offline_until);
    *until = until.filter(|end| *end > Instant::now());
    *until
}

async fn connection(mut stream: TcpStream, shared: Arc<Shared>) {
    // Replies are written whole; waiting for more would only delay them.
    _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(8 << 10);
    while let Ok(Some(request)) = read_request(&mut stream, &mut buffer).await {
        if offline_until(&shared).is_some() {
            _ = stream.set_zero_linger();
            return;
        }
        match exchange(&mut stream, &shared, &request).await {
            Ok(true) => {}
            _ => return,
        }
    }
}

/// Answers one request; true if the connection can be used again.
async fn exchange(
    stream: &mut TcpStream,
    shared: &Arc<Shared>,
    request: &Request,
) -> io::Result<bool> {
    if request.path.starts_with("/_control") {
        let (_, again) =
            control::answer(shared, request).send(stream, request.keep_alive, || ()).await?;
        return Ok(again);
    }
    let identity = identity(request);
    let route = route::of(&shared.config(), request);
    let begun = shared.log().begin(record(request, route.name()), identity);
    let mut end = End { shared, begun, status: 0, fault: None, done: false };
    let latency = shared.config().latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let (mut reply, fault) = answer(shared, request, &route, identity);
    end.fault = fault;
    let accept = request.header("accept-encoding").unwrap_or("");
    let packed = match reply.encoding {
        Some(_) => None,
        None => compress(&shared.config().encodings, accept, &reply.body),
    };
    if let Some((name, packed)) = packed {
        reply.encoding = Some(name);
        reply.body = packed;
    }
    let cut = matches!(reply.delivery, Delivery::NoReply | Delivery::CutInHead);
    end.status = if cut { 0 } else { reply.status };
    let told = reply.headers.iter().find(|(name, _)| *name == "Retry-After");
    let wait = told.and_then(|(_, value)| wait_of(value));
    if let Some(wait) = wait.filter(|w| !w.is_zero()) {
        shared.log().told_to_wait(wait);
    }
    let sent = reply.send(stream, request.keep_alive, || end.answered()).await;
    let (bytes, again) = sent?;
    shared.log().sent(begun, bytes);
    Ok(again)
}

/// Ends a request in the log, at the latest when it goes out of scope: also when
/// the client goes away in the middle.
struct End<'a> {
    shared: &'a Shared,
    begun: (Instant, usize),
    status: u16,
    fault: Option<Fault>,
    done: bool,
}

impl End<'_> {
    fn answered(&mut self) {
        if !self.done {
            self.done = true;
            self.shared.log().answered(self.begun, self.status, self.fault);
        }
    }
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.answered();
    }
}

/// The reply, fault included.
fn answer(
    shared: &Shared,
    request: &Request,
    route: &route::Route,
    identity: u64,
) -> (Reply, Option<Fault>) {
    let config = shared.config().clone();
    let limited = config.limit_rps.and_then(|rps| lock(&shared.bucket).take(rps));
    if let Some(reply) = limited {
        return (common(shared, request, reply, "anonymous"), None);
    }
    let shown = shown(request);
    let fault = lock(&shared.faults).strike(
        &config.faults,
        config.seed,
        identity,
        &shown,
        route.is_search(),
    );
    if let Some(reply) = fault.and_then(|f| strike::instead(&config, request, f)) {
        return (common(shared, request, reply, "anonymous"), fault);
    }
    let user = auth::identify(shared, &config, request);
    let (mut reply, user) = match user {
        Ok(user) => (route.reply(shared, &config, request, &user, fault), user),
        Err(refused) => (refused, "anonymous".to_owned()),
    };
    if let Some(fault) = fault {
        strike::deliver(&config, &mut reply, fault);
    }
    let mut reply = common(shared, request, reply, &user);
    if user != "anonymous" {
        reply = reply.with("X-Seraph-LoginReason", "OK");
    }
    (reply, fault)
}

/// Adds the headers that every reply of Jira has.
fn common(shared: &Shared, request: &Request, reply: Reply, user: &str) -> Reply {
    let serial = shared.sessions.fetch_add(1, Ordering::Relaxed);
    let mut reply = reply
        .with("X-AREQUESTID", format!("{}x{serial}x1", now_minutes()))
        .with("X-ANODEID", "node1")
        .with("X-AUSERNAME", user)
        .with("X-Content-Type-Options", "nosniff")
        .with("Cache-Control", "no-cache, no-store, no-transform")
        .with("Vary", "User-Agent, Accept-Encoding");
    if !request.header("cookie").is_some_and(|c| c.contains("JSESSIONID=")) {
        shared.log().session();
        let session = mix(serial, 0x6a73_6573);
        reply = reply
            .with("X-ASESSIONID", format!("{:x}", session >> 40))
            .with(
                "Set-Cookie",
                format!("atlassian.xsrf.token=STND-{:x}_lout; Path=/", session >> 20),
            )
            .with("Set-Cookie", format!("JSESSIONID={session:032X}; Path=/; HttpOnly"));
    }
    reply
}

fn now_minutes() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_secs() / 60 % 1440)
}

/// Two requests are the same if method, path, parameters (in any order) and body are.
fn identity(request: &Request) -> u64 {
    let mut query: Vec<_> = request.query.iter().collect();
    query.sort_unstable();
    let text = format!("{} {} {query:?}", request.method, request.path);
    mix(hash(text.as_bytes()), hash(&request.body))
}

/// What globs are compared with.
fn shown(request: &Request) -> String {
    let query: Vec<String> =
        request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let body = String::from_utf8_lossy(&request.body);
    format!("{} {}{mark}{} {body}", request.method, request.path, query.join("&"))
        .trim_end()
        .to_owned()
}

fn record(request: &Request, route: &'static str) -> RequestRecord {
    RequestRecord {
        at_ms: 0.0,
        unix_ms: 0,
        method: request.method.clone(),
        target: request.target.clone(),
        route,
        status: 0,
        fault: None,
        in_flight: 0,
        inside_retry_after: false,
        bytes: 0,
        took_ms: 0.0,
        user_agent: request.header("user-agent").unwrap_or("").to_owned(),
        credentials: request.header("authorization").is_some(),
    }
}

/// How long a `Retry-After` of seconds or of a date means from now on.
fn wait_of(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok()
}
