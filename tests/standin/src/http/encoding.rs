//! Content encodings: which one a reply gets, and the compressing.

use std::io::Write;
use std::str::FromStr;

use crate::config::ConfigError;

/// Bodies shorter than this many bytes are sent as they are, as servers commonly do.
const MIN_LEN: usize = 860;

/// Which content encodings the server is willing to use, the preferred one first.
///
/// ```
/// # use scrape_standin::Encodings;
/// let encodings: Encodings = "zstd,gzip".parse().unwrap();
/// assert_eq!(encodings.to_string(), "zstd,gzip");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encodings(Vec<&'static str>);

const KNOWN: [&str; 3] = ["gzip", "br", "zstd"];

impl Default for Encodings {
    /// gzip before br before zstd: a client that accepts all gets gzip, as from Jira.
    fn default() -> Self {
        Encodings(KNOWN.to_vec())
    }
}

impl FromStr for Encodings {
    type Err = ConfigError;

    /// A comma list of `gzip`, `br` and `zstd`; `identity` for none.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text == "identity" {
            return Ok(Encodings(Vec::new()));
        }
        text.split(',')
            .map(|name| KNOWN.into_iter().find(|k| *k == name.trim()))
            .collect::<Option<Vec<_>>>()
            .map(Encodings)
            .ok_or_else(|| {
                ConfigError(format!("`{text}` is not a list of gzip, br and zstd, nor `identity`"))
            })
    }
}

impl std::fmt::Display for Encodings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&if self.0.is_empty() { "identity".to_owned() } else { self.0.join(",") })
    }
}

impl Encodings {
    /// The encoding for a client that sent this `Accept-Encoding`: its highest
    /// quality, our order among equals.
    fn choose(&self, accept: &str) -> Option<&'static str> {
        let quality = |name: &str| {
            accept.split(',').find_map(|item| {
                let mut parts = item.split(';').map(str::trim);
                let matches =
                    parts.next().is_some_and(|n| n.eq_ignore_ascii_case(name) || n == "*");
                let q = parts
                    .find_map(|p| p.strip_prefix("q="))
                    .map_or(Some(1.0), |q| q.parse::<f32>().ok());
                q.filter(|_| matches)
            })
        };
        let mut best: Option<(&'static str, f32)> = None;
        for name in &self.0 {
            let q = quality(name).unwrap_or(0.0);
            if q > 0.0 && best.is_none_or(|(_, other)| q > other) {
                best = Some((name, q));
            }
        }
        best.map(|(name, _)| name)
    }
}

/// `body` compressed for a client that sent this `Accept-Encoding`, with the
/// encoding's name; `None` when it is to be sent as it is. Always the fastest level.
pub(crate) fn compress(
    encodings: &Encodings,
    accept: &str,
    body: &[u8],
) -> Option<(&'static str, Vec<u8>)> {
    if body.len() < MIN_LEN {
        return None;
    }
    let name = encodings.choose(accept)?;
    let packed = match name {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(
                Vec::with_capacity(body.len() / 4),
                flate2::Compression::fast(),
            );
            encoder.write_all(body).ok()?;
            encoder.finish().ok()?
        }
        "br" => {
            let mut encoder =
                brotli::CompressorWriter::new(Vec::with_capacity(body.len() / 4), 64 << 10, 1, 20);
            encoder.write_all(body).ok()?;
            encoder.into_inner()
        }
        _ => zstd::bulk::compress(body, 1).ok()?,
    };
    Some((name, packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_quality_comes_before_our_order() {
        let all = Encodings::default();
        assert_eq!(all.choose("gzip, br, zstd"), Some("gzip"));
        assert_eq!(all.choose("gzip;q=0.5, zstd"), Some("zstd"));
        assert_eq!(all.choose("identity"), None);
        assert_eq!(all.choose("gzip;q=0"), None);
        assert_eq!(all.choose("*"), Some("gzip"));
        assert_eq!("br".parse::<Encodings>().expect("known").choose("gzip, br"), Some("br"));
        assert!("deflate".parse::<Encodings>().is_err());
    }
}
