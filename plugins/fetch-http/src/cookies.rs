//! Cookies: kept for the life of the transport, each for the origin that set it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::HeaderValue;
use url::Url;

/// A longer cookie is not kept (RFC 6265, section 6.1).
const LONGEST: usize = 4096;

/// The most bytes of cookies that go with a request: servers commonly refuse a
/// header above 8 KB (Apache's `LimitRequestFieldSize`).
const MOST_BYTES: usize = 7 << 10;

/// The most cookies of one origin (RFC 6265, section 6.1).
const MOST: usize = 50;

/// A jar for each origin (scheme, host and port): a cookie goes to nobody else,
/// whatever its `Domain` says, and no server can make requests or memory grow
/// without end. A jar that is full is emptied, which begins a new session.
#[derive(Default)]
pub(crate) struct Cookies {
    origins: Mutex<HashMap<String, Origin>>,
}

#[derive(Default)]
struct Origin {
    jar: Jar,
    /// What is in it: names and lengths.
    held: HashMap<String, usize>,
}

impl CookieStore for Cookies {
    fn set_cookies(&self, headers: &mut dyn Iterator<Item = &HeaderValue>, url: &Url) {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = origins.entry(url.origin().ascii_serialization()).or_default();
        for header in headers {
            let Ok(text) = header.to_str() else { continue };
            let cookie = text.split(';').next().unwrap_or_default();
            let Some((name, _)) = cookie.split_once('=') else { continue };
            if text.len() > LONGEST {
                continue;
            }
            let name = name.trim();
            let others = origin.held.iter().filter(|(n, _)| *n != name);
            let bytes: usize = others.clone().map(|(_, length)| length).sum();
            if bytes + cookie.len() > MOST_BYTES || others.count() >= MOST {
                *origin = Origin::default();
            }
            origin.held.insert(name.to_owned(), cookie.len() + "; ".len());
            origin.jar.set_cookies(&mut std::iter::once(header), url);
        }
    }

    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        origins.get(&url.origin().ascii_serialization())?.jar.cookies(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn set(cookies: &Cookies, from: &str, cookie: &str) {
        let header = HeaderValue::from_str(cookie).expect("a header");
        cookies.set_cookies(&mut std::iter::once(&header), &url(from));
    }

    fn sent(cookies: &Cookies, to: &str) -> String {
        let header = cookies.cookies(&url(to));
        header.map_or(String::new(), |h| h.to_str().expect("text").to_owned())
    }

    #[test]
    fn a_cookie_goes_back_to_its_origin_alone() {
        let cookies = Cookies::default();
        set(&cookies, "https://a.example.org/x", "s=1; Domain=example.org; Path=/");
        assert_eq!(sent(&cookies, "https://a.example.org/y"), "s=1");
        for other in
            ["https://b.example.org/", "https://a.example.org:8443/", "http://a.example.org/"]
        {
            assert_eq!(sent(&cookies, other), "", "{other}");
        }
        set(&cookies, "https://a.example.org/x", "s=2; Domain=example.org; Path=/");
        assert_eq!(sent(&cookies, "https://a.example.org/"), "s=2");
    }

    #[test]
    fn no_server_makes_a_jar_grow_without_end() {
        let cookies = Cookies::default();
        let from = "https://h.example/";
        set(&cookies, from, "session=first");
        set(&cookies, from, &format!("long={}", "x".repeat(5000)));
        assert_eq!(sent(&cookies, from), "session=first");
        for i in 0..1000 {
            set(&cookies, from, &format!("n{i}=v"));
            assert!(sent(&cookies, from).split("; ").count() <= MOST);
        }
        for i in 0..100 {
            set(&cookies, from, &format!("w{i}={}", "x".repeat(1000)));
            assert!(sent(&cookies, from).len() <= MOST_BYTES);
        }
        assert!(sent(&cookies, from).contains("w99="));
    }
}
