//! The reqwest clients behind the transport, made when first needed.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Certificate, Client, redirect};
use scrape_api::{FetchError, FetchErrorKind};
use url::{Host, Url};

use crate::cookies::Cookies;

/// Two clients: one for loopback, which never goes through a proxy, and one for
/// everything else, which uses the system's proxy settings.
pub(crate) struct Clients {
    connect_timeout: Duration,
    read_timeout: Duration,
    cookies: Arc<Cookies>,
    loopback: OnceLock<Result<Client, String>>,
    loopback_tls: OnceLock<Result<Client, String>>,
    outside: OnceLock<Result<Client, String>>,
}

impl Clients {
    pub(crate) fn new(connect_timeout: Duration, read_timeout: Duration) -> Self {
        Self {
            connect_timeout,
            read_timeout,
            cookies: Arc::default(),
            loopback: OnceLock::new(),
            loopback_tls: OnceLock::new(),
            outside: OnceLock::new(),
        }
    }

    /// The client for a URL.
    pub(crate) fn get(&self, url: &Url) -> Result<&Client, FetchError> {
        let plain = url.scheme() == "http";
        let made = match (is_loopback(url), plain) {
            (true, true) => self.loopback.get_or_init(|| self.make(true, false)),
            (true, false) => self.loopback_tls.get_or_init(|| self.make(true, true)),
            (false, plain) => self.outside.get_or_init(|| match self.make(false, true) {
                // A machine without root certificates can still speak plain HTTP.
                Err(_) if plain => self.make(false, false),
                made => made,
            }),
        };
        made.as_ref().map_err(|message| {
            FetchError::new(
                FetchErrorKind::Unanswerable,
                format!("the HTTP client cannot be set up: {message}"),
            )
        })
    }

    /// `tls` says whether the system's root certificates are loaded.
    fn make(&self, direct: bool, tls: bool) -> Result<Client, String> {
        crate::install_tls();
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .cookie_provider(self.cookies.clone())
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout)
            .tcp_nodelay(true)
            // A server may close an idle connection at any time; one that was
            // idle for long is not worth the risk of a reset.
            .pool_idle_timeout(Duration::from_secs(30));
        if direct {
            builder = builder.no_proxy();
        }
        if !tls {
            builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
        }
        builder.build().map_err(|e| crate::errors::words(&e))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}
