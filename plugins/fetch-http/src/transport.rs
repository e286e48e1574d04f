//! One request over the network, its body read under a cap.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use scrape_api::{
    BoxFuture, Fetch, FetchError, FetchErrorKind, FetchOptions, OptionsError, Request, Response,
};

use crate::Config;
use crate::clients::Clients;
use crate::errors::{self, Stage};

/// A response may take this many read time-outs in all: a server that sends a
/// byte now and then must not hold a permit for ever.
const SLOWEST: u32 = 20;

/// The transport. Cookies are kept for as long as it lives.
pub struct Http {
    clients: Clients,
    whole: Duration,
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
        })
    }

    async fn exchange(&self, request: Request) -> Result<Response, FetchError> {
        let url = Url::parse(&request.url).map_err(|e| unanswerable(format!("URL: {e}")))?;
        let client = self.clients.get(&url)?;
        let method = reqwest::Method::from_bytes(request.method.as_str().as_bytes())
            .map_err(|e| unanswerable(e.to_string()))?;
        let mut builder = client.request(method, url).headers(headers(&request.headers)?);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let mut response =
            builder.send().await.map_err(|e| errors::map(&e.without_url(), Stage::Headers))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let mut body = Vec::new();
        loop {
            let chunk =
                response.chunk().await.map_err(|e| errors::map(&e.without_url(), Stage::Body))?;
            let Some(chunk) = chunk else { break };
            if (body.len() + chunk.len()) as u64 > request.max_body {
                return Err(FetchError::new(
                    FetchErrorKind::TooLarge,
                    format!("the decoded body is longer than {} bytes", request.max_body),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response::new(status, headers, body))
    }
}

impl Fetch for Http {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        Box::pin(async move {
            match tokio::time::timeout(self.whole, self.exchange(request)).await {
                Ok(result) => result,
                Err(_) => Err(FetchError::new(
                    FetchErrorKind::Timeout,
                    format!("timed out: the response was not whole after {:?}", self.whole),
                )),
            }
        })
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
