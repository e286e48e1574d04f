//! One request over the network, its body read under a cap.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
};
use scrape_api::{
    BoxFuture, Fetch, FetchError, FetchErrorKind, FetchOptions, OptionsError, Request, Response,
};
use tokio::time::Instant;

use crate::Config;
use crate::clients::Clients;
use crate::errors::{self, Stage};
use crate::gzip;

/// A response may take this many read time-outs in all: a server that sends a
/// byte now and then must not hold a permit for ever.
const SLOWEST: u32 = 20;

/// What is undone: gzip here, the others by reqwest.
const ENCODINGS: HeaderValue = HeaderValue::from_static("gzip, br, zstd");

/// The most memory that a body is given before it comes.
const MOST_EXPECTED: usize = 4 << 20;

/// The transport. Cookies are kept for as long as it lives.
pub struct Http {
    clients: Clients,
    whole: Duration,
    /// The length of the last body.
    last: AtomicUsize,
}

impl Http {
    /// A transport; it does no I/O before the first request.
    ///
    /// # Errors
    /// None so far; the signature is that of every plugin.
    pub fn new(_config: Config, options: &FetchOptions) -> Result<Self, OptionsError> {
        Ok(Self {
            clients: Clients::new(options.connect_timeout, options.read_timeout),
            whole: options.read_timeout.saturating_mul(SLOWEST),
            last: AtomicUsize::new(0),
        })
    }

    /// How much memory a body is given at first: bodies are alike, and one that is
    /// moved each time it has grown costs as much as one that is decoded twice.
    fn expected(&self, announced: Option<u64>) -> usize {
        let announced = announced.and_then(|length| usize::try_from(length).ok());
        let last = self.last.load(Relaxed);
        announced.unwrap_or(last + last / 16).min(MOST_EXPECTED)
    }

    fn too_slow(&self) -> FetchError {
        FetchError::new(
            FetchErrorKind::Timeout,
            format!("timed out: the response was not whole after {:?}", self.whole),
        )
    }

    async fn exchange(&self, request: Request) -> Result<Response, FetchError> {
        let url = Url::parse(&request.url).map_err(|e| unanswerable(format!("URL: {e}")))?;
        let client = self.clients.get(&url)?;
        let method = reqwest::Method::from_bytes(request.method.as_str().as_bytes())
            .map_err(|e| unanswerable(e.to_string()))?;
        let mut headers = headers(&request.headers)?;
        headers.entry(ACCEPT_ENCODING).or_insert(ENCODINGS);
        let mut builder = client.request(method, url).headers(headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let mut end = pin!(tokio::time::sleep(self.whole));
        let mut response = tokio::select! {
            biased;
            sent = builder.send() => sent.map_err(|e| errors::map(&e.without_url(), Stage::Headers))?,
            () = &mut end => return Err(self.too_slow()),
        };
        let status = response.status().as_u16();
        let is_gzip = response.headers().get(CONTENT_ENCODING).is_some_and(|is| *is == "gzip");
        // They say what came, not what is given on.
        let is_undone = |name: &HeaderName| *name == CONTENT_ENCODING || *name == CONTENT_LENGTH;
        let headers = response
            .headers()
            .iter()
            .filter(|(name, _)| !(is_gzip && is_undone(name)))
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let expected = self.expected(response.content_length());
        let mut body = Vec::new();
        loop {
            let chunk = tokio::select! {
                biased;
                chunk = response.chunk() => chunk.map_err(|e| errors::map(&e.without_url(), Stage::Body))?,
                () = &mut end => return Err(self.too_slow()),
            };
            let Some(chunk) = chunk else { break };
            if (body.len() + chunk.len()) as u64 > request.max_body {
                return Err(errors::too_large(request.max_body));
            }
            let length = body.len() + chunk.len();
            if !request.room.has(length as u64) {
                let asked = Instant::now();
                request.room.grow(length as u64).await;
                // The server is not to blame for this wait.
                let later = end.deadline() + asked.elapsed();
                end.as_mut().reset(later);
            }
            if length > body.capacity() {
                // A quarter more: doubling would take twice what is needed.
                let more = if body.is_empty() { expected } else { body.len() / 4 };
                body.reserve_exact(more.max(chunk.len()));
            }
            body.extend_from_slice(&chunk);
        }
        self.last.store(body.len(), Relaxed);
        let mut packed = None;
        if is_gzip {
            (body, packed) = gzip::undo(body, request.max_body, &request.room).await?;
        }
        let response = Response::new(status, headers, body);
        Ok(match packed {
            Some(packed) => response.with_gzip(packed),
            None => response,
        })
    }
}

impl Fetch for Http {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        Box::pin(self.exchange(request))
    }
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, FetchError> {
    let mut map = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| unanswerable(format!("`{name}` is not a header name")))?;
        // The value may be a secret: it is not shown.
        let value = HeaderValue::from_str(value).map_err(|_| {
            unanswerable(format!(
                "the value of the header {name} has characters that a header cannot have"
            ))
        })?;
        map.append(key, value);
    }
    Ok(map)
}

fn unanswerable(message: String) -> FetchError {
    FetchError::new(FetchErrorKind::Unanswerable, message)
}
