//! Bytes of servers and of recordings.

use scrape_api::{Bytes, Request};
use serde_json::Value;
use url::Url;

use super::recording::Replay;
use super::repair::repair as mend;
use crate::fuzz::with_file;

/// A body that is mended is text, is not mended twice, and is as it was where there
/// was nothing to mend.
///
/// # Panics
/// Where it finds a mistake.
pub fn repair(data: &[u8]) {
    let once = mend(&Bytes::copy_from_slice(data));
    assert!(std::str::from_utf8(&once.body).is_ok(), "no UTF-8");
    let twice = mend(&once.body);
    assert_eq!(twice.mended, 0, "mended twice");
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        assert_eq!(once.mended, 0, "what was whole is mended");
        assert_eq!(serde_json::from_slice::<Value>(&once.body).ok(), Some(value));
    }
}

/// A recording, opened and asked.
///
/// # Panics
/// Where it finds a mistake.
pub fn recording(data: &[u8]) {
    with_file("recording.har", data, |file| {
        let base = Url::parse("http://h.example/jira").expect("a URL");
        let Ok(replay) = Replay::open(file, &base) else { return };
        replay.notes();
        for path in ["", "rest/api/2/search?jql=x&startAt=0", "robots.txt"] {
            let request = Request::get(format!("{}/{path}", replay.recorded_base()));
            // What it answers, or that it has no answer, is all the same.
            let _ = replay.answer(&request);
        }
    });
}
