//! Transport: one request to one response. Pace, retry, breaker, authentication,
//! redirects and pagination are the engine's, over any implementation.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// A future that can be stored behind a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Request methods that a spec may use. All are used to read only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`, for searches whose query goes in the body.
    Post,
}

impl Method {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One request, complete: nothing is added to it but what the transport itself
/// needs (`Host`, `Accept-Encoding`, `Content-Length`, cookies).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Absolute URL, query included.
    pub url: String,
    /// Header names and values, in the order they are sent.
    pub headers: Vec<(String, String)>,
    /// The body of a `POST`.
    pub body: Option<Bytes>,
    /// The most bytes that a decoded body may have; a longer one is
    /// [`FetchErrorKind::TooLarge`], found while reading, not after.
    pub max_body: u64,
    /// Room in memory for the body of the response.
    pub room: Room,
}

/// Room in memory for the body of one response. All bodies in flight share one
/// budget: a transport asks for room before it keeps more of a body, and then the
/// memory of a run is bounded whatever the size of the responses. One that does
/// not ask is accounted for when the body is whole.
#[derive(Clone, Default)]
pub struct Room(Option<Arc<dyn Grant>>);

/// Gives room; the engine's part of [`Room`].
pub trait Grant: Send + Sync {
    /// Whether there is room for a body of so many bytes in all.
    fn has(&self, total: u64) -> bool;
    /// Waits until there is.
    fn grow(&self, total: u64) -> BoxFuture<'_, ()>;
}

impl Room {
    /// Room as somebody gives it; [`Room::default`] has no end.
    pub fn new(grant: Arc<dyn Grant>) -> Self {
        Self(Some(grant))
    }

    /// Whether the body may have `total` bytes in all without a wait.
    pub fn has(&self, total: u64) -> bool {
        self.0.as_ref().is_none_or(|grant| grant.has(total))
    }

    /// Waits until the body may have `total` bytes in all.
    pub async fn grow(&self, total: u64) {
        if let Some(grant) = &self.0
            && !grant.has(total)
        {
            grant.grow(total).await;
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Room")
    }
}

impl Request {
    /// A `GET` of an address, without headers and without a limit on the body.
    ///
    /// ```
    /// use scrape_api::{Method, Request};
    ///
    /// let mut request = Request::get("https://jira.example.org/rest/api/2/serverInfo");
    /// request.max_body = 1 << 20;
    /// assert_eq!(request.method, Method::Get);
    /// ```
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            max_body: u64::MAX,
            room: Room::default(),
        }
    }
}

/// One response with its whole body, content encodings undone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, and values; a name may come more than once.
    pub headers: Vec<(String, String)>,
    /// The decoded body.
    pub body: Bytes,
    /// The body as it came, where that was a single member of gzip (RFC 1952): the engine
    /// may store it so.
    pub gzip: Option<Bytes>,
}

impl Response {
    /// A response; names of headers in lower case.
    ///
    /// ```
    /// use scrape_api::Response;
    ///
    /// let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    /// let response = Response::new(200, headers, "{}");
    /// assert_eq!(response.header("Content-Type"), Some("application/json"));
    /// ```
    pub fn new(status: u16, headers: Vec<(String, String)>, body: impl Into<Bytes>) -> Self {
        Self { status, headers, body: body.into(), gzip: None }
    }

    /// The same, with the body as it came, a single member of gzip.
    #[must_use]
    pub fn with_gzip(self, packed: impl Into<Bytes>) -> Self {
        Self { gzip: Some(packed.into()), ..self }
    }

    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Why no response came. The names are those that a spec uses in
/// `on_response: [{ if: { transport: [connect, timeout] } }]`.
///
/// A status is never such a failure: 404 and 503 are responses, and the spec's
/// rules say what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// No connection: refused, no route, name not found.
    Connect,
    /// A time-out while connecting or between two reads.
    Timeout,
    /// The connection ended before the response headers were whole.
    Reset,
    /// The body is shorter than announced, or cannot be decoded.
    Truncated,
    /// The TLS handshake failed. Retried like a failed connection.
    Tls,
    /// The decoded body is longer than [`Request::max_body`].
    TooLarge,
    /// The request cannot be sent at all, or a recording has no answer to it.
    /// Never retried.
    Unanswerable,
}

impl FetchErrorKind {
    /// The name in a spec and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::Tls => "tls",
            Self::TooLarge => "too_large",
            Self::Unanswerable => "unanswerable",
        }
    }
}

/// A failure below HTTP.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct FetchError {
    /// What kind of failure, which decides what the engine does.
    pub kind: FetchErrorKind,
    /// One sentence, without secrets.
    pub message: String,
}

impl FetchError {
    /// An error of a kind, in words.
    pub fn new(kind: FetchErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// What the engine tells a transport when it makes one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FetchOptions {
    /// Time to establish a connection, TLS included.
    pub connect_timeout: Duration,
    /// Time without a byte of the response before it counts as hung.
    pub read_timeout: Duration,
    /// The folder of the spec: relative paths in the plugin's options start here.
    pub folder: PathBuf,
}

impl FetchOptions {
    /// Time-outs, and the current folder.
    pub fn new(connect_timeout: Duration, read_timeout: Duration) -> Self {
        Self { connect_timeout, read_timeout, folder: PathBuf::new() }
    }
}

/// A transport: request in, response out.
///
/// It does not retry, follow redirects or wait; it undoes content encodings,
/// keeps cookies, and stops reading at [`Request::max_body`]. Requests come in
/// parallel, from the tasks of a tokio runtime: what blocks belongs into
/// `tokio::task::spawn_blocking`.
///
/// ```
/// use scrape_api::{BoxFuture, Fetch, FetchError, Request, Response};
///
/// /// Answers each request with its own address, which is enough for a test.
/// struct Echo;
///
/// impl Fetch for Echo {
///     fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
///         let body = format!("{{\"url\":{:?}}}", request.url);
///         Box::pin(async move { Ok(Response::new(200, Vec::new(), body)) })
///     }
/// }
/// ```
pub trait Fetch: Send + Sync {
    /// Sends one request and reads the whole response.
    ///
    /// Dropping the future abandons the request.
    ///
    /// # Errors
    /// When there is no whole response; the kind decides whether the engine tries
    /// again. The message is one sentence without secrets: no values of headers.
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>>;
}
