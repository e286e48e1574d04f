//! The plugins that are linked into this binary: one line each. A crate that is
//! named nowhere in code is dropped by the linker without a word.

#[cfg(feature = "fetch-http")]
use scrape_fetch_http as _;
#[cfg(feature = "sink-jsonl")]
use scrape_sink_jsonl as _;
#[cfg(feature = "sink-stdout")]
use scrape_sink_stdout as _;
#[cfg(feature = "transform-jira-markup")]
use scrape_transform_jira_markup as _;
#[cfg(feature = "transform-normalize-text")]
use scrape_transform_normalize_text as _;
