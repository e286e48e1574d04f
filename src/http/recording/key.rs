//! What an exchange is found again by.

use url::Url;
use xxhash_rust::xxh3::xxh3_64;

/// Method, place, query and body of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    method: String,
    /// The path from the base URL; for what does not lie below it, from the
    /// origin (then without a leading `.`), else the whole URL.
    path: String,
    /// Decoded and sorted.
    query: Vec<(String, String)>,
    body: Option<u64>,
}

impl Key {
    /// The key of a request, as one of a server at the first base below which it
    /// lies.
    pub(crate) fn new(method: &str, url: &Url, bases: &[&Url], body: Option<&[u8]>) -> Self {
        let mut query: Vec<(String, String)> =
            url.query_pairs().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        query.sort();
        let path = bases
            .iter()
            .find_map(|base| relative(url, base))
            .unwrap_or_else(|| url[..url::Position::AfterPath].to_owned());
        let body = body.filter(|b| !b.is_empty()).map(xxh3_64);
        Self { method: method.to_owned(), path, query, body }
    }

    /// Whether it is that of a host's robots.txt.
    pub(crate) fn is_robots(&self) -> bool {
        self.path == "/robots.txt"
    }

    /// The one of `others` that is most like it, and how they differ.
    pub(crate) fn nearest<'k>(
        &self,
        others: impl Iterator<Item = &'k Key> + Clone,
    ) -> Option<(&'k Key, String)> {
        let same_path = others.clone().filter(|k| k.path == self.path && k.method == self.method);
        if let Some(key) = same_path.min_by_key(|key| self.differences(key).len()) {
            let mut names = self.differences(key);
            if self.body != key.body {
                names.push("the body");
            }
            return Some((key, format!(", which differs in {}", names.join(", "))));
        }
        let like = |key: &Key| (strsim::jaro_winkler(&self.path, &key.path) * 1e6) as u64;
        others.max_by_key(|key| like(key)).map(|key| (key, String::new()))
    }

    /// The names of parameters that are not the same.
    fn differences<'k>(&'k self, other: &'k Key) -> Vec<&'k str> {
        let only = |a: &'k Key, b: &'k Key| {
            a.query.iter().filter(|pair| !b.query.contains(pair)).map(|(name, _)| name.as_str())
        };
        let mut names: Vec<&str> = only(self, other).chain(only(other, self)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path.trim_start_matches('.'))?;
        for (i, (name, value)) in self.query.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

fn relative(url: &Url, base: &Url) -> Option<String> {
    if url.origin() != base.origin() {
        return None;
    }
    let path = url.path();
    if path == "/robots.txt" {
        return Some(path.to_owned());
    }
    match path.strip_prefix(base.path().trim_end_matches('/')) {
        Some(rest) if rest.starts_with('/') => Some(format!(".{rest}")),
        Some("") => Some(String::from("./")),
        _ => Some(path.to_owned()),
    }
}
