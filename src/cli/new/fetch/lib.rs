//! Fetch plugin `my_name`: answers each request with one text.
//!
//! A starting point that works: change `fetch`.

use scrape_api::{
    BoxFuture, Deserialize, Fetch, FetchError, FetchErrorKind, FetchOptions, JsonSchema,
    OptionsError, Request, Response, register_fetch,
};

/// Options of the transport: what a spec may write beside `type: my_name`. The doc comments
/// are what `list` shows.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {
    /// What every request is answered with.
    pub body: String,
}

/// Answers each request with one text.
pub struct MyName {
    config: Config,
}

impl MyName {
    /// Checks the options. No I/O here: `validate` comes here too. The second argument has
    /// the time-outs, and the folder that relative paths start at.
    pub fn new(config: Config, _options: &FetchOptions) -> Result<Self, OptionsError> {
        Ok(Self { config })
    }

    fn answer(&self, request: &Request) -> Result<Response, FetchError> {
        // A status is an answer, whatever it says; an error is that there is none. Its kind
        // decides whether the engine asks again.
        if self.config.body.len() as u64 > request.max_body {
            let message = format!("the body is longer than {} bytes", request.max_body);
            return Err(FetchError::new(FetchErrorKind::TooLarge, message));
        }
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Ok(Response::new(200, headers, self.config.body.clone()))
    }
}

impl Fetch for MyName {
    /// One request, one response. No retries, no waiting, no redirects: the engine does
    /// that. Requests come in parallel; what blocks belongs into `spawn_blocking`.
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        Box::pin(async move { self.answer(&request) })
    }
}

register_fetch! {
    name: "my_name",
    summary: "Answers each request with one text",
    config: Config,
    example: "http:\n  transport: { type: my_name, body: '{\"issues\":[],\"total\":0}' }",
    new: MyName::new,
}
