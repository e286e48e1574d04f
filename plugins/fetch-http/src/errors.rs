//! What reqwest reports, as the kinds that the engine decides by.

use std::error::Error;
use std::io;

use scrape_api::{FetchError, FetchErrorKind};

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Until the response headers were whole.
    Headers,
    /// While its body was read.
    Body,
}

/// The engine's error for one of reqwest's.
pub(crate) fn map(error: &reqwest::Error, stage: Stage) -> FetchError {
    let kind = kind(error, stage);
    FetchError::new(kind, format!("{}: {}", lead(kind), words(error)))
}

/// A body that is longer than a request takes.
pub(crate) fn too_large(most: u64) -> FetchError {
    FetchError::new(
        FetchErrorKind::TooLarge,
        format!("the decoded body is longer than {most} bytes"),
    )
}

/// How the message of an error begins.
pub(crate) fn lead(kind: FetchErrorKind) -> &'static str {
    match kind {
        FetchErrorKind::Connect => "no connection",
        FetchErrorKind::Timeout => "timed out",
        FetchErrorKind::Reset => "the connection ended before the response",
        FetchErrorKind::Truncated => "the response ended early or cannot be decoded",
        FetchErrorKind::Tls => "the TLS handshake failed",
        FetchErrorKind::TooLarge => "the response is too large",
        FetchErrorKind::Unanswerable => "the request cannot be sent",
        _ => "no response",
    }
}

fn kind(error: &reqwest::Error, stage: Stage) -> FetchErrorKind {
    if error.is_builder() {
        return FetchErrorKind::Unanswerable;
    }
    if error.is_timeout() || chain(error).any(is_io_timeout) {
        return FetchErrorKind::Timeout;
    }
    if error.is_connect() {
        return if chain(error).any(is_tls) {
            FetchErrorKind::Tls
        } else {
            FetchErrorKind::Connect
        };
    }
    match stage {
        Stage::Headers => FetchErrorKind::Reset,
        Stage::Body => FetchErrorKind::Truncated,
    }
}

/// The causes of an error, itself first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |e| cause(*e))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        // The error inside an I/O error is not its `source`.
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

fn is_io_timeout(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::TimedOut)
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    error.is::<rustls::Error>()
}

/// The last two causes: what reqwest and hyper say about an error in general
/// helps nobody.
pub(crate) fn words(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in chain(error) {
        let text = cause.to_string();
        if said.last() != Some(&text) {
            said.push(text);
        }
    }
    let keep = said.len().saturating_sub(2).max(usize::from(said.len() > 1));
    let mut text = said.split_off(keep).join(": ");
    if text.is_empty() {
        text.push_str("unknown error");
    }
    text
}
