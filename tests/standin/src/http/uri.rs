//! Percent-encoding of paths and queries.

/// `text` with `%XX` decoded; what is not valid UTF-8 afterwards is replaced.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut pos = 0;
    while pos < bytes.len() {
        let hex = text.get(pos + 1..pos + 3).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (bytes[pos], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                pos += 3;
                continue;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        pos += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The parameters of a query string in their order, decoded.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (percent_decode(name, true), percent_decode(value, true))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_queries() {
        let query = parse_query("jql=project+%3D+%22A%22&x&y=%C3%A9%zz&");
        let want = [("jql", "project = \"A\""), ("x", ""), ("y", "é%zz")];
        assert_eq!(query, want.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
