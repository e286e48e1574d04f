//! The parts of HAR 1.2 that are written and read.
//!
//! A file is one JSON document with one entry a line. Fields that HAR does not
//! know begin with `_`, as it asks for: the log's `_scrape` holds the base URL, an
//! entry's `_scrape` the engine's notes, and `_error` says why no response came.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What stands before the first entry.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) version: String,
    pub(crate) creator: Creator,
    #[serde(rename = "_scrape", default, skip_serializing_if = "Option::is_none")]
    pub(crate) scrape: Option<HeadNote>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Creator {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeadNote {
    pub(crate) base_url: String,
}

/// One exchange.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    #[serde(default)]
    pub(crate) started_date_time: String,
    #[serde(default)]
    pub(crate) time: f64,
    pub(crate) request: Request,
    pub(crate) response: Response,
    #[serde(default)]
    pub(crate) cache: Empty,
    #[serde(default)]
    pub(crate) timings: Timings,
    #[serde(rename = "_error", default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Failure>,
    #[serde(rename = "_scrape", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<Value>,
}

/// What an index needs of an entry.
#[derive(Debug, Deserialize)]
pub(crate) struct Outline {
    pub(crate) request: RequestOutline,
    #[serde(rename = "_scrape", default)]
    pub(crate) notes: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestOutline {
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) post_data: Option<PostData>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Empty {}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Timings {
    pub(crate) send: f64,
    pub(crate) wait: f64,
    pub(crate) receive: f64,
}

/// Why there is no response.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) message: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) http_version: String,
    #[serde(default)]
    pub(crate) cookies: Vec<Value>,
    #[serde(default)]
    pub(crate) headers: Vec<Pair>,
    #[serde(default)]
    pub(crate) query_string: Vec<Pair>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) post_data: Option<PostData>,
    #[serde(default)]
    pub(crate) headers_size: i64,
    #[serde(default)]
    pub(crate) body_size: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PostData {
    #[serde(default)]
    pub(crate) mime_type: String,
    #[serde(default)]
    pub(crate) text: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) status_text: String,
    #[serde(default)]
    pub(crate) http_version: String,
    #[serde(default)]
    pub(crate) cookies: Vec<Value>,
    #[serde(default)]
    pub(crate) headers: Vec<Pair>,
    pub(crate) content: Content,
    #[serde(rename = "redirectURL", default)]
    pub(crate) redirect_url: String,
    #[serde(default)]
    pub(crate) headers_size: i64,
    #[serde(default)]
    pub(crate) body_size: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Content {
    #[serde(default)]
    pub(crate) size: i64,
    #[serde(default)]
    pub(crate) mime_type: String,
    #[serde(default)]
    pub(crate) text: String,
    /// `base64` where the body is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encoding: Option<String>,
}

impl Content {
    /// A body as a recording holds it.
    pub(crate) fn of(body: &[u8], mime_type: &str, redact: impl Fn(&str) -> String) -> Self {
        let lossy = String::from_utf8_lossy(body);
        let redacted = redact(&lossy);
        let (text, encoding) = match &lossy {
            // A body that is no text but holds a secret is not worth keeping whole.
            Cow::Owned(text) if *text == redacted => {
                (STANDARD.encode(body), Some(String::from("base64")))
            }
            _ => (redacted, None),
        };
        let size = i64::try_from(body.len()).unwrap_or(-1);
        Self { size, mime_type: mime_type.to_owned(), text, encoding }
    }

    /// The body; `None` where it says base64 and is not.
    pub(crate) fn bytes(self) -> Option<Vec<u8>> {
        match self.encoding.as_deref() {
            Some("base64") => STANDARD.decode(&self.text).ok(),
            _ => Some(self.text.into_bytes()),
        }
    }
}
