//! Where a request goes: paths below the base URL, and links that replies gave.

use url::Url;

use super::call::{Call, Failure, FailureScope, Target};
use super::client::Shared;
use super::redirect::same_host;

impl Shared {
    /// The URL of a call, its query encoded.
    pub(crate) fn url(&self, call: &Call) -> Result<Url, Failure> {
        let base = self.plan.http.base_url.as_str().trim_end_matches('/');
        let text = match &call.target {
            Target::Url(url) => self.translated(url, &self.plan.http.base_url),
            Target::Path(path) if path.contains("://") => path.clone(),
            Target::Path(path) => format!("{base}/{}", path.trim_start_matches('/')),
        };
        let parsed = match self.plan.http.base_url.join(&text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
                Err(String::from("only http and https are asked"))
            }
            // A reply must not send us to whom it likes: to hosts that only we can
            // reach, for example.
            Ok(url) if !self.is_named(&url) => {
                let host = url.origin().ascii_serialization();
                return Err(self.elsewhere(call, &host));
            }
            Ok(url) => Ok(url),
            Err(e) => Err(e.to_string()),
        };
        let mut url = parsed.map_err(|e| Failure::Failed {
            scope: FailureScope::Partition,
            cause: self
                .redactor
                .redact(&format!("{}: `{text}` is no URL: {e}", call.label))
                .into_owned()
                .into(),
        })?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url.set_fragment(None);
        Ok(url)
    }

    /// Whether the spec itself names the server of a URL.
    fn is_named(&self, url: &Url) -> bool {
        same_host(&self.plan.http.base_url, url) || self.origins.contains(&url.origin())
    }

    fn elsewhere(&self, call: &Call, host: &str) -> Failure {
        let message = format!(
            "{}: the server leads to another host, {host}, which the spec does not name; if that \
             is where the data is now, correct base_url",
            call.label
        );
        Failure::Failed {
            scope: FailureScope::Partition,
            cause: self.redactor.redact(&message).into_owned().into(),
        }
    }

    /// A link that a reply to `from` gave, whole. One that leads to the server
    /// that was recorded leads to the one that is asked.
    pub(crate) fn translated(&self, link: &str, from: &Url) -> String {
        let Some(replay) = &self.replay else { return link.to_owned() };
        let recorded = replay.recorded_base();
        let Ok(url) = from.join(link) else { return link.to_owned() };
        if url.origin() != recorded.origin() {
            return link.to_owned();
        }
        let base = &self.plan.http.base_url;
        let path = match url.path().strip_prefix(recorded.path().trim_end_matches('/')) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", base.path().trim_end_matches('/'))
            }
            _ => url.path().to_owned(),
        };
        let mut to = base.clone();
        to.set_path(&path);
        to.set_query(url.query());
        to.into()
    }
}

/// A URL as messages show it: without credentials and host, not too long.
pub(crate) fn shown(url: &Url) -> String {
    let text = &url[url::Position::BeforePath..];
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A URL without the user and password that may stand in it.
pub fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // Neither can fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
