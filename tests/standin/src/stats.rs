//! What the server saw: every request with its time, and the sums.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::faults::Fault;
use crate::time::now_ms;

/// Requests that come within this time after a `Retry-After` was sent may have
/// been on their way already; they are not held against the client.
const ON_THEIR_WAY: Duration = Duration::from_millis(50);
/// The log ends after so many requests; the sums go on.
const MAX_LOG: usize = 1_000_000;

/// One request that was answered (or was to be).
#[derive(Debug, Clone, Serialize)]
pub struct RequestRecord {
    /// When it had been read, in milliseconds since the start (or the last reset).
    pub at_ms: f64,
    /// The same in epoch milliseconds.
    pub unix_ms: i64,
    /// `GET`, `POST`.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// `search`, `issue`, `comment`, `serverInfo`, `robots`, `project`, `field`, `myself` or `other`.
    pub route: &'static str,
    /// Status of the reply; 0 when none was sent.
    pub status: u16,
    /// The fault that struck it.
    pub fault: Option<Fault>,
    /// Requests being answered when it came, itself included.
    pub in_flight: usize,
    /// It came although a `Retry-After` had not run out.
    pub inside_retry_after: bool,
    /// Bytes sent, headers included.
    pub bytes: u64,
    /// Milliseconds until the last bytes were sent; 0 while it is being answered.
    pub took_ms: f64,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Whether credentials came with it.
    pub credentials: bool,
}

/// Sums over all requests since the start or the last reset; requests to the
/// control endpoint are left out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Requests.
    pub requests: u64,
    /// Requests by route.
    pub by_route: BTreeMap<&'static str, u64>,
    /// Replies by status; 0 for none.
    pub by_status: BTreeMap<u16, u64>,
    /// Faults that struck.
    pub by_fault: BTreeMap<Fault, u64>,
    /// Most requests being answered at one time.
    pub max_in_flight: usize,
    /// Most requests in any second (window ends included on one side only).
    pub peak_per_second: usize,
    /// Requests that came although a `Retry-After` had not run out.
    pub inside_retry_after: u64,
    /// Identical requests beyond the first of each.
    pub repeated: u64,
    /// Bytes sent, headers included.
    pub bytes_sent: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Sessions handed out: requests that came without a session cookie.
    pub sessions: u64,
}

/// The running log.
#[derive(Debug)]
pub(crate) struct Log {
    start: Instant,
    stats: Stats,
    in_flight: usize,
    records: Vec<RequestRecord>,
    identities: HashSet<u64>,
    /// From when to when requests are held against the client.
    retry_after: Option<(Instant, Instant)>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Log {
            start: Instant::now(),
            stats: Stats::default(),
            in_flight: 0,
            records: Vec::new(),
            identities: HashSet::new(),
            retry_after: None,
        }
    }

    /// Forgets everything but the requests that are being answered.
    pub(crate) fn reset(&mut self) {
        *self = Log { in_flight: self.in_flight, ..Log::new() };
    }

    pub(crate) fn connection(&mut self) {
        self.stats.connections += 1;
    }

    pub(crate) fn session(&mut self) {
        self.stats.sessions += 1;
    }

    /// A request came; returns what [`Self::answered`] wants.
    pub(crate) fn begin(&mut self, mut record: RequestRecord, identity: u64) -> (Instant, usize) {
        let now = Instant::now();
        self.in_flight += 1;
        record.in_flight = self.in_flight;
        record.at_ms = (now - self.start).as_secs_f64() * 1000.0;
        record.unix_ms = now_ms();
        record.inside_retry_after =
            self.retry_after.is_some_and(|(from, to)| from <= now && now < to);
        let stats = &mut self.stats;
        stats.requests += 1;
        stats.max_in_flight = stats.max_in_flight.max(self.in_flight);
        stats.inside_retry_after += u64::from(record.inside_retry_after);
        stats.repeated += u64::from(!self.identities.insert(identity));
        *stats.by_route.entry(record.route).or_default() += 1;
        if self.records.len() == MAX_LOG {
            return (now, usize::MAX);
        }
        self.records.push(record);
        (now, self.records.len() - 1)
    }

    /// The last bytes of the reply are about to leave (or the connection is gone).
    pub(crate) fn answered(&mut self, begun: (Instant, usize), status: u16, fault: Option<Fault>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        *self.stats.by_status.entry(status).or_default() += 1;
        if let Some(fault) = fault {
            *self.stats.by_fault.entry(fault).or_default() += 1;
        }
        if let Some(record) = self.record(begun) {
            record.status = status;
            record.fault = fault;
            record.took_ms = begun.0.elapsed().as_secs_f64() * 1000.0;
        }
    }

    /// So many bytes went out.
    pub(crate) fn sent(&mut self, begun: (Instant, usize), bytes: u64) {
        self.stats.bytes_sent += bytes;
        if let Some(record) = self.record(begun) {
            record.bytes = bytes;
        }
    }

    /// The line of a request; after a reset there is none.
    fn record(&mut self, begun: (Instant, usize)) -> Option<&mut RequestRecord> {
        let current = begun.0 >= self.start;
        self.records.get_mut(begun.1).filter(|_| current)
    }

    /// A reply said when to come back.
    pub(crate) fn told_to_wait(&mut self, wait: Duration) {
        let now = Instant::now();
        let until = now + wait;
        let (from, to) =
            self.retry_after.filter(|(_, to)| *to > now).unwrap_or((now + ON_THEIR_WAY, until));
        self.retry_after = Some((from, to.max(until)));
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats { peak_per_second: self.peak_per_second(), ..self.stats.clone() }
    }

    pub(crate) fn records(&self) -> &[RequestRecord] {
        &self.records
    }

    fn peak_per_second(&self) -> usize {
        let mut first = 0;
        let mut peak = 0;
        for (last, record) in self.records.iter().enumerate() {
            while record.at_ms - self.records[first].at_ms >= 1000.0 {
                first += 1;
            }
            peak = peak.max(last - first + 1);
        }
        peak
    }
}
