//! Fetch plugin `file`: answers from the files of a folder, so that a dump on disk
//! is read with a spec like any server.
//!
//! The path of a request's URL names a file below the folder; host and port mean
//! nothing. A file in JSON Lines (`.jsonl`, `.ndjson`) is answered as a page
//! `{"total": …, "offset": …, "items": […]}` of the lines that the query parameters
//! `offset` and `limit` name, any other file as it is. A file that is not there is a
//! 404, as it is with servers: the spec's rules say what that means.

mod lines;

use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use scrape_api::{
    BoxFuture, Deserialize, Fetch, FetchError, FetchErrorKind, FetchOptions, JsonSchema,
    OptionsError, Request, Response, register_fetch,
};
use url::Url;

use lines::Lines;

/// Options of the transport.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {
    /// The folder with the files, relative to the folder of the spec.
    pub root: PathBuf,
}

/// Answers from the files of a folder.
pub struct Files {
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    /// Where the lines of files begin: found once, since pages come one by one.
    lines: Mutex<HashMap<PathBuf, Arc<Lines>>>,
}

impl Files {
    /// Remembers the folder. No I/O: it need not be there for `scrape validate`.
    ///
    /// # Errors
    /// When no folder is named.
    pub fn new(config: Config, options: &FetchOptions) -> Result<Self, OptionsError> {
        if config.root.as_os_str().is_empty() {
            return Err(OptionsError::at("root", "name a folder"));
        }
        let root = options.folder.join(config.root);
        Ok(Self { shared: Arc::new(Shared { root, lines: Mutex::default() }) })
    }
}

impl Fetch for Files {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        let shared = self.shared.clone();
        // Reading files blocks, and this future runs beside many others.
        let answer = tokio::task::spawn_blocking(move || shared.answer(&request));
        Box::pin(async move { answer.await.map_err(|e| unanswerable(e.to_string()))? })
    }
}

impl Shared {
    fn answer(&self, request: &Request) -> Result<Response, FetchError> {
        let url = Url::parse(&request.url).map_err(|e| unanswerable(format!("URL: {e}")))?;
        let relative = relative(&url)?;
        let path = self.root.join(&relative);
        let body = if is_lines(&path) {
            self.page(&path, &url, request.max_body)
        } else {
            whole(&path, request.max_body)
        };
        let kind = match path.extension().and_then(|e| e.to_str()) {
            Some("json" | "jsonl" | "ndjson") => "application/json",
            _ => "application/octet-stream",
        };
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        match body {
            Ok(body) => Ok(Response::new(200, headers, body)),
            Err(Trouble::TooLarge) => Err(FetchError::new(
                FetchErrorKind::TooLarge,
                format!("{} is longer than {} bytes", relative.display(), request.max_body),
            )),
            Err(Trouble::Io(e)) if e.kind() == io::ErrorKind::NotFound => {
                Ok(Response::new(404, Vec::new(), format!("there is no {}", path.display())))
            }
            Err(Trouble::Io(e)) if e.kind() == io::ErrorKind::InvalidInput => {
                Err(unanswerable(format!("{} is no path of a file", url.path())))
            }
            // Reading again may help where a disk is on a network.
            Err(Trouble::Io(e)) => Err(FetchError::new(
                FetchErrorKind::Reset,
                format!("{} cannot be read: {e}", path.display()),
            )),
        }
    }

    fn page(&self, path: &Path, url: &Url, max_body: u64) -> Result<Vec<u8>, Trouble> {
        let number = |name: &str| {
            let given = url.query_pairs().find(|(n, _)| n == name);
            given.and_then(|(_, value)| value.parse::<usize>().ok())
        };
        let known = self.lines.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let lines = match known {
            Some(lines) => lines,
            None => {
                let found = Arc::new(Lines::of(path)?);
                let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
                all.entry(path.to_owned()).or_insert(found).clone()
            }
        };
        lines.page(path, number("offset").unwrap_or(0), number("limit"), max_body)
    }
}

/// Why there is no body.
enum Trouble {
    TooLarge,
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn whole(path: &Path, max_body: u64) -> Result<Vec<u8>, Trouble> {
    let found = std::fs::metadata(path)?;
    if found.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotFound).into());
    }
    if found.len() > max_body {
        return Err(Trouble::TooLarge);
    }
    Ok(std::fs::read(path)?)
}

fn is_lines(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "jsonl" || e == "ndjson")
}

/// The path of a URL as one below the folder. `..` is gone from a parsed URL, but
/// for one that is hidden behind `%2F`.
fn relative(url: &Url) -> Result<PathBuf, FetchError> {
    let path = Url::parse(&format!("file://{}", url.path()))
        .ok()
        .and_then(|file| file.to_file_path().ok())
        .ok_or_else(|| unanswerable(format!("{} is no path of a file", url.path())))?;
    let below: PathBuf = path.components().skip(1).collect();
    if below.components().all(|part| matches!(part, Component::Normal(_))) {
        Ok(below)
    } else {
        Err(unanswerable(format!("{} leaves the folder", url.path())))
    }
}

fn unanswerable(message: String) -> FetchError {
    FetchError::new(FetchErrorKind::Unanswerable, message)
}

register_fetch! {
    name: "file",
    summary: "Answers from the files of a folder; JSON Lines page by page",
    config: Config,
    example: "http:\n  transport: { type: file, root: dump }",
    new: Files::new,
}
