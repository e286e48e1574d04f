//! Writes a recording while a run goes on.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use scrape_api::{BoxFuture, Bytes, Fetch, FetchError, Request, Response};
use serde_json::Value;
use url::Url;

use super::super::address::without_credentials;
use super::super::redact::Redactor;
use super::har;
use crate::kill;

/// Headers that carry credentials or sessions, in lower case.
const LEFT_OUT: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Compression that costs little time.
const ZSTD_LEVEL: i32 = 9;

/// A transport that keeps every exchange of another in a file. Each entry is
/// flushed, so that a file that was cut anywhere is good up to there.
pub(crate) struct Recorder {
    inner: Arc<dyn Fetch>,
    path: PathBuf,
    redactor: Redactor,
    left_out: HashSet<String>,
    out: Mutex<Out>,
}

struct Out {
    file: Option<Compressed>,
    entries: u64,
    notes: Vec<Value>,
    failed: Option<String>,
}

enum Compressed {
    Not(BufWriter<File>),
    Zstd(zstd::stream::write::Encoder<'static, File>),
}

impl Recorder {
    /// Begins a recording of `inner`; a path that ends in `.zst` is compressed.
    /// `auth_header` is the name of the header with the credentials.
    pub(crate) fn create(
        path: &Path,
        inner: Arc<dyn Fetch>,
        base_url: &Url,
        auth_header: Option<&str>,
        redactor: Redactor,
    ) -> io::Result<Self> {
        let file = File::create_new(path)?;
        scrape_api::sync_folder(path.parent().unwrap_or(Path::new("")))?;
        let mut file = if path.extension().is_some_and(|e| e == "zst") {
            Compressed::Zstd(zstd::stream::write::Encoder::new(file, ZSTD_LEVEL)?)
        } else {
            Compressed::Not(BufWriter::new(file))
        };
        let head = har::Head {
            version: String::from("1.2"),
            creator: har::Creator {
                name: String::from("scrape"),
                version: String::from(env!("CARGO_PKG_VERSION")),
            },
            scrape: Some(har::HeadNote {
                base_url: redactor.redact(&without_credentials(base_url)).into_owned(),
            }),
        };
        let head = serde_json::to_string(&head)?;
        // Without its last brace, so that the entries can follow.
        let open = head.strip_suffix('}').unwrap_or(&head);
        file.write(format!("{{\"log\":{open},\"entries\":[\n").as_bytes())?;
        let left_out = LEFT_OUT
            .iter()
            .map(|name| (*name).to_owned())
            .chain(auth_header.map(str::to_ascii_lowercase))
            .collect();
        let out = Out { file: Some(file), entries: 0, notes: Vec::new(), failed: None };
        Ok(Self { inner, path: path.to_owned(), redactor, left_out, out: Mutex::new(out) })
    }

    /// Keeps a note of the engine with the next exchange.
    pub(crate) fn note(&self, note: Value) {
        self.lock().notes.push(note);
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// One sentence, also about what went wrong on the way.
    pub(crate) fn finish(&self) -> Result<(), String> {
        let mut out = self.lock();
        if let Some(file) = out.file.take()
            && let Err(e) = file.finish()
        {
            out.failed.get_or_insert_with(|| e.to_string());
        }
        match &out.failed {
            None => Ok(()),
            Some(e) => Err(format!(
                "the recording {} is not whole: {e}; it can be replayed as far as it goes",
                self.path.display()
            )),
        }
    }

    fn write(&self, entry: &mut har::Entry) {
        let mut out = self.lock();
        let out = &mut *out;
        if out.failed.is_some() {
            return;
        }
        let Some(file) = &mut out.file else { return };
        entry.notes = std::mem::take(&mut out.notes);
        let mut line = if out.entries == 0 { Vec::new() } else { b",\n".to_vec() };
        let done = serde_json::to_writer(&mut line, entry)
            .map_err(io::Error::from)
            .and_then(|()| file.write(&line));
        kill::point("recording appended");
        match done {
            Ok(()) => out.entries += 1,
            Err(e) => out.failed = Some(e.to_string()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn redact(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    fn headers(&self, headers: &[(String, String)]) -> Vec<har::Pair> {
        headers
            .iter()
            .filter(|(name, _)| !self.left_out.contains(&name.to_ascii_lowercase()))
            .map(|(name, value)| har::Pair { name: name.clone(), value: self.redact(value) })
            .collect()
    }

    fn request(&self, request: &Request) -> har::Request {
        let url = Url::parse(&request.url).ok();
        let query_string = url
            .iter()
            .flat_map(|u| u.query_pairs())
            .map(|(name, value)| har::Pair { name: name.into_owned(), value: self.redact(&value) });
        let mime = header(&request.headers, "content-type");
        har::Request {
            method: request.method.as_str().to_owned(),
            url: self.redact(&url.as_ref().map_or(request.url.clone(), without_credentials)),
            http_version: String::from("HTTP/1.1"),
            cookies: Vec::new(),
            headers: self.headers(&request.headers),
            query_string: query_string.collect(),
            post_data: request.body.as_ref().map(|body| har::PostData {
                mime_type: mime.unwrap_or("application/json").to_owned(),
                text: self.redact(&String::from_utf8_lossy(body)),
            }),
            headers_size: -1,
            body_size: size(request.body.as_ref()),
        }
    }

    fn response(&self, result: &Result<Response, FetchError>) -> har::Response {
        let none = Response::new(0, Vec::new(), Bytes::new());
        let response = result.as_ref().unwrap_or(&none);
        let mime = response.header("content-type").unwrap_or("application/octet-stream");
        har::Response {
            status: response.status,
            status_text: String::new(),
            http_version: String::from("HTTP/1.1"),
            cookies: Vec::new(),
            headers: self.headers(&response.headers),
            content: har::Content::of(&response.body, mime, |text| self.redact(text)),
            redirect_url: self.redact(response.header("location").unwrap_or_default()),
            headers_size: -1,
            body_size: size(Some(&response.body)),
        }
    }
}

impl Fetch for Recorder {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        Box::pin(async move {
            let started = SystemTime::now();
            let begun = Instant::now();
            let har_request = self.request(&request);
            let result = self.inner.fetch(request).await;
            let time = (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3;
            let started = jiff::Timestamp::try_from(started).unwrap_or_default();
            self.write(&mut har::Entry {
                started_date_time: format!("{started:.3}"),
                time,
                request: har_request,
                response: self.response(&result),
                cache: har::Empty {},
                timings: har::Timings { send: 0.0, wait: time, receive: 0.0 },
                error: result.as_ref().err().map(|e| har::Failure {
                    kind: e.kind.as_str().to_owned(),
                    message: self.redact(&e.message),
                }),
                notes: Vec::new(),
            });
            result
        })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Who cares has called it, and knows.
        let _ = self.finish();
    }
}

impl Compressed {
    /// Writes and flushes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Not(file) => file.write_all(bytes).and_then(|()| file.flush()),
            Self::Zstd(file) => file.write_all(bytes).and_then(|()| file.flush()),
        }
    }

    fn finish(mut self) -> io::Result<()> {
        self.write(b"\n]}}\n")?;
        match self {
            Self::Not(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?,
            Self::Zstd(file) => file.finish()?,
        }
        .sync_all()
    }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

fn size(body: Option<&Bytes>) -> i64 {
    body.map_or(0, |b| i64::try_from(b.len()).unwrap_or(-1))
}
