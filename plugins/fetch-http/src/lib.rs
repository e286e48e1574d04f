//! Fetch plugin `http`: requests over the network, by reqwest with rustls.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod clients;
mod cookies;
mod errors;
mod gzip;
mod transport;

use std::sync::OnceLock;

pub use transport::Http;

/// The options of `http`: none so far.
#[derive(Debug, Clone, Default, scrape_api::Deserialize, scrape_api::JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {}

scrape_api::register_fetch! {
    name: "http",
    summary: "Requests over HTTP/1.1 and HTTP/2, with TLS, compression and cookies",
    config: Config,
    example: "http:\n  transport: { type: http }",
    new: |config: Config, options: &scrape_api::FetchOptions| Http::new(config, options),
}

/// Makes ring the cryptography of the process, once; later calls do nothing.
/// [`Http`] calls it itself. A binary that does TLS of its own besides may call
/// it first thing.
pub fn install_tls() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // An error means that the binary has installed a provider of its own.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
