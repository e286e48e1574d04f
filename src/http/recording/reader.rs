//! Answers requests from a recording.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use scrape_api::{BoxFuture, Bytes, Fetch, FetchError, FetchErrorKind, Request, Response};
use serde_json::Value;
use url::Url;

use super::har;
use super::key::Key;
use super::scan::scan;

/// A transport that answers from a file. Kept in memory are the places of the
/// entries, not their bodies.
pub(crate) struct Replay {
    path: PathBuf,
    file: Mutex<File>,
    base_url: Url,
    recorded_base: Url,
    index: Mutex<HashMap<Key, Replies>>,
    notes: Vec<Value>,
}

/// The replies to one request, in the order in which they came.
#[derive(Default)]
struct Replies {
    places: Vec<(u64, usize)>,
    next: usize,
}

impl Replay {
    /// Opens a recording to answer for a server at `base_url`, which need not be
    /// the one that was recorded.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn open(path: &Path, base_url: &Url) -> Result<Self, String> {
        Self::read(path, base_url)
            .map_err(|e| format!("the recording {} cannot be read: {e}", path.display()))
    }

    fn read(path: &Path, base_url: &Url) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut magic = [0; 4];
        let length = file.read(&mut magic)?;
        file.rewind()?;
        // The magic number of a zstd frame, RFC 8878.
        if magic[..length] == [0x28, 0xb5, 0x2f, 0xfd] {
            file = decompressed(file)?;
        }
        let mut places: Vec<(har::Outline, u64, usize)> = Vec::new();
        let scanned = scan(BufReader::with_capacity(1 << 16, &file), |at, text| {
            let outline = serde_json::from_slice(text).map_err(|e| {
                io::Error::new(io::ErrorKind::InvalidData, format!("entry at byte {at}: {e}"))
            })?;
            places.push((outline, at, text.len()));
            Ok(())
        })?;
        let recorded_base = recorded_base(&scanned.head).unwrap_or_else(|| base_url.clone());
        let mut index: HashMap<Key, Replies> = HashMap::new();
        let mut notes = Vec::new();
        for (outline, at, length) in places {
            let har::RequestOutline { method, url, post_data } = outline.request;
            let url = Url::parse(&url).map_err(|e| {
                io::Error::new(io::ErrorKind::InvalidData, format!("entry at byte {at}: {e}"))
            })?;
            let body = post_data.as_ref().map(|data| data.text.as_bytes());
            let key = Key::new(&method, &url, &[&recorded_base], body);
            index.entry(key).or_default().places.push((at, length));
            notes.extend(outline.notes);
        }
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            base_url: base_url.clone(),
            recorded_base,
            index: Mutex::new(index),
            notes,
        })
    }

    /// The base URL of the server that was recorded.
    pub(crate) fn recorded_base(&self) -> &Url {
        &self.recorded_base
    }

    /// The engine's notes, in order.
    pub(crate) fn notes(&self) -> &[Value] {
        &self.notes
    }

    /// The next reply to a request.
    pub(crate) fn answer(&self, request: &Request) -> Result<Response, FetchError> {
        let url = Url::parse(&request.url).map_err(|e| self.error(format!("URL: {e}")))?;
        let bases = [&self.base_url, &self.recorded_base];
        let key = Key::new(request.method.as_str(), &url, &bases, request.body.as_deref());
        let place = {
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            match index.get_mut(&key) {
                Some(replies) => {
                    let at = replies.next.min(replies.places.len() - 1);
                    replies.next += 1;
                    replies.places[at]
                }
                None if key.is_robots() => {
                    return Ok(Response::new(404, Vec::new(), Bytes::new()));
                }
                None => {
                    let nearest = key.nearest(index.keys()).map(|(nearest, how)| {
                        format!("; the nearest request in it is {nearest}{how}")
                    });
                    return Err(self.error(format!(
                        "the recording {} has no answer to {key}{}",
                        self.path.display(),
                        nearest.unwrap_or_default()
                    )));
                }
            }
        };
        self.load(place).map_err(|e| {
            self.error(format!("the recording {} cannot be read: {e}", self.path.display()))
        })?
    }

    fn load(&self, (at, length): (u64, usize)) -> io::Result<Result<Response, FetchError>> {
        let mut text = vec![0; length];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut text)?;
        }
        let entry: har::Entry = serde_json::from_slice(&text)?;
        if let Some(error) = entry.error {
            return Ok(Err(FetchError::new(kind(&error.kind), error.message)));
        }
        let har::Response { status, headers, content, .. } = entry.response;
        let body = content.bytes().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("entry at byte {at}: no base64"))
        })?;
        let headers = headers.into_iter().map(|h| (h.name.to_ascii_lowercase(), h.value)).collect();
        Ok(Ok(Response::new(status, headers, body)))
    }

    fn error(&self, message: String) -> FetchError {
        FetchError::new(FetchErrorKind::Unanswerable, message)
    }
}

impl Fetch for Replay {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        Box::pin(async move { self.answer(&request) })
    }
}

/// The base URL that the head of a file names: that of a foreign HAR names none.
fn recorded_base(head: &[u8]) -> Option<Url> {
    #[derive(serde::Deserialize)]
    struct Document {
        log: har::Head,
    }
    let text = [head, b"]}}"].concat();
    let document: Document = serde_json::from_slice(&text).ok()?;
    Url::parse(&document.log.scrape?.base_url).ok()
}

/// A compressed recording, written out to a file that is gone when it is closed;
/// as far as it goes, should it be cut.
fn decompressed(file: File) -> io::Result<File> {
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    let mut plain = temporary_file()?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => plain.write_all(&buffer[..length])?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // Cut: what came before is good.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(e) => return Err(e),
        }
    }
    plain.rewind()?;
    Ok(plain)
}

fn temporary_file() -> io::Result<File> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Relaxed);
        let name = format!("scrape-replay-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                // Where an open file cannot be removed it stays for the system.
                let _ = fs::remove_file(&path);
                return Ok(file);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

fn kind(name: &str) -> FetchErrorKind {
    use FetchErrorKind::{Connect, Reset, Timeout, Tls, TooLarge, Truncated, Unanswerable};
    [Connect, Timeout, Reset, Truncated, Tls, TooLarge]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .unwrap_or(Unanswerable)
}
